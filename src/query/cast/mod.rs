//! Casts as Postgres makes them.
//!
//! Its one idea: where Arrow's cast answers otherwise (it cuts where Postgres rounds, prints and reads
//! times in its own way, loses a float's last digit), the cast of a plan becomes a function of ours,
//! whoever asked for it; every other cast is left to the engine, which knows how to move it.

mod arrays;
mod bytes;
mod intervals;
mod marked;
mod numbers;
mod print;
mod read;
mod rows;
mod times;
mod tried;

pub use arrays::{Element, parse as array_elements};
pub(crate) use arrays::{depth, dimensions, nested};
pub(crate) use times::{clock, instant, time_and_offset};

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Result;

use super::planner::external;
use super::runtime::StatementInfo;
use super::system::marked_type;
use super::text::{PLAIN, Styles};

type Planned<T> = datafusion::common::Result<T>;

/// Every cast of an analysed plan that Arrow would make otherwise, made ours.
pub(crate) fn in_plan(plan: LogicalPlan) -> Planned<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        let schema = if let LogicalPlan::TableScan(scan) = &node {
            DFSchema::clone(&scan.projected_schema)
        } else {
            schema
        };
        let names = NamePreserver::new(&node);
        let replaced = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_up(|expr| in_expr(expr, &schema))?;
            Ok(replaced.update_data(|expr| name.restore(expr)))
        })?;
        if replaced.transformed {
            return replaced.map_data(LogicalPlan::recompute_schema);
        }
        Ok(replaced)
    })
    .map(|replaced| replaced.data)
}

fn in_expr(expr: Expr, schema: &DFSchema) -> Planned<Transformed<Expr>> {
    let cast = match expr {
        Expr::Cast(cast) => cast,
        Expr::TryCast(cast) => return Ok(tried::in_expr(cast, schema)),
        expr => return Ok(Transformed::no(expr)),
    };
    // What a subquery takes from outside has its type with it; other strangers stay as they are.
    let Ok((_, from)) = cast.expr.to_field(schema) else {
        return Ok(Transformed::no(Expr::Cast(cast)));
    };
    let marked = marked::concerns(&from, &cast.field);
    if !marked && !is_ours(from.data_type(), cast.field.data_type()) {
        return Ok(Transformed::no(Expr::Cast(cast)));
    }
    let from = marked.then(|| Arc::clone(&from));
    let function = Arc::new(ScalarUDF::new_from_impl(Cast::new(from, Arc::clone(&cast.field))));
    let call = ScalarFunction::new_udf(function, vec![*cast.expr]);
    Ok(Transformed::yes(Expr::ScalarFunction(call)))
}

/// The values of `array`, which are of `from`, as ones of `to`, whatever either's mark says.
fn as_field(info: &StatementInfo, array: &ArrayRef, from: &Field, to: &Field) -> Result<ArrayRef> {
    if marked::concerns(from, to) {
        return marked::cast(info, array, from, to);
    }
    let styles = info.styles();
    in_session(array, to.data_type(), &styles)
        .and_then(|array| cast_styled(&array, to.data_type(), &styles))
}

/// The values of `array`, which are of `from`, as an assignment to a column makes them, whatever either's
/// mark says; `zone` is the session's.
///
/// # Errors
/// As [`cast_array`].
pub fn assigned(array: &ArrayRef, from: &Field, to: &Field, zone: Tz) -> Result<ArrayRef> {
    if !marked::concerns(from, to) {
        return cast_array(array, to.data_type());
    }
    marked::cast(&StatementInfo::in_zone(zone), array, from, to)
}

/// The values of `array` as an assignment or a cast to `to` makes them.
///
/// # Errors
/// Kinds of class 22 for values that do not fit, `FeatureNotSupported` and `CannotCoerce` for kinds
/// that never do.
pub fn cast_array(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    cast_styled(array, to, &PLAIN)
}

/// As [`cast_array`], for a session with its own styles of text.
pub fn cast_styled(array: &ArrayRef, to: &DataType, styles: &Styles) -> Result<ArrayRef> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    if !is_ours(array.data_type(), to) {
        return arrow_cast(array, to);
    }
    let array = plain(array)?;
    let from = array.data_type().clone();
    match (&from, to) {
        (DataType::Utf8, to) if is_text(to) => arrow_cast(&array, to),
        (DataType::Utf8, DataType::Binary | DataType::LargeBinary | DataType::BinaryView) => {
            arrow_cast(&bytes::read(&array)?, to)
        }
        (DataType::Utf8, to) if is_time(to) => times::read(&array, to, styles),
        (DataType::Utf8, DataType::List(element)) => arrays::read(&array, element, styles),
        (DataType::List(_), to) if is_text(to) => {
            let texts: ArrayRef = Arc::new(arrays::print(&array, styles)?);
            arrow_cast(&texts, to)
        }
        (DataType::Utf8, DataType::Interval(_)) => arrow_cast(&intervals::read(&array)?, to),
        (DataType::Utf8, to) => read::read(&array, to),
        (from, to) if is_text(to) => arrow_cast(&print::texts(&array, from, styles)?, to),
        (from, to) if is_time(from) => times::moved(&array, to),
        (_, to) => numbers::cast(&array, to),
    }
}

/// Whether Arrow's own cast would answer otherwise.
fn is_ours(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Date32, Decimal128, Duration, Interval, List, Time64, Timestamp};
    if from == to {
        return false;
    }
    match (from, to) {
        (from, to) if is_text(from) => {
            let micros = matches!(to, Time64(TimeUnit::Microsecond) | Timestamp(..) | Date32);
            to.is_integer() && to.is_signed_integer()
                || to.is_floating()
                || matches!(to, Decimal128(..) | Boolean | Interval(IntervalUnit::MonthDayNano))
                || is_bytes(to)
                || matches!(to, List(_))
                || micros
        }
        (from, to) if is_text(to) => {
            is_time(from)
                || is_bytes(from)
                || from.is_floating()
                || matches!(from, Interval(_) | Duration(_) | List(_))
        }
        (Decimal128(..), to) if to.is_signed_integer() || to.is_floating() => true,
        (from, to) if from.is_floating() => to.is_signed_integer() || matches!(to, Decimal128(..)),
        (Decimal128(..), Decimal128(..)) => whole_digits(to) < whole_digits(from) || cut(from, to),
        (from, Decimal128(..)) if from.is_signed_integer() => whole_digits(to) < whole_digits(from),
        (Timestamp(_, Some(_)), Timestamp(_, None) | Date32) => true,
        (Timestamp(_, None) | Date32, Timestamp(_, Some(_))) => true,
        _ => false,
    }
}

/// Digits before the point.
fn whole_digits(data_type: &DataType) -> i16 {
    match data_type {
        DataType::Decimal128(precision, scale) => i16::from(*precision) - i16::from(*scale),
        DataType::Int8 => 3,
        DataType::Int16 => 5,
        DataType::Int32 => 10,
        _ => 19,
    }
}

/// Whether digits after the point are lost.
fn cut(from: &DataType, to: &DataType) -> bool {
    matches!(
        (from, to),
        (DataType::Decimal128(_, before), DataType::Decimal128(_, after)) if after < before
    )
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Time64(_) | DataType::Timestamp(..))
}

/// Text in one form only, times in microseconds.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        data_type if is_text(data_type) => arrow_cast(array, &DataType::Utf8),
        data_type if is_bytes(data_type) => arrow_cast(array, &DataType::Binary),
        DataType::Timestamp(_, zone) => {
            arrow_cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        DataType::Time64(_) => arrow_cast(array, &DataType::Time64(TimeUnit::Microsecond)),
        _ => Ok(Arc::clone(array)),
    }
}

fn arrow_cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options)
        .map_err(|error| super::error::convert(DataFusionError::ArrowError(Box::new(error), None)))
}

/// Instants that become text, by the session's clocks: a parameter's come by Greenwich's.
fn in_session(array: &ArrayRef, to: &DataType, styles: &Styles) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Timestamp(unit, Some(zone)) if is_text(to) && **zone != *styles.zone.name() => {
            arrow_cast(array, &DataType::Timestamp(*unit, Some(styles.zone.name().into())))
        }
        _ => Ok(Arc::clone(array)),
    }
}

/// Whether values of a type that only a mark tells are read and printed by the session's clocks or names.
fn asks_session(field: &Field) -> bool {
    marked_type(field).is_some_and(|name| {
        let name = name.trim_start_matches('_');
        name.starts_with("reg") || name.starts_with("tstz") || name == "timetz"
    })
}

/// A cast as a function of a plan; users reach it by CAST only.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Cast {
    to: FieldRef,
    /// What is cast, where types that only a mark tells are concerned.
    from: Option<FieldRef>,
    signature: Signature,
}

impl Cast {
    fn new(from: Option<FieldRef>, to: FieldRef) -> Self {
        let told = from.as_ref().is_some_and(|from| asks_session(from) || asks_session(&to));
        let volatility = if told { Volatility::Stable } else { Volatility::Immutable };
        Self { to, from, signature: Signature::any(1, volatility) }
    }

    /// As the type is told apart from others.
    fn spelled(&self) -> String {
        match marked_type(&self.to) {
            Some(name) => name.to_owned(),
            None => self.to.data_type().to_string(),
        }
    }
}

impl ScalarUDFImpl for Cast {
    fn name(&self) -> &str {
        "cast"
    }

    fn display_name(&self, args: &[Expr]) -> Planned<String> {
        Ok(format!("CAST({} AS {})", args[0], self.spelled()))
    }

    // The type too: whoever puts a cast beside what it casts needs two names.
    fn schema_name(&self, args: &[Expr]) -> Planned<String> {
        Ok(format!("CAST({} AS {})", args[0].schema_name(), self.spelled()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Planned<DataType> {
        Ok(self.to.data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Planned<FieldRef> {
        let nullable = args.arg_fields.first().is_none_or(|field| field.is_nullable());
        let field = Field::new("cast", self.to.data_type().clone(), nullable);
        Ok(Arc::new(field.with_metadata(self.to.metadata().clone())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Planned<ColumnarValue> {
        let scalar = matches!(args.args.first(), Some(ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let info = StatementInfo::from_options(&args.config_options);
        let cast = match &self.from {
            Some(from) => marked::cast(&info, &arrays[0], from, &self.to),
            None => {
                let given = &args.arg_fields[0];
                as_field(&info, &arrays[0], given, &self.to)
            }
        };
        let cast = cast.map_err(external)?;
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&cast, 0)?));
        }
        Ok(ColumnarValue::Array(cast))
    }
}
