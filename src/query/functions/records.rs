//! Rows as values: `ROW(...)`, a table's row, one field of either, and what a client of Arrow gets of them.
//!
//! Its one idea: a row is a struct whose fields' names say that it is one, and what their types are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;
use crate::query::system;

/// The functions of this file.
pub(super) fn all() -> [Arc<ScalarUDF>; 3] {
    [Kind::Row, Kind::Whole, Kind::Field].map(made)
}

/// A value with plain structs in place of rows, by the fields' own names, and its type; `None` where there are none.
pub(crate) fn structs(value: &Expr, data_type: &DataType) -> Option<(Expr, DataType)> {
    let plain = without_rows(data_type);
    if plain == *data_type {
        return None;
    }
    let call = ScalarFunction::new_udf(made(Kind::Plain), vec![value.clone().unalias()]);
    Some((Expr::ScalarFunction(call), plain))
}

fn made(kind: Kind) -> Arc<ScalarUDF> {
    let signature = Signature::variadic_any(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Records { kind, signature }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// `ROW(a, b)`: fields `f1`, `f2`.
    Row,
    /// `__whole_row('x', x, 'y', y)`.
    Whole,
    /// `__field(row, 'x')`.
    Field,
    /// `__as_structs(row)`.
    Plain,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Records {
    kind: Kind,
    signature: Signature,
}

/// The type with plain structs in place of rows.
fn without_rows(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| {
        Arc::new(field.as_ref().clone().with_data_type(without_rows(field.data_type())))
    };
    match data_type {
        DataType::Struct(fields) => match system::row_fields(fields) {
            Some(own) => DataType::Struct(own.iter().map(inner).collect()),
            None => data_type.clone(),
        },
        DataType::List(element) => DataType::List(inner(element)),
        other => other.clone(),
    }
}

/// The same values under other names.
fn renamed(array: &ArrayRef, to: &DataType) -> ArrayRef {
    match to {
        DataType::Struct(fields) if *array.data_type() != *to => {
            let rows = array.as_struct();
            let columns = rows.columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| renamed(column, field.data_type()));
            let nulls = rows.nulls().cloned();
            Arc::new(StructArray::new(fields.clone(), columns.collect(), nulls))
        }
        DataType::List(element) if *array.data_type() != *to => {
            let lists = array.as_list::<i32>();
            let values = renamed(lists.values(), element.data_type());
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Arc::new(ListArray::new(Arc::clone(element), offsets, values, nulls))
        }
        _ => Arc::clone(array),
    }
}

/// The name that the second argument is.
fn asked(args: &ReturnFieldArgs<'_>) -> Option<String> {
    match args.scalar_arguments.get(1)?.as_ref()? {
        ScalarValue::Utf8(name) | ScalarValue::Utf8View(name) | ScalarValue::LargeUtf8(name) => {
            name.clone()
        }
        _ => None,
    }
}

/// Where a struct has a field, and the field as it is told.
fn field_of(data_type: &DataType, name: &str) -> Result<(usize, FieldRef)> {
    let DataType::Struct(fields) = data_type else {
        let message = format!("column notation .{name} applied to a value that is not a row");
        return Err(external(Error::new(ErrorKind::WrongObjectType, message)));
    };
    let own = system::row_fields(fields).unwrap_or_else(|| fields.iter().cloned().collect());
    let found = own.into_iter().enumerate().find(|(_, field)| field.name() == name);
    found.ok_or_else(|| {
        let message = format!("could not identify column \"{name}\" in record data type");
        external(Error::new(ErrorKind::UndefinedColumn, message))
    })
}

impl Records {
    fn fields(&self, args: &ReturnFieldArgs<'_>) -> Fields {
        let given = args.arg_fields;
        match self.kind {
            Kind::Whole => (0..given.len() / 2)
                .map(|at| {
                    let name = match args.scalar_arguments.get(2 * at) {
                        Some(Some(ScalarValue::Utf8(Some(name)))) => name.as_str(),
                        _ => "",
                    };
                    system::row_field(name, &given[2 * at + 1])
                })
                .collect(),
            _ => given
                .iter()
                .enumerate()
                .map(|(at, field)| system::row_field(&format!("f{}", at + 1), field))
                .collect(),
        }
    }
}

impl ScalarUDFImpl for Records {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Row => "row",
            Kind::Whole => "__whole_row",
            Kind::Field => "__field",
            Kind::Plain => "__as_structs",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Err(external(Error::internal("the type of a row without its fields")))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let given = args.arg_fields.first();
        Ok(Arc::new(match (self.kind, given) {
            (Kind::Plain, Some(given)) => {
                Field::new(self.name(), without_rows(given.data_type()), true)
            }
            (Kind::Field, Some(given)) => {
                let name = asked(&args).unwrap_or_default();
                let (_, field) = field_of(given.data_type(), &name)?;
                field.as_ref().clone().with_nullable(true)
            }
            _ => Field::new(self.name(), DataType::Struct(self.fields(&args)), true),
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let to = args.return_field.data_type();
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let columns = match self.kind {
            Kind::Row => arrays,
            Kind::Whole => arrays.into_iter().skip(1).step_by(2).collect(),
            Kind::Plain => return Ok(ColumnarValue::Array(renamed(&arrays[0], to))),
            Kind::Field => {
                let name = match args.args.get(1) {
                    Some(ColumnarValue::Scalar(name)) => name.try_as_str().flatten(),
                    _ => None,
                };
                let (at, _) = field_of(arrays[0].data_type(), name.unwrap_or_default())?;
                let row = arrays[0].as_struct();
                // The field of no row is NULL.
                let lost = arrow::compute::is_null(row)?;
                let values = arrow::compute::nullif(row.column(at), &lost)?;
                return Ok(ColumnarValue::Array(values));
            }
        };
        let DataType::Struct(fields) = to else {
            return Err(external(Error::internal("a row that is no struct")));
        };
        let row = StructArray::try_new_with_length(fields.clone(), columns, None, rows)?;
        Ok(ColumnarValue::Array(Arc::new(row)))
    }
}
