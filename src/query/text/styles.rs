//! How a session wants dates, intervals and bytes printed, and dates read.
//!
//! The plain style is Postgres' default; every other one changes the text of values, never the values.

use std::collections::HashMap;
use std::fmt::Write as _;

use arrow::datatypes::TimeUnit;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{OffsetName, Tz};

use crate::error::Result;

use super::datetime::{Interval, civil, date_text, in_range, micros, put_clock, timestamp_text};

/// The first word of `DateStyle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateStyle {
    /// `2000-01-02`.
    #[default]
    Iso,
    /// `01-02-2000`, and timestamps like `Sun Jan 02 03:04:05 2000`.
    Postgres,
    /// `01/02/2000`.
    Sql,
    /// `02.01.2000`.
    German,
}

/// `IntervalStyle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IntervalStyle {
    /// `1 year 2 mons`.
    #[default]
    Postgres,
    /// `@ 1 year 2 mons`.
    PostgresVerbose,
    /// `1-2`.
    SqlStandard,
    /// `P1Y2M`.
    Iso8601,
}

/// The styles of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Styles {
    /// What clocks show.
    pub zone: Tz,
    /// How dates print.
    pub date: DateStyle,
    /// Whether the day stands before the month.
    pub day_first: bool,
    /// Whether the year of a date with slashes stands first.
    pub year_first: bool,
    /// How intervals print.
    pub interval: IntervalStyle,
    /// Whether bytes print as octal escapes.
    pub escaped_bytes: bool,
}

/// Postgres' defaults, in Greenwich.
pub const PLAIN: Styles = Styles {
    zone: Tz::UTC,
    date: DateStyle::Iso,
    day_first: false,
    year_first: false,
    interval: IntervalStyle::Postgres,
    escaped_bytes: false,
};

impl Styles {
    /// What these settings, by lower-case name, ask for.
    pub fn of(settings: &HashMap<String, String>) -> Self {
        let value = |name: &str| settings.get(name).map(String::as_str).unwrap_or_default();
        let dates = value("datestyle");
        Self {
            zone: value("timezone").parse().unwrap_or(Tz::UTC),
            date: match dates.split(',').next().unwrap_or_default().trim() {
                "Postgres" => DateStyle::Postgres,
                "SQL" => DateStyle::Sql,
                "German" => DateStyle::German,
                _ => DateStyle::Iso,
            },
            day_first: dates.ends_with("DMY"),
            year_first: dates.ends_with("YMD"),
            interval: match value("intervalstyle") {
                "postgres_verbose" => IntervalStyle::PostgresVerbose,
                "sql_standard" => IntervalStyle::SqlStandard,
                "iso_8601" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
            escaped_bytes: value("bytea_output") == "escape",
        }
    }

    /// Whether values print and read as they do by default; the zone apart.
    pub fn is_plain(&self) -> bool {
        Self { zone: Tz::UTC, ..*self } == PLAIN
    }

    /// The text of a day.
    ///
    /// # Errors
    /// `DatetimeFieldOverflow`.
    pub fn date(&self, days: i32) -> Result<String> {
        if self.date == DateStyle::Iso || matches!(days, i32::MAX | i32::MIN) {
            return date_text(days);
        }
        // Refuses what is no day.
        date_text(days)?;
        let (year, month, day) = civil(i64::from(days));
        let (shown, era) = year_and_era(year);
        let (first, second) = if self.day_first { (day, month) } else { (month, day) };
        Ok(match self.date {
            DateStyle::German => format!("{day:02}.{month:02}.{shown:04}{era}"),
            DateStyle::Sql => format!("{first:02}/{second:02}/{shown:04}{era}"),
            _ => format!("{first:02}-{second:02}-{shown:04}{era}"),
        })
    }

    /// The text of a timestamp, with its zone if it has one.
    ///
    /// # Errors
    /// `DatetimeFieldOverflow`.
    pub fn timestamp(&self, value: i64, unit: TimeUnit, zone: Option<Tz>) -> Result<String> {
        const DAY_MICROS: i64 = 86_400_000_000;
        let utc = in_range(micros(value, unit)?)?;
        let plain = timestamp_text(value, unit, zone, ' ')?;
        if self.date == DateStyle::Iso || matches!(utc, i64::MAX | i64::MIN) {
            return Ok(plain);
        }
        let (mut local, mut name) = (utc, String::new());
        if let (Some(zone), Some(time)) = (zone, DateTime::from_timestamp_micros(utc)) {
            let offset = zone.offset_from_utc_datetime(&time.naive_utc());
            local += i64::from(offset.fix().local_minus_utc()) * 1_000_000;
            name = format!(" {}", offset.abbreviation().unwrap_or_default());
        }
        let days = local.div_euclid(DAY_MICROS);
        let (year, month, day) = civil(days);
        let (shown, era) = year_and_era(year);
        let mut clock = String::new();
        put_clock(local.rem_euclid(DAY_MICROS), &mut clock);
        let (first, second) = if self.day_first { (day, month) } else { (month, day) };
        Ok(match self.date {
            DateStyle::German => format!("{day:02}.{month:02}.{shown:04} {clock}{name}{era}"),
            DateStyle::Sql => format!("{first:02}/{second:02}/{shown:04} {clock}{name}{era}"),
            _ => {
                const MONTHS: [&str; 12] = [
                    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
                    "Dec",
                ];
                const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
                let weekday = WEEKDAYS[days.rem_euclid(7) as usize];
                let month = MONTHS[month as usize - 1];
                let date = match self.day_first {
                    true => format!("{day:02} {month}"),
                    false => format!("{month} {day:02}"),
                };
                format!("{weekday} {date} {clock} {shown:04}{name}{era}")
            }
        })
    }

    /// The text of an interval.
    pub fn interval(&self, interval: Interval) -> String {
        match self.interval {
            IntervalStyle::Postgres => interval.text(),
            IntervalStyle::PostgresVerbose => verbose(&Parts::of(interval)),
            IntervalStyle::SqlStandard => sql_standard(Parts::of(interval)),
            IntervalStyle::Iso8601 => iso_8601(&Parts::of(interval)),
        }
    }

    /// The text of bytes.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        if !self.escaped_bytes {
            let mut text = String::with_capacity(2 + bytes.len() * 2);
            text.push_str("\\x");
            for byte in bytes {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            return text;
        }
        let mut text = String::with_capacity(bytes.len());
        for byte in bytes {
            match byte {
                b'\\' => text.push_str("\\\\"),
                0x20..=0x7e => text.push(char::from(*byte)),
                byte => drop(write!(text, "\\{byte:03o}")),
            }
        }
        text
    }
}

fn year_and_era(year: i64) -> (i64, &'static str) {
    if year <= 0 { (1 - year, " BC") } else { (year, "") }
}

/// An interval as people count.
struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    micros: i64,
}

impl Parts {
    fn of(interval: Interval) -> Self {
        let seconds = interval.micros / 1_000_000;
        Self {
            years: i64::from(interval.months / 12),
            months: i64::from(interval.months % 12),
            days: i64::from(interval.days),
            hours: seconds / 3600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
            micros: interval.micros % 1_000_000,
        }
    }

    fn all(&self) -> [i64; 7] {
        let Self { years, months, days, hours, minutes, seconds, micros } = *self;
        [years, months, days, hours, minutes, seconds, micros]
    }

    /// Seconds without a sign, to the last digit that is not zero.
    fn seconds(&self, filled: bool) -> String {
        let (seconds, micros) = (self.seconds.abs(), self.micros.abs());
        let whole = if filled { format!("{seconds:02}") } else { seconds.to_string() };
        if micros == 0 {
            return whole;
        }
        format!("{whole}.{}", format!("{micros:06}").trim_end_matches('0'))
    }
}

fn verbose(parts: &Parts) -> String {
    let mut text = "@".to_owned();
    let (mut nothing, mut ago) = (true, false);
    let units = [
        (parts.years, "year"),
        (parts.months, "mon"),
        (parts.days, "day"),
        (parts.hours, "hour"),
        (parts.minutes, "min"),
    ];
    for (value, unit) in units {
        if value == 0 {
            continue;
        }
        // The first says whether all are ago; others that are not have a minus.
        ago = if nothing { value < 0 } else { ago };
        let value = if ago { -value } else { value };
        let _ = write!(text, " {value} {unit}{}", if value == 1 { "" } else { "s" });
        nothing = false;
    }
    if parts.seconds != 0 || parts.micros != 0 {
        let negative = parts.seconds < 0 || parts.micros < 0;
        ago = if nothing { negative } else { ago };
        let minus = if negative == ago { "" } else { "-" };
        let one = parts.seconds.abs() == 1 && parts.micros == 0;
        let _ = write!(text, " {minus}{} sec{}", parts.seconds(false), if one { "" } else { "s" });
        nothing = false;
    }
    if nothing {
        text.push_str(" 0");
    }
    if ago {
        text.push_str(" ago");
    }
    text
}

fn sql_standard(parts: Parts) -> String {
    let all = parts.all();
    let (negative, positive) = (all.iter().any(|part| *part < 0), all.iter().any(|part| *part > 0));
    let months = parts.years != 0 || parts.months != 0;
    let times = all[3..].iter().any(|part| *part != 0);
    let sign = |negative: bool| if negative { '-' } else { '+' };
    let clock = format!("{}:{:02}:{}", parts.hours.abs(), parts.minutes.abs(), parts.seconds(true));
    let (years, left, days) = (parts.years.abs(), parts.months.abs(), parts.days.abs());
    if !negative && !positive {
        return "0".to_owned();
    }
    if negative && positive || months && (times || parts.days != 0) {
        let early = sign(parts.years < 0 || parts.months < 0);
        let clock_sign = sign(all[3..].iter().any(|part| *part < 0));
        let day = sign(parts.days < 0);
        return format!("{early}{years}-{left} {day}{days} {clock_sign}{clock}");
    }
    let minus = if negative { "-" } else { "" };
    if months {
        format!("{minus}{years}-{left}")
    } else if days != 0 {
        format!("{minus}{days} {clock}")
    } else {
        format!("{minus}{clock}")
    }
}

fn iso_8601(parts: &Parts) -> String {
    if parts.all().iter().all(|part| *part == 0) {
        return "PT0S".to_owned();
    }
    let mut text = "P".to_owned();
    let put = |text: &mut String, value: i64, unit: char| {
        if value != 0 {
            let _ = write!(text, "{value}{unit}");
        }
    };
    put(&mut text, parts.years, 'Y');
    put(&mut text, parts.months, 'M');
    put(&mut text, parts.days, 'D');
    if parts.all()[3..].iter().any(|part| *part != 0) {
        text.push('T');
        put(&mut text, parts.hours, 'H');
        put(&mut text, parts.minutes, 'M');
        if parts.seconds != 0 || parts.micros != 0 {
            let minus = if parts.seconds < 0 || parts.micros < 0 { "-" } else { "" };
            let _ = write!(text, "{minus}{}S", parts.seconds(false));
        }
    }
    text
}
