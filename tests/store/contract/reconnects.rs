//! Connections to PostgreSQL that end for reasons of their own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::DateTime;
use futures_util::future::join_all;
use interview_relay::{
    clock::Clock,
    store::{Error, Location, Store},
    trust::keys::Keys,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::submissions::{append, committed};
use crate::support::{MASTER_KEY, engines::postgres_rows, postgres::Cluster};

const READERS: u32 = 4;

async fn open(url: String) -> Store {
    let (clock, _hands) = Clock::manual(DateTime::UNIX_EPOCH);
    let keys = Arc::new(Keys::new(MASTER_KEY.into()));
    Store::open(Location::Postgres(url), keys, clock, READERS).await.expect("open")
}

/// Whoever had nothing under way when the database was restarted does not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_store_does_not_notice_a_restart() {
    let mut cluster = Cluster::start();
    Store::migrate(Location::Postgres(cluster.url())).await.expect("migrate");
    let store = open(cluster.url()).await;
    let read_all = async |expected: i64| {
        // More than the pool has, so that each of its connections is used.
        for read in join_all((0..4 * READERS).map(|_| store.last_position())).await {
            assert_eq!(read.expect("read"), expected);
        }
    };
    for round in 0..3 {
        for n in 1..=2 {
            assert!(committed(&store.commit(append("org_1", &format!("prj_{round}_{n}"), 1)).await));
        }
        read_all(3 * round + 2).await;
        cluster.kill9();
        cluster.restart();
        if round % 2 == 0 {
            read_all(3 * round + 2).await;
        }
        let after = store.commit(append("org_1", &format!("prj_{round}_3"), 1)).await;
        assert!(committed(&after), "{after:?}");
        read_all(3 * round + 3).await;
    }
}

/// Which half of a conversation with the database is lost, by what stands in a statement's parameters.
const LOST_QUESTION: &str = "prj_question_is_lost";
const LOST_ANSWER: &str = "prj_answer_is_lost";

/// Stands between a store and its database, and cuts a connection the first time that it sees one of those.
async fn cutting(database: SocketAddr) -> (SocketAddr, Arc<[AtomicUsize; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let seen = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counts = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(database).await.expect("the database");
            tokio::spawn(relay(client, server, Arc::clone(&counts)));
        }
    });
    (address, seen)
}

async fn relay(mut client: TcpStream, mut server: TcpStream, seen: Arc<[AtomicUsize; 2]>) {
    let (mut questions, mut answers) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        tokio::select! {
            read = client.read(&mut questions) => {
                let Ok(length @ 1..) = read else { return };
                let text = String::from_utf8_lossy(&questions[..length]);
                let first = |n: usize, marker| text.contains(marker) && seen[n].fetch_add(1, Ordering::Relaxed) == 0;
                if first(0, LOST_QUESTION) {
                    return;
                }
                let lost = first(1, LOST_ANSWER);
                server.write_all(&questions[..length]).await.expect("forward");
                if lost {
                    // It is answered once it is committed.
                    assert!(server.read(&mut answers).await.expect("an answer") > 0);
                    return;
                }
            }
            read = server.read(&mut answers) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answers[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What was lost on its way is done again; what may have been done is not, and its caller is told that nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_repeated_takes_effect_once() {
    let cluster = Cluster::start();
    Store::migrate(Location::Postgres(cluster.url())).await.expect("migrate");
    let (proxy, seen) = cutting(cluster.address()).await;
    let store = open(cluster.url().replace(&cluster.address().to_string(), &proxy.to_string())).await;
    for n in 0..2 {
        assert!(committed(&store.commit(append("org_1", &format!("prj_{n}"), 1)).await));
    }
    let asked = async |n: usize, stream: &str| {
        let result = store.commit(append("org_1", stream, 1)).await;
        let sql = format!("SELECT COUNT(*) FROM events WHERE stream_id = '{stream}'");
        (result, seen[n].load(Ordering::Relaxed), postgres_rows(&cluster.url(), &sql).await[0][0].int())
    };
    let (result, times, stored) = asked(0, LOST_QUESTION).await;
    assert!(committed(&result), "{result:?}");
    assert_eq!((times, stored), (2, 1));

    let (result, times, stored) = asked(1, LOST_ANSWER).await;
    assert!(matches!(result, Err(Error::Database(_) | Error::Unavailable(_))), "{result:?}");
    assert_eq!((times, stored), (2, 1), "it was tried again, in vain");

    assert!(committed(&store.commit(append("org_1", "prj_after", 1)).await), "and goes on");
    let gapless = "SELECT COUNT(*) FROM events WHERE position > (SELECT COUNT(*) FROM events)";
    assert_eq!(postgres_rows(&cluster.url(), gapless).await[0][0].int(), 0);
}
