//! What a path finds in a document.

use crate::error::{Error, ErrorKind, Result};
use crate::query::text::json::Json;

use super::arithmetic::{computed, whole};
use super::predicate::holds;
use super::{Method, Node, Path, Step};

/// Items one path may find.
const ITEMS_MAX: usize = 1_000_000;

/// What a path is asked of.
pub(crate) struct Asked<'a> {
    pub(crate) document: &'a Json,
    pub(crate) variables: &'a Json,
}

/// Why nothing was found.
#[derive(Debug)]
pub(super) enum Failure {
    /// The document is not as the path says; whoever is silent passes over it.
    Path(Error),
    Fatal(Error),
}

/// What a path has found.
#[derive(Debug, Default)]
pub(crate) struct Items {
    pub(crate) items: Vec<Json>,
    /// Whether the document was not as the path says, and the search ended there.
    pub(crate) broken: bool,
    /// Whether the path passes over what is not there.
    pub(crate) lax: bool,
}

/// All that the path finds; where the document is not as it says, and `silent` passes over that, what came before.
///
/// # Errors
/// Kinds of class 22.
pub(crate) fn find(path: &Path, asked: &Asked<'_>, silent: bool) -> Result<Items> {
    let document = asked.document;
    let finder = Finder { path, asked, current: document, last: None };
    let mut items = Vec::new();
    let walked = finder.walk(&path.node, &mut |item| {
        items.push(item);
        within_limit(items.len())
    });
    match walked {
        Ok(()) => Ok(Items { items, broken: false, lax: finder.is_lax() }),
        Err(Failure::Path(_)) if silent => Ok(Items { items, broken: true, lax: finder.is_lax() }),
        Err(Failure::Path(error) | Failure::Fatal(error)) => Err(error),
    }
}

fn within_limit(count: usize) -> Found<()> {
    if count <= ITEMS_MAX {
        return Ok(());
    }
    let message = format!("a jsonpath that finds more than {ITEMS_MAX} items");
    Err(Failure::Fatal(Error::new(ErrorKind::ConfigurationLimitExceeded, message)))
}

/// Where on the way a path is.
#[derive(Clone, Copy)]
pub(super) struct Finder<'a> {
    path: &'a Path,
    asked: &'a Asked<'a>,
    current: &'a Json,
    last: Option<i64>,
}

pub(super) type Found<T> = std::result::Result<T, Failure>;

pub(super) fn failed<T>(kind: ErrorKind, message: impl Into<String>) -> Found<T> {
    Err(Failure::Path(Error::new(kind, message)))
}

impl Finder<'_> {
    pub(super) fn is_lax(&self) -> bool {
        !self.path.strict
    }

    /// One side of a comparison: arrays are opened in lax mode; `None` where the document is not as it says.
    pub(super) fn side(&self, node: &Node) -> Found<Option<Vec<Json>>> {
        match self.opened(node) {
            Ok(items) => Ok(Some(items)),
            Err(Failure::Path(_)) => Ok(None),
            Err(fatal) => Err(fatal),
        }
    }

    fn opened(&self, node: &Node) -> Found<Vec<Json>> {
        let items = self.items(node)?;
        Ok(if self.is_lax() { items.into_iter().flat_map(elements).collect() } else { items })
    }

    /// Hands each item on as it is found, so that what came before a failure is known.
    fn walk(&self, node: &Node, found: &mut dyn FnMut(Json) -> Found<()>) -> Found<()> {
        let (inner, step) = match node {
            Node::Step(inner, step) => (inner, step),
            Node::Minus(inner) | Node::Plus(inner) => {
                let sign = if matches!(node, Node::Minus(_)) { '-' } else { '+' };
                return self
                    .opened(inner)?
                    .into_iter()
                    .try_for_each(|item| found(signed(item, sign)?));
            }
            _ => return self.items(node)?.into_iter().try_for_each(found),
        };
        self.walk(inner, &mut |item| {
            let mut next = Vec::new();
            let outcome = self.step(item, step, &mut next);
            within_limit(next.len())?;
            next.into_iter().try_for_each(&mut *found)?;
            outcome
        })
    }

    pub(super) fn items(&self, node: &Node) -> Found<Vec<Json>> {
        Ok(match node {
            Node::Root => vec![self.asked.document.clone()],
            Node::Current => vec![self.current.clone()],
            Node::Last => match self.last {
                Some(last) => vec![Json::Number(last.to_string())],
                None => {
                    let message = "LAST is allowed only in array subscripts";
                    return Err(Failure::Fatal(Error::new(ErrorKind::SyntaxError, message)));
                }
            },
            Node::Variable(name) => match self.asked.variables.member(name) {
                Some(value) => vec![value.clone()],
                None => {
                    let message = format!("could not find jsonpath variable \"{name}\"");
                    let error = Error::new(ErrorKind::UndefinedObject, message);
                    return Err(Failure::Fatal(error));
                }
            },
            Node::Value(value) => vec![value.clone()],
            Node::Compute(op, left, right) => {
                let left = self.number(left, "left", *op)?;
                let right = self.number(right, "right", *op)?;
                vec![Json::Number(computed(*op, &left, &right)?)]
            }
            Node::Is(predicate) => {
                vec![holds(self, predicate)?.map_or(Json::Null, Json::Bool)]
            }
            Node::Step(..) | Node::Minus(_) | Node::Plus(_) => {
                let mut found = Vec::new();
                self.walk(node, &mut |item| {
                    found.push(item);
                    within_limit(found.len())
                })?;
                found
            }
        })
    }

    fn number(&self, node: &Node, side: &str, op: char) -> Found<String> {
        match self.opened(node)?.as_slice() {
            [Json::Number(number)] => Ok(number.clone()),
            _ => {
                let message = format!(
                    "{side} operand of jsonpath operator {op} is not a single numeric value"
                );
                failed(ErrorKind::SingletonSqlJsonItemRequired, message)
            }
        }
    }

    /// Adds what a step finds in an item.
    fn step(&self, item: Json, step: &Step, found: &mut Vec<Json>) -> Found<()> {
        let opens = matches!(
            step,
            Step::Member(_)
                | Step::Members
                | Step::Filter(_)
                | Step::Method(Method::Double | Method::Abs | Method::Floor | Method::Ceiling)
        );
        if let (true, true, Json::Array(elements)) = (opens, self.is_lax(), &item) {
            return elements.iter().try_for_each(|item| self.of_one(item.clone(), step, found));
        }
        self.of_one(item, step, found)
    }

    fn of_one(&self, item: Json, step: &Step, found: &mut Vec<Json>) -> Found<()> {
        match step {
            Step::Member(name) => match (item.member(name), &item) {
                (Some(value), _) => found.push(value.clone()),
                _ if self.is_lax() => {}
                (None, Json::Object(_)) => {
                    let message = format!("JSON object does not contain key \"{name}\"");
                    return failed(ErrorKind::SqlJsonMemberNotFound, message);
                }
                _ => {
                    let message = "jsonpath member accessor can only be applied to an object";
                    return failed(ErrorKind::SqlJsonMemberNotFound, message);
                }
            },
            Step::Members => match item {
                Json::Object(members) => found.extend(members.into_iter().map(|(_, value)| value)),
                _ if self.is_lax() => {}
                _ => {
                    let message =
                        "jsonpath wildcard member accessor can only be applied to an object";
                    return failed(ErrorKind::SqlJsonObjectNotFound, message);
                }
            },
            Step::Elements => match item {
                Json::Array(elements) => found.extend(elements),
                item if self.is_lax() => found.push(item),
                _ => {
                    let message =
                        "jsonpath wildcard array accessor can only be applied to an array";
                    return failed(ErrorKind::SqlJsonArrayNotFound, message);
                }
            },
            Step::Places(places) => self.places(item, places, found)?,
            Step::Within(from, to) => within(&item, 0, (*from, *to), found),
            Step::Filter(predicate) => {
                let inside = Finder { current: &item, ..*self };
                if holds(&inside, predicate)? == Some(true) {
                    found.push(item);
                }
            }
            Step::Method(method) => found.push(self.method(&item, *method)?),
        }
        Ok(())
    }

    fn places(
        &self,
        item: Json,
        places: &[(Node, Option<Node>)],
        found: &mut Vec<Json>,
    ) -> Found<()> {
        let elements = match item {
            Json::Array(elements) => elements,
            item if self.is_lax() => vec![item],
            _ => {
                let message = "jsonpath array accessor can only be applied to an array";
                return failed(ErrorKind::SqlJsonArrayNotFound, message);
            }
        };
        let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
        let inside = Finder { last: Some(length - 1), ..*self };
        for (from, to) in places {
            let from = inside.place(from)?;
            let to = to.as_ref().map_or(Ok(from), |to| inside.place(to))?;
            if !self.is_lax() && (from < 0 || from > to || to >= length) {
                let message = "jsonpath array subscript is out of bounds";
                return failed(ErrorKind::InvalidSqlJsonSubscript, message);
            }
            let range = from.max(0)..=to.min(length - 1);
            found.extend(range.filter_map(|at| elements.get(usize::try_from(at).ok()?)).cloned());
        }
        Ok(())
    }

    fn place(&self, node: &Node) -> Found<i64> {
        let wrong = || {
            failed(
                ErrorKind::InvalidSqlJsonSubscript,
                "jsonpath array subscript is not a single numeric value",
            )
        };
        let items = self.items(node)?;
        let [Json::Number(number)] = items.as_slice() else { return wrong() };
        let whole = number.split('.').next().unwrap_or_default();
        match whole.parse::<i32>() {
            Ok(place) => Ok(i64::from(place)),
            Err(_) => failed(
                ErrorKind::InvalidSqlJsonSubscript,
                "jsonpath array subscript is out of integer range",
            ),
        }
    }

    fn method(&self, item: &Json, method: Method) -> Found<Json> {
        let numeric = |name: &str| {
            let message =
                format!("jsonpath item method .{name}() can only be applied to a numeric value");
            failed(ErrorKind::NonNumericSqlJsonItem, message)
        };
        Ok(match (method, item) {
            (Method::Type, item) => Json::Text(item.kind().to_owned()),
            (Method::Size, Json::Array(elements)) => Json::Number(elements.len().to_string()),
            (Method::Size, _) if self.is_lax() => Json::Number("1".to_owned()),
            (Method::Size, _) => {
                let message = "jsonpath item method .size() can only be applied to an array";
                return failed(ErrorKind::SqlJsonArrayNotFound, message);
            }
            (Method::Double, Json::Number(text) | Json::Text(text)) => {
                let read = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                let Some(number) = read else {
                    let message = "string argument of jsonpath item method .double() is not a \
                                   valid representation of a double precision number";
                    return failed(ErrorKind::NonNumericSqlJsonItem, message);
                };
                let mut shown = String::new();
                crate::query::text::put_float(number, 15, &mut shown);
                Json::Number(shown).ordered()
            }
            (Method::Double, _) => {
                let message = "jsonpath item method .double() can only be applied to a string or \
                               numeric value";
                return failed(ErrorKind::NonNumericSqlJsonItem, message);
            }
            (Method::Abs, Json::Number(number)) => {
                Json::Number(number.trim_start_matches('-').to_owned())
            }
            (Method::Floor, Json::Number(number)) => Json::Number(whole(number, true)?),
            (Method::Ceiling, Json::Number(number)) => Json::Number(whole(number, false)?),
            (Method::Abs, _) => return numeric("abs"),
            (Method::Floor, _) => return numeric("floor"),
            (Method::Ceiling, _) => return numeric("ceiling"),
        })
    }
}

fn signed(item: Json, sign: char) -> Found<Json> {
    match item {
        Json::Number(number) if sign == '-' => computed('-', "0", &number).map(Json::Number),
        Json::Number(number) => Ok(Json::Number(number)),
        _ => {
            let message =
                format!("operand of unary jsonpath operator {sign} is not a numeric value");
            failed(ErrorKind::SqlJsonNumberNotFound, message)
        }
    }
}

fn elements(item: Json) -> Vec<Json> {
    match item {
        Json::Array(elements) => elements,
        other => vec![other],
    }
}

fn within(item: &Json, depth: usize, (from, to): (usize, usize), found: &mut Vec<Json>) {
    let inner: Vec<&Json> = match item {
        Json::Array(elements) => elements.iter().collect(),
        Json::Object(members) => members.iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    };
    // The last depth is that of what holds nothing.
    let is_leaf = from == usize::MAX && inner.is_empty();
    if depth >= from && depth <= to || is_leaf {
        found.push(item.clone());
    }
    if depth < to && found.len() <= ITEMS_MAX {
        inner.into_iter().for_each(|item| within(item, depth + 1, (from, to), found));
    }
}
