//! The order of jsonb: bytes that lie as the values do.
//!
//! Its one idea: null, strings, numbers, truths, arrays, objects, as PostgreSQL has them; of arrays and objects the
//! shorter comes first, and an empty array that is the whole value before all else.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::ScalarUDF;

use crate::error::Result;
use crate::query::text::json::Json;

use super::row_wise::{Function, pure, text_at};

/// `__jsonb_key`; users reach it by ORDER BY and by comparisons.
pub(crate) fn jsonb_key() -> Arc<ScalarUDF> {
    KEY.build()
}

const KEY: Function = pure("__jsonb_key", &["jsonb"], "bytea", |_, v| {
    let value = Json::parse(text_at(v, 0).unwrap_or_default())?.ordered();
    let mut key = Vec::new();
    match &value {
        Json::Array(elements) if elements.is_empty() => key.push(0),
        value => put(value, &mut key)?,
    }
    Ok(ScalarValue::Binary(Some(key)))
});

fn put(value: &Json, key: &mut Vec<u8>) -> Result<()> {
    match value {
        Json::Null => key.push(1),
        Json::Text(text) => put_text(text, key),
        Json::Number(number) => {
            key.push(3);
            put_number(number, key);
        }
        Json::Bool(truth) => key.extend([4, u8::from(*truth)]),
        Json::Array(elements) => {
            key.push(5);
            put_count(elements.len(), key);
            elements.iter().try_for_each(|element| put(element, key))?;
        }
        Json::Object(members) => {
            key.push(6);
            put_count(members.len(), key);
            for (name, value) in members {
                put_text(name, key);
                put(value, key)?;
            }
        }
        Json::Written(text) => put(&Json::parse(text)?.ordered(), key)?,
    }
    Ok(())
}

fn put_count(count: usize, key: &mut Vec<u8>) {
    key.extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

/// No character of jsonb is zero, so that what is shorter ends first.
fn put_text(text: &str, key: &mut Vec<u8>) {
    key.push(2);
    key.extend(text.bytes());
    key.push(0);
}

/// The sign, the place of the first figure, the figures; all turned round below zero.
fn put_number(number: &str, key: &mut Vec<u8>) {
    let (negative, unsigned) = match number.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, number),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let figures = format!("{whole}{fraction}");
    let leading = figures.len() - figures.trim_start_matches('0').len();
    let figures = figures.trim_matches('0');
    if figures.is_empty() {
        return key.push(0x80);
    }
    let places = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let exponent = exponent.parse::<i64>().unwrap_or(0);
    let place = exponent.saturating_add(places(whole.len()) - places(leading));
    // Without its sign, a greater place has greater bytes.
    let mut bytes = (place.wrapping_add(i64::MIN) as u64).to_be_bytes().to_vec();
    bytes.extend(figures.bytes());
    bytes.push(0);
    key.push(if negative { 0x7f } else { 0x81 });
    key.extend(bytes.into_iter().map(|byte| if negative { !byte } else { byte }));
}
