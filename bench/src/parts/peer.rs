//! cqrs-es with postgres-es on the same server.

use crate::report::Report;
use crate::settings::Settings;
use crate::{database, peer};

/// Measures the peer with 1, 64 and 256 clients.
pub async fn run(settings: &Settings, report: &mut Report) {
    for clients in [1, 64, 256] {
        let measure = async || {
            let url = database::create(&settings.database_url, "relay_bench_peer").await?;
            let measured = peer::run(&settings.peer, &url, clients, settings).await;
            database::remove(&settings.database_url, "relay_bench_peer").await?;
            measured
        };
        report.cell(&format!("peer/c{clients}"), "commands/s", &[], measure).await;
    }
}
