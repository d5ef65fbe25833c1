//! Postgres' binary formats to text.

use std::error::Error;

use tokio_postgres::types::{FromSql, Kind, Type};

use super::text;

/// A value of any type, as PostgreSQL would print it.
#[derive(Debug)]
pub(super) struct AsText(pub(super) String);

impl<'a> FromSql<'a> for AsText {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        decode(kind, raw).map(Self)
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }
}

/// Seconds from 1970-01-01 to 2000-01-01, where Postgres counts from.
const EPOCH_SECONDS: i64 = 946_684_800;
const EPOCH_DAYS: i32 = 10_957;

fn decode(kind: &Type, raw: &[u8]) -> Result<String, Box<dyn Error + Sync + Send>> {
    if let Kind::Array(element) = kind.kind() {
        return array(element, raw);
    }
    let micros = || -> Result<i64, Box<dyn Error + Sync + Send>> {
        Ok(i64::from_be_bytes(raw.try_into()?) + EPOCH_SECONDS * 1_000_000)
    };
    Ok(match *kind {
        Type::BOOL => text::boolean(raw == [1]),
        Type::INT2 => i16::from_be_bytes(raw.try_into()?).to_string(),
        Type::INT4 => i32::from_be_bytes(raw.try_into()?).to_string(),
        Type::INT8 => i64::from_be_bytes(raw.try_into()?).to_string(),
        Type::OID => u32::from_be_bytes(raw.try_into()?).to_string(),
        Type::FLOAT4 => text::real(f32::from_be_bytes(raw.try_into()?)),
        Type::FLOAT8 => text::double(f64::from_be_bytes(raw.try_into()?)),
        Type::NUMERIC => numeric(raw)?,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::UNKNOWN => {
            String::from_utf8(raw.to_vec())?
        }
        Type::CHAR => char::from(*raw.first().unwrap_or(&0)).to_string(),
        Type::JSONB => String::from_utf8(raw.get(1..).unwrap_or_default().to_vec())?,
        Type::BYTEA => text::bytea(raw),
        Type::UUID => text::uuid(raw),
        Type::DATE => text::date(i32::from_be_bytes(raw.try_into()?) + EPOCH_DAYS),
        Type::TIME => text::time(i64::from_be_bytes(raw.try_into()?)),
        Type::TIMESTAMP => text::timestamp(micros()?),
        Type::TIMESTAMPTZ => text::timestamptz(micros()?),
        Type::INTERVAL => text::interval(
            i32::from_be_bytes(raw[12..16].try_into()?),
            i32::from_be_bytes(raw[8..12].try_into()?),
            i64::from_be_bytes(raw[..8].try_into()?),
        ),
        _ => return Err(format!("the corpus cannot print type {kind} yet").into()),
    })
}

/// Number of digits, weight of the first, sign, scale, then digits of base 10,000.
fn numeric(raw: &[u8]) -> Result<String, Box<dyn Error + Sync + Send>> {
    let words: Vec<u16> =
        raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let [count, weight, sign, scale, digits @ ..] = words.as_slice() else {
        return Err("a numeric is cut".into());
    };
    if *sign == 0xC000 {
        return Ok("NaN".to_owned());
    }
    if digits.len() != usize::from(*count) || digits.iter().any(|digit| *digit > 9999) {
        return Err("a numeric has other digits than it says".into());
    }
    let weight = i32::from(weight.cast_signed());
    let digit_at = |position: i32| -> u16 {
        usize::try_from(weight - position).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0)
    };
    let mut whole = String::new();
    for position in (0..=weight.max(0)).rev() {
        whole.push_str(&format!("{:04}", digit_at(position)));
    }
    let whole = whole.trim_start_matches('0');
    let mut fraction = String::new();
    let scale = usize::from(*scale);
    let mut position = -1;
    while fraction.len() < scale {
        fraction.push_str(&format!("{:04}", digit_at(position)));
        position -= 1;
    }
    let rest = digits.len() as i32 - 1 - weight;
    if rest * 4 >= scale as i32 + 4 || fraction[scale..].contains(|digit| digit != '0') {
        return Err("a numeric has digits beyond its scale".into());
    }
    let minus = if *sign == 0x4000 { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if scale == 0 { "" } else { "." };
    Ok(format!("{minus}{whole}{point}{}", &fraction[..scale]))
}

/// Dimensions, has-nulls flag, element type, then size and lower bound of each dimension, then each
/// element with its length.
fn array(element: &Type, raw: &[u8]) -> Result<String, Box<dyn Error + Sync + Send>> {
    let word = |at: usize| -> Result<i32, Box<dyn Error + Sync + Send>> {
        Ok(i32::from_be_bytes(raw.get(at..at + 4).ok_or("an array is cut")?.try_into()?))
    };
    let dimensions = word(0)? as usize;
    if word(8)? as u32 != element.oid() {
        return Err("an array's elements have another type than it says".into());
    }
    let sizes: Vec<usize> = (0..dimensions)
        .map(|d| word(12 + 8 * d).map(|size| size as usize))
        .collect::<Result<_, _>>()?;
    let mut at = 12 + 8 * dimensions;
    let mut elements = Vec::new();
    for _ in 0..if dimensions == 0 { 0 } else { sizes.iter().product() } {
        let length = word(at)?;
        at += 4;
        if length < 0 {
            elements.push(None);
            continue;
        }
        let end = at + length as usize;
        elements.push(Some(decode(element, raw.get(at..end).ok_or("an array is cut")?)?));
        at = end;
    }
    Ok(nest(&elements, &sizes))
}

fn nest(elements: &[Option<String>], sizes: &[usize]) -> String {
    match sizes {
        [] | [_] => text::array(elements, false),
        [outer, inner @ ..] => {
            let parts: Vec<Option<String>> = elements
                .chunks((elements.len() / (*outer).max(1)).max(1))
                .map(|part| Some(nest(part, inner)))
                .collect();
            text::array(&parts, true)
        }
    }
}
