//! Functions about the session and the server.
//!
//! Its one idea: they answer from the running statement's [`StatementInfo`], so a prepared
//! statement executed later answers for then.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, Signature, Volatility,
};

use crate::error::{Error, ErrorKind};
use crate::query::planner::external;
use crate::query::runtime::StatementInfo;

use super::simple::{Simple, constant_text, text};

/// The PostgreSQL whose answers ours are compared with.
const POSTGRES_VERSION: &str = "15.18";

/// The functions of this file.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    let none = || Signature::exact(vec![], Volatility::Stable);
    let names = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let nullary = |name, body| Simple::new(name, none(), DataType::Utf8, body);
    let name = |function, body| nullary(function, body).marked("name");
    vec![
        nullary("version", |_, _| text(version())).build(),
        name("current_database", |info, _| text(&info.database)).alias("current_catalog").build(),
        name("current_schema", |info, _| match info.schemas.first() {
            Some(schema) => text(schema),
            None => Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None))),
        })
        .build(),
        name("current_user", |info, _| text(&info.role))
            .alias("current_role")
            .alias("user")
            .build(),
        name("session_user", |info, _| {
            text(info.settings.get("session_authorization").unwrap_or(&info.role))
        })
        .build(),
        Simple::new(
            "current_schemas",
            Signature::exact(vec![DataType::Boolean], Volatility::Stable),
            names,
            current_schemas,
        )
        .marked("_name")
        .build(),
        Simple::new(
            "current_setting",
            Signature::one_of(
                vec![
                    datafusion::logical_expr::TypeSignature::Exact(vec![DataType::Utf8]),
                    datafusion::logical_expr::TypeSignature::Exact(vec![
                        DataType::Utf8,
                        DataType::Boolean,
                    ]),
                ],
                Volatility::Stable,
            ),
            DataType::Utf8,
            current_setting,
        )
        .build(),
        Simple::new("pg_backend_pid", none(), DataType::Int32, |info, _| {
            let pid = info.settings.get("lakeport.backend_pid").and_then(|pid| pid.parse().ok());
            Ok(ColumnarValue::Scalar(ScalarValue::Int32(Some(pid.unwrap_or(0)))))
        })
        .build(),
        // Nobody holds such a lock; drivers' pools let go of them all when a connection comes back.
        nullary("pg_advisory_unlock_all", |_, _| text("")).build(),
        Simple::new("pg_is_in_recovery", none(), DataType::Boolean, |_, _| {
            Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(false))))
        })
        .build(),
    ]
}

fn version() -> String {
    format!(
        "PostgreSQL {POSTGRES_VERSION} (Lakeport {}) on {}-{}, compiled by rustc, 64-bit",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS,
    )
}

fn current_schemas(info: &StatementInfo, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let implicit = match args.args.first() {
        Some(ColumnarValue::Scalar(ScalarValue::Boolean(Some(implicit)))) => *implicit,
        _ => false,
    };
    let mut schemas: Vec<&str> = info.schemas.iter().map(String::as_str).collect();
    if implicit && !schemas.contains(&"pg_catalog") {
        schemas.insert(0, "pg_catalog");
    }
    let values: Vec<ScalarValue> = schemas.into_iter().map(ScalarValue::from).collect();
    let list = ScalarValue::new_list_nullable(&values, &DataType::Utf8);
    Ok(ColumnarValue::Scalar(ScalarValue::List(list)))
}

fn current_setting(info: &StatementInfo, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let Some(name) = constant_text(args, 0)? else {
        return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None)));
    };
    let missing_ok =
        matches!(args.args.get(1), Some(ColumnarValue::Scalar(ScalarValue::Boolean(Some(true)))));
    match info.settings.get(&name.to_lowercase()) {
        Some(value) => text(value),
        None if missing_ok => Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None))),
        None => Err(external(Error::new(
            ErrorKind::UndefinedObject,
            format!("unrecognized configuration parameter \"{name}\""),
        ))),
    }
}
