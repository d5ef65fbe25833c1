//! Subscripts as Postgres counts them.
//!
//! Its one idea: the planner's own count from 1 and, below 0, from the end; here `int2vector` and `oidvector`
//! count from 0, and what lies outside an array is NULL.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, cast, lit, when};

use crate::query::marked_type;

/// Changes subscripts before the engine's own planner, which takes all it sees.
#[derive(Debug)]
pub(crate) struct Subscripts;

impl ExprPlanner for Subscripts {
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        Ok(PlannerResult::Original(counted(raw, schema)))
    }
}

/// The access with a subscript by which the engine's own reading finds the same element.
fn counted(raw: RawFieldAccessExpr, schema: &DFSchema) -> RawFieldAccessExpr {
    let RawFieldAccessExpr { field_access, expr } = raw;
    let Ok((_, field)) = expr.to_field(schema) else {
        return RawFieldAccessExpr { field_access, expr };
    };
    // One of an aggregate is planned as another aggregate, which takes a constant.
    let is_array = matches!(field.data_type(), DataType::List(_))
        && !matches!(expr, Expr::AggregateFunction(_));
    let field_access = match field_access {
        GetFieldAccess::ListIndex { key } if is_array => {
            let is_vector = matches!(marked_type(&field), Some("int2vector" | "oidvector"));
            GetFieldAccess::ListIndex { key: Box::new(from_one(*key, i64::from(is_vector))) }
        }
        other => other,
    };
    RawFieldAccessExpr { field_access, expr }
}

/// The subscript moved up by `offset`; one that is then below 1 becomes 0, where no array has anything.
fn from_one(key: Expr, offset: i64) -> Expr {
    if let Expr::Literal(ScalarValue::Int64(Some(number)), _) = key {
        return lit(number.saturating_add(offset).max(0));
    }
    let place = cast(key, DataType::Int64) + lit(offset);
    let inside = when(place.clone().lt(lit(1_i64)), lit(0_i64)).otherwise(place.clone());
    inside.unwrap_or(place)
}
