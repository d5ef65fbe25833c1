//! Figures written straight into the buffer: integers, numerics, dates and times by the million.
//!
//! No allocation a value. Values that need more care (before Christ, beyond five-figure years, zones)
//! go the general way.

use arrow::datatypes::TimeUnit;
use bytes::{BufMut, BytesMut};

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// 0001-01-01 and 9999-12-31: four figures and no era.
const DAYS: std::ops::RangeInclusive<i64> = -719_162..=2_932_896;
/// Powers of ten that a u64 holds.
const TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut index = 1;
    while index < 20 {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// Appends an integer.
pub(super) fn put_integer(value: impl itoa::Integer, out: &mut BytesMut) {
    out.put_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a decimal with all figures of its scale.
pub(super) fn put_decimal(value: i128, scale: i8, out: &mut BytesMut) {
    let Ok(places) = usize::try_from(scale) else {
        put_integer(value, out);
        if value != 0 {
            (0..scale.unsigned_abs()).for_each(|_| out.put_u8(b'0'));
        }
        return;
    };
    let mut buffer = itoa::Buffer::new();
    let mut figures = buffer.format(value.unsigned_abs()).as_bytes();
    if value < 0 {
        out.put_u8(b'-');
    }
    if places == 0 {
        return out.put_slice(figures);
    }
    match figures.len().checked_sub(places) {
        None | Some(0) => {
            out.put_slice(b"0.");
            (figures.len()..places).for_each(|_| out.put_u8(b'0'));
        }
        Some(whole) => {
            out.put_slice(&figures[..whole]);
            out.put_u8(b'.');
            figures = &figures[whole..];
        }
    }
    out.put_slice(figures);
}

/// Appends a decimal as Postgres sends it, groups of four figures; false, and nothing, for one that
/// is too long for this.
pub(super) fn put_decimal_binary(value: i128, scale: i8, out: &mut BytesMut) -> bool {
    let (Ok(places), Ok(unsigned)) = (usize::try_from(scale), u64::try_from(value.unsigned_abs()))
    else {
        return false;
    };
    if places >= TEN.len() {
        return false;
    }
    let (mut whole, mut fraction) = (unsigned / TEN[places], unsigned % TEN[places]);
    // Up to five groups before the point and five after it.
    let mut groups = [0_u16; 10];
    let (mut from, mut to) = (5, 5);
    while whole > 0 {
        from -= 1;
        groups[from] = (whole % 10_000) as u16;
        whole /= 10_000;
    }
    let mut left = places;
    while left > 0 {
        let figures = left.min(4);
        let unit = TEN[left - figures];
        groups[to] = (fraction / unit) as u16 * TEN[4 - figures] as u16;
        fraction %= unit;
        to += 1;
        left -= figures;
    }
    let mut weight = 4 - from as i16;
    while from < to && groups[from] == 0 {
        from += 1;
        weight -= 1;
    }
    while from < to && groups[to - 1] == 0 {
        to -= 1;
    }
    let empty = from == to;
    out.put_i16((to - from) as i16);
    out.put_i16(if empty { 0 } else { weight });
    out.put_u16(if value < 0 && !empty { 0x4000 } else { 0 });
    out.put_i16(places as i16);
    groups[from..to].iter().for_each(|group| out.put_u16(*group));
    true
}

/// Appends a date; false, and nothing, for one outside of four-figure years.
pub(super) fn put_date(days: i64, out: &mut BytesMut) -> bool {
    if !DAYS.contains(&days) {
        return false;
    }
    // Days to a civil date, by Hinnant's algorithm over eras of 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (century, rest) = pair(year / 100, year % 100);
    let (month, day) = pair(month, day);
    out.put_slice(&[
        century[0], century[1], rest[0], rest[1], b'-', month[0], month[1], b'-', day[0], day[1],
    ]);
    true
}

/// Appends a timestamp of UTC or of no zone; false, and nothing, outside of four-figure years.
pub(super) fn put_timestamp(value: i64, unit: TimeUnit, out: &mut BytesMut) -> bool {
    let micros = match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Millisecond => value.checked_mul(1000),
        TimeUnit::Microsecond => Some(value),
        TimeUnit::Nanosecond => None,
    };
    let Some(micros) = micros else { return false };
    if !put_date(micros.div_euclid(MICROS_PER_DAY), out) {
        return false;
    }
    let of_day = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute) = pair(seconds / 3600, seconds / 60 % 60);
    let (second, _) = pair(seconds % 60, 0);
    out.put_slice(&[
        b' ', hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1],
    ]);
    if fraction > 0 {
        let mut text = *b".000000";
        let mut rest = fraction;
        for figure in text[1..].iter_mut().rev() {
            *figure = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let length = text.iter().rposition(|figure| *figure != b'0').map_or(0, |at| at + 1);
        out.put_slice(&text[..length]);
    }
    true
}

/// Two numbers below a hundred, two figures each.
fn pair(left: i64, right: i64) -> ([u8; 2], [u8; 2]) {
    let figures = |value: i64| [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
    (figures(left), figures(right))
}
