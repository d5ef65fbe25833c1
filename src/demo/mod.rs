//! The shop's landing files and their truth.
//!
//! Owns what `lakeport demo` writes: clean tables first, then the same facts as their sources would
//! deliver them, dirty. The clean tables are the truth that the marts are compared with. Same
//! options, same bytes, on every platform: one seed, integer arithmetic, no clock, no hash order.
//!
//! Refuses to know how files are read or what a view does with them: a landing file here is bytes.

mod campaigns;
mod contacts;
mod deliver;
mod deployment;
mod facts;
mod files;
mod master;
mod orders;
mod payments;
mod people;
mod places;
mod random;
mod rates;
mod shipments;
mod spelling;
mod stock;
mod tick;
mod truth;
mod vendors;
mod visits;

pub use deployment::{Deployment, deployment};
pub use tick::{Tick, tick};

use std::ops::RangeInclusive;
use std::path::Path;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

use campaigns::Spend;
use contacts::{Assignment, Interaction};
use files::Landing;
use master::{Product, Store};
use orders::Order;
use payments::Payment;
use people::People;
use rates::Rates;
use shipments::Shipment;
use vendors::Offer;

/// What a browser or an app tells arrives so many days later at most.
const LATE_DAYS: u32 = 4;

/// Is told what is being written, how much is done and of how much.
pub type Progress<'a> = dyn Fn(&str, u64, u64) + Sync + 'a;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Order lines are 1,000,000 x scale x days / 730.
    pub scale: f64,
    /// Days of history, the last being `until`.
    pub days: u32,
    /// The last day.
    pub until: NaiveDate,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scale: 0.1,
            days: 30,
            until: NaiveDate::from_ymd_opt(2026, 10, 31).unwrap_or_default(),
        }
    }
}

/// What was generated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Orders in the truth.
    pub orders: u64,
    /// Order lines in the truth.
    pub order_lines: u64,
    /// Landing files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The clean tables, before anything is delivered.
#[derive(Debug)]
struct Shop {
    options: Options,
    /// Days after the options' last one.
    more_days: u32,
    /// Orders before those days.
    history: usize,
    stores: Vec<Store>,
    products: Vec<Product>,
    rates: Rates,
    orders: Vec<Order>,
    people: People,
    spend: Vec<Spend>,
    interactions: Vec<Interaction>,
    assignments: Vec<Assignment>,
    payments: Vec<Payment>,
    shipments: Vec<Shipment>,
    /// Vendor, day, offers.
    catalogues: Vec<(usize, NaiveDate, Vec<Offer>)>,
}

impl Shop {
    fn first_day(&self) -> NaiveDate {
        self.options.first_day()
    }

    /// The last second of the history.
    fn end(&self) -> NaiveDateTime {
        last_second(self.options.until)
    }

    /// The last second of all days.
    fn last_second(&self) -> NaiveDateTime {
        last_second(self.last_day())
    }

    /// A day after the history, by its number, from 1.
    fn further_day(&self, number: u32) -> NaiveDate {
        self.options.until + chrono::Days::new(u64::from(number))
    }

    /// The days after the history that something may arrive of on the last one, by their numbers.
    fn recent_days(&self) -> RangeInclusive<u32> {
        self.more_days.saturating_sub(LATE_DAYS).max(1)..=self.more_days
    }

    fn last_day(&self) -> NaiveDate {
        self.options.until + chrono::Days::new(u64::from(self.more_days))
    }

    fn summary(&self, files: &Landing) -> Summary {
        Summary {
            orders: self.orders.len() as u64,
            order_lines: self.orders.iter().map(|order| order.lines.len() as u64).sum(),
            files: files.count,
            bytes: files.bytes,
        }
    }

    /// Makes everything that is known at the end of `more_days` after the options' last one.
    fn generate(options: &Options, more_days: u32) -> Self {
        let until = options.until + chrono::Days::new(u64::from(more_days));
        let end = last_second(until);
        let stores = master::stores(options.first_day());
        let products = master::products(options);
        let mut orders = orders::generate(options, &stores, &products);
        let history = orders.len();
        orders::extend(options, &stores, &products, more_days, &mut orders);
        let mut shop = Self {
            people: People::generate(options, more_days, &orders[..history]),
            spend: campaigns::spend(options, more_days),
            interactions: Vec::new(),
            assignments: Vec::new(),
            payments: payments::generate(&orders, until),
            shipments: shipments::generate(&orders, end),
            catalogues: vendors::offers(&products, options.first_day(), until),
            rates: Rates::generate(options, until),
            options: options.clone(),
            more_days,
            history,
            stores,
            products,
            orders,
        };
        shop.interactions = contacts::interactions(&shop);
        shop.assignments = contacts::assignments(&shop);
        shop
    }
}

fn last_second(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN) + TimeDelta::seconds(86_399)
}

impl Options {
    /// Refuses what cannot be generated.
    ///
    /// # Errors
    /// `InvalidParameterValue`.
    pub fn validate(&self) -> Result<()> {
        let invalid = |what: String, hint: &str| {
            Err(Error::new(ErrorKind::InvalidParameterValue, what).hint(hint))
        };
        if !(self.scale > 0.0 && self.scale <= 100.0) {
            return invalid(
                format!("scale {} is out of range", self.scale),
                "Give a number above 0 and up to 100; 1 is a million order lines in two years.",
            );
        }
        if !(1..=3650).contains(&self.days) {
            return invalid(format!("{} days are out of range", self.days), "Give 1 to 3650 days.");
        }
        let years = NaiveDate::from_ymd_opt(2000, 1, 1)..=NaiveDate::from_ymd_opt(2100, 1, 1);
        if !years.contains(&Some(self.until)) {
            return invalid(
                format!("{} is out of range", self.until),
                "Give a day between 2000-01-01 and 2100-01-01.",
            );
        }
        Ok(())
    }

    fn first_day(&self) -> NaiveDate {
        self.until - chrono::Days::new(u64::from(self.days.saturating_sub(1)))
    }

    /// Order lines of the whole history, at least one a day.
    fn order_lines(&self) -> u64 {
        let lines = 1_000_000.0 * self.scale * f64::from(self.days) / 730.0;
        (lines.round() as u64).max(u64::from(self.days))
    }
}

/// Writes the landing files under `landing` and the clean tables under `landing/truth`.
///
/// A file that is there already with the same bytes is left as it is, so that running again
/// delivers nothing anew; after [`tick`] only the truth is written.
///
/// # Errors
/// `InvalidParameterValue` for options out of range, `ObjectNotInPrerequisiteState` when the folder
/// holds a demo of other options, `IoError` and `DiskFull` when writing fails.
pub fn generate(options: &Options, landing: &Path, progress: &Progress<'_>) -> Result<Summary> {
    options.validate()?;
    truth::claim(options, landing)?;
    if let Some(now) = tick::now(options, landing)? {
        return tick::write(options, landing, (now, now), progress);
    }
    let shop = Shop::generate(options, 0);
    let mut files = Landing::new(landing);
    files.open(deliver::SOURCES)?;
    write(&shop, &mut files, landing, progress)?;
    Ok(shop.summary(&files))
}

/// Writes the truth and, as far as `files` takes them, the landing files.
fn write(shop: &Shop, files: &mut Landing, landing: &Path, progress: &Progress<'_>) -> Result<()> {
    progress("truth", 0, 1);
    truth::write(shop, landing)?;
    facts::write(shop, landing)?;
    // What browsers tell takes as long as all else, and draws from streams of its own.
    let mut of_web = files.beside();
    let rest = std::thread::scope(|scope| {
        let web = scope.spawn(|| deliver::write_web(shop, &mut of_web, Some(landing), progress));
        let rest = write_rest(shop, files, landing, progress);
        let web = web.join().unwrap_or_else(|_| Err(Error::internal("writing web events ended")));
        rest.and(web)
    });
    files.count += of_web.count;
    files.bytes += of_web.bytes;
    rest
}

fn write_rest(
    shop: &Shop,
    files: &mut Landing,
    landing: &Path,
    progress: &Progress<'_>,
) -> Result<()> {
    deliver::write_customers(shop, files, Some(landing), progress)?;
    deliver::write(shop, files, progress)?;
    let (inventory, purchases) = deliver::play(shop, files, progress)?;
    truth::write_played(shop, landing, inventory, &purchases)
}
