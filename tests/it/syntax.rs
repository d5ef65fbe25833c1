//! Text to statements.

mod errors;
mod limits;
mod queries;
mod statements;
mod views;

use lakeport::error::Error;
use lakeport::syntax::{Statement, parse, parse_one};

fn one(text: &str) -> Statement {
    match parse_one(text) {
        Ok(Some(statement)) => statement,
        other => panic!("{text}: {other:?}"),
    }
}

fn refused(text: &str) -> Error {
    match parse(text) {
        Err(error) => error,
        Ok(statements) => panic!("{text} was read as {statements:?}"),
    }
}
