//! The mobile apps' tracking: milliseconds of clocks that are wrong, events again after dead zones.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::error::Result;

use super::super::Shop;
use super::super::facts::{self, AppEvent, TruthFile};
use super::super::files::Landing;
use super::super::orders::Channel;
use super::super::people::customer_id;
use super::super::random::{Purpose, Random};
use super::super::visits::{further_ids, orders_of, scrambled};
use super::daily::{Daily, days_of_history};
use super::stream::Stream;

/// App events an order line.
const EVENTS_A_LINE: u64 = 3;
const VERSIONS: &[&str] = &["7.2.0", "7.3.1", "7.4.0", "8.0.0-beta"];

/// All events, clean and as they are delivered, day by day.
pub(super) const SOURCE: Daily =
    Daily { name: "app_events", history: write_history, further: write_further };

/// The days after the history of which something may still arrive.
fn write_further(shop: &Shop, files: &mut Landing, truth: Option<&std::path::Path>) -> Result<()> {
    let mut stream = Stream::after_history("app_events", shop);
    for number in shop.recent_days() {
        let day = shop.further_day(number);
        let random = Random::of(Purpose::AppVisits, number as usize);
        let mut apps = Apps { random, shop, made: further_ids(number) + 750_000_000 };
        let mut delivery = Random::of(Purpose::AppEvents, number as usize);
        let events = apps.day(day, orders_of(shop, day));
        for event in &events {
            deliver(shop, event, &mut delivery, &mut stream);
        }
        stream.close(day, files)?;
        if let Some(mut clean) = TruthFile::of_day(truth, "app_events", day) {
            clean.rows(facts::app_events(shop, &events)?)?;
            clean.finish()?;
        }
    }
    Ok(())
}

fn write_history(
    shop: &Shop,
    files: &mut Landing,
    truth: &std::path::Path,
    progress: &dyn Fn(u64, u64),
) -> Result<()> {
    let mut clean = TruthFile::new(truth, "app_events");
    let mut apps = Apps { random: Random::new(Purpose::AppVisits), shop, made: 0 };
    let mut delivery = Random::new(Purpose::AppEvents);
    let mut stream = Stream::of_history("app_events", shop);
    for (day, orders) in days_of_history(shop, progress) {
        let events = apps.day(day, orders);
        clean.rows(facts::app_events(shop, &events)?)?;
        for event in &events {
            deliver(shop, event, &mut delivery, &mut stream);
        }
        stream.close(day, files)?;
    }
    clean.finish()
}

struct Apps<'a> {
    random: Random,
    shop: &'a Shop,
    made: u64,
}

impl Apps<'_> {
    fn day(&mut self, day: NaiveDate, orders: std::ops::Range<usize>) -> Vec<AppEvent> {
        let shop = self.shop;
        let lines: u64 = shop.orders[orders.clone()].iter().map(|o| o.lines.len() as u64).sum();
        let mut events = Vec::new();
        for number in orders {
            let order = &shop.orders[number];
            if order.channel == Channel::App {
                let customer = order.customer.as_deref().and_then(|id| id.get(1..)?.parse().ok());
                let product = order.lines[0].product;
                self.session(order.at, customer, Some((number, product)), &mut events);
            }
        }
        while (events.len() as u64) < lines * EVENTS_A_LINE {
            let at = day.and_time(NaiveTime::MIN)
                + TimeDelta::milliseconds(self.random.between(600_000, 86_399_000));
            let records = shop.people.history.1;
            let customer = self.random.chance(700).then(|| 1 + self.random.index(records) as u32);
            self.session(at, customer, None, &mut events);
        }
        events.retain(|event| event.at <= shop.last_second());
        events
    }

    /// What leads to `at`, newest last.
    fn session(
        &mut self,
        at: NaiveDateTime,
        customer: Option<u32>,
        order: Option<(usize, usize)>,
        events: &mut Vec<AppEvent>,
    ) {
        let mut names = vec!["app_open"];
        let seen = self.random.index(5);
        names.extend(std::iter::repeat_n("view_item", seen));
        if order.is_some() {
            names.extend(["view_item", "add_to_cart", "begin_checkout", "purchase"]);
        } else if self.random.chance(150) {
            names.push("add_to_cart");
        }
        let person = customer.and_then(|number| self.shop.people.person_of(&customer_id(number)));
        let device = match person {
            Some(person) => person as u64,
            None => 1_000_000_000 + self.random.between(0, 1_000_000) as u64,
        };
        let session = scrambled(self.made ^ (1 << 40));
        let last = names.len() - 1;
        let mut back = TimeDelta::zero();
        let mut backwards = Vec::with_capacity(names.len());
        for (place, name) in names.into_iter().enumerate().rev() {
            self.made += 1;
            let product = match name {
                "view_item" | "add_to_cart" => {
                    let of_order = order.filter(|_| place + 3 >= last).map(|(_, product)| product);
                    Some(of_order.unwrap_or_else(|| self.random.index(self.shop.products.len())))
                }
                _ => None,
            };
            backwards.push(AppEvent {
                id: 2_000_000_000_000 + self.made,
                name,
                at: at - back,
                device,
                session,
                customer,
                product,
                order: order.filter(|_| name == "purchase").map(|(number, _)| number),
            });
            back += TimeDelta::milliseconds(self.random.between(1_000, 60_000));
        }
        events.extend(backwards.into_iter().rev());
    }
}

/// Some events arrive a day late, some twice; a clock in fifty is wrong.
fn deliver(shop: &Shop, event: &AppEvent, random: &mut Random, stream: &mut Stream) {
    let skew = match random.between(0, 99) {
        0 => TimeDelta::seconds(random.between(-7_200, 7_200)),
        1 => TimeDelta::days(-365),
        _ => TimeDelta::zero(),
    };
    let mut at = event.at + TimeDelta::milliseconds(random.between(20, 9_000));
    if random.chance(15) {
        at += TimeDelta::minutes(random.between(10, 1_440));
    }
    let again = random.chance(20).then(|| at + TimeDelta::minutes(random.between(0, 600)));
    for at in std::iter::once(at).chain(again) {
        let arrived = stream.arrival(at);
        let line = line(shop, event, arrived, skew);
        stream.push(at, line);
    }
}

fn line(shop: &Shop, event: &AppEvent, arrived: NaiveDateTime, skew: TimeDelta) -> String {
    let quoted = |text: Option<&str>| match text {
        Some(text) => format!("\"{text}\""),
        None => "null".to_owned(),
    };
    let millis = |at: NaiveDateTime| at.and_utc().timestamp_millis();
    let user = event.customer.map(customer_id);
    let sku = event.product.map(|product| shop.products[product].sku.as_str());
    let order = event.order.map(|order| shop.orders[order].id.as_str());
    format!(
        "{{\"event_id\":\"{:016x}\",\"name\":\"{}\",\"client_ms\":{},\"sent_ms\":{},\"server_ms\":{},\
         \"device_id\":\"{}\",\"session_id\":\"{:016x}\",\"user_id\":{},\"os\":\"{}\",\
         \"app_version\":\"{}\",\"sku\":{},\"order_id\":{}}}\n",
        scrambled(event.id),
        event.name,
        millis(event.at + skew),
        millis(arrived + skew),
        millis(arrived),
        facts::device_id(event.device),
        event.session,
        quoted(user.as_deref()),
        if event.device.is_multiple_of(3) { "ios" } else { "android" },
        VERSIONS[(event.device % VERSIONS.len() as u64) as usize],
        quoted(sku),
        quoted(order),
    )
}
