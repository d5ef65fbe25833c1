//! The warehouse system's stock: one CSV a day with what moved, and a full count on the 1st.

use chrono::NaiveDate;

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;
use super::super::random::{Purpose, Random};
use super::super::stock::{Status, StockRow, Watcher, location_id};
use super::super::truth::InventoryTable;
use super::{csv_bytes, without_zeros};

const COLUMNS: &[&str] = &[
    "Material",
    "Plant",
    "Posting Date",
    "Document",
    "Stock",
    "Received",
    "Issued",
    "Status",
    "Movement",
];

/// Takes the days as they are played: each becomes a landing file and rows of the truth.
pub(super) struct Delivery<'a> {
    random: Random,
    files: &'a mut Landing,
    truth: InventoryTable,
    progress: &'a dyn Fn(u64, u64),
    /// Documents so far.
    documents: u64,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(files: &'a mut Landing, progress: &'a dyn Fn(u64, u64)) -> Self {
        Self {
            random: Random::new(Purpose::InventoryFiles),
            truth: InventoryTable::new(),
            files,
            progress,
            documents: 0,
        }
    }

    /// The truth of all days.
    pub(super) fn into_truth(self) -> InventoryTable {
        self.truth
    }

    fn row(&mut self, shop: &Shop, day: NaiveDate, row: &StockRow) -> Vec<String> {
        self.documents += 1;
        let german = row.store.is_none_or(|store| shop.stores[store].country.code == "DE");
        let status = match (row.status, german) {
            (Status::Available, true) => "verfügbar",
            (Status::Available, false) => "available",
            (Status::Inspection, true) => "in Prüfung",
            (Status::Inspection, false) => "quality inspection",
            (Status::Blocked, true) => "gesperrt",
            (Status::Blocked, false) => "BLOCKED",
        };
        vec![
            shop.products[row.product].sku.clone(),
            location_id(shop, row.store).to_owned(),
            day.format("%d.%m.%Y").to_string(),
            format!("{:010}", self.documents),
            row.on_hand.to_string(),
            row.received.to_string(),
            row.issued.to_string(),
            status.to_owned(),
            if row.counted { "COUNT" } else { "MOVE" }.to_owned(),
        ]
    }
}

impl Watcher for Delivery<'_> {
    fn day(&mut self, shop: &Shop, day: NaiveDate, rows: &[StockRow]) -> Result<()> {
        self.truth.day(shop, day, rows)?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::with_capacity(rows.len() + rows.len() / 64);
        for row in rows {
            let mut line = self.row(shop, day, row);
            if self.random.chance(5) {
                // Sold before the goods were booked: the next document puts it right.
                let mut early = line.clone();
                early[4] = format!("{}-", self.random.between(1, 9));
                lines.push(early);
                line = self.row(shop, day, row);
            }
            if self.random.chance(10) {
                line[0] = without_zeros(&line[0]);
            }
            if self.random.chance(4) {
                lines.push(line.clone());
            }
            if self.random.chance(1) {
                // A material that was never created, taken from stock nevertheless.
                let mut ghost = self.row(shop, day, row);
                ghost[0] = format!("99{:06}", self.random.between(0, 999_999));
                ghost[4] = "1-".to_owned();
                lines.push(ghost);
            }
            lines.push(line);
        }
        let content = csv_bytes(b';', COLUMNS, &lines)?;
        self.files.put(&format!("inventory/{day}.csv"), &content)?;
        if self.random.chance(20) {
            self.files.put(&format!("inventory/{day}_resend.csv"), &content)?;
        }
        let done = day.signed_duration_since(shop.first_day()).num_days().max(0) as u64;
        (self.progress)(done, u64::from(shop.options.days));
        Ok(())
    }
}
