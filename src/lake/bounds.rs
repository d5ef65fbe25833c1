//! What can be said of many values at once: least, greatest, and the values themselves when few.
//!
//! Its one idea: a filter that certainly keeps all wanted rows lets file statistics leave out most of
//! the others. Says nothing where it is not sure.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, lit};
use datafusion::scalar::ScalarValue;

/// So many values are named one by one; more are a range.
const NAMED_MAX: usize = 64;

/// What is known of the values of one column.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    extremes: Option<(ScalarValue, ScalarValue)>,
    named: Option<Vec<ScalarValue>>,
    nulls: bool,
}

impl Bounds {
    /// Looks at all values of a column, given in pieces.
    pub fn of<'a>(columns: impl Iterator<Item = &'a ArrayRef>) -> Result<Self> {
        let mut found = Self { named: Some(Vec::new()), ..Self::default() };
        for values in columns {
            found.nulls |= values.null_count() > 0;
            if !is_ordered(values.data_type()) {
                found.named = None;
                continue;
            }
            for row in (0..values.len()).filter(|&row| values.is_valid(row)) {
                found.take(ScalarValue::try_from_array(values, row)?);
            }
        }
        Ok(found)
    }

    fn take(&mut self, value: ScalarValue) {
        if let Some(named) = &mut self.named
            && !named.contains(&value)
        {
            named.push(value.clone());
            if named.len() > NAMED_MAX {
                self.named = None;
            }
        }
        self.extremes = Some(match self.extremes.take() {
            None => (value.clone(), value),
            Some((least, greatest)) if value < least => (value, greatest),
            Some((least, greatest)) if value > greatest => (least, value),
            Some(extremes) => extremes,
        });
    }

    /// A filter that `expr` passes whenever it is one of the values; `None` where nothing can be said.
    pub fn filter(&self, expr: &Expr) -> Option<Expr> {
        let within = match (&self.named, &self.extremes) {
            (Some(named), Some(_)) => {
                let named = named.iter().map(|value| lit(value.clone())).collect();
                expr.clone().in_list(named, false)
            }
            (None, Some((least, greatest))) => {
                let low = expr.clone().gt_eq(lit(least.clone()));
                low.and(expr.clone().lt_eq(lit(greatest.clone())))
            }
            _ => return None,
        };
        Some(if self.nulls { within.or(expr.clone().is_null()) } else { within })
    }
}

/// Whether comparing values means the same here as in the statistics of files.
fn is_ordered(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Utf8 | DataType::Date32 | DataType::Timestamp(..) | DataType::Decimal128(..)
        )
}
