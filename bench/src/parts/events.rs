//! With many events stored: an endpoint that is dead and has all of them before it, the catch-up feed, and RabbitMQ.

use std::time::{Duration, Instant};

use super::invites::{clean_up, home};
use crate::fill::{self, BULK};
use crate::hooks;
use crate::http::{Api, Connection, Result};
use crate::measured::Measured;
use crate::rabbitmq::Node;
use crate::receiver::Receiver;
use crate::report::Report;
use crate::scene::{Engine, Scene};
use crate::settings::Settings;
use crate::{audit, database, usage};
use crate::{
    ports::free_port,
    server::{Home, Server},
};

const DATABASE: &str = "relay_bench_events";
/// Events per second to the endpoint that is well.
const STEADY: f64 = 250.0;
/// How long a server does nothing before its memory is looked at.
const REST: Duration = Duration::from_secs(2);
/// Events of a page of the feed: the most that the API gives.
const PAGE: usize = 1_000;
/// How often the broker's counter is read.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    let node = match Node::start(&settings.folder).await {
        Ok(node) => Some(node),
        Err(error) => {
            report.fail("broker", error);
            None
        }
    };
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, node.as_ref(), settings, report).await {
            report.fail(&format!("events/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, node: Option<&Node>, settings: &Settings, report: &mut Report) -> Result<()> {
    let name = engine.name();
    let mut home = home(engine, DATABASE, settings).await?;
    home.set("RELAY_DEV", "on");
    let server = home.start(0).await?;
    let scene = Scene::set(&server).await?;
    let mut api = scene.api(&server);
    let nowhere = format!("http://127.0.0.1:{}/", free_port());
    let dead = [hooks::create(&mut api, &nowhere).await?];
    hooks::set(&mut api, &dead, "paused").await?;
    let began = Instant::now();
    fill::invites(&server, &scene, 0..settings.events / BULK, |_| Ok(())).await?;
    report.add(&format!("events/{name}/fill"), "rows/s", Measured::from_count(settings.events, began.elapsed()));
    server.stop()?;
    if let Some(url) = &home.database_url {
        database::settle(url).await?;
    }

    // Whatever is left to be caught up with is no part of the comparison.
    let server = home.start(0).await?;
    tokio::time::sleep(REST).await;
    server.stop()?;
    for (what, status) in [("without-dead", "paused"), ("with-dead", "enabled")] {
        if let Err(error) = beside(what, status, &dead, name, &home, &scene, settings, report).await {
            report.fail(&format!("events/{name}/{what}"), error);
        }
    }
    if let Err(error) = feed(name, &home, &scene, settings, report).await {
        report.fail(&format!("feed/{name}"), error);
    }
    if let Some(node) = node
        && let Err(error) = broker(name, node, &mut home, settings, report).await
    {
        report.fail(&format!("broker/{name}"), error);
    }
    clean_up(engine, DATABASE, settings).await
}

/// Latency of another endpoint, and memory, with the dead one paused or enabled.
#[expect(clippy::too_many_arguments, reason = "one call of each")]
async fn beside(
    what: &str,
    status: &str,
    dead: &[String],
    name: &str,
    home: &Home,
    scene: &Scene,
    settings: &Settings,
    report: &mut Report,
) -> Result<()> {
    let server = home.start(0).await?;
    let mut api = scene.api(&server);
    let receiver = Receiver::start().await?;
    let hook = hooks::create(&mut api, &receiver.url(1)).await?;
    hooks::set(&mut api, dead, status).await?;
    tokio::time::sleep(REST).await;
    let deliveries = api.get(&format!("{}/deliveries?limit=1", dead[0])).await?;
    let tried = deliveries["data"].as_array().is_some_and(|deliveries| !deliveries.is_empty());
    if tried != (status == "enabled") {
        return Err(format!("the dead endpoint is {status}, and there are {deliveries}"));
    }
    let (scenes, endpoints) = (std::slice::from_ref(scene), [vec![1]]);
    let steady = hooks::steady(&server, scenes, &receiver, STEADY, &endpoints, settings);
    report.once(&format!("events/{name}/{what}"), "deliveries/s", &[server.pid()], steady).await;
    tokio::time::sleep(REST).await;
    let (now, peak) = usage::resident(server.pid()).ok_or("the server is gone")?;
    let memory = Measured::value(now).note(format!("most since its start: {peak:.1} MiB"));
    report.add(&format!("events/{name}/{what}/memory"), "MiB", memory);
    hooks::set(&mut api, dead, "paused").await?;
    api.delete(&hook).await?;
    server.stop()
}

/// Reading everything from the beginning on, with one client and with four.
async fn feed(name: &str, home: &Home, scene: &Scene, settings: &Settings, report: &mut Report) -> Result<()> {
    let mut read = audit::read_all(home).await?;
    read.per_second = read.count as f64 / read.per_second;
    report.add(&format!("feed/{name}/rows"), "events/s", read);
    let server = home.start(0).await?;
    for clients in [1, 4] {
        let mut readers = tokio::task::JoinSet::new();
        let reading = async {
            let end = Instant::now() + settings.duration();
            for number in 0..clients {
                let first = settings.events / clients * number;
                readers.spawn(read_feed(server.address, scene.clone(), first, end));
            }
            let (mut count, mut latencies) = (0, Vec::new());
            while let Some(reader) = readers.join_next().await {
                let (events, pages) = reader.map_err(|error| error.to_string())??;
                count += events;
                latencies.extend(pages);
            }
            let mut measured = Measured::from_latencies(latencies, settings.duration());
            (measured.per_second, measured.count) = (count as f64 / settings.seconds, count);
            Ok(measured.note("p50 and p99 of a page of 1,000"))
        };
        report.once(&format!("feed/{name}/c{clients}"), "events/s", &[server.pid()], reading).await;
    }
    server.stop()
}

/// Reads page after page until `end`, from the beginning again where the log ends; how many events, and each page's latency.
async fn read_feed(
    address: std::net::SocketAddr,
    scene: Scene,
    first: usize,
    end: Instant,
) -> Result<(usize, Vec<u64>)> {
    let mut connection = Connection::open(address).await?;
    let (mut after, mut count, mut latencies) = (first, 0, Vec::new());
    loop {
        let head = Api::new(address, &scene.key).head("GET", &format!("/v1/events?limit={PAGE}&after={after}"));
        let sent = Instant::now();
        let answer = connection.exchange(format!("{head}\r\n").as_bytes()).await?;
        let answered = Instant::now();
        let body = connection.body(answer);
        if answer.status != 200 {
            return Err(format!("status {}: {}", answer.status, String::from_utf8_lossy(body)));
        }
        if answered >= end {
            return Ok((count, latencies));
        }
        latencies.push((answered - sent).as_nanos() as u64);
        // Counted, not parsed: the bench shares the machine.
        count += memchr::memmem::find_iter(body, b"\"sequence\":").count();
        let tail = &body[body.len().saturating_sub(200)..];
        let number = |name: &[u8]| {
            let at = memchr::memmem::rfind(tail, name)? + name.len();
            let digits = tail[at..].iter().take_while(|byte| byte.is_ascii_digit());
            Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
        };
        let next = number(b"\"next\":").ok_or("a page without a next")?;
        after = if next == after { 0 } else { next };
    }
}

/// Publishing the log from its beginning, beside what a bare publisher gets through.
async fn broker(name: &str, node: &Node, home: &mut Home, settings: &Settings, report: &mut Report) -> Result<()> {
    let queue = node.queue().await?;
    let bytes = 1_000; // about what an invite's event has
    let raw = queue.publish(bytes, settings.warmup(), settings.duration());
    report.once(&format!("broker/{name}/bare"), "messages/s", &[], raw).await;
    let queue = node.queue().await?; // empty again
    home.set("AMQP_URL", node.url());
    let server = home.start(0).await?;
    let publishing = async {
        let began = Instant::now();
        let mut first = (Instant::now(), confirmed(&server).await?);
        let mut last;
        loop {
            tokio::time::sleep(ASK_AGAIN).await;
            last = (Instant::now(), confirmed(&server).await?);
            // The connection and the first page are not what is measured.
            if first.1 == 0 || began.elapsed() < settings.warmup() {
                first = last;
            }
            let all = last.1 >= settings.events;
            if all || last.0 - first.0 >= settings.duration() {
                break;
            }
            if began.elapsed() > hooks::PATIENCE {
                return Err(format!("{} messages confirmed after {:?}", last.1, began.elapsed()));
            }
        }
        Ok(Measured::from_count(last.1 - first.1, last.0 - first.0))
    };
    report.once(&format!("broker/{name}"), "events/s", &[server.pid()], publishing).await;
    drop(queue);
    server.stop()
}

/// How many messages RabbitMQ has confirmed to this server.
async fn confirmed(server: &Server) -> Result<usize> {
    let mut connection = Connection::open(server.address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let answer = connection.exchange(request.as_bytes()).await?;
    let text = String::from_utf8_lossy(connection.body(answer)).into_owned();
    let value = text.lines().find_map(|line| line.strip_prefix("broker_confirmed_total "));
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
}
