//! Clean orders: what was really bought, where, and what became of it.

use chrono::{Datelike, Days, NaiveDateTime, NaiveTime, TimeDelta};

use super::Options;
use super::master::{COUNTRIES, Country, ONLINE_SHARE, Product, Store};
use super::random::{Purpose, Random};

/// Where an order was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Store(usize),
    Web,
    App,
}

impl Channel {
    pub(super) fn name(self) -> &'static str {
        match self {
            Channel::Store(_) => "store",
            Channel::Web => "web",
            Channel::App => "app",
        }
    }

    pub(super) fn is_online(self) -> bool {
        !matches!(self, Channel::Store(_))
    }
}

/// Money given back.
#[derive(Debug)]
pub(super) struct Refund {
    pub(super) at: NaiveDateTime,
    pub(super) cents: i64,
    pub(super) reason: &'static str,
}

/// One order.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) channel: Channel,
    pub(super) country: &'static Country,
    pub(super) customer: Option<String>,
    /// Local time in a store, UTC online.
    pub(super) at: NaiveDateTime,
    pub(super) paid_at: Option<NaiveDateTime>,
    pub(super) cancelled_at: Option<NaiveDateTime>,
    pub(super) refund: Option<Refund>,
    /// Whether it will be, after the last day.
    pub(super) is_refunded_later: bool,
    pub(super) lines: Vec<Line>,
}

impl Order {
    /// Leaves out what happens at `end` or later.
    fn forget_after(&mut self, end: NaiveDateTime) {
        self.paid_at = self.paid_at.filter(|at| *at < end);
        self.cancelled_at = self.cancelled_at.filter(|at| *at < end);
        self.is_refunded_later = self.refund.as_ref().is_some_and(|refund| refund.at >= end);
        if self.is_refunded_later {
            self.refund = None;
        }
    }

    /// What it came to in the end.
    pub(super) fn status(&self) -> &'static str {
        if self.cancelled_at.is_some() {
            "cancelled"
        } else if self.refund.is_some() {
            "refunded"
        } else if self.paid_at.is_some() {
            "paid"
        } else {
            "placed"
        }
    }
}

/// One line of an order, in the order's currency.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u32,
    pub(super) product: usize,
    pub(super) quantity: i64,
    pub(super) price_cents: i64,
    /// Off the whole line.
    pub(super) discount_cents: i64,
}

/// Orders in the order of their days; their lines are exactly as many as the options ask for.
pub(super) fn generate(options: &Options, stores: &[Store], products: &[Product]) -> Vec<Order> {
    let quotas = lines_by_day(options);
    let mut maker = Maker {
        random: Random::new(Purpose::Orders),
        products,
        stores,
        end: options.until.and_time(NaiveTime::MIN) + TimeDelta::seconds(86_399),
        customers: customer_count(options),
        online: 0,
    };
    let mut orders = Vec::new();
    for (number, quota) in quotas.into_iter().enumerate() {
        let day = (options.first_day() + Days::new(number as u64)).and_time(NaiveTime::MIN);
        let mut receipts = vec![0_u32; stores.len()];
        let mut left = quota;
        while left > 0 {
            let order = maker.order(day, left, &mut receipts);
            left -= order.lines.len() as u64;
            orders.push(order);
        }
    }
    orders
}

/// Customers with a number, about one in eight orders.
pub(super) fn customer_count(options: &Options) -> usize {
    (options.order_lines() / 16).max(10) as usize
}

/// The orders of `days` more days after the history. What is drawn for a day is its own, so that a further
/// one changes none; what is known of an order grows with them.
pub(super) fn extend(
    options: &Options,
    stores: &[Store],
    products: &[Product],
    days: u32,
    orders: &mut Vec<Order>,
) {
    let history = orders.iter().filter(|order| order.channel.is_online()).count() as u64;
    let far = options.until.and_time(NaiveTime::MIN) + TimeDelta::days(36_500);
    let mut online = history;
    let first = orders.len();
    for number in 1..=days as usize {
        let mut maker = Maker {
            random: Random::of(Purpose::Orders, number),
            products,
            stores,
            end: far,
            customers: customer_count(options),
            online,
        };
        let day = (options.until + Days::new(number as u64)).and_time(NaiveTime::MIN);
        let percent = maker.random.between(80, 120) as u64;
        let mut left = (options.order_lines() * percent / (100 * u64::from(options.days))).max(1);
        let mut receipts = vec![0_u32; stores.len()];
        while left > 0 {
            let order = maker.order(day, left, &mut receipts);
            left -= order.lines.len() as u64;
            orders.push(order);
        }
        online = maker.online;
    }
    let end = options.until.and_time(NaiveTime::MIN) + TimeDelta::days(i64::from(days) + 1);
    orders[first..].iter_mut().for_each(|order| order.forget_after(end));
}

/// Deals the lines out to the days: weekends sell more, and no two weeks are alike.
fn lines_by_day(options: &Options) -> Vec<u64> {
    let mut random = Random::new(Purpose::Days);
    let weights: Vec<u64> = options
        .first_day()
        .iter_days()
        .take(options.days as usize)
        .map(|day| {
            let weekday = [10, 9, 9, 10, 13, 17, 8][day.weekday().num_days_from_monday() as usize];
            (weekday * random.between(80, 120)) as u64
        })
        .collect();
    let all: u64 = weights.iter().sum();
    let lines = options.order_lines();
    // Shares of the running total, so that rounding adds up to the whole.
    let mut before = 0_u64;
    let mut dealt = 0_u64;
    weights
        .iter()
        .map(|weight| {
            before += weight;
            let until_here = (u128::from(lines) * u128::from(before) / u128::from(all)) as u64;
            let today = until_here - dealt;
            dealt = until_here;
            today
        })
        .collect()
}

struct Maker<'a> {
    random: Random,
    products: &'a [Product],
    stores: &'a [Store],
    end: NaiveDateTime,
    customers: usize,
    online: u64,
}

impl Maker<'_> {
    fn order(&mut self, day: NaiveDateTime, lines_max: u64, receipts: &mut [u32]) -> Order {
        if self.random.chance(600) {
            self.store_order(day, lines_max, receipts)
        } else {
            self.online_order(day, lines_max)
        }
    }

    fn store_order(&mut self, day: NaiveDateTime, lines_max: u64, receipts: &mut [u32]) -> Order {
        let store = self.random.index(self.stores.len());
        let country = self.stores[store].country;
        let at = day + TimeDelta::seconds(self.random.between(9 * 3600, 20 * 3600));
        receipts[store] += 1;
        let id =
            format!("{}-{}-{:04}", self.stores[store].id, at.format("%Y%m%d"), receipts[store]);
        let customer = self.random.chance(400).then(|| self.customer());
        Order {
            id,
            channel: Channel::Store(store),
            country,
            customer,
            at,
            paid_at: Some(at),
            cancelled_at: None,
            refund: None,
            is_refunded_later: false,
            lines: self.lines(country, lines_max),
        }
    }

    fn online_order(&mut self, day: NaiveDateTime, lines_max: u64) -> Order {
        self.online += 1;
        let country = self.online_country();
        let at = day + TimeDelta::seconds(self.random.between(0, 86_399));
        let channel = if self.random.chance(380) { Channel::App } else { Channel::Web };
        let customer = Some(self.customer());
        let lines = self.lines(country, lines_max);
        let mut order = Order {
            id: format!("W{:08}", self.online),
            channel,
            country,
            customer,
            at,
            paid_at: None,
            cancelled_at: None,
            refund: None,
            is_refunded_later: false,
            lines,
        };
        self.fate(&mut order);
        order
    }

    /// Most orders are paid within minutes; some are cancelled, some given back. What would happen
    /// after the last day has not happened yet.
    fn fate(&mut self, order: &mut Order) {
        let end = self.end;
        let happened = |at: NaiveDateTime| (at <= end).then_some(at);
        if self.random.chance(40) {
            let after = TimeDelta::minutes(self.random.between(2, 600));
            order.cancelled_at = happened(order.at + after);
            return;
        }
        let paid_after = TimeDelta::seconds(self.random.between(20, 3_000));
        if self.random.chance(15) {
            return;
        }
        order.paid_at = happened(order.at + paid_after);
        if order.paid_at.is_none() || !self.random.chance(60) {
            return;
        }
        let refund_after = TimeDelta::hours(self.random.between(20, 400));
        let Some(at) = happened(order.at + refund_after) else { return };
        let value: i64 = order.lines.iter().map(Line::value_cents).sum();
        let part = if self.random.chance(600) { 100 } else { self.random.between(10, 90) };
        let reasons = ["damaged", "late", "not as described", "changed mind"];
        let reason = reasons[self.random.index(reasons.len())];
        order.refund = Some(Refund { at, cents: (value * part / 100).max(1), reason });
    }

    fn online_country(&mut self) -> &'static Country {
        let mut draw = self.random.between(0, ONLINE_SHARE.iter().sum::<i64>() - 1);
        for (country, share) in COUNTRIES.iter().zip(ONLINE_SHARE) {
            if draw < *share {
                return country;
            }
            draw -= share;
        }
        &COUNTRIES[0]
    }

    fn customer(&mut self) -> String {
        format!("C{:07}", 1 + self.random.index(self.customers))
    }

    fn lines(&mut self, country: &Country, lines_max: u64) -> Vec<Line> {
        let wanted = match self.random.between(0, 99) {
            0..=44 => 1,
            45..=69 => 2,
            70..=84 => 3,
            85..=94 => 4,
            _ => 6,
        };
        (1..=wanted.min(lines_max)).map(|number| self.line(number as u32, country)).collect()
    }

    fn line(&mut self, number: u32, country: &Country) -> Line {
        // The lower of two draws: products at the head of the list sell more.
        let product =
            self.random.index(self.products.len()).min(self.random.index(self.products.len()));
        let quantity = match self.random.between(0, 99) {
            0..=79 => 1,
            80..=93 => 2,
            _ => self.random.between(3, 9),
        };
        let euro = self.products[product].price_cents * country.level / 100;
        let price_cents = euro / 100 * 100 + 99;
        let discount_cents = if self.random.chance(150) {
            quantity * price_cents * self.random.between(5, 30) / 100
        } else {
            0
        };
        Line { number, product, quantity, price_cents, discount_cents }
    }
}

impl Line {
    /// What was charged.
    pub(super) fn value_cents(&self) -> i64 {
        self.quantity * self.price_cents - self.discount_cents
    }
}
