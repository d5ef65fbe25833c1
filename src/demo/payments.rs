//! Clean settlements: what the payment provider paid out and took back for orders online.
//!
//! What is drawn for an order does not depend on the last day; only what is known by then does. So a
//! further day adds settlements and changes none.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::orders::{Line, Order};
use super::random::{Purpose, Random};

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Capture,
    Refund,
    Chargeback,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Capture => "capture",
            Kind::Refund => "refund",
            Kind::Chargeback => "chargeback",
        }
    }
}

/// One settled movement.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// The order's number, or what somebody else's customer paid for.
    pub(super) reference: String,
    /// NULL in the truth where it is no order of ours.
    pub(super) is_ours: bool,
    pub(super) currency: &'static str,
    /// Paid out; below 0 when taken back.
    pub(super) cents: i64,
    /// What the provider kept.
    pub(super) fee_cents: i64,
    pub(super) booked_at: NaiveDateTime,
}

impl Payment {
    pub(super) fn settled_on(&self) -> NaiveDate {
        self.booked_at.date()
    }
}

/// Everything settled up to `until`, by the time of booking.
pub(super) fn generate(orders: &[Order], until: NaiveDate) -> Vec<Payment> {
    let mut maker = Maker { random: Random::new(Purpose::Payments), payments: Vec::new() };
    for (number, order) in orders.iter().enumerate() {
        if let Some(paid_at) = order.paid_at.filter(|_| order.channel.is_online()) {
            maker.random = Random::of(Purpose::Payments, number);
            maker.order(order, paid_at);
        }
    }
    let mut payments = maker.payments;
    payments.retain(|payment| payment.settled_on() <= until);
    payments.sort_by(|one, two| (one.booked_at, &one.id).cmp(&(two.booked_at, &two.id)));
    payments
}

struct Maker {
    random: Random,
    payments: Vec<Payment>,
}

impl Maker {
    fn order(&mut self, order: &Order, paid_at: NaiveDateTime) {
        let cents: i64 = order.lines.iter().map(Line::value_cents).sum();
        let booked_at = self.night_after(paid_at, 2);
        self.push(order, Kind::Capture, booked_at, cents, cents * 14 / 1000 + 25);
        let (after, disputed) = (self.random.between(3, 20), self.random.chance(14));
        let refund_after = self.random.between(1, 3);
        let foreign = self.random.chance(5);
        let foreign_cents = self.random.between(500, 50_000);
        if foreign {
            let digits = order.id.trim_start_matches('W');
            self.payments.push(Payment {
                id: format!("T{digits}9"),
                kind: Kind::Capture,
                reference: format!("INV-{digits}"),
                is_ours: false,
                currency: "EUR",
                cents: foreign_cents,
                fee_cents: foreign_cents * 14 / 1000 + 25,
                booked_at,
            });
        }
        if let Some(refund) = &order.refund {
            let at = self.night_after(refund.at, refund_after);
            self.push(order, Kind::Refund, at, -refund.cents, 0);
        } else if disputed && !order.is_refunded_later {
            let at = booked_at + TimeDelta::days(after);
            self.push(order, Kind::Chargeback, at, -cents, 1_500);
        }
    }

    /// Some time of one of the `nights_max` nights after.
    fn night_after(&mut self, at: NaiveDateTime, nights_max: i64) -> NaiveDateTime {
        let nights = self.random.between(1, nights_max);
        let seconds = self.random.between(3_600, 4 * 3_600);
        at.date().and_time(NaiveTime::MIN) + TimeDelta::days(nights) + TimeDelta::seconds(seconds)
    }

    fn push(
        &mut self,
        order: &Order,
        kind: Kind,
        booked_at: NaiveDateTime,
        cents: i64,
        fee_cents: i64,
    ) {
        let digits = order.id.trim_start_matches('W');
        self.payments.push(Payment {
            id: format!("T{digits}{}", kind as u8),
            kind,
            reference: order.id.clone(),
            is_ours: true,
            currency: order.country.currency,
            cents,
            fee_cents,
            booked_at,
        });
    }
}
