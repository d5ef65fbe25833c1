//! `coalesce`, `nullif`, `greatest` and `least` while a statement is planned, and `ARRAY[...]`.
//!
//! Its one idea: the engine asks at once what type they have, and refuses a text beside another type; here a quoted
//! literal has no type yet, and becomes what stands beside it when the plan is settled.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use crate::error::Error;
use crate::query::planner::external;
use crate::query::sides::{as_siblings, common_type};
use crate::query::{beside, literals};

/// Whether all arguments of the function have one type, which is the result's.
pub(crate) fn is_choice(function: &str) -> bool {
    matches!(function, "coalesce" | "greatest" | "least" | "nullif")
}

/// Whether the function is asked what it takes only when the types of parameters are known.
pub(crate) fn waits(function: &str) -> bool {
    is_choice(function) || function == "array_position"
}

/// The function as it is planned.
pub(crate) fn planned(function: &Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    let inner = Arc::clone(function);
    let signature = Signature::variadic_any(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Choice { inner, signature }))
}

/// The function as it runs.
pub(crate) fn run(function: &Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match function.inner().downcast_ref::<Choice>() {
        Some(choice) => Arc::clone(&choice.inner),
        None => Arc::clone(function),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Choice {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Choice {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if !is_choice(self.name()) {
            return self.inner.return_field_from_args(args);
        }
        let is_literal = |at: usize| {
            matches!(args.scalar_arguments.get(at), Some(Some(ScalarValue::Utf8(Some(_)))))
        };
        let fields = args.arg_fields.iter().enumerate();
        let typed: Vec<FieldRef> =
            fields.filter(|(at, _)| !is_literal(*at)).map(|(_, field)| Arc::clone(field)).collect();
        if typed.len() < args.arg_fields.len()
            && let Some(common) = common_type(&typed)
        {
            return Ok(Arc::new(Field::new(self.name(), common, true)));
        }
        if let Some(marked) = typed.iter().find(|f| crate::query::marked_type(f).is_some()) {
            return Ok(Arc::new(
                marked.as_ref().clone().with_name(self.name()).with_nullable(true),
            ));
        }
        // Numbers of several types: what they become is known already.
        let given: Vec<FieldRef> = args.arg_fields.to_vec();
        if let Some(common) = common_type(&given) {
            return Ok(Arc::new(Field::new(self.name(), common, true)));
        }
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }
}

/// Plans `ARRAY[...]` of values whose types are settled.
#[derive(Debug)]
pub(super) struct Arrays;

impl ExprPlanner for Arrays {
    /// What stands beside an array is one, before the engine's own planner takes it for an element.
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = beside::typed(raw, schema)?;
        let (left, right) = match op.to_string().as_str() {
            "@>" | "<@" => literals::typed_beside(left, right, schema),
            _ => (left, right),
        };
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }

    fn plan_array_literal(
        &self,
        mut elements: Vec<Expr>,
        schema: &DFSchema,
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut sides: Vec<&mut Expr> = elements.iter_mut().collect();
        as_siblings(&mut sides, schema);
        Ok(PlannerResult::Original(elements))
    }
}

/// `x IS DISTINCT FROM 'literal'` and its contrary, while the statement is planned.
pub(super) fn distinct() -> [Arc<ScalarUDF>; 2] {
    [DISTINCT, NOT_DISTINCT].map(|name| {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Distinct { name, signature }))
    })
}

const DISTINCT: &str = "__is_distinct";
const NOT_DISTINCT: &str = "__is_not_distinct";

/// The operator that one of [`distinct`] stands for.
pub(crate) fn distinct_operator(function: &str) -> Option<Operator> {
    match function {
        DISTINCT => Some(Operator::IsDistinctFrom),
        NOT_DISTINCT => Some(Operator::IsNotDistinctFrom),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Distinct {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Distinct {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(external(Error::internal("a comparison that was not settled")))
    }
}
