//! The text of a path to its tree.

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::json::Json;

use super::tokens::{Reader, like};
use super::{Comparison, Method, Node, Path, Predicate, Step};

/// How deep a path may be nested.
const DEPTH_MAX: usize = 64;

/// Reads a path.
///
/// # Errors
/// `SyntaxError`; `FeatureNotSupported` for `.datetime()`, `.keyvalue()`, and `**` in strict mode.
pub(crate) fn read(text: &str) -> Result<Path> {
    let mut reader = Reader { text, rest: text, depth: 0, strict: false };
    reader.strict = reader.word("strict");
    if !reader.strict {
        reader.word("lax");
    }
    let node = reader.whole()?;
    reader.blank();
    if !reader.rest.is_empty() {
        return Err(reader.wrong());
    }
    Ok(Path { strict: reader.strict, node })
}

/// What stands in brackets may be either.
enum Either {
    Node(Node),
    Predicate(Predicate),
}

impl<'a> Reader<'a> {
    fn whole(&mut self) -> Result<Node> {
        Ok(match self.any_of()? {
            Either::Node(node) => node,
            Either::Predicate(predicate) => Node::Is(Box::new(predicate)),
        })
    }

    fn predicate(&mut self) -> Result<Predicate> {
        match self.any_of()? {
            Either::Predicate(predicate) => Ok(predicate),
            Either::Node(_) => Err(self.wrong()),
        }
    }

    fn node(&mut self) -> Result<Node> {
        match self.sum()? {
            Either::Node(node) => Ok(node),
            Either::Predicate(_) => Err(self.wrong()),
        }
    }

    fn any_of(&mut self) -> Result<Either> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error::new(ErrorKind::StatementTooComplex, "a jsonpath nested too deep"));
        }
        let mut left = self.all_of()?;
        while self.take("||") {
            let (Either::Predicate(one), Either::Predicate(other)) = (left, self.all_of()?) else {
                return Err(self.wrong());
            };
            left = Either::Predicate(Predicate::Or(Box::new(one), Box::new(other)));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn all_of(&mut self) -> Result<Either> {
        let mut left = self.compared()?;
        while self.take("&&") {
            let (Either::Predicate(one), Either::Predicate(other)) = (left, self.compared()?)
            else {
                return Err(self.wrong());
            };
            left = Either::Predicate(Predicate::And(Box::new(one), Box::new(other)));
        }
        Ok(left)
    }

    fn compared(&mut self) -> Result<Either> {
        self.blank();
        if self.rest.starts_with('!') && !self.rest.starts_with("!=") {
            self.take("!");
            self.blank();
            if !self.rest.starts_with('(') && !self.rest.starts_with("exists") {
                return Err(self.wrong());
            }
            return match self.compared()? {
                Either::Predicate(inner) => Ok(Either::Predicate(Predicate::Not(Box::new(inner)))),
                Either::Node(_) => Err(self.wrong()),
            };
        }
        if self.word("exists") {
            self.require("(")?;
            let node = self.node()?;
            self.require(")")?;
            return Ok(Either::Predicate(Predicate::Exists(node)));
        }
        let left = match self.sum()? {
            Either::Node(node) => node,
            Either::Predicate(predicate) => {
                if self.word("is") {
                    return match self.word("unknown") {
                        true => Ok(Either::Predicate(Predicate::IsUnknown(Box::new(predicate)))),
                        false => Err(self.wrong()),
                    };
                }
                return Ok(Either::Predicate(predicate));
            }
        };
        self.beside(left)
    }

    fn beside(&mut self, left: Node) -> Result<Either> {
        const COMPARISONS: [(&str, Comparison); 8] = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
            ("=", Comparison::Equal),
        ];
        for (symbol, comparison) in COMPARISONS {
            if self.take(symbol) {
                let right = self.node()?;
                return Ok(Either::Predicate(Predicate::Compare(comparison, left, right)));
            }
        }
        let before = self.rest;
        match self.name() {
            Some("starts") if self.word("with") => {
                self.blank();
                let right = match self.rest.starts_with('"') {
                    true => Node::Value(Json::Text(self.string()?)),
                    false if self.take("$") => self.variable()?,
                    false => return Err(self.wrong()),
                };
                Ok(Either::Predicate(Predicate::StartsWith(left, right)))
            }
            Some("like_regex") => {
                let pattern = self.string()?;
                let flags = if self.word("flag") { self.string()? } else { String::new() };
                Ok(Either::Predicate(Predicate::Like(left, like(&pattern, &flags)?)))
            }
            _ => {
                self.rest = before;
                Ok(Either::Node(left))
            }
        }
    }

    fn sum(&mut self) -> Result<Either> {
        let mut left = self.product()?;
        loop {
            let op = match () {
                () if self.take("+") => '+',
                () if self.take("-") => '-',
                () => return Ok(left),
            };
            left = self.computed(op, left, Self::product)?;
        }
    }

    fn product(&mut self) -> Result<Either> {
        let mut left = self.signed()?;
        loop {
            let op = match () {
                () if self.take("*") => '*',
                () if self.take("/") => '/',
                () if self.take("%") => '%',
                () => return Ok(left),
            };
            left = self.computed(op, left, Self::signed)?;
        }
    }

    fn computed(
        &mut self,
        op: char,
        left: Either,
        right: fn(&mut Self) -> Result<Either>,
    ) -> Result<Either> {
        let right = right(self)?;
        if op == '/' {
            return Err(Error::unsupported("division in a jsonpath"));
        }
        match (left, right) {
            (Either::Node(left), Either::Node(right)) => {
                Ok(Either::Node(Node::Compute(op, Box::new(left), Box::new(right))))
            }
            _ => Err(self.wrong()),
        }
    }

    fn signed(&mut self) -> Result<Either> {
        let sign = if self.take("-") {
            Node::Minus
        } else if self.take("+") {
            Node::Plus
        } else {
            return self.primary();
        };
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Error::new(ErrorKind::StatementTooComplex, "a jsonpath nested too deep"));
        }
        let inner = self.signed()?;
        self.depth -= 1;
        match inner {
            Either::Node(node) => Ok(Either::Node(sign(Box::new(node)))),
            Either::Predicate(_) => Err(self.wrong()),
        }
    }

    fn primary(&mut self) -> Result<Either> {
        self.blank();
        let first = self.rest.chars().next().ok_or_else(|| self.wrong())?;
        let node = match first {
            '$' => {
                self.take("$");
                let named =
                    self.rest.starts_with(|c: char| c.is_alphanumeric() || "_\"".contains(c));
                if named { self.variable()? } else { Node::Root }
            }
            '@' => {
                self.take("@");
                Node::Current
            }
            '"' => Node::Value(Json::Text(self.string()?)),
            '(' => {
                self.take("(");
                let inner = self.any_of()?;
                self.require(")")?;
                match inner {
                    Either::Node(node) => node,
                    Either::Predicate(predicate) => {
                        self.blank();
                        if !self.rest.starts_with(['.', '?', '[']) {
                            return Ok(Either::Predicate(predicate));
                        }
                        Node::Is(Box::new(predicate))
                    }
                }
            }
            '0'..='9' | '.' => Node::Value(self.number()?),
            _ => match self.name() {
                Some("null") => Node::Value(Json::Null),
                Some("true") => Node::Value(Json::Bool(true)),
                Some("false") => Node::Value(Json::Bool(false)),
                Some("last") => Node::Last,
                _ => return Err(self.wrong()),
            },
        };
        self.steps(node).map(Either::Node)
    }

    fn steps(&mut self, mut node: Node) -> Result<Node> {
        loop {
            let step = if self.take("[") {
                self.places()?
            } else if self.take("?") {
                self.require("(")?;
                let filter = self.predicate()?;
                self.require(")")?;
                Step::Filter(Box::new(filter))
            } else if self.take(".") {
                self.member()?
            } else {
                return Ok(node);
            };
            node = Node::Step(Box::new(node), step);
        }
    }

    fn places(&mut self) -> Result<Step> {
        if self.take("*") {
            self.require("]")?;
            return Ok(Step::Elements);
        }
        let mut places = Vec::new();
        loop {
            let from = self.node()?;
            let to = if self.word("to") { Some(self.node()?) } else { None };
            places.push((from, to));
            if self.take("]") {
                return Ok(Step::Places(places));
            }
            self.require(",")?;
        }
    }

    fn member(&mut self) -> Result<Step> {
        if self.take("**") {
            if self.strict {
                return Err(Error::unsupported("** in a strict jsonpath"));
            }
            return self.depths();
        }
        if self.take("*") {
            return Ok(Step::Members);
        }
        self.blank();
        if self.rest.starts_with('"') {
            return self.string().map(Step::Member);
        }
        let name = self.name().ok_or_else(|| self.wrong())?;
        self.blank();
        if !self.rest.starts_with('(') {
            return Ok(Step::Member(name.to_owned()));
        }
        let method = match name {
            "type" => Method::Type,
            "size" => Method::Size,
            "double" => Method::Double,
            "abs" => Method::Abs,
            "floor" => Method::Floor,
            "ceiling" => Method::Ceiling,
            "datetime" | "keyvalue" => {
                return Err(Error::unsupported(format!(".{name}() in a jsonpath")));
            }
            _ => return Err(self.wrong()),
        };
        self.require("(")?;
        self.require(")")?;
        Ok(Step::Method(method))
    }

    fn depths(&mut self) -> Result<Step> {
        if !self.take("{") {
            return Ok(Step::Within(0, usize::MAX));
        }
        let from = self.depth_of()?;
        let to = if self.word("to") { self.depth_of()? } else { from };
        self.require("}")?;
        Ok(Step::Within(from, to))
    }

    fn depth_of(&mut self) -> Result<usize> {
        if self.word("last") {
            return Ok(usize::MAX);
        }
        match self.number()? {
            Json::Number(number) => number.parse().map_err(|_| self.wrong()),
            _ => Err(self.wrong()),
        }
    }

    fn variable(&mut self) -> Result<Node> {
        self.blank();
        let name = match self.rest.starts_with('"') {
            true => self.string()?,
            false => self.name().ok_or_else(|| self.wrong())?.to_owned(),
        };
        Ok(Node::Variable(name))
    }
}
