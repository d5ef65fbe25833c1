//! Parameters whose type nothing tells.
//!
//! Its one idea: what takes a value of any type says nothing of a parameter's, and PostgreSQL asks for a
//! cast where nothing else does.

use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Placeholder;

/// The parameters that stand where a value of any type may, so that nothing tells theirs.
pub(super) fn taken_as_any(expr: &Expr) -> Vec<&str> {
    const TAKE_ANY: [&str; 7] = [
        "pg_typeof",
        "concat",
        "concat_ws",
        "json_build_object",
        "jsonb_build_object",
        "json_build_array",
        "jsonb_build_array",
    ];
    let args = match expr {
        Expr::IsNull(arg) | Expr::IsNotNull(arg) => std::slice::from_ref(arg.as_ref()),
        // What joins texts takes the first of them as one.
        Expr::ScalarFunction(call) if call.func.name() == "concat_ws" => {
            call.args.get(1..).unwrap_or_default()
        }
        Expr::ScalarFunction(call) if call.func.name() == "format" => {
            call.args.get(1..).unwrap_or_default()
        }
        Expr::AggregateFunction(call) if call.func.name() == "count" => call.params.args.as_slice(),
        Expr::ScalarFunction(call) if TAKE_ANY.contains(&call.func.name()) => call.args.as_slice(),
        _ => return Vec::new(),
    };
    let untyped = args.iter().filter_map(|arg| match arg {
        Expr::Placeholder(Placeholder { id, field: None }) => Some(id.as_str()),
        _ => None,
    });
    untyped.collect()
}
