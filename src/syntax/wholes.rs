//! What stands for several columns, once these are known: a table's name as a value (`row_to_json(t)`), and `*` over
//! joins whose sides share columns.
//!
//! Its one idea: the planner knows neither, so both are written out before it sees them; where the columns cannot
//! be told from the text, everything stays as it is.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DFStatement;
use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, JoinConstraint, JoinOperator, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, Value, Visit, VisitMut, Visitor,
    VisitorMut,
};

use super::forms::{call, joined, text};
use super::rewrite::fold;
use super::rows::all_of;
use super::view::{FindColumns, Shown, View};

/// Whether anything in `query` may stand for several columns.
pub(super) fn are_in(query: &Query) -> bool {
    let mut names = Names { tables: Vec::new() };
    let _ = query.visit(&mut names);
    let mut uses = Uses { tables: names.tables };
    query.visit(&mut uses).is_break()
}

/// `statement` with what stands for several columns written out; `None` where nothing was.
pub(super) fn written_out(statement: &DFStatement, find: &FindColumns<'_>) -> Option<DFStatement> {
    let DFStatement::Statement(statement) = statement else { return None };
    let mut statement = statement.clone();
    let view = View { find, commons: Vec::new() };
    let mut writer = Writer { view, queries: Vec::new(), selects: Vec::new(), changed: false };
    // The visitor never breaks off.
    let _ = VisitMut::visit(&mut statement, &mut writer);
    writer.changed.then_some(DFStatement::Statement(statement))
}

/// The names that FROM gives.
struct Names {
    tables: Vec<String>,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { alias: Some(alias), .. }
            | TableFactor::Derived { alias: Some(alias), .. }
            | TableFactor::UNNEST { alias: Some(alias), .. } => {
                self.tables.push(fold(&alias.name));
            }
            TableFactor::Table { name, .. } => {
                self.tables.extend(name.0.last().and_then(|part| part.as_ident()).map(fold));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Breaks off at the first that needs columns.
struct Uses {
    tables: Vec<String>,
}

impl Visitor for Uses {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let shares = |operator: &JoinOperator| {
            matches!(constraint(operator), Some(JoinConstraint::Using(_) | JoinConstraint::Natural))
        };
        let shared = |table: &TableWithJoins| {
            table.joins.iter().any(|join| shares(&join.join_operator))
                || matches!(table.relation, TableFactor::NestedJoin { .. })
        };
        if select.from.iter().any(shared) || stars(select) > 1 {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) if self.tables.contains(&fold(name)) => ControlFlow::Break(()),
            Expr::Function(call) if is_starred(&call.args) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// How many items stand for several columns; the columns of two may be called alike.
fn stars(select: &Select) -> usize {
    let items = select.projection.iter();
    items
        .filter(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)))
        .count()
}

fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

fn constraint_mut(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

struct Writer<'a> {
    view: View<'a>,
    /// Common table expressions that each query around brought into view.
    queries: Vec<usize>,
    /// What each SELECT around shows, the innermost last; `None` where that cannot be told.
    selects: Vec<Option<Vec<Shown>>>,
    changed: bool,
}

impl VisitorMut for Writer<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let entered = self.view.enter(query);
        self.queries.push(entered);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Self::Break> {
        let entered = self.queries.pop().unwrap_or_default();
        self.view.leave(entered);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let shown = self.view.of_from(&select.from);
        if let Some(shown) = &shown {
            self.items(select, shown);
            select.from.iter_mut().for_each(|table| self.join(table));
        }
        self.selects.push(shown);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &mut Select) -> ControlFlow<Self::Break> {
        self.selects.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        // `t.f[1]` asks for a column, not for the row.
        if let Expr::CompoundFieldAccess { root, access_chain } = expr
            && let Expr::Identifier(table) = root.as_ref()
            && let Some(AccessExpr::Dot(Expr::Identifier(field))) = access_chain.first()
        {
            **root = Expr::CompoundIdentifier(vec![table.clone(), field.clone()]);
            access_chain.remove(0);
        }
        if let Expr::Function(call) = expr
            && let FunctionArguments::List(list) = &mut call.args
            && let Some(args) = self.spread(&list.args)
        {
            list.args = args;
            self.changed = true;
        }
        if let Some(meant) = self.asked_of_row(expr) {
            *expr = meant;
            self.changed = true;
            return ControlFlow::Continue(());
        }
        if let Expr::Identifier(name) = expr
            && let Some(meant) = self.meant(&fold(name))
        {
            *expr = meant;
            self.changed = true;
        }
        ControlFlow::Continue(())
    }
}

fn is_starred(arguments: &FunctionArguments) -> bool {
    let FunctionArguments::List(list) = arguments else { return false };
    let starred = |argument: &FunctionArg| {
        matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(_)))
    };
    list.args.iter().any(starred)
}

/// The name that stands alone, in brackets or without.
fn bare(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(fold(name)),
        Expr::Nested(inner) => bare(inner),
        _ => None,
    }
}

impl Writer<'_> {
    /// `t IS NULL` and `t IS NOT NULL`, of the columns of `t`.
    fn asked_of_row(&self, expr: &Expr) -> Option<Expr> {
        match expr {
            Expr::IsNull(row) => self.columns_of(row).map(|values| all_of(values, Expr::IsNull)),
            Expr::IsNotNull(row) => {
                self.columns_of(row).map(|values| all_of(values, Expr::IsNotNull))
            }
            _ => None,
        }
    }

    /// The arguments with the columns of `t.*` in its place; `None` where none stands or what it means is unknown.
    fn spread(&self, args: &[FunctionArg]) -> Option<Vec<FunctionArg>> {
        let mut changed = false;
        let mut spread = Vec::with_capacity(args.len());
        for argument in args {
            let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = argument else {
                spread.push(argument.clone());
                continue;
            };
            let table = name.0.last().and_then(|part| part.as_ident()).cloned()?;
            let columns = self.columns_of(&Expr::Identifier(table))?;
            let columns = columns.into_iter().map(FunctionArgExpr::Expr);
            spread.extend(columns.map(FunctionArg::Unnamed));
            changed = true;
        }
        changed.then_some(spread)
    }

    /// The columns of the table whose row `expr` is.
    fn columns_of(&self, expr: &Expr) -> Option<Vec<Expr>> {
        let name = bare(expr)?;
        for shown in self.selects.iter().rev() {
            let shown = shown.as_ref()?;
            if shown.iter().any(|column| column.name == name) {
                return None;
            }
            let of_table = shown.iter().filter(|column| column.table.as_deref() == Some(&name));
            let values: Vec<Expr> = of_table.map(|column| column.value.clone()).collect();
            if !values.is_empty() {
                return Some(values);
            }
        }
        None
    }

    /// What a bare name means, where the planner would not know.
    fn meant(&self, name: &str) -> Option<Expr> {
        for shown in self.selects.iter().rev() {
            let shown = shown.as_ref()?;
            let mut columns = shown.iter().filter(|column| column.name == name);
            if let Some(column) = columns.next() {
                return column.merged.then(|| column.value.clone());
            }
            let of_table: Vec<&Shown> =
                shown.iter().filter(|column| column.table.as_deref() == Some(name)).collect();
            if let [only] = of_table.as_slice()
                && only.lone
            {
                return Some(only.value.clone());
            }
            if !of_table.is_empty() {
                let mut names: Vec<&str> = of_table.iter().map(|c| c.name.as_str()).collect();
                names.sort_unstable();
                // Of two columns of one name the planner would take the first twice.
                if names.windows(2).any(|pair| pair[0] == pair[1]) {
                    return None;
                }
                return Some(row(&of_table));
            }
        }
        None
    }

    /// Joins by what a full join has made of the columns it shares.
    fn join(&mut self, table: &mut TableWithJoins) {
        let conditions = self.view.conditions(table).unwrap_or_default();
        for (join, condition) in table.joins.iter_mut().zip(conditions) {
            if let (Some(condition), Some(constraint)) =
                (condition, constraint_mut(&mut join.join_operator))
            {
                *constraint = JoinConstraint::On(condition);
                self.changed = true;
            }
        }
    }

    fn items(&mut self, select: &mut Select, shown: &[Shown]) {
        let several = stars(select) > 1;
        let shared = several || shown.iter().any(|column| column.table.is_none());
        let mut items = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            match item {
                SelectItem::Wildcard(options) if shared && options == Default::default() => {
                    items.extend(shown.iter().map(as_item));
                    self.changed = true;
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) if several && options == Default::default() => {
                    let table = name.0.last().and_then(|part| part.as_ident()).map(fold);
                    let of_table = shown.iter().filter(|column| column.table == table);
                    let columns: Vec<SelectItem> = of_table.map(as_item).collect();
                    if columns.is_empty() {
                        let kind = SelectItemQualifiedWildcardKind::ObjectName(name);
                        items.push(SelectItem::QualifiedWildcard(kind, options));
                    }
                    self.changed |= !columns.is_empty();
                    items.extend(columns);
                }
                // What takes a bare name's place keeps it.
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                    let known = shown.iter().find(|column| column.name == fold(&name));
                    let table = shown.iter().any(|c| c.table.as_deref() == Some(&*fold(&name)));
                    let expr = Expr::Identifier(name.clone());
                    items.push(match known {
                        Some(column) if column.merged => {
                            SelectItem::ExprWithAlias { expr, alias: name }
                        }
                        None if table => SelectItem::ExprWithAlias { expr, alias: name },
                        _ => SelectItem::UnnamedExpr(expr),
                    });
                }
                other => items.push(other),
            }
        }
        select.projection = items;
    }
}

fn as_item(column: &Shown) -> SelectItem {
    let expr = column.value.clone();
    if column.table.is_some() {
        return SelectItem::UnnamedExpr(expr);
    }
    SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', column.name.clone()) }
}

/// A table's row; NULL for one that is wanting.
fn row(columns: &[&Shown]) -> Expr {
    let fields = columns.iter().flat_map(|column| [text(&column.name), column.value.clone()]);
    let whole = call("__whole_row", fields.collect());
    if !columns.iter().any(|column| column.optional) {
        return whole;
    }
    let null = |column: &&Shown| Expr::IsNull(Box::new(column.value.clone()));
    let wanting = joined(columns.iter().map(null).collect(), BinaryOperator::And);
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: wanting, result: Expr::value(Value::Null) }],
        else_result: Some(Box::new(whole)),
    }
}

/// `f(t.*)` takes what `f(t)` does.
pub(super) fn starred(arguments: &mut FunctionArguments) {
    let FunctionArguments::List(list) = arguments else { return };
    for argument in &mut list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = argument
            && let Some(table) = name.0.last().and_then(|part| part.as_ident()).cloned()
        {
            *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(table)));
        }
    }
}
