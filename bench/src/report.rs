//! Collects the cells, prints them as they come, and writes the table of ratios.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::goals::GOALS;
use crate::http::Result;
use crate::measured::Measured;
use crate::settings::Settings;
use crate::usage::{Usage, Watch};

/// All cells measured so far.
pub struct Report {
    settings: Settings,
    cells: Vec<Cell>,
    /// Further sections of the results, in Markdown.
    pub sections: Vec<String>,
    /// What failed; the run goes on, and ends with an error.
    pub failures: Vec<String>,
}

struct Cell {
    key: String,
    unit: &'static str,
    measured: Measured,
}

impl Report {
    /// An empty one.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), cells: Vec::new(), sections: Vec::new(), failures: Vec::new() }
    }

    /// Measures a cell as often as the settings say, under watch, and keeps the median. A failure is noted, and the bench
    /// goes on.
    pub async fn cell(
        &mut self,
        key: &str,
        unit: &'static str,
        servers: &[u32],
        mut measure: impl AsyncFnMut() -> Result<Measured>,
    ) -> Option<Measured> {
        let mut rounds = Vec::new();
        for _ in 0..self.settings.rounds.max(1) {
            rounds.push(self.watch(key, servers, measure()).await?);
        }
        rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
        let median = rounds.swap_remove(rounds.len() / 2);
        self.add(key, unit, median.clone());
        Some(median)
    }

    /// Measures a cell that cannot be repeated as it stands.
    pub async fn once(
        &mut self,
        key: &str,
        unit: &'static str,
        servers: &[u32],
        measure: impl Future<Output = Result<Measured>>,
    ) -> Option<Measured> {
        let measured = self.watch(key, servers, measure).await?;
        self.add(key, unit, measured.clone());
        Some(measured)
    }

    async fn watch(
        &mut self,
        key: &str,
        servers: &[u32],
        measure: impl Future<Output = Result<Measured>>,
    ) -> Option<Measured> {
        let watch = Watch::begin(servers, Some(&self.settings.database_url)).await;
        match measure.await {
            Ok(mut measured) => {
                measured.usage = Some(watch.end().await);
                Some(measured)
            }
            Err(error) => {
                self.fail(key, error);
                None
            }
        }
    }

    /// Adds a cell measured elsewhere.
    pub fn add(&mut self, key: &str, unit: &'static str, measured: Measured) {
        let cell = Cell { key: key.to_owned(), unit, measured };
        println!("{}", cell.line());
        self.cells.push(cell);
    }

    /// Notes a failure.
    pub fn fail(&mut self, what: &str, error: String) {
        println!("{what}: FAILED: {error}");
        self.failures.push(format!("{what}: {error}"));
    }

    fn figure(&self, key: &str) -> Option<f64> {
        if let Some(constant) = key.strip_prefix('=') {
            return constant.parse().ok();
        }
        let (key, field) = key.rsplit_once('.').unwrap_or((key, ""));
        let measured = &self.cells.iter().find(|cell| cell.key == key)?.measured;
        let figure = match field {
            "p50" => measured.p50_ms,
            "p99" => measured.p99_ms,
            _ => measured.per_second,
        };
        (measured.count > 0).then_some(figure)
    }

    fn ratios(&self) -> String {
        let mut table =
            "| what | measured | peer or limit | ratio | to reach | |\n|---|--:|--:|--:|--:|---|\n".to_owned();
        for goal in GOALS {
            let (Some(of), Some(to)) = (self.figure(goal.of), self.figure(goal.to)) else { continue };
            let ratio = of / to;
            let (wanted, verdict) = match goal.wanted {
                Some(wanted) => {
                    (wanted.to_string(), if wanted.is_reached(ratio) { "reached" } else { "**not reached**" })
                }
                None => (String::new(), ""),
            };
            let _ = writeln!(
                table,
                "| {} | {} | {} | {ratio:.2} | {wanted} | {verdict} |",
                goal.what,
                number(of),
                number(to)
            );
        }
        table
    }

    fn figures(&self) -> String {
        let mut table =
            "| cell | figure | unit | p50 ms | p99 ms | server | PostgreSQL | others | server µs | PostgreSQL µs | commits/s | flushes/s | |\n\
                         |---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n"
                .to_owned();
        for cell in &self.cells {
            let measured = &cell.measured;
            let latencies = match measured.p50_ms {
                0.0 => "| |".to_owned(),
                p50 => format!("{p50:.2} | {:.2} |", measured.p99_ms),
            };
            let usage = measured.usage.map_or("| | | | | | |".to_owned(), |usage| {
                let Usage { server, postgres, others, commits, flushes, .. } = usage;
                let [server_each, postgres_each] = [server, postgres].map(|cores| cores * 1e6 / measured.per_second);
                format!(
                    "{server:.2} | {postgres:.2} | {others:.2} | {server_each:.0} | {postgres_each:.0} | {commits:.0} | \
                     {flushes:.0} |"
                )
            });
            let stolen = match measured.usage {
                Some(usage) if usage.stolen > 0.05 => format!("{:.2} cores taken by the host. ", usage.stolen),
                _ => String::new(),
            };
            let _ = writeln!(
                table,
                "| {} | {} | {} | {latencies} {usage} {stolen}{} |",
                cell.key,
                number(measured.per_second),
                cell.unit,
                measured.note
            );
        }
        table
    }

    /// The whole report in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Results of the bench\n\nWritten by `bench/run`; {}. {}\n\n{}\n## Ratios\n\n{}\n",
            length(&self.settings),
            self.settings.remark,
            machine(),
            self.ratios()
        );
        let _ = write!(
            text,
            "## Figures and what they are made of\n\n\
             `server`, `PostgreSQL` and `others` (load tool, peer, and whatever else the machine did) are busy cores of the {} \
             there are; `µs` is that\nprocessor time per command, request or row, which says more than the figure itself on a busy \
             machine.\nA flush is an fdatasync of PostgreSQL's log; commits / flushes tells how many commits share one.\n\n{}",
            cores(),
            self.figures()
        );
        for section in &self.sections {
            let _ = write!(text, "\n{section}");
        }
        if !self.failures.is_empty() {
            let _ = writeln!(text, "\n## Failures\n");
            for failure in &self.failures {
                let _ = writeln!(text, "- {}", failure.replace('\n', " "));
            }
        }
        text
    }

    /// Prints the table of ratios, and writes the results if the run is one to keep.
    pub fn finish(&self, path: &Path) -> Result<()> {
        println!("\n{}", self.ratios());
        for section in &self.sections {
            println!("{section}");
        }
        if self.settings.is_full() {
            std::fs::write(path, self.markdown()).map_err(|error| format!("{}: {error}", path.display()))?;
            println!("Written to {}", path.display());
        }
        match self.failures.len() {
            0 => Ok(()),
            count => Err(format!("{count} failed:\n{}", self.failures.join("\n"))),
        }
    }
}

impl Cell {
    fn line(&self) -> String {
        let Measured { per_second, p50_ms, p99_ms, usage, note, .. } = &self.measured;
        let mut line = format!("{:34} {:>10} {:12}", self.key, number(*per_second), self.unit);
        if *p50_ms > 0.0 {
            let _ = write!(line, " p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms;");
        }
        if let Some(Usage { server, postgres, others, stolen, commits, flushes }) = usage {
            let _ = write!(line, " cores: server {server:.2}, PostgreSQL {postgres:.2}, others {others:.2};");
            let [server, postgres] = [server, postgres].map(|cores| cores * 1e6 / per_second);
            let _ = write!(line, " µs each: server {server:.0}, PostgreSQL {postgres:.0};");
            let _ = write!(line, " {commits:.0} commits/s, {flushes:.0} flushes/s;");
            if *stolen > 0.05 {
                let _ = write!(line, " {stolen:.2} cores taken by the host;");
            }
        }
        line + " " + note
    }
}

/// Three digits that count, thousands set apart.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn length(settings: &Settings) -> String {
    let rounds = match settings.rounds {
        0 | 1 => String::new(),
        rounds => format!(", median of {rounds}"),
    };
    format!(
        "{} s per cell after {} s of warm-up{rounds}, large set of {} rows",
        settings.seconds, settings.warmup, settings.rows
    )
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}

fn machine() -> String {
    let output = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    let mut text = format!(
        "Machine: {} cores ({}), {:.0} GiB, Linux {}; {}.\n",
        cores(),
        cpu.trim_start_matches([' ', '\t', ':']),
        memory.unwrap_or(0.0) / 1024.0 / 1024.0,
        output("uname", &["-r"]).unwrap_or_default(),
        output("rustc", &["--version"]).unwrap_or_default()
    );
    let revision = output("git", &["describe", "--always", "--dirty"]).unwrap_or_default();
    let day = output("date", &["-u", "+%Y-%m-%d"]).unwrap_or_default();
    let _ = writeln!(
        text,
        "Revision {revision}, {day}. Load tool, servers and PostgreSQL share the machine; fsync is on everywhere."
    );
    text
}
