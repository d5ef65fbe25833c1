//! What has to be kept of a group so that its result can follow changes without its rows.
//!
//! COUNT, SUM and AVG over integers and decimals, BOOL_AND and BOOL_OR are kept as numbers that are added to;
//! MIN and MAX as the value itself, which follows rows that come and not rows that go. Everything is
//! exact: sums are numerics of 38 digits. Pure.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt as _, ExprSchemable as _, cast, lit, when};
use datafusion::prelude::col;

use crate::query::quotient;

/// The kept column with the number of rows of a group.
pub(super) const ROWS: &str = "__lakeport_rows";
/// In the changes of a group: the least weight of its rows; negative when a row went.
pub(super) const LEAST_WEIGHT: &str = "__lakeport_least_weight";

/// How a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Count,
    Sum,
    Average,
    Least,
    Greatest,
    All,
    Any,
}

/// What is kept of one aggregate of a group.
#[derive(Debug, Clone)]
pub(super) struct State {
    kind: Kind,
    /// What is aggregated; for `count(*)` a constant.
    argument: Expr,
    filter: Option<Expr>,
    /// The kept value's type.
    kept: DataType,
    /// The result's type.
    result: DataType,
    value_name: String,
    count_name: String,
}

impl State {
    /// What is kept of the aggregate number `index`; `None` when it cannot follow changes.
    pub(super) fn of(
        aggregate: &Expr,
        index: usize,
        input: &DFSchema,
        result: &DataType,
    ) -> Result<Option<Self>> {
        let Expr::AggregateFunction(AggregateFunction { func, params }) =
            aggregate.clone().unalias()
        else {
            return Ok(None);
        };
        let (false, true, [argument]) =
            (params.distinct, params.order_by.is_empty(), params.args.as_slice())
        else {
            return Ok(None);
        };
        let of = argument.get_type(input)?;
        let (kind, kept) = match (func.name(), &of) {
            ("count", _) => (Kind::Count, DataType::Int64),
            ("sum", DataType::Decimal128(_, scale)) => (Kind::Sum, wide(*scale)),
            ("sum", of) if of.is_integer() => (Kind::Sum, wide(0)),
            ("avg", DataType::Decimal128(_, scale)) => (Kind::Average, wide(*scale)),
            ("avg", of) if of.is_integer() => (Kind::Average, wide(0)),
            ("min", of) if !of.is_floating() && !of.is_nested() => (Kind::Least, of.clone()),
            ("max", of) if !of.is_floating() && !of.is_nested() => (Kind::Greatest, of.clone()),
            ("bool_and", DataType::Boolean) => (Kind::All, DataType::Int64),
            ("bool_or", DataType::Boolean) => (Kind::Any, DataType::Int64),
            _ => return Ok(None),
        };
        Ok(Some(Self {
            kind,
            argument: argument.clone(),
            filter: params.filter.as_deref().cloned(),
            kept,
            result: result.clone(),
            value_name: format!("__lakeport_s{index}"),
            count_name: format!("__lakeport_n{index}"),
        }))
    }

    /// Whether a row that went leaves no trace of what the value was without it.
    pub(super) fn only_grows(&self) -> bool {
        matches!(self.kind, Kind::Least | Kind::Greatest)
    }

    /// The kept columns' names.
    pub(super) fn names(&self) -> Vec<&str> {
        match self.kind {
            Kind::Count => vec![&self.count_name],
            _ => vec![&self.count_name, &self.value_name],
        }
    }

    /// The kept columns from all rows of a group.
    pub(super) fn over_rows(&self) -> Result<Vec<Expr>> {
        let filtered = |aggregate: Expr, also: Option<Expr>| {
            let filter = [self.filter.clone(), also].into_iter().flatten().reduce(Expr::and);
            match filter {
                Some(filter) => aggregate.filter(filter).build(),
                None => Ok(aggregate),
            }
        };
        let mut kept = vec![filtered(count(self.argument.clone()), None)?.alias(&self.count_name)];
        let value = match self.kind {
            Kind::Count => return Ok(kept),
            Kind::Sum | Kind::Average => filtered(sum(self.widened()), None)?,
            Kind::Least => filtered(min(self.argument.clone()), None)?,
            Kind::Greatest => filtered(max(self.argument.clone()), None)?,
            Kind::All | Kind::Any => {
                filtered(count(self.argument.clone()), Some(self.argument.clone()))?
            }
        };
        kept.push(value.alias(&self.value_name));
        Ok(kept)
    }

    /// What changed rows add to the kept columns.
    pub(super) fn over_changes(&self, weight: &Expr) -> Result<Vec<Expr>> {
        let present = self.argument.clone().is_not_null();
        let counted = match &self.filter {
            Some(filter) => filter.clone().and(present),
            None => present,
        };
        let when_counted = |value: Expr| when(counted.clone(), value).end();
        let mut added = vec![sum(when_counted(weight.clone())?).alias(&self.count_name)];
        let value = match self.kind {
            Kind::Count => return Ok(added),
            Kind::Sum | Kind::Average => {
                let times = cast(weight.clone(), DataType::Decimal128(20, 0));
                sum(cast(when_counted(self.widened() * times)?, self.kept.clone()))
            }
            Kind::Least => min(when_counted(self.argument.clone())?),
            Kind::Greatest => max(when_counted(self.argument.clone())?),
            Kind::All | Kind::Any => {
                let counted = counted.clone().and(self.argument.clone());
                sum(when(counted, weight.clone()).end()?)
            }
        };
        added.push(value.alias(&self.value_name));
        Ok(added)
    }

    /// The kept columns after a change: `had` and `added` name the two sides.
    pub(super) fn merged(&self, had: &str, added: &str) -> Result<Vec<Expr>> {
        let total = |name: &str, of: &DataType| {
            let or_zero = |side: &str| -> Result<Expr> {
                let value = side_column(side, name);
                let zero = cast(lit(0_i64), of.clone());
                when(value.clone().is_null(), zero).otherwise(cast(value, of.clone()))
            };
            Ok::<_, datafusion::error::DataFusionError>(cast(
                or_zero(had)? + or_zero(added)?,
                of.clone(),
            ))
        };
        let mut merged = vec![total(&self.count_name, &DataType::Int64)?.alias(&self.count_name)];
        if self.kind == Kind::Count {
            return Ok(merged);
        }
        let (one, other) =
            (side_column(had, &self.value_name), side_column(added, &self.value_name));
        let extreme = |other_wins: Expr| {
            when(one.clone().is_null(), other.clone())
                .when(other.clone().is_null(), one.clone())
                .when(other_wins, other.clone())
                .otherwise(one.clone())
        };
        let value = match self.kind {
            Kind::Least => extreme(other.clone().lt(one.clone()))?,
            Kind::Greatest => extreme(other.clone().gt(one.clone()))?,
            _ => total(&self.value_name, &self.kept)?,
        };
        merged.push(value.alias(&self.value_name));
        Ok(merged)
    }

    /// The aggregate's result from the kept columns.
    pub(super) fn result(&self) -> Result<Expr> {
        let counted = column(&self.count_name);
        let value = column(&self.value_name);
        let none = counted.clone().eq(lit(0_i64));
        let result = |value: Expr| cast(value, self.result.clone());
        let null = || result(lit(datafusion::scalar::ScalarValue::Null));
        match self.kind {
            Kind::Count => Ok(result(counted)),
            Kind::Sum | Kind::Least | Kind::Greatest => when(none, null()).otherwise(result(value)),
            Kind::Average => when(none, null()).otherwise(result(quotient(value, counted))),
            Kind::All => when(none, null()).otherwise(value.eq(counted)),
            Kind::Any => when(none, null()).otherwise(value.gt(lit(0_i64))),
        }
    }

    fn widened(&self) -> Expr {
        cast(self.argument.clone(), self.kept.clone())
    }
}

/// A column by its exact name.
pub(super) fn column(name: &str) -> Expr {
    col(format!("\"{name}\""))
}

/// A column of one side of a merge.
pub(super) fn side_column(side: &str, name: &str) -> Expr {
    col(format!("\"{side}\".\"{name}\""))
}

fn wide(scale: i8) -> DataType {
    DataType::Decimal128(38, scale)
}
