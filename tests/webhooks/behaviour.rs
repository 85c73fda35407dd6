//! Receivers that behave badly: each attempt comes to an end, costs a bounded amount, and is told for what it was.

use std::{io::Write, sync::Arc};

use chrono::TimeDelta;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::support::{Dripped, Node, Receiver, Reply, deliveries, hook, invite};
use crate::support::{
    engines::on_both_engines,
    product::{Product, id},
};

/// What one delivery to a receiver comes to that answers in some way, or closes the connection.
async fn outcome(product: &Product, node: &Node, campaign: &str, reply: Reply) -> Value {
    attempted(product, node, campaign, reply, 0).await
}

/// The same for one that lets us wait: so many seconds pass.
async fn attempted(product: &Product, node: &Node, campaign: &str, reply: Reply, seconds: i64) -> Value {
    let receiver = Receiver::start(move |_| reply.clone()).await;
    let webhook = hook(product, &receiver.url(), json!({})).await;
    let before = node.progress.borrow().written;
    invite(product, campaign, 1).await;
    receiver.wait(1).await;
    if seconds > 0 {
        product.engine.hands.advance(TimeDelta::seconds(seconds));
    }
    node.written(before + 1).await;
    let first = deliveries(product, &webhook).await.remove(0);
    let path = format!("/v1/webhooks/{}", id(&webhook));
    let shown = product.get(&format!("{path}/deliveries/{}", id(&first))).await.expect(200);
    product.delete(&path).await.expect(204);
    node.settled(product).await;
    shown
}

fn first(shown: &Value) -> (&Value, &Value) {
    (&shown["attempts"][0]["reason"], &shown["attempts"][0]["httpStatus"])
}

/// So many zeros, compressed to a thousandth.
pub fn bomb(megabytes: usize) -> Vec<u8> {
    let mut body = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..megabytes {
        body.write_all(&zeros).expect("compressed");
    }
    body.finish().expect("compressed")
}

/// An answer with a compressed body.
pub fn compressed(body: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    write!(answer, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len())
        .expect("written");
    answer.extend(body);
    answer
}

on_both_engines! {
    async fn each_bad_receiver_is_told_for_what_it_is(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let node = Node::start(&product);

        let hangs = attempted(&product, &node, &campaign, Reply::Hang, 16).await;
        assert_eq!(first(&hangs), (&json!("timeout"), &json!(null)));
        assert_eq!(hangs["attempts"][0]["latencyMs"], 16_000);

        // The head and a few bytes, and no end: the 15 seconds count for the body as well.
        let stalls = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc".to_vec();
        let stalls = attempted(&product, &node, &campaign, Reply::RawThenSilence(stalls), 16).await;
        assert_eq!((first(&stalls).0, &stalls["status"]), (&json!("timeout"), &json!("pending")));

        let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc".to_vec();
        let cut = outcome(&product, &node, &campaign, Reply::RawThenReset(cut)).await;
        assert_eq!(first(&cut).0, &json!("connection_lost"));
        assert_eq!(cut["status"], "pending");

        // A bomb is kept as it came, and nobody lights it: as a whole where it fits into what is kept, else its beginning.
        let small = bomb(32);
        assert!(small.len() < 64 * 1_024, "{} bytes for 32 MiB", small.len());
        let shown = outcome(&product, &node, &campaign, Reply::Raw(compressed(&small))).await;
        assert_eq!(first(&shown), (&json!(null), &json!(200)));
        let attempt = &shown["attempts"][0];
        assert_eq!(attempt["responseTruncated"], false);
        assert_eq!(attempt["responseBody"], json!(String::from_utf8_lossy(&small)));
        let large = outcome(&product, &node, &campaign, Reply::Raw(compressed(&bomb(256)))).await;
        assert_eq!(first(&large), (&json!(null), &json!(200)));
        assert_eq!(large["attempts"][0]["responseTruncated"], true);
        let kept = "SELECT MAX(LENGTH(sealed)) FROM webhook_attempts";
        let kept = product.engine.sql(kept).await[0][0].int();
        assert!((64 * 1_024..100 * 1_024).contains(&kept), "{kept} bytes are kept");

        let elsewhere = Receiver::good().await;
        let redirect = format!("HTTP/1.1 307 X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
        let redirect = outcome(&product, &node, &campaign, Reply::Raw(redirect.into_bytes())).await;
        assert_eq!(first(&redirect), (&json!("http_307"), &json!(307)));
        assert_eq!(elsewhere.count(), 0, "redirects are not followed");

        let garbage = outcome(&product, &node, &campaign, Reply::Raw(b"\x16\x03\x01 what?\r\n\r\n".to_vec())).await;
        assert_eq!(first(&garbage), (&json!("connection_lost"), &json!(null)));
        let nothing = outcome(&product, &node, &campaign, Reply::Raw(Vec::new())).await;
        assert_eq!(first(&nothing), (&json!("connection_lost"), &json!(null)));
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(100_000));
        let endless = outcome(&product, &node, &campaign, Reply::RawThenSilence(endless.into_bytes())).await;
        assert_eq!(endless["status"], "pending", "{endless}");

        for status in [201, 202, 204, 299] {
            let taken = outcome(&product, &node, &campaign, Reply::Status(status)).await;
            assert_eq!((first(&taken).0, &taken["status"]), (&json!(null), &json!("delivered")), "{status}");
        }
        for status in [301, 400, 401, 404, 429, 500, 503] {
            let refused = outcome(&product, &node, &campaign, Reply::Status(status)).await;
            assert_eq!(first(&refused), (&json!(format!("http_{status}")), &json!(status)));
            assert_eq!(refused["status"], "pending");
        }
        node.stop().await;
        product.stop().await;
    }

    async fn an_answer_that_trickles_is_cut_off_at_the_deadline(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let node = Node::start(&product);
        let (taps, dripped) = (Arc::new(Semaphore::new(0)), watch::channel(Dripped::default()).0);
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_vec();
        let reply = Reply::Drip(head, taps.clone(), dripped.clone());
        let receiver = Receiver::start(move |_| reply.clone()).await;
        let webhook = hook(&product, &receiver.url(), json!({})).await;
        invite(&product, &campaign, 1).await;
        receiver.wait(1).await;
        // A byte each second: there always is something new, and it counts for nothing.
        let mut seen = dripped.subscribe();
        for second in 1..15 {
            product.engine.hands.advance(TimeDelta::seconds(1));
            taps.add_permits(1);
            seen.wait_for(|dripped| dripped.bytes == second).await.expect("it drips");
            assert_eq!(node.progress.borrow().made, 0, "after {second} seconds");
        }
        product.engine.hands.advance(TimeDelta::milliseconds(900));
        taps.add_permits(1);
        seen.wait_for(|dripped| dripped.bytes == 15).await.expect("it drips");
        assert_eq!(node.progress.borrow().made, 0, "after 14.9 seconds");
        product.engine.hands.advance(TimeDelta::milliseconds(100));
        node.written(1).await;
        let delivery = deliveries(&product, &webhook).await.remove(0);
        let path = format!("/v1/webhooks/{}/deliveries/{}", id(&webhook), id(&delivery));
        let shown = product.get(&path).await.expect(200);
        let (reason, status) = first(&shown);
        assert_eq!((reason, &shown["status"]), (&json!("timeout"), &json!("pending")));
        // What lies in the socket when the clock jumps need not have been read.
        assert!([json!(200), json!(null)].contains(status), "{status}");
        assert_eq!(shown["attempts"][0]["latencyMs"], 15_000);
        seen.wait_for(|dripped| dripped.cut_off).await.expect("the connection is given up");
        node.stop().await;
        product.stop().await;
    }

    async fn a_receiver_that_is_not_there_is_tried_again(engine: Engine) {
        let product = Product::start(engine).await;
        let campaign = product.campaign(json!({})).await;
        let node = Node::start(&product);
        let receiver = Receiver::good().await;
        let url = receiver.url();
        drop(receiver);
        let webhook = hook(&product, &url, json!({})).await;
        invite(&product, &campaign, 1).await;
        node.written(1).await;
        let shown = deliveries(&product, &webhook).await;
        assert_eq!((&shown[0]["status"], &shown[0]["reason"]), (&json!("pending"), &json!("connect")));
        node.stop().await;
        product.stop().await;
    }
}
