//! What running statements share, and what each has to itself.
//!
//! Owns the one runtime environment (memory, disk, caches) and the session state every statement's
//! own is cloned from. Its one idea: a statement's state is the shared one plus who asks and when;
//! no statement can change it for another.

use std::any::Any;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use chrono_tz::Tz;
use datafusion::common::config::{
    ConfigEntry, ConfigExtension, ConfigNonZeroUsize, ConfigOptions, ExtensionOptions,
};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use crate::catalog::CatalogState;
use crate::config::Limits;
use crate::error::Result;

use super::actions::Actions;
use super::engine::Context;
use super::meter::Planner;
use super::patterns::Patterns;
use super::pushdown::physical_rules;
use super::rows::Registry;
use super::rules::logical_rules;
use super::system::{Facts, Names};
use super::text::Styles;
use super::{error, functions};

/// A value whose inside no compiler pass looks into.
///
/// Every future that holds a plan or a session state must be proven `Send`, and walking their hundreds
/// of mutually recursive types takes the compiler seconds for each. The object says it once.
pub(crate) type Sealed<T> = Arc<dyn Deref<Target = T> + Send + Sync>;

/// Seals a value.
pub(crate) fn seal<T: Send + Sync + 'static>(value: T) -> Sealed<T> {
    Arc::new(Box::new(value))
}

/// Memory for Parquet footers.
const METADATA_CACHE_BYTES: usize = 256 << 20;
/// Consumers named when memory runs out.
const CONSUMERS_SHOWN: usize = 3;
/// Sorts that find room to merge beside one another, at least.
const SORTS: u64 = 32;
/// Rows of a batch, in the engine and towards clients.
pub(crate) const BATCH_ROWS: usize = 8192;

/// The state all statements' own are cloned from.
pub(crate) fn shared_state(
    limits: &Limits,
    registry: &Arc<Registry>,
) -> Result<Sealed<SessionState>> {
    let runtime = runtime(limits).map_err(error::convert)?;
    let mut config = SessionConfig::new()
        .with_target_partitions(std::thread::available_parallelism().map_or(1, NonZeroUsize::get))
        .with_batch_size(BATCH_ROWS)
        .with_collect_statistics(true)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false);
    let options = config.options_mut();
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.collect_spans = true;
    // What a subquery is sorted by is said again further out (`sorted`), so the planner must leave it in.
    options.sql_parser.enable_subquery_sort_elimination = false;
    options.execution.time_zone = Some("UTC".to_owned());
    // Of a union's columns with different comments the logical plan keeps none and the physical one the
    // first, which is no reason to refuse a query that groups by them.
    options.execution.skip_physical_aggregate_schema_check = true;
    // Each batch that finds no room between threads is a file of its own: of two files that grow at once
    // a reader waits on the older one for a batch that lies in the newer, for ever
    // (https://github.com/apache/datafusion/issues/24883, mended after 55.2).
    options.execution.max_spill_file_size_bytes =
        ConfigNonZeroUsize::try_new(1).map_err(error::convert)?;
    // What a sort keeps to merge by is taken from the limit at once, by each of its threads.
    let of_all = usize::try_from(limits.memory_bytes / SORTS).unwrap_or(usize::MAX);
    let kept = &mut options.execution.sort_spill_reservation_bytes;
    *kept = of_all.min(*kept);
    let info = StatementInfo { registry: Arc::clone(registry), ..StatementInfo::default() };
    options.extensions.insert(info);
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_expr_planners(functions::first_planners())
        .with_default_features()
        .with_query_planner(Arc::new(Planner::new()))
        .with_optimizer_rules(logical_rules())
        .with_physical_optimizer_rules(physical_rules())
        .with_file_formats(Vec::new())
        .with_table_factories(HashMap::new())
        .build();
    functions::register(&mut state).map_err(error::convert)?;
    Ok(seal(state))
}

fn runtime(limits: &Limits) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let memory_bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    let shown = NonZeroUsize::new(CONSUMERS_SHOWN).unwrap_or(NonZeroUsize::MIN);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(TrackConsumersPool::new(
            FairSpillPool::new(memory_bytes),
            shown,
        )))
        .with_max_temp_directory_size(limits.spill_bytes)
        .with_metadata_cache_limit(METADATA_CACHE_BYTES)
        .build_arc()
}

/// Bounded memory: what holds it, bytes held, bytes allowed.
pub(crate) fn memory(shared: &SessionState, limits: &Limits) -> Vec<(&'static str, usize, usize)> {
    let runtime = shared.runtime_env();
    let footers = runtime.cache_manager.get_file_metadata_cache();
    let held = footers.list_entries().values().map(|entry| entry.size_bytes).sum();
    let limit = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    vec![
        ("parquet metadata", held, footers.cache_limit()),
        ("statement memory", runtime.memory_pool.reserved(), limit),
    ]
}

/// How a statement's plan is made, where there is a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joins {
    /// Hash joins, which are fast and cannot spill.
    Hash,
    /// Sort-merge joins, which can.
    Merge,
}

/// The state of one statement.
pub(crate) fn statement_state(
    shared: &SessionState,
    context: &Context,
    joins: Joins,
) -> Sealed<SessionState> {
    let mut state = shared.clone();
    let options = state.config_mut().options_mut();
    options.execution.time_zone = Some(context.time_zone.clone());
    options.optimizer.prefer_hash_join = joins == Joins::Hash;
    let registry = options.extensions.get::<StatementInfo>().map(|info| Arc::clone(&info.registry));
    options.extensions.insert(StatementInfo::of(context, registry.unwrap_or_default()));
    let options = Arc::clone(state.config_options());
    let properties = state.execution_props_mut();
    properties.mark_start_execution(options);
    properties.query_execution_start_time = Some(context.now);
    seal(state)
}

/// What `current_user`, `current_setting` and their like answer from.
#[derive(Clone, Default)]
pub(crate) struct StatementInfo {
    /// The role.
    pub(crate) role: String,
    /// The database.
    pub(crate) database: String,
    /// The schemas of the search path that exist.
    pub(crate) schemas: Vec<String>,
    /// Settings by lower-case name.
    pub(crate) settings: Arc<HashMap<String, String>>,
    /// What functions may do to sessions.
    pub(crate) actions: Option<Arc<dyn Actions>>,
    /// Regular expressions, compiled once.
    pub(crate) patterns: Arc<Patterns>,
    zone: Tz,
    registry: Arc<Registry>,
    known: Arc<Known>,
}

/// What functions of the catalog answer from, found out when one first asks.
#[derive(Default)]
struct Known {
    context: Option<Context>,
    names: OnceLock<Arc<Names>>,
    facts: OnceLock<Arc<Facts>>,
}

impl std::fmt::Debug for StatementInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatementInfo").field("role", &self.role).finish_non_exhaustive()
    }
}

/// Reads what functions of the catalog will ask of tables, into a statement's state.
pub(crate) fn put_facts(state: &SessionState, facts: Facts) {
    let info = StatementInfo::from_options(state.config_options());
    // Read once; who comes second has the same.
    let _ = info.known.facts.set(Arc::new(facts));
}

impl StatementInfo {
    /// Everything the role may see, by name and number.
    pub(crate) fn names(&self) -> Arc<Names> {
        let names = || match &self.known.context {
            Some(context) => Arc::new(Names::of(context, &self.registry)),
            None => Arc::default(),
        };
        Arc::clone(self.known.names.get_or_init(names))
    }

    /// The epoch that the statement reads.
    pub(crate) fn epoch(&self) -> crate::name::Epoch {
        self.known.context.as_ref().map_or(0, |context| context.snapshot.epoch.epoch)
    }

    /// Sizes and comments; none unless the statement was seen to ask for them.
    pub(crate) fn facts(&self) -> Arc<Facts> {
        self.known.facts.get().cloned().unwrap_or_default()
    }

    /// What clocks the session goes by.
    pub(crate) fn time_zone(&self) -> Tz {
        self.zone
    }

    /// How the session wants values printed and read.
    pub(crate) fn styles(&self) -> Styles {
        Styles { zone: self.time_zone(), ..Styles::of(&self.settings) }
    }

    /// Today's grants and roles.
    pub(crate) fn grants(&self) -> Option<Arc<CatalogState>> {
        self.known.context.as_ref().map(|context| Arc::clone(&context.snapshot.grants))
    }

    fn of(context: &Context, registry: Arc<Registry>) -> Self {
        let catalog = &context.snapshot.catalog;
        let exists = |schema: &&String| {
            catalog.schemas.contains_key(*schema)
                || crate::security::SYSTEM_SCHEMAS.contains(&schema.as_str())
        };
        Self {
            patterns: Arc::default(),
            zone: context.time_zone.parse().unwrap_or(Tz::UTC),
            role: context.role.0.clone(),
            database: context.database.clone(),
            schemas: context.search_path.iter().filter(exists).cloned().collect(),
            settings: Arc::clone(&context.settings),
            actions: context.actions.clone(),
            registry,
            known: Arc::new(Known {
                context: Some(Context { extra: HashMap::new(), ..context.clone() }),
                ..Known::default()
            }),
        }
    }

    /// Of no statement: what is read and printed by these clocks needs no more.
    pub(crate) fn in_zone(zone: Tz) -> Self {
        Self { zone, ..Self::default() }
    }

    /// The running statement's.
    pub(crate) fn from_options(options: &ConfigOptions) -> Self {
        options.extensions.get::<Self>().cloned().unwrap_or_default()
    }
}

impl ConfigExtension for StatementInfo {
    const PREFIX: &'static str = "lakeport_statement";
}

impl ExtensionOptions for StatementInfo {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _value: &str) -> Result<(), DataFusionError> {
        Err(DataFusionError::Configuration(format!("{key} cannot be set")))
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
