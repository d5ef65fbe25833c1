//! Clean contacts of customers with the shop, and the experiments they were part of.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use super::Shop;
use super::random::{Purpose, Random};

/// A ticket, a call, feedback or a review.
#[derive(Debug)]
pub(super) struct Interaction {
    pub(super) number: u64,
    pub(super) kind: &'static str,
    /// A CRM number.
    pub(super) customer: u32,
    /// Of the shop's orders.
    pub(super) order: Option<usize>,
    pub(super) opened_at: NaiveDateTime,
    pub(super) closed_at: Option<NaiveDateTime>,
    /// One to five.
    pub(super) rating: Option<i64>,
    pub(super) words: &'static str,
}

const WORDS: &[&str] = &[
    "Where is my parcel?",
    "Works as described, thank you.",
    "The box was damaged; \"fragile\" did not help",
    "Bitte rufen Sie mich zurück: ich erreiche niemanden",
    "Remboursement toujours pas reçu",
    "Battery lasts two hours, not ten\nas your page says",
    "Great advice in the shop.",
    "wrong colour, want to return",
];

/// Those about orders after the history have numbers from here on, by their orders.
pub(super) const FURTHER_NUMBERS: u64 = 50_000_000;

/// About one a dozen orders with a customer, in the order of the orders. What would be opened after the
/// history about an order of it never is.
pub(super) fn interactions(shop: &Shop) -> Vec<Interaction> {
    let mut random = Random::new(Purpose::Interactions);
    let mut all = Vec::new();
    for (number, order) in shop.orders.iter().enumerate() {
        let is_further = number >= shop.history;
        if is_further {
            random = Random::of(Purpose::Interactions, number);
        }
        let end = if is_further { shop.last_second() } else { shop.end() };
        let customer = order.customer.as_deref().and_then(|id| id.get(1..)?.parse().ok());
        let Some(customer) = customer.filter(|_| random.chance(80)) else { continue };
        let kind = ["ticket", "call", "feedback", "review"][random.index(4)];
        let opened_at = order.at + TimeDelta::minutes(random.between(30, 14_000));
        if opened_at > end {
            continue;
        }
        let closed_at = match kind {
            "ticket" if random.chance(850) => {
                Some(opened_at + TimeDelta::minutes(random.between(20, 9_000)))
            }
            "ticket" => None,
            _ => Some(opened_at),
        };
        let rated = matches!(kind, "feedback" | "review") || random.chance(200);
        all.push(Interaction {
            number: match is_further {
                true => FURTHER_NUMBERS + number as u64,
                false => all.len() as u64 + 1,
            },
            kind,
            customer,
            order: random.chance(700).then_some(number),
            opened_at,
            closed_at: closed_at.filter(|at| *at <= shop.last_second()),
            rating: rated.then(|| random.between(1, 5).max(random.between(1, 5))),
            words: WORDS[random.index(WORDS.len())],
        });
    }
    all
}

/// An experiment, the control first among its arms.
#[derive(Debug)]
pub(super) struct Experiment {
    pub(super) name: &'static str,
    pub(super) arms: &'static [&'static str],
}

pub(super) const EXPERIMENTS: &[Experiment] = &[
    Experiment { name: "checkout-button", arms: &["control", "green"] },
    Experiment { name: "free-shipping-from", arms: &["control", "49-euro", "99-euro"] },
];

/// Somebody was put into an arm.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) experiment: &'static str,
    /// A CRM number.
    pub(super) customer: u32,
    pub(super) arm: &'static str,
    pub(super) at: NaiveDateTime,
}

/// Six customers in ten are in each experiment; a few are put into another arm later, which is a
/// fact, and why their orders cannot count.
pub(super) fn assignments(shop: &Shop) -> Vec<Assignment> {
    let mut random = Random::new(Purpose::Experiments);
    let start = shop.first_day().and_time(NaiveTime::MIN);
    let half = i64::from(shop.options.days) * 86_400_000 / 2;
    let mut all = Vec::new();
    for experiment in EXPERIMENTS {
        for customer in 1..=shop.people.history.1 as u32 {
            if !random.chance(600) {
                continue;
            }
            let arm = random.index(experiment.arms.len());
            let at = start + TimeDelta::milliseconds(random.between(0, half));
            let assigned = |arm: usize, at| Assignment {
                experiment: experiment.name,
                customer,
                arm: experiment.arms[arm],
                at,
            };
            all.push(assigned(arm, at));
            if random.chance(25) {
                let other = (arm + 1) % experiment.arms.len();
                all.push(assigned(
                    other,
                    at + TimeDelta::milliseconds(random.between(1_000, half)),
                ));
            }
        }
    }
    // Who is new after the history is in all of them from then on.
    for record in &shop.people.records[shop.people.history.1..] {
        let mut random = Random::of(Purpose::Experiments, record.number as usize);
        for experiment in EXPERIMENTS {
            let arm = experiment.arms[random.index(experiment.arms.len())];
            let at = record.created_at;
            all.push(Assignment { experiment: experiment.name, customer: record.number, arm, at });
        }
    }
    all
}
