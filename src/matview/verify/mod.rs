//! Whether a view holds what its query gives, at the very versions it says it was computed from.
//!
//! Its one idea: nothing a refresh has concluded is taken for granted; the query is computed again and
//! every row compared. A view that differs is an alert, and is refreshed in full, with the views
//! below it. Refuses to know when it is asked.

mod compare;
mod floats;
mod history;
mod layout;
mod multiset;
mod subject;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::catalog::{CatalogState, Relation};
use crate::error::{Error, ErrorKind, Result};
use crate::name::{RelationId, RelationName, RunId, Version};

use super::check::definition;
use super::pins::sources_of;
use super::refresh::{RefreshRequest, Refresher};
use super::scope::wanted;

pub(super) use history::verifications;
use multiset::Difference;
use subject::{Place, Subject};

/// Memory that the rows of one comparison may take, as a part of what statements may.
const MEMORY_PART: u64 = 16;
const MEMORY_BYTES_MIN: u64 = 1 << 20;

/// What to verify.
#[derive(Debug, Clone)]
pub struct VerifyRequest {
    /// These views only; `None` for all that were built.
    pub views: Option<Vec<RelationName>>,
    /// How much of their rows; above 0, at most 100.
    pub sample_percent: f64,
}

/// How a verification ended.
#[derive(Debug, Clone)]
pub enum VerifyState {
    /// Every row compared is the query's.
    Verified,
    /// Some are not.
    Mismatch,
    /// It could not be told.
    Failed(Error),
    /// It was never built.
    Skipped,
}

impl VerifyState {
    /// The word kept in `lakeport.verifications.state`.
    pub fn word(&self) -> &'static str {
        match self {
            VerifyState::Verified => "verified",
            VerifyState::Mismatch => "mismatch",
            VerifyState::Failed(_) => "failed",
            VerifyState::Skipped => "skipped",
        }
    }
}

/// What was found of one relation: a view, or its quarantine.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The relation.
    pub relation: RelationName,
    /// How it ended.
    pub state: VerifyState,
    /// Its version.
    pub version: Option<Version>,
    /// Its sources, each with the version it was computed from.
    pub sources: Vec<(String, Version)>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Rows of the query that were compared.
    pub rows_checked: u64,
    /// Rows of the query that the relation lacks.
    pub rows_missing: u64,
    /// Rows of the relation that the query does not give.
    pub rows_surplus: u64,
    /// Some rows that differ, with how often each is on either side.
    pub examples: Vec<String>,
}

impl Verified {
    /// The rows that differ as one text, a line each; `None` where none is known.
    pub fn example(&self) -> Option<String> {
        (!self.examples.is_empty()).then(|| self.examples.join("\n"))
    }

    fn source_versions(&self) -> String {
        let versions: serde_json::Map<String, serde_json::Value> =
            self.sources.iter().map(|(name, version)| (name.clone(), (*version).into())).collect();
        serde_json::Value::Object(versions).to_string()
    }
}

/// What a verification found.
#[derive(Debug, Clone)]
pub struct VerifyReport {
    /// Each relation, views before their quarantines, sources first.
    pub relations: Vec<Verified>,
    /// The full refresh that mismatches led to.
    pub refresh_run: Option<RunId>,
}

impl VerifyReport {
    /// Whether nothing differs and nothing failed.
    pub fn is_clean(&self) -> bool {
        let clean = |v: &Verified| matches!(v.state, VerifyState::Verified | VerifyState::Skipped);
        self.relations.iter().all(clean)
    }
}

impl Refresher {
    /// Compares views with their queries, and refreshes in full those that differ. What cannot be
    /// verified is in the report; an error means that nothing was.
    ///
    /// # Errors
    /// `UndefinedTable` or `WrongObjectType` for a name that is no materialised view, `IoError`.
    pub async fn verify(self: &Arc<Self>, request: &VerifyRequest) -> Result<VerifyReport> {
        self.lake.poll_epoch().await?;
        let base = self.lake.epoch();
        let catalog = self.catalog.at(&base).await?;
        let views = request.views.clone();
        let order = wanted(&catalog, &RefreshRequest { views, ..RefreshRequest::default() })?;
        let place = Place { lake: &self.lake, base: &base, catalog: &catalog };
        let mut relations = Vec::new();
        let mut differing = Vec::new();
        for view in &order {
            let found = self.verify_view(&place, view, request).await;
            if found.iter().any(|one| matches!(one.state, VerifyState::Mismatch)) {
                differing.push(Arc::clone(view));
            }
            relations.extend(found);
        }
        let refresh_run = self.heal(&catalog, &differing).await;
        history::append(&self.lake, request.sample_percent, refresh_run, &relations).await?;
        Ok(VerifyReport { relations, refresh_run })
    }

    async fn verify_view(
        &self,
        place: &Place<'_>,
        view: &Arc<Relation>,
        request: &VerifyRequest,
    ) -> Vec<Verified> {
        let clock = self.lake.clock();
        let mut found = Verified {
            relation: view.name.clone(),
            state: VerifyState::Verified,
            version: None,
            sources: Vec::new(),
            started_at: clock.now(),
            finished_at: clock.now(),
            rows_checked: 0,
            rows_missing: 0,
            rows_surplus: 0,
            examples: Vec::new(),
        };
        let compared = async {
            let Some(subject) = place.subject(view).await? else { return Ok(None) };
            let budget_bytes = self.config.limits.memory_bytes / MEMORY_PART;
            let budget_bytes = budget_bytes.max(MEMORY_BYTES_MIN);
            let differences =
                compare::compare(&self.engine, &subject, request.sample_percent, budget_bytes)
                    .await?;
            Ok::<_, Error>(Some((subject, differences)))
        };
        let compared = compared.await;
        found.finished_at = clock.now();
        match compared {
            Ok(Some((subject, (kept, refused)))) => both(found, &subject, kept, refused),
            Ok(None) if request.views.is_none() => {
                vec![Verified { state: VerifyState::Skipped, ..found }]
            }
            Ok(None) => vec![Verified { state: VerifyState::Failed(never_built(view)), ..found }],
            Err(error) => {
                let (view, sqlstate) = (&view.name, error.kind().sqlstate());
                tracing::error!(%view, sqlstate, "a view could not be verified");
                vec![Verified { state: VerifyState::Failed(error), ..found }]
            }
        }
    }

    /// Refreshes what differs in full, then the views below by what that changed. Failures are in
    /// `lakeport.refreshes`, as always.
    async fn heal(
        self: &Arc<Self>,
        catalog: &CatalogState,
        differing: &[Arc<Relation>],
    ) -> Option<RunId> {
        if differing.is_empty() {
            return None;
        }
        let views = Some(differing.iter().map(|view| view.name.clone()).collect());
        let request = RefreshRequest { views, full: true, attempt: 1, ..Default::default() };
        let run = match self.refresh_with_retries(&request).await {
            Ok(report) => report.run_id,
            Err(error) => {
                tracing::error!(%error, "views that differ could not be refreshed");
                return None;
            }
        };
        let below = below(catalog, differing);
        if !below.is_empty() {
            let request = RefreshRequest { views: Some(below), attempt: 1, ..Default::default() };
            if let Err(error) = self.refresh_with_retries(&request).await {
                tracing::error!(%error, "views below those that differed could not be refreshed");
            }
        }
        Some(run)
    }
}

/// What was found of a view and of its quarantine.
fn both(
    view: Verified,
    subject: &Subject,
    kept: Difference,
    refused: Option<Difference>,
) -> Vec<Verified> {
    let version = Some(subject.table.version());
    let view = Verified { version, sources: subject.sources.clone(), ..view };
    let mut found = Vec::with_capacity(2);
    if let (Some(difference), Some(quarantine)) = (refused, &subject.quarantine) {
        let version = quarantine.table.as_ref().map(crate::lake::Table::version);
        let relation = quarantine.relation.name.clone();
        found.push(with(Verified { relation, version, ..view.clone() }, difference));
    }
    found.insert(0, with(view, kept));
    found
}

fn with(mut found: Verified, difference: Difference) -> Verified {
    if !difference.is_none() {
        found.state = VerifyState::Mismatch;
        // Values may be anybody's, so the log has the counts; rows are in `lakeport.verifications`.
        let (relation, missing, surplus) =
            (&found.relation, difference.rows_missing, difference.rows_surplus);
        tracing::error!(%relation, missing, surplus, "a view differs from its query");
    }
    let Difference { rows_checked, rows_missing, rows_surplus, examples } = difference;
    Verified { rows_checked, rows_missing, rows_surplus, examples, ..found }
}

fn never_built(view: &Relation) -> Error {
    Error::new(
        ErrorKind::ObjectNotInPrerequisiteState,
        format!("materialized view \"{}\" has not been built", view.name),
    )
    .hint(format!("Run REFRESH MATERIALIZED VIEW {}.", view.name.quoted()))
}

/// The views that read one of these, however indirectly.
fn below(catalog: &CatalogState, views: &[Arc<Relation>]) -> Vec<RelationName> {
    let mut moved: BTreeSet<RelationId> = BTreeSet::new();
    for view in views {
        moved.insert(view.id);
        moved.extend(catalog.relation(&view.name.quarantine()).map(|relation| relation.id));
    }
    let mut found = Vec::new();
    for view in catalog.refresh_order().unwrap_or_default() {
        let Ok(definition) = definition(&view) else { continue };
        let sources = sources_of(catalog, definition).relations;
        if !moved.contains(&view.id) && sources.iter().any(|source| moved.contains(&source.id)) {
            moved.insert(view.id);
            moved.extend(catalog.relation(&view.name.quarantine()).map(|relation| relation.id));
            found.push(view.name.clone());
        }
    }
    found
}
