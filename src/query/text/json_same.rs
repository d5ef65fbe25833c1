//! Which values of json are the same, and which hold which.

use std::cmp::Ordering;

use crate::query::textual::compare_numbers;

use super::json::Json;

/// Numbers are equal by their values, objects whatever the order of their members.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Json::Null, Json::Null) => true,
            (Json::Bool(one), Json::Bool(other)) => one == other,
            (Json::Number(one), Json::Number(other)) => {
                one == other || compare_numbers(one, other) == Some(Ordering::Equal)
            }
            (Json::Text(one), Json::Text(other)) | (Json::Written(one), Json::Written(other)) => {
                one == other
            }
            (Json::Array(one), Json::Array(other)) => one == other,
            (Json::Object(one), Json::Object(other)) => {
                one.len() == other.len() && one.iter().all(|member| other.contains(member))
            }
            _ => false,
        }
    }
}

impl Json {
    /// Whether everything of `other` is somewhere in this, as `@>` means it.
    pub(crate) fn contains(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Object(_), Json::Object(members)) => members
                .iter()
                .all(|(name, value)| self.member(name).is_some_and(|mine| mine.contains(value))),
            (Json::Array(mine), Json::Array(theirs)) => {
                theirs.iter().all(|wanted| mine.iter().any(|have| have.contains(wanted)))
            }
            (Json::Array(mine), scalar) if !matches!(scalar, Json::Object(_)) => {
                mine.iter().any(|have| have == scalar)
            }
            (mine, theirs) => mine == theirs,
        }
    }
}
