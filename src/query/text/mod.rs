//! Values as Postgres prints them, for casts to text and for the wire alike.
//!
//! Its one idea: a value has one text, whichever way it leaves. Knows single values; what holds them
//! is the callers' matter.

mod datetime;
pub(crate) mod json;
mod json_same;
mod number;
mod number_pattern;
mod number_read;
mod number_words;
mod number_written;
mod styles;

pub use self::datetime::{
    FIRST_DAY, Interval, date_text, in_range, micros, offset_text, out_of_range, time_text,
    timestamp_text,
};
pub use self::number::{numeric_text, put_float};
pub(crate) use self::number_pattern::Pattern as NumberPattern;
pub(crate) use self::number_written::Number;
pub use self::styles::{DateStyle, IntervalStyle, PLAIN, Styles};
