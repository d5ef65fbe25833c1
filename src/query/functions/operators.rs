//! Arithmetic as Postgres means it, planned where the operator stands.
//!
//! Its one idea: DataFusion's own operators wrap around on integers, lose digits when dividing
//! decimals, and have other types for dates; each such case becomes a function that is exact or
//! fails, and every other case is left alone.

use std::sync::Arc;

use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    self as logical, ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, binary_expr, cast,
};

use crate::query::runtime::StatementInfo;
use crate::query::{literals, sides};

use super::operands::{json_operator, literal_typed};
use super::{dates, decimals, floats, integers, matches, scaled};

/// Digits after the point that a quotient of numerics has at least.
const QUOTIENT_SCALE: i8 = 16;
/// Digits after the point beyond which a product of numerics is rounded when it must be.
const PRODUCT_SCALE: i8 = 20;
const PRECISION_MAX: u8 = 38;

/// One operator over one family of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    AddIntegers,
    SubtractIntegers,
    MultiplyIntegers,
    MultiplyDecimals,
    DivideDecimals,
    DivideFloats,
    AddFloats,
    SubtractFloats,
    MultiplyFloats,
    AddDays,
    SubtractDays,
    SubtractDates,
    SubtractTimestamps,
    MultiplyInterval,
    ScaleInterval,
    DivideInterval,
}

impl Op {
    fn symbol(self) -> &'static str {
        match self {
            Op::AddIntegers | Op::AddFloats | Op::AddDays => "+",
            Op::SubtractIntegers
            | Op::SubtractFloats
            | Op::SubtractDays
            | Op::SubtractDates
            | Op::SubtractTimestamps => "-",
            Op::MultiplyIntegers
            | Op::MultiplyFloats
            | Op::MultiplyDecimals
            | Op::MultiplyInterval
            | Op::ScaleInterval => "*",
            Op::DivideDecimals | Op::DivideFloats | Op::DivideInterval => "/",
        }
    }

    /// The operator for these operands; `None` where DataFusion's own is right.
    fn of(symbol: &str, left: &DataType, right: &DataType) -> Option<Op> {
        let integers = is_integer(left) && is_integer(right);
        let decimals = is_exact(left) && is_exact(right) && !integers;
        let floats = left.is_floating() || right.is_floating();
        let numbers = left.is_numeric() && right.is_numeric();
        let interval = |data_type: &DataType| matches!(data_type, DataType::Interval(_));
        match symbol {
            "+" if integers => Some(Op::AddIntegers),
            "-" if integers => Some(Op::SubtractIntegers),
            "*" if integers => Some(Op::MultiplyIntegers),
            "*" if decimals && product(left, right).is_some() => Some(Op::MultiplyDecimals),
            "/" if decimals => Some(Op::DivideDecimals),
            "/" if floats && numbers => Some(Op::DivideFloats),
            "+" if floats && numbers => Some(Op::AddFloats),
            "-" if floats && numbers => Some(Op::SubtractFloats),
            "*" if floats && numbers => Some(Op::MultiplyFloats),
            "+" if *left == DataType::Date32 && is_integer(right) => Some(Op::AddDays),
            "+" if is_integer(left) && *right == DataType::Date32 => Some(Op::AddDays),
            "-" if *left == DataType::Date32 && is_integer(right) => Some(Op::SubtractDays),
            "-" if *left == DataType::Date32 && *right == DataType::Date32 => {
                Some(Op::SubtractDates)
            }
            "-" if is_time(left) && is_time(right) => Some(Op::SubtractTimestamps),
            "*" if interval(left) && is_integer(right) || is_integer(left) && interval(right) => {
                Some(Op::MultiplyInterval)
            }
            "*" if interval(left) && right.is_numeric() || left.is_numeric() && interval(right) => {
                Some(Op::ScaleInterval)
            }
            "/" if interval(left) && right.is_numeric() => Some(Op::DivideInterval),
            _ => None,
        }
    }
}

fn is_integer(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Int8)
}

fn is_exact(data_type: &DataType) -> bool {
    is_integer(data_type) || matches!(data_type, DataType::Decimal128(..))
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32)
}

/// The decimal that holds every value of an exact type.
fn decimal(data_type: &DataType) -> (u8, i8) {
    match data_type {
        DataType::Decimal128(precision, scale) => (*precision, *scale),
        DataType::Int8 => (3, 0),
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        _ => (20, 0),
    }
}

/// The type of a product that DataFusion's own would overflow; `None` where that one is exact.
fn product(left: &DataType, right: &DataType) -> Option<DataType> {
    let ((left_precision, left_scale), (right_precision, right_scale)) =
        (decimal(left), decimal(right));
    let scale = left_scale + right_scale;
    if scale <= PRODUCT_SCALE || left_precision + right_precision < PRECISION_MAX {
        return None;
    }
    let scale = PRODUCT_SCALE.max(left_scale).max(right_scale);
    Some(DataType::Decimal128(PRECISION_MAX, scale))
}

/// Plans the operators of this file.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let symbol = raw.op.to_string();
        if let Some(planned) = json_operator(&symbol, &raw, schema) {
            return Ok(PlannerResult::Planned(planned));
        }
        if matches!(symbol.as_str(), "=" | "<>" | "!=" | "<" | "<=" | ">" | ">=") {
            let RawBinaryExpr { op, left, right } = raw;
            let (left, right) = literals::typed_beside(left, right, schema);
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        }
        if symbol == "||" {
            return Ok(matches::planned(bytes_beside(raw, schema), schema));
        }
        if matches!(symbol.as_str(), "AND" | "OR") {
            let RawBinaryExpr { op, mut left, mut right } = raw;
            sides::boolean(&mut left);
            sides::boolean(&mut right);
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        }
        if !matches!(symbol.as_str(), "+" | "-" | "*" | "/" | "%") {
            return Ok(matches::planned(raw, schema));
        }
        let raw = literal_typed(raw, schema)?;
        let op = raw.op.to_string();
        Ok(match arithmetic(&op, &raw.left, &raw.right, schema) {
            Some(planned) => PlannerResult::Planned(planned),
            None => PlannerResult::Original(raw),
        })
    }
}

/// A quoted literal beside bytes is bytes.
fn bytes_beside(raw: RawBinaryExpr, schema: &DFSchema) -> RawBinaryExpr {
    let is_bytes = |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Binary));
    let RawBinaryExpr { op, mut left, mut right } = raw;
    if sides::is_untyped(&right) && is_bytes(&left) {
        right = cast(right, DataType::Binary);
    } else if sides::is_untyped(&left) && is_bytes(&right) {
        left = cast(left, DataType::Binary);
    }
    RawBinaryExpr { op, left, right }
}

/// The operation that `symbol` means between these; `None` where DataFusion's own is right, and for operands
/// without a type yet: those are parameters, which the next round of planning knows.
fn arithmetic(symbol: &str, left: &Expr, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    let (left_type, right_type) = (left.get_type(schema).ok()?, right.get_type(schema).ok()?);
    if let Some(op) = Op::of(symbol, &left_type, &right_type) {
        return Some(call(op, left.clone(), right.clone()));
    }
    // A date moved by an interval is a timestamp in Postgres, and stays a date in DataFusion.
    let interval = |side: &DataType| matches!(side, DataType::Interval(_));
    let (date, by) = match (&left_type, &right_type) {
        (DataType::Date32, by) if interval(by) => (left, right),
        (by, DataType::Date32) if interval(by) && symbol == "+" => (right, left),
        _ => return None,
    };
    let moment = cast(date.clone(), DataType::Timestamp(TimeUnit::Microsecond, None));
    Some(binary_expr(moment, operator(symbol)?, by.clone()))
}

fn operator(symbol: &str) -> Option<logical::Operator> {
    use logical::Operator as Symbol;
    [Symbol::Plus, Symbol::Minus, Symbol::Multiply, Symbol::Divide, Symbol::Modulo]
        .into_iter()
        .find(|operator| operator.to_string() == symbol)
}

/// `expr` as the operation that the settled types of its operands ask for; `None` for an expression that is no operation,
/// and where the planner had already chosen it.
pub(crate) fn chosen_anew(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(binary) => {
            operator(&binary.op.to_string())?;
            arithmetic(&binary.op.to_string(), &binary.left, &binary.right, schema)
        }
        Expr::ScalarFunction(function) => {
            let known = function.func.inner().downcast_ref::<Operator>()?;
            let [left, right] = function.args.as_slice() else { return None };
            let symbol = known.op.symbol();
            let (left_type, right_type) =
                (left.get_type(schema).ok()?, right.get_type(schema).ok()?);
            match Op::of(symbol, &left_type, &right_type) {
                Some(op) if op == known.op => None,
                Some(op) => Some(call(op, left.clone(), right.clone())),
                None => Some(binary_expr(left.clone(), operator(symbol)?, right.clone())),
            }
        }
        _ => None,
    }
}

fn call(op: Op, left: Expr, right: Expr) -> Expr {
    let function = Arc::new(ScalarUDF::new_from_impl(Operator::new(op)));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![left, right]))
}

/// An operator as a function; users reach it by its symbol only.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Operator {
    op: Op,
    signature: Signature,
}

impl Operator {
    fn new(op: Op) -> Self {
        Self { op, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Operator {
    fn name(&self) -> &str {
        self.op.symbol()
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(format!("({} {} {})", args[0], self.op.symbol(), args[1]))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        // Parentheses always: the name tells expressions apart, and `(a + b) * c` is not `a + b * c`.
        Ok(format!("({} {} {})", args[0].schema_name(), self.op.symbol(), args[1].schema_name()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let exact = |data_type: &DataType| {
            let (precision, scale) = decimal(data_type);
            DataType::Decimal128(precision, scale)
        };
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let zoned = |data_type: &DataType| matches!(data_type, DataType::Timestamp(_, Some(_)));
        Ok(match self.op {
            Op::AddIntegers | Op::SubtractIntegers | Op::MultiplyIntegers => {
                vec![self.return_type(types)?; 2]
            }
            Op::MultiplyDecimals | Op::DivideDecimals => types.iter().map(exact).collect(),
            Op::DivideFloats | Op::AddFloats | Op::SubtractFloats | Op::MultiplyFloats => {
                vec![self.return_type(types)?; 2]
            }
            Op::AddDays | Op::SubtractDays | Op::MultiplyInterval => {
                types.iter().map(widened).collect()
            }
            Op::ScaleInterval | Op::DivideInterval => {
                let scaled = |data_type: &DataType| match data_type {
                    DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
                    _ => DataType::Float64,
                };
                types.iter().map(scaled).collect()
            }
            Op::SubtractDates => vec![DataType::Date32; 2],
            Op::SubtractTimestamps => {
                let micros = |side| if zoned(side) { utc.clone() } else { time.clone() };
                types.iter().map(micros).collect()
            }
        })
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let (left, right) = (&types[0], &types[1]);
        Ok(match self.op {
            Op::AddIntegers | Op::SubtractIntegers | Op::MultiplyIntegers => {
                match decimal(left).0.max(decimal(right).0) {
                    0..=5 => DataType::Int16,
                    6..=10 => DataType::Int32,
                    _ => DataType::Int64,
                }
            }
            Op::MultiplyDecimals => {
                product(left, right).unwrap_or(DataType::Decimal128(PRECISION_MAX, PRODUCT_SCALE))
            }
            Op::DivideDecimals => {
                let scale = QUOTIENT_SCALE.max(decimal(left).1).max(decimal(right).1);
                DataType::Decimal128(PRECISION_MAX, scale)
            }
            Op::DivideFloats | Op::AddFloats | Op::SubtractFloats | Op::MultiplyFloats => {
                let real = [left, right].iter().all(|side| **side == DataType::Float32);
                if real { DataType::Float32 } else { DataType::Float64 }
            }
            Op::AddDays | Op::SubtractDays => DataType::Date32,
            Op::SubtractDates => DataType::Int32,
            Op::SubtractTimestamps
            | Op::MultiplyInterval
            | Op::ScaleInterval
            | Op::DivideInterval => DataType::Interval(IntervalUnit::MonthDayNano),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (left, right) = (&arrays[0], &arrays[1]);
        let computed = match self.op {
            Op::AddIntegers | Op::SubtractIntegers | Op::MultiplyIntegers => {
                integers::compute(self.op, left, right)
            }
            Op::MultiplyDecimals => decimals::multiply(left, right, args.return_type()),
            Op::DivideDecimals => decimals::divide(left, right, args.return_type()),
            Op::DivideFloats => decimals::divide_floats(left, right),
            Op::AddFloats | Op::SubtractFloats | Op::MultiplyFloats => {
                floats::compute(self.op, left, right)
            }
            Op::AddDays => dates::add_days(left, right, 1),
            Op::SubtractDays => dates::add_days(left, right, -1),
            Op::SubtractDates => dates::subtract_dates(left, right),
            Op::SubtractTimestamps => {
                let zone = StatementInfo::from_options(&args.config_options).time_zone();
                dates::subtract_timestamps(left, right, zone)
            }
            Op::MultiplyInterval => dates::multiply_interval(left, right),
            Op::ScaleInterval => scaled::multiply(left, right),
            Op::DivideInterval => scaled::divide(left, right),
        }?;
        if scalar {
            let value = ScalarValue::try_from_array(&computed, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(computed))
    }
}

fn widened(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        other if is_integer(other) => DataType::Int64,
        other => other.clone(),
    }
}
