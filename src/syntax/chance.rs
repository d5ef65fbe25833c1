//! Functions that answer otherwise each time, and queries that call them.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Visit, Visitor};

/// How common table expressions are called that must not run twice; no one else writes such a name.
pub const RUNS_ONCE: &str = "__lakeport_once_";

const VOLATILE: [&str; 14] = [
    "random",
    "gen_random_uuid",
    "uuid_generate_v4",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "setseed",
    "pg_sleep",
    "set_config",
    "pg_notify",
    "pg_advisory_lock",
    "pg_try_advisory_lock",
    "pg_advisory_unlock",
    "pg_advisory_unlock_all",
];

/// Whether a function of this name, in lower case, may answer otherwise the next time.
pub(super) fn is_volatile(name: &str) -> bool {
    VOLATILE.contains(&name.strip_prefix("pg_catalog.").unwrap_or(name))
}

/// Whether `query` calls one.
pub(super) fn is_in(query: &Query) -> bool {
    query.visit(&mut Finder).is_break()
}

struct Finder;

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(call) if is_volatile(&call.name.to_string().to_ascii_lowercase()) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
