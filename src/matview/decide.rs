//! Whether a view must be computed, and why: the reason a person reads in `lakeport.refreshes`.
//!
//! Only what the view's own table says counts, because it alone landed together with the rows.

use chrono::{DateTime, Utc};

use crate::catalog::Relation;
use crate::error::Result;
use crate::lake::Table;
use crate::name::Version;

use super::check::{definition, has_quarantine};
use super::pins::{Pin, Sources};
use super::progress::{self, Moved};

/// A view, its sources as pinned, and its tables as they are.
pub(super) struct Question<'a> {
    pub(super) relation: &'a Relation,
    pub(super) sources: &'a Sources,
    pub(super) pinned: &'a [Pin],
    pub(super) head: Option<&'a Table>,
    pub(super) quarantine: Option<&'a Table>,
    /// The version readers see.
    pub(super) published: Option<Version>,
    /// The version of its quarantine that readers see.
    pub(super) quarantine_published: Option<Version>,
    /// `now()` of the run.
    pub(super) now: DateTime<Utc>,
    /// FULL was asked for.
    pub(super) anew: bool,
    /// Not after a conflict. The winner's rows, of this very moment, are as good as ours would be, so
    /// what cannot be told from versions is then not asked again.
    pub(super) first: bool,
}

/// What has to be done.
pub(super) enum Need {
    /// Nothing: the table holds the result already.
    Nothing,
    /// Compute from scratch, and why: it was asked for, or cannot be otherwise.
    Full(String),
    /// Compute from scratch, and why: somebody or something else was at its tables.
    Heal(String),
    /// Follow these sources and the clock, and what to say of it.
    Follow(Vec<Moved>, String),
}

impl Question<'_> {
    /// What has to be done, and why.
    pub(super) async fn need(&self) -> Result<Need> {
        let because = |reason: &str| Ok(Need::Full(reason.to_owned()));
        let healing = |reason: &str| Ok(Need::Heal(reason.to_owned()));
        let relation = self.relation;
        let Some(head) = self.head else { return because("first build") };
        if head.foreign_since(self.published.unwrap_or(0)).await? {
            tracing::warn!(view = %relation.name, "a view's table was changed from outside");
            return healing("the table was changed from outside");
        }
        if !progress::has_definition(head, &relation.definition_hash) {
            return because("the definition changed");
        }
        if self.anew {
            return because("full was asked for");
        }
        if self.first && self.sources.untracked {
            return because("it reads relations without versions");
        }
        if self.first && self.sources.texts.iter().any(|text| is_random(text)) {
            return because("it reads random values");
        }
        let late = self.first
            && self.sources.texts.iter().any(|text| reads_the_time(text))
            && progress::computed_at(head, relation.id).await? != Some(self.now);
        let moved = progress::moved(head, relation.id, self.pinned).await?;
        let follow = |moved: Vec<Moved>| {
            let names: Vec<String> =
                moved.iter().map(|moved| moved.pin.relation.name.to_string()).collect();
            let why = match names.is_empty() {
                true => "the clock moved".to_owned(),
                false => format!("sources changed: {}", names.join(", ")),
            };
            Need::Follow(moved, why)
        };
        let stands = moved.is_empty() && !late;
        if !has_quarantine(definition(relation)?) {
            return Ok(if stands { Need::Nothing } else { follow(moved) });
        }
        let Some(quarantine) = self.quarantine else {
            return healing("its quarantine is missing");
        };
        if quarantine.foreign_since(self.quarantine_published.unwrap_or(0)).await? {
            return healing("its quarantine was changed from outside");
        }
        let agrees = progress::has_definition(quarantine, &relation.definition_hash)
            && progress::agree(head, quarantine, relation.id, self.pinned).await?;
        match agrees {
            false => healing("its quarantine is of another version"),
            true if stands => Ok(Need::Nothing),
            true => Ok(follow(moved)),
        }
    }
}

/// Whether a text may give another result at another time. Words in strings and comments count too,
/// which costs a refresh that was not needed, never a stale one.
pub(super) fn reads_the_time(text: &str) -> bool {
    const WORDS: [&str; 6] = [
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "today",
    ];
    const FUNCTIONS: [&str; 4] = ["now", "age", "transaction_timestamp", "statement_timestamp"];
    mentions(text, &WORDS, &FUNCTIONS) || is_random(text)
}

/// Whether a view's result moves with the clock, as far as its own text tells.
pub fn follows_the_clock(relation: &Relation) -> bool {
    definition(relation).is_ok_and(|view| reads_the_time(&view.query))
}

/// Whether a text may give another result each time it is computed, even for one `now()`.
pub(super) fn is_random(text: &str) -> bool {
    const FUNCTIONS: [&str; 5] =
        ["random", "uuid", "gen_random_uuid", "clock_timestamp", "timeofday"];
    mentions(text, &[], &FUNCTIONS)
}

/// Whether one of these words stands in a text, or a call of one of these functions.
fn mentions(text: &str, words: &[&str], functions: &[&str]) -> bool {
    let text = text.to_lowercase();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_word) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let called = after.trim_start().starts_with('(');
        if words.contains(&word) || (called && functions.contains(&word)) {
            return true;
        }
        rest = after;
    }
    false
}
