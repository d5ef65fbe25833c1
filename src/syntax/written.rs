//! Types of result columns that casts say, and that their values do not have.
//!
//! Its one idea: a length or a number of digits, and whether a text is a `varchar`, is for clients to be
//! told and changes nothing else; so the text of the outermost cast is all there is to know.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, Expr, Query as Tree, SelectItem,
    SetExpr,
};

/// What a cast says of a column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenType {
    /// As `pg_type.typname` has it, where the column's own would say another.
    pub name: Option<&'static str>,
    /// As `pg_attribute.atttypmod` has it; -1 for none.
    pub modifier: i32,
}

/// What casts say of a query's result columns, one for each item of SELECT; nothing of set operations, whose
/// queries may say different things.
pub(super) fn of_query(tree: &Tree) -> Vec<Option<WrittenType>> {
    match tree.body.as_ref() {
        SetExpr::Select(select) => select.projection.iter().map(of_item).collect(),
        SetExpr::Query(inner) => of_query(inner),
        _ => Vec::new(),
    }
}

fn of_item(item: &SelectItem) -> Option<WrittenType> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => of_expr(expr),
        _ => None,
    }
}

fn of_expr(expr: &Expr) -> Option<WrittenType> {
    match expr {
        Expr::Nested(inner) => of_expr(inner),
        Expr::Cast { data_type, array: false, .. } => of_type(data_type),
        Expr::TypedString(typed) => of_type(&typed.data_type),
        _ => None,
    }
}

fn of_type(data_type: &DataType) -> Option<WrittenType> {
    let text = |name, length: Option<u64>| {
        let modifier = length.and_then(|length| i32::try_from(length + 4).ok()).unwrap_or(-1);
        Some(WrittenType { name: Some(name), modifier })
    };
    let digits = |digits: u64| {
        /// As many as Postgres keeps.
        const DIGITS_MAX: u64 = 6;
        let modifier = i32::try_from(digits.min(DIGITS_MAX)).ok()?;
        Some(WrittenType { name: None, modifier })
    };
    match data_type {
        DataType::Varchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length) => text("varchar", characters(length.as_ref())),
        DataType::Char(length) | DataType::Character(length) => {
            text("bpchar", characters(length.as_ref()).or(Some(1)))
        }
        DataType::Timestamp(Some(precision), _) | DataType::Time(Some(precision), _) => {
            digits(*precision)
        }
        DataType::Interval { fields: None, precision: Some(precision) } => {
            /// All fields.
            const WHOLE: i32 = 0x7fff << 16;
            let WrittenType { modifier, .. } = digits(*precision)?;
            Some(WrittenType { name: None, modifier: WHOLE | modifier })
        }
        DataType::Bit(length) => bits("bit", length.or(Some(1))),
        DataType::BitVarying(length) | DataType::VarBit(length) => bits("varbit", *length),
        DataType::Numeric(digits) | DataType::Decimal(digits) | DataType::Dec(digits) => {
            let (precision, scale) = match digits {
                ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
                ExactNumberInfo::Precision(precision) => (*precision, 0),
                ExactNumberInfo::None => return None,
            };
            let (precision, scale) = (i32::try_from(precision).ok()?, i32::try_from(scale).ok()?);
            let modifier = (precision.checked_shl(16)? | scale & 0x7ff).checked_add(4)?;
            Some(WrittenType { name: None, modifier })
        }
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => match of_type(element)? {
            WrittenType { name: Some("varchar"), modifier } => {
                Some(WrittenType { name: Some("_varchar"), modifier })
            }
            WrittenType { name: Some("bpchar"), modifier } => {
                Some(WrittenType { name: Some("_bpchar"), modifier })
            }
            WrittenType { name: None, modifier } => Some(WrittenType { name: None, modifier }),
            WrittenType { name: Some(_), .. } => None,
        },
        _ => None,
    }
}

fn bits(name: &'static str, length: Option<u64>) -> Option<WrittenType> {
    let modifier = length.and_then(|length| i32::try_from(length).ok()).unwrap_or(-1);
    Some(WrittenType { name: Some(name), modifier })
}

fn characters(length: Option<&CharacterLength>) -> Option<u64> {
    match length? {
        CharacterLength::IntegerLength { length, .. } => Some(*length),
        CharacterLength::Max => None,
    }
}
