//! What the code itself must be: the module order, sizes, module docs, and words that stay out.
//!
//! A rule that no machine checks is a wish. Each check prints every place that breaks it.

use std::fs;
use std::path::{Path, PathBuf};

/// A module may use only the ones above it (DESIGN section 4).
const ORDER: &[&str] = &[
    "error",
    "name",
    "clock",
    "config",
    "telemetry",
    "lake",
    "syntax",
    "catalog",
    "security",
    "query",
    "matview",
    "ingest",
    "scheduler",
    "session",
    "server",
    "project",
    "demo",
    "main",
];

/// The sole owner of each foreign crate.
const OWNERS: &[(&str, &str)] = &[
    ("deltalake_core", "lake"),
    ("object_store", "lake"),
    ("sqlparser", "syntax"),
    ("pgwire::", "server/pgwire"),
    ("arrow_flight", "server/flight_sql"),
    ("SessionContext", "query"),
    ("SessionStateBuilder", "query"),
    ("LogicalPlan", "query"),
];

/// Uses of an owned name outside its owner, each with its reason.
const OWNER_EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("LogicalPlan", "matview/incremental", "a plan over versions becomes one over changes"),
    ("SessionContext", "lake", "a task context is what scans its own system tables"),
    ("pgwire::", "server/mod.rs", "names our own module"),
];

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        // A clone has no folders without files.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.map(|entry| entry.expect("entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&entry).expect("file");
                files.push((relative(&entry), text));
            }
        }
    }
    files.sort();
    files
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned()
}

/// `src/lake/store.rs` belongs to `lake`, `src/clock.rs` to `clock`.
fn module_of(file: &str) -> &str {
    let inside = file.strip_prefix("src/").unwrap_or(file);
    inside.split(['/', '.']).next().unwrap_or(inside)
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == module)
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn every_module_is_in_the_order_and_uses_only_those_above_it() {
    let mut broken = Vec::new();
    for (file, text) in rust_files("src") {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let Some(own) = rank(module) else {
            broken.push(format!("{file}: module {module} is not in the order"));
            continue;
        };
        for (number, line) in code_lines(&text) {
            for used in uses(line) {
                if rank(used).is_some_and(|used| used > own) {
                    broken.push(format!("{file}:{number}: {module} uses {used}"));
                }
            }
        }
    }
    report("a module uses one below it", &broken);
}

/// The modules named as `crate::x` or `lakeport::x` in a line, `crate::{x, y}` included.
fn uses(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for prefix in ["crate::", "lakeport::"] {
        for (start, _) in line.match_indices(prefix) {
            let rest = &line[start + prefix.len()..];
            let names = match rest.strip_prefix('{') {
                Some(group) => group.split('}').next().unwrap_or(group),
                None => rest,
            };
            let end = names.len();
            let list = if rest.starts_with('{') { &names[..end] } else { names };
            let parts: Vec<&str> = if rest.starts_with('{') {
                list.split(',').map(str::trim).collect()
            } else {
                vec![list]
            };
            for part in parts {
                let name = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                found.extend(name.filter(|name| !name.is_empty()));
            }
        }
    }
    found
}

#[test]
fn foreign_crates_have_one_owner() {
    let mut broken = Vec::new();
    for (file, text) in rust_files("src") {
        let inside = file.strip_prefix("src/").unwrap_or(&file);
        for (number, line) in code_lines(&text) {
            for (name, owner) in OWNERS {
                let excepted = OWNER_EXCEPTIONS
                    .iter()
                    .any(|(what, place, _)| what == name && inside.starts_with(place));
                if line.contains(name) && !inside.starts_with(owner) && !excepted {
                    broken.push(format!("{file}:{number}: {name} belongs to {owner}"));
                }
            }
        }
    }
    report("a foreign crate is used outside its owner", &broken);
}

#[test]
fn files_open_with_their_purpose_and_stay_readable() {
    let mut broken = Vec::new();
    for (file, text) in
        rust_files("src").into_iter().chain(rust_files("tests")).chain(rust_files("benches"))
    {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            broken.push(format!("{file}: {lines} lines"));
        }
        let first = text.lines().next().unwrap_or_default();
        if !first.starts_with("//!") && !first.starts_with("#![doc") {
            broken.push(format!("{file}: does not open with //!"));
        }
    }
    report("a file is too long, or does not say what it is", &broken);
}

#[test]
fn functions_fit_a_screen() {
    let mut broken = Vec::new();
    for (file, text) in
        rust_files("src").into_iter().chain(rust_files("tests")).chain(rust_files("benches"))
    {
        let mut open: Vec<(usize, usize, String)> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let start = line.trim_start();
            if is_function(start) && !line.trim_end().ends_with(';') {
                open.push((indent, index, start.to_owned()));
            } else if start.starts_with('}') {
                while let Some((opened, at, name)) = open.last() {
                    if *opened != indent {
                        break;
                    }
                    let length = index - at + 1;
                    if length > FUNCTION_LINES_MAX {
                        broken.push(format!("{file}:{}: {length} lines: {name}", at + 1));
                    }
                    open.pop();
                }
            }
        }
    }
    report("a function is too long", &broken);
}

fn is_function(start: &str) -> bool {
    let mut rest = start;
    for word in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest.starts_with("fn ")
}

#[test]
fn only_the_clock_asks_for_the_time() {
    let mut broken = Vec::new();
    for (file, text) in rust_files("src") {
        if file == "src/clock.rs" {
            continue;
        }
        for (number, line) in code_lines(&text) {
            for call in ["Utc::now(", "Instant::now(", "SystemTime::now(", "time::sleep("] {
                if line.contains(call) {
                    broken.push(format!("{file}:{number}: {call}"));
                }
            }
        }
    }
    report("the time is asked for outside clock", &broken);
}

#[test]
fn nothing_is_unbounded_or_global() {
    let mut broken = Vec::new();
    for (file, text) in rust_files("src") {
        for (number, line) in code_lines(&text) {
            for word in [
                "unbounded_channel(",
                "unbounded()",
                "static mut ",
                "thread_local!",
                "todo!(",
                "unimplemented!(",
            ] {
                if line.contains(word) {
                    broken.push(format!("{file}:{number}: {word}"));
                }
            }
            let global = line.trim_start().starts_with("static ")
                && ["Mutex", "RwLock", "Atomic", "OnceLock", "ArcSwap", "OnceCell"]
                    .iter()
                    .any(|cell| line.contains(cell));
            if global {
                broken.push(format!("{file}:{number}: mutable state in a static"));
            }
        }
    }
    report("an unbounded channel, global state, or a stub", &broken);
}

#[test]
fn sql_files_say_what_one_row_is() {
    let broken = sql_files_where(|_, text| !text.starts_with("-- "));
    report("an SQL file does not open with a sentence", &broken);
}

#[test]
fn views_say_why_they_may_be_computed_in_full_or_have_no_partitions() {
    let says = |text: &str, what: &str| {
        text.lines().any(|line| line.starts_with("--") && line.contains(what))
    };
    let broken = sql_files_where(|_, text| {
        let auto = text.lines().any(|line| line == "REFRESH POLICY AUTO");
        auto && !says(text, "REFRESH POLICY AUTO")
    });
    report("a view with REFRESH POLICY AUTO does not say why", &broken);
    let broken = sql_files_where(|file, text| {
        let view = file.starts_with("sql/silver/") && text.contains("CREATE MATERIALIZED VIEW");
        view && !text.contains("\nPARTITIONED BY") && !says(text, "Not partitioned")
    });
    report("a view of silver without partitions does not say why", &broken);
}

/// The SQL files of which something holds.
fn sql_files_where(holds: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("sql"), root().join("tests/deployments")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.map(|entry| entry.expect("entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "sql") {
                let text = fs::read_to_string(&entry).expect("file");
                let name = relative(&entry);
                if holds(&name, &text) {
                    found.push(name);
                }
            }
        }
    }
    found
}

#[test]
fn the_map_names_every_module() {
    let map = fs::read_to_string(root().join("src/ARCHITECTURE.md")).expect("map");
    let missing: Vec<String> = ORDER
        .iter()
        .filter(|module| !map.contains(&format!("`{module}")))
        .map(|module| (*module).to_owned())
        .collect();
    report("ARCHITECTURE.md does not name", &missing);
}
