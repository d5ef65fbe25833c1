//! Functions over json and jsonb, whose values are text marked as such.

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::runtime::StatementInfo;
use crate::query::text::json::Json;

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
        boolean(names(v, 1).iter().any(|name| has(&value, name)))
    }),
    pure("jsonb_exists_all", &["jsonb _text"], "bool", |_, v| {
        let value = document(v, 0)?;
        boolean(names(v, 1).iter().all(|name| has(&value, name)))
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

fn document(values: &[ScalarValue], at: usize) -> Result<Json> {
    Json::parse(text_at(values, at).unwrap_or_default())
}

fn printed(value: Option<&Json>, binary: bool) -> Result<ScalarValue> {
    text(value.map(|value| if binary { value.spaced() } else { value.compact() }))
}

fn plain(value: Option<&Json>, binary: bool) -> Result<ScalarValue> {
    text(value.and_then(|value| value.plain(binary)))
}

fn found<'a>(value: &'a Json, values: &[ScalarValue]) -> Option<&'a Json> {
    match int_at(values, 1) {
        Some(at) => value.element(at),
        None => value.member(text_at(values, 1)?),
    }
}

fn get(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    printed(found(&document(values, 0)?, values), binary)
}

fn get_text(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    plain(found(&document(values, 0)?, values), binary)
}

/// The texts of a list, or of an array written as text.
fn names(values: &[ScalarValue], at: usize) -> Vec<String> {
    if let Some(list) = list_at(values, at)
        && let Some(texts) = list.as_string_opt::<i32>()
    {
        return texts.iter().flatten().map(str::to_owned).collect();
    }
    let written = text_at(values, at).unwrap_or_default();
    let inner = written.trim().trim_start_matches('{').trim_end_matches('}');
    inner.split(',').map(|step| step.trim().trim_matches('"').to_owned()).collect()
}

fn walk<'a>(value: &'a Json, steps: &[String]) -> Option<&'a Json> {
    steps.iter().try_fold(value, |value, step| value.step(step))
}

fn path(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    printed(walk(&document(values, 0)?, &names(values, 1)), binary)
}

fn path_text(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    plain(walk(&document(values, 0)?, &names(values, 1)), binary)
}

fn given(values: &[ScalarValue]) -> Vec<String> {
    (1..values.len()).filter_map(|at| text_at(values, at)).map(str::to_owned).collect()
}

fn steps(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    printed(walk(&document(values, 0)?, &given(values)), binary)
}

fn steps_text(values: &[ScalarValue], binary: bool) -> Result<ScalarValue> {
    plain(walk(&document(values, 0)?, &given(values)), binary)
}

fn has(value: &Json, name: &str) -> bool {
    match value {
        Json::Array(elements) => elements.iter().any(|e| *e == Json::Text(name.to_owned())),
        Json::Text(text) => text == name,
        other => other.member(name).is_some(),
    }
}

fn joined(left: Json, right: Json) -> Json {
    match (left, right) {
        (Json::Object(mut members), Json::Object(more)) => {
            members.extend(more);
            Json::Object(members)
        }
        (left, right) => {
            let list = |value| match value {
                Json::Array(elements) => elements,
                other => vec![other],
            };
            let mut elements = list(left);
            elements.extend(list(right));
            Json::Array(elements)
        }
    }
}

fn delete(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let value = document(values, 0)?;
    let left = match (value, int_at(values, 1)) {
        (Json::Array(mut elements), Some(at)) => {
            let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
            let at = if at < 0 { at + length } else { at };
            if let Some(at) = usize::try_from(at).ok().filter(|at| *at < elements.len()) {
                elements.remove(at);
            }
            Json::Array(elements)
        }
        (Json::Array(mut elements), None) => {
            let name = Json::Text(text_at(values, 1).unwrap_or_default().to_owned());
            elements.retain(|element| *element != name);
            Json::Array(elements)
        }
        (Json::Object(mut members), None) => {
            members.retain(|(name, _)| Some(name.as_str()) != text_at(values, 1));
            Json::Object(members)
        }
        (Json::Object(_), Some(_)) => {
            let message = "cannot delete from object using integer index";
            return Err(Error::new(ErrorKind::InvalidParameterValue, message));
        }
        _ => {
            let message = "cannot delete from scalar";
            return Err(Error::new(ErrorKind::InvalidParameterValue, message));
        }
    };
    text(Some(left.spaced()))
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

fn stripped(value: Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .filter(|(_, value)| *value != Json::Null)
                .map(|(name, value)| (name, stripped(value)))
                .collect(),
        ),
        Json::Array(elements) => Json::Array(elements.into_iter().map(stripped).collect()),
        other => other,
    }
}

fn set(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let create = super::row_wise::bool_at(values, 3).unwrap_or(true);
    let changed = put(document(values, 0)?, &names(values, 1), &document(values, 2)?, create);
    text(Some(changed.ordered().spaced()))
}

fn put(value: Json, path: &[String], new: &Json, create: bool) -> Json {
    let Some((step, rest)) = path.split_first() else { return new.clone() };
    match value {
        Json::Object(mut members) => {
            match members.iter_mut().find(|(name, _)| name == step) {
                Some((_, member)) => {
                    let before = std::mem::replace(member, Json::Null);
                    *member = put(before, rest, new, create);
                }
                None if create && rest.is_empty() => members.push((step.clone(), new.clone())),
                None => {}
            }
            Json::Object(members)
        }
        Json::Array(mut elements) => {
            let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
            let at: i64 = step.trim().parse().unwrap_or(length);
            let place = if at < 0 { at + length } else { at };
            match usize::try_from(place).ok().and_then(|place| elements.get_mut(place)) {
                Some(element) => {
                    let before = std::mem::replace(element, Json::Null);
                    *element = put(before, rest, new, create);
                }
                None if create && rest.is_empty() && at < 0 => elements.insert(0, new.clone()),
                None if create && rest.is_empty() => elements.push(new.clone()),
                None => {}
            }
            Json::Array(elements)
        }
        other => other,
    }
}

fn list(values: Vec<Option<String>>) -> Result<ScalarValue> {
    let values: Vec<ScalarValue> = values.into_iter().map(ScalarValue::Utf8).collect();
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Utf8)))
}

fn elements(values: &[ScalarValue], binary: bool, as_text: bool) -> Result<ScalarValue> {
    let Json::Array(elements) = document(values, 0)? else {
        let message = "cannot extract elements from an object";
        return Err(Error::new(ErrorKind::InvalidParameterValue, message));
    };
    list(elements.iter().map(|value| shown(value, binary, as_text)).collect())
}

fn shown(value: &Json, binary: bool, as_text: bool) -> Option<String> {
    match (as_text, binary) {
        (true, _) => value.plain(binary),
        (false, true) => Some(value.spaced()),
        (false, false) => Some(value.compact()),
    }
}

fn members(values: &[ScalarValue]) -> Result<Vec<(String, Json)>> {
    match document(values, 0)? {
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
