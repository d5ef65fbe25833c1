//! Paths of SQL/JSON: `$.orders[*] ? (@.amount > 10)`.
//!
//! Its one idea: a path is read into a tree once, and the tree is walked over a document; what PostgreSQL knows and
//! this does not is refused while reading.

mod arithmetic;
mod find;
mod predicate;
mod read;
mod tokens;

pub(crate) use find::{Asked, Items, find};
pub(crate) use read::read;

use super::text::json::Json;

/// A path.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// Whether what is not there is an error.
    strict: bool,
    node: Node,
}

#[derive(Debug, Clone)]
enum Node {
    Root,
    Current,
    /// The last place of the array around.
    Last,
    Variable(String),
    Value(Json),
    Step(Box<Node>, Step),
    Minus(Box<Node>),
    Plus(Box<Node>),
    Compute(char, Box<Node>, Box<Node>),
    Is(Box<Predicate>),
}

#[derive(Debug, Clone)]
enum Step {
    Member(String),
    Members,
    Elements,
    Places(Vec<(Node, Option<Node>)>),
    /// All that lies within, from and to a depth.
    Within(usize, usize),
    Filter(Box<Predicate>),
    Method(Method),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Type,
    Size,
    Double,
    Abs,
    Floor,
    Ceiling,
}

#[derive(Debug, Clone)]
enum Predicate {
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
    IsUnknown(Box<Predicate>),
    Exists(Node),
    Compare(Comparison, Node, Node),
    StartsWith(Node, Node),
    Like(Node, regex::Regex),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
