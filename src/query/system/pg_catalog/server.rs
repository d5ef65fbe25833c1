//! The database, its tablespaces, settings and time zones.

use std::collections::BTreeMap;

use chrono::{Offset, TimeZone};
use chrono_tz::OffsetComponents;
use futures::future::BoxFuture;

use crate::error::Result;
use crate::query::system::cells::{Cell, Cells, boolean, int, text};
use crate::query::system::names::{LAKEPORT_ROLE, oid};

use super::Asked;

const DEFAULT_TABLESPACE: i64 = 1663;
const GLOBAL_TABLESPACE: i64 = 1664;
const UTF8: i64 = 6;

pub(super) fn pg_database<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let name = &asked.context.database;
        Ok(vec![vec![
            ("oid", int(oid("database", name))),
            ("datname", text(name)),
            ("datdba", int(LAKEPORT_ROLE)),
            ("encoding", int(UTF8)),
            ("datlocprovider", text("c")),
            ("datallowconn", boolean(true)),
            ("datconnlimit", int(-1)),
            ("datfrozenxid", int(722)),
            ("datminmxid", int(1)),
            ("dattablespace", int(DEFAULT_TABLESPACE)),
            ("datcollate", text("C")),
            ("datctype", text("C.UTF-8")),
        ]])
    })
}

pub(super) fn pg_tablespace<'a>(_: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let row = |oid: i64, name: &str| {
            vec![("oid", int(oid)), ("spcname", text(name)), ("spcowner", int(LAKEPORT_ROLE))]
        };
        Ok(vec![row(DEFAULT_TABLESPACE, "pg_default"), row(GLOBAL_TABLESPACE, "pg_global")])
    })
}

pub(super) fn pg_stat_database<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let name = &asked.context.database;
        Ok(vec![vec![("datid", int(oid("database", name))), ("datname", text(name))]])
    })
}

pub(super) fn pg_settings<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let sorted: BTreeMap<&String, &String> = asked.context.settings.iter().collect();
        let row = |(name, value): (&String, &String)| {
            vec![
                ("name", text(name)),
                ("setting", text(value)),
                ("category", text("Settings")),
                ("context", text("user")),
                ("vartype", text("string")),
                ("source", text("default")),
                ("boot_val", text(value)),
                ("reset_val", text(value)),
                ("pending_restart", boolean(false)),
            ]
        };
        let missing = FIXED.iter().filter(|(name, _)| !asked.context.settings.contains_key(*name));
        let fixed: Vec<(String, String)> =
            missing.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Ok(sorted
            .into_iter()
            .chain(fixed.iter().map(|(name, value)| (name, value)))
            .map(row)
            .collect())
    })
}

/// What tools ask of a server of Postgres' build, and do not change.
const FIXED: &[(&str, &str)] = &[
    ("block_size", "8192"),
    ("max_function_args", "100"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("segment_size", "131072"),
];

pub(super) fn pg_timezone_names<'a>(asked: &'a Asked<'a>) -> BoxFuture<'a, Result<Vec<Cells>>> {
    Box::pin(async move {
        let now = asked.context.now.naive_utc();
        let row = |zone: &chrono_tz::Tz| {
            let offset = zone.offset_from_utc_datetime(&now);
            let seconds = i64::from(offset.fix().local_minus_utc());
            vec![
                ("name", text(zone.name())),
                ("abbrev", text(offset.to_string())),
                ("utc_offset", Cell::Interval(seconds)),
                ("is_dst", boolean(offset.dst_offset().num_seconds() != 0)),
            ]
        };
        Ok(chrono_tz::TZ_VARIANTS.iter().map(row).collect())
    })
}
