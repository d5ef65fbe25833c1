//! The vendors' catalogues: three send Parquet, three JSON, no two alike, and they grow.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array};
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::error::{Error, Result};

use super::super::Shop;
use super::super::files::Landing;
use super::super::truth::{dates, money, parquet_bytes, text};
use super::super::vendors::{Offer, VENDORS};
use super::{decimal_text, without_zeros};

/// From this day after the first one on, the first vendor says how long delivery takes.
const GROWS_AFTER_DAYS: u64 = 10;

/// Whether an offer says how long delivery takes.
pub(in super::super) fn says_lead_days(offer: &Offer, first_day: NaiveDate) -> bool {
    match offer.vendor {
        0 => offer.as_of >= first_day + Days::new(GROWS_AFTER_DAYS),
        2 | 3 => false,
        _ => true,
    }
}

/// Writes all catalogues.
pub(super) fn write(shop: &Shop, files: &mut Landing) -> Result<()> {
    for (vendor, day, offers) in &shop.catalogues {
        let id = VENDORS[*vendor].id.to_lowercase();
        let (ending, content) = match vendor {
            0..=2 => ("parquet", parquet(shop, *vendor, offers)?),
            _ => ("json", json_array(shop, *vendor, offers)?),
        };
        files.put(&format!("vendor_catalog/{id}/{day}.{ending}"), &content)?;
    }
    Ok(())
}

fn parquet(shop: &Shop, vendor: usize, offers: &[Offer]) -> Result<Vec<u8>> {
    let who = &VENDORS[vendor];
    let all = || offers.iter();
    let sku = |offer: &Offer| shop.products[offer.product].sku.clone();
    let mut columns: Vec<(&'static str, ArrayRef)> = vec![
        ("vendor_id", text(all().map(|_| Some(who.id)))),
        ("vendor_name", text(all().map(|_| Some(who.name)))),
        ("vendor_country", text(all().map(|_| Some(who.country)))),
        (
            "terms_days",
            Arc::new(Int32Array::from_iter_values(all().map(|_| who.terms_days as i32))),
        ),
    ];
    let available = Arc::new(Int64Array::from_iter_values(all().map(|offer| offer.available)));
    let discontinued = || -> ArrayRef {
        Arc::new(all().map(|offer| Some(offer.discontinued)).collect::<BooleanArray>())
    };
    match vendor {
        0 => {
            columns.push(("item", text(all().map(|offer| Some(without_zeros(&sku(offer)))))));
            columns.push(("net_price", money(all().map(|offer| Some(offer.cents)))?));
            columns.push(("currency", text(all().map(|_| Some(who.currency)))));
            columns.push(("stock", available));
            columns.push(("valid_from", dates(all().map(|offer| offer.as_of))));
            columns.push(("discontinued", discontinued()));
            if offers.first().is_some_and(|offer| says_lead_days(offer, shop.first_day())) {
                let days = all().map(|offer| offer.lead_days as i32);
                columns.push(("lead_days", Arc::new(Int32Array::from_iter_values(days))));
            }
        }
        1 => {
            columns.push(("article", text(all().map(|offer| Some(sku(offer))))));
            let cents = Int64Array::from_iter_values(all().map(|offer| offer.cents));
            columns.push(("price_cents", Arc::new(cents)));
            columns.push(("stock", available));
            columns.push((
                "as_of",
                text(all().map(|offer| Some(offer.as_of.format("%d.%m.%Y").to_string()))),
            ));
            columns.push(("discontinued", discontinued()));
            let days = all().map(|offer| Some(format!("{} working days", offer.lead_days)));
            columns.push(("delivery", text(days)));
        }
        _ => {
            columns.push(("code", text(all().map(|offer| Some(format!("LW-{}", sku(offer)))))));
            let price = all().map(|offer| Some(format!("£{}", decimal_text(offer.cents * 10))));
            columns.push(("price_per_ten", text(price)));
            columns.push(("stock", available));
            columns.push(("valid_from", dates(all().map(|offer| offer.as_of))));
            let state = all().map(|offer| Some(if offer.discontinued { "EOL" } else { "ACTIVE" }));
            columns.push(("state", text(state)));
        }
    }
    parquet_bytes(columns)
        .map_err(|error| Error::internal("a catalogue could not be encoded").caused_by(error))
}

fn json_array(shop: &Shop, vendor: usize, offers: &[Offer]) -> Result<Vec<u8>> {
    let rows: Vec<Value> = offers.iter().map(|offer| json_offer(shop, vendor, offer)).collect();
    serde_json::to_vec_pretty(&rows)
        .map_err(|error| Error::internal("a catalogue does not serialize").caused_by(error))
}

fn json_offer(shop: &Shop, vendor: usize, offer: &Offer) -> Value {
    let who = &VENDORS[vendor];
    let sku = &shop.products[offer.product].sku;
    let day = offer.as_of;
    let mut row = json!({
        "vendorId": who.id,
        "vendorName": who.name,
        "vendorCountry": who.country,
        "termsDays": who.terms_days,
    });
    let more = match vendor {
        3 => json!({
            "code": sku,
            "unit": "pack of 5",
            "price": format!("{} {}", decimal_text(offer.cents * 5), who.currency),
            "availability": availability(offer),
            "asOf": day.format("%m/%d/%Y").to_string(),
        }),
        4 => json!({
            "code": sku,
            "unit": "each",
            "price": format!("{} {}", decimal_text(offer.cents).replace('.', ","), who.currency),
            "availability": availability(offer),
            "leadTime": format!("{} jours", offer.lead_days),
            "asOf": day.format("%Y-%m-%d").to_string(),
        }),
        _ => json!({
            "code": format!("TE-{sku}"),
            "unit": "each",
            "price": format!("{} {}", decimal_text(offer.cents), who.currency),
            "availability": availability(offer),
            "leadTime": format!("{} days", offer.lead_days),
            "asOf": day.format("%Y-%m-%d").to_string(),
        }),
    };
    if let (Value::Object(row), Value::Object(more)) = (&mut row, more) {
        row.extend(more);
    }
    row
}

fn availability(offer: &Offer) -> String {
    match (offer.discontinued, offer.available) {
        (true, some) => format!("discontinued, {some} left"),
        (false, 0) => "sold out".to_owned(),
        (false, some) => format!("in stock ({some})"),
    }
}
