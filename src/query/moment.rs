//! The moment a stored result is computed at, kept apart from its plan.
//!
//! Its one idea: `now()` in a plan that will be turned into a plan over changes becomes a placeholder, so
//! that the same plan can be filled in for the moment before and for this one. A plan with a placeholder
//! never runs: whoever lets it run fills it in.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable as _, LogicalPlan, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, cast, lit,
};

/// Functions that tell the moment of a statement and nothing else.
pub(crate) const MOMENTS: [&str; 2] = ["now", "current_date"];

const UTC: &str = "+00:00";

static MOMENT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    // Volatile, or the optimizer would compute it.
    let signature = Signature::nullary(Volatility::Volatile);
    Arc::new(ScalarUDF::new_from_impl(Moment { signature }))
});

#[derive(Debug, PartialEq, Eq, Hash)]
struct Moment {
    signature: Signature,
}

impl ScalarUDFImpl for Moment {
    fn name(&self) -> &str {
        "__lakeport_moment"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())))
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("a moment that was not filled in")
    }
}

/// The plan with a placeholder for each `now()` and `current_date`.
pub(crate) fn marked(plan: LogicalPlan) -> Result<LogicalPlan> {
    each_expression(plan, |expr| {
        let Expr::ScalarFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
        if !MOMENTS.contains(&call.name()) {
            return Ok(Transformed::no(expr));
        }
        let of = expr.get_type(&DFSchema::empty())?;
        let moment = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&MOMENT), Vec::new()));
        Ok(Transformed::yes(cast(moment, of)))
    })
}

/// The plan as of `moment`.
pub(crate) fn filled(plan: LogicalPlan, moment: DateTime<Utc>) -> Result<LogicalPlan> {
    each_expression(plan, |expr| Ok(fill(expr, moment)))
}

/// The expression as of `moment`.
pub(crate) fn filled_expr(expr: Expr, moment: DateTime<Utc>) -> Result<Expr> {
    Ok(expr.transform_up(|expr| Ok(fill(expr, moment)))?.data)
}

/// Whether the expression has another value at another moment.
pub(crate) fn depends_on_moment(expr: &Expr) -> bool {
    expr.exists(|expr| Ok(is_moment(expr))).unwrap_or(true)
}

/// Whether an expression of this operator, not of those below, has another value at another moment.
pub(crate) fn operator_depends_on_moment(plan: &LogicalPlan) -> bool {
    let mut depends = false;
    let looked = plan.apply_expressions(|expr| {
        depends |= depends_on_moment(expr);
        Ok(TreeNodeRecursion::Continue)
    });
    depends || looked.is_err()
}

fn is_moment(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if Arc::ptr_eq(&call.func, &MOMENT))
}

fn fill(expr: Expr, moment: DateTime<Utc>) -> Transformed<Expr> {
    if !is_moment(&expr) {
        return Transformed::no(expr);
    }
    let nanos = moment.timestamp_nanos_opt();
    Transformed::yes(lit(ScalarValue::TimestampNanosecond(nanos, Some(UTC.into()))))
}

fn each_expression(
    plan: LogicalPlan,
    mut replace: impl FnMut(Expr) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_up(&mut replace)?;
            Ok(replaced.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(plan.data)
}
