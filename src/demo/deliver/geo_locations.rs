//! The geography the shop bought: postal codes, and which networks are where.

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;
use super::super::master::COUNTRIES;
use super::super::places::{CITY_NETWORKS, CODES, MOVED_NETWORKS, PLACES, first_octet};
use super::super::random::{Purpose, Random};
use super::{csv_bytes, without_zeros};

/// Writes the files: postal codes, networks as they were, and what has changed since.
pub(super) fn write(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut random = Random::new(Purpose::PlaceFiles);
    let first = shop.first_day();
    let degrees = |value: i64| {
        let sign = if value < 0 { "-" } else { "" };
        format!("{sign}{}.{:04}", value.abs() / 10_000, value.abs() % 10_000)
    };
    let mut codes = Vec::new();
    for place in PLACES {
        for number in 0..CODES {
            let code = place.postal_code(number);
            codes.push(vec![
                place.country().code.to_owned(),
                if random.chance(500) { without_zeros(&code) } else { code },
                place.city.to_owned(),
                place.region.to_owned(),
                degrees(place.latitude),
                degrees(place.longitude),
                first.to_string(),
            ]);
        }
    }
    let header =
        &["Country", "Postal Code", "City", "Region", "Latitude", "Longitude", "Updated At"];
    files.put(
        &format!("geo_locations/postal_codes_{first}.csv"),
        &csv_bytes(b',', header, &codes)?,
    )?;

    let header = &["Start IP", "End IP", "Country", "Region", "City", "Updated At"];
    let mut ranges = Vec::new();
    for (number, country) in COUNTRIES.iter().enumerate() {
        let octet = first_octet(number);
        ranges.push(vec![
            format!("{octet}.0.0.0"),
            format!("{octet}.3.255.255"),
            country.code.to_owned(),
            String::new(),
            String::new(),
            first.to_string(),
        ]);
    }
    for place in PLACES {
        let (a, b) = place.prefix();
        ranges.push(range((a, b, 0, CITY_NETWORKS - 1), place.country().code, place, first));
    }
    // An older record of the same networks, that a newer one has put right.
    let stale = first - chrono::Days::new(400);
    for place in PLACES.iter().filter(|place| place.prefix().1 == 1) {
        let (a, b) = place.prefix();
        ranges.push(range((a, b, 0, CITY_NETWORKS - 1), place.country().code, &PLACES[0], stale));
    }
    files
        .put(&format!("geo_locations/ip_ranges_{first}.csv"), &csv_bytes(b',', header, &ranges)?)?;

    let mut moved = Vec::new();
    for place in PLACES.iter().filter(|place| place.prefix().1 == 1) {
        let networks =
            (first_octet(place.country), 0, MOVED_NETWORKS.start, MOVED_NETWORKS.end - 1);
        moved.push(range(networks, place.country().code, place, first));
    }
    let later = shop.options.until;
    files.put(
        &format!("geo_locations/ip_ranges_{later}_more.csv"),
        &csv_bytes(b',', header, &moved)?,
    )
}

fn range(
    (a, b, from, to): (u8, u8, u8, u8),
    country: &str,
    place: &super::super::places::Place,
    updated: chrono::NaiveDate,
) -> Vec<String> {
    vec![
        format!("{a}.{b}.{from}.0"),
        format!("{a}.{b}.{to}.255"),
        country.to_owned(),
        place.region.to_owned(),
        place.city.to_owned(),
        updated.to_string(),
    ]
}
