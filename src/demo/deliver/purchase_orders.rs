//! Procurement's purchase orders: one CSV a day with the lines that changed, as they are now.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;
use super::super::random::{Purpose, Random};
use super::super::stock::Purchase;
use super::super::vendors::VENDORS;
use super::{csv_bytes, thousands_text};

const COLUMNS: &[&str] = &[
    "PO Number",
    "Revision",
    "Supplier",
    "Item",
    "Ordered Qty",
    "Received Qty",
    "Unit Cost",
    "Currency",
    "Order Date",
    "Promised Date",
    "Last Receipt",
    "Status",
];

/// Writes all days.
pub(super) fn write(shop: &Shop, purchases: &[Purchase], files: &mut Landing) -> Result<()> {
    let mut days: BTreeMap<NaiveDate, Vec<(&Purchase, usize)>> = BTreeMap::new();
    for purchase in purchases {
        days.entry(purchase.ordered_on).or_default().push((purchase, 0));
        for (number, receipt) in purchase.received(shop.last_day()).enumerate() {
            days.entry(receipt.on).or_default().push((purchase, number + 1));
        }
    }
    let mut random = Random::new(Purpose::PurchaseOrderFiles);
    let mut again: Vec<Vec<String>> = Vec::new();
    for (day, changes) in days {
        let mut rows = std::mem::take(&mut again);
        for (purchase, receipts) in changes {
            let mut right = row(&mut random, shop, purchase, receipts);
            if random.chance(20) {
                let mut wrong = right.clone();
                wrong[8] = "as discussed".to_owned();
                wrong[5] = "?".to_owned();
                rows.push(wrong);
                right[1] = (10 * (receipts + 1) + 1).to_string();
            }
            // An old state comes once more: its revision says that it is old.
            if random.chance(30) {
                again.push(right.clone());
            }
            rows.push(right);
        }
        let content = csv_bytes(b'|', COLUMNS, &rows)?;
        files.put(&format!("purchase_orders/{day}.csv"), &content)?;
    }
    Ok(())
}

/// A line as it is after its first `receipts` receipts.
fn row(random: &mut Random, shop: &Shop, purchase: &Purchase, receipts: usize) -> Vec<String> {
    let received = &purchase.receipts[..receipts];
    let quantity: i64 = received.iter().map(|receipt| receipt.quantity).sum();
    let status = match quantity {
        0 => "OPEN",
        some if some < purchase.quantity => "PARTIALLY RECEIVED",
        _ => "RECEIVED",
    };
    let last = received.last().map(|receipt| in_words(random, receipt.on));
    vec![
        format!("PO-{}", purchase.number),
        (10 * (receipts + 1)).to_string(),
        VENDORS[purchase.vendor].id.to_lowercase(),
        shop.products[purchase.product].sku.clone(),
        format!("{} EA", purchase.quantity),
        format!("{quantity} EA"),
        thousands_text(purchase.cents),
        VENDORS[purchase.vendor].currency.to_owned(),
        in_words(random, purchase.ordered_on),
        promise(random, purchase),
        last.unwrap_or_else(|| "none yet".to_owned()),
        status.to_owned(),
    ]
}

fn in_words(random: &mut Random, day: NaiveDate) -> String {
    match random.between(0, 2) {
        0 => day.format("%d-%b-%Y").to_string().to_uppercase(),
        1 => day.format("%-d %B %Y").to_string(),
        _ => {
            let ending = match day.day() {
                1 | 21 | 31 => "st",
                2 | 22 => "nd",
                3 | 23 => "rd",
                _ => "th",
            };
            format!("{} {}{ending}, {}", day.format("%B"), day.day(), day.year())
        }
    }
}

/// When goods are to come: a date, or how people say it.
fn promise(random: &mut Random, purchase: &Purchase) -> String {
    let day = purchase.promised_on;
    let days = day.signed_duration_since(purchase.ordered_on).num_days();
    if random.chance(200) {
        return format!("in {days} days");
    }
    if (day + Days::new(1)).day() == 1 {
        return format!("end of {}", day.format("%B %Y"));
    }
    if days % 7 == 0 && random.chance(500) {
        return format!("in {} weeks", days / 7);
    }
    in_words(random, day)
}
