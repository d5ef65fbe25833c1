//! A session's settings: their names, defaults, what values they take, and how long a value lasts.
//!
//! One table, [`SETTINGS`], says what there is. Values are kept as the text SHOW prints. Knows no
//! statement and decides nothing: the session reads what it needs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

use super::known_settings::{SETTINGS, Setting};
use super::setting_value::{Kind, read_duration, split_search_path};

/// Settings that decide what the same text means.
const PLANNING: &[&str] = &[
    "datestyle",
    "intervalstyle",
    "lakeport.as_of",
    "role",
    "search_path",
    "session_authorization",
    "timezone",
];

/// Settings' values at some time.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    session: BTreeMap<String, String>,
    local: BTreeMap<String, String>,
}

/// The setting of this name, in any case.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    let name = match name.to_ascii_lowercase().as_str() {
        "time zone" => "TimeZone",
        "session authorization" => "session_authorization",
        "transaction isolation level" => "transaction_isolation",
        "names" => "client_encoding",
        _ => name,
    };
    SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
}

pub(super) fn unrecognized(name: &str) -> Error {
    Error::new(
        ErrorKind::UndefinedObject,
        format!("unrecognized configuration parameter \"{name}\""),
    )
}

/// The values of one session's settings.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// What RESET goes back to: defaults, then what start-up asked for. Keys are lower-case.
    start: BTreeMap<String, String>,
    /// SET.
    session: BTreeMap<String, String>,
    /// SET LOCAL, until the transaction ends.
    local: BTreeMap<String, String>,
    /// `session` as it was when the transaction began.
    saved: Option<BTreeMap<String, String>>,
    generation: u64,
    planning_generation: u64,
    all: Arc<HashMap<String, String>>,
}

impl Settings {
    /// Defaults, with `fixed` in place of the values that only the server knows.
    pub(super) fn new(fixed: &[(&str, String)]) -> Self {
        let mut start: BTreeMap<String, String> = SETTINGS
            .iter()
            .map(|setting| (setting.name.to_ascii_lowercase(), setting.default.to_owned()))
            .collect();
        for (name, value) in fixed {
            start.insert(name.to_ascii_lowercase(), value.clone());
        }
        let mut settings = Self {
            start,
            session: BTreeMap::new(),
            local: BTreeMap::new(),
            saved: None,
            generation: 0,
            planning_generation: 0,
            all: Arc::default(),
        };
        settings.changed();
        settings
    }

    /// Takes a start-up parameter, which RESET goes back to.
    pub(super) fn set_start(&mut self, name: &str, value: &str) -> Result<()> {
        let (key, value) = check(name, &values_of(name, value)?)?;
        self.start.insert(key, value);
        self.changed();
        Ok(())
    }

    /// Sets what only the server knows.
    pub(super) fn set_own(&mut self, name: &str, value: &str) {
        self.start.insert(name.to_ascii_lowercase(), value.to_owned());
        self.changed();
    }

    /// SET and SET LOCAL.
    pub(super) fn set(&mut self, name: &str, values: &[String], local: bool) -> Result<()> {
        let (key, value) = check(name, values)?;
        if local {
            self.local.insert(key, value);
        } else {
            self.local.remove(&key);
            self.session.insert(key, value);
        }
        self.changed();
        Ok(())
    }

    /// RESET name, SET name TO DEFAULT.
    pub(super) fn reset(&mut self, name: &str) -> Result<()> {
        let key = key_of(name)?;
        if find(name).is_some_and(|setting| matches!(setting.kind, Kind::Fixed)) {
            return Err(fixed(name));
        }
        self.local.remove(&key);
        self.session.remove(&key);
        self.changed();
        Ok(())
    }

    /// RESET ALL.
    pub(super) fn reset_all(&mut self) {
        self.local.clear();
        self.session.clear();
        self.changed();
    }

    /// A transaction begins: what it sets goes away with a rollback.
    pub(super) fn begin(&mut self) {
        self.saved = Some(self.session.clone());
    }

    /// The transaction ends.
    pub(super) fn end(&mut self, committed: bool) {
        let mut changed = !self.local.is_empty();
        self.local.clear();
        if let Some(saved) = self.saved.take()
            && !committed
            && saved != self.session
        {
            self.session = saved;
            changed = true;
        }
        if changed {
            self.changed();
        }
    }

    /// What ROLLBACK TO SAVEPOINT goes back to.
    pub(super) fn keep(&self) -> Kept {
        Kept { session: self.session.clone(), local: self.local.clone() }
    }

    /// Goes back.
    pub(super) fn restore(&mut self, kept: Kept) {
        self.session = kept.session;
        self.local = kept.local;
        self.changed();
    }

    /// Values that are not the defaults, but for those only the server sets.
    pub(super) fn changed_values(&self) -> BTreeMap<String, String> {
        let changed = |(name, value): &(&String, &String)| match find(name) {
            Some(setting) => {
                !matches!(setting.kind, Kind::Fixed) && setting.default != value.as_str()
            }
            None => !name.starts_with("lakeport."),
        };
        let own = |name: &str| !name.starts_with("transaction_");
        let all = self.all.iter().filter(changed).filter(|(name, _)| own(name));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Makes exactly these values those that are not the defaults.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub(super) fn put_back(&mut self, values: &BTreeMap<String, String>) -> Result<()> {
        self.local.clear();
        self.session.clear();
        for (name, value) in &mut self.start {
            match find(name) {
                Some(setting) if !matches!(setting.kind, Kind::Fixed) => {
                    setting.default.clone_into(value);
                }
                _ => {}
            }
        }
        for (name, value) in values {
            self.set_start(name, value)?;
        }
        self.changed();
        Ok(())
    }

    /// Takes over what another line of work of the same session has set.
    pub(super) fn take_over(&mut self, other: Self) {
        let generation = self.generation.max(other.generation);
        *self = Self { generation, ..other };
        self.changed();
    }

    /// The value now, of a setting that exists.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.all.get(&key_of(name).ok()?).map(String::as_str)
    }

    /// Every value by lower-case name.
    pub(super) fn all(&self) -> &Arc<HashMap<String, String>> {
        &self.all
    }

    /// Changes with every change of a value.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Names and values that clients are told of.
    pub(super) fn reported(&self) -> Vec<(&'static str, String)> {
        SETTINGS
            .iter()
            .filter(|setting| setting.reported)
            .map(|setting| (setting.name, self.value(setting.name).unwrap_or_default().to_owned()))
            .collect()
    }

    /// Changes with every change of a value that decides what a statement means.
    pub(super) fn planning_generation(&self) -> u64 {
        self.planning_generation
    }

    /// What was planned before is to be planned again, though no setting has changed.
    pub(super) fn plan_anew(&mut self) {
        self.planning_generation += 1;
    }

    fn changed(&mut self) {
        self.generation += 1;
        let before = Arc::clone(&self.all);
        let mut all: HashMap<String, String> = HashMap::new();
        for values in [&self.start, &self.session, &self.local] {
            all.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        // Between transactions these are what the next one will have.
        for mode in ["isolation", "read_only", "deferrable"] {
            let name = format!("transaction_{mode}");
            if !self.local.contains_key(&name)
                && let Some(default) = all.get(&format!("default_{name}")).cloned()
            {
                all.insert(name, default);
            }
        }
        if PLANNING.iter().any(|name| before.get(*name) != all.get(*name)) {
            self.planning_generation += 1;
        }
        self.all = Arc::new(all);
    }
}

/// The key of a setting that exists, or of a custom one (`name.space`), as in Postgres.
fn key_of(name: &str) -> Result<String> {
    if let Some(setting) = find(name) {
        return Ok(setting.name.to_ascii_lowercase());
    }
    let lower = name.to_ascii_lowercase();
    match lower.split_once('.') {
        Some((class, rest)) if !class.is_empty() && !rest.is_empty() && class != "lakeport" => {
            Ok(lower)
        }
        _ => Err(unrecognized(name)),
    }
}

/// A text's values: what a client gives as one is a list for some; what SET gives has been taken
/// apart.
///
/// # Errors
/// `InvalidParameterValue`.
pub(super) fn values_of(name: &str, value: &str) -> Result<Vec<String>> {
    if find(name).is_some_and(|setting| matches!(setting.kind, Kind::SearchPath)) {
        return split_search_path(value).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidParameterValue,
                format!("invalid value for parameter \"search_path\": \"{value}\""),
            )
        });
    }
    Ok(vec![value.to_owned()])
}

/// A value as `pg_settings` has it: durations in the setting's unit.
pub(super) fn plain(name: &str, value: &str) -> String {
    match find(name).map(|setting| setting.kind) {
        Some(Kind::Milliseconds) => {
            read_duration(value).map_or(value.to_owned(), |time| time.as_millis().to_string())
        }
        _ => value.to_owned(),
    }
}

/// What a setting would be shown as.
///
/// # Errors
/// As SET.
pub(super) fn read(name: &str, value: &str) -> Result<String> {
    check(name, &values_of(name, value)?).map(|(_, value)| value)
}

fn check(name: &str, values: &[String]) -> Result<(String, String)> {
    let key = key_of(name)?;
    let value = match find(name) {
        Some(setting) if matches!(setting.kind, Kind::Fixed) => return Err(fixed(setting.name)),
        Some(setting) => setting.kind.read(setting.name, values)?,
        None => values.join(", "),
    };
    Ok((key, value))
}

fn fixed(name: &str) -> Error {
    Error::new(ErrorKind::CantChangeRuntimeParam, format!("parameter \"{name}\" cannot be changed"))
}
