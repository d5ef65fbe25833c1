//! The SQL files of a deployment: found, read, cut into statements; mistakes with their place.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;
use crate::syntax::{Statement, leading_blank, parse_here, split_statements};

/// A mistake in a file.
#[derive(Debug, Clone)]
pub struct FileError {
    /// The file, relative to the folder given with --catalog or --sql, with that folder's name.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// Characters from 1.
    pub column: usize,
    /// What, with a hint.
    pub error: Error,
}

impl fmt::Display for FileError {
    /// `file:line:column: message`, detail and hint on lines of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.error)
    }
}

/// Which of the two folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folder {
    Catalog,
    Sql,
}

/// A file with its text.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// As it is shown in errors.
    pub(super) shown: PathBuf,
    /// As it is kept in the catalog: the same wherever the folders are.
    pub(super) stored: String,
    pub(super) folder: Folder,
    /// What a file of `sql/` must define, by its path.
    pub(super) expected: Option<RelationName>,
    text: String,
}

/// A statement in a file.
#[derive(Debug)]
pub(super) struct Located {
    /// Which of the files.
    pub(super) file: usize,
    /// Bytes before the statement's first word.
    start: usize,
    pub(super) text: String,
    /// What it says, or why it cannot be read.
    pub(super) statement: Result<Statement>,
}

impl SourceFile {
    /// The error at its own position in `located`, else at the statement's first word.
    pub(super) fn mistake(&self, located: &Located, error: Error) -> FileError {
        let into = error.position().unwrap_or(1).saturating_sub(1);
        let within = located.text.char_indices().nth(into).map_or(located.text.len(), |(at, _)| at);
        self.mistake_at(located.start + within, error)
    }

    fn mistake_at(&self, byte: usize, error: Error) -> FileError {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        FileError { file: self.shown.clone(), line, column, error }
    }

    /// An error of the file as a whole.
    pub(super) fn mistake_in_whole(&self, error: Error) -> FileError {
        self.mistake_at(0, error)
    }

    /// Where a statement stands, in words.
    pub(super) fn place(&self, located: &Located) -> String {
        let line = self.text[..located.start].matches('\n').count() + 1;
        format!("{} line {line}", self.shown.display())
    }
}

/// Every statement of a file, in order.
pub(super) fn statements(index: usize, file: &SourceFile) -> Vec<Located> {
    let located = |(offset, piece): (usize, &str)| {
        let blank = leading_blank(piece);
        let text = piece[blank..].trim_end().to_owned();
        let statement = parse_here(&text).and_then(|statement| {
            statement.ok_or_else(|| Error::internal("a piece of a script without a statement"))
        });
        Located { file: index, start: offset + blank, text, statement }
    };
    split_statements(&file.text).into_iter().map(located).collect()
}

/// Reads `catalog/*.sql` and `sql/**/*.sql`, sorted by path; `*.test.sql` and hidden names are not
/// read.
pub(super) fn read(catalog: &Path, sql: &Path, mistakes: &mut Vec<FileError>) -> Vec<SourceFile> {
    let mut files = Vec::new();
    let mut reader = Reader { files: &mut files, mistakes };
    reader.folder(catalog, Folder::Catalog);
    reader.folder(sql, Folder::Sql);
    files
}

struct Reader<'a> {
    files: &'a mut Vec<SourceFile>,
    mistakes: &'a mut Vec<FileError>,
}

impl Reader<'_> {
    fn folder(&mut self, root: &Path, folder: Folder) {
        let stored = match folder {
            Folder::Catalog => "catalog",
            Folder::Sql => "sql",
        };
        let shown = root.file_name().map_or_else(|| PathBuf::from(stored), PathBuf::from);
        if !root.is_dir() {
            let message = format!("folder \"{}\" does not exist", root.display());
            let flag = format!("Name it with --{stored}, or make an empty folder.");
            self.fail(&shown, Error::new(ErrorKind::UndefinedFile, message).hint(flag));
            return;
        }
        self.walk(root, &shown, &[stored.to_owned()], folder);
    }

    fn walk(&mut self, path: &Path, shown: &Path, parts: &[String], folder: Folder) {
        let mut entries =
            match std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
                Ok(entries) => entries,
                Err(error) => return self.fail(shown, unreadable(path, error)),
            };
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let shown = shown.join(&name);
            let mut parts = parts.to_vec();
            parts.push(name.clone());
            if path.is_dir() {
                if folder == Folder::Sql {
                    self.walk(&path, &shown, &parts, folder);
                }
            } else if name.ends_with(".sql") && !name.ends_with(".test.sql") {
                self.file(&path, shown, &parts, folder);
            }
        }
    }

    fn file(&mut self, path: &Path, shown: PathBuf, parts: &[String], folder: Folder) {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8(bytes),
            Err(error) => return self.fail(&shown, unreadable(path, error)),
        };
        let Ok(text) = text else {
            let message = "invalid byte sequence for encoding \"UTF8\"";
            let error = Error::new(ErrorKind::CharacterNotInRepertoire, message)
                .hint("SQL files are UTF-8 text.");
            return self.fail(&shown, error);
        };
        // The folders below sql/ are the schema, the file's name is the view's.
        let expected = match (folder, parts) {
            (Folder::Sql, [_, folders @ .., file]) if !folders.is_empty() => {
                Some(RelationName::new(folders.join("_"), file.trim_end_matches(".sql")))
            }
            _ => None,
        };
        self.files.push(SourceFile { shown, stored: parts.join("/"), folder, expected, text });
    }

    fn fail(&mut self, shown: &Path, error: Error) {
        self.mistakes.push(FileError { file: shown.to_owned(), line: 1, column: 1, error });
    }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::IoError, format!("could not read \"{}\": {error}", path.display()))
        .caused_by(error)
}
