//! What went wrong, in Postgres' own words.
//!
//! One struct, [`Error`], whose [`ErrorKind`] is a Postgres condition name. `message`, `detail` and
//! `hint` may be shown to a client; `source` is for the log only. Knows no other module and no
//! foreign crate: whoever owns a foreign crate converts its errors.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! error_kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $condition:literal;)*) => {
        /// A condition of PostgreSQL's appendix A, by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorKind { $($(#[$doc])* $name,)* }

        impl ErrorKind {
            /// Every kind, for tests that must not miss one.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$name,)*];

            /// The five-character SQLSTATE.
            pub fn sqlstate(self) -> &'static str {
                match self { $(ErrorKind::$name => $code,)* }
            }

            /// The condition name, as PostgreSQL's manual spells it.
            pub fn condition(self) -> &'static str {
                match self { $(ErrorKind::$name => $condition,)* }
            }
        }
    };
}

error_kinds! {
    /// A client broke the wire protocol.
    ProtocolViolation = "08P01", "protocol_violation";
    /// The feature exists in the dialect but not here.
    FeatureNotSupported = "0A000", "feature_not_supported";
    /// A scalar subquery returned more than one row.
    CardinalityViolation = "21000", "cardinality_violation";
    /// A value is too long for its type.
    StringDataRightTruncation = "22001", "string_data_right_truncation";
    /// A number does not fit its type.
    NumericValueOutOfRange = "22003", "numeric_value_out_of_range";
    /// A date or time is not valid.
    InvalidDatetimeFormat = "22007", "invalid_datetime_format";
    /// A date or time is out of range.
    DatetimeFieldOverflow = "22008", "datetime_field_overflow";
    /// A place that an array of json cannot have.
    InvalidSqlJsonSubscript = "22033", "invalid_sql_json_subscript";
    /// An item of json that is no number where one is needed.
    NonNumericSqlJsonItem = "22036", "non_numeric_sql_json_item";
    /// Several items of json, or none, where one is needed.
    SingletonSqlJsonItemRequired = "22038", "singleton_sql_json_item_required";
    /// An item of json that is no array where one is needed.
    SqlJsonArrayNotFound = "22039", "sql_json_array_not_found";
    /// An object of json has no such member.
    SqlJsonMemberNotFound = "2203A", "sql_json_member_not_found";
    /// An item of json that is no number.
    SqlJsonNumberNotFound = "2203B", "sql_json_number_not_found";
    /// An item of json that is no object where one is needed.
    SqlJsonObjectNotFound = "2203C", "sql_json_object_not_found";
    /// Division by zero.
    DivisionByZero = "22012", "division_by_zero";
    /// A text holds bytes the encoding forbids.
    CharacterNotInRepertoire = "22021", "character_not_in_repertoire";
    /// LIMIT is negative.
    InvalidRowCountInLimitClause = "2201W", "invalid_row_count_in_limit_clause";
    /// OFFSET is negative.
    InvalidRowCountInResultOffsetClause = "2201X", "invalid_row_count_in_result_offset_clause";
    /// A logarithm of what has none.
    InvalidArgumentForLogarithm = "2201E", "invalid_argument_for_logarithm";
    /// A root or power that is no number.
    InvalidArgumentForPowerFunction = "2201F", "invalid_argument_for_power_function";
    /// Buckets that make no sense.
    InvalidArgumentForWidthBucket = "2201G", "invalid_argument_for_width_bucket_function";
    /// NULL where a value must be.
    NullValueNotAllowed = "22004", "null_value_not_allowed";
    /// A regular expression that is none.
    InvalidRegularExpression = "2201B", "invalid_regular_expression";
    /// A pattern that ends with the character that takes the next one's meaning away.
    InvalidEscapeSequence = "22025", "invalid_escape_sequence";
    /// A parameter has a value that makes no sense.
    InvalidParameterValue = "22023", "invalid_parameter_value";
    /// A value is wrong in a way that has no condition of its own.
    DataException = "22000", "data_exception";
    /// A character that the client's encoding does not have.
    UntranslatableCharacter = "22P05", "untranslatable_character";
    /// A place of an array that it does not have.
    ArraySubscriptError = "2202E", "array_subscript_error";
    /// Text does not parse as the type asked for.
    InvalidTextRepresentation = "22P02", "invalid_text_representation";
    /// Binary input does not parse as the type asked for.
    InvalidBinaryRepresentation = "22P03", "invalid_binary_representation";
    /// Rows given to COPY are not in the format they should be in.
    BadCopyFileFormat = "22P04", "bad_copy_file_format";
    /// A NOT NULL column was given NULL.
    NotNullViolation = "23502", "not_null_violation";
    /// A declared key holds twice.
    UniqueViolation = "23505", "unique_violation";
    /// A constraint, or an expectation ON VIOLATION FAIL UPDATE, does not hold.
    CheckViolation = "23514", "check_violation";
    /// A transaction command stands where it may not.
    ActiveSqlTransaction = "25001", "active_sql_transaction";
    /// A write in a read-only transaction.
    ReadOnlySqlTransaction = "25006", "read_only_sql_transaction";
    /// COMMIT or ROLLBACK outside a transaction.
    NoActiveSqlTransaction = "25P01", "no_active_sql_transaction";
    /// A transaction was idle for too long.
    IdleInTransactionSessionTimeout = "25P03", "idle_in_transaction_session_timeout";
    /// A statement after an error in the same transaction.
    InFailedSqlTransaction = "25P02", "in_failed_sql_transaction";
    /// A prepared statement is not known.
    InvalidSqlStatementName = "26000", "invalid_sql_statement_name";
    /// The role may not log in.
    InvalidAuthorizationSpecification = "28000", "invalid_authorization_specification";
    /// The password does not match.
    InvalidPassword = "28P01", "invalid_password";
    /// A grant still depends on the object.
    DependentObjectsStillExist = "2BP01", "dependent_objects_still_exist";
    /// A portal is not known.
    InvalidCursorName = "34000", "invalid_cursor_name";
    /// The database is not known.
    InvalidCatalogName = "3D000", "invalid_catalog_name";
    /// A savepoint is not known.
    InvalidSavepointSpecification = "3B001", "invalid_savepoint_specification";
    /// The schema is not known.
    InvalidSchemaName = "3F000", "invalid_schema_name";
    /// Another commit came first; trying again may succeed.
    SerializationFailure = "40001", "serialization_failure";
    /// Whether a commit is there nobody could say.
    StatementCompletionUnknown = "40003", "statement_completion_unknown";
    /// The text is not SQL.
    SyntaxError = "42601", "syntax_error";
    /// The role may not do this.
    InsufficientPrivilege = "42501", "insufficient_privilege";
    /// A name is not allowed.
    InvalidName = "42602", "invalid_name";
    /// A column name means several columns.
    AmbiguousColumn = "42702", "ambiguous_column";
    /// A column is not known.
    UndefinedColumn = "42703", "undefined_column";
    /// A role or other object is not known.
    UndefinedObject = "42704", "undefined_object";
    /// A column appears twice.
    DuplicateColumn = "42701", "duplicate_column";
    /// A function of this name exists.
    DuplicateFunction = "42723", "duplicate_function";
    /// An object of this name exists.
    DuplicateObject = "42710", "duplicate_object";
    /// An alias appears twice.
    DuplicateAlias = "42712", "duplicate_alias";
    /// A table that cannot be, as one with two primary keys.
    InvalidTableDefinition = "42P16", "invalid_table_definition";
    /// A column stands outside GROUP BY.
    GroupingError = "42803", "grouping_error";
    /// Types do not match.
    DatatypeMismatch = "42804", "datatype_mismatch";
    /// The relation is of a kind this statement cannot act on.
    WrongObjectType = "42809", "wrong_object_type";
    /// No cast leads from one type to the other.
    CannotCoerce = "42846", "cannot_coerce";
    /// A column is named by a place where none is.
    InvalidColumnReference = "42P10", "invalid_column_reference";
    /// A function or operator could be one of several.
    AmbiguousFunction = "42725", "ambiguous_function";
    /// A function is not known.
    UndefinedFunction = "42883", "undefined_function";
    /// A relation is not known, or not visible to the role.
    UndefinedTable = "42P01", "undefined_table";
    /// A parameter is not known.
    UndefinedParameter = "42P02", "undefined_parameter";
    /// A cursor of this name exists.
    DuplicateCursor = "42P03", "duplicate_cursor";
    /// A prepared statement of this name exists.
    DuplicatePreparedStatement = "42P05", "duplicate_prepared_statement";
    /// A schema of this name exists.
    DuplicateSchema = "42P06", "duplicate_schema";
    /// A relation of this name exists.
    DuplicateTable = "42P07", "duplicate_table";
    /// A cursor is declared as none can be.
    InvalidCursorDefinition = "42P11", "invalid_cursor_definition";
    /// A window says what the one it is built on has said.
    WindowingError = "42P20", "windowing_error";
    /// The type of a parameter cannot be told.
    IndeterminateDatatype = "42P18", "indeterminate_datatype";
    /// The definition of an object contradicts itself (a cycle, for example).
    InvalidObjectDefinition = "42P17", "invalid_object_definition";
    /// The disk holds no more.
    DiskFull = "53100", "disk_full";
    /// Sessions wait for each other.
    DeadlockDetected = "40P01", "deadlock_detected";
    /// A query or the server has reached its memory limit.
    OutOfMemory = "53200", "out_of_memory";
    /// As many connections as allowed are open.
    TooManyConnections = "53300", "too_many_connections";
    /// A configured limit is reached.
    ConfigurationLimitExceeded = "53400", "configuration_limit_exceeded";
    /// A statement is too long or too deeply nested.
    StatementTooComplex = "54001", "statement_too_complex";
    /// What is asked for is larger than anything here may be.
    ProgramLimitExceeded = "54000", "program_limit_exceeded";
    /// The object is not in a state for this.
    ObjectNotInPrerequisiteState = "55000", "object_not_in_prerequisite_state";
    /// The object is in use, or defined elsewhere (in a file).
    ObjectInUse = "55006", "object_in_use";
    /// A setting cannot be changed now.
    CantChangeRuntimeParam = "55P02", "cant_change_runtime_param";
    /// The statement was cancelled, by the user or by a time limit.
    QueryCanceled = "57014", "query_canceled";
    /// The server is shutting down.
    AdminShutdown = "57P01", "admin_shutdown";
    /// A session was idle for too long.
    IdleSessionTimeout = "57P05", "idle_session_timeout";
    /// The server is starting up, or not ready.
    CannotConnectNow = "57P03", "cannot_connect_now";
    /// The operating system or the object store failed.
    IoError = "58030", "io_error";
    /// A file that should exist does not.
    UndefinedFile = "58P01", "undefined_file";
    /// A version or epoch asked for is no longer kept.
    SnapshotTooOld = "72000", "snapshot_too_old";
    /// RAISE.
    RaiseException = "P0001", "raise_exception";
    /// The configuration is wrong.
    ConfigFileError = "F0000", "config_file_error";
    /// A defect of ours. The client sees a fixed sentence, the log the cause.
    InternalError = "XX000", "internal_error";
    /// Stored data does not read as what it should be.
    DataCorrupted = "XX001", "data_corrupted";
}

impl ErrorKind {
    /// Whether trying the same thing again may succeed without anyone changing anything.
    ///
    /// Conflicts and I/O only: a data error stays a data error however often it is tried. Runs, which find in
    /// the lake what they have done, may try again where nobody could say; people's statements may not.
    pub fn retryable(self) -> bool {
        matches!(
            self,
            ErrorKind::SerializationFailure
                | ErrorKind::StatementCompletionUnknown
                | ErrorKind::IoError
        )
    }
}

/// A failure with everything a person needs to act on it.
///
/// The contents are boxed so that `Result<T>` stays one word wide on the way up.
#[derive(Debug, Clone)]
pub struct Error(Box<Fields>);

#[derive(Debug, Clone)]
struct Fields {
    kind: ErrorKind,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    position: Option<usize>,
    code: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// `message` is lower-case and without a full stop, as PostgreSQL's style asks.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            kind,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            code: None,
            source: None,
        }))
    }

    /// A defect of ours: `context` names what was impossible. Clients see a fixed sentence.
    pub fn internal(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::InternalError, context)
    }

    /// Something of the dialect that this server does not do.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::FeatureNotSupported, format!("{what} is not supported"))
    }

    /// Adds the detail, a sentence or more.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds the hint: a sentence saying what the reader can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds where in the statement: characters from 1.
    #[must_use]
    pub fn at(mut self, position: usize) -> Self {
        self.0.position = Some(position);
        self
    }

    /// Takes away where: of a text that its reader has not written.
    #[must_use]
    pub fn nowhere(mut self) -> Self {
        self.0.position = None;
        self
    }

    /// Puts a SQLSTATE that somebody chose in place of its kind's.
    #[must_use]
    pub fn coded(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds the cause. It reaches the log, never a client.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Says in which larger step this happened: `context: message`.
    #[must_use]
    pub fn within(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// The condition.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The five-character SQLSTATE.
    pub fn sqlstate(&self) -> &str {
        self.0.code.as_deref().unwrap_or_else(|| self.0.kind.sqlstate())
    }

    /// The primary message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The detail, if any.
    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The hint, if any.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Characters from 1 into the statement, if known.
    pub fn position(&self) -> Option<usize> {
        self.0.position
    }

    /// The message a client may see: internal errors show a fixed sentence.
    pub fn public_message(&self) -> &str {
        match self.0.kind {
            ErrorKind::InternalError => "internal error; the server's log has the cause",
            _ => &self.0.message,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(detail) = &self.0.detail {
            write!(f, "\nDETAIL: {detail}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\nHINT: {hint}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
