//! The same facts as their sources deliver them: dirty, in the sources' own formats.
//!
//! Nothing is lost for good: whatever is delivered wrong is delivered right as well, with a later
//! sequence, revision or time of its own, so that a view can tell which one counts.

mod access_log;
mod ad_performance;
mod app_events;
mod crm_customers;
mod crm_interactions;
mod daily;
mod experiments;
mod geo_locations;
mod inventory;
mod master;
mod online_orders;
mod payments;
mod purchase_orders;
mod shipments;
mod store_sales;
mod stream;
mod vendor_catalog;
mod web_events;

use std::path::Path;

use crate::error::{Error, Result};

use super::files::Landing;
use super::stock::{self, Purchase};
use super::truth::InventoryTable;
use super::{Progress, Shop};

pub(super) use vendor_catalog::says_lead_days;

/// The folders of all sources. Each is there from the first day, also where nothing has come yet.
pub(super) const SOURCES: &[&str] = &[
    "access_log",
    "ad_performance",
    "app_events",
    "crm_customers",
    "crm_interactions",
    "experiment_assignments",
    "fx_rates",
    "geo_locations",
    "inventory",
    "online_orders",
    "payments",
    "products",
    "purchase_orders",
    "shipments",
    "store_sales",
    "stores",
    "vendor_catalog",
    "web_events",
];

/// Writes the sources of sales, finance and operations.
pub(super) fn write(shop: &Shop, files: &mut Landing, progress: &Progress<'_>) -> Result<()> {
    master::products(shop, files)?;
    master::stores(shop, files)?;
    master::fx_rates(shop, files)?;
    store_sales::write(shop, files, &|done, all| progress("store_sales", done, all))?;
    online_orders::write(shop, files, &|done, all| progress("online_orders", done, all))?;
    payments::write(shop, files)?;
    shipments::write(shop, files)?;
    vendor_catalog::write(shop, files)
}

/// Writes the sources of customers, web and marketing, and the truth of those of them that are made a day
/// at a time, where `truth` says. Of days after the history, only those are made that something may still
/// arrive of.
pub(super) fn write_customers(
    shop: &Shop,
    files: &mut Landing,
    truth: Option<&Path>,
    progress: &Progress<'_>,
) -> Result<()> {
    geo_locations::write(shop, files)?;
    ad_performance::write(shop, files)?;
    crm_interactions::write(shop, files)?;
    experiments::write(shop, files)?;
    crm_customers::write(shop, files, &|done, all| progress("crm_customers", done, all))?;
    app_events::SOURCE.write(shop, files, truth, progress)?;
    access_log::SOURCE.write(shop, files, truth, progress)
}

/// Writes what browsers tell, which is more than all else; else as [`write_customers`].
pub(super) fn write_web(
    shop: &Shop,
    files: &mut Landing,
    truth: Option<&Path>,
    progress: &Progress<'_>,
) -> Result<()> {
    web_events::SOURCE.write(shop, files, truth, progress)
}

/// Plays stock and procurement, and writes them as they come; returns the truth of both.
pub(super) fn play(
    shop: &Shop,
    files: &mut Landing,
    progress: &Progress<'_>,
) -> Result<(InventoryTable, Vec<Purchase>)> {
    let tell = |done, all| progress("inventory", done, all);
    let mut delivery = inventory::Delivery::new(files, &tell);
    let purchases = stock::play(shop, &mut delivery)?;
    let table = delivery.into_truth();
    purchase_orders::write(shop, &purchases, files)?;
    Ok((table, purchases))
}

/// A CSV file with a header.
fn csv_bytes(delimiter: u8, header: &[&str], rows: &[Vec<String>]) -> Result<Vec<u8>> {
    let encode = || -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let mut writer =
            csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::with_capacity(4096));
        writer.write_record(header)?;
        for row in rows {
            writer.write_record(row)?;
        }
        Ok(writer.into_inner()?)
    };
    encode().map_err(|error| Error::internal(format!("a CSV file could not be encoded: {error}")))
}

/// `1299` as `12.99`.
fn decimal_text(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// `123456` as `1,234.56`.
fn thousands_text(cents: i64) -> String {
    let whole = (cents / 100).to_string();
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text}.{:02}", cents % 100)
}

/// What is left of a number with leading zeros after it has been through a spreadsheet.
fn without_zeros(digits: &str) -> String {
    digits.trim_start_matches('0').to_owned()
}
