//! Real data beside the project, which a user's machine may not have.

use std::path::{Path, PathBuf};

/// A file or folder of the shared test data, or `None` (said by name) where it is not at hand.
///
/// In CI (`CI=true`) missing data fails the test.
pub fn shared_data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("LAKEPORT_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let found = root.join(path);
    if found.exists() {
        return Some(found);
    }
    skip(&format!("{} is not there", found.display()));
    None
}

/// Says that the running test is skipped, and why; in CI that is a failure.
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test").to_owned();
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{name} cannot run: {why}");
    eprintln!("skipped {name}: {why}");
}

/// Whether there are hours: `.ci/run --long`.
pub fn long() -> bool {
    std::env::var_os("LAKEPORT_LONG").is_some()
}
