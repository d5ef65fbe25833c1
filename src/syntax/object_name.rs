//! The name of an object as a statement has it.

use crate::error::{Error, ErrorKind};

/// A name with an optional schema, as written (unquoted parts folded to lower case).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// The database, when written.
    pub database: Option<String>,
    /// The schema, when written.
    pub schema: Option<String>,
    /// The object.
    pub name: String,
    /// Characters from 1 into the statement's text.
    pub position: Option<usize>,
}

impl ObjectName {
    /// The name as it was written.
    pub fn written(&self) -> String {
        let parts = [self.database.as_deref(), self.schema.as_deref(), Some(self.name.as_str())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(".")
    }

    /// The error of a name in another database, if it names one.
    pub fn elsewhere(&self) -> Option<Error> {
        self.database.as_ref()?;
        let message =
            format!("cross-database references are not implemented: \"{}\"", self.written());
        Some(Error::new(ErrorKind::FeatureNotSupported, message).at(self.position.unwrap_or(1)))
    }
}
