//! ROLLUP and CUBE of several columns at once, and groups of no column, as the sets of columns they stand for.

use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, Select};

/// As many columns or lists of them as CUBE takes, as in Postgres.
const CUBE_MAX: usize = 12;

/// Writes out the sets that the planner does not make itself.
pub(super) fn as_sets(select: &mut Select) {
    let GroupByExpr::Expressions(exprs, _) = &mut select.group_by else { return };
    for expr in exprs {
        match expr {
            Expr::Rollup(lists) if is_nested(lists) => {
                let sets = (0..=lists.len()).rev().map(|count| lists[..count].concat());
                *expr = Expr::GroupingSets(sets.collect());
            }
            Expr::Cube(lists) if is_nested(lists) && lists.len() <= CUBE_MAX => {
                let sets = (0..(1_usize << lists.len())).rev().map(|chosen| {
                    let first = lists.len() - 1;
                    let is_chosen = |at: usize| (chosen >> (first - at)) & 1 == 1;
                    let chosen = lists.iter().enumerate().filter(|(at, _)| is_chosen(*at));
                    chosen.flat_map(|(_, list)| list.iter().cloned()).collect()
                });
                *expr = Expr::GroupingSets(sets.collect());
            }
            Expr::Tuple(columns) if columns.is_empty() => {
                *expr = Expr::GroupingSets(vec![Vec::new()]);
            }
            _ => {}
        }
    }
}

fn is_nested(lists: &[Vec<Expr>]) -> bool {
    lists.iter().any(|list| list.len() != 1)
}
