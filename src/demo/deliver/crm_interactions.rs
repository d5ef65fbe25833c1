//! The CRM's contacts: NDJSON, a file a day with what was opened or changed on it.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

use crate::error::Result;

use super::super::Shop;
use super::super::contacts::{FURTHER_NUMBERS, Interaction};
use super::super::files::Landing;
use super::super::people::customer_id;
use super::super::random::{Purpose, Random};

/// Writes all contacts.
pub(super) fn write(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut random = Random::new(Purpose::InteractionFiles);
    // The last day's file comes even when nobody called.
    let mut contents =
        BTreeMap::from([shop.options.until, shop.last_day()].map(|day| (day, String::new())));
    for interaction in &shop.interactions {
        if interaction.number >= FURTHER_NUMBERS {
            let number = interaction.number - FURTHER_NUMBERS;
            random = Random::of(Purpose::InteractionFiles, number as usize);
        }
        let rating = rating(interaction, &mut random);
        // What is closed after the history was open when its files were written.
        let as_drawn = interaction
            .closed_at
            .filter(|at| interaction.number >= FURTHER_NUMBERS || *at <= shop.end());
        let is_again = as_drawn.is_none_or(|at| at == interaction.opened_at) && random.chance(20);
        if let Some(closed) = interaction.closed_at.filter(|at| *at != interaction.opened_at) {
            let open = line(shop, interaction, None, None, interaction.opened_at);
            contents.entry(interaction.opened_at.date()).or_default().push_str(&open);
            let last = line(shop, interaction, Some(closed), rating.as_deref(), closed);
            contents.entry(closed.date()).or_default().push_str(&last);
        } else {
            let at = interaction.opened_at;
            let only = line(shop, interaction, interaction.closed_at, rating.as_deref(), at);
            let content = contents.entry(at.date()).or_default();
            content.push_str(&only);
            if is_again {
                content.push_str(&only);
            }
        }
    }
    for (day, content) in contents {
        files.put(&format!("crm_interactions/{day}.ndjson"), content.as_bytes())?;
    }
    Ok(())
}

/// Ratings as forms let people enter them; what is out of range is no rating.
fn rating(interaction: &Interaction, random: &mut Random) -> Option<String> {
    let draw = random.between(0, 99);
    match interaction.rating {
        Some(rating) if draw < 10 => Some(format!("{rating} stars")),
        Some(rating) if draw < 20 => Some(format!("{rating}/5")),
        Some(rating) => Some(rating.to_string()),
        None if draw < 30 => Some(["0", "11", "-1"][draw as usize % 3].to_owned()),
        None => None,
    }
}

fn line(
    shop: &Shop,
    interaction: &Interaction,
    closed: Option<NaiveDateTime>,
    rating: Option<&str>,
    modified: NaiveDateTime,
) -> String {
    let time = |at: NaiveDateTime| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let order = interaction.order.map(|order| shop.orders[order].id.as_str());
    let fields = serde_json::json!({
        "interaction_id": format!("I{:08}", interaction.number),
        "kind": interaction.kind,
        "contact": customer_id(interaction.customer),
        "order_id": order,
        "opened_at": time(interaction.opened_at),
        "closed_at": closed.map(time),
        "modified_at": time(modified),
        "agent": format!("agent-{}", interaction.number % 17),
        "rating": rating,
        "body": interaction.words,
    });
    format!("{fields}\n")
}
