//! What the server says of itself: GetSqlInfo and GetXdbcTypeInfo.

use std::collections::BTreeMap;

use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    Nullable, Searchable, SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity,
    SqlSupportedResultSetConcurrency, SqlSupportedResultSetType, SqlSupportedTransaction,
    SqlSupportsConvert, SqlTransactionIsolationLevel, SupportedSqlGrammar, XdbcDataType,
    XdbcDatetimeSubcode,
};

use crate::config::Config;

/// Every key this server answers.
pub(super) fn sql_info(config: &Config) -> Result<SqlInfoData, FlightError> {
    let mut info = SqlInfoDataBuilder::new();
    let timeout_ms = i32::try_from(config.limits.statement_timeout_ms).unwrap_or(i32::MAX);
    info.append(SqlInfo::FlightSqlServerName, "Lakeport");
    info.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    info.append(SqlInfo::FlightSqlServerArrowVersion, "1.5");
    info.append(SqlInfo::FlightSqlServerReadOnly, false);
    info.append(SqlInfo::FlightSqlServerSql, true);
    info.append(SqlInfo::FlightSqlServerSubstrait, false);
    info.append(SqlInfo::FlightSqlServerSubstraitMinVersion, "");
    info.append(SqlInfo::FlightSqlServerSubstraitMaxVersion, "");
    // They read only: writes go outside of them.
    info.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::Transaction as i32);
    info.append(SqlInfo::FlightSqlServerCancel, true);
    info.append(SqlInfo::FlightSqlServerBulkIngestion, true);
    info.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    info.append(SqlInfo::FlightSqlServerStatementTimeout, timeout_ms);
    info.append(SqlInfo::FlightSqlServerTransactionTimeout, 0);
    append_grammar(&mut info);
    append_names(&mut info);
    for limit in [
        SqlInfo::SqlMaxBinaryLiteralLength,
        SqlInfo::SqlMaxCharLiteralLength,
        SqlInfo::SqlMaxColumnNameLength,
        SqlInfo::SqlMaxColumnsInGroupBy,
        SqlInfo::SqlMaxColumnsInIndex,
        SqlInfo::SqlMaxColumnsInOrderBy,
        SqlInfo::SqlMaxColumnsInSelect,
        SqlInfo::SqlMaxColumnsInTable,
        SqlInfo::SqlMaxCursorNameLength,
        SqlInfo::SqlMaxIndexLength,
        SqlInfo::SqlDbSchemaNameLength,
        SqlInfo::SqlMaxProcedureNameLength,
        SqlInfo::SqlMaxCatalogNameLength,
        SqlInfo::SqlMaxRowSize,
        SqlInfo::SqlMaxStatements,
        SqlInfo::SqlMaxTableNameLength,
        SqlInfo::SqlMaxTablesInSelect,
        SqlInfo::SqlMaxUsernameLength,
    ] {
        // No limit, or none that is known.
        info.append(limit, 0_i64);
    }
    info.append(SqlInfo::SqlMaxRowSizeIncludesBlobs, true);
    info.append(SqlInfo::SqlMaxConnections, config.limits.connections_max as i64);
    info.append(SqlInfo::SqlMaxStatementLength, config.limits.message_bytes_max as i64);
    info.build()
}

fn append_grammar(info: &mut SqlInfoDataBuilder) {
    info.append(SqlInfo::SqlDdlCatalog, false);
    info.append(SqlInfo::SqlDdlSchema, false);
    info.append(SqlInfo::SqlDdlTable, true);
    info.append(SqlInfo::SqlAllTablesAreSelectable, true);
    info.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    info.append(SqlInfo::SqlSupportsColumnAliasing, true);
    info.append(SqlInfo::SqlNullPlusNullIsNull, true);
    info.append(SqlInfo::SqlSupportsConvert, conversions());
    info.append(SqlInfo::SqlSupportsTableCorrelationNames, true);
    info.append(SqlInfo::SqlSupportsDifferentTableCorrelationNames, false);
    info.append(SqlInfo::SqlSupportsExpressionsInOrderBy, true);
    info.append(SqlInfo::SqlSupportsOrderByUnrelated, true);
    // Bits: 1 unrelated columns, 2 columns beyond the select list.
    info.append(SqlInfo::SqlSupportedGroupBy, 3);
    info.append(SqlInfo::SqlSupportsLikeEscapeClause, true);
    info.append(SqlInfo::SqlSupportsNonNullableColumns, true);
    let grammar = 1 << SupportedSqlGrammar::SqlMinimumGrammar as i32
        | 1 << SupportedSqlGrammar::SqlCoreGrammar as i32
        | 1 << SupportedSqlGrammar::SqlExtendedGrammar as i32;
    info.append(SqlInfo::SqlSupportedGrammar, grammar);
    // Bits: entry, intermediate and full level.
    info.append(SqlInfo::SqlAnsi92SupportedLevel, 1);
    info.append(SqlInfo::SqlSupportsIntegrityEnhancementFacility, false);
    // Bits: 0 none, 1 limited, 2 full.
    info.append(SqlInfo::SqlOuterJoinsSupportLevel, 0b100);
    info.append(SqlInfo::SqlSelectForUpdateSupported, false);
    info.append(SqlInfo::SqlStoredProceduresSupported, false);
    // Bits: comparison, exists, in, quantified.
    info.append(SqlInfo::SqlSupportedSubqueries, 0b0111);
    info.append(SqlInfo::SqlCorrelatedSubqueriesSupported, true);
    // Bits: union, union all.
    info.append(SqlInfo::SqlSupportedUnions, 0b11);
    info.append(SqlInfo::SqlTransactionsSupported, true);
    let level = SqlTransactionIsolationLevel::SqlTransactionRepeatableRead as i32;
    info.append(SqlInfo::SqlDefaultTransactionIsolation, level);
    let committed = SqlTransactionIsolationLevel::SqlTransactionReadCommitted as i32;
    let levels = 1 << level | 1 << committed;
    info.append(SqlInfo::SqlSupportedTransactionsIsolationLevels, levels);
    info.append(SqlInfo::SqlDataDefinitionCausesTransactionCommit, false);
    info.append(SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false);
    // Bits: forward only; then, for each type of result, read only.
    let forward = 1 << SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32;
    let read_only = 1 << SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32;
    info.append(SqlInfo::SqlSupportedResultSetTypes, forward);
    info.append(SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, read_only);
    info.append(SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly, read_only);
    info.append(SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0);
    info.append(SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0);
    info.append(SqlInfo::SqlBatchUpdatesSupported, true);
    info.append(SqlInfo::SqlSavepointsSupported, false);
    info.append(SqlInfo::SqlNamedParametersSupported, false);
    info.append(SqlInfo::SqlLocatorsUpdateCopy, false);
    info.append(SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, false);
}

fn append_names(info: &mut SqlInfoDataBuilder) {
    let lowercase = SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32;
    let exact = SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32;
    info.append(SqlInfo::SqlIdentifierCase, lowercase);
    info.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    info.append(SqlInfo::SqlQuotedIdentifierCase, exact);
    info.append(SqlInfo::SqlKeywords, KEYWORDS);
    info.append(SqlInfo::SqlNumericFunctions, NUMERIC_FUNCTIONS);
    info.append(SqlInfo::SqlStringFunctions, STRING_FUNCTIONS);
    info.append(SqlInfo::SqlSystemFunctions, SYSTEM_FUNCTIONS);
    info.append(SqlInfo::SqlDatetimeFunctions, DATETIME_FUNCTIONS);
    info.append(SqlInfo::SqlSearchStringEscape, "\\");
    info.append(SqlInfo::SqlExtraNameCharacters, "");
    info.append(SqlInfo::SqlSchemaTerm, "schema");
    info.append(SqlInfo::SqlCatalogTerm, "database");
    info.append(SqlInfo::SqlProcedureTerm, "function");
    info.append(SqlInfo::SqlCatalogAtStart, true);
    // Bits: in procedure calls, index definitions, privilege definitions: nowhere needed.
    info.append(SqlInfo::SqlSchemasSupportedActions, 0);
    info.append(SqlInfo::SqlCatalogsSupportedActions, 0);
    info.append(SqlInfo::SqlSupportedPositionedCommands, 0);
}

/// What CAST makes of what: text and numbers of anything printed, times of times.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    use SqlSupportsConvert as C;
    let numbers = [
        C::SqlConvertSmallint,
        C::SqlConvertInteger,
        C::SqlConvertBigint,
        C::SqlConvertReal,
        C::SqlConvertFloat,
        C::SqlConvertDecimal,
        C::SqlConvertNumeric,
    ];
    let texts = [C::SqlConvertChar, C::SqlConvertVarchar, C::SqlConvertLongvarchar];
    let times = [C::SqlConvertDate, C::SqlConvertTime, C::SqlConvertTimestamp];
    let codes = |lists: &[&[C]]| -> Vec<i32> {
        lists.iter().flat_map(|list| list.iter()).map(|code| *code as i32).collect()
    };
    let mut conversions = BTreeMap::new();
    for from in numbers {
        conversions.insert(from as i32, codes(&[&numbers, &texts]));
    }
    for from in texts {
        conversions.insert(from as i32, codes(&[&numbers, &texts, &times, &[C::SqlConvertBit]]));
    }
    conversions.insert(C::SqlConvertBit as i32, codes(&[&texts, &[C::SqlConvertInteger]]));
    conversions.insert(
        C::SqlConvertDate as i32,
        codes(&[&texts, &[C::SqlConvertDate, C::SqlConvertTimestamp]]),
    );
    conversions.insert(C::SqlConvertTimestamp as i32, codes(&[&texts, &times]));
    conversions.insert(C::SqlConvertTime as i32, codes(&[&texts, &[C::SqlConvertTime]]));
    conversions
}

const KEYWORDS: &[&str] = &[
    "COMMENT",
    "CONSTRAINT",
    "EXPECT",
    "EXTERNAL",
    "MATERIALIZED",
    "PARTITIONED",
    "POLICY",
    "QUARANTINE",
    "REFRESH",
    "SCHEDULE",
    "STREAM",
    "STREAMING",
    "VERSION",
    "VIOLATION",
];
const NUMERIC_FUNCTIONS: &[&str] = &[
    "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cot", "degrees", "exp", "floor", "ln",
    "log", "log10", "mod", "pi", "power", "radians", "random", "round", "sign", "sin", "sqrt",
    "tan", "trunc",
];
const STRING_FUNCTIONS: &[&str] = &[
    "ascii",
    "btrim",
    "chr",
    "concat",
    "concat_ws",
    "initcap",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "octet_length",
    "overlay",
    "position",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rpad",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "to_hex",
    "translate",
    "upper",
];
const SYSTEM_FUNCTIONS: &[&str] = &[
    "coalesce",
    "current_database",
    "current_schema",
    "current_setting",
    "current_user",
    "nullif",
    "version",
];
const DATETIME_FUNCTIONS: &[&str] = &[
    "current_date",
    "current_time",
    "current_timestamp",
    "date_part",
    "date_trunc",
    "extract",
    "now",
];

/// The types that columns can have, in the order the specification asks for.
pub(super) fn xdbc_types() -> Result<XdbcTypeInfoData, FlightError> {
    use XdbcDataType as T;
    let mut types = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, size) in [
        ("boolean", T::XdbcBit, 1),
        ("smallint", T::XdbcSmallint, 16),
        ("integer", T::XdbcInteger, 32),
        ("bigint", T::XdbcBigint, 64),
        ("real", T::XdbcReal, 24),
        ("double precision", T::XdbcDouble, 53),
    ] {
        types.append(XdbcTypeInfo {
            num_prec_radix: Some(2),
            unsigned_attribute: Some(false),
            ..base(name, data_type, size)
        });
    }
    types.append(XdbcTypeInfo {
        create_params: Some(vec!["precision".to_owned(), "scale".to_owned()]),
        minimum_scale: Some(0),
        maximum_scale: Some(38),
        num_prec_radix: Some(10),
        unsigned_attribute: Some(false),
        ..base("numeric", T::XdbcNumeric, 38)
    });
    for (name, data_type, size) in [
        ("text", T::XdbcVarchar, i32::MAX),
        ("json", T::XdbcVarchar, i32::MAX),
        ("uuid", T::XdbcVarchar, 36),
        ("bytea", T::XdbcVarbinary, i32::MAX),
    ] {
        types.append(quoted(base(name, data_type, size)));
    }
    for (name, data_type, size, subcode) in [
        ("date", T::XdbcDate, 10, XdbcDatetimeSubcode::XdbcSubcodeYear),
        ("time without time zone", T::XdbcTime, 15, XdbcDatetimeSubcode::XdbcSubcodeTime),
        (
            "timestamp without time zone",
            T::XdbcTimestamp,
            26,
            XdbcDatetimeSubcode::XdbcSubcodeTimestamp,
        ),
        (
            "timestamp with time zone",
            T::XdbcTimestamp,
            32,
            XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone,
        ),
    ] {
        types.append(quoted(XdbcTypeInfo {
            sql_data_type: T::XdbcDatetime,
            datetime_subcode: Some(subcode),
            maximum_scale: Some(6),
            ..base(name, data_type, size)
        }));
    }
    types.append(quoted(base("interval", T::XdbcInterval, 49)));
    types.build()
}

fn base(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        local_type_name: Some(name.to_owned()),
        data_type,
        sql_data_type: data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        auto_increment: Some(false),
        ..XdbcTypeInfo::default()
    }
}

fn quoted(info: XdbcTypeInfo) -> XdbcTypeInfo {
    XdbcTypeInfo {
        literal_prefix: Some("'".to_owned()),
        literal_suffix: Some("'".to_owned()),
        case_sensitive: true,
        ..info
    }
}
