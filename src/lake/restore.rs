//! A table brought back to what an earlier version held.
//!
//! Its one idea: files of a version that must stay readable are still there, so naming them again is all it
//! takes. It is a new version like any other: history stays as it was, and so do those who read it.

use crate::error::Result;

use super::edit::{Actions, actions_by_path};
use super::store::Lake;
use super::table::Table;
use super::write::DataFiles;

impl Lake {
    /// Prepares to bring `table` back to the rows of `then`, a version of it that must stay readable: files that
    /// come and go, to be committed with [`super::CommitMode::Edit`].
    ///
    /// # Errors
    /// Errors of reading the log.
    pub fn restored(&self, table: &Table, then: &Table) -> Result<DataFiles> {
        let mut had = actions_by_path(then)?;
        let (mut removes, mut marked) = (Vec::new(), Vec::new());
        for (path, is) in actions_by_path(table)? {
            match had.remove(&path) {
                Some(was) if was.remove.deletion_vector == is.remove.deletion_vector => {}
                Some(was) => marked.push((is.remove, was.again())),
                None => removes.push(is.remove),
            }
        }
        let mut files = DataFiles::default();
        files.adds = had.into_values().map(Actions::again).collect();
        Ok(files.replacing(removes).marking(marked))
    }
}
