//! Functions over json and jsonb, whose values are text marked as such.

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::cast::{Element, array_elements};
use crate::query::runtime::StatementInfo;
use crate::query::text::json::Json;

use super::json_edit::{delete, joined, set, stripped};
use super::json_make::{build_array, build_object, collected, members_of, of_value};
use super::row_wise::{Function, boolean, int_at, list_at, pure, text, text_at};

/// The text of a `json` value: itself, once it is known to be one.
pub(crate) fn json_text(value: &str) -> Result<String> {
    Json::parse(value).map(|_| value.to_owned())
}

/// The text of a `jsonb` value.
pub(crate) fn jsonb_text(value: &str) -> Result<String> {
    Json::parse(value).map(|value| value.ordered().spaced())
}

/// The text of a uuid: lower case, with its dashes.
pub(crate) fn uuid_text(value: &str) -> Result<String> {
    let inner = value.trim();
    let inner = inner.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(inner);
    uuid::Uuid::parse_str(inner).map(|uuid| uuid.to_string()).map_err(|_| {
        let message = format!("invalid input syntax for type uuid: \"{value}\"");
        Error::new(ErrorKind::InvalidTextRepresentation, message)
    })
}

/// The functions of this file. Those with `__` are operators; users reach them by their symbols.
pub(super) const ALL: &[Function] = &[
    pure("__json_get", &["json text", "json int8"], "json", |_, v| get(v, false)),
    pure("__jsonb_get", &["jsonb text", "jsonb int8"], "jsonb", |_, v| get(v, true)),
    pure("__json_get_text", &["json text", "json int8"], "text", |_, v| get_text(v, false)),
    pure("__jsonb_get_text", &["jsonb text", "jsonb int8"], "text", |_, v| get_text(v, true)),
    pure("__json_path", &["json _text", "json text"], "json", |_, v| path(v, false)),
    pure("__jsonb_path", &["jsonb _text", "jsonb text"], "jsonb", |_, v| path(v, true)),
    pure("__json_path_text", &["json _text", "json text"], "text", |_, v| path_text(v, false)),
    pure("__jsonb_path_text", &["jsonb _text", "jsonb text"], "text", |_, v| path_text(v, true)),
    pure("jsonb_contains", &["jsonb jsonb"], "bool", |_, v| {
        boolean(document(v, 0)?.contains(&document(v, 1)?))
    }),
    pure("jsonb_exists", &["jsonb text"], "bool", |_, v| {
        let (value, name) = (document(v, 0)?, text_at(v, 1).unwrap_or_default());
        boolean(has(&value, name))
    }),
    pure("jsonb_exists_any", &["jsonb _text"], "bool", |_, v| {
        let value = document(v, 0)?;
        boolean(names(v, 1)?.iter().any(|name| has(&value, name)))
    }),
    pure("jsonb_exists_all", &["jsonb _text"], "bool", |_, v| {
        let value = document(v, 0)?;
        boolean(names(v, 1)?.iter().all(|name| has(&value, name)))
    }),
    pure("jsonb_concat", &["jsonb jsonb"], "jsonb", |_, v| {
        text(Some(joined(document(v, 0)?, document(v, 1)?).ordered().spaced()))
    }),
    pure("jsonb_delete", &["jsonb text", "jsonb int8"], "jsonb", delete),
    pure("json_typeof", &["json"], "text", |_, v| text(Some(document(v, 0)?.kind()))),
    pure("jsonb_typeof", &["jsonb"], "text", |_, v| text(Some(document(v, 0)?.kind()))),
    pure("json_array_length", &["json"], "int4", array_length),
    pure("jsonb_array_length", &["jsonb"], "int4", array_length),
    pure("json_extract_path", &["json text*"], "json", |_, v| steps(v, false)),
    pure("jsonb_extract_path", &["jsonb text*"], "jsonb", |_, v| steps(v, true)),
    pure("json_extract_path_text", &["json text*"], "text", |_, v| steps_text(v, false)),
    pure("jsonb_extract_path_text", &["jsonb text*"], "text", |_, v| steps_text(v, true)),
    pure("jsonb_pretty", &["jsonb"], "text", |_, v| text(Some(document(v, 0)?.pretty(0)))),
    pure("json_strip_nulls", &["json"], "json", |_, v| {
        text(Some(stripped(document(v, 0)?).compact()))
    }),
    pure("jsonb_strip_nulls", &["jsonb"], "jsonb", |_, v| {
        text(Some(stripped(document(v, 0)?).spaced()))
    }),
    pure("jsonb_set", &["jsonb _text jsonb", "jsonb _text jsonb bool"], "jsonb", set),
    pure("to_json", &["any"], "json", |_, v| text(Some(as_written(&v[0])?))),
    pure("row_to_json", &["any"], "json", |_, v| text(Some(of_value(&v[0])?.compact()))),
    pure("array_to_json", &["any"], "json", |_, v| text(Some(of_value(&v[0])?.compact()))),
    pure("to_jsonb", &["any"], "jsonb", |_, v| text(Some(of_value(&v[0])?.ordered().spaced()))),
    pure("json_build_object", &["any*"], "json", |_, v| text(Some(build_object(v)?.built())))
        .with_nulls(),
    pure("jsonb_build_object", &["any*"], "jsonb", |_, v| {
        text(Some(build_object(v)?.ordered().spaced()))
    })
    .with_nulls(),
    pure("json_build_array", &["any*"], "json", |_, v| text(Some(build_array(v)?.built())))
        .with_nulls(),
    pure("jsonb_build_array", &["any*"], "jsonb", |_, v| {
        text(Some(build_array(v)?.ordered().spaced()))
    })
    .with_nulls(),
    // What an aggregate has collected, each already json.
    pure("__json_join", &["_text"], "json", |_, v| {
        let all = collected(v, 0)?.map(|all| all.join(", "));
        text(all.map(|all| format!("[{}]", all.strip_prefix("\n ").unwrap_or(&all))))
    }),
    // Rows and arrays begin lines of their own.
    pure("__json_item", &["any"], "json", |_, v| {
        let item = as_written(&v[0])?;
        let apart = matches!(v[0], ScalarValue::List(_) | ScalarValue::Struct(_));
        text(Some(if apart { format!("\n {item}") } else { item }))
    }),
    pure("__jsonb_join", &["_text"], "jsonb", |_, v| {
        text(collected(v, 0)?.map(|all| format!("[{}]", all.join(", "))))
    }),
    pure("__json_object_join", &["_text _text"], "json", |_, v| {
        text(members_of(v)?.map(|all| format!("{{ {} }}", all.join(", "))))
    }),
    pure("__jsonb_object_join", &["_text _text"], "jsonb", |_, v| {
        let joined = members_of(v)?.map(|all| format!("{{{}}}", all.join(", ")));
        text(joined.map(|joined| jsonb_text(&joined)).transpose()?)
    }),
    // Lists of what the functions of the same name answer as rows.
    pure("__json_array_elements", &["json"], "_json", |_, v| elements(v, false, false)),
    pure("__jsonb_array_elements", &["jsonb"], "_jsonb", |_, v| elements(v, true, false)),
    pure("__json_array_elements_text", &["json"], "_text", |_, v| elements(v, false, true)),
    pure("__jsonb_array_elements_text", &["jsonb"], "_text", |_, v| elements(v, true, true)),
    pure("__json_object_keys", &["json"], "_text", keys),
    pure("__jsonb_object_keys", &["jsonb"], "_text", keys),
    pure("__json_each_value", &["json"], "_json", |_, v| values(v, false, false)),
    pure("__jsonb_each_value", &["jsonb"], "_jsonb", |_, v| values(v, true, false)),
    pure("__json_each_text_value", &["json"], "_text", |_, v| values(v, false, true)),
    pure("__jsonb_each_text_value", &["jsonb"], "_text", |_, v| values(v, true, true)),
];

/// Json stays as it was written.
fn as_written(value: &ScalarValue) -> Result<String> {
    match value {
        ScalarValue::LargeUtf8(Some(json)) => Ok(json.clone()),
        other => Ok(of_value(other)?.compact()),
    }
}

/// The function that an operator between these is; `None` for other operators and types.
pub(super) fn operator(
    symbol: &str,
    left: Option<&str>,
    right: Option<&str>,
) -> Option<&'static str> {
    let binary = match left.or(right)? {
        "json" => false,
        "jsonb" => true,
        _ => return None,
    };
    Some(match (symbol, binary) {
        ("->", false) => "__json_get",
        ("->", true) => "__jsonb_get",
        ("->>", false) => "__json_get_text",
        ("->>", true) => "__jsonb_get_text",
        ("#>", false) => "__json_path",
        ("#>", true) => "__jsonb_path",
        ("#>>", false) => "__json_path_text",
        ("#>>", true) => "__jsonb_path_text",
        ("@>" | "<@", true) => "jsonb_contains",
        ("?", true) => "jsonb_exists",
        ("?|", true) => "jsonb_exists_any",
        ("?&", true) => "jsonb_exists_all",
        ("||", true) => "jsonb_concat",
        ("-", true) => "jsonb_delete",
        _ => return None,
    })
}

pub(super) fn document(values: &[ScalarValue], at: usize) -> Result<Json> {
    Json::parse(text_at(values, at).unwrap_or_default())
}

/// The document with its parts as they were written.
fn opened(values: &[ScalarValue]) -> Result<Json> {
    Json::opened(text_at(values, 0).unwrap_or_default())
}

fn printed(value: Option<&Json>, binary: bool) -> Result<ScalarValue> {
    text(value.and_then(|value| shown(value, binary, false)))
}

fn plain(value: Option<&Json>, binary: bool) -> Result<ScalarValue> {
    text(value.and_then(|value| shown(value, binary, true)))
}

fn found<'a>(value: &'a Json, values: &[ScalarValue]) -> Option<&'a Json> {
    match int_at(values, 1) {
        Some(at) => value.element(at),
        None => value.member(text_at(values, 1)?),
    }
}

fn get(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    printed(found(&opened(values)?, values), binary)
}

fn get_text(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    plain(found(&opened(values)?, values), binary)
}

/// The texts of a list, or of an array written as text.
fn elements_of(values: &[ScalarValue], at: usize) -> Result<Vec<Option<String>>> {
    if let Some(list) = list_at(values, at) {
        let texts = list.as_string_opt::<i32>();
        return Ok(texts.map_or_else(Vec::new, |texts| {
            texts.iter().map(|text| text.map(str::to_owned)).collect()
        }));
    }
    let elements = array_elements(text_at(values, at).unwrap_or_default())?;
    let text = |element| match element {
        Element::Text(text) => Ok(Some(text)),
        Element::Null => Ok(None),
        Element::Nested(_) => {
            let message = "wrong number of array subscripts";
            Err(Error::new(ErrorKind::ArraySubscriptError, message))
        }
    };
    elements.into_iter().map(text).collect()
}

pub(super) fn names(values: &[ScalarValue], at: usize) -> Result<Vec<String>> {
    Ok(elements_of(values, at)?.into_iter().flatten().collect())
}

/// What lies at the end of a path, as it was written.
fn walk(values: &[ScalarValue], steps: Vec<Option<String>>) -> Result<Option<Json>> {
    let mut at = text_at(values, 0).unwrap_or_default().trim().to_owned();
    for step in steps {
        let Some(step) = step else { return Ok(None) };
        match Json::opened(&at)?.step(&step) {
            Some(Json::Written(text)) => at = text.clone(),
            _ => return Ok(None),
        }
    }
    Ok(Some(Json::Written(at)))
}

fn path(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    printed(walk(values, elements_of(values, 1)?)?.as_ref(), binary)
}

fn path_text(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    plain(walk(values, elements_of(values, 1)?)?.as_ref(), binary)
}

fn given(values: &[ScalarValue]) -> Vec<Option<String>> {
    (1..values.len()).map(|at| text_at(values, at).map(str::to_owned)).collect()
}

fn steps(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    printed(walk(values, given(values))?.as_ref(), binary)
}

fn steps_text(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    plain(walk(values, given(values))?.as_ref(), binary)
}

fn has(value: &Json, name: &str) -> bool {
    match value {
        Json::Array(elements) => elements.iter().any(|e| *e == Json::Text(name.to_owned())),
        Json::Text(text) => text == name,
        other => other.member(name).is_some(),
    }
}

fn array_length(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    match document(values, 0)? {
        Json::Array(elements) => Ok(ScalarValue::Int32(i32::try_from(elements.len()).ok())),
        other => {
            let what = if matches!(other, Json::Object(_)) { "a non-array" } else { "a scalar" };
            let message = format!("cannot get array length of {what}");
            Err(Error::new(ErrorKind::InvalidParameterValue, message))
        }
    }
}

fn list(values: Vec<Option<String>>) -> Result<ScalarValue> {
    let values: Vec<ScalarValue> = values.into_iter().map(ScalarValue::Utf8).collect();
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Utf8)))
}

fn elements(values: &[ScalarValue], binary: bool, as_text: bool) -> Result<ScalarValue> {
    let Json::Array(elements) = opened(values)? else {
        let message = "cannot extract elements from an object";
        return Err(Error::new(ErrorKind::InvalidParameterValue, message));
    };
    list(elements.iter().map(|value| shown(value, binary, as_text)).collect())
}

fn shown(value: &Json, binary: bool, as_text: bool) -> Option<String> {
    match (as_text, binary) {
        // A literal is written as anybody likes, until it is jsonb.
        (true, true) => value.clone().ordered().plain(true),
        (false, true) => Some(value.clone().ordered().spaced()),
        (true, false) => value.plain(false),
        (false, false) => Some(value.compact()),
    }
}

fn members(values: &[ScalarValue]) -> Result<Vec<(String, Json)>> {
    match opened(values)? {
        Json::Object(members) => Ok(members),
        other => {
            let what = if matches!(other, Json::Array(_)) { "an array" } else { "a scalar" };
            let message = format!("cannot call json_object_keys on {what}");
            Err(Error::new(ErrorKind::InvalidParameterValue, message))
        }
    }
}

fn keys(_: &StatementInfo, v: &[ScalarValue]) -> Result<ScalarValue> {
    list(members(v)?.into_iter().map(|(name, _)| Some(name)).collect())
}

fn values(v: &[ScalarValue], binary: bool, as_text: bool) -> Result<ScalarValue> {
    list(members(v)?.iter().map(|(_, value)| shown(value, binary, as_text)).collect())
}
