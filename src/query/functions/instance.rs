//! What may be asked of the server as a whole: since when it runs, how far its lake has come, what its indexes can.
//!
//! Its one idea: the number of the epoch stands for PostgreSQL's number of the transaction: it counts what was published.

use datafusion::common::ScalarValue;

use crate::error::Result;
use crate::query::runtime::StatementInfo;

use super::row_wise::{Function, null, stable, text_at};

/// The functions of this file.
pub(super) const ALL: &[Function] = &[
    stable("pg_postmaster_start_time", &[""], "timestamptz", started_at),
    stable("pg_conf_load_time", &[""], "timestamptz", started_at),
    stable("txid_current", &[""], "int8", epoch),
    stable("pg_current_xact_id", &[""], "xid8", epoch),
    // Nothing says when a row of a catalog was written: each may be as new as the transaction that asks.
    stable("__age_of_transaction", &["any"], "int4", |_, _| Ok(ScalarValue::Int32(Some(0)))),
    stable("pg_stat_get_numscans", &["oid"], "int8", |_, _| Ok(ScalarValue::Int64(Some(0)))),
    stable("pg_indexam_has_property", &["oid text"], "bool", |_, values| {
        let property = text_at(values, 1).unwrap_or_default().to_ascii_lowercase();
        match property.as_str() {
            "can_order" | "can_unique" | "can_multi_col" | "can_exclude" | "can_include" => {
                Ok(ScalarValue::Boolean(Some(true)))
            }
            _ => null(),
        }
    }),
    // No table is a part of another.
    stable("pg_partition_ancestors", &["oid", "text"], "regclass", |_, _| null()),
    stable("pg_partition_root", &["oid", "text"], "regclass", |_, _| null()),
];

fn started_at(info: &StatementInfo, _: &[ScalarValue]) -> Result<ScalarValue> {
    let micros = info.settings.get("lakeport.started_at").and_then(|micros| micros.parse().ok());
    Ok(ScalarValue::TimestampMicrosecond(micros, Some("UTC".into())))
}

fn epoch(info: &StatementInfo, _: &[ScalarValue]) -> Result<ScalarValue> {
    Ok(ScalarValue::Int64(i64::try_from(info.epoch()).ok()))
}
