//! Patterns over paths.
//!
//! `*`, `?`, `[a-z]`, `[^a]` within one segment, `{a,b}` anywhere, `**` for any number of segments.
//! Pure text; asks no disk.

/// A pattern, its alternatives written out, each split into segments.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    alternatives: Vec<Vec<String>>,
}

/// Whether a path has any character with a meaning of its own.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl Glob {
    /// Reads a pattern relative to a folder.
    pub(crate) fn new(pattern: &str) -> Self {
        let alternatives = expand(pattern)
            .iter()
            .map(|text| {
                text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
            })
            .collect();
        Self { alternatives }
    }

    /// Whether it matches a path's segments as a whole.
    pub(crate) fn matches(&self, path: &[&str]) -> bool {
        self.alternatives.iter().any(|pattern| segments_match(pattern, path))
    }

    /// Whether something below a folder of these segments could match.
    pub(crate) fn may_match_below(&self, folder: &[&str]) -> bool {
        self.alternatives.iter().any(|pattern| {
            for (at, name) in folder.iter().enumerate() {
                match pattern.get(at).map(String::as_str) {
                    Some("**") => return true,
                    Some(part) if segment_matches(part, name) => {}
                    _ => return false,
                }
            }
            pattern.len() > folder.len()
        })
    }
}

/// `x{a,b}y` to `xay` and `xby`; braces may nest. An unclosed brace is an ordinary character.
fn expand(pattern: &str) -> Vec<String> {
    let Some(open) = pattern.find('{') else {
        return vec![pattern.to_owned()];
    };
    let (mut depth, mut parts, mut start) = (0, Vec::new(), open + 1);
    for (at, character) in pattern.char_indices().skip_while(|(at, _)| *at < open) {
        match character {
            '{' => depth += 1,
            ',' if depth == 1 => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    parts.push(&pattern[start..at]);
                    let (before, after) = (&pattern[..open], &pattern[at + 1..]);
                    return parts
                        .iter()
                        .flat_map(|part| expand(&format!("{before}{part}{after}")))
                        .collect();
                }
            }
            _ => {}
        }
    }
    vec![pattern.to_owned()]
}

fn segments_match(pattern: &[String], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=path.len()).any(|skipped| segments_match(rest, &path[skipped..]))
        }
        Some((first, rest)) => match path.split_first() {
            Some((name, below)) => segment_matches(first, name) && segments_match(rest, below),
            None => false,
        },
    }
}

fn segment_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // The usual two-pointer match: on a mismatch go back to the last star and let it take one more.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
            continue;
        }
        match one(&pattern, p, name[n]) {
            Some(next) => {
                p = next;
                n += 1;
            }
            None => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Matches one character at `p`; returns the position behind what matched it.
fn one(pattern: &[char], p: usize, character: char) -> Option<usize> {
    match pattern.get(p)? {
        '?' => Some(p + 1),
        '[' => {
            let behind = pattern.get(p + 2..).unwrap_or_default();
            let Some(close) = behind.iter().position(|c| *c == ']').map(|at| p + 2 + at) else {
                return (character == '[').then_some(p + 1);
            };
            let negated = matches!(pattern[p + 1], '^' | '!');
            let set = &pattern[p + 1 + usize::from(negated)..close];
            (in_set(set, character) != negated).then_some(close + 1)
        }
        literal => (*literal == character).then_some(p + 1),
    }
}

fn in_set(set: &[char], character: char) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set.get(at + 1) == Some(&'-') && at + 2 < set.len() {
            if (set[at]..=set[at + 2]).contains(&character) {
                return true;
            }
            at += 3;
        } else {
            if set[at] == character {
                return true;
            }
            at += 1;
        }
    }
    false
}
