//! The web shop's tracking: what browsers send, with clocks that are wrong, and what robots do.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::error::Result;

use super::super::Shop;
use super::super::campaigns::Touch;
use super::super::facts::{self, TruthFile};
use super::super::files::Landing;
use super::super::people::customer_id;
use super::super::places::{Address, PLACES};
use super::super::random::{Purpose, Random};
use super::super::visits::{
    Event, Kind, Visit, Visits, further_ids, orders_of, scrambled, visitor_id,
};
use super::daily::{Daily, days_of_history};
use super::stream::{Stream, stamp};

const DESKTOPS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
];
const PHONES: &[&str] = &[
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Mobile Safari/537.36",
];
const ROBOTS: &[&str] = &[
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "python-requests/2.32 price-spider",
];
const HOST: &str = "https://www.lakeport.example";

/// A robot that does not say so looks at this many products in an hour.
const SCRAPED: u64 = 240;

/// All events, clean and as they are delivered, day by day.
pub(super) const SOURCE: Daily =
    Daily { name: "web_events", history: write_history, further: write_further };

fn write_history(
    shop: &Shop,
    files: &mut Landing,
    truth: &std::path::Path,
    progress: &dyn Fn(u64, u64),
) -> Result<()> {
    let mut clean = TruthFile::new(truth, "web_events");
    let mut visits = Visits::new(shop);
    let stream = Stream::of_history("web_events", shop);
    let random = Random::new(Purpose::WebEvents);
    let mut tracking = Tracking { random, shop, stream, robots: 0, robot_events: 0 };
    let mut unwatched = 0_u64;
    for (day, orders) in days_of_history(shop, progress) {
        let made = visits.day(day, orders);
        clean.rows(facts::web_events(shop, &made)?)?;
        unwatched = tracking.day(day, &made, unwatched);
        tracking.stream.close(day, files)?;
    }
    clean.finish()
}

/// The days after the history of which something may still arrive.
fn write_further(shop: &Shop, files: &mut Landing, truth: Option<&std::path::Path>) -> Result<()> {
    let mut stream = Stream::after_history("web_events", shop);
    for number in shop.recent_days() {
        let day = shop.further_day(number);
        let mut made = Visits::further(shop, number).day(day, orders_of(shop, day));
        let mut tracking = Tracking {
            random: Random::of(Purpose::WebEvents, number as usize),
            shop,
            stream,
            robots: u64::from(number) * 1_000_000,
            robot_events: further_ids(number) + 500_000_000,
        };
        tracking.day(day, &made, 0);
        tracking.stream.close(day, files)?;
        stream = tracking.stream;
        for visit in &mut made {
            visit.events.retain(|event| event.at <= shop.last_second());
        }
        if let Some(mut clean) = TruthFile::of_day(truth, "web_events", day) {
            clean.rows(facts::web_events(shop, &made)?)?;
            clean.finish()?;
        }
    }
    Ok(())
}

struct Tracking<'a> {
    random: Random,
    shop: &'a Shop,
    stream: Stream,
    robots: u64,
    robot_events: u64,
}

impl Tracking<'_> {
    /// Delivers a day's visits, and those of robots; returns how many events are left without a robot.
    fn day(&mut self, day: NaiveDate, made: &[Visit], mut unwatched: u64) -> u64 {
        for visit in made {
            unwatched += visit.events.len() as u64;
            self.visit(visit);
        }
        // One event in fifty is a robot's that says so, one in forty another's.
        for _ in 0..unwatched / 500 {
            self.robot(day.and_time(NaiveTime::MIN), 10, true);
            if self.robots.is_multiple_of(20) {
                self.robot(day.and_time(NaiveTime::MIN), SCRAPED, false);
            }
        }
        unwatched % 500
    }

    fn visit(&mut self, visit: &Visit) {
        let agents = if visit.phone { PHONES } else { DESKTOPS };
        let agent = agents[(visit.visitor / 2) as usize % agents.len()];
        // Clocks: minutes off, hours off by a wrong time zone, or never set.
        let skew = match self.random.between(0, 99) {
            0..=1 => TimeDelta::seconds(self.random.between(-900, 900)),
            2 => TimeDelta::hours(self.random.between(-11, 12)),
            3 => TimeDelta::days(-20_000),
            _ => TimeDelta::zero(),
        };
        for event in &visit.events {
            self.deliver(visit, event, agent, skew);
        }
    }

    /// Most events arrive within seconds; some hours or days late, some twice, some out of order, and
    /// some first without the visitor.
    fn deliver(&mut self, visit: &Visit, event: &Event, agent: &str, skew: TimeDelta) {
        let mut at = event.at + TimeDelta::milliseconds(self.random.between(5, 4_000));
        match self.random.between(0, 999) {
            0..=9 => at += TimeDelta::minutes(self.random.between(30, 2_880)),
            10..=29 => at += TimeDelta::seconds(self.random.between(60, 600)),
            30..=44 => {
                let again = at + TimeDelta::minutes(self.random.between(0, 1_440));
                let line = self.line(Some(visit.visitor), visit, event, agent, (again, skew));
                self.push(event, again, line);
            }
            45..=46 => {
                let line = self.line(None, visit, event, agent, (at, skew));
                self.push(event, at, line);
            }
            _ => {}
        }
        let line = self.line(Some(visit.visitor), visit, event, agent, (at, skew));
        self.push(event, at, line);
    }

    /// What happens after the last of the days that follow the history is drawn, and delivered another time.
    fn push(&mut self, event: &Event, at: NaiveDateTime, line: String) {
        if self.shop.more_days == 0 || event.at <= self.shop.last_second() {
            self.stream.push(at, line);
        }
    }

    fn line(
        &mut self,
        visitor: Option<u64>,
        visit: &Visit,
        event: &Event,
        agent: &str,
        (at, skew): (NaiveDateTime, TimeDelta),
    ) -> String {
        let arrived = self.stream.arrival(at);
        let quoted = |text: String| format!("\"{text}\"");
        let visitor = visitor.map_or_else(|| "null".to_owned(), |v| quoted(visitor_id(v)));
        let user = event.customer.map_or_else(|| "null".to_owned(), |c| quoted(customer_id(c)));
        let product = event.product.map(|product| self.shop.products[product].sku.as_str());
        let sku = product.map_or_else(|| "null".to_owned(), |sku| format!("\"{sku}\""));
        let order = event.order.map(|order| self.shop.orders[order].id.as_str());
        let order = order.map_or_else(|| "null".to_owned(), |id| format!("\"{id}\""));
        let (url, referrer) = self.page(event);
        format!(
            "{{\"event_id\":\"{:016x}\",\"event\":\"{}\",\"event_at\":\"{}\",\"sent_at\":\"{}\",\
             \"received_at\":\"{}\",\"visitor_id\":{visitor},\"user_id\":{user},\"page\":{{\"url\":\
             \"{HOST}{url}\",\"referrer\":{referrer}}},\"ip\":\"{}\",\"user_agent\":\"{agent}\",\
             \"sku\":{sku},\"order_id\":{order}}}\n",
            scrambled(event.id),
            event.kind.name(),
            stamp(event.at + skew),
            stamp(arrived + skew),
            stamp(arrived),
            visit.address.text(),
        )
    }

    /// The address of the page, and where the visitor came from; campaigns are spelt as people spell.
    fn page(&mut self, event: &Event) -> (String, String) {
        let path = match event.kind {
            Kind::PageView => "/",
            Kind::ProductView | Kind::AddToCart => "/product",
            Kind::SignIn => "/sign-in",
            Kind::Checkout => "/checkout",
            Kind::Purchase => "/thank-you",
            Kind::SessionEnd => "/goodbye",
        };
        let Some(touch) = event.touch else {
            return (path.to_owned(), format!("\"{HOST}/\""));
        };
        let referrer = match touch {
            Touch::Direct | Touch::Campaign(_) => "null",
            Touch::OrganicSearch if event.id.is_multiple_of(4) => "\"https://www.bing.com/\"",
            Touch::OrganicSearch => "\"https://www.google.com/search\"",
            Touch::Referral => "\"https://gadget-reviews.example/best-of\"",
        };
        let Some(campaign) = touch.campaign() else {
            return (path.to_owned(), referrer.to_owned());
        };
        let (mut source, mut name) = (campaign.source.to_owned(), campaign.name.to_owned());
        match self.random.between(0, 19) {
            0 => source = source.to_uppercase(),
            1 => name = name.to_uppercase(),
            _ => {}
        }
        let url = format!(
            "{path}?utm_source={source}&utm_medium={}&utm_campaign={name}",
            campaign.medium
        );
        (url, referrer.to_owned())
    }

    fn robot(&mut self, day: NaiveDateTime, count: u64, honest: bool) {
        self.robots += 1;
        let agent = if honest {
            ROBOTS[self.random.index(ROBOTS.len())]
        } else {
            DESKTOPS[self.random.index(DESKTOPS.len())]
        };
        let place = self.random.index(PLACES.len());
        let address = Address::draw(&mut self.random, place);
        let visit = Visit {
            visitor: 4_000_000_000 + self.robots,
            address,
            phone: false,
            events: Vec::new(),
        };
        let mut at = day + TimeDelta::minutes(self.random.between(0, 1_300));
        for _ in 0..count {
            self.robot_events += 1;
            at += TimeDelta::milliseconds(self.random.between(200, 14_000));
            let event = Event {
                id: 1_000_000_000_000 + self.robot_events,
                kind: Kind::ProductView,
                at,
                customer: None,
                product: Some(self.random.index(self.shop.products.len())),
                order: None,
                touch: None,
            };
            self.deliver(&visit, &event, agent, TimeDelta::zero());
        }
    }
}
