//! `GET /v1/events` as a stream of server-sent events.

use std::time::Duration;

use chrono::TimeDelta;
use interview_relay::http::server::Bounds;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::support::{
    engines::on_both_engines,
    product::{Product, Setup, id},
};

/// The reading end of a stream.
struct Reader {
    response: Response,
    text: String,
}

/// One block of a stream: its fields in order, comments under the name "".
type Block = Vec<(String, String)>;

impl Reader {
    async fn open(product: &Product, parameters: &str, key: &str, last_event_id: Option<&str>) -> Self {
        let request = product.request(Method::GET, &format!("/v1/events?{parameters}"), key);
        let request = request.header("Accept", "text/event-stream");
        let request = last_event_id.into_iter().fold(request, |request, id| request.header("Last-Event-ID", id));
        let response = request.send().await.expect("send");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut reader = Self { response, text: String::new() };
        assert_eq!(reader.block().await.expect("a greeting"), [("retry".to_owned(), "2000".to_owned())]);
        reader
    }

    /// The next block; `None` when the stream has ended in order.
    async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block = self.text[..end].to_owned();
                self.text.drain(..end + 2);
                let field = |line: &str| {
                    let (name, value) = line.split_once(':').expect("a field");
                    (name.to_owned(), value.trim_start().to_owned())
                };
                return Some(block.lines().map(field).collect());
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.response.chunk()).await.expect("in time");
            match chunk.expect("no broken connection") {
                Some(bytes) => self.text.push_str(std::str::from_utf8(&bytes).expect("text")),
                None => {
                    assert_eq!(self.text, "", "nothing is cut off");
                    return None;
                }
            }
        }
    }

    /// The next event, whose fields repeat what its body says.
    async fn event(&mut self) -> Value {
        let block = self.block().await.expect("a block");
        let names: Vec<&str> = block.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["id", "event", "data"]);
        let event: Value = serde_json::from_str(&block[2].1).expect("JSON");
        assert_eq!(block[0].1, event["sequence"].to_string());
        assert_eq!(block[1].1, event["type"].as_str().expect("a type"));
        event
    }
}

async fn feed(product: &Product, parameters: &str) -> Vec<Value> {
    product.get(&format!("/v1/events?limit=1000&{parameters}")).await.expect(200)["data"]
        .as_array()
        .expect("data")
        .clone()
}

async fn narrow_key(product: &Product) -> (String, String) {
    let body = json!({"name": "stream", "scopes": ["webhooks:read"]});
    let made = product.post("/v1/api-keys", body).await.expect(201);
    (id(&made), made["key"].as_str().expect("a key").to_owned())
}

on_both_engines! {
    async fn a_place_that_is_none_is_told(engine: Engine) {
        let product = Product::start(engine).await;
        for bad in ["evt_nonsense", "-1", "soon"] {
            let request = product.request(Method::GET, "/v1/events", &product.key);
            let request = request.header("Accept", "text/event-stream").header("Last-Event-ID", bad);
            let answer = product.send(request).await;
            assert_eq!(answer.refused(400), "INVALID_REQUEST", "{bad}");
            assert_eq!(answer.fields(), [("Last-Event-ID".to_owned(), "invalid_format".to_owned())]);
        }
        product.stop().await;
    }

    async fn a_stream_goes_on_from_where_it_is_told_to(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        product.invite(&campaign, "ada@example.com").await;
        let mut from_start = Reader::open(&product, "", &product.key, None).await;
        let mut live = Reader::open(&product, "after=latest", &product.key, None).await;
        let mut invites = Reader::open(&product, "types=invite.*", &product.key, None).await;
        let past = feed(&product, "").await;
        assert_eq!(past.len(), 3);
        for event in &past {
            assert_eq!(from_start.event().await, *event);
        }
        assert_eq!(invites.event().await, past[2]);
        for n in 0..120 {
            product.invite(&campaign, &format!("p{n}@example.com")).await;
        }
        product.post(&format!("/v1/campaigns/{campaign}/pause"), json!({})).await.expect(200);
        let news = feed(&product, &format!("after={}", past[2]["sequence"])).await;
        assert_eq!(news.len(), 121);
        for event in &news {
            assert_eq!(from_start.event().await, *event);
            assert_eq!(live.event().await, *event);
        }
        for event in &news[..120] {
            assert_eq!(invites.event().await, *event);
        }
        // Again, from the middle, as a browser asks for it; it outweighs the parameter, which belongs to the first time.
        for last in [news[60]["sequence"].to_string(), news[60]["id"].as_str().expect("an id").to_owned()] {
            let mut resumed = Reader::open(&product, "after=0", &product.key, Some(&last)).await;
            assert_eq!(resumed.event().await, news[61]);
        }
    }

    async fn a_stream_hears_of_what_another_node_commits(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let mut reader = Reader::open(&product, "after=latest", &product.key, None).await;
        let node = interview_relay::command::Commands::new(
            product.engine.node().await,
            product.engine.clock.clone(),
            product.engine.keys.clone(),
            "http://other".to_owned(),
        );
        let caller = interview_relay::command::Caller {
            organization: product.organization,
            actor: "test".to_owned(),
            request_id: "test".to_owned(),
        };
        let pause = interview_relay::command::campaigns::PauseCampaign { id: campaign.parse().expect("an id") };
        node.run(&caller, None, &pause).await.expect("run").result.expect("paused");
        assert_eq!(reader.event().await["type"], "campaign.paused");
    }

    async fn a_quiet_stream_says_that_it_is_alive_and_how_far_it_is(engine: Engine) {
        let product = Product::start(engine).await;
        product.script().await;
        let mut reader = Reader::open(&product, "types=campaign.*", &product.key, None).await;
        let head = product.get("/v1/events").await.expect(200)["next"].to_string();
        for _ in 0..2 {
            product.engine.hands.advance(TimeDelta::seconds(16));
            let block = reader.block().await.expect("a block");
            assert_eq!(block, [("".to_owned(), "still here".to_owned()), ("id".to_owned(), head.clone())]);
        }
    }

    async fn a_stream_ends_soon_after_its_key_is_revoked(engine: Engine) {
        let product = Product::start(engine).await;
        let (id, key) = narrow_key(&product).await;
        let mut reader = Reader::open(&product, "after=latest", &key, None).await;
        let mut other = Reader::open(&product, "after=latest", &product.key, None).await;
        product.delete(&format!("/v1/api-keys/{id}")).await.expect(204);
        product.engine.hands.advance(TimeDelta::seconds(3));
        assert_eq!(reader.block().await, None);
        product.script().await;
        assert_eq!(other.event().await["type"], "script.published", "other keys' streams go on");
    }

    async fn a_key_has_a_bounded_number_of_streams(engine: Engine) {
        let product = Product::start(engine).await;
        let (_, key) = narrow_key(&product).await;
        let mut open = Vec::new();
        for _ in 0..10 {
            open.push(Reader::open(&product, "after=latest", &key, None).await);
        }
        let once_more = async || {
            let request = product.request(Method::GET, "/v1/events?after=latest", &key).header("Accept", "text/event-stream");
            request.send().await.expect("send")
        };
        let refused = once_more().await;
        assert_eq!(refused.status(), 429);
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(refused.json::<Value>().await.expect("JSON")["error"]["code"], "RATE_LIMITED");
        assert_eq!(product.send(product.request(Method::GET, "/v1/events", &key)).await.status, 200, "pages are no streams");
        let _other = Reader::open(&product, "after=latest", &product.key, None).await;
        drop(open.pop());
        // The server notices that the reader is gone.
        let free = async { while once_more().await.status() != 200 {} };
        tokio::time::timeout(Duration::from_secs(60), free).await.expect("a place is free again");
    }

    async fn readers_that_stop_reading_lose_their_places(engine: Engine) {
        let bounds = Bounds { stall_timeout: Duration::from_millis(300), ..Bounds::default() };
        let product = Product::start_as(engine, Setup { bounds, ..Setup::default() }).await;
        let campaign = product.campaign(json!({})).await;
        // More than the machine keeps for a connection whose other end takes nothing.
        let metadata: Value = (0..15).map(|n| (format!("key{n}"), json!("x".repeat(500)))).collect::<serde_json::Map<_, _>>().into();
        for round in 0..8 {
            let invites: Vec<Value> = (0..100)
                .map(|n| json!({"email": format!("r{round}n{n}@example.com"), "metadata": metadata, "sendEmail": false}))
                .collect();
            let path = format!("/v1/campaigns/{campaign}/invites/bulk");
            product.post(&path, json!({"invites": invites})).await.expect(201);
        }
        let (_, key) = narrow_key(&product).await;
        let address = product.url.trim_start_matches("http://").parse().expect("an address");
        let mut asleep = Vec::new();
        for _ in 0..10 {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.set_recv_buffer_size(4_096).expect("a small buffer");
            let mut stream = socket.connect(address).await.expect("connect");
            let head = format!(
                "GET /v1/events?after=0 HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer {key}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.expect("send");
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.expect("an answer");
            assert_eq!(&answer, b"HTTP/1.1 200");
            asleep.push(stream);
        }
        // All ten leave, although none of them hangs up.
        let free = async {
            let mut open = Vec::new();
            while open.len() < 10 {
                let request = product.request(Method::GET, "/v1/events?after=latest", &key);
                let answer = request.header("Accept", "text/event-stream").send().await.expect("send");
                match answer.status().as_u16() {
                    200 => open.push(answer),
                    status => assert_eq!(status, 429),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), free).await.expect("their places are free");
        drop(asleep);
    }

    async fn a_stop_ends_streams_in_order(engine: Engine) {
        let product = Product::start(engine).await;
        product.script().await;
        let mut reader = Reader::open(&product, "", &product.key, None).await;
        assert_eq!(reader.event().await["type"], "script.published");
        product.stop().await;
        assert_eq!(reader.block().await, None);
    }
}
