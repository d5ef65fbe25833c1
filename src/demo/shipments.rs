//! Clean shipments: who carried an order where, when, and what it weighed.
//!
//! As with settlements, what is drawn does not depend on the last day. An event is known when its
//! message has arrived.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

use super::orders::Order;
use super::random::{Purpose, Random};

/// A carrier, and how it writes times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Carrier {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// Days promised.
    days: i64,
}

/// The three forms of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Iso,
    German,
    American,
}

const CARRIERS: &[Carrier] = &[
    Carrier { name: "Nordpost", form: Form::German, days: 3 },
    Carrier { name: "Swift Parcel", form: Form::Iso, days: 2 },
    Carrier { name: "Overland Freight", form: Form::American, days: 5 },
];

/// One event: its time, and when its message arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Milestone {
    pub(super) at: NaiveDateTime,
    pub(super) arrives_at: NaiveDateTime,
}

/// One shipment with the three things that happen to it.
#[derive(Debug)]
pub(super) struct Shipment {
    pub(super) id: String,
    /// Which of the orders.
    pub(super) order: usize,
    pub(super) carrier: Carrier,
    pub(super) grams: i64,
    pub(super) promised_on: NaiveDate,
    /// Picked up, in transit, delivered: those known by the end.
    pub(super) milestones: Vec<Milestone>,
}

impl Shipment {
    /// Whether the first scan leaves the weight to a later one.
    pub(super) fn is_weighed_later(&self) -> bool {
        self.order.is_multiple_of(5)
    }

    /// The weight, once a scan said it.
    pub(super) fn known_grams(&self) -> Option<i64> {
        (!self.is_weighed_later() || self.milestones.len() > 1).then_some(self.grams)
    }
}

/// A shipment for each order online that was paid, as far as it is known by `end`.
pub(super) fn generate(orders: &[Order], end: NaiveDateTime) -> Vec<Shipment> {
    let mut shipments = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let Some(paid_at) = order.paid_at.filter(|_| order.channel.is_online()) else { continue };
        let shipment = shipment(number, order, paid_at, end);
        if !shipment.milestones.is_empty() {
            shipments.push(shipment);
        }
    }
    shipments
}

fn shipment(number: usize, order: &Order, paid_at: NaiveDateTime, end: NaiveDateTime) -> Shipment {
    let mut random = Random::of(Purpose::Shipments, number);
    let carrier = match order.country.code {
        "US" | "CA" | "AU" => CARRIERS[if random.chance(700) { 2 } else { 1 }],
        _ => CARRIERS[if random.chance(600) { 0 } else { 1 }],
    };
    let pieces: i64 = order.lines.iter().map(|line| line.quantity).sum();
    let slow = random.chance(120);
    let mut at = paid_at;
    let mut milestones = Vec::new();
    for (low, high) in [(2, 40), (4, 30), (6, 48)] {
        let factor = if slow { 3 } else { 1 };
        at += TimeDelta::seconds(random.between(low * 3_600, high * 3_600) * factor);
        let mut arrives_at = at + TimeDelta::seconds(random.between(30, 900));
        if random.chance(30) {
            arrives_at += TimeDelta::hours(random.between(5, 60));
        }
        milestones.push(Milestone { at, arrives_at });
    }
    // An event whose message is late is known no earlier than the one before it: none is skipped.
    for later in 1..milestones.len() {
        milestones[later].arrives_at =
            milestones[later].arrives_at.max(milestones[later - 1].arrives_at);
    }
    let grams = random.between(120, 2_400) * pieces;
    milestones.retain(|milestone| milestone.arrives_at <= end);
    Shipment {
        id: format!("{}{:09}", &carrier.name[..2].to_uppercase(), number + 1),
        order: number,
        carrier,
        grams,
        promised_on: paid_at.date() + chrono::Days::new(carrier.days as u64),
        milestones,
    }
}
