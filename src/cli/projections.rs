//! `projections rebuild` and `projections verify`.

use super::installation::Installation;
use crate::store::{self, Report};

/// Replays the log into fresh tables and puts them in the place of the live ones.
pub async fn rebuild(installation: &Installation) -> Result<(), String> {
    let report = installation.store.rebuild_projections().await.map_err(|error| match error {
        store::Error::LeaseLost(_) => "another rebuild was started; this one has changed nothing".to_owned(),
        error => error.to_string(),
    })?;
    print(&report);
    say!("rebuilt {} rows from {} events; the fresh tables are live", report.rows, report.position);
    Ok(())
}

/// Replays the log and compares; differences make the command fail.
pub async fn verify(installation: &Installation) -> Result<(), String> {
    let report = installation.store.verify_projections().await.map_err(|error| error.to_string())?;
    print(&report);
    if report.differences.is_empty() {
        say!("verified {} rows against {} events: replay equals live", report.rows, report.position);
        Ok(())
    } else {
        Err(format!("{} differences; `projections rebuild` mends them", report.differences.len()))
    }
}

fn print(report: &Report) {
    for difference in &report.differences {
        say!("{} {} {}", difference.table, difference.id, difference.what);
    }
}
