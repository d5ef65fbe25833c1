//! Regular expressions that statements use, compiled once.
//!
//! Knows how each is found again, not what its text means.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;

use crate::error::Result;

/// So many are kept; at the next one all are forgotten, which costs no more than compiling them.
const KEPT_MAX: usize = 256;

/// Compiled expressions by text and options.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    known: Mutex<HashMap<u8, HashMap<String, Arc<Regex>>>>,
}

impl Patterns {
    /// The expression of this text and these options.
    pub(crate) fn get(
        &self,
        (text, options): (&str, u8),
        compile: impl FnOnce() -> Result<Regex>,
    ) -> Result<Arc<Regex>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&options).and_then(|known| known.get(text)) {
            return Ok(Arc::clone(found));
        }
        let compiled = Arc::new(compile()?);
        if known.values().map(HashMap::len).sum::<usize>() >= KEPT_MAX {
            known.clear();
        }
        known.entry(options).or_default().insert(text.to_owned(), Arc::clone(&compiled));
        Ok(compiled)
    }
}
