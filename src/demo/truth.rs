//! The clean tables as Parquet, under `<landing>/truth/`.
//!
//! They say what the sources would have delivered if nothing had gone wrong on the way. Amounts are
//! in the order's currency: what a mart makes of them in euro is for the check to work out itself.

mod operations;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::error::ArrowError;
use chrono::{NaiveDate, NaiveDateTime};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use crate::error::{Error, ErrorKind, Result};

use super::files::put;
use super::orders::{Channel, Line, Order};
use super::rates::CURRENCIES;
use super::stock::Purchase;
use super::{Options, Shop};

pub(super) use operations::InventoryTable;

/// Marks the landing folder as holding a demo of these options.
pub(super) fn claim(options: &Options, landing: &Path) -> Result<()> {
    let path = landing.join("truth/options.json");
    let mine = serde_json::to_vec(options)
        .map_err(|error| Error::internal("demo options do not serialize").caused_by(error))?;
    match std::fs::read(&path) {
        Ok(theirs) if theirs != mine => Err(Error::new(
            ErrorKind::ObjectNotInPrerequisiteState,
            format!("\"{}\" holds a demo generated with other options", landing.display()),
        )
        .detail(format!("It holds {}.", String::from_utf8_lossy(&theirs)))
        .hint("Name other folders with --landing and --dir, or remove these two.")),
        _ => put(&path, &mine),
    }
}

/// Writes every clean table.
pub(super) fn write(shop: &Shop, landing: &Path) -> Result<()> {
    let tables = vec![
        ("stores", stores(shop)?),
        ("products", products(shop)?),
        ("currency_rates", currency_rates(shop)?),
        ("orders", orders(shop)?),
        ("order_lines", order_lines(shop)?),
        ("payments", operations::payments(shop)?),
        ("refunds", operations::refunds(shop)?),
        ("shipments", operations::shipments(shop)?),
        ("vendors", operations::vendors()?),
        ("vendor_offers", operations::vendor_offers(shop)?),
    ];
    put_tables(landing, tables)
}

/// Writes what was played: stock and procurement.
pub(super) fn write_played(
    shop: &Shop,
    landing: &Path,
    inventory: InventoryTable,
    purchases: &[Purchase],
) -> Result<()> {
    put(&landing.join("truth/inventory.parquet"), &inventory.finish()?)?;
    let orders = operations::purchase_orders(shop, purchases)?;
    put_tables(landing, vec![("purchase_orders", orders)])
}

fn put_tables(landing: &Path, tables: Vec<(&'static str, Columns)>) -> Result<()> {
    for (name, columns) in tables {
        put_table(landing, name, columns)?;
    }
    Ok(())
}

/// Writes one clean table.
pub(super) fn put_table(landing: &Path, name: &str, columns: Columns) -> Result<()> {
    let content = parquet_bytes(columns).map_err(|error| {
        Error::internal(format!("truth table {name} could not be encoded")).caused_by(error)
    })?;
    put(&landing.join(format!("truth/{name}.parquet")), &content)
}

pub(super) type Columns = Vec<(&'static str, ArrayRef)>;

pub(super) fn parquet_bytes(columns: Columns) -> Result<Vec<u8>, ParquetError> {
    let batch = RecordBatch::try_from_iter(columns)?;
    let mut content = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut content, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(content)
}

fn stores(shop: &Shop) -> Result<Columns> {
    let stores = &shop.stores;
    Ok(vec![
        ("store_id", text(stores.iter().map(|store| Some(store.id.as_str())))),
        ("name", text(stores.iter().map(|store| Some(store.name.as_str())))),
        ("city", text(stores.iter().map(|store| Some(store.city)))),
        ("country", text(stores.iter().map(|store| Some(store.country.code)))),
        ("currency", text(stores.iter().map(|store| Some(store.country.currency)))),
        ("opened_on", dates(stores.iter().map(|store| store.opened_on))),
    ])
}

fn products(shop: &Shop) -> Result<Columns> {
    let products = &shop.products;
    Ok(vec![
        ("sku", text(products.iter().map(|product| Some(product.sku.as_str())))),
        ("name", text(products.iter().map(|product| Some(product.name.as_str())))),
        ("brand", text(products.iter().map(|product| Some(product.brand)))),
        ("category", text(products.iter().map(|product| Some(product.category)))),
        ("list_price_eur", money(products.iter().map(|product| Some(product.price_cents)))?),
        ("unit_cost_eur", money(products.iter().map(|product| Some(product.cost_cents)))?),
    ])
}

/// One row a day and currency, the euro's own rate of 1 included.
fn currency_rates(shop: &Shop) -> Result<Columns> {
    let rows: Vec<(NaiveDate, &str, i64)> = shop
        .rates
        .days
        .iter()
        .flat_map(|day| {
            let others = CURRENCIES.iter().zip(&day.rates);
            std::iter::once((day.day, "EUR", 10_000))
                .chain(others.map(|((currency, _), (rate, _))| (day.day, *currency, *rate)))
        })
        .collect();
    Ok(vec![
        ("day", dates(rows.iter().map(|row| row.0))),
        ("currency", text(rows.iter().map(|row| Some(row.1)))),
        ("rate", decimal(rows.iter().map(|row| Some(row.2)), 4)?),
    ])
}

fn orders(shop: &Shop) -> Result<Columns> {
    let orders = &shop.orders;
    let store = |order: &Order| match order.channel {
        Channel::Store(store) => Some(shop.stores[store].id.clone()),
        Channel::Web | Channel::App => None,
    };
    let refund_cents = |order: &Order| order.refund.as_ref().map(|refund| refund.cents);
    let refunded_at = |order: &Order| order.refund.as_ref().map(|refund| refund.at);
    let tax = Int32Array::from_iter_values(orders.iter().map(|order| order.country.tax as i32));
    Ok(vec![
        ("order_id", text(orders.iter().map(|order| Some(order.id.as_str())))),
        ("channel", text(orders.iter().map(|order| Some(order.channel.name())))),
        ("store_id", text(orders.iter().map(store))),
        ("customer_id", text(orders.iter().map(|order| order.customer.as_deref()))),
        ("country", text(orders.iter().map(|order| Some(order.country.code)))),
        ("currency", text(orders.iter().map(|order| Some(order.country.currency)))),
        ("tax_percent", Arc::new(tax)),
        ("ordered_at", times(orders.iter().map(|order| Some(order.at)))),
        ("status", text(orders.iter().map(|order| Some(order.status())))),
        ("paid_at", times(orders.iter().map(|order| order.paid_at))),
        ("cancelled_at", times(orders.iter().map(|order| order.cancelled_at))),
        ("refunded_at", times(orders.iter().map(refunded_at))),
        ("refund_amount", money(orders.iter().map(refund_cents))?),
    ])
}

fn order_lines(shop: &Shop) -> Result<Columns> {
    let rows: Vec<(&Order, &Line)> = shop
        .orders
        .iter()
        .flat_map(|order| order.lines.iter().map(move |line| (order, line)))
        .collect();
    let numbers = Int32Array::from_iter_values(rows.iter().map(|(_, line)| line.number as i32));
    let quantities =
        Int32Array::from_iter_values(rows.iter().map(|(_, line)| line.quantity as i32));
    let skus = rows.iter().map(|(_, line)| Some(shop.products[line.product].sku.as_str()));
    Ok(vec![
        ("order_id", text(rows.iter().map(|(order, _)| Some(order.id.as_str())))),
        ("line", Arc::new(numbers)),
        ("sku", text(skus)),
        ("quantity", Arc::new(quantities)),
        ("unit_price", money(rows.iter().map(|(_, line)| Some(line.price_cents)))?),
        ("discount", money(rows.iter().map(|(_, line)| Some(line.discount_cents)))?),
    ])
}

pub(super) fn text<S: AsRef<str>>(values: impl Iterator<Item = Option<S>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

pub(super) fn dates(values: impl Iterator<Item = NaiveDate>) -> ArrayRef {
    let epoch = NaiveDate::default();
    let days = values.map(|day| day.signed_duration_since(epoch).num_days() as i32);
    Arc::new(Date32Array::from_iter_values(days))
}

pub(super) fn times(values: impl Iterator<Item = Option<NaiveDateTime>>) -> ArrayRef {
    let micros = values.map(|time| time.map(|time| time.and_utc().timestamp_micros()));
    Arc::new(micros.collect::<TimestampMicrosecondArray>())
}

pub(super) fn money(cents: impl Iterator<Item = Option<i64>>) -> Result<ArrayRef> {
    decimal(cents, 2)
}

fn decimal(values: impl Iterator<Item = Option<i64>>, scale: i8) -> Result<ArrayRef> {
    let array = values.map(|value| value.map(i128::from)).collect::<Decimal128Array>();
    let array = array.with_precision_and_scale(18, scale).map_err(|error: ArrowError| {
        Error::internal("a decimal type is out of range").caused_by(error)
    })?;
    Ok(Arc::new(array))
}
