//! What a data file's statistics may say.
//!
//! Its one idea: a bound that is not exact is worse than none, since readers leave files out by it. The
//! format's JSON keeps numerics as numbers, and both its writer and some readers take these for floats: past
//! 15 digits they are rounded.

use arrow::datatypes::{DataType, Field, SchemaRef};
use deltalake_core::kernel::Add;
use serde_json::{Map, Value};

/// Digits that a float keeps for certain.
const EXACT_DIGITS: u8 = 15;

/// Whether a bound of such a value would be rounded.
pub(super) fn is_rounded(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal32(digits, _)
        | DataType::Decimal64(digits, _)
        | DataType::Decimal128(digits, _)
        | DataType::Decimal256(digits, _) => *digits > EXACT_DIGITS,
        DataType::Struct(fields) => fields.iter().any(|field| is_rounded(field.data_type())),
        _ => false,
    }
}

/// Takes bounds out of a file's statistics that would be rounded.
pub(super) fn exact(add: &mut Add, schema: &SchemaRef) {
    let rounded: Vec<&Field> = schema
        .fields()
        .iter()
        .map(AsRef::as_ref)
        .filter(|field| is_rounded(field.data_type()))
        .collect();
    if rounded.is_empty() {
        return;
    }
    let parsed = add.stats.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(mut stats) = parsed else { return };
    for bounds in ["minValues", "maxValues"] {
        if let Some(Value::Object(bounds)) = stats.get_mut(bounds) {
            without(bounds, &rounded);
        }
    }
    add.stats = Some(stats.to_string());
}

/// The statistics of a file that has lost rows: its bounds are wide then, as the format calls it.
pub(super) fn loose(stats: &str) -> String {
    match serde_json::from_str::<Value>(stats) {
        Ok(Value::Object(mut stats)) => {
            stats.insert("tightBounds".to_owned(), Value::Bool(false));
            Value::Object(stats).to_string()
        }
        _ => stats.to_owned(),
    }
}

fn without(bounds: &mut Map<String, Value>, rounded: &[&Field]) {
    for field in rounded {
        match (field.data_type(), bounds.get_mut(field.name())) {
            (DataType::Struct(fields), Some(Value::Object(inner))) => {
                let fields = fields.iter().map(AsRef::as_ref);
                let rounded: Vec<&Field> = fields.filter(|f| is_rounded(f.data_type())).collect();
                without(inner, &rounded);
            }
            _ => {
                bounds.remove(field.name());
            }
        }
    }
}
