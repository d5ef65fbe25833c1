//! The web server's and the sign-in service's log: a line a request, some of them cut or garbled.

use std::fmt::Write;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::error::Result;

use super::super::Shop;
use super::super::facts::{self, Access, TruthFile};
use super::super::files::Landing;
use super::super::people::customer_id;
use super::super::places::{Address, PLACES};
use super::super::random::{Purpose, Random};
use super::super::visits::{further_ids, orders_of, scrambled};
use super::daily::{Daily, days_of_history};

const PAGES: &[&str] =
    &["/", "/product", "/search?q=usb-c+dock", "/stores", "/basket", "/favicon.ico"];
const AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0 Safari/537.36";

/// A log a day.
pub(super) const SOURCE: Daily =
    Daily { name: "access_log", history: write_history, further: write_further };

fn write_history(
    shop: &Shop,
    files: &mut Landing,
    truth: &std::path::Path,
    progress: &dyn Fn(u64, u64),
) -> Result<()> {
    let mut clean = TruthFile::new(truth, "access_events");
    let mut log = Log { random: Random::new(Purpose::AccessLog), shop, requests: 0 };
    for (day, orders) in days_of_history(shop, progress) {
        let requests = log.sorted_day(day, orders);
        clean.rows(facts::access_events(&requests))?;
        let content = log.print(&requests);
        files.put(&format!("access_log/{day}.log"), content.as_bytes())?;
    }
    clean.finish()
}

/// The last of the days after the history.
fn write_further(shop: &Shop, files: &mut Landing, truth: Option<&std::path::Path>) -> Result<()> {
    let (number, day) = (shop.more_days, shop.last_day());
    let random = Random::of(Purpose::AccessLog, number as usize);
    let mut log = Log { random, shop, requests: further_ids(number) };
    let requests = log.sorted_day(day, orders_of(shop, day));
    if let Some(mut clean) = TruthFile::of_day(truth, "access_events", day) {
        clean.rows(facts::access_events(&requests))?;
        clean.finish()?;
    }
    files.put(&format!("access_log/{day}.log"), log.print(&requests).as_bytes())
}

struct Log<'a> {
    random: Random,
    shop: &'a Shop,
    requests: u64,
}

impl Log<'_> {
    /// What was asked for on a day, in the order it was answered.
    fn sorted_day(&mut self, day: NaiveDate, orders: std::ops::Range<usize>) -> Vec<Access> {
        let lines: usize = self.shop.orders[orders].iter().map(|order| order.lines.len()).sum();
        let mut requests = self.day(day, lines as u64);
        requests.retain(|request| request.at <= self.shop.last_second());
        requests.sort_by_key(|request| request.at);
        requests
    }

    /// Two requests an order line; on some days somebody tries passwords.
    fn day(&mut self, day: NaiveDate, lines: u64) -> Vec<Access> {
        let midnight = day.and_time(NaiveTime::MIN);
        let mut all = Vec::new();
        for _ in 0..lines * 2 {
            let at = midnight + TimeDelta::seconds(self.random.between(0, 86_399));
            let place = self.random.index(PLACES.len());
            let address = Address::draw(&mut self.random, place);
            let user = 1 + self.random.index(self.shop.people.history.1) as u32;
            match self.random.between(0, 99) {
                0..=17 => all.push(self.access(at, address, Some(user), ("POST", "/sign-in", 200))),
                18..=20 => {
                    all.push(self.access(at, address, Some(user), ("POST", "/sign-in", 401)))
                }
                21..=22 => all.push(self.access(at, address, None, ("GET", "/wp-login.php", 404))),
                23 => all.push(self.access(at, address, Some(user), ("GET", "/basket", 500))),
                _ => {
                    let page = PAGES[self.random.index(PAGES.len())];
                    all.push(self.access(at, address, None, ("GET", page, 200)));
                }
            }
        }
        if self.random.chance(250) {
            self.attack(midnight, &mut all);
        }
        all
    }

    /// One address tries many people, or many addresses one person.
    fn attack(&mut self, midnight: NaiveDateTime, all: &mut Vec<Access>) {
        let start = midnight + TimeDelta::seconds(self.random.between(0, 80_000));
        let place = self.random.index(PLACES.len());
        let many_people = self.random.chance(500);
        let mut address = Address::draw(&mut self.random, place);
        let records = self.shop.people.history.1;
        let mut user = 1 + self.random.index(records) as u32;
        for _ in 0..self.random.between(20, 60) {
            let at = start + TimeDelta::seconds(self.random.between(0, 1_500));
            if many_people {
                user = 1 + self.random.index(records) as u32;
            } else {
                let place = self.random.index(PLACES.len());
                address = Address::draw(&mut self.random, place);
            }
            all.push(self.access(at, address, Some(user), ("POST", "/sign-in", 401)));
        }
    }

    fn access(
        &mut self,
        at: NaiveDateTime,
        address: Address,
        user: Option<u32>,
        (method, path, status): (&'static str, &'static str, i64),
    ) -> Access {
        self.requests += 1;
        let bytes = (status != 500).then(|| self.random.between(120, 60_000));
        Access { number: self.requests, at, address, user, method, path, status, bytes }
    }

    /// The lines, and between them what a full disk, a restart and a scanner leave behind.
    fn print(&mut self, requests: &[Access]) -> String {
        let mut content = String::new();
        for request in requests {
            let line = line(request);
            match self.random.between(0, 399) {
                0 => content.push_str(&line),
                1 => {
                    let _ = writeln!(content, "{}", &line[..line.len() / 3]);
                }
                2 => content.push_str("\u{fffd}\u{fffd}\u{3}SSH-2.0-Go probe\n"),
                3 => {
                    let address = request.address.text();
                    let _ = writeln!(content, "{address} - - [unclosed \"GET / HTTP/1.1 400 -");
                }
                _ => {}
            }
            content.push_str(&line);
        }
        content
    }
}

fn line(request: &Access) -> String {
    let user = request.user.map_or_else(|| "-".to_owned(), customer_id);
    let bytes = request.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    format!(
        "{} - {user} [{}] \"{} {} HTTP/1.1\" {} {bytes} \"-\" \"{AGENT}\" {:016x}\n",
        request.address.text(),
        request.at.format("%d/%b/%Y:%H:%M:%S +0000"),
        request.method,
        request.path,
        request.status,
        scrambled(request.number),
    )
}
