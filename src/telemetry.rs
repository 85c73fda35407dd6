//! Logs and metrics of the process itself.

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    sync::{
        LazyLock,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::LogFormat;

/// Upper bounds of the latency histograms in seconds.
const BUCKETS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The recorder is global to the process, so that any code can count; tests start several servers in one process.
static METRICS: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let builder = PrometheusBuilder::new();
    let builder = builder.set_buckets(&BUCKETS).unwrap_or_default();
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder is in place; /metrics stays empty");
    }
    handle
});

/// What has been counted so far.
pub fn metrics() -> &'static PrometheusHandle {
    &METRICS
}

/// Keeps the histograms compact; runs for ever.
pub async fn keep_metrics() {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        metrics().run_upkeep();
    }
}

/// Whether something may be in the log, whatever level was asked for: the RabbitMQ client writes whole messages, and so what
/// they say of people, into everything below its errors.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with("lapin") || *metadata.level() == Level::ERROR
}

/// Sends the log to standard error: JSON lines, or text for a person at a terminal.
///
/// `level` is a level or a filter such as `info,sqlx=warn`. Has no effect when a log is in place already.
pub fn init(level: &str, format: LogFormat) {
    let text = match format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let filter = EnvFilter::builder().parse_lossy(level).and(filter_fn(is_discreet));
    let layer = tracing_subscriber::fmt::layer().with_writer(|| LOG.clone());
    let layer: Box<dyn Layer<Registry> + Send + Sync> = if text {
        layer.with_filter(filter).boxed()
    } else {
        layer.json().flatten_event(true).with_current_span(false).with_span_list(false).with_filter(filter).boxed()
    };
    // A second call, as tests make, finds the log in place.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

/// Lines that may wait for the log's writer; beyond that they are dropped and counted, for a request must not wait for
/// whoever reads the log.
const BACKLOG: usize = 8_192;

static LOG: LazyLock<LogWriter> = LazyLock::new(|| {
    let (sender, receiver) = sync_channel(BACKLOG);
    if let Err(error) = thread::Builder::new().name("log".to_owned()).spawn(move || write_log(&receiver)) {
        eprintln!("interview-relay: no log: {error}");
    }
    LogWriter(sender)
});

#[derive(Clone)]
struct LogWriter(SyncSender<Entry>);

enum Entry {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

impl Write for LogWriter {
    /// Gets whole lines: the log's layer formats a line before it writes it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Entry::Line(line.to_vec())).is_err() {
            metrics::counter!("log_lines_dropped_total").increment(1);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what has gathered with as few system calls as possible.
fn write_log(entries: &Receiver<Entry>) {
    let mut output = BufWriter::with_capacity(64 << 10, io::stderr());
    // Nobody can be told when standard error is gone, so failures to write are nobody's business.
    while let Ok(first) = entries.recv() {
        let mut next = Some(first);
        while let Some(entry) = next {
            match entry {
                Entry::Line(line) => drop(output.write_all(&line)),
                Entry::Flush(done) => {
                    let _ = output.flush();
                    let _ = done.send(());
                }
            }
            next = entries.try_recv().ok();
        }
        let _ = output.flush();
    }
}

/// Waits until everything logged so far has been written; to be called before the program ends.
pub fn flush() {
    let (sender, receiver) = sync_channel(1);
    if LOG.0.send(Entry::Flush(sender)).is_ok() {
        let _ = receiver.recv_timeout(Duration::from_secs(1));
    }
}
