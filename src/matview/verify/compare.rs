//! A view's query computed again, its rows beside those the view's tables hold.
//!
//! Each pass streams both; nothing holds either. What the expectations keep is compared with the
//! view, what they refuse with its quarantine. Columns of the server's own are left out.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;

use crate::catalog::MaterializedView;
use crate::error::{Error, Result};
use crate::lake::Table;
use crate::name::RelationName;
use crate::query::{Context, Engine};
use crate::syntax::Query;

use super::super::build::quarantine_schema;
use super::super::check::{CheckedView, definition, prepare};
use super::super::columns::{self, RESERVED};
use super::super::expectations::{Splitter, quoted};
use super::multiset::{Comparison, Difference, Side};
use super::subject::Subject;

/// The view's difference, and its quarantine's where it has one.
pub(super) async fn compare(
    engine: &Engine,
    subject: &Subject,
    sample_percent: f64,
    budget_bytes: u64,
) -> Result<(Difference, Option<Difference>)> {
    let relation = &subject.relation;
    let view = definition(relation)?;
    let context =
        engine.server_context(relation.owner.clone(), Arc::clone(&subject.snapshot), subject.now);
    let checked = prepare(engine, relation, &context).await?;
    if let Some(difference) = other_columns(&subject.table, &checked.visible) {
        return Ok((difference, None));
    }
    let mut kept = Held {
        comparison: Comparison::new(&checked.visible, sample_percent, budget_bytes)?,
        schema: Arc::clone(&checked.visible),
        name: Some(relation.name.clone()),
    };
    let mut refused = match &subject.quarantine {
        None => None,
        Some(quarantine) => {
            let schema = quarantine_schema(&checked.visible);
            let name = quarantine.table.as_ref().map(|_| quarantine.relation.name.clone());
            let comparison = Comparison::new(&schema, sample_percent, budget_bytes)?;
            Some(Held { comparison, schema, name })
        }
    };
    loop {
        kept.read(engine, &context).await?;
        if let Some(refused) = &mut refused {
            refused.read(engine, &context).await?;
        }
        let pass =
            Pass { engine, context: &context, checked: &checked, view, name: &relation.name };
        pass.compute(&mut kept, refused.as_mut()).await?;
        let again = kept.comparison.next_pass()?;
        let again_refused = match &mut refused {
            Some(refused) => refused.comparison.next_pass()?,
            None => false,
        };
        if !again && !again_refused {
            return Ok((
                kept.comparison.found(),
                refused.map(|refused| refused.comparison.found()),
            ));
        }
    }
}

/// A table with the comparison of its rows.
struct Held {
    comparison: Comparison,
    schema: SchemaRef,
    /// `None` for a table that is not there.
    name: Option<RelationName>,
}

impl Held {
    /// Takes in the rows of the table.
    async fn read(&mut self, engine: &Engine, context: &Context) -> Result<()> {
        let Some(name) = &self.name else { return Ok(()) };
        let columns: Vec<String> =
            self.schema.fields().iter().map(|field| quoted(field.name())).collect();
        let (schema, relation) = (quoted(&name.schema), quoted(&name.relation));
        let text = format!("SELECT {} FROM {schema}.{relation}", columns.join(", "));
        let plan = engine.plan(&Query::parse(&text)?, context, &[]).await?;
        let mut stream = engine.execute(&plan, context, Vec::new()).await?.stream;
        while let Some(batch) = stream.next().await {
            let rows = columns::conform(&batch.map_err(Engine::error)?, &self.schema)?;
            self.comparison.add(Side::View, &rows)?;
        }
        Ok(())
    }
}

/// One computation of the query.
struct Pass<'a> {
    engine: &'a Engine,
    context: &'a Context,
    checked: &'a CheckedView,
    view: &'a MaterializedView,
    name: &'a RelationName,
}

impl Pass<'_> {
    async fn compute(&self, kept: &mut Held, mut refused: Option<&mut Held>) -> Result<()> {
        let mut splitter = Splitter::new(self.name, &self.view.constraints, &self.view.primary_key);
        let execution = self.engine.execute(&self.checked.plan, self.context, Vec::new()).await?;
        let mut stream = execution.stream;
        while let Some(batch) = stream.next().await {
            let split = splitter.split(&batch.map_err(Engine::error)?)?;
            let rows = columns::conform(&split.kept, &kept.schema)?;
            kept.comparison.add(Side::Query, &rows)?;
            if let (Some(refused), 1..) = (&mut refused, split.quarantined.num_rows()) {
                let rows = columns::conform(&split.quarantined, &kept.schema)?;
                let mut arrays = rows.columns().to_vec();
                arrays.push(splitter.names(&split.failed));
                let rows = RecordBatch::try_new(Arc::clone(&refused.schema), arrays)
                    .map_err(|e| Error::internal("put refused rows together").caused_by(e))?;
                refused.comparison.add(Side::Query, &rows)?;
            }
        }
        Ok(())
    }
}

/// What to say of a table whose columns are not those of the query.
fn other_columns(table: &Table, wanted: &SchemaRef) -> Option<Difference> {
    let stored = table.schema();
    let shown = |schema: &SchemaRef| -> Vec<String> {
        let fields = schema.fields().iter().filter(|f| !f.name().starts_with(RESERVED));
        let mut columns: Vec<String> = fields
            .map(|field| match columns::storable(field.data_type()) {
                Some(stored) => format!("{} {stored}", field.name()),
                None => format!("{} {}", field.name(), field.data_type()),
            })
            .collect();
        columns.sort();
        columns
    };
    let (stored, wanted) = (shown(&stored), shown(wanted));
    if stored == wanted {
        return None;
    }
    let example = format!(
        "the view's columns are {}; the query's are {}",
        stored.join(", "),
        wanted.join(", ")
    );
    Some(Difference { examples: vec![example], ..Difference::default() })
}
