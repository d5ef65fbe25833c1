//! Clean visits of the web shop: what people did there, day by day.
//!
//! A day is made when it is asked for and forgotten after: two years are more events than fit in
//! memory. Each web order has the visit that led to it, but for the few whose browsers tell nothing;
//! the rest of a day's visits come to nothing.

use std::ops::Range;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::Shop;
use super::campaigns::Touch;
use super::orders::{Channel, Order};
use super::places::{Address, PLACES, place_in};
use super::random::{Purpose, Random};

/// Web events an order line.
const EVENTS_A_LINE: u64 = 20;

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    PageView,
    ProductView,
    AddToCart,
    SignIn,
    Checkout,
    Purchase,
    SessionEnd,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::PageView => "page_view",
            Kind::ProductView => "product_view",
            Kind::AddToCart => "add_to_cart",
            Kind::SignIn => "sign_in",
            Kind::Checkout => "checkout",
            Kind::Purchase => "purchase",
            Kind::SessionEnd => "session_end",
        }
    }
}

/// One event.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) kind: Kind,
    pub(super) at: NaiveDateTime,
    /// The CRM number of who is signed in.
    pub(super) customer: Option<u32>,
    /// Of the shop's products.
    pub(super) product: Option<usize>,
    /// Of the shop's orders.
    pub(super) order: Option<usize>,
    /// How the visitor came, on the first page.
    pub(super) touch: Option<Touch>,
}

/// Somebody's events without a break.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) visitor: u64,
    pub(super) address: Address,
    pub(super) phone: bool,
    pub(super) events: Vec<Event>,
}

/// Makes visits.
pub(super) struct Visits<'a> {
    random: Random,
    shop: &'a Shop,
    end: NaiveDateTime,
    anonymous: u64,
    events: u64,
}

impl<'a> Visits<'a> {
    pub(super) fn new(shop: &'a Shop) -> Self {
        Self {
            random: Random::new(Purpose::Visits),
            shop,
            end: shop.end(),
            anonymous: shop.people.history.0 as u64 * 5,
            events: 0,
        }
    }

    /// Those of one day after the history. What is drawn for it does not depend on how many days there are;
    /// what happens after the last of them is not left out.
    pub(super) fn further(shop: &'a Shop, number: u32) -> Self {
        Self {
            random: Random::of(Purpose::Visits, number as usize),
            end: NaiveDateTime::MAX,
            events: further_ids(number),
            ..Self::new(shop)
        }
    }

    /// All visits that belong to a day, those of its orders first; some begin the evening before.
    pub(super) fn day(&mut self, day: NaiveDate, orders: Range<usize>) -> Vec<Visit> {
        let shop = self.shop;
        let lines: u64 = shop.orders[orders.clone()].iter().map(|o| o.lines.len() as u64).sum();
        let quota = lines * EVENTS_A_LINE;
        let mut visits = Vec::new();
        let mut made = 0;
        for number in orders {
            let order = &shop.orders[number];
            if order.channel == Channel::Web && !self.random.chance(30) {
                let visit = self.of_order(number, order);
                made += visit.events.len() as u64;
                visits.push(visit);
            }
        }
        while made < quota {
            let visit = self.of_nobody(day);
            made += visit.events.len() as u64;
            visits.push(visit);
        }
        visits
    }

    fn of_order(&mut self, number: usize, order: &Order) -> Visit {
        let person = order.customer.as_deref().and_then(|id| self.shop.people.person_of(id));
        let customer = order.customer.as_deref().and_then(|id| id.get(1..)?.parse().ok());
        let mut steps = vec![(Kind::PageView, None)];
        for line in &order.lines {
            steps.push((Kind::ProductView, Some(line.product)));
            for _ in 0..self.random.between(0, 2) {
                steps.push((Kind::ProductView, Some(self.product())));
            }
            steps.push((Kind::AddToCart, Some(line.product)));
        }
        steps.extend([(Kind::SignIn, None), (Kind::Checkout, None), (Kind::Purchase, None)]);
        // Some are on the way to somewhere else.
        let place = if self.random.chance(12) {
            self.random.index(PLACES.len())
        } else {
            place_in(&mut self.random, order.country.code)
        };
        let visitor = self.visitor(person);
        let mut visit = self.visit(visitor, place, &steps, customer);
        let bought = visit.events.last().map_or(order.at, |event| event.at);
        let shift = order.at.signed_duration_since(bought);
        visit.events.iter_mut().for_each(|event| event.at += shift);
        if let Some(event) = visit.events.last_mut() {
            event.order = Some(number);
        }
        self.leave(&mut visit);
        visit
    }

    /// A visit that comes to nothing.
    fn of_nobody(&mut self, day: NaiveDate) -> Visit {
        let mut steps = vec![(Kind::PageView, None)];
        let depth = self.random.between(0, 99);
        for _ in 0..self.random.between(0, 3) {
            steps.push((Kind::PageView, None));
        }
        if depth >= 40 {
            for _ in 0..self.random.between(1, 7) {
                steps.push((Kind::ProductView, Some(self.product())));
            }
        }
        let known = self.random.chance(300);
        let person = known.then(|| self.random.index(self.shop.people.history.0));
        let mut customer = None;
        if let Some(person) = person
            && self.random.chance(400)
        {
            let records = self.shop.people.records_of(person);
            customer = Some(records[self.random.index(records.len())]);
            steps.push((Kind::SignIn, None));
        }
        if depth >= 75 {
            steps.push((Kind::AddToCart, Some(self.product())));
        }
        if depth >= 90 {
            steps.push((Kind::Checkout, None));
        }
        let place = match person {
            Some(person) => self.shop.people.persons[person].place,
            None => self.random.index(PLACES.len()),
        };
        let visitor = self.visitor(person);
        let mut visit = self.visit(visitor, place, &steps, customer);
        let start = day.and_time(NaiveTime::MIN)
            + TimeDelta::milliseconds(self.random.between(0, 86_399_999));
        let shift = start.signed_duration_since(NaiveDateTime::default());
        visit.events.iter_mut().for_each(|event| event.at += shift);
        self.leave(&mut visit);
        visit
    }

    fn product(&mut self) -> usize {
        self.random.index(self.shop.products.len())
    }

    /// People have a browser at home and one in their pocket.
    fn visitor(&mut self, person: Option<usize>) -> u64 {
        match person {
            Some(person) => 2 * person as u64 + u64::from(self.random.chance(350)),
            None => 1_000_000_000 + self.random.between(0, self.anonymous.max(1) as i64) as u64,
        }
    }

    /// The steps one after another, from the epoch on.
    fn visit(
        &mut self,
        visitor: u64,
        place: usize,
        steps: &[(Kind, Option<usize>)],
        customer: Option<u32>,
    ) -> Visit {
        let mut at = NaiveDateTime::default();
        let mut signed_in = None;
        let mut events = Vec::with_capacity(steps.len() + 1);
        for (number, (kind, product)) in steps.iter().enumerate() {
            if *kind == Kind::SignIn {
                signed_in = customer;
            }
            self.events += 1;
            events.push(Event {
                id: self.events,
                kind: *kind,
                at,
                customer: signed_in,
                product: *product,
                order: None,
                touch: (number == 0).then(|| Touch::draw(&mut self.random)),
            });
            // A phone rings, and the visit goes on when it should not have ended.
            let pause = match self.random.between(0, 199) {
                0 => self.random.between(600_000, 1_790_000),
                1 => self.random.between(1_810_000, 4_000_000),
                _ => self.random.between(2_000, 150_000),
            };
            at += TimeDelta::milliseconds(pause);
        }
        let address = Address::draw(&mut self.random, place);
        Visit { visitor, address, phone: visitor % 2 == 1, events }
    }

    /// Two in three visits say when they end; nothing happens after the last day.
    fn leave(&mut self, visit: &mut Visit) {
        if let Some(last) = visit.events.last().cloned()
            && self.random.chance(667)
        {
            self.events += 1;
            visit.events.push(Event {
                id: self.events,
                kind: Kind::SessionEnd,
                at: last.at + TimeDelta::milliseconds(self.random.between(500, 60_000)),
                product: None,
                order: None,
                touch: None,
                ..last
            });
        }
        let end = self.end;
        visit.events.retain(|event| event.at <= end);
    }
}

/// Where the numbers of what happens on a day after the history begin.
pub(super) fn further_ids(day: u32) -> u64 {
    10_000_000_000_000 + u64::from(day) * 1_000_000_000
}

/// Numbers as systems print them, in no order.
pub(super) fn scrambled(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A visitor as the shop's cookie names them.
pub(super) fn visitor_id(visitor: u64) -> String {
    format!("v{:016x}", scrambled(visitor))
}

/// The orders of each day of the history, by their places in the list.
pub(super) fn orders_by_day(shop: &Shop) -> Vec<Range<usize>> {
    let mut ranges = Vec::with_capacity(shop.options.days as usize);
    let mut start = 0;
    for day in shop.first_day().iter_days().take(shop.options.days as usize) {
        let length = shop.orders[start..].iter().take_while(|order| order.at.date() == day).count();
        ranges.push(start..start + length);
        start += length;
    }
    ranges
}

/// The orders of a day after the history.
pub(super) fn orders_of(shop: &Shop, day: NaiveDate) -> Range<usize> {
    let further = &shop.orders[shop.history..];
    let start = shop.history + further.partition_point(|order| order.at.date() < day);
    let length = shop.orders[start..].iter().take_while(|order| order.at.date() == day).count();
    start..start + length
}
