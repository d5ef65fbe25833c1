//! `sql/**/*.test.sql` to tests; every mistake at once.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::catalog::FileError;
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::{TestStatement, parse_tests};

use super::case::{Case, Rows};

const ENDING: &str = ".test.sql";

/// The tests below a folder, by file and place.
///
/// # Errors
/// Every mistake in them.
pub(super) fn read(sql: &Path) -> Result<Vec<Case>, Vec<FileError>> {
    let root = sql.file_name().map_or_else(|| PathBuf::from("sql"), PathBuf::from);
    let (mut cases, mut mistakes) = (Vec::new(), Vec::new());
    let mut folders = vec![(sql.to_owned(), root, Vec::new())];
    while let Some((folder, shown, parts)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder).and_then(Iterator::collect) {
            Ok(entries) => entries,
            Err(error) => {
                mistakes.push(unreadable(&folder, &shown, error));
                continue;
            }
        };
        let mut entries: Vec<std::fs::DirEntry> = entries;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let (path, shown) = (entry.path(), shown.join(&name));
            if path.is_dir() && !name.starts_with('.') {
                let parts = parts.iter().cloned().chain([name]).collect();
                folders.push((path, shown, parts));
            } else if let Some(relation) = name.strip_suffix(ENDING) {
                let view = format!("{}.{relation}", parts.join("_"));
                match std::fs::read_to_string(&path) {
                    Ok(text) => file(&text, &shown, &view, &mut cases, &mut mistakes),
                    Err(error) => mistakes.push(unreadable(&path, &shown, error)),
                }
            }
        }
    }
    cases.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    if mistakes.is_empty() { Ok(cases) } else { Err(mistakes) }
}

fn file(
    text: &str,
    shown: &Path,
    view: &str,
    cases: &mut Vec<Case>,
    mistakes: &mut Vec<FileError>,
) {
    let first = cases.len();
    for (start, statement) in parse_tests(text) {
        let at = |error: Error| {
            let into = error.position().unwrap_or(1).saturating_sub(1);
            let rest = text.get(start..).unwrap_or_default();
            let within = rest.char_indices().nth(into).map_or(rest.len(), |(at, _)| at);
            let before = text.get(..start + within).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            FileError { file: shown.to_owned(), line, column, error }
        };
        let here = at(Error::internal("a place without a mistake"));
        let outcome = match statement {
            Err(error) => Err(at(error)),
            Ok(TestStatement::Test(name)) => {
                cases.push(Case {
                    file: shown.to_owned(),
                    line: here.line,
                    name,
                    view: view.to_owned(),
                    now: None,
                    givens: Vec::new(),
                    expects: Vec::new(),
                });
                Ok(())
            }
            Ok(_) if cases.len() == first => Err(at(Error::new(
                ErrorKind::InvalidObjectDefinition,
                "no TEST 'name' stands before this",
            ))),
            Ok(statement) => cases.last_mut().map_or(Ok(()), |case| add(case, statement, here)),
        };
        mistakes.extend(outcome.err());
    }
    for case in cases[first..].iter().filter(|case| case.expects.is_empty()) {
        let error = Error::new(
            ErrorKind::InvalidObjectDefinition,
            format!("test \"{}\" expects nothing", case.name),
        );
        mistakes.push(FileError { file: shown.to_owned(), line: case.line, column: 1, error });
    }
}

fn add(case: &mut Case, statement: TestStatement, place: FileError) -> Result<(), FileError> {
    match statement {
        TestStatement::Test(_) => {}
        TestStatement::Now(text) => match time(&text) {
            Some(now) => case.now = Some(now),
            None => {
                let message = format!("invalid input syntax for type timestamp: \"{text}\"");
                let error = Error::new(ErrorKind::InvalidDatetimeFormat, message);
                return Err(FileError { error, ..place });
            }
        },
        TestStatement::Given(rows) => {
            let rows = Rows::new(rows, place)?;
            if case.givens.iter().any(|given| given.relation == rows.relation) {
                return Err(rows.mistake(Error::new(
                    ErrorKind::InvalidObjectDefinition,
                    format!("{} is given twice", rows.relation),
                )));
            }
            case.givens.push(rows);
        }
        TestStatement::Expect(rows) => case.expects.push(Rows::new(rows, place)?),
    }
    Ok(())
}

/// UTC, with or without saying so.
fn time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Some(time.with_timezone(&Utc));
    }
    let full = if text.len() == 10 { format!("{text} 00:00") } else { text.replace('T', " ") };
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&full, format).ok())
        .map(|time| time.and_utc())
}

fn unreadable(path: &Path, shown: &Path, error: std::io::Error) -> FileError {
    let message = format!("could not read \"{}\": {error}", path.display());
    let error = Error::new(ErrorKind::IoError, message).caused_by(error);
    FileError { file: shown.to_owned(), line: 1, column: 1, error }
}
