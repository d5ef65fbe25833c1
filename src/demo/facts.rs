//! The clean tables of customers, web and marketing, under `<landing>/truth/`.
//!
//! Those that do not fit in memory are written a day at a time: the history is one file, each day after it
//! one of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use chrono::{NaiveDate, NaiveDateTime};
use parquet::arrow::ArrowWriter;

use crate::error::{Error, Result};

use super::Shop;
use super::campaigns::CAMPAIGNS;
use super::contacts::Interaction;
use super::files::io_error;
use super::master::COUNTRIES;
use super::people::customer_id;
use super::places::{Address, CITY_NETWORKS, CODES, MOVED_NETWORKS, PLACES, first_octet};
use super::truth::{Columns, dates, money, put_table, text, times};
use super::visits::{Event, Visit, scrambled, visitor_id};

/// A table written in parts. It has its name when it is whole.
#[derive(Debug)]
pub(super) struct TruthFile {
    path: PathBuf,
    unfinished: PathBuf,
    writer: Option<ArrowWriter<File>>,
}

impl TruthFile {
    /// The part of one day after the history; `None` where no truth is asked for.
    pub(super) fn of_day(landing: Option<&Path>, name: &str, day: NaiveDate) -> Option<Self> {
        landing.map(|landing| Self::new(landing, &format!("{name}_{day}")))
    }

    pub(super) fn new(landing: &Path, name: &str) -> Self {
        let path = landing.join(format!("truth/{name}.parquet"));
        let unfinished = landing.join(format!("truth/{name}.parquet.tmp"));
        Self { path, unfinished, writer: None }
    }

    pub(super) fn rows(&mut self, columns: Columns) -> Result<()> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::internal(format!("a truth table could not be encoded: {error}"))
        };
        let batch = RecordBatch::try_from_iter(columns).map_err(|error| failed(&error))?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let file = File::create(&self.unfinished)
                    .map_err(|error| io_error(&self.unfinished, error))?;
                let writer = ArrowWriter::try_new(file, batch.schema(), None)
                    .map_err(|error| failed(&error))?;
                self.writer.insert(writer)
            }
        };
        writer.write(&batch).map_err(|error| failed(&error))?;
        // Rows wait in memory until their group is whole.
        if writer.in_progress_size() > 32 * 1024 * 1024 {
            writer.flush().map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<()> {
        if let Some(writer) = self.writer {
            writer.close().map_err(|error| {
                Error::internal(format!("a truth table could not be written: {error}"))
            })?;
            std::fs::rename(&self.unfinished, &self.path)
                .map_err(|error| io_error(&self.path, error))?;
        }
        Ok(())
    }
}

/// What somebody did in an app.
#[derive(Debug)]
pub(super) struct AppEvent {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) at: NaiveDateTime,
    pub(super) device: u64,
    pub(super) session: u64,
    /// A CRM number.
    pub(super) customer: Option<u32>,
    /// Of the shop's products.
    pub(super) product: Option<usize>,
    /// Of the shop's orders.
    pub(super) order: Option<usize>,
}

/// A device as the apps name it.
pub(super) fn device_id(device: u64) -> String {
    format!("d{:016x}", scrambled(device ^ (1 << 50)))
}

/// A request that the web server answered.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) number: u64,
    pub(super) at: NaiveDateTime,
    pub(super) address: Address,
    /// A CRM number.
    pub(super) user: Option<u32>,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) status: i64,
    pub(super) bytes: Option<i64>,
}

/// Writes the tables that fit in memory.
pub(super) fn write(shop: &Shop, landing: &Path) -> Result<()> {
    for (name, columns) in [
        ("crm_records", crm_records(shop)),
        ("postal_codes", postal_codes()),
        ("networks", networks()),
        ("campaigns", campaigns()),
        ("ad_spend", ad_spend(shop)?),
        ("interactions", interactions(shop)),
        ("assignments", assignments(shop)),
    ] {
        put_table(landing, name, columns)?;
    }
    Ok(())
}

/// What the CRM holds under each number, and which person it is.
fn crm_records(shop: &Shop) -> Columns {
    let records = &shop.people.records;
    let numbers = Int64Array::from_iter_values(records.iter().map(|record| record.person as i64));
    let place = |number: usize| &PLACES[number];
    let consents: BooleanArray = records.iter().map(|record| Some(record.consent)).collect();
    let born: arrow::array::Date32Array = records
        .iter()
        .map(|record| record.born.map(|born| born.signed_duration_since(Default::default())))
        .map(|days| days.map(|days| days.num_days() as i32))
        .collect();
    vec![
        ("customer_id", text(records.iter().map(|record| Some(record.id())))),
        ("person", Arc::new(numbers) as ArrayRef),
        ("given_name", text(records.iter().map(|record| Some(record.given.as_str())))),
        ("family_name", text(records.iter().map(|record| Some(record.family.as_str())))),
        ("email", text(records.iter().map(|record| record.email.as_deref()))),
        ("phone", text(records.iter().map(|record| record.phone.as_deref()))),
        ("born_on", Arc::new(born)),
        ("street", text(records.iter().map(|record| record.street.as_deref()))),
        ("postal_code", text(records.iter().map(|record| Some(record.postal_code())))),
        ("city", text(records.iter().map(|record| Some(place(record.place).city)))),
        ("country", text(records.iter().map(|record| Some(place(record.place).country().code)))),
        ("consent", Arc::new(consents)),
        ("created_at", times(records.iter().map(|record| Some(record.created_at)))),
        ("modified_at", times(records.iter().map(|record| Some(record.modified_at)))),
    ]
}

fn postal_codes() -> Columns {
    let rows: Vec<(usize, String)> = (0..PLACES.len())
        .flat_map(|place| (0..CODES).map(move |code| (place, PLACES[place].postal_code(code))))
        .collect();
    vec![
        ("country", text(rows.iter().map(|row| Some(PLACES[row.0].country().code)))),
        ("postal_code", text(rows.iter().map(|row| Some(row.1.as_str())))),
        ("city", text(rows.iter().map(|row| Some(PLACES[row.0].city)))),
        ("region", text(rows.iter().map(|row| Some(PLACES[row.0].region)))),
    ]
}

/// Every network the shop knows, by its first three octets.
fn networks() -> Columns {
    let mut rows: Vec<(String, usize, Option<usize>)> = Vec::new();
    for country in 0..COUNTRIES.len() {
        for (second, third) in (0..=3_u8).flat_map(|b| (0..=255_u8).map(move |c| (b, c))) {
            let owner = if second == 0 && MOVED_NETWORKS.contains(&third) { 1 } else { second };
            let place = PLACES
                .iter()
                .position(|place| place.country == country && place.prefix().1 == owner)
                .filter(|_| third < CITY_NETWORKS);
            rows.push((format!("{}.{second}.{third}", first_octet(country)), country, place));
        }
    }
    vec![
        ("network", text(rows.iter().map(|row| Some(row.0.as_str())))),
        ("country", text(rows.iter().map(|row| Some(COUNTRIES[row.1].code)))),
        ("region", text(rows.iter().map(|row| row.2.map(|place| PLACES[place].region)))),
        ("city", text(rows.iter().map(|row| row.2.map(|place| PLACES[place].city)))),
    ]
}

fn campaigns() -> Columns {
    let ids = Int64Array::from_iter_values(CAMPAIGNS.iter().map(|campaign| campaign.id as i64));
    vec![
        ("campaign_id", Arc::new(ids) as ArrayRef),
        ("campaign", text(CAMPAIGNS.iter().map(|campaign| Some(campaign.name)))),
        ("platform", text(CAMPAIGNS.iter().map(|campaign| Some(campaign.platform.name())))),
        ("channel", text(CAMPAIGNS.iter().map(|campaign| Some(campaign.channel)))),
        ("currency", text(CAMPAIGNS.iter().map(|campaign| Some(campaign.currency)))),
    ]
}

fn ad_spend(shop: &Shop) -> Result<Columns> {
    let rows = &shop.spend;
    let numbers = |of: fn(&super::campaigns::Spend) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(of)))
    };
    Ok(vec![
        ("day", dates(rows.iter().map(|row| row.day))),
        ("campaign_id", numbers(|row| CAMPAIGNS[row.campaign].id as i64)),
        ("device", text(rows.iter().map(|row| Some(row.device)))),
        ("impressions", numbers(|row| row.impressions)),
        ("clicks", numbers(|row| row.clicks)),
        ("spend", money(rows.iter().map(|row| Some(row.cents)))?),
    ])
}

/// What people did on the web, without what robots did.
pub(super) fn web_events(shop: &Shop, visits: &[Visit]) -> Result<Columns> {
    let rows: Vec<(&Visit, &Event)> = visits
        .iter()
        .flat_map(|visit| visit.events.iter().map(move |event| (visit, event)))
        .collect();
    let sku = |event: &Event| event.product.map(|product| shop.products[product].sku.as_str());
    let order = |event: &Event| event.order.map(|order| shop.orders[order].id.as_str());
    let campaign = |event: &Event| event.touch?.campaign().map(|campaign| campaign.name);
    let channel = |event: &Event| event.touch.map(super::campaigns::Touch::channel);
    Ok(vec![
        ("event_id", text(rows.iter().map(|row| Some(format!("{:016x}", scrambled(row.1.id)))))),
        ("event", text(rows.iter().map(|row| Some(row.1.kind.name())))),
        ("occurred_at", times(rows.iter().map(|row| Some(row.1.at)))),
        ("visitor_id", text(rows.iter().map(|row| Some(visitor_id(row.0.visitor))))),
        ("user_id", text(rows.iter().map(|row| row.1.customer.map(customer_id)))),
        ("sku", text(rows.iter().map(|row| sku(row.1)))),
        ("order_id", text(rows.iter().map(|row| order(row.1)))),
        ("channel", text(rows.iter().map(|row| channel(row.1)))),
        ("campaign", text(rows.iter().map(|row| campaign(row.1)))),
        ("country", text(rows.iter().map(|row| row.0.address.country_code()))),
        ("region", text(rows.iter().map(|row| row.0.address.region()))),
        ("city", text(rows.iter().map(|row| row.0.address.city()))),
    ])
}

/// What people did in the apps.
pub(super) fn app_events(shop: &Shop, rows: &[AppEvent]) -> Result<Columns> {
    let sku = |event: &AppEvent| event.product.map(|product| shop.products[product].sku.as_str());
    let order = |event: &AppEvent| event.order.map(|order| shop.orders[order].id.as_str());
    Ok(vec![
        ("event_id", text(rows.iter().map(|row| Some(format!("{:016x}", scrambled(row.id)))))),
        ("event", text(rows.iter().map(|row| Some(row.name)))),
        ("occurred_at", times(rows.iter().map(|row| Some(row.at)))),
        ("device_id", text(rows.iter().map(|row| Some(device_id(row.device))))),
        ("session_id", text(rows.iter().map(|row| Some(format!("{:016x}", row.session))))),
        ("user_id", text(rows.iter().map(|row| row.customer.map(customer_id)))),
        ("sku", text(rows.iter().map(sku))),
        ("order_id", text(rows.iter().map(order))),
    ])
}

/// What the web server answered.
pub(super) fn access_events(rows: &[Access]) -> Columns {
    let statuses = Int64Array::from_iter_values(rows.iter().map(|row| row.status));
    let bytes: Int64Array = rows.iter().map(|row| row.bytes).collect();
    vec![
        (
            "request_id",
            text(rows.iter().map(|row| Some(format!("{:016x}", scrambled(row.number))))),
        ),
        ("occurred_at", times(rows.iter().map(|row| Some(row.at)))),
        ("client_ip", text(rows.iter().map(|row| Some(row.address.text())))),
        ("user_id", text(rows.iter().map(|row| row.user.map(customer_id)))),
        ("method", text(rows.iter().map(|row| Some(row.method)))),
        ("path", text(rows.iter().map(|row| Some(row.path)))),
        ("status", Arc::new(statuses) as ArrayRef),
        ("bytes", Arc::new(bytes)),
        ("country", text(rows.iter().map(|row| row.address.country_code()))),
        ("city", text(rows.iter().map(|row| row.address.city()))),
    ]
}

fn interactions(shop: &Shop) -> Columns {
    let rows = &shop.interactions;
    let ratings: Int64Array = rows.iter().map(|row| row.rating).collect();
    let order = |row: &Interaction| row.order.map(|order| shop.orders[order].id.as_str());
    vec![
        ("interaction_id", text(rows.iter().map(|row| Some(format!("I{:08}", row.number))))),
        ("kind", text(rows.iter().map(|row| Some(row.kind)))),
        ("crm_id", text(rows.iter().map(|row| Some(customer_id(row.customer))))),
        ("order_id", text(rows.iter().map(order))),
        ("opened_at", times(rows.iter().map(|row| Some(row.opened_at)))),
        ("closed_at", times(rows.iter().map(|row| row.closed_at))),
        ("rating", Arc::new(ratings) as ArrayRef),
        ("body", text(rows.iter().map(|row| Some(row.words)))),
    ]
}

fn assignments(shop: &Shop) -> Columns {
    let rows = &shop.assignments;
    vec![
        ("experiment", text(rows.iter().map(|row| Some(row.experiment)))),
        ("crm_id", text(rows.iter().map(|row| Some(customer_id(row.customer))))),
        ("arm", text(rows.iter().map(|row| Some(row.arm)))),
        ("assigned_at", times(rows.iter().map(|row| Some(row.at)))),
    ]
}
