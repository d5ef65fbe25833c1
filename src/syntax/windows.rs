//! Windows that are built on others: `OVER (w ORDER BY x)`, `WINDOW w2 AS (w ROWS ...)`.
//!
//! Its one idea: the planner knows a window by its name, or by what is in its brackets, but does not look for a name inside
//! these; so what the named window says is written there, as far as Postgres lets it be.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowExpr, OrderByKind, Query, Select, SetExpr, VisitMut, VisitorMut,
    WindowSpec, WindowType,
};

use crate::error::{Error, ErrorKind, Result};

use super::rewrite::fold;

/// Writes out the windows of a SELECT's items, and of its WINDOW clause.
///
/// # Errors
/// `UndefinedObject` for a window that is not there, `WindowingError` for what may not be said twice.
pub(super) fn in_select(select: &mut Select) -> Result<()> {
    let known = known(select)?;
    for named in &mut select.named_window {
        let found = known.iter().find(|(name, _)| *name == fold(&named.0));
        if let Some((_, spec)) = found {
            named.1 = NamedWindowExpr::WindowSpec(spec.clone());
        }
    }
    written(&mut select.projection, &known)?;
    written(&mut select.qualify, &known)?;
    written(&mut select.distinct, &known)
}

/// Writes out the windows of ORDER BY, which may name those of the SELECT.
///
/// # Errors
/// As [`in_select`].
pub(super) fn in_order(query: &mut Query) -> Result<()> {
    let Some(order) = &mut query.order_by else { return Ok(()) };
    let OrderByKind::Expressions(keys) = &mut order.kind else { return Ok(()) };
    match query.body.as_ref() {
        SetExpr::Select(select) => written(keys, &known(select)?),
        _ => Ok(()),
    }
}

type Known = Vec<(String, WindowSpec)>;

/// The windows that have names, each complete: it may be built on those before it.
fn known(select: &Select) -> Result<Known> {
    let mut known: Known = Vec::new();
    for named in &select.named_window {
        let name = fold(&named.0);
        if known.iter().any(|(other, _)| *other == name) {
            let message = format!("window \"{name}\" is already defined");
            return Err(Error::new(ErrorKind::WindowingError, message));
        }
        let spec = match &named.1 {
            NamedWindowExpr::NamedWindow(base) => find(base, &known)?.clone(),
            NamedWindowExpr::WindowSpec(spec) => {
                let mut spec = spec.clone();
                complete(&mut spec, &known)?;
                spec
            }
        };
        known.push((name, spec));
    }
    Ok(known)
}

fn find<'a>(name: &Ident, known: &'a Known) -> Result<&'a WindowSpec> {
    let name = fold(name);
    let found = known.iter().find(|(other, _)| *other == name);
    found.map(|(_, spec)| spec).ok_or_else(|| {
        Error::new(ErrorKind::UndefinedObject, format!("window \"{name}\" does not exist"))
    })
}

/// Puts what its base says into a window.
fn complete(spec: &mut WindowSpec, known: &Known) -> Result<()> {
    let Some(base) = spec.window_name.take() else { return Ok(()) };
    let found = find(&base, known)?;
    let name = fold(&base);
    let refused = |message: String| Error::new(ErrorKind::WindowingError, message);
    if !spec.partition_by.is_empty() {
        return Err(refused(format!("cannot override PARTITION BY clause of window \"{name}\"")));
    }
    if !spec.order_by.is_empty() && !found.order_by.is_empty() {
        return Err(refused(format!("cannot override ORDER BY clause of window \"{name}\"")));
    }
    if found.window_frame.is_some() {
        let error = refused(format!("cannot copy window \"{name}\" because it has a frame clause"));
        let plain = spec.order_by.is_empty() && spec.window_frame.is_none();
        let hint = "Omit the parentheses in this OVER clause.";
        return Err(if plain { error.hint(hint) } else { error });
    }
    spec.partition_by = found.partition_by.clone();
    if spec.order_by.is_empty() {
        spec.order_by = found.order_by.clone();
    }
    Ok(())
}

fn written<T: VisitMut>(place: &mut T, known: &Known) -> Result<()> {
    match place.visit(&mut Writer { known, depth: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Writer<'a> {
    known: &'a Known,
    // A subquery has windows of its own.
    depth: usize,
}

impl VisitorMut for Writer<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let done = match &mut function.over {
            Some(WindowType::WindowSpec(spec)) => complete(spec, self.known),
            Some(WindowType::NamedWindow(name)) => find(name, self.known).map(|spec| {
                function.over = Some(WindowType::WindowSpec(spec.clone()));
            }),
            None => Ok(()),
        };
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}
