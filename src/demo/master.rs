//! Clean master data: stores and products.

use chrono::{Days, NaiveDate};

use super::Options;
use super::random::{Purpose, Random};

/// A country the shop sells in.
#[derive(Debug)]
pub(super) struct Country {
    pub(super) code: &'static str,
    pub(super) currency: &'static str,
    /// What is printed before a price at the till.
    pub(super) symbol: &'static str,
    /// Percent contained in prices.
    pub(super) tax: i64,
    /// Prices against the euro's list price, in percent.
    pub(super) level: i64,
    cities: &'static [&'static str],
}

const fn country(
    code: &'static str,
    currency: &'static str,
    symbol: &'static str,
    tax: i64,
    level: i64,
    cities: &'static [&'static str],
) -> Country {
    Country { code, currency, symbol, tax, level, cities }
}

pub(super) const COUNTRIES: &[Country] = &[
    country("DE", "EUR", "€", 19, 100, &["Berlin", "Hamburg", "Köln", "Leipzig"]),
    country("FR", "EUR", "€", 20, 104, &["Paris", "Lyon", "Nantes"]),
    country("NL", "EUR", "€", 21, 101, &["Utrecht", "Rotterdam"]),
    country("IT", "EUR", "€", 22, 98, &["Milano", "Torino", "Bari"]),
    country("ES", "EUR", "€", 21, 96, &["Madrid", "Sevilla"]),
    country("GB", "GBP", "£", 20, 88, &["London", "Leeds", "Bristol, Cabot Circus"]),
    country("US", "USD", "$", 0, 112, &["Boston", "Denver", "Austin", "Portland"]),
    country("CA", "CAD", "C$", 5, 152, &["Toronto", "Montréal"]),
    country("AU", "AUD", "A$", 10, 168, &["Sydney", "Perth"]),
];

/// The web shop's customers by country, in percent.
pub(super) const ONLINE_SHARE: &[i64] = &[24, 13, 8, 9, 7, 15, 14, 6, 4];

/// A shop.
#[derive(Debug)]
pub(super) struct Store {
    /// Three digits.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) city: &'static str,
    pub(super) country: &'static Country,
    pub(super) opened_on: NaiveDate,
}

/// Sixty stores, dealt out to the countries in turn.
pub(super) fn stores(first_day: NaiveDate) -> Vec<Store> {
    (0..60_usize)
        .map(|number| {
            let country = &COUNTRIES[number % COUNTRIES.len()];
            let city = country.cities[(number / COUNTRIES.len()) % country.cities.len()];
            Store {
                id: format!("{:03}", number + 1),
                name: format!("Lakeport {city} {}", number / COUNTRIES.len() + 1),
                city,
                country,
                opened_on: first_day - Days::new(200 + 61 * number as u64),
            }
        })
        .collect()
}

/// A product.
#[derive(Debug)]
pub(super) struct Product {
    /// Eight digits, leading zeros included.
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) brand: &'static str,
    pub(super) category: &'static str,
    /// Euro cents, today.
    pub(super) cost_cents: i64,
    /// Euro cents, today.
    pub(super) price_cents: i64,
}

/// A category, what older deliveries call it, and its nouns with their prices in euro.
#[derive(Debug)]
pub(super) struct Category {
    pub(super) name: &'static str,
    pub(super) old_name: &'static str,
    nouns: &'static [(&'static str, i64, i64)],
}

pub(super) const CATEGORIES: &[Category] = &[
    Category {
        name: "Audio",
        old_name: "Music, Movies and Audio Books",
        nouns: &[("Headphones", 19, 349), ("Soundbar", 99, 799), ("Bluetooth Speaker", 15, 249)],
    },
    Category {
        name: "Cameras",
        old_name: "Cameras and camcorders",
        nouns: &[("Action Camera", 89, 499), ("Mirrorless Camera", 499, 2899), ("Tripod", 15, 199)],
    },
    Category {
        name: "Computers",
        old_name: "Computers",
        nouns: &[("Laptop", 349, 2499), ("Monitor", 99, 999), ("Mouse", 9, 99), ("Dock", 49, 299)],
    },
    Category {
        name: "Games",
        old_name: "Games and Toys",
        nouns: &[("Controller", 29, 179), ("Console", 249, 599), ("Headset", 29, 249)],
    },
    Category {
        name: "Home Appliances",
        old_name: "Home Appliances",
        nouns: &[("Coffee Machine", 49, 899), ("Vacuum Cleaner", 69, 699), ("Toaster", 19, 129)],
    },
    Category {
        name: "Phones",
        old_name: "Cell phones",
        nouns: &[("Smartphone", 129, 1399), ("Phone Case", 7, 49), ("Charger", 9, 79)],
    },
    Category {
        name: "TV and Video",
        old_name: "TV & Video",
        nouns: &[("OLED TV", 599, 3499), ("Projector", 199, 1799), ("Streaming Stick", 25, 79)],
    },
];

const BRANDS: &[&str] =
    &["Adventure Works", "Contoso", "Fabrikam", "Litware", "Northwind", "Proseware", "Tailspin"];

/// 2500 x scale products, 100 at least.
pub(super) fn products(options: &Options) -> Vec<Product> {
    let mut random = Random::new(Purpose::Products);
    let count = ((2500.0 * options.scale).round() as u64).max(100);
    (0..count)
        .map(|number| {
            let category = &CATEGORIES[random.index(CATEGORIES.len())];
            let (noun, low, high) = category.nouns[random.index(category.nouns.len())];
            let brand = BRANDS[random.index(BRANDS.len())];
            // Squaring the draw makes cheap products common.
            let spread = random.between(0, 1000);
            let euro = low + (high - low) * spread * spread / 1_000_000;
            let price_cents = euro * 100 + 99;
            Product {
                sku: format!("{:08}", 1_001 + number * 37),
                name: format!("{brand} {noun} {}{}", letter(number), 100 + number % 900),
                brand,
                category: category.name,
                cost_cents: price_cents * random.between(45, 82) / 100,
                price_cents,
            }
        })
        .collect()
}

fn letter(number: u64) -> char {
    char::from(b'A' + (number % 26) as u8)
}
