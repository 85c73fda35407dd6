//! cqrs-es with postgres-es on the same server.

use crate::report::Report;
use crate::settings::Settings;
use crate::{database, peer};

/// Measures the peer with 1, 64 and 256 clients.
pub async fn run(settings: &Settings, report: &mut Report) {
    let mut databases = Vec::new();
    for clients in [1, 64, 256] {
        let measure = async || {
            let name = format!("relay_bench_peer{}", databases.len());
            databases.push(name.clone());
            let url = database::create(&settings.database_url, &name).await?;
            peer::run(&settings.peer, &url, clients, settings).await
        };
        report.cell(&format!("peer/c{clients}"), "commands/s", &[], measure).await;
    }
    // Not earlier: a database takes its counts of commits along.
    for name in databases {
        let _ = database::remove(&settings.database_url, &name).await;
    }
}
