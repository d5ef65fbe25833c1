//! The CRM's export: everybody it knows, as an array of JSON, in the words of Dynamics.
//!
//! It is a full snapshot, and a shop of two years with all of its customers in a file a day would be
//! mostly that. The CRM keeps its exports of the firsts of months and of the last three days, as such
//! systems do: at scale 1 and 730 days less than a million records, a twentieth of the naive size.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;
use super::super::people::Record;
use super::super::places::PLACES;
use super::super::random::{Purpose, Random};
use super::super::spelling::{DIAL, TRUNK};
use super::super::visits::scrambled;
use super::without_zeros;

/// Days whose snapshots are kept, beside the firsts of months.
const KEPT_DAYS: i64 = 3;

/// Writes the snapshots.
pub(super) fn write(shop: &Shop, files: &mut Landing, progress: &dyn Fn(u64, u64)) -> Result<()> {
    let mut random = Random::new(Purpose::Customers);
    // How a record is printed belongs to the record, not to the day.
    let styles: Vec<Style> = shop.people.records.iter().map(|_| Style::draw(&mut random)).collect();
    let days = shop.options.days + shop.more_days;
    for (number, day) in shop.first_day().iter_days().take(days as usize).enumerate() {
        progress(number as u64, u64::from(days));
        let name = format!("crm_customers/{day}.json");
        if !is_kept(shop, day) || !files.takes(&name) {
            continue;
        }
        let taken = day.and_time(NaiveTime::MIN) + TimeDelta::seconds(86_399);
        let mut content = String::from("[");
        for (record, style) in shop.people.records.iter().zip(&styles) {
            if record.created_at <= taken {
                content.push_str(if content.len() > 1 { ",\n" } else { "\n" });
                content.push_str(&object(record, style, taken));
            }
        }
        content.push_str("\n]\n");
        files.put(&name, content.as_bytes())?;
    }
    Ok(())
}

fn is_kept(shop: &Shop, day: NaiveDate) -> bool {
    let left = shop.options.until.signed_duration_since(day).num_days();
    day.day() == 1 || left < KEPT_DAYS
}

/// How an export prints a record.
struct Style {
    email: u8,
    phone: u8,
    born: bool,
    zeros: bool,
    shouts: bool,
}

impl Style {
    fn draw(random: &mut Random) -> Self {
        Self {
            email: random.between(0, 19) as u8,
            phone: random.between(0, 3) as u8,
            born: random.chance(200),
            zeros: random.chance(150),
            shouts: random.chance(60),
        }
    }

    /// Who has no address may have something that looks like one.
    fn email(&self, record: &Record) -> Option<String> {
        match (&record.email, self.email) {
            (Some(email), 0..=3) => Some(email.to_uppercase()),
            (Some(email), 4) => Some(format!(" {email} ")),
            (Some(email), _) => Some(email.clone()),
            (None, 0..=4) => Some("unknown".to_owned()),
            (None, 5..=9) => Some(format!("{}(at)mail.example", record.family.to_lowercase())),
            (None, 10) => Some("@".to_owned()),
            (None, _) => None,
        }
    }

    fn phone(&self, record: &Record) -> Option<String> {
        let country = PLACES[record.place].country;
        let (dial, trunk) = (DIAL[country], TRUNK[country]);
        let number = record.phone.as_deref()?.strip_prefix(dial)?;
        let (area, rest) = number.split_at(3);
        Some(match self.phone {
            0 => format!("+{dial} {area} {rest}"),
            1 => format!("00{dial}{number}"),
            2 => format!("{trunk}{area}/{rest}"),
            _ => format!("+{dial} ({area}) {}-{}", &rest[..3], &rest[3..]),
        })
    }
}

/// In capitals, if they can be told back: `De Jong` and `Groß` cannot.
fn shouted(name: &str) -> String {
    let capitals = name.to_uppercase();
    let back: String = capitals
        .chars()
        .enumerate()
        .flat_map(
            |(at, letter)| if at == 0 { vec![letter] } else { letter.to_lowercase().collect() },
        )
        .collect();
    if back == name { capitals } else { name.to_owned() }
}

fn object(record: &Record, style: &Style, taken: NaiveDateTime) -> String {
    // A snapshot from before the last change has the record as it was.
    let earlier = record.before.as_ref().filter(|_| taken < record.modified_at);
    let (street, consent, modified) = match earlier {
        Some((street, consent)) => (street, *consent, record.created_at),
        None => (&record.street, record.consent, record.modified_at),
    };
    let named = |name: &str| if style.shouts { shouted(name) } else { name.to_owned() };
    let postal = record.postal_code();
    let born = record.born.map(|born| {
        if style.born { born.format("%d.%m.%Y").to_string() } else { born.to_string() }
    });
    let time = |at: NaiveDateTime| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let place = &PLACES[record.place];
    let number = scrambled(u64::from(record.number));
    let fields = serde_json::json!({
        "contactid": format!("{:08x}-{:04x}-4000-8000-{number:012x}", number >> 32, number & 0xffff, number = number & 0xffff_ffff_ffff),
        "accountnumber": record.id(),
        "firstname": named(&record.given),
        "lastname": named(&record.family),
        "emailaddress1": style.email(record),
        "telephone1": style.phone(record),
        "birthdate": born,
        "address1_line1": street,
        "address1_postalcode": if style.zeros { without_zeros(&postal) } else { postal },
        "address1_city": place.city,
        "address1_country": place.country().code,
        "donotemail": !consent,
        "createdon": time(record.created_at),
        "modifiedon": time(modified),
    });
    fields.to_string()
}
