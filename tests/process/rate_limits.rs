//! Several processes that count requests together, in a Redis that comes and goes.

use std::{collections::BTreeMap, time::Duration};

use crate::support::{
    postgres::TestDatabase,
    process::{Home, Server},
    redis::Redis,
};

/// Requests a minute of a key on the plan `free`.
const LIMIT: usize = 60;

/// What a request was told of its budget.
struct Told {
    status: u16,
    remaining: usize,
    /// The window that it was counted in. Processes run by the machine's clock, so a test may see the end of one.
    window: u64,
}

struct Nodes {
    servers: [Server; 2],
    client: reqwest::Client,
    key: String,
    redis: Redis,
    _database: TestDatabase,
    _home: Home,
}

impl Nodes {
    async fn start(name: &str) -> Self {
        let (redis, database) = (Redis::start().await, TestDatabase::create_empty(name).await);
        let home = Home::new(Some(database.url.clone()));
        let url = redis.url();
        let arguments = ["--rate-limit", "on", "--redis-url", &url];
        let servers = [home.serve_with(&arguments).await, home.serve_with(&arguments).await];
        let key = home.organization_on("free");
        Self { servers, client: reqwest::Client::new(), key, redis, _database: database, _home: home }
    }

    async fn ask(&self, node: usize, path: &str, key: Option<&str>) -> Told {
        let request = self.client.get(format!("{}{path}", self.servers[node].url));
        let request = key.into_iter().fold(request, |request, key| request.bearer_auth(key));
        let answer = request.send().await.expect("an answer");
        let header = |name: &str| answer.headers()[name].to_str().expect("text").parse::<u64>().expect("a number");
        let remaining = usize::try_from(header("x-ratelimit-remaining")).expect("small");
        Told { status: answer.status().as_u16(), remaining, window: header("x-ratelimit-reset") }
    }

    /// Asks the first node and then the second one as nobody, within one window; answers what is left.
    async fn both(&self) -> (usize, usize) {
        loop {
            let (one, two) = (self.ask(0, "/v1/projects", None).await, self.ask(1, "/v1/projects", None).await);
            assert_eq!((one.status, two.status), (401, 401));
            if one.window == two.window {
                return (one.remaining, two.remaining);
            }
            // The second one alone has counted in the new window: make them even.
            self.ask(0, "/v1/projects", None).await;
        }
    }

    /// Waits until a node asks Redis again.
    async fn until_counted(&self, node: usize) {
        assert_eq!(self.redis.ask("FLUSHALL").await, "+OK");
        let asked = async {
            while self.redis.ask("DBSIZE").await == ":0" {
                // Costs nothing, and is looked up all the same.
                assert_eq!(self.ask(node, "/healthz", None).await.status, 200);
                // A node tells nobody that it has tried again.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("the node comes back to Redis");
    }
}

/// Sends requests with the key to these nodes in turn. In each window the limit was kept, whoever was asked; answers how
/// many requests of each node were granted in the fullest one.
async fn spend(nodes: &Nodes, to: &[usize], requests: usize) -> [usize; 2] {
    let mut windows: BTreeMap<u64, (usize, [usize; 2])> = BTreeMap::new();
    for node in to.iter().cycle().take(requests) {
        let told = nodes.ask(*node, "/v1/projects", Some(&nodes.key)).await;
        let (sent, granted) = windows.entry(told.window).or_default();
        *sent += 1;
        match told.status {
            200 => granted[*node] += 1,
            status => assert_eq!((status, told.remaining), (429, 0)),
        }
    }
    for (sent, granted) in windows.values() {
        assert!(granted[0] + granted[1] <= LIMIT, "{granted:?} of {sent}");
    }
    windows.into_values().max().expect("a window").1
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_one_count() {
    let nodes = Nodes::start("rate_shared").await;
    // So many that they do not fit into two windows.
    let granted = spend(&nodes, &[0, 1], 2 * LIMIT + 10).await;
    assert_eq!(granted, [LIMIT / 2; 2], "who asks in turn is served in turn");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_every_process_counts_alone_and_nobody_is_turned_away() {
    let mut nodes = Nodes::start("rate_alone").await;
    let (one, two) = nodes.both().await;
    assert_eq!(two, one - 1, "one count");

    // Redis hangs, then it dies. Requests are answered all the while.
    nodes.redis.signal("STOP");
    let (one, two) = nodes.both().await;
    assert!(two >= one, "two counts: {one} and {two} are left");
    nodes.redis.signal("CONT");
    nodes.redis.kill9();
    for _ in 0..10 {
        let (one, two) = nodes.both().await;
        assert!(two >= one, "two counts: {one} and {two} are left");
    }
    assert_eq!(spend(&nodes, &[1], 2 * LIMIT + 10).await, [0, LIMIT], "a process limits on its own");

    // It comes back empty, and both go back to it. What a process has counted itself is not forgotten, so the counts
    // meet once Redis has seen as many requests again.
    nodes.redis.restart().await;
    for node in [0, 1] {
        nodes.until_counted(node).await;
    }
    for _ in 0..60 {
        let (one, two) = nodes.both().await;
        if two == one - 1 {
            return;
        }
    }
    panic!("the processes do not share a count again");
}
