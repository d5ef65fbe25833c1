//! Every setting there is.

use super::setting_value::Kind;

/// The version of PostgreSQL whose behaviour is promised to clients.
pub const SERVER_VERSION: &str = "15.18";

/// One setting there is.
#[derive(Debug)]
pub(super) struct Setting {
    /// As Postgres spells it in SHOW.
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) kind: Kind,
    /// Clients are told when it changes.
    pub(super) reported: bool,
    /// One sentence, for SHOW ALL.
    pub(super) description: &'static str,
}

const fn setting(
    name: &'static str,
    default: &'static str,
    kind: Kind,
    description: &'static str,
) -> Setting {
    Setting { name, default, kind, reported: false, description }
}

const fn reported(
    name: &'static str,
    default: &'static str,
    kind: Kind,
    description: &'static str,
) -> Setting {
    Setting { name, default, kind, reported: true, description }
}

/// Every setting, sorted by name without regard to case.
#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    reported("application_name", "", Kind::Text, "Sets the application name to be reported in statistics and logs."),
    setting("array_nulls", "on", Kind::Bool, "Has no effect."),
    setting("backslash_quote", "safe_encoding", Kind::Text, "Has no effect."),
    setting("block_size", "8192", Kind::Fixed, "Shows the size of a disk block."),
    setting("bytea_output", "hex", Kind::OneOf(&["hex", "escape"]), "Sets the output format for bytea."),
    setting("check_function_bodies", "on", Kind::Bool, "Has no effect."),
    setting("client_connection_check_interval", "0", Kind::Milliseconds, "Has no effect: a client that goes away is noticed at once."),
    reported("client_encoding", "UTF8", Kind::Encoding, "Sets the client's character set encoding."),
    setting("client_min_messages", "notice", Kind::OneOf(&["debug5", "debug4", "debug3", "debug2", "debug1", "debug", "log", "notice", "info", "warning", "error"]), "Sets the message levels that are sent to the client."),
    setting("constraint_exclusion", "partition", Kind::Text, "Has no effect."),
    setting("cursor_tuple_fraction", "0.1", Kind::Text, "Has no effect."),
    reported("DateStyle", "ISO, MDY", Kind::DateStyle, "Sets the display format for date and time values."),
    setting("debug_print_plan", "off", Kind::Bool, "Has no effect."),
    setting("default_table_access_method", "heap", Kind::Fixed, "Shows the default table access method for new tables."),
    setting("default_tablespace", "", Kind::Text, "Has no effect."),
    setting("default_text_search_config", "pg_catalog.simple", Kind::Text, "Has no effect."),
    setting("default_toast_compression", "pglz", Kind::Text, "Has no effect."),
    setting("default_transaction_deferrable", "off", Kind::Bool, "Has no effect."),
    setting("default_transaction_isolation", "read committed", Kind::Isolation, "Sets the transaction isolation level of each new transaction."),
    reported("default_transaction_read_only", "off", Kind::Bool, "Sets the default read-only status of new transactions."),
    setting("dynamic_library_path", "$libdir", Kind::Text, "Has no effect."),
    setting("effective_cache_size", "524288", Kind::Text, "Has no effect."),
    setting("enable_bitmapscan", "on", Kind::Bool, "Has no effect."),
    setting("enable_hashagg", "on", Kind::Bool, "Has no effect."),
    setting("enable_hashjoin", "on", Kind::Bool, "Has no effect."),
    setting("enable_indexonlyscan", "on", Kind::Bool, "Has no effect."),
    setting("enable_indexscan", "on", Kind::Bool, "Has no effect."),
    setting("enable_material", "on", Kind::Bool, "Has no effect."),
    setting("enable_mergejoin", "on", Kind::Bool, "Has no effect."),
    setting("enable_nestloop", "on", Kind::Bool, "Has no effect."),
    setting("enable_seqscan", "on", Kind::Bool, "Has no effect."),
    setting("enable_sort", "on", Kind::Bool, "Has no effect."),
    setting("escape_string_warning", "on", Kind::Bool, "Has no effect."),
    setting("extra_float_digits", "1", Kind::Integer(-15, 3), "Floats are always printed exactly, whatever this is set to."),
    setting("from_collapse_limit", "8", Kind::Text, "Has no effect."),
    setting("geqo", "on", Kind::Bool, "Has no effect."),
    setting("gin_fuzzy_search_limit", "0", Kind::Text, "Has no effect."),
    setting("idle_in_transaction_session_timeout", "0", Kind::Milliseconds, "Sets the maximum allowed idle time in a transaction."),
    setting("idle_session_timeout", "0", Kind::Milliseconds, "Sets the maximum allowed idle time between queries, when not in a transaction."),
    reported("in_hot_standby", "off", Kind::Fixed, "Shows whether hot standby is currently active."),
    reported("integer_datetimes", "on", Kind::Fixed, "Shows whether datetimes are integer based."),
    reported("IntervalStyle", "postgres", Kind::OneOf(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]), "Sets the display format for interval values."),
    reported("is_superuser", "off", Kind::Fixed, "Shows whether the current user is a superuser."),
    setting("jit", "off", Kind::Bool, "Has no effect."),
    setting("join_collapse_limit", "8", Kind::Text, "Has no effect."),
    setting("lakeport.as_of", "", Kind::Text, "Reads the whole lake as it was at an epoch's number or a time."),
    setting("lakeport.flight_compression", "none", Kind::OneOf(&["none", "lz4", "zstd"]), "Sets how batches are compressed for Flight SQL clients."),
    setting("lakeport.flight_endpoints", "0", Kind::Integer(0, 64), "Sets in how many streams at most a table is offered over Flight SQL; 0 leaves it to the server."),
    setting("lakeport.flight_types", "plain", Kind::OneOf(&["plain", "native"]), "Sets whether Flight SQL clients get dictionaries and views unpacked."),
    setting("lakeport.show_matviews_as", "tables", Kind::OneOf(&["tables", "matviews"]), "Sets what materialized views are in the catalogs: tables, where every tool looks, or materialized views."),
    setting("lc_collate", "C", Kind::Fixed, "Shows the collation order locale."),
    setting("lc_ctype", "C.UTF-8", Kind::Fixed, "Shows the character classification and case conversion locale."),
    setting("lc_messages", "C", Kind::Text, "Has no effect."),
    setting("lc_monetary", "C", Kind::Text, "Has no effect."),
    setting("lc_numeric", "C", Kind::Text, "Has no effect."),
    setting("lc_time", "C", Kind::Text, "Has no effect."),
    setting("lo_compat_privileges", "off", Kind::Bool, "Has no effect."),
    setting("lock_timeout", "0", Kind::Milliseconds, "Has no effect: statements never wait for locks."),
    setting("log_min_duration_statement", "-1", Kind::Text, "Has no effect."),
    setting("log_statement", "none", Kind::Text, "Has no effect."),
    setting("maintenance_work_mem", "65536", Kind::Text, "Has no effect."),
    setting("max_connections", "256", Kind::Fixed, "Shows how many connections there may be."),
    setting("max_function_args", "100", Kind::Fixed, "Shows the maximum number of function arguments."),
    setting("max_identifier_length", "63", Kind::Fixed, "Shows the maximum identifier length."),
    setting("max_index_keys", "32", Kind::Fixed, "Shows the maximum number of index keys."),
    setting("max_parallel_workers_per_gather", "2", Kind::Text, "Has no effect."),
    setting("max_prepared_transactions", "0", Kind::Fixed, "Shows that there are no prepared transactions."),
    setting("parallel_setup_cost", "1000", Kind::Text, "Has no effect."),
    setting("parallel_tuple_cost", "0.1", Kind::Text, "Has no effect."),
    setting("password_encryption", "scram-sha-256", Kind::Text, "Has no effect."),
    setting("plan_cache_mode", "auto", Kind::Text, "Has no effect."),
    setting("quote_all_identifiers", "off", Kind::Bool, "Has no effect."),
    setting("random_page_cost", "4", Kind::Text, "Has no effect."),
    setting("role", "none", Kind::Role, "Sets the current role."),
    setting("row_security", "on", Kind::Bool, "Has no effect."),
    setting("search_path", "\"$user\", public", Kind::SearchPath, "Sets the schema search order for names that are not schema-qualified."),
    setting("segment_size", "131072", Kind::Fixed, "Shows the number of pages per disk file."),
    setting("seq_page_cost", "1", Kind::Text, "Has no effect."),
    reported("server_encoding", "UTF8", Kind::Fixed, "Shows the server's character set encoding."),
    reported("server_version", SERVER_VERSION, Kind::Fixed, "Shows the server version."),
    setting("server_version_num", "150018", Kind::Fixed, "Shows the server version as an integer."),
    reported("session_authorization", "", Kind::Role, "Sets the session user name."),
    setting("session_replication_role", "origin", Kind::Text, "Has no effect."),
    setting("shared_buffers", "16384", Kind::Fixed, "Has no meaning here."),
    setting("ssl", "off", Kind::Fixed, "Shows whether SSL connections are enabled."),
    reported("standard_conforming_strings", "on", Kind::Bool, "Causes '...' strings to treat backslashes literally."),
    setting("statement_timeout", "0", Kind::Milliseconds, "Sets the maximum allowed duration of any statement."),
    setting("synchronize_seqscans", "on", Kind::Bool, "Has no effect."),
    setting("synchronous_commit", "on", Kind::Text, "Has no effect: a commit is always durable."),
    setting("temp_buffers", "1024", Kind::Text, "Has no effect."),
    setting("temp_tablespaces", "", Kind::Text, "Has no effect."),
    reported("TimeZone", "UTC", Kind::TimeZone, "Sets the time zone for displaying and interpreting time stamps."),
    setting("transaction_deferrable", "off", Kind::Bool, "Has no effect."),
    setting("transaction_isolation", "read committed", Kind::Isolation, "Shows the current transaction's isolation level."),
    setting("transaction_read_only", "off", Kind::Bool, "Shows the current transaction's read-only status."),
    setting("transform_null_equals", "off", Kind::Bool, "Has no effect."),
    setting("vacuum_cost_delay", "0", Kind::Text, "Has no effect."),
    setting("wal_level", "replica", Kind::Fixed, "Has no meaning here."),
    setting("work_mem", "4MB", Kind::Text, "Has no effect: see [limits] in lakeport.toml."),
    setting("xmlbinary", "base64", Kind::Text, "Has no effect."),
    setting("xmloption", "content", Kind::Text, "Has no effect."),
];
