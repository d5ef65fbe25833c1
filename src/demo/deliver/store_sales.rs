//! The tills: one CSV a store and day with sales, in the form its till version writes.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;
use super::super::orders::{Channel, Line, Order};
use super::super::random::{Purpose, Random};
use super::{csv_bytes, decimal_text, without_zeros};

const OLD_COLUMNS: &[&str] = &[
    "Store",
    "Receipt",
    "Line",
    "Sold At",
    "SKU",
    "Qty",
    "Unit Price",
    "Discount",
    "VAT",
    "Currency",
    "Customer",
    "Rev",
];

const NEW_COLUMNS: &[&str] = &[
    "Store ID",
    "Sold At",
    "Receipt No",
    "Line No",
    "Article",
    "Quantity",
    "Unit Price",
    "Line Discount",
    "VAT",
    "Currency",
    "Customer",
    "Revision",
    "Till Version",
];

/// Unknown articles get line numbers that no receipt reaches.
const UNKNOWN_LINE: u32 = 90;

/// Writes all stores' days.
pub(super) fn write(shop: &Shop, files: &mut Landing, progress: &dyn Fn(u64, u64)) -> Result<()> {
    let mut days: BTreeMap<(usize, NaiveDate), Vec<&Order>> = BTreeMap::new();
    for order in &shop.orders {
        if let Channel::Store(store) = order.channel {
            days.entry((store, order.at.date())).or_default().push(order);
        }
    }
    let mut random = Random::new(Purpose::StoreSales);
    let all = days.len() as u64;
    for (done, ((store, day), orders)) in days.into_iter().enumerate() {
        progress(done as u64, all);
        let version = till_version(shop, store, day);
        let mut till = Till { random: &mut random, version, sales: Vec::new(), late: Vec::new() };
        for order in orders {
            till.order(shop, &shop.stores[store].id, order);
        }
        let folder = format!("store_sales/{}", shop.stores[store].id);
        let (sales, late) = (till.sales, till.late);
        let content = version.file(&sales)?;
        files.put(&format!("{folder}/{day}.csv"), &content)?;
        if random.chance(10) {
            files.put(&format!("{folder}/{day}_resend.csv"), &content)?;
        }
        if !late.is_empty() {
            files.put(&format!("{folder}/{day}_correction.csv"), &version.file(&late)?)?;
        }
    }
    Ok(())
}

/// How a till writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Old,
    New,
}

/// A third of the stores has new tills, a third gets them half way through.
fn till_version(shop: &Shop, store: usize, day: NaiveDate) -> Version {
    let half = i64::from(shop.options.days / 2);
    let later = day.signed_duration_since(shop.first_day()).num_days() >= half;
    match store % 3 {
        0 => Version::Old,
        1 if !later => Version::Old,
        _ => Version::New,
    }
}

impl Version {
    fn file(self, sales: &[Sale]) -> Result<Vec<u8>> {
        let rows: Vec<Vec<String>> = sales.iter().map(|sale| self.row(sale)).collect();
        match self {
            Version::Old => csv_bytes(b';', OLD_COLUMNS, &rows),
            Version::New => csv_bytes(b',', NEW_COLUMNS, &rows),
        }
    }

    fn row(self, sale: &Sale) -> Vec<String> {
        let sale = sale.clone();
        match self {
            Version::Old => vec![
                sale.store,
                sale.receipt,
                sale.line,
                sale.sold_at,
                sale.sku,
                sale.quantity,
                sale.price,
                sale.discount,
                sale.vat,
                sale.currency,
                sale.customer,
                sale.revision,
            ],
            Version::New => vec![
                sale.store,
                sale.sold_at,
                sale.receipt,
                sale.line,
                sale.sku,
                sale.quantity,
                sale.price,
                sale.discount,
                sale.vat,
                sale.currency,
                sale.customer,
                sale.revision,
                "2.4".to_owned(),
            ],
        }
    }
}

/// A line as it is printed.
#[derive(Debug, Clone)]
struct Sale {
    store: String,
    receipt: String,
    line: String,
    sold_at: String,
    sku: String,
    quantity: String,
    price: String,
    discount: String,
    vat: String,
    currency: String,
    customer: String,
    revision: String,
}

/// One till's day.
struct Till<'a> {
    random: &'a mut Random,
    version: Version,
    sales: Vec<Sale>,
    /// Lines that are put right in a second file.
    late: Vec<Sale>,
}

impl Till<'_> {
    fn order(&mut self, shop: &Shop, store: &str, order: &Order) {
        for line in &order.lines {
            let sku = shop.products[line.product].sku.as_str();
            let mut sale = self.sale(store, order, line, sku);
            if self.random.chance(50) {
                sale.sku = without_zeros(sku);
            }
            if self.random.chance(5) {
                let mut right = sale.clone();
                right.revision = "2".to_owned();
                self.late.push(right);
                sale.quantity = (line.quantity + 1).to_string();
            }
            if self.random.chance(10) {
                self.sales.push(sale.clone());
            }
            self.sales.push(sale);
        }
        if self.random.chance(6) {
            let line = Line { number: UNKNOWN_LINE, ..order.lines[0].clone() };
            let sku = format!("99{:06}", self.random.between(0, 999_999));
            let sale = self.sale(store, order, &line, &sku);
            self.sales.push(sale);
        }
    }

    fn sale(&self, store: &str, order: &Order, line: &Line, sku: &str) -> Sale {
        let symbol = order.country.symbol;
        // The receipt's own number: the order's, without the store.
        let receipt = order.id.split_once('-').map_or(order.id.as_str(), |(_, receipt)| receipt);
        let discount = match (self.version, line.discount_cents) {
            (Version::Old, 0) => String::new(),
            (_, cents) => format!("{symbol}{} ", decimal_text(cents)),
        };
        Sale {
            store: store.to_owned(),
            receipt: receipt.to_owned(),
            line: line.number.to_string(),
            sold_at: order.at.format("%d/%m/%Y %H:%M:%S").to_string(),
            sku: sku.to_owned(),
            quantity: line.quantity.to_string(),
            price: format!("{symbol}{} ", decimal_text(line.price_cents)),
            discount,
            vat: format!("{}%", order.country.tax),
            currency: order.country.currency.to_owned(),
            customer: order.customer.clone().unwrap_or_default(),
            revision: "1".to_owned(),
        }
    }
}
