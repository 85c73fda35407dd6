//! Guarantee 1: acknowledged means durable, whoever is killed.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::DateTime;
use interview_relay::{
    clock::Clock,
    store::{Location, Store},
    trust::keys::{Keys, random_key},
};
use parking_lot::Mutex;

use super::submissions::{append, committed, unique};
use crate::support::{
    engines::{Engine, on_both_engines, postgres_rows},
    postgres::Cluster,
};

const LOCATION: &str = "RELAY_TEST_CRASH_LOCATION";

/// Not a test by itself: the server that the tests below kill. It commits as fast as it can, on eight tasks, and prints
/// each stream once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the victim of the crash tests, which start it themselves"]
async fn victim() {
    let Ok(location) = std::env::var(LOCATION) else { return };
    let location = if location.starts_with("postgres") {
        Location::Postgres(location)
    } else {
        Location::Sqlite(PathBuf::from(location))
    };
    let (clock, _hands) = Clock::manual(DateTime::UNIX_EPOCH);
    let store = Store::open(location, Arc::new(Keys::new(random_key())), clock, 1).await.expect("open");
    let writers = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            loop {
                let stream = format!("prj_{}_{}", std::process::id(), unique());
                let mut submission = append("org_1", &stream, 1);
                submission.counters.push(("all".to_owned(), 1));
                assert!(committed(&store.commit(submission).await));
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {stream}").and_then(|()| out.flush()).expect("print");
            }
        })
    });
    // They end only when one of them fails.
    futures_util::future::try_join_all(writers).await.expect("the writers");
}

/// The running victim; dropping it kills it.
struct Victim(Child);

impl Victim {
    fn start(location: &Location) -> Self {
        let location = match location {
            Location::Sqlite(path) => path.display().to_string(),
            Location::Postgres(url) => url.clone(),
        };
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "store::contract::crashes::victim", "--ignored", "--nocapture"])
            .env(LOCATION, location)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start the victim");
        Self(child)
    }

    /// Kills it once it has acknowledged `count` streams; answers all that it managed to acknowledge.
    fn kill9_after(mut self, count: usize) -> Vec<String> {
        let mut lines = BufReader::new(self.0.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        // The harness prints the test's name without an end of line, so the first may come after other text.
        let stream = |line: String| line.split("acknowledged ").nth(1).map(str::to_owned);
        let mut acknowledged: Vec<_> = lines.by_ref().filter_map(stream).take(count).collect();
        assert_eq!(acknowledged.len(), count, "the victim ended by itself");
        self.0.kill().expect("kill -9");
        let mut rest: Vec<_> = lines.filter_map(stream).collect();
        rest.pop(); // may be cut off in the middle
        acknowledged.extend(rest);
        acknowledged
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

on_both_engines! {
    async fn acknowledged_commands_survive_a_kill_of_the_server(engine: Engine) {
        let mut acknowledged = Vec::new();
        for round in 1..=3 {
            let victim = Victim::start(&engine.location());
            acknowledged.extend(tokio::task::spawn_blocking(move || victim.kill9_after(40 * round)).await.expect("killed"));
            // A new server takes over at once, and finds everything whole.
            let store = engine.node().await;
            assert!(committed(&store.commit(append("org_2", &format!("prj_{round}"), 1)).await));
            let streams = store.versions(acknowledged.clone()).await.expect("read");
            assert_eq!(streams.len(), acknowledged.len(), "an acknowledged stream is lost");
            let events = engine.number("SELECT COUNT(*) FROM events").await;
            assert_eq!(engine.number("SELECT MAX(position) FROM events").await, events, "gapless");
            assert_eq!(engine.number("SELECT position FROM log_head").await, events);
            assert_eq!(engine.number("SELECT n FROM counters WHERE scope = 'all'").await, events - round as i64);
        }
    }
}

/// The database is killed under load and comes back: errors meanwhile, recovery after, nothing acknowledged is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_postgres_is_an_error_and_the_store_recovers() {
    let mut cluster = Cluster::start();
    let (clock, _hands) = Clock::manual(DateTime::UNIX_EPOCH);
    let location = Location::Postgres(cluster.url());
    let store = Store::open(location, Arc::new(Keys::new(random_key())), clock, 4).await.expect("open");
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    for round in 1..=3 {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let (store, acknowledged, stop) = (store.clone(), acknowledged.clone(), stop.clone());
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        let stream = format!("prj_{}", unique());
                        if committed(&store.commit(append("org_1", &stream, 1)).await) {
                            acknowledged.lock().push(stream);
                        }
                    }
                })
            })
            .collect();
        let mut head = store.head();
        let enough = *head.borrow() + 100;
        head.wait_for(|head| *head >= enough).await.expect("progress");
        tokio::task::block_in_place(|| cluster.kill9());
        let lost = store.commit(append("org_1", &format!("prj_{}", unique()), 1)).await;
        assert!(lost.is_err(), "{lost:?}");
        assert!(store.last_position().await.is_err(), "reading fails too");
        assert!(store.ready().await.is_err(), "and the node is not ready");
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("a writer");
        }
        tokio::task::block_in_place(|| cluster.restart());

        // Each connection that was lost may cost one error.
        let mut attempts = 0;
        while !committed(&store.commit(append("org_1", &format!("prj_{}", unique()), 1)).await) {
            attempts += 1;
            assert!(attempts <= 2, "the writer does not recover");
        }
        attempts = 0;
        while store.ready().await.is_err() {
            attempts += 1;
            assert!(attempts <= 4, "the readers do not recover");
        }
        let streams: Vec<String> = acknowledged.lock().clone();
        assert!(streams.len() >= 90 * round);
        let rows = postgres_rows(&cluster.url(), "SELECT stream_id, position FROM events ORDER BY position").await;
        let stored: std::collections::HashSet<_> = rows.iter().map(|row| row[0].text()).collect();
        assert!(streams.iter().all(|stream| stored.contains(stream.as_str())), "an acknowledged stream is lost");
        assert!(rows.iter().enumerate().all(|(i, row)| row[1].int() == i as i64 + 1), "gapless");
    }
}

/// A commit waits for the disk, even where the database's owner has turned that off for whoever does not ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_commits_are_synchronous_whatever_the_default() {
    let engine = Engine::postgres("synchronous").await;
    for sql in [
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
        "CREATE TABLE told (setting TEXT)",
        "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO told VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$",
        "CREATE TRIGGER tell AFTER INSERT ON events EXECUTE FUNCTION tell()",
    ] {
        engine.sql(sql).await;
    }
    assert_eq!(engine.sql("SHOW synchronous_commit").await[0][0].text(), "off", "for those who connect from now on");
    let node = engine.node().await;
    for n in 0..3 {
        assert!(committed(&node.commit(append("org_1", &format!("prj_{n}"), 1)).await));
    }
    let told = engine.sql("SELECT setting FROM told").await;
    assert_eq!(told.iter().map(|row| row[0].text()).collect::<Vec<_>>(), ["on"; 3]);
}
