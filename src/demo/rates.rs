//! Clean currency rates: units of a currency per euro, one for each calendar day.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::Options;
use super::random::{Purpose, Random};

/// The currencies beside the euro, with where their walk starts, in ten-thousandths.
pub(super) const CURRENCIES: &[(&str, i64)] =
    &[("USD", 11_150), ("GBP", 8_640), ("CAD", 15_300), ("AUD", 16_700)];

/// Days published before the first order, so that each order finds an earlier rate.
const LEAD_DAYS: u64 = 10;

/// How a day's rate came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Published {
    /// The bank published the currency.
    Rate,
    /// The bank published that day, but `N/A` for this currency.
    NotAvailable,
    /// The bank was closed.
    Closed,
}

/// The rates of one day.
#[derive(Debug)]
pub(super) struct RateDay {
    pub(super) day: NaiveDate,
    /// By [`CURRENCIES`], in ten-thousandths: the rate in force, and whether it is that day's own.
    pub(super) rates: Vec<(i64, Published)>,
}

/// All rates.
#[derive(Debug)]
pub(super) struct Rates {
    pub(super) days: Vec<RateDay>,
}

impl Rates {
    /// A bounded random walk over working days; other days carry the last rate forward.
    pub(super) fn generate(options: &Options, until: NaiveDate) -> Self {
        let mut random = Random::new(Purpose::Rates);
        let first = options.first_day() - Days::new(LEAD_DAYS);
        let mut current: Vec<i64> = CURRENCIES.iter().map(|(_, start)| *start).collect();
        let days = first
            .iter_days()
            .take_while(|day| *day <= until)
            .enumerate()
            .map(|(number, day)| {
                // The first week has no gaps, so that every currency has a rate to carry.
                let settled = number >= 7;
                let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
                let closed = weekend || (settled && random.chance(20));
                let rates = current
                    .iter_mut()
                    .zip(CURRENCIES)
                    .map(|(rate, (_, start))| {
                        if closed && number > 0 {
                            return (*rate, Published::Closed);
                        }
                        if settled && random.chance(15) {
                            return (*rate, Published::NotAvailable);
                        }
                        let step = random.between(-60, 60);
                        *rate = (*rate + step).clamp(start * 85 / 100, start * 115 / 100);
                        (*rate, Published::Rate)
                    })
                    .collect();
                RateDay { day, rates }
            })
            .collect();
        Self { days }
    }
}
