//! How far a command is, for a person at a terminal.
//!
//! Owns the bars. Its one idea: whoever works tells steps and never asks whether somebody watches.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::telemetry::Steps;

const SPINNER: &str = "{spinner} {msg} {elapsed}";
const BAR: &str = "{bar:40} {pos}/{len} {msg} {elapsed}";
/// Between two looks of a bar that hears nothing new.
const TICK: Duration = Duration::from_millis(120);

/// Bars on a terminal, nothing elsewhere; gone when it is dropped.
pub struct Progress(Option<Shown>);

struct Shown {
    all: MultiProgress,
    first: ProgressBar,
    /// One bar for each thing that is told of, by its name; `None` where all share the first.
    each: Option<Arc<Mutex<HashMap<String, ProgressBar>>>>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.0.is_some()).finish()
    }
}

impl Progress {
    pub(super) fn one(watched: bool, message: &'static str) -> Self {
        Self::shown(watched, ProgressBar::new(1), BAR, message, false)
    }

    pub(super) fn many(watched: bool, message: &'static str) -> Self {
        Self::shown(watched, ProgressBar::new_spinner(), SPINNER, message, true)
    }

    fn shown(
        watched: bool,
        bar: ProgressBar,
        template: &str,
        message: &'static str,
        many: bool,
    ) -> Self {
        if !watched {
            return Self(None);
        }
        let all = MultiProgress::new();
        let first = styled(&all, bar, template);
        first.set_message(message);
        first.enable_steady_tick(TICK);
        Self(Some(Shown { all, first, each: many.then(Arc::default) }))
    }

    /// What those who work tell their steps to.
    pub fn steps(&self) -> Steps {
        let Some(Shown { all, first, each }) = &self.0 else { return Steps::default() };
        let (all, first, each) = (all.clone(), first.clone(), each.clone());
        Steps::new(move |what, done, of| {
            let bar = match &each {
                None => first.clone(),
                Some(each) => {
                    let mut each = each.lock().unwrap_or_else(PoisonError::into_inner);
                    let bar = each
                        .entry(what.to_owned())
                        .or_insert_with(|| styled(&all, ProgressBar::new(of), BAR));
                    bar.clone()
                }
            };
            bar.set_length(of);
            bar.set_message(what.to_owned());
            bar.set_position(done);
        })
    }

    /// Takes it away.
    pub fn finish(self) {}
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(Shown { all, first, each }) = &self.0 else { return };
        for bar in each.iter().flat_map(|each| {
            let each = each.lock().unwrap_or_else(PoisonError::into_inner);
            each.values().cloned().collect::<Vec<_>>()
        }) {
            bar.finish_and_clear();
        }
        first.finish_and_clear();
        // A terminal that has gone needs no clearing.
        let _ = all.clear();
    }
}

fn styled(all: &MultiProgress, bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    all.add(bar)
}
