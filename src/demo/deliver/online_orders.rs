//! The web shop's and the apps' order events: NDJSON, a file a day, and one each five minutes of the
//! last day.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use serde::Serialize;

use crate::error::{Error, Result};

use super::super::Shop;
use super::super::files::Landing;
use super::super::orders::{Channel, Line, Order};
use super::super::random::{Purpose, Random};
use super::decimal_text;

/// An event as it is printed. Amounts are text, as shops send them, so that no reader makes floats
/// of them.
#[derive(Debug, Clone, Serialize)]
struct Event {
    event_id: String,
    event: &'static str,
    order_id: Option<String>,
    /// Tells an order's events apart and puts them in order; a corrected event has a higher one.
    sequence: i64,
    event_at: String,
    channel: &'static str,
    customer_id: Option<String>,
    country: &'static str,
    currency: &'static str,
    tax_rate: i64,
    items: Vec<Item>,
    refund_amount: Option<String>,
    reason: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
struct Item {
    line: u32,
    sku: String,
    quantity: i64,
    unit_price: String,
    discount: String,
}

/// Free gifts get line numbers that no order reaches.
const GIFT_LINE: u32 = 90;

/// Writes all events.
pub(super) fn write(shop: &Shop, files: &mut Landing, progress: &dyn Fn(u64, u64)) -> Result<()> {
    let mut stream = Stream {
        random: Random::new(Purpose::OnlineOrders),
        shop,
        end: shop.last_day().and_time(NaiveTime::MIN) + TimeDelta::seconds(86_399),
        delivered: Vec::new(),
    };
    for (number, order) in shop.orders.iter().enumerate() {
        if number >= shop.history {
            // Of these more becomes known with each day: the draws of one are not another's.
            stream.random = Random::of(Purpose::OnlineOrders, number);
        }
        if !matches!(order.channel, Channel::Store(_)) {
            stream.order(order)?;
        }
    }
    let mut delivered = stream.delivered;
    // Stable, so that equal times keep the order they were drawn in.
    delivered.sort_by_key(|(at, _)| *at);
    let mut contents: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (at, line) in delivered {
        contents.entry(file_name(shop, at)).or_default().extend_from_slice(&line);
    }
    let all = contents.len() as u64;
    for (done, (name, content)) in contents.iter().enumerate() {
        progress(done as u64, all);
        files.put(name, content)?;
    }
    Ok(())
}

fn file_name(shop: &Shop, at: NaiveDateTime) -> String {
    let day = at.date();
    if day < shop.options.until {
        format!("online_orders/{day}.ndjson")
    } else {
        let minute = at.minute() / 5 * 5;
        format!("online_orders/{day}T{:02}-{minute:02}.ndjson", at.hour())
    }
}

struct Stream<'a> {
    random: Random,
    shop: &'a Shop,
    end: NaiveDateTime,
    /// When each line arrives.
    delivered: Vec<(NaiveDateTime, Vec<u8>)>,
}

impl Stream<'_> {
    fn order(&mut self, order: &Order) -> Result<()> {
        let mut placed = event(order, "placed", 10, order.at);
        placed.items = order.lines.iter().map(|line| self.item(line)).collect();
        if self.random.chance(12) {
            let gift = Line {
                number: GIFT_LINE,
                price_cents: 0,
                discount_cents: 0,
                ..order.lines[0].clone()
            };
            placed.items.push(self.item(&gift));
        }
        if self.random.chance(8) {
            let mut wrong = placed.clone();
            wrong.items[0].quantity += 1;
            self.deliver(&wrong, order.at)?;
            placed.sequence += 1;
            placed.event_id.push_str("-corrected");
        }
        self.deliver(&placed, order.at)?;
        if let Some(at) = order.paid_at {
            self.deliver(&event(order, "paid", 20, at), at)?;
        }
        if let Some(at) = order.cancelled_at {
            self.deliver(&event(order, "cancelled", 30, at), at)?;
        }
        if let Some(refund) = &order.refund {
            let mut refunded = event(order, "refunded", 40, refund.at);
            refunded.refund_amount = Some(decimal_text(refund.cents));
            refunded.reason = Some(refund.reason);
            self.deliver(&refunded, refund.at)?;
        }
        Ok(())
    }

    fn item(&self, line: &Line) -> Item {
        Item {
            line: line.number,
            sku: self.shop.products[line.product].sku.clone(),
            quantity: line.quantity,
            unit_price: decimal_text(line.price_cents),
            discount: decimal_text(line.discount_cents),
        }
    }

    /// Most events arrive within two minutes; some hours or days late, some twice, and some first
    /// without the order's id.
    fn deliver(&mut self, event: &Event, at: NaiveDateTime) -> Result<()> {
        let mut arrival = at + TimeDelta::seconds(self.random.between(1, 120));
        if self.random.chance(20) {
            arrival += TimeDelta::minutes(self.random.between(60, 4_320));
        }
        if self.random.chance(5) {
            let nameless = Event { order_id: None, ..event.clone() };
            self.push(arrival - TimeDelta::seconds(1), &nameless)?;
        }
        self.push(arrival, event)?;
        if self.random.chance(15) {
            let again = TimeDelta::minutes(self.random.between(0, 1_440));
            self.push(arrival + again, event)?;
        }
        Ok(())
    }

    fn push(&mut self, arrival: NaiveDateTime, event: &Event) -> Result<()> {
        let mut line = serde_json::to_vec(event)
            .map_err(|error| Error::internal("an event does not serialize").caused_by(error))?;
        line.push(b'\n');
        // What would arrive after the last day arrives at its end: the truth holds all of it.
        self.delivered.push((arrival.min(self.end), line));
        Ok(())
    }
}

fn event(order: &Order, name: &'static str, sequence: i64, at: NaiveDateTime) -> Event {
    Event {
        event_id: format!("{}-{name}", order.id),
        event: name,
        order_id: Some(order.id.clone()),
        sequence,
        event_at: at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        channel: order.channel.name(),
        customer_id: order.customer.clone(),
        country: order.country.code,
        currency: order.country.currency,
        tax_rate: order.country.tax,
        items: Vec::new(),
        refund_amount: None,
        reason: None,
    }
}
