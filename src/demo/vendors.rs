//! Clean vendors, and what they offer week by week.

use chrono::{Days, NaiveDate};

use super::master::Product;
use super::random::{Purpose, Random};

/// A third party that sells to the shop.
#[derive(Debug)]
pub(super) struct Vendor {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) country: &'static str,
    pub(super) currency: &'static str,
    /// Prices against the euro's cost, in percent.
    level: i64,
    /// Days until an invoice is due.
    pub(super) terms_days: i64,
    /// Days from order to delivery, as promised.
    pub(super) lead_days: i64,
}

const fn vendor(
    id: &'static str,
    name: &'static str,
    country: &'static str,
    currency: &'static str,
    level: i64,
    days: (i64, i64),
) -> Vendor {
    Vendor { id, name, country, currency, level, terms_days: days.0, lead_days: days.1 }
}

pub(super) const VENDORS: &[Vendor] = &[
    vendor("V01", "Contoso Distribution", "DE", "EUR", 100, (30, 3)),
    vendor("V02", "Fabrikam Wholesale", "NL", "EUR", 97, (45, 6)),
    vendor("V03", "Litware Components", "GB", "GBP", 86, (30, 5)),
    vendor("V04", "Northwind Import", "US", "USD", 113, (60, 12)),
    vendor("V05", "Proseware Trading", "FR", "EUR", 103, (14, 2)),
    vendor("V06", "Tailspin Electronics", "US", "USD", 108, (30, 9)),
];

/// The vendors of a product: one, or two for most.
pub(super) fn vendors_of(product: usize) -> impl Iterator<Item = usize> {
    let first = product * 5 % VENDORS.len();
    let second = (product / 3 + 1) % VENDORS.len();
    std::iter::once(first).chain(Some(second).filter(move |second| *second != first))
}

/// What a vendor asks for a piece, in cents of its currency, before any change.
pub(super) fn base_cents(vendor: usize, number: usize, product: &Product) -> i64 {
    let spread = 96 + ((number * 13 + vendor * 5) % 9) as i64;
    (product.cost_cents * VENDORS[vendor].level * spread / 10_000).max(1)
}

/// An offer of one week.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) vendor: usize,
    pub(super) product: usize,
    /// For one piece.
    pub(super) cents: i64,
    pub(super) available: i64,
    pub(super) lead_days: i64,
    pub(super) discontinued: bool,
    pub(super) as_of: NaiveDate,
}

/// Catalogues: each vendor's own weekday, the first in the week of `first_day`.
pub(super) fn offers(
    products: &[Product],
    first_day: NaiveDate,
    until: NaiveDate,
) -> Vec<(usize, NaiveDate, Vec<Offer>)> {
    let mut random = Random::new(Purpose::Vendors);
    let mut catalogues = Vec::new();
    // The day before the first order all vendors deliver, so that each product has an offer.
    let mut day = first_day - Days::new(1);
    let mut number = 0_usize;
    while day <= until {
        for vendor in 0..VENDORS.len() {
            if number == 0 || number % 7 == vendor + 1 {
                catalogues.push((vendor, day, catalogue(&mut random, products, vendor, day)));
            }
        }
        day = day + Days::new(1);
        number += 1;
    }
    catalogues
}

fn catalogue(
    random: &mut Random,
    products: &[Product],
    vendor: usize,
    day: NaiveDate,
) -> Vec<Offer> {
    let mut offers = Vec::new();
    for (number, product) in products.iter().enumerate() {
        if !vendors_of(number).any(|one| one == vendor) {
            continue;
        }
        let base = base_cents(vendor, number, product);
        let cents = (base * random.between(97, 104) / 100).max(1);
        let sold_out = random.chance(80);
        let available = if sold_out { 0 } else { random.between(1, 900) };
        offers.push(Offer {
            vendor,
            product: number,
            cents,
            available,
            lead_days: VENDORS[vendor].lead_days + random.between(0, 2),
            discontinued: random.chance(15),
            as_of: day,
        });
    }
    offers
}
