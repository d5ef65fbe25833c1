//! Changes of jsonb: `||`, `-`, `jsonb_set`, and without NULLs.

use datafusion::common::ScalarValue;

use crate::error::{Error, ErrorKind, Result};
use crate::query::runtime::StatementInfo;
use crate::query::text::json::Json;

use super::json::{document, names};
use super::row_wise::{int_at, text, text_at};

pub(super) fn joined(left: Json, right: Json) -> Json {
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

pub(super) fn delete(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
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

pub(super) fn stripped(value: Json) -> Json {
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

pub(super) fn set(_: &StatementInfo, values: &[ScalarValue]) -> Result<ScalarValue> {
    let create = super::row_wise::bool_at(values, 3).unwrap_or(true);
    let changed = put(document(values, 0)?, &names(values, 1)?, &document(values, 2)?, create);
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
