//! Columns that several queries or rows make together: UNION and VALUES.
//!
//! Its one idea: what one of them says of a column's type holds for those that leave it open.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{
    Cast, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection, Union, Values, cast,
};

use super::numbers::is_decimal;
use super::sides::{common_type, is_untyped};
use super::system::marked_type;

/// The node with its columns settled.
pub(super) fn settled(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Union(union) => union_of_literals(union)?.transform_data(|node| match node {
            LogicalPlan::Union(union) => union_of_floats(union),
            other => Ok(Transformed::no(other)),
        }),
        LogicalPlan::Values(values) => values_of_floats(values),
        other => Ok(Transformed::no(other)),
    }
}

/// A quoted literal in one query of a UNION is what the others have in its column.
fn union_of_literals(mut union: Union) -> Result<Transformed<LogicalPlan>> {
    let mut changed = false;
    for column in 0..union.schema.fields().len() {
        let untyped = |input: &LogicalPlan| literal_item(input, column).is_some();
        if !union.inputs.iter().any(|input| untyped(input)) {
            continue;
        }
        let typed = union.inputs.iter().filter(|input| !untyped(input));
        let fields: Vec<_> =
            typed.filter_map(|input| input.schema().fields().get(column).cloned()).collect();
        let marked = fields.iter().find(|field| marked_type(field).is_some());
        let field = match (common_type(&fields), marked) {
            (Some(common), _) => Arc::new(Field::new("", common, true)),
            (None, Some(marked)) => Arc::new(marked.as_ref().clone().with_name("")),
            (None, None) => continue,
        };
        for input in &mut union.inputs {
            if let Some(typed) = with_item_typed(input, column, &field)? {
                *input = Arc::new(typed);
                changed = true;
            }
        }
    }
    if !changed {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let union = Union::try_new_with_loose_types(union.inputs)?;
    Ok(Transformed::yes(LogicalPlan::Union(union)))
}

/// The quoted literal that a query has for a column.
fn literal_item(input: &LogicalPlan, column: usize) -> Option<&Expr> {
    let LogicalPlan::Projection(projection) = input else { return None };
    let item = projection.expr.get(column)?;
    let bare = match item {
        Expr::Alias(alias) => alias.expr.as_ref(),
        other => other,
    };
    is_untyped(bare).then_some(item)
}

/// The query with its literal for a column of the type of `field`.
fn with_item_typed(
    input: &LogicalPlan,
    column: usize,
    field: &FieldRef,
) -> Result<Option<LogicalPlan>> {
    if literal_item(input, column).is_none() {
        return Ok(None);
    }
    let LogicalPlan::Projection(projection) = input else { return Ok(None) };
    let mut items = projection.expr.clone();
    if let Some(item) = items.get_mut(column) {
        let name = item.schema_name().to_string();
        let literal = item.clone().unalias();
        let typed = Expr::Cast(Cast::new_from_field(Box::new(literal), Arc::clone(field)));
        *item = typed.alias(name);
    }
    let projection = Projection::try_new(items, Arc::clone(&projection.input))?;
    Ok(Some(LogicalPlan::Projection(projection)))
}

/// A column that is a float in one query of a UNION is one in all that have a numeric there.
fn union_of_floats(union: Union) -> Result<Transformed<LogicalPlan>> {
    let columns = union.schema.fields().len();
    let type_at = |input: &LogicalPlan, column: usize| {
        input.schema().fields().get(column).map(|field| field.data_type().clone())
    };
    let mixed: Vec<Option<DataType>> = (0..columns)
        .map(|column| {
            let types: Vec<_> = union.inputs.iter().filter_map(|i| type_at(i, column)).collect();
            float_of(&types).filter(|_| types.iter().any(is_decimal))
        })
        .collect();
    if mixed.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Union(union)));
    }
    let mut inputs = Vec::with_capacity(union.inputs.len());
    for input in union.inputs {
        let exprs: Vec<Expr> = input
            .schema()
            .iter()
            .zip(&mixed)
            .map(|((qualifier, field), mixed)| {
                let column = Expr::Column(Column::from((qualifier, field)));
                if let (Some(float), true) = (mixed, is_decimal(field.data_type())) {
                    return cast(column, float.clone())
                        .alias_qualified(qualifier.cloned(), field.name());
                }
                column
            })
            .collect();
        let input = Arc::unwrap_or_clone(input);
        inputs.push(Arc::new(LogicalPlanBuilder::from(input).project(exprs)?.build()?));
    }
    let union = Union::try_new_with_loose_types(inputs)?;
    Ok(Transformed::yes(LogicalPlan::Union(union)))
}

/// What numbers of these types become beside floats: reals, unless one is a double.
fn float_of(types: &[DataType]) -> Option<DataType> {
    let floats = || types.iter().filter(|data_type| data_type.is_floating());
    floats().next()?;
    let double = floats().any(|float| *float == DataType::Float64);
    Some(if double { DataType::Float64 } else { DataType::Float32 })
}

/// VALUES that the planner has brought to a numeric though a float is among them.
fn values_of_floats(mut values: Values) -> Result<Transformed<LogicalPlan>> {
    let empty = DFSchema::empty();
    let before = |expr: &Expr| match expr {
        Expr::Cast(cast) => cast.expr.get_type(&empty).ok(),
        other => other.get_type(&empty).ok(),
    };
    let mixed: Vec<(usize, DataType)> = (0..values.schema.fields().len())
        .filter_map(|column| {
            let given: Vec<DataType> =
                values.values.iter().filter_map(|row| before(row.get(column)?)).collect();
            let float = float_of(&given)?;
            // Brought to a double, too, where reals and numerics meet.
            let brought = values.schema.field(column).data_type();
            (is_decimal(brought) || *brought != float && given.iter().any(is_decimal))
                .then_some((column, float))
        })
        .collect();
    if mixed.is_empty() {
        return Ok(Transformed::no(LogicalPlan::Values(values)));
    }
    for row in &mut values.values {
        for (column, float) in &mixed {
            let Some(value) = row.get_mut(*column) else { continue };
            let inner = match std::mem::replace(value, Expr::Literal(ScalarValue::Null, None)) {
                Expr::Cast(cast) if cast.field.data_type() != float => *cast.expr,
                other => other,
            };
            *value = cast(inner, float.clone());
        }
    }
    let fields = values.schema.iter().enumerate().map(|(column, (qualifier, field))| {
        let float = mixed.iter().find(|(mixed, _)| *mixed == column).map(|(_, float)| float);
        let field = match float {
            Some(float) => Arc::new(field.as_ref().clone().with_data_type(float.clone())),
            None => Arc::clone(field),
        };
        (qualifier.cloned(), field)
    });
    let metadata = values.schema.metadata().clone();
    values.schema = Arc::new(DFSchema::new_with_metadata(fields.collect(), metadata)?);
    Ok(Transformed::yes(LogicalPlan::Values(values)))
}
