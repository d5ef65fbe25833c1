//! Subscripts as Postgres counts them.
//!
//! Its one idea: the planner's own count from 1 and, below 0, from the end; here `int2vector` and `oidvector`
//! count from 0, and what lies outside an array is NULL.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::functions_nested::extract::array_element;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, cast, lit, when};

use crate::error::{Error, ErrorKind};
use crate::query::marked_type;
use crate::query::planner::external;

use super::operands::json_call;

/// Changes subscripts before the engine's own planner, which takes all it sees.
#[derive(Debug)]
pub(crate) struct Subscripts;

impl ExprPlanner for Subscripts {
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let told = |expr: &Expr| expr.to_field(schema).ok().map(|(_, field)| field);
        if told(&raw.expr).is_some_and(|field| marked_type(&field) == Some("jsonb")) {
            return member(raw, schema);
        }
        // The engine's own planner would make another aggregate of it, which asks for one order of all.
        if let (Expr::AggregateFunction(_), GetFieldAccess::ListIndex { key }) =
            (&raw.expr, &raw.field_access)
        {
            let element = array_element(raw.expr.clone(), from_one(key.as_ref().clone(), 0));
            return Ok(PlannerResult::Planned(element));
        }
        Ok(PlannerResult::Original(counted(raw, schema)))
    }
}

/// `j['a']` and `j[0]` are `j -> 'a'` and `j -> 0`.
fn member(raw: RawFieldAccessExpr, schema: &DFSchema) -> Result<PlannerResult<RawFieldAccessExpr>> {
    let key = match &raw.field_access {
        GetFieldAccess::NamedStructField { name } => Expr::Literal(name.clone(), None),
        GetFieldAccess::ListIndex { key } => key.as_ref().clone(),
        GetFieldAccess::ListRange { .. } => {
            let message = "jsonb subscript does not support slices";
            return Err(external(Error::new(ErrorKind::DatatypeMismatch, message)));
        }
    };
    Ok(match json_call("->", &raw.expr, &key, schema) {
        Some(member) => PlannerResult::Planned(member),
        None => PlannerResult::Original(raw),
    })
}

/// The access with a subscript by which the engine's own reading finds the same element.
fn counted(raw: RawFieldAccessExpr, schema: &DFSchema) -> RawFieldAccessExpr {
    let RawFieldAccessExpr { field_access, expr } = raw;
    let Ok((_, field)) = expr.to_field(schema) else {
        return RawFieldAccessExpr { field_access, expr };
    };
    let is_array = matches!(field.data_type(), DataType::List(_));
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
