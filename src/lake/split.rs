//! Two versions of a table apart.
//!
//! Its one idea: most files are in both versions; who needs the rows of both reads these once. Says nothing
//! where a file that both have got rows back.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;

use crate::error::Result;

use super::changes::{Changes, active, logged_path};
use super::changes_scan::{ChangesScan, Part};

/// Two versions in three parts, with the later one's columns.
#[derive(Debug)]
pub struct Split {
    /// Rows of files that both have.
    pub common: Arc<dyn TableProvider>,
    /// Rows only the later one has.
    pub came: Option<Arc<dyn TableProvider>>,
    /// Rows only the earlier one has.
    pub went: Option<Arc<dyn TableProvider>>,
}

impl Changes {
    /// The two versions apart: the later one is what is common and what came, the earlier one what is common
    /// and what went. `None` where rows came back to a file that both have, or were moved on the way.
    ///
    /// # Errors
    /// What reading the log says.
    pub fn split(&self) -> Result<Option<Split>> {
        let came_back = self.parts.iter().any(|part| part.weight > 0 && part.picked.is_some());
        if !self.is_direct || came_back {
            return Ok(None);
        }
        let paths = match self.common.get() {
            Some(paths) => paths.clone(),
            None => {
                let paths = self.common()?;
                self.common.get_or_init(|| paths).clone()
            }
        };
        let common = Part {
            table: self.to.clone(),
            paths: Some(paths),
            picked: None,
            weight: 1,
            bytes: 0,
            rows: None,
        };
        let (has, had) = (self.to.schema(), self.from.schema());
        let fields = has.fields().iter().map(|field| match had.index_of(field.name()) {
            Ok(_) => Arc::clone(field),
            Err(_) => Arc::new(field.as_ref().clone().with_nullable(true)),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let scan = |parts: Vec<Part>| -> Arc<dyn TableProvider> {
            Arc::new(ChangesScan::new(Arc::clone(&schema), parts))
        };
        let side = |came: bool| {
            let parts = self.parts.iter().filter(|part| (part.weight > 0) == came);
            let parts: Vec<Part> = parts.cloned().collect();
            (!parts.is_empty()).then(|| scan(parts))
        };
        Ok(Some(Split { common: scan(vec![common]), came: side(true), went: side(false) }))
    }

    fn common(&self) -> Result<Vec<String>> {
        let came = self.parts.iter().filter(|part| part.weight > 0);
        let came: HashSet<&String> = came.flat_map(|part| part.paths.iter().flatten()).collect();
        let files = active(&self.to)?.into_values().map(logged_path);
        let mut paths = files.collect::<Result<Vec<String>>>()?;
        paths.retain(|path| !came.contains(path));
        paths.sort();
        Ok(paths)
    }
}
