//! What the machine can do at most: durable writes, raw inserts, HTTP without anything behind it.

use crate::hello::Hello;
use crate::load::{self, Load};
use crate::report::Report;
use crate::settings::Settings;
use crate::template::Template;
use crate::{database, raw};

/// Measures the limits.
pub async fn run(settings: &Settings, report: &mut Report) {
    let (warmup, duration) = (settings.warmup(), settings.duration());
    let folder = settings.folder.clone();
    let flushes = async || {
        let folder = folder.clone();
        let flushing = tokio::task::spawn_blocking(move || raw::flushes(&folder, warmup, duration));
        flushing.await.map_err(|error| error.to_string())?
    };
    report.cell("raw/fdatasync", "flushes/s", &[], flushes).await;

    match database::create(&settings.database_url, "relay_bench_raw").await {
        Err(error) => report.fail("raw/rows", error),
        Ok(url) => {
            for batch in [1, 10, 100, 500] {
                let insert = async || raw::inserts(&url, batch, warmup, duration).await;
                report.cell(&format!("raw/rows{batch}"), "rows/s", &[], insert).await;
            }
            let _ = database::remove(&settings.database_url, "relay_bench_raw").await;
        }
    }

    match Hello::start().await {
        Err(error) => report.fail("hello", error),
        Ok(hello) => {
            let load = Load {
                addresses: vec![hello.address],
                connections: 64,
                warmup,
                duration,
                template: Template::new("GET / HTTP/1.1\r\nHost: localhost\r\n", ""),
                expected: 200,
            };
            report.cell("hello/c64", "requests/s", &[hello.pid()], async || load::run(load.clone()).await).await;
        }
    }
}
