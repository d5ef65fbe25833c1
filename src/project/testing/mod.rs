//! `lakeport test`: what each view makes of rows written by hand.
//!
//! Its one idea: a test is a lake in memory with the given rows in place of bronze or of views, where
//! the real refresh runs what the expectations read. Nothing of the deployment's own lake is touched.

mod case;
mod compare;
mod files;
mod lake;
mod needed;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::datatypes::SchemaRef;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::catalog::{self, Desired};
use crate::config::{Config, Paths};
use crate::error::{Error, ErrorKind, Result};
use crate::name::RelationName;

use super::types::typed;
use super::{Failure, Overrides, Reporter, load_config};

use case::Case;

pub(super) use words::words;

/// How one test ended.
#[derive(Debug, Clone)]
pub struct TestOutcome {
    /// The file, with the name of the `--sql` folder.
    pub file: PathBuf,
    /// Where `TEST` stands, from 1.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// The EXPECTs that were not met.
    pub failures: Vec<TestFailure>,
}

/// An EXPECT that was not met, or what kept the test from running.
#[derive(Debug, Clone)]
pub struct TestFailure {
    /// Where it stands, from 1.
    pub line: usize,
    /// What was looked at.
    pub relation: String,
    /// Why there was nothing to compare.
    pub error: Option<Error>,
    /// The columns compared.
    pub columns: Vec<String>,
    /// Rows that were expected and are not there.
    pub missing: Vec<Vec<String>>,
    /// Rows that are there and were not expected.
    pub surplus: Vec<Vec<String>>,
}

/// What all tests share.
struct Deployment {
    desired: Desired,
    schemas: BTreeMap<RelationName, SchemaRef>,
    config: Config,
    paths: Paths,
}

/// Runs the tests of the views named (`schema.view`, or a schema), or all.
///
/// # Errors
/// Mistakes in files, test files included; `UndefinedTable` for a name without tests;
/// [`Failure::Partial`] when a test failed.
pub async fn test(paths: &Paths, names: &[String], reporter: &Reporter) -> Result<(), Failure> {
    let outcomes = run_tests(paths, names, reporter).await?;
    reporter.tested(&outcomes);
    match outcomes.iter().any(|outcome| !outcome.failures.is_empty()) {
        true => Err(Failure::Partial),
        false => Ok(()),
    }
}

/// As [`test()`], without a word about the outcomes.
///
/// # Errors
/// As [`test()`], save that a test that failed is none.
pub async fn run_tests(
    paths: &Paths,
    names: &[String],
    reporter: &Reporter,
) -> Result<Vec<TestOutcome>, Failure> {
    let config = load_config(paths, Overrides::default())?;
    let desired = catalog::load_files(&paths.catalog, &paths.sql)?;
    let cases = chosen(files::read(&paths.sql)?, names)?;
    let schemas = typed(&desired, None).await?;
    let deployment = Deployment { desired, schemas, config, paths: paths.clone() };
    let progress = reporter.bar("testing");
    let steps = progress.steps();
    let of = cases.len() as u64;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let runs = cases.iter().map(|case| lake::run(&deployment, case));
    let mut done = 0;
    let outcomes = futures::stream::iter(runs)
        .buffered(cores)
        .inspect(|_| {
            done += 1;
            steps.tell("", done, of);
        })
        .try_collect()
        .await?;
    progress.finish();
    Ok(outcomes)
}

fn chosen(cases: Vec<Case>, names: &[String]) -> Result<Vec<Case>> {
    let fits =
        |case: &Case, name: &str| case.view == name || case.view.split('.').next() == Some(name);
    for name in names {
        if !cases.iter().any(|case| fits(case, name)) {
            return Err(Error::new(
                ErrorKind::UndefinedTable,
                format!("there are no tests of \"{name}\""),
            )
            .hint("Tests of silver.orders lie in sql/silver/orders.test.sql."));
        }
    }
    let chosen = |case: &Case| names.is_empty() || names.iter().any(|name| fits(case, name));
    Ok(cases.into_iter().filter(chosen).collect())
}
