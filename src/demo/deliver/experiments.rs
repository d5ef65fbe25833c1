//! Who was put into which arm: CSV, a file a day and experiment, rows repeated now and then.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::error::Result;

use super::super::Shop;
use super::super::files::Landing;
use super::super::people::customer_id;
use super::super::random::{Purpose, Random};
use super::csv_bytes;

/// Writes all assignments.
pub(super) fn write(shop: &Shop, files: &mut Landing) -> Result<()> {
    let mut random = Random::new(Purpose::ExperimentFiles);
    // The last day's file comes even when nobody was assigned.
    let mut contents: BTreeMap<NaiveDate, Vec<Vec<String>>> =
        BTreeMap::from([shop.options.until, shop.last_day()].map(|day| (day, Vec::new())));
    for assignment in &shop.assignments {
        if assignment.customer as usize > shop.people.history.1 {
            random = Random::of(Purpose::ExperimentFiles, assignment.customer as usize);
        }
        let row = vec![
            assignment.experiment.to_owned(),
            customer_id(assignment.customer),
            if random.chance(50) {
                assignment.arm.to_uppercase()
            } else {
                assignment.arm.to_owned()
            },
            assignment.at.format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        ];
        let rows = contents.entry(assignment.at.date()).or_default();
        if random.chance(30) {
            rows.push(row.clone());
        }
        rows.push(row);
    }
    for (day, rows) in contents {
        let header = &["experiment", "customer_id", "arm", "assigned_at"];
        files
            .put(&format!("experiment_assignments/{day}.csv"), &csv_bytes(b',', header, &rows)?)?;
    }
    Ok(())
}
