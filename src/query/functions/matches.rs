//! `~`, `~*`, `!~` and `!~*`: the engine's own operators, with patterns as Postgres reads them.
//!
//! Its one idea: a pattern that stands in the statement is translated there, once; one that rows or parameters
//! bring goes to the function that translates each. It knows no escapes: `regular` does.

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, lit, not};

use super::regular;

/// The operator planned, or as it was: it is none of these, or its sides are no texts (those of parameters are not
/// known in the first round of planning).
pub(super) fn planned(raw: RawBinaryExpr, schema: &DFSchema) -> PlannerResult<RawBinaryExpr> {
    let (negated, ignores_case) = match raw.op.to_string().as_str() {
        "~" => (false, false),
        "~*" => (false, true),
        "!~" => (true, false),
        "!~*" => (true, true),
        _ => return PlannerResult::Original(raw),
    };
    if let Expr::Literal(ScalarValue::Utf8(Some(written)), None) = &raw.right {
        let right = lit(inline(written));
        return PlannerResult::Original(RawBinaryExpr { right, ..raw });
    }
    let is_text = |expr: &Expr| expr.get_type(schema).is_ok_and(|data_type| data_type.is_string());
    let function = regular::ALL.iter().find(|function| function.name == "regexp_like");
    let (true, true, Some(function)) = (is_text(&raw.left), is_text(&raw.right), function) else {
        return PlannerResult::Original(raw);
    };
    let mut args = vec![raw.left, raw.right];
    if ignores_case {
        args.push(lit("i"));
    }
    let matches = Expr::ScalarFunction(ScalarFunction::new_udf(function.build(), args));
    PlannerResult::Planned(if negated { not(matches) } else { matches })
}

/// The pattern as the engine's operators read it, where a dot is no end of a line unless it is told.
fn inline(written: &str) -> String {
    let pattern = regular::postgres(written);
    if pattern.contains('.') { format!("(?s){pattern}") } else { pattern }
}
