//! A syntax tree to a logical plan, over tables that were resolved beforehand.
//!
//! Its one idea: planning does no I/O and looks nothing up by name but the resolved tables and the
//! functions of the statement's state, so DataFusion's own catalogs, file formats and factories
//! are out of reach.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use datafusion::catalog::{TableFunctionArgs, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue, TableReference};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::planner::{
    ContextProvider, ExprPlanner, RelationPlanner, TypePlanner,
};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, LogicalPlanBuilder, ScalarUDF, TableSource,
    WindowUDF, cast,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::parser::Statement as Tree;
use datafusion::sql::planner::{ParserOptions, PlannerContext, SqlToRel};

use crate::error::{Error, ErrorKind};
use crate::security;
use crate::syntax::{Query, TypeNames};

use super::correlated;
use super::error;
use super::functions::{planned_choice, waits};
use super::gate::{Gate, Origin};
use super::groupings;
use super::literals;
use super::multisets;
use super::once;
use super::sorted;

/// Tables by the name the planner asks for, parts joined by a character no name contains.
pub(crate) type ResolvedTables = HashMap<Vec<String>, Arc<dyn TableProvider>>;

/// Plans `query` with `parameters` as the types of `$1`, `$2`, ... where known.
///
/// The planner calls columns by their expressions, and asks that no two be called alike; Postgres
/// does neither. Where that is what it stumbles over, the columns are named for it as Postgres would.
pub(crate) fn plan_query(
    state: &SessionState,
    tables: &ResolvedTables,
    query: &Query,
    parameters: Vec<Option<FieldRef>>,
) -> Result<LogicalPlan> {
    let columns = |parts: &[String]| {
        let schema = tables.get(parts)?.schema();
        Some(schema.fields().iter().map(|field| field.name().clone()).collect())
    };
    let written_out = query.written_out(&columns);
    let tree = written_out.as_ref().unwrap_or(query.statement());
    refuse_vast(tables, tree)?;
    let planned = match plan_tree(state, tables, tree, parameters.clone()) {
        Err(failure) if error::is_about_names(&failure) => match Query::distinctly_named(tree) {
            // The first failure speaks of what was written.
            Some(named) => plan_tree(state, tables, &named, parameters).map_err(|_| failure),
            None => Err(failure),
        },
        planned => planned,
    };
    groupings::as_columns(planned?)
        .and_then(once::shared)
        .and_then(sorted::kept)
        .and_then(literals::settled)
        .and_then(multisets::counted)
        .and_then(correlated::unnested)
}

/// Relations that a statement reads at most, each as often as it does: what is made of them is walked many times.
const RELATIONS_MAX: u64 = 4096;

/// Refuses a statement that is short but stands for more than can be planned.
fn refuse_vast(tables: &ResolvedTables, tree: &Tree) -> Result<()> {
    let of = |parts: &[String]| {
        let view = tables.get(parts).and_then(|table| table.get_logical_plan().map(leaves));
        view.unwrap_or(1)
    };
    if Query::relations_read(tree, &of) <= RELATIONS_MAX {
        return Ok(());
    }
    let message = format!(
        "the statement reads more than {RELATIONS_MAX} relations, once its views and common table expressions are \
         written out"
    );
    let hint = "Keep what is read many times in a table or a materialized view.";
    Err(external(Error::new(ErrorKind::StatementTooComplex, message).hint(hint)))
}

/// The relations that a view's plan reads.
fn leaves(plan: Cow<'_, LogicalPlan>) -> u64 {
    let mut leaves = 0_u64;
    // Walking fails where looking at a node does, which this never does.
    let _ = plan.apply_with_subqueries(|node| {
        leaves += u64::from(node.inputs().is_empty());
        let more = leaves <= RELATIONS_MAX;
        Ok(if more { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    leaves.max(1)
}

/// Plans `tree` with `parameters` as the types of `$1`, `$2`, ... where known.
fn plan_tree(
    state: &SessionState,
    tables: &ResolvedTables,
    tree: &Tree,
    parameters: Vec<Option<FieldRef>>,
) -> Result<LogicalPlan> {
    let Tree::Statement(statement) = tree else {
        return Err(DataFusionError::NotImplemented("this statement as a query".to_owned()));
    };
    let names = Names { state, tables };
    let options = &state.config_options().sql_parser;
    let planner = SqlToRel::new_with_options(
        &names,
        ParserOptions {
            parse_float_as_decimal: options.parse_float_as_decimal,
            enable_ident_normalization: true,
            enable_options_value_normalization: false,
            support_varchar_with_length: true,
            map_string_types_to_utf8view: options.map_string_types_to_utf8view,
            collect_spans: options.collect_spans,
            default_null_ordering: options.default_null_ordering.as_str().into(),
        },
    );
    let known = parameters.clone();
    let mut context = PlannerContext::new().with_prepare_param_data_types(parameters);
    let plan =
        planner.sql_statement_to_plan_with_context(statement.as_ref().clone(), &mut context)?;
    with_types(plan, &known)
}

/// The plan with the types of parameters inside `ARRAY[...]`, which the planner does not look up.
fn with_types(plan: LogicalPlan, known: &[Option<FieldRef>]) -> Result<LogicalPlan> {
    let typed = |expr: Expr| match expr {
        Expr::Placeholder(Placeholder { id, field: None }) => {
            let number = id.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
            let at = number.and_then(|number| number.checked_sub(1));
            let field = at.and_then(|at| known.get(at)).cloned().flatten();
            let is_typed = field.is_some();
            let placeholder = Expr::Placeholder(Placeholder { id, field });
            Ok(Transformed::new_transformed(placeholder, is_typed))
        }
        expr => Ok(Transformed::no(expr)),
    };
    if known.iter().all(Option::is_none) {
        return Ok(plan);
    }
    let plan = plan.transform_up_with_subqueries(|node| {
        let typed = node.map_expressions(|expr| expr.transform_up(typed))?;
        if !typed.transformed {
            return Ok(typed);
        }
        typed.map_data(|node| match node {
            LogicalPlan::Values(_) | LogicalPlan::TableScan(_) => Ok(node),
            other => other.recompute_schema(),
        })
    })?;
    Ok(plan.data)
}

struct Names<'a> {
    state: &'a SessionState,
    tables: &'a ResolvedTables,
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let parts = name.to_vec();
        match self.tables.get(&parts) {
            Some(table) => Ok(provider_as_source(Arc::clone(table))),
            None => Err(external(security::undefined_relation(&parts.join(".")))),
        }
    }

    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<Expr>,
    ) -> Result<Arc<dyn TableSource>> {
        let function = self
            .state
            .table_functions()
            .get(name)
            .ok_or_else(|| DataFusionError::Plan(format!("Invalid function '{name}'")))?;
        let simplifier = ExprSimplifier::new(
            SimplifyContext::builder()
                .with_config_options(Arc::clone(self.state.config_options()))
                .with_query_execution_start_time(
                    self.state.execution_props().query_execution_start_time,
                )
                .build(),
        );
        let schema = DFSchema::empty();
        let args = args
            .into_iter()
            .map(|arg| simplifier.coerce(arg, &schema).and_then(|arg| simplifier.simplify(arg)))
            .collect::<Result<Vec<_>>>()?;
        let table =
            function.create_table_provider_with_args(TableFunctionArgs::new(&args, self.state))?;
        let rows = Gate::over(Origin::Computed, table);
        // A series of small numbers is one of `integer`, as in Postgres.
        let small = |arg: &Expr| match arg {
            Expr::Literal(value, _) => {
                matches!(value.cast_to(&DataType::Int32), Ok(ScalarValue::Int32(Some(_))))
            }
            _ => false,
        };
        if name == "generate_series" && !args.is_empty() && args.iter().all(small) {
            let scan = LogicalPlanBuilder::scan(name, provider_as_source(rows), None)?;
            let narrow = scan.schema().columns().into_iter().map(|column| {
                let name = column.name.clone();
                cast(Expr::Column(column), DataType::Int32).alias(name)
            });
            let narrow = narrow.collect::<Vec<_>>();
            let plan = scan.project(narrow)?.build()?;
            return Ok(provider_as_source(Arc::new(ViewTable::new(plan, None))));
        }
        Ok(provider_as_source(rows))
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        let table = Arc::new(CteWorkTable::new(name, schema));
        Ok(provider_as_source(Gate::over(Origin::Computed, table)))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        self.state.relation_planners()
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        let time_zone = self.state.config_options().execution.time_zone.clone();
        Some(Arc::new(TypeNames { time_zone: time_zone.unwrap_or_else(|| "UTC".to_owned()) }))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let function = self.state.scalar_functions().get(plain(name))?;
        if waits(function.name()) {
            return Some(planned_choice(function));
        }
        // now() and the to_timestamp family carry the session's time zone.
        match function.inner().with_updated_config(self.state.config_options()) {
            Some(updated) => Some(Arc::new(updated)),
            None => Some(Arc::clone(function)),
        }
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(plain(name)).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(plain(name)).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(plain(name)).cloned()
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}

/// Postgres' own functions may be named with their schema.
fn plain(name: &str) -> &str {
    let own = ["pg_catalog.", "information_schema."];
    own.iter().find_map(|schema| name.strip_prefix(schema)).unwrap_or(name)
}

/// One of our errors on its way through DataFusion.
pub(crate) fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
