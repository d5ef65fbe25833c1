//! Clean geography: the cities people live in, their postal codes, and the networks they surf from.

use super::master::{COUNTRIES, Country};
use super::random::Random;

/// A city.
#[derive(Debug)]
pub(super) struct Place {
    /// Of [`COUNTRIES`].
    pub(super) country: usize,
    pub(super) city: &'static str,
    pub(super) region: &'static str,
    /// The first of its postal codes, as a number where the country has numbers.
    code: u32,
    /// In ten-thousandths of a degree.
    pub(super) latitude: i64,
    pub(super) longitude: i64,
    /// The second octet of its networks; the first tells the country.
    octet: u8,
}

const fn place(
    country: usize,
    octet: u8,
    city: &'static str,
    region: &'static str,
    code: u32,
    at: (i64, i64),
) -> Place {
    Place { country, city, region, code, latitude: at.0, longitude: at.1, octet }
}

pub(super) const PLACES: &[Place] = &[
    place(0, 0, "Berlin", "Berlin", 10_115, (525_200, 134_050)),
    place(0, 1, "Hamburg", "Hamburg", 20_095, (535_511, 99_937)),
    place(0, 2, "Leipzig", "Sachsen", 4_103, (513_397, 123_731)),
    place(1, 0, "Paris", "Île-de-France", 75_001, (488_566, 23_522)),
    place(1, 1, "Lyon", "Auvergne-Rhône-Alpes", 69_001, (457_640, 48_357)),
    place(1, 2, "Nice", "Provence-Alpes-Côte d'Azur", 6_000, (437_102, 72_620)),
    place(2, 0, "Utrecht", "Utrecht", 3_511, (520_907, 51_214)),
    place(2, 1, "Rotterdam", "Zuid-Holland", 3_011, (519_244, 44_777)),
    place(3, 0, "Milano", "Lombardia", 20_121, (454_642, 91_900)),
    place(3, 1, "Roma", "Lazio", 184, (419_028, 124_964)),
    place(4, 0, "Madrid", "Comunidad de Madrid", 28_001, (404_168, -37_038)),
    place(4, 1, "Barcelona", "Cataluña", 8_001, (413_874, 21_686)),
    place(5, 0, "London", "England", 1, (515_074, -1_278)),
    place(5, 1, "Leeds", "England", 1, (538_008, -15_491)),
    place(5, 2, "Cardiff", "Wales", 10, (514_816, -31_791)),
    place(6, 0, "Boston", "Massachusetts", 2_108, (423_601, -710_589)),
    place(6, 1, "Denver", "Colorado", 80_202, (397_392, -1_049_903)),
    place(6, 2, "Austin", "Texas", 78_701, (302_672, -977_431)),
    place(7, 0, "Toronto", "Ontario", 2, (436_532, -793_832)),
    place(7, 1, "Montréal", "Québec", 1, (455_017, -735_673)),
    place(8, 0, "Sydney", "New South Wales", 2_000, (-338_688, 1_512_093)),
    place(8, 1, "Darwin", "Northern Territory", 800, (-124_634, 1_308_456)),
];

/// Postal codes of a city.
pub(super) const CODES: u32 = 8;
/// The third octet of a city's networks is below this; above it only the country is known.
pub(super) const CITY_NETWORKS: u8 = 128;
/// Networks of a country's first city that belong to its second by now.
pub(super) const MOVED_NETWORKS: std::ops::Range<u8> = 64..80;

impl Place {
    pub(super) fn country(&self) -> &'static Country {
        &COUNTRIES[self.country]
    }

    /// The `number`th postal code, as it is written in the country.
    pub(super) fn postal_code(&self, number: u32) -> String {
        let letter = |step: u32| char::from(b'A' + ((number * 7 + step) % 20) as u8);
        match self.country().code {
            "NL" => format!("{:04} {}{}", self.code + number, letter(3), letter(11)),
            "GB" => {
                let area = match self.city {
                    "London" => "SE",
                    "Leeds" => "LS",
                    _ => "CF",
                };
                format!("{area}{} {}{}{}", self.code + number, number % 9 + 1, letter(0), letter(5))
            }
            "CA" => {
                let area = if self.city == "Toronto" { 'M' } else { 'H' };
                format!(
                    "{area}{}{} {}{}{}",
                    self.code,
                    letter(1),
                    number % 9,
                    letter(9),
                    number % 7
                )
            }
            "AU" => format!("{:04}", self.code + number),
            _ => format!("{:05}", self.code + number),
        }
    }

    /// The first two octets of its networks.
    pub(super) fn prefix(&self) -> (u8, u8) {
        (first_octet(self.country), self.octet)
    }
}

/// Networks are told apart by country in their first octet.
pub(super) fn first_octet(country: usize) -> u8 {
    81 + country as u8
}

/// An address, and what is known of where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Address {
    pub(super) octets: [u8; 4],
    /// Of [`COUNTRIES`].
    pub(super) country: Option<usize>,
    /// Of [`PLACES`].
    pub(super) place: Option<usize>,
}

impl Address {
    /// One in `place`, mostly; some networks are known by country only, some not at all.
    pub(super) fn draw(random: &mut Random, place: usize) -> Self {
        let at = &PLACES[place];
        let (first, second) = at.prefix();
        let last = random.between(1, 254) as u8;
        let kind = random.between(0, 99);
        if kind < 2 {
            return Self { octets: [203, 0, 113, last], country: None, place: None };
        }
        let third = if kind < 7 {
            random.between(i64::from(CITY_NETWORKS), 255)
        } else {
            random.between(0, i64::from(CITY_NETWORKS) - 1)
        } as u8;
        let known = if third >= CITY_NETWORKS {
            None
        } else if second == 0 && MOVED_NETWORKS.contains(&third) {
            PLACES.iter().position(|other| other.country == at.country && other.octet == 1)
        } else {
            Some(place)
        };
        Self { octets: [first, second, third, last], country: Some(at.country), place: known }
    }

    pub(super) fn text(&self) -> String {
        let [a, b, c, d] = self.octets;
        format!("{a}.{b}.{c}.{d}")
    }

    pub(super) fn country_code(&self) -> Option<&'static str> {
        self.country.map(|country| COUNTRIES[country].code)
    }

    pub(super) fn region(&self) -> Option<&'static str> {
        self.place.map(|place| PLACES[place].region)
    }

    pub(super) fn city(&self) -> Option<&'static str> {
        self.place.map(|place| PLACES[place].city)
    }
}

/// A city of a country.
pub(super) fn place_in(random: &mut Random, country_code: &str) -> usize {
    let inside = |place: &Place| place.country().code == country_code;
    let count = PLACES.iter().filter(|place| inside(place)).count().max(1);
    let chosen = random.index(count);
    let mut places = PLACES.iter().enumerate().filter(|(_, place)| inside(place));
    places.nth(chosen).map_or(0, |(number, _)| number)
}
