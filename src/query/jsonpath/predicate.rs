//! Whether something is so in a document: true, false, or unknown.

use std::cmp::Ordering;

use crate::query::text::json::Json;
use crate::query::textual::compare_numbers;

use super::find::{Failure, Finder};
use super::{Comparison, Predicate};

/// What a predicate answers; `None` is unknown.
pub(super) type Truth = Option<bool>;

/// Asks it of the item at hand.
///
/// # Errors
/// Only what no path may suppress; all else is unknown.
pub(super) fn holds(finder: &Finder<'_>, predicate: &Predicate) -> Result<Truth, Failure> {
    Ok(match predicate {
        Predicate::And(one, other) => match holds(finder, one)? {
            Some(false) => Some(false),
            first => match (first, holds(finder, other)?) {
                (_, Some(false)) => Some(false),
                (Some(true), second) => second,
                _ => None,
            },
        },
        Predicate::Or(one, other) => match holds(finder, one)? {
            Some(true) => Some(true),
            first => match (first, holds(finder, other)?) {
                (_, Some(true)) => Some(true),
                (Some(false), second) => second,
                _ => None,
            },
        },
        Predicate::Not(inner) => holds(finder, inner)?.map(|truth| !truth),
        Predicate::IsUnknown(inner) => Some(holds(finder, inner)?.is_none()),
        Predicate::Exists(node) => match finder.items(node) {
            Ok(items) => Some(!items.is_empty()),
            Err(Failure::Path(_)) => None,
            Err(fatal) => return Err(fatal),
        },
        Predicate::Compare(comparison, left, right) => {
            let (Some(left), Some(right)) = (finder.side(left)?, finder.side(right)?) else {
                return Ok(None);
            };
            pairs(finder, &left, &right, |left, right| compared(*comparison, left, right))
        }
        Predicate::StartsWith(left, right) => {
            let (Some(left), Some(right)) = (finder.side(left)?, finder.side(right)?) else {
                return Ok(None);
            };
            pairs(finder, &left, &right, |left, right| match (left, right) {
                (Json::Text(whole), Json::Text(start)) => Some(whole.starts_with(start.as_str())),
                _ => None,
            })
        }
        Predicate::Like(node, pattern) => {
            let Some(items) = finder.side(node)? else { return Ok(None) };
            pairs(finder, &items, &[Json::Null], |item, _| match item {
                Json::Text(text) => Some(pattern.is_match(text)),
                _ => None,
            })
        }
    })
}

/// Whether any pair holds. In strict mode one that cannot be told makes all of it unknown.
fn pairs(
    finder: &Finder<'_>,
    left: &[Json],
    right: &[Json],
    holds: impl Fn(&Json, &Json) -> Truth,
) -> Truth {
    let (mut found, mut unknown) = (false, false);
    for one in left {
        for other in right {
            match holds(one, other) {
                Some(true) if finder.is_lax() => return Some(true),
                Some(true) => found = true,
                Some(false) => {}
                None if finder.is_lax() => unknown = true,
                None => return None,
            }
        }
    }
    match (found, unknown) {
        (true, _) => Some(true),
        (false, true) => None,
        (false, false) => Some(false),
    }
}

fn compared(comparison: Comparison, left: &Json, right: &Json) -> Truth {
    let order = match (left, right) {
        (Json::Null, Json::Null) => Ordering::Equal,
        (Json::Bool(left), Json::Bool(right)) => left.cmp(right),
        (Json::Text(left), Json::Text(right)) => left.cmp(right),
        (Json::Number(left), Json::Number(right)) => compare_numbers(left, right)?,
        // NULL equals nothing else, and is neither more nor less.
        (Json::Null, _) | (_, Json::Null) => return Some(comparison == Comparison::NotEqual),
        _ => return None,
    };
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}
