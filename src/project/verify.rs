//! Verifying views from the command line.

use crate::config::Paths;
use crate::error::{Error, ErrorKind};
use crate::matview::VerifyRequest;

use super::run::parse_names;
use super::{Failure, Overrides, Reporter, load_config, open};

/// Compares the views named, or all, with their queries. Applies no files: what is verified is what
/// the lake serves.
///
/// # Errors
/// `UndefinedFile` where no lake is; `UndefinedTable` for a name that is no materialised view;
/// [`Failure::Partial`] when a view differs or could not be verified.
pub async fn verify(
    paths: &Paths,
    names: &[String],
    sample_percent: f64,
    reporter: &Reporter,
) -> Result<(), Failure> {
    if !(sample_percent > 0.0 && sample_percent <= 100.0) {
        let message = "a sample must be above 0 and at most 100 percent";
        return Err(Error::new(ErrorKind::InvalidParameterValue, message).into());
    }
    let config = load_config(paths, Overrides::default())?;
    if !paths.dir.exists() {
        let message = format!("no lake is at \"{}\"", paths.dir.display());
        return Err(Error::new(ErrorKind::UndefinedFile, message)
            .hint("Name its folder with --dir, or make it with `lakeport refresh`.")
            .into());
    }
    let views = parse_names(names)?;
    let services = open(paths, config).await?;
    let progress = reporter.bars("verifying");
    let verified = services.refresher.verify(&VerifyRequest { views, sample_percent }).await;
    services.lake.settle().await;
    let report = verified?;
    progress.finish();
    reporter.verified(&report);
    if report.is_clean() { Ok(()) } else { Err(Failure::Partial) }
}
