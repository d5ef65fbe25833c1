//! A recursive query that asks the outside where it begins: its rows carry the values from then on.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, RecursiveQuery};

use crate::query::gate::{Gate, Origin};

use super::push::{Outer, push};

pub(super) fn push_recursive(
    query: RecursiveQuery,
    domain: &LogicalPlan,
    outer: &Outer,
) -> Result<LogicalPlan> {
    let kept = domain.schema().columns();
    let all = |plan: &LogicalPlan| -> Vec<Expr> {
        kept.iter().cloned().chain(plan.schema().columns()).map(Expr::Column).collect()
    };
    let columns = all(&query.static_term);
    let first = push(Arc::unwrap_or_clone(query.static_term), domain, outer)?;
    let first = LogicalPlanBuilder::from(first).project(columns)?.build()?;
    let carried: Arc<Schema> = Arc::new(first.schema().as_arrow().clone());
    let columns = all(&query.recursive_term);
    let step = LogicalPlan::clone(&query.recursive_term).transform_up(|node| match node {
        LogicalPlan::TableScan(scan) if scan.table_name.table() == query.name => {
            let table = Arc::new(CteWorkTable::new(&query.name, Arc::clone(&carried)));
            let source = provider_as_source(Gate::over(Origin::Computed, table));
            let scanned =
                LogicalPlanBuilder::scan(scan.table_name.clone(), source, None)?.build()?;
            let renamed = scanned.schema().columns().into_iter().map(|column| {
                let carried = kept.iter().find(|kept| kept.name == column.name).cloned();
                match carried {
                    Some(kept) => Expr::Column(column).alias(kept.name),
                    None => Expr::Column(column),
                }
            });
            let renamed: Vec<Expr> = renamed.collect();
            let scanned = LogicalPlanBuilder::from(scanned).project(renamed)?.build()?;
            Ok(Transformed::yes(scanned))
        }
        other => Ok(Transformed::no(other)),
    })?;
    let step = push(step.data, domain, outer)?;
    let step = LogicalPlanBuilder::from(step).project(columns)?.build()?;
    Ok(LogicalPlan::RecursiveQuery(RecursiveQuery {
        name: query.name,
        static_term: Arc::new(first),
        recursive_term: Arc::new(step),
        is_distinct: query.is_distinct,
        schema: Arc::new(domain.schema().join(&query.schema)?),
    }))
}
