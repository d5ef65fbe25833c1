//! Rows a client sends in batches, into one table by one commit.
//!
//! Its one idea: batches become data files as they come, and no file is part of anything until
//! [`Bulk::commit`]. A stream that breaks, a row that does not fit, a client that goes: dropping the
//! [`Bulk`] leaves no trace. Columns are matched by name, and an error says which column and row.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::catalog::Relation;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::{CommitMode, Table, TableSpec, TableWriter};
use crate::name::RelationName;
use crate::query::plain_type;
use crate::syntax::{ObjectName, Statement};

use super::assign::Assignment;
use super::connection::Session;
use super::counting::Counted;
use super::keys::Keys;
use super::new_table::{NewTable, storable};
use super::pending::Change;
use super::prepared::Prepared;

/// Where rows are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkTarget {
    /// The schema; none searches the path.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
    /// Whether a table that is missing is made; else it is an error.
    pub create: bool,
    /// What happens to a table that is there.
    pub if_exists: IfExists,
}

/// What happens to a table that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfExists {
    /// It is an error.
    Fail,
    /// It gets more rows.
    Append,
    /// It gets these rows and these columns in place of its own.
    Replace,
}

/// Rows on their way into a table.
pub struct Bulk {
    session: Session,
    writer: TableWriter,
    assignment: Assignment,
    keys: Keys,
    place: Place,
    /// For each column its place in a batch, where the batches hold a statement's parameters.
    parameters: Option<Vec<usize>>,
    /// The columns that come, in plain types.
    given: SchemaRef,
    rows: u64,
    counted: Counted,
}

enum Place {
    Existing(Arc<Relation>, Table),
    New { written: ObjectName, place: RelationName, spec: TableSpec, replaces: bool },
}

impl std::fmt::Debug for Bulk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bulk").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Session {
    /// Begins to take rows of `schema` for `target`. Outside of any transaction: they are committed by
    /// themselves.
    ///
    /// # Errors
    /// `UndefinedTable`, `DuplicateTable`, `UndefinedColumn`, `DuplicateColumn`, `DatatypeMismatch`,
    /// `NotNullViolation` for a column that is missing, `InsufficientPrivilege`, `WrongObjectType`.
    pub async fn bulk(&self, target: &BulkTarget, schema: &Schema) -> Result<Bulk> {
        let schema = plain(schema);
        let counted = Counted::start(&self.services);
        let session = self.fork();
        session.refuse_bulk()?;
        let written = ObjectName {
            database: None,
            schema: target.schema.clone(),
            name: target.table.clone(),
            position: None,
        };
        let state = session.catalog_state().await?;
        let search_path = session.search_path();
        let names = session.names(&state, &search_path);
        let place = match (names.find(&written), target.if_exists) {
            (Some(relation), IfExists::Append) => {
                names.must_insert(&relation)?;
                let table = session.stored(&relation).await?;
                Place::Existing(relation, table)
            }
            (Some(relation), IfExists::Fail) => {
                let name = &relation.name.relation;
                let message = format!("relation \"{name}\" already exists");
                return Err(Error::new(ErrorKind::DuplicateTable, message));
            }
            (Some(relation), IfExists::Replace) => {
                names.must_insert(&relation)?;
                names.must_own(&relation)?;
                let written = ObjectName { schema: Some(relation.name.schema.clone()), ..written };
                let place = relation.place().clone();
                let spec = TableSpec::of(storable(&schema)?);
                Place::New { written, place, spec, replaces: true }
            }
            (None, _) if target.create => {
                let place = session.new_place(&names.new_relation(&written)?).await?;
                let spec = TableSpec::of(storable(&schema)?);
                Place::New { written, place, spec, replaces: false }
            }
            (None, _) => {
                return Err(names.relation(&written).err().unwrap_or_else(|| {
                    Error::internal("a relation came to be while it was looked for")
                }));
            }
        };
        Bulk::begin(session, place, schema, counted).await
    }

    /// Begins to take the parameters of an INSERT whose VALUES are one row of them, so that many rows
    /// are one commit; `None` for any other statement.
    ///
    /// # Errors
    /// As executing it.
    pub async fn bulk_insert(&self, prepared: &Prepared) -> Result<Option<Bulk>> {
        let Some(Statement::Insert(insert)) = &prepared.statement else { return Ok(None) };
        let Some(parameters) = insert.query.parameter_row() else { return Ok(None) };
        let Some(planned) = prepared.planned().filter(|_| !self.is_in_block()) else {
            return Ok(None);
        };
        if let Some(statement) = &prepared.statement {
            self.refuse_write(statement)?;
        }
        let counted = Counted::start(&self.services);
        let session = self.fork();
        let relation = session.insert_target(&insert.name).await?;
        let table = session.stored(&relation).await?;
        let given = planned.plan.schema();
        let assignment = Assignment::new(
            &relation.name.relation,
            table.schema(),
            &insert.columns,
            &given,
            session.time_zone(),
        )?;
        let writer = session.services.lake.writer(table.location(), &table.spec())?;
        let keys = Keys::of(&relation, &table.schema())?;
        let place = Place::Existing(relation, table);
        let parameters = Some(parameters);
        let rows = 0;
        Ok(Some(Bulk {
            session,
            writer,
            assignment,
            keys,
            place,
            parameters,
            given,
            rows,
            counted,
        }))
    }

    /// A session that reads only, or the past, takes no rows.
    fn refuse_bulk(&self) -> Result<()> {
        let set = |name: &str| self.settings.value(name).unwrap_or_default();
        let why = match (set("default_transaction_read_only"), set("lakeport.as_of")) {
            ("on", _) => "while default_transaction_read_only is on",
            (_, "") => return Ok(()),
            _ => "while lakeport.as_of is set",
        };
        let message = format!("cannot take rows {why}");
        Err(Error::new(ErrorKind::ReadOnlySqlTransaction, message))
    }
}

impl Bulk {
    async fn begin(
        session: Session,
        place: Place,
        given: SchemaRef,
        counted: Counted,
    ) -> Result<Self> {
        let lake = &session.services.lake;
        let (table, target, location, spec) = match &place {
            Place::Existing(relation, table) => {
                let name = relation.name.relation.clone();
                (name, table.schema(), table.location().clone(), table.spec())
            }
            Place::New { written, place, spec, .. } => {
                (written.name.clone(), spec.schema.clone(), lake.location(place), spec.clone())
            }
        };
        let assignment = Assignment::by_name(&table, target, &given, session.time_zone())?;
        let writer = lake.writer(&location, &spec)?;
        let keys = match &place {
            Place::Existing(relation, table) => Keys::of(relation, &table.schema())?,
            Place::New { .. } => Keys::default(),
        };
        let (parameters, rows) = (None, 0);
        Ok(Self { session, writer, assignment, keys, place, parameters, given, rows, counted })
    }

    /// Takes a batch.
    ///
    /// # Errors
    /// `NotNullViolation` and class 22, saying which column and which row of the stream, from 1;
    /// errors of writing.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let batch = match &self.parameters {
            Some(order) => in_order(&batch, order)?,
            None => batch,
        };
        let batch = unpacked(&batch, &self.given, self.rows)?;
        let assigned = self.assignment.apply_from(&batch, self.rows)?;
        self.rows += batch.num_rows() as u64;
        self.keys.add(&assigned)?;
        self.writer.write(assigned).await
    }

    /// Makes all rows part of the table, or none. How many there were.
    ///
    /// # Errors
    /// `SerializationFailure` when somebody changed the table meanwhile; storage errors.
    pub async fn commit(self) -> Result<u64> {
        let Self { mut session, writer, place, counted, keys, .. } = self;
        let files = writer.finish().await?;
        let rows = files.rows();
        match place {
            Place::Existing(_, _) if rows == 0 => {}
            Place::Existing(relation, table) => {
                let (target, mode) = (Arc::clone(&relation), CommitMode::Append);
                let change = Change { relation, table, mode, files, keys };
                let table = session.write_rows(change, None).await?;
                session.publish_rows(&target, &table).await;
            }
            Place::New { written, place, spec, replaces } => {
                let state = session.catalog_state().await?;
                let search_path = session.search_path();
                let names = session.names(&state, &search_path);
                let name = names.new_relation(&written)?;
                let (keys, base, keeps_rows) = (Vec::new(), None, false);
                let written = &written;
                let new = NewTable { written, name, place, spec, keys, replaces, base, keeps_rows };
                session.publish_table(&new, files).await?;
            }
        }
        counted.succeeded();
        Ok(rows)
    }
}

/// The columns in types that every table can keep.
fn plain(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| {
        Field::new(field.name(), plain_type(field.data_type()), field.is_nullable())
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The batch with its columns in plain types.
///
/// # Errors
/// `NumericValueOutOfRange`, saying which column and row, when `before` rows came earlier.
fn unpacked(batch: &RecordBatch, given: &SchemaRef, before: u64) -> Result<RecordBatch> {
    if batch.num_columns() != given.fields().len() {
        let message = "a batch has other columns than the first one";
        return Err(Error::new(ErrorKind::DatatypeMismatch, message));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(given.fields()) {
        let cast = |column: &ArrayRef| cast_with_options(column, field.data_type(), &options);
        columns.push(cast(column).map_err(|error| {
            let first = (0..column.len()).find(|row| cast(&column.slice(*row, 1)).is_err());
            let row = before + first.unwrap_or_default() as u64 + 1;
            Error::new(ErrorKind::NumericValueOutOfRange, error.to_string())
                .detail(format!("Column \"{}\", row {row}.", field.name()))
        })?);
    }
    let fields = batch
        .schema()
        .fields()
        .iter()
        .zip(given.fields())
        .map(|(sent, field)| Field::new(sent.name(), field.data_type().clone(), true))
        .collect::<Vec<_>>();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Error::internal("rows in plain types").caused_by(error))
}

/// The columns that a row of parameters puts where.
fn in_order(batch: &RecordBatch, order: &[usize]) -> Result<RecordBatch> {
    let column = |index: &usize| {
        let column: Option<&ArrayRef> = batch.columns().get(*index);
        column.cloned().map(|column| (format!("${}", index + 1), column, true))
    };
    let columns: Option<Vec<_>> = order.iter().map(column).collect();
    let columns = columns.ok_or_else(|| {
        let message = format!("bind supplies {} parameters, too few", batch.num_columns());
        Error::new(ErrorKind::ProtocolViolation, message)
    })?;
    RecordBatch::try_from_iter_with_nullable(columns)
        .map_err(|error| Error::internal("rows of parameters").caused_by(error))
}
