//! `jsonb_path_query` and its like.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::jsonpath::{self, Asked, Items};
use crate::query::text::json::Json;

use super::row_wise::{Function, bool_at, boolean, null, pure, text, text_at};

const ARGUMENTS: &[&str] = &["jsonb text", "jsonb text jsonb", "jsonb text jsonb bool"];

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    pure("jsonb_path_exists", ARGUMENTS, "bool", |_, v| {
        let found = found(v)?;
        // A lax path looks no further than the first.
        let known = !found.broken || found.lax && !found.items.is_empty();
        boolean(known.then_some(!found.items.is_empty()))
    }),
    pure("jsonb_path_match", ARGUMENTS, "bool", |_, v| {
        let silent = bool_at(v, 3).unwrap_or(false);
        match found(v)?.items.as_slice() {
            [Json::Bool(truth)] => boolean(*truth),
            [Json::Null] => null(),
            _ if silent => null(),
            _ => {
                let message = "single boolean result is expected";
                Err(Error::new(ErrorKind::SingletonSqlJsonItemRequired, message))
            }
        }
    }),
    pure("jsonb_path_query_array", ARGUMENTS, "jsonb", |_, v| {
        text(Some(Json::Array(found(v)?.items).spaced()))
    }),
    pure("jsonb_path_query_first", ARGUMENTS, "jsonb", |_, v| {
        text(found(v)?.items.first().map(Json::spaced))
    }),
    // The list of what the function of the same name answers as rows.
    pure("__jsonb_path_query", ARGUMENTS, "_jsonb", |_, v| {
        let items = found(v)?.items;
        let items: Vec<ScalarValue> =
            items.iter().map(|item| ScalarValue::Utf8(Some(item.spaced()))).collect();
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&items, &DataType::Utf8)))
    }),
];

/// What the path finds.
fn found(values: &[ScalarValue]) -> Result<Items> {
    let document = Json::parse(text_at(values, 0).unwrap_or_default())?.ordered();
    let path = jsonpath::read(text_at(values, 1).unwrap_or_default())?;
    let variables = Json::parse(text_at(values, 2).unwrap_or("{}"))?.ordered();
    if !matches!(variables, Json::Object(_)) {
        let message = "\"vars\" argument is not an object";
        return Err(Error::new(ErrorKind::InvalidParameterValue, message).detail(
            "Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.",
        ));
    }
    let silent = bool_at(values, 3).unwrap_or(false);
    let asked = Asked { document: &document, variables: &variables };
    jsonpath::find(&path, &asked, silent)
}
