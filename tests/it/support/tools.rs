//! Programs that a machine may or may not have.

use std::path::PathBuf;
use std::process::Command;

use super::data::skip;

/// psql, or `None` (said by name).
pub fn psql() -> Option<PathBuf> {
    found("psql", &["--version"])
}

/// A Python that can import every one of `modules`, or `None` (said by name).
///
/// `LAKEPORT_PYTHON` names one, a virtual environment's for example.
pub fn python(modules: &[&str]) -> Option<PathBuf> {
    let program = std::env::var("LAKEPORT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let imports = format!("import {}", modules.join(", "));
    found(&program, &["-c", if modules.is_empty() { "pass" } else { &imports }])
}

fn found(program: &str, probe: &[&str]) -> Option<PathBuf> {
    match Command::new(program).args(probe).output() {
        Ok(output) if output.status.success() => Some(PathBuf::from(program)),
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            skip(&format!("{program}: {}", reason.lines().last().unwrap_or("failed")));
            None
        }
        Err(error) => {
            skip(&format!("{program}: {error}"));
            None
        }
    }
}
