//! The lists that functions returning sets are made of.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Fields, Int64Type, IntervalMonthDayNanoType, IntervalUnit,
    TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;

use super::dates::plus_interval;

/// Elements a list made here may have; more belong into a table.
const ELEMENTS_MAX: usize = 10_000_000;

/// The functions of this file.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    [Kind::Series, Kind::Subscripts, Kind::Ordinals, Kind::Expand]
        .into_iter()
        .map(|kind| Arc::new(ScalarUDF::new_from_impl(Lists::new(kind, "UTC"))))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Series,
    Subscripts,
    Ordinals,
    Expand,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Lists {
    kind: Kind,
    zone: String,
    signature: Signature,
}

impl Lists {
    fn new(kind: Kind, zone: &str) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { kind, zone: zone.to_owned(), signature }
    }
}

fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

fn undefined(name: &str) -> datafusion::error::DataFusionError {
    let message = format!("function {name} with these arguments does not exist");
    external(Error::new(ErrorKind::UndefinedFunction, message).hint(
        "No function matches the given name and argument types. \
         You might need to add explicit type casts.",
    ))
}

/// The type that a series counts in.
fn series_type(types: &[DataType], zone: &str) -> Option<DataType> {
    let known: Vec<&DataType> = types.iter().filter(|t| !t.is_null() && !is_text(t)).collect();
    let timed = types.len() == 3
        && (matches!(types[2], DataType::Interval(_) | DataType::Duration(_))
            || is_text(&types[2]));
    if timed
        && known.iter().all(|t| {
            matches!(
                t,
                DataType::Date32
                    | DataType::Timestamp(..)
                    | DataType::Interval(_)
                    | DataType::Duration(_)
            )
        })
    {
        // As in Postgres, dates are taken for instants.
        let naive = types[..2].iter().any(|t| matches!(t, DataType::Timestamp(_, None)));
        let zone = (!naive).then(|| zone.into());
        return Some(DataType::Timestamp(TimeUnit::Microsecond, zone));
    }
    if known.is_empty() {
        return Some(DataType::Int32);
    }
    if known.iter().any(|t| matches!(t, DataType::Decimal128(..))) {
        let scale = known.iter().map(|t| match t {
            DataType::Decimal128(_, scale) => *scale,
            _ => 0,
        });
        return known
            .iter()
            .all(|t| t.is_integer() || matches!(t, DataType::Decimal128(..)))
            .then_some(DataType::Decimal128(38, scale.max()?));
    }
    if !known.iter().all(|t| t.is_integer()) {
        return None;
    }
    let wide =
        known.iter().any(|t| matches!(t, DataType::Int64 | DataType::UInt64 | DataType::UInt32));
    Some(if wide { DataType::Int64 } else { DataType::Int32 })
}

impl ScalarUDFImpl for Lists {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Series => "__series",
            Kind::Subscripts => "__subscripts",
            Kind::Ordinals => "__ordinals",
            Kind::Expand => "__expand_array",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let zone = config.execution.time_zone.as_deref().unwrap_or("UTC");
        Some(ScalarUDF::new_from_impl(Self::new(self.kind, zone)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let list = |data_type: &DataType| matches!(data_type, DataType::List(_));
        match (self.kind, types) {
            (Kind::Series, [_, _] | [_, _, _]) => {
                let counted =
                    series_type(types, &self.zone).ok_or_else(|| undefined("generate_series"))?;
                let mut wanted = vec![counted.clone(); 2];
                if types.len() == 3 {
                    wanted.push(match counted {
                        DataType::Timestamp(..) => DataType::Interval(IntervalUnit::MonthDayNano),
                        other => other,
                    });
                }
                Ok(wanted)
            }
            (Kind::Subscripts, [array]) if list(array) => Ok(types.to_vec()),
            (Kind::Subscripts, [array, _]) if list(array) => {
                Ok(vec![array.clone(), DataType::Int64])
            }
            (Kind::Subscripts, [array, _, _]) if list(array) => {
                Ok(vec![array.clone(), DataType::Int64, DataType::Boolean])
            }
            (Kind::Ordinals, _) if types.iter().all(list) => Ok(types.to_vec()),
            (Kind::Expand, [array]) if list(array) => Ok(types.to_vec()),
            (Kind::Series, _) => Err(undefined("generate_series")),
            _ => Err(undefined("unnest")),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::Series => list_of(types[0].clone()),
            Kind::Subscripts => list_of(DataType::Int32),
            Kind::Ordinals => list_of(DataType::Int64),
            Kind::Expand => list_of(DataType::Struct(expanded_fields(&types[0]))),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = args
            .args
            .iter()
            .map(|arg| arg.to_array(if scalar { 1 } else { args.number_rows }))
            .collect::<Result<Vec<_>>>()?;
        let made: ArrayRef = match self.kind {
            Kind::Series => series(&arrays, &self.zone)?,
            Kind::Subscripts => subscripts(&arrays)?,
            Kind::Ordinals => ordinals(&arrays)?,
            Kind::Expand => expand(&arrays[0])?,
        };
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?));
        }
        Ok(ColumnarValue::Array(made))
    }
}

fn expanded_fields(list: &DataType) -> Fields {
    let element = match list {
        DataType::List(element) => element.data_type().clone(),
        other => other.clone(),
    };
    Fields::from(vec![Field::new("x", element, true), Field::new("n", DataType::Int32, true)])
}

/// Lists of integers, cast to what they are lists of.
fn integer_lists(rows: Vec<Option<Vec<i64>>>, element: &DataType) -> Result<ArrayRef> {
    let nulls = NullBuffer::from(rows.iter().map(Option::is_some).collect::<Vec<_>>());
    let offsets =
        OffsetBuffer::from_lengths(rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)));
    let values: Int64Array = rows.into_iter().flatten().flatten().map(Some).collect();
    let values: ArrayRef = Arc::new(values);
    let values = match element {
        // Unscaled.
        DataType::Decimal128(precision, scale) => {
            let wide = values.as_primitive::<Int64Type>();
            let wide = wide.unary::<_, Decimal128Type>(i128::from);
            Arc::new(wide.with_precision_and_scale(*precision, *scale)?)
        }
        other => cast(&values, other)?,
    };
    let field = Arc::new(Field::new_list_field(element.clone(), true));
    Ok(Arc::new(ListArray::new(field, offsets, values, Some(nulls))))
}

fn too_long() -> datafusion::error::DataFusionError {
    let message = format!("a set of more than {ELEMENTS_MAX} rows");
    external(
        Error::new(ErrorKind::ConfigurationLimitExceeded, message)
            .hint("A series of plain numbers in FROM has no such limit."),
    )
}

fn zero_step() -> datafusion::error::DataFusionError {
    let message = "step size cannot equal zero";
    external(Error::new(ErrorKind::InvalidParameterValue, message))
}

fn moments(arrays: &[ArrayRef], zone: &str) -> Result<ArrayRef> {
    let element = arrays[0].data_type().clone();
    let rows = arrays[0].len();
    let times = |at: usize| arrays[at].as_primitive::<TimestampMicrosecondType>();
    let steps = arrays[2].as_primitive::<IntervalMonthDayNanoType>();
    let (starts, stops) = (times(0), times(1));
    let zoned = matches!(element, DataType::Timestamp(_, Some(_)));
    let mut made = Vec::with_capacity(rows);
    for row in 0..rows {
        if starts.is_null(row) || stops.is_null(row) || steps.is_null(row) {
            made.push(None);
            continue;
        }
        let step = steps.value(row);
        // Which way a step goes, with months and days as long as Postgres counts them to tell.
        let length = i128::from(step.months) * 30 * 86_400_000_000_000
            + i128::from(step.days) * 86_400_000_000_000
            + i128::from(step.nanoseconds);
        if length == 0 {
            return Err(zero_step());
        }
        let (mut at, stop) = (starts.value(row), stops.value(row));
        // What is surely too long is not begun: a month has at most 31 days and an hour more.
        let longest = (i128::from(step.months) * 31 + i128::from(step.days)) * 86_400_000_000
            + i128::from(step.nanoseconds / 1000)
            + i128::from(step.months.signum() + step.days.signum()) * 7_200_000_000;
        if length.signum() == longest.signum()
            && (i128::from(stop) - i128::from(at)) / longest > ELEMENTS_MAX as i128
        {
            return Err(too_long());
        }
        let mut list = Vec::new();
        while if length > 0 { at <= stop } else { at >= stop } {
            list.push(at);
            if list.len() > ELEMENTS_MAX {
                return Err(too_long());
            }
            at = plus_interval(at, step, zoned.then_some(zone))?;
        }
        made.push(Some(list));
    }
    integer_lists(made, &element)
}

fn series(arrays: &[ArrayRef], zone: &str) -> Result<ArrayRef> {
    let element = arrays[0].data_type().clone();
    let rows = arrays[0].len();
    if let DataType::Timestamp(..) = element {
        return moments(arrays, zone);
    }
    let wide = |at: usize| -> Result<Int64Array> {
        match arrays[at].data_type() {
            DataType::Decimal128(..) => {
                let values = arrays[at].as_primitive::<Decimal128Type>();
                values
                    .iter()
                    .map(|value| value.map(i64::try_from).transpose())
                    .collect::<Result<Int64Array, _>>()
                    .map_err(|_| too_long())
            }
            _ => Ok(cast(&arrays[at], &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
        }
    };
    let unit = match element {
        DataType::Decimal128(_, scale) => 10_i64.pow(u32::try_from(scale).unwrap_or(0).min(18)),
        _ => 1,
    };
    let (starts, stops) = (wide(0)?, wide(1)?);
    let steps = match arrays.len() {
        3 => wide(2)?,
        _ => Int64Array::from(vec![unit; rows]),
    };
    let mut made = Vec::with_capacity(rows);
    for row in 0..rows {
        if starts.is_null(row) || stops.is_null(row) || steps.is_null(row) {
            made.push(None);
            continue;
        }
        let (start, stop, step) = (starts.value(row), stops.value(row), steps.value(row));
        if step == 0 {
            return Err(zero_step());
        }
        let steps = (i128::from(stop) - i128::from(start)) / i128::from(step);
        if steps >= ELEMENTS_MAX as i128 {
            return Err(too_long());
        }
        let mut list = Vec::with_capacity(usize::try_from(steps.max(-1) + 1).unwrap_or(0));
        let mut at = Some(start);
        while let Some(value) = at.filter(|at| if step > 0 { *at <= stop } else { *at >= stop }) {
            list.push(value);
            at = value.checked_add(step);
        }
        made.push(Some(list));
    }
    integer_lists(made, &element)
}

fn as_list(array: &ArrayRef) -> Result<&ListArray> {
    array.as_list_opt::<i32>().ok_or_else(|| external(Error::internal("a list that is none")))
}

fn subscripts(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let lists = as_list(&arrays[0])?;
    let made = (0..lists.len()).map(|row| {
        let dimension = arrays.get(1).map_or(1, |at| at.as_primitive::<Int64Type>().value(row));
        let reversed = arrays.get(2).is_some_and(|at| at.as_boolean().value(row));
        if lists.is_null(row) || dimension != 1 {
            return lists.is_valid(row).then(Vec::new);
        }
        let length = i64::try_from(lists.value(row).len()).unwrap_or(0);
        let forward = 1..=length;
        Some(if reversed { forward.rev().collect() } else { forward.collect() })
    });
    integer_lists(made.collect(), &DataType::Int32)
}

/// 1, 2, ... up to the length of the longest.
fn ordinals(arrays: &[ArrayRef]) -> Result<ArrayRef> {
    let lists = arrays.iter().map(as_list).collect::<Result<Vec<_>>>()?;
    let rows = lists.first().map_or(0, |list| list.len());
    let made = (0..rows).map(|row| {
        let lengths =
            lists.iter().map(|list| if list.is_valid(row) { list.value(row).len() } else { 0 });
        let longest = i64::try_from(lengths.max().unwrap_or(0)).unwrap_or(0);
        Some((1..=longest).collect())
    });
    integer_lists(made.collect(), &DataType::Int64)
}

/// Each element with its place.
fn expand(array: &ArrayRef) -> Result<ArrayRef> {
    let lists = as_list(array)?;
    let fields = expanded_fields(array.data_type());
    let (offsets, values) = (lists.offsets(), lists.values());
    let (from, to) = (offsets[0] as usize, offsets[lists.len()] as usize);
    let mut places: Vec<i32> = Vec::with_capacity(to - from);
    for row in 0..lists.len() {
        places.extend(1..=(offsets[row + 1] - offsets[row]));
    }
    let elements = values.slice(from, to - from);
    let places: ArrayRef = Arc::new(arrow::array::Int32Array::from(places));
    let rows = StructArray::new(fields.clone(), vec![elements, places], None);
    let lengths = (0..lists.len()).map(|row| (offsets[row + 1] - offsets[row]) as usize);
    let field = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::new(field, offsets, Arc::new(rows), lists.nulls().cloned())))
}
