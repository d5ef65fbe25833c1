//! Column names as files have them, made into names a Delta table accepts.
//!
//! Its one idea: a cleaned name depends on the original and on what stands before it, nothing else, so
//! the same header always gives the same columns. Knows no types.

use std::collections::HashSet;

/// The name before repetition is looked at: lower case, every run of characters other than letters,
/// digits and `_` one `_`; `_c<position>` for a name that is blank.
pub(crate) fn clean(original: &str, position: usize) -> String {
    let trimmed = original.trim();
    if trimmed.is_empty() {
        return format!("_c{position}");
    }
    let mut name = String::with_capacity(trimmed.len());
    let mut within_run = false;
    for character in trimmed.chars().flat_map(char::to_lowercase) {
        if character.is_alphanumeric() || character == '_' {
            name.push(character);
            within_run = false;
        } else if !within_run {
            name.push('_');
            within_run = true;
        }
    }
    name
}

/// Cleans a whole header; a name that is taken already gets `_2`, `_3`, ...
pub(crate) fn clean_all<'a>(originals: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut names = Vec::new();
    for (position, original) in originals.into_iter().enumerate() {
        let name = free_name(clean(original, position), &taken);
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// `name`, or the first of `name_2`, `name_3`, ... that is not taken.
pub(crate) fn free_name(name: String, taken: &HashSet<String>) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let mut number = 2_usize;
    loop {
        let candidate = format!("{name}_{number}");
        if !taken.contains(&candidate) {
            return candidate;
        }
        number += 1;
    }
}
