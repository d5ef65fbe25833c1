//! Master data and currency rates: whole files first, then what changed.

use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;
use super::super::master::{CATEGORIES, Product, Store};
use super::super::random::{Purpose, Random};
use super::super::rates::{CURRENCIES, Published};
use super::{csv_bytes, decimal_text, without_zeros};

const PRODUCT_COLUMNS: &[&str] =
    &["SKU", "Name", "Brand", "Category", "List Price EUR", "Unit Cost EUR", "Updated At"];

/// All products the day before the first order, under the categories' old names and with leading
/// zeros lost; later files bring what changed, and now and then an old row again.
pub(super) fn products(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut random = Random::new(Purpose::Master);
    let before = morning(shop.first_day() - Days::new(1));
    let mut first = Vec::new();
    let mut changes: Vec<Vec<Vec<String>>> = vec![Vec::new(); shop.options.days as usize];
    for product in &shop.products {
        let changed = random.chance(80);
        let mut row = product_row(product, before, changed);
        row[3] = old_category(product.category).to_owned();
        if random.chance(200) {
            row[0] = without_zeros(&row[0]);
        }
        if changed {
            let day = random.index(changes.len());
            let at = morning(shop.first_day() + Days::new(day as u64));
            changes[day].push(product_row(product, at, false));
            // A day later the old row comes once more: its own time says that it is old.
            if let Some(next) = changes.get_mut(day + 1).filter(|_| random.chance(250)) {
                next.push(row.clone());
            }
        }
        first.push(row);
    }
    put_rows(files, "products", before, PRODUCT_COLUMNS, &first)?;
    for (day, rows) in changes.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
        let at = morning(shop.first_day() + Days::new(day as u64));
        put_rows(files, "products", at, PRODUCT_COLUMNS, rows)?;
    }
    Ok(())
}

/// A product's row; an outdated one has another price and cost.
fn product_row(product: &Product, at: NaiveDateTime, outdated: bool) -> Vec<String> {
    let percent = if outdated { 93 } else { 100 };
    vec![
        product.sku.clone(),
        product.name.clone(),
        product.brand.to_owned(),
        product.category.to_owned(),
        decimal_text(product.price_cents * percent / 100),
        decimal_text(product.cost_cents * percent / 100),
        at.format("%Y-%m-%d %H:%M:%S").to_string(),
    ]
}

fn old_category(name: &'static str) -> &'static str {
    CATEGORIES.iter().find(|category| category.name == name).map_or(name, |found| found.old_name)
}

const STORE_COLUMNS: &[&str] =
    &["Store", "Name", "City", "Country", "Currency", "Opened On", "Updated At"];

/// All stores the day before the first order, some with an older name; the last day's file brings
/// the names they have, and the old rows of their neighbours.
pub(super) fn stores(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut random = Random::new(Purpose::Master);
    let before = morning(shop.first_day() - Days::new(1));
    let last = morning(shop.options.until);
    let mut first = Vec::new();
    let mut changes = Vec::new();
    for (number, store) in shop.stores.iter().enumerate() {
        let mut row = store_row(store, before);
        if random.chance(300) {
            row[0] = without_zeros(&row[0]);
        }
        match number % 20 {
            7 => {
                row[1] = format!("Harbour {}", store.city);
                changes.push(store_row(store, last));
            }
            8 => changes.push(row.clone()),
            _ => {}
        }
        first.push(row);
    }
    put_rows(files, "stores", before, STORE_COLUMNS, &first)?;
    put_rows(files, "stores", last, STORE_COLUMNS, &changes)
}

fn store_row(store: &Store, at: NaiveDateTime) -> Vec<String> {
    vec![
        store.id.clone(),
        store.name.clone(),
        store.city.to_owned(),
        store.country.code.to_owned(),
        store.country.currency.to_owned(),
        store.opened_on.format("%Y-%m-%d").to_string(),
        at.format("%Y-%m-%d %H:%M:%S").to_string(),
    ]
}

/// A file for each day the bank publishes: that day's row and the two before it, the newest first,
/// a column a currency and a nameless one at the end.
pub(super) fn fx_rates(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut random = Random::new(Purpose::RateFiles);
    let header: Vec<&str> = std::iter::once("Date")
        .chain(CURRENCIES.iter().map(|(currency, _)| *currency))
        .chain(std::iter::once(""))
        .collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for day in &shop.rates.days {
        if day.rates.iter().all(|(_, published)| *published == Published::Closed) {
            continue;
        }
        let mut row = vec![day.day.format("%Y-%m-%d").to_string()];
        row.extend(day.rates.iter().map(|(rate, published)| match published {
            Published::Rate => rate_text(*rate),
            Published::NotAvailable | Published::Closed => "N/A".to_owned(),
        }));
        row.push(String::new());
        rows.insert(0, row);
        rows.truncate(3);
        let content = csv_bytes(b',', &header, &rows)?;
        files.put(&format!("fx_rates/{}.csv", day.day), &content)?;
        if random.chance(50) {
            files.put(&format!("fx_rates/{}_resend.csv", day.day), &content)?;
        }
    }
    Ok(())
}

/// Ten-thousandths as the bank prints them: no zeros at the end.
fn rate_text(rate: i64) -> String {
    let text = format!("{}.{:04}", rate / 10_000, rate % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn morning(day: NaiveDate) -> NaiveDateTime {
    day.and_time(chrono::NaiveTime::MIN) + TimeDelta::hours(5)
}

fn put_rows(
    files: &mut Landing,
    source: &str,
    at: NaiveDateTime,
    header: &[&str],
    rows: &[Vec<String>],
) -> Result<()> {
    let content = csv_bytes(b',', header, rows)?;
    files.put(&format!("{source}/{}.csv", at.date()), &content)
}
