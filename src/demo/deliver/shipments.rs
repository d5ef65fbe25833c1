//! The carriers' tracking events: a JSON array a day, and one each hour of the last day.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, Timelike};
use serde::Serialize;

use crate::error::{Error, Result};

use super::super::Shop;
use super::super::files::Landing;
use super::super::random::{Purpose, Random};
use super::super::shipments::{Form, Shipment};

/// An event as a carrier sends it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    tracking_number: String,
    order_reference: String,
    carrier: &'static str,
    status: &'static str,
    event_time: String,
    /// Puts a shipment's events in order; a corrected event has a higher one.
    sequence: i64,
    weight: String,
    promised_date: String,
}

const STATUSES: [&str; 3] = ["PICKED_UP", "IN_TRANSIT", "DELIVERED"];

/// Writes all events.
pub(super) fn write(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut delivered: Vec<(NaiveDateTime, Event)> = Vec::new();
    for shipment in &shop.shipments {
        deliver(shop, shipment, &mut delivered);
    }
    delivered.sort_by(|one, two| {
        let key = |(at, event): &(NaiveDateTime, Event)| (*at, event.sequence);
        key(one).cmp(&key(two)).then_with(|| one.1.tracking_number.cmp(&two.1.tracking_number))
    });
    let mut contents: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for (at, event) in delivered {
        let name = match at.date() < shop.options.until {
            true => format!("shipments/{}.json", at.date()),
            false => format!("shipments/{}T{:02}.json", at.date(), at.hour()),
        };
        contents.entry(name).or_default().push(event);
    }
    for (name, events) in &contents {
        let content = serde_json::to_vec_pretty(events)
            .map_err(|error| Error::internal("an event does not serialize").caused_by(error))?;
        files.put(name, &content)?;
    }
    Ok(())
}

/// The draws of a shipment are its own, and as many whatever is known of it.
fn deliver(shop: &Shop, shipment: &Shipment, delivered: &mut Vec<(NaiveDateTime, Event)>) {
    let mut random = Random::of(Purpose::ShipmentFiles, shipment.order);
    for (number, status) in STATUSES.into_iter().enumerate() {
        let (wrong, which) = (random.chance(12), random.index(IMPOSSIBLE.len()));
        let (again, phantom) = (random.chance(15), random.chance(3));
        let Some(milestone) = shipment.milestones.get(number) else { continue };
        let mut event = Event {
            tracking_number: shipment.id.clone(),
            order_reference: shop.orders[shipment.order].id.clone(),
            carrier: shipment.carrier.name,
            status,
            event_time: time_text(shipment.carrier.form, milestone.at),
            sequence: 10 * (number as i64 + 1),
            weight: weight_text(shipment, number),
            promised_date: shipment.promised_on.format("%Y-%m-%d").to_string(),
        };
        if phantom {
            // A parcel of somebody else, from a scanner without a clock: it stays unexplained.
            let mut parcel = event.clone();
            parcel.tracking_number = format!("EXT{}", shipment.id);
            parcel.order_reference = format!("EXT-{}", shipment.order);
            parcel.event_time = IMPOSSIBLE[which].to_owned();
            delivered.push((milestone.arrives_at, parcel));
        }
        if wrong {
            let event_time = IMPOSSIBLE[which].to_owned();
            delivered.push((milestone.arrives_at, Event { event_time, ..event.clone() }));
            event.sequence += 1;
        }
        if again {
            delivered.push((milestone.arrives_at, event.clone()));
        }
        delivered.push((milestone.arrives_at, event));
    }
}

/// Times that no parcel was ever seen at.
const IMPOSSIBLE: [&str; 4] = [
    "31.02.2026 12:00:00",
    "0001-01-01T00:00:00Z",
    "13/25/2026 07:61:00 AM",
    "2099-12-31T23:59:59Z",
];

fn time_text(form: Form, at: NaiveDateTime) -> String {
    let pattern = match form {
        Form::Iso => "%Y-%m-%dT%H:%M:%SZ",
        Form::German => "%d.%m.%Y %H:%M:%S",
        Form::American => "%m/%d/%Y %I:%M:%S %p",
    };
    at.format(pattern).to_string()
}

/// A weight as somebody wrote it down, not always at the first scan.
fn weight_text(shipment: &Shipment, milestone: usize) -> String {
    let (kilos, grams) = (shipment.grams / 1_000, shipment.grams % 1_000);
    if milestone == 0 && shipment.is_weighed_later() {
        return "Weight captured separately".to_owned();
    }
    match (shipment.order + milestone) % 4 {
        0 => format!("Gross weight {} g", shipment.grams),
        1 => format!("{kilos}.{grams:03} kg"),
        2 => format!("weighs {kilos} kg {grams} g"),
        _ => format!("{kilos},{grams:03} kg (scanned)"),
    }
}
