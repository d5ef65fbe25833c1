//! EXPLAIN [CREATE] MATERIALIZED VIEW: how a view is kept, and what that costs.
//!
//! Plans and estimates; computes nothing. The first row is about the view as a whole.

use crate::catalog::{MaterializedView, Relation, RelationKind};
use crate::error::Result;
use crate::lake::Table;
use crate::query::{Context, Engine};
use crate::syntax::RefreshPolicy;

use super::check::{check_view, definition, prepare};
use super::incremental::{Blocked, analyze};

/// One row of the answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExplainedOperator {
    /// The view as a whole, or an operator of its plan.
    pub operator: String,
    /// For the view: full or incremental. For an operator: the rule that maintains it.
    pub rule: Option<String>,
    /// Why this strategy, or why there is no rule.
    pub reason: Option<String>,
    /// What would help.
    pub hint: Option<String>,
    /// Rows it is expected to read, where statistics say.
    pub estimated_rows: Option<u64>,
    /// Bytes of files it is expected to read.
    pub estimated_bytes: Option<u64>,
}

/// How `relation` is kept, with the rights and over the versions of `context`. What the view as a
/// whole is estimated at is what a full refresh would read.
///
/// # Errors
/// As [`check_view`].
pub async fn explain_view(
    engine: &Engine,
    relation: &Relation,
    context: &Context,
) -> Result<Vec<ExplainedOperator>> {
    // A policy that asks for rules refuses a view without them; here it is to be said which.
    let mut lenient = relation.clone();
    if let RelationKind::MaterializedView(view) = &mut lenient.kind {
        view.policy = RefreshPolicy::Auto;
    }
    check_view(engine, &lenient, context).await?;
    let checked = prepare(engine, relation, context).await?;
    let analysis = analyze(engine, &checked.plan, checked.grouped.as_ref(), context)?;
    let sources = checked.plan.sources();
    let rows: Option<u64> = sources.iter().map(|(_, table)| table.rows()).sum();
    let (strategy, reason) = strategy(definition(relation)?, analysis.blocked.as_ref());
    let whole = ExplainedOperator {
        operator: format!("materialized view {}", relation.name),
        rule: Some(strategy.to_owned()),
        reason: Some(reason),
        estimated_rows: rows,
        estimated_bytes: Some(sources.iter().map(|(_, table)| bytes(table)).sum()),
        ..ExplainedOperator::default()
    };
    let operators = analysis.laws.into_iter().map(|(_, operator, law)| ExplainedOperator {
        operator: operator.to_owned(),
        rule: Some(law.to_owned()),
        ..ExplainedOperator::default()
    });
    let blocked = analysis.blocked.into_iter().map(|blocked| ExplainedOperator {
        operator: blocked.operator.to_owned(),
        reason: Some(blocked.reason),
        hint: Some(blocked.hint.to_owned()).filter(|hint| !hint.is_empty()),
        ..ExplainedOperator::default()
    });
    let scans = sources.iter().map(|(name, table)| ExplainedOperator {
        operator: format!("scan {name}"),
        estimated_rows: table.rows(),
        estimated_bytes: Some(bytes(table)),
        ..ExplainedOperator::default()
    });
    Ok(std::iter::once(whole).chain(operators).chain(blocked).chain(scans).collect())
}

/// How a view will be kept, and why; costs, which AUTO weighs at each refresh, are not known yet.
fn strategy(view: &MaterializedView, blocked: Option<&Blocked>) -> (&'static str, String) {
    match (view.policy, blocked) {
        (RefreshPolicy::Full, _) => ("full", "its refresh policy is full".to_owned()),
        (RefreshPolicy::Auto, Some(blocked)) => {
            ("full", format!("the {} has no rule", blocked.operator))
        }
        (_, Some(blocked)) => {
            ("refused", format!("its policy asks for rules, and the {} has none", blocked.operator))
        }
        (_, None) => ("incremental", "every operator has a rule".to_owned()),
    }
}

fn bytes(table: &Table) -> u64 {
    table.files().1
}
