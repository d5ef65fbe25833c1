//! Clean people: who is behind the customer numbers that orders carry, and what the CRM has of them.
//!
//! Some people are in the CRM two or three times, under numbers of their own and with words spelt
//! otherwise; that is what is to be found out again. What the CRM holds is the truth of a record,
//! typing mistakes included; what its export makes of a record is `deliver`'s.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::Options;
use super::master::ONLINE_SHARE;
use super::orders::{Order, customer_count};
use super::places::{CODES, PLACES, place_in};
use super::random::{Purpose, Random};
use super::spelling::{self, FAMILY, GIVEN, STREETS};

/// A person.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) given: &'static str,
    pub(super) family: &'static str,
    pub(super) email: String,
    /// Digits with the country's, without a sign before them.
    pub(super) phone: String,
    pub(super) born: NaiveDate,
    pub(super) street: String,
    pub(super) code: u32,
    /// Of [`PLACES`].
    pub(super) place: usize,
    /// Numbers of the person's CRM records, from 1; the first is the oldest.
    pub(super) records: Vec<u32>,
}

/// What the CRM holds under one customer number.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) number: u32,
    /// Of [`People::persons`].
    pub(super) person: usize,
    pub(super) given: String,
    pub(super) family: String,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) born: Option<NaiveDate>,
    pub(super) street: Option<String>,
    pub(super) code: u32,
    pub(super) place: usize,
    pub(super) consent: bool,
    pub(super) created_at: NaiveDateTime,
    pub(super) modified_at: NaiveDateTime,
    /// The street, and the consent, before the last change.
    pub(super) before: Option<(Option<String>, bool)>,
}

impl Record {
    pub(super) fn id(&self) -> String {
        customer_id(self.number)
    }

    pub(super) fn postal_code(&self) -> String {
        PLACES[self.place].postal_code(self.code)
    }
}

/// As orders have it.
pub(super) fn customer_id(number: u32) -> String {
    format!("C{number:07}")
}

/// Everybody.
#[derive(Debug)]
pub(super) struct People {
    pub(super) persons: Vec<Person>,
    /// The record with number n is at n - 1.
    pub(super) records: Vec<Record>,
    /// Persons and records at the end of the history.
    pub(super) history: (usize, usize),
}

impl People {
    /// Who is known after the history, whose orders are given, and after so many more days, each of which
    /// brings some new records and changes some old ones.
    pub(super) fn generate(options: &Options, more_days: u32, orders: &[Order]) -> Self {
        let count = customer_count(options);
        let mut maker = Maker {
            random: Random::new(Purpose::People),
            first_day: options.first_day(),
            end: options.until.and_time(NaiveTime::MIN) + TimeDelta::seconds(86_399),
            first_orders: first_orders(orders, count),
            persons: Vec::new(),
        };
        let mut records: Vec<Record> =
            (1..=count as u32).map(|number| maker.record(number)).collect();
        let history = (maker.persons.len(), records.len());
        for number in 1..=more_days {
            maker.random = Random::of(Purpose::People, number as usize);
            maker.further_day(options.until + Days::new(u64::from(number)), count, &mut records);
        }
        Self { persons: maker.persons, records, history }
    }

    /// The records that a person had at the end of the history.
    pub(super) fn records_of(&self, person: usize) -> &[u32] {
        let all = &self.persons[person].records;
        &all[..all.partition_point(|number| *number as usize <= self.history.1)]
    }

    /// The person behind an order's customer number.
    pub(super) fn person_of(&self, customer: &str) -> Option<usize> {
        let number: usize = customer.get(1..)?.parse().ok()?;
        self.records.get(number.checked_sub(1)?).map(|record| record.person)
    }
}

/// When each customer number first bought something.
fn first_orders(orders: &[Order], count: usize) -> Vec<Option<NaiveDateTime>> {
    let mut first = vec![None; count];
    for order in orders {
        let number = order.customer.as_deref().and_then(|id| id.get(1..)?.parse::<usize>().ok());
        if let Some(slot) = number.and_then(|number| first.get_mut(number.checked_sub(1)?)) {
            let earliest = slot.map_or(order.at, |at: NaiveDateTime| at.min(order.at));
            *slot = Some(earliest);
        }
    }
    first
}

struct Maker {
    random: Random,
    first_day: NaiveDate,
    end: NaiveDateTime,
    first_orders: Vec<Option<NaiveDateTime>>,
    persons: Vec<Person>,
}

impl Maker {
    fn record(&mut self, number: u32) -> Record {
        if self.persons.len() > 3 && self.random.chance(80) {
            let person = self.random.index(self.persons.len());
            if self.persons[person].records.len() < 3 {
                self.persons[person].records.push(number);
                let record = self.exact(number, person);
                return self.misspelt(record);
            }
        }
        let person = self.person(number);
        self.persons.push(person);
        let mut record = self.exact(number, self.persons.len() - 1);
        // Who is in there once may have left something out as well.
        if self.random.chance(30) {
            record.email = None;
        }
        if self.random.chance(80) {
            record.phone = None;
        }
        record
    }

    /// A new person: some live with another one, and share what such people share.
    fn person(&mut self, number: u32) -> Person {
        let given = GIVEN[self.random.index(GIVEN.len())];
        let family = FAMILY[self.random.index(FAMILY.len())];
        let born = NaiveDate::from_ymd_opt(1945, 1, 1).unwrap_or_default()
            + Days::new(self.random.between(0, 22_500) as u64);
        let place = self.home();
        let street = STREETS[self.random.index(STREETS.len())];
        let mut person = Person {
            given,
            family,
            email: spelling::email(given, family, number),
            phone: spelling::phone(&mut self.random, place),
            born,
            street: format!("{street} {}", self.random.between(1, 180)),
            code: self.random.between(0, i64::from(CODES) - 1) as u32,
            place,
            records: vec![number],
        };
        if !self.persons.is_empty() && self.random.chance(50) {
            let other = &self.persons[self.random.index(self.persons.len())];
            person.family = other.family;
            person.street.clone_from(&other.street);
            person.code = other.code;
            person.place = other.place;
            person.phone = if self.random.chance(500) {
                other.phone.clone()
            } else {
                spelling::phone(&mut self.random, other.place)
            };
            if self.random.chance(60) {
                person.given = other.given;
            }
        }
        person
    }

    /// A day after the history: one record in a thousand is new, as many have moved.
    fn further_day(&mut self, day: NaiveDate, count: usize, records: &mut Vec<Record>) {
        let midnight = day.and_time(NaiveTime::MIN);
        let some = count.div_ceil(1_000);
        for _ in 0..some {
            let mut record = self.record(records.len() as u32 + 1);
            record.created_at = midnight + TimeDelta::seconds(self.random.between(0, 86_399));
            record.modified_at = record.created_at;
            record.before = None;
            records.push(record);
        }
        for _ in 0..some {
            let chosen = self.random.index(count);
            let at = midnight + TimeDelta::seconds(self.random.between(0, 86_399));
            let street = STREETS[self.random.index(STREETS.len())];
            let street = format!("{street} {}", self.random.between(1, 180));
            let record = &mut records[chosen];
            record.before = Some((record.street.replace(street), record.consent));
            record.consent = !record.consent;
            record.modified_at = at;
        }
    }

    fn home(&mut self) -> usize {
        let mut draw = self.random.between(0, ONLINE_SHARE.iter().sum::<i64>() - 1);
        for (country, share) in super::master::COUNTRIES.iter().zip(ONLINE_SHARE) {
            if draw < *share {
                return place_in(&mut self.random, country.code);
            }
            draw -= share;
        }
        0
    }

    /// The record as the person would have written it.
    fn exact(&mut self, number: u32, person: usize) -> Record {
        let earlier = self.first_day.and_time(NaiveTime::MIN)
            - TimeDelta::minutes(self.random.between(1_000, 1_500_000));
        let first = self.first_orders.get(number as usize - 1).copied().flatten();
        let created_at = match first {
            Some(at) if self.random.chance(500) => at - TimeDelta::minutes(3),
            _ => earlier,
        };
        let of = self.persons[person].clone();
        let mut record = Record {
            number,
            person,
            given: of.given.to_owned(),
            family: of.family.to_owned(),
            email: Some(of.email),
            phone: Some(of.phone),
            born: Some(of.born),
            street: Some(of.street),
            code: of.code,
            place: of.place,
            consent: self.random.chance(700),
            created_at,
            modified_at: created_at,
            before: None,
        };
        if self.random.chance(150) {
            let all = self.end.signed_duration_since(created_at).num_minutes().max(1);
            record.before = Some((record.street.clone(), true));
            record.modified_at = created_at + TimeDelta::minutes(self.random.between(0, all));
            record.consent = !self.random.chance(700);
        }
        record
    }

    /// The record as it is when somebody else typed it in, years later.
    fn misspelt(&mut self, mut record: Record) -> Record {
        let random = &mut self.random;
        match random.between(0, 99) {
            0..=19 => record.given = spelling::typo(random, &record.given),
            20..=27 => record.given = record.given.chars().take(1).chain(['.']).collect(),
            28..=35 => record.given = spelling::plain(&record.given),
            _ => {}
        }
        match random.between(0, 99) {
            0..=19 => record.family = spelling::typo(random, &record.family),
            20..=39 => record.family = spelling::plain(&record.family),
            _ => {}
        }
        if random.chance(20) {
            std::mem::swap(&mut record.given, &mut record.family);
        }
        match random.between(0, 99) {
            0..=59 => {}
            60..=84 => {
                record.email = Some(spelling::email(&record.family, &record.given, record.number));
            }
            _ => record.email = None,
        }
        match random.between(0, 99) {
            0..=64 => {}
            65..=84 => record.phone = Some(spelling::phone(random, record.place)),
            _ => record.phone = None,
        }
        match random.between(0, 99) {
            0..=84 => {}
            85..=90 => record.born = record.born.map(spelling::swapped),
            _ => record.born = None,
        }
        match random.between(0, 99) {
            0..=69 => {}
            70..=84 => {
                let street = STREETS[random.index(STREETS.len())];
                record.street = Some(format!("{street} {}", random.between(1, 180)));
                record.code = random.between(0, i64::from(CODES) - 1) as u32;
            }
            _ => record.street = None,
        }
        record
    }
}
