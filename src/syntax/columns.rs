//! What a query's result columns are called where no alias says so.
//!
//! Postgres' rule: a column its own name, a function its name, a cast its operand's name or else its
//! type's; anything else `?column?`.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DFStatement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, ArrayElemTypeDef, DataType, Expr, Ident, ObjectName, Query as Tree, Select,
    SelectItem, SetExpr, Visit, VisitMut, Visitor, VisitorMut,
};

/// One item of the outermost SELECT list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnName {
    /// One column of this name.
    Named(String),
    /// As many columns as `*` means, under their own names.
    Wildcard,
}

/// What marks a name that nobody wrote; the name to be shown follows the colon.
pub(super) const HIDDEN: &str = "__lakeport_column_";

/// The name to be shown for a result column's own.
pub fn shown_name(name: &str) -> &str {
    let hidden = name.strip_prefix(HIDDEN).and_then(|rest| rest.split_once(':'));
    hidden.map_or(name, |(_, shown)| shown)
}

/// `statement` with every result column of every SELECT named apart; `None` where they were.
pub(super) fn distinctly_named(statement: &DFStatement) -> Option<DFStatement> {
    let DFStatement::Statement(statement) = statement else { return None };
    let mut statement = statement.clone();
    let mut namer = Namer { renamed: 0 };
    // The visitor never breaks off.
    let _ = VisitMut::visit(&mut statement, &mut namer);
    (namer.renamed > 0).then_some(DFStatement::Statement(statement))
}

/// Names the columns that `query`, which others read from, leaves without a name.
///
/// A name that HAVING asks of the query's own sources stays theirs.
pub(super) fn name_all(query: &mut Tree) {
    let mut body = query.body.as_mut();
    let select = loop {
        match body {
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => return name_all(inner),
            SetExpr::Select(select) => break select,
            _ => return,
        }
    };
    let mut asked = Asked { names: Vec::new() };
    let _ = Visit::visit(&select.having, &mut asked);
    let mut seen: Vec<String> = Vec::new();
    for (at, item) in select.projection.iter_mut().enumerate() {
        let ColumnName::Named(name) = of_item(item) else { continue };
        if let SelectItem::UnnamedExpr(expr) = item
            && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        {
            let hidden = seen.contains(&name) || asked.names.contains(&name);
            let alias = if hidden { format!("{HIDDEN}of_{at}:{name}") } else { name.clone() };
            let expr = expr.clone();
            *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', alias) };
        }
        seen.push(name);
    }
}

/// The names that stand alone in an expression.
struct Asked {
    names: Vec<String>,
}

impl Visitor for Asked {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Identifier(name) = expr {
            self.names.push(folded(name));
        }
        ControlFlow::Continue(())
    }
}

struct Namer {
    renamed: usize,
}

impl VisitorMut for Namer {
    type Break = std::convert::Infallible;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let mut seen: Vec<String> = Vec::new();
        // A column beside `t.*` is likely there twice.
        let starred = select.projection.iter().any(|item| of_item(item) == ColumnName::Wildcard);
        for item in &mut select.projection {
            let ColumnName::Named(name) = of_item(item) else { continue };
            let is_column = matches!(
                item,
                SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            );
            // One that nobody else has named may be a column's, too.
            let is_default = matches!(
                item,
                SelectItem::ExprWithAlias { expr, alias }
                    if alias.quote_style.is_some() && named(expr).is_some_and(|(own, _)| own == name)
            );
            let known =
                name == "?column?" || seen.contains(&name) || starred && (is_column || is_default);
            let expr = match item {
                SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
                | SelectItem::ExprWithAlias { .. }
                    if !known =>
                {
                    seen.push(name);
                    continue;
                }
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    expr.clone()
                }
                _ => continue,
            };
            self.renamed += 1;
            let alias =
                if known { format!("{HIDDEN}{}:{name}", self.renamed) } else { name.clone() };
            *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', alias) };
            seen.push(name);
        }
        ControlFlow::Continue(())
    }
}

/// The names of a query's result columns.
pub(super) fn of_query(tree: &Tree) -> Vec<ColumnName> {
    let mut body = tree.body.as_ref();
    loop {
        match body {
            // The first query of a set operation names the columns.
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => return of_query(inner),
            SetExpr::Select(select) => return select.projection.iter().map(of_item).collect(),
            _ => return Vec::new(),
        }
    }
}

pub(super) fn of_item(item: &SelectItem) -> ColumnName {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => ColumnName::Named(folded(alias)),
        SelectItem::UnnamedExpr(expr) => ColumnName::Named(match named(expr) {
            Some((name, _)) => name,
            None => "?column?".to_owned(),
        }),
        _ => ColumnName::Wildcard,
    }
}

fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(folded)
}

/// A name, and whether it is stronger than a type's.
fn named(expr: &Expr) -> Option<(String, bool)> {
    let strong = |name: &str| Some((name.to_owned(), true));
    match expr {
        Expr::Identifier(ident) => Some((folded(ident), true)),
        Expr::CompoundIdentifier(parts) => parts.last().map(|ident| (folded(ident), true)),
        Expr::Function(function) => last(&function.name).map(|name| (name, true)),
        Expr::Nested(inner) => named(inner),
        Expr::Collate { expr, .. } => named(expr),
        Expr::Cast { expr, data_type, .. } => match named(expr) {
            Some((name, true)) => Some((name, true)),
            _ => Some((type_name(data_type), false)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type), false)),
        Expr::Interval(_) => Some(("interval".to_owned(), false)),
        Expr::Case { else_result, .. } => match else_result.as_deref().and_then(named) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".to_owned(), false)),
        },
        Expr::Exists { negated: false, .. } => strong("exists"),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(field)) => Some(folded(field)),
                _ => None,
            });
            field.map_or_else(|| named(root), |field| strong(&field))
        }
        Expr::Extract { .. } => strong("extract"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { shorthand: true, .. } => strong("substr"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Trim { .. } => strong("btrim"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        Expr::Subquery(inner) => match of_query(inner).first() {
            Some(ColumnName::Named(name)) if name != "?column?" => Some((name.clone(), true)),
            _ => None,
        },
        _ => None,
    }
}

/// A type as `pg_type` names it.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4".to_owned(),
        DataType::BigInt(_) | DataType::Int8(_) => "int8".to_owned(),
        DataType::SmallInt(_) | DataType::Int2(_) => "int2".to_owned(),
        DataType::Boolean | DataType::Bool => "bool".to_owned(),
        DataType::Real | DataType::Float4 => "float4".to_owned(),
        DataType::Double(_) | DataType::DoublePrecision | DataType::Float8 | DataType::Float(_) => {
            "float8".to_owned()
        }
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric".to_owned(),
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => {
            "varchar".to_owned()
        }
        DataType::Char(_) | DataType::Character(_) => "bpchar".to_owned(),
        DataType::Timestamp(_, zone) => {
            let zone = zone.to_string();
            let zoned = zone.contains("TZ") || zone.contains("WITH TIME");
            if zoned { "timestamptz".to_owned() } else { "timestamp".to_owned() }
        }
        DataType::Interval { .. } => "interval".to_owned(),
        // An array is called as what it is of.
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => type_name(element),
        DataType::Custom(name, _) => last(name).unwrap_or_else(|| "?column?".to_owned()),
        other => {
            let text = other.to_string().to_lowercase();
            text.split('(').next().unwrap_or(&text).to_owned()
        }
    }
}
