//! Many invites, through the bulk endpoint.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::http::Result;
use crate::scene::{self, Scene};
use crate::server::Server;

/// Rows of a bulk request: the most that the API takes.
pub const BULK: usize = 500;
/// Bulk requests on their way at a time.
const FILLERS: usize = 4;

/// Sends these bulk requests, to people of their own each, and answers what `keep` takes from each one's invites, in no order.
pub async fn invites<T: Send + 'static>(
    server: &Server,
    scene: &Scene,
    requests: Range<usize>,
    keep: fn(&[Value]) -> Result<T>,
) -> Result<Vec<T>> {
    let next = Arc::new(AtomicUsize::new(requests.start));
    let mut fillers = tokio::task::JoinSet::new();
    for _ in 0..FILLERS {
        let (mut api, path, next) = (scene.api(server), format!("{}/bulk", scene.invites()), Arc::clone(&next));
        fillers.spawn(async move {
            let mut kept = Vec::new();
            loop {
                let request = next.fetch_add(1, Ordering::Relaxed);
                if request >= requests.end {
                    return Ok::<_, String>(kept);
                }
                let people: Vec<Value> =
                    (0..BULK).map(|index| scene::person(&format!("{:09}", request * BULK + index))).collect();
                let answer = api.post(&path, json!({"invites": people, "sendEmail": false})).await?;
                kept.push(keep(answer["data"].as_array().ok_or("a bulk answer without invites")?)?);
            }
        });
    }
    let mut kept = Vec::new();
    while let Some(filler) = fillers.join_next().await {
        kept.extend(filler.map_err(|error| error.to_string())??);
    }
    Ok(kept)
}

/// Invites so many people, and answers the tokens of their links.
pub async fn links(server: &Server, scene: &Scene, count: usize) -> Result<Vec<String>> {
    let tokens = invites(server, scene, 0..count.div_ceil(BULK), |invites| {
        let token = |invite: &Value| invite["token"].as_str().map(str::to_owned);
        Ok(invites.iter().map(token).collect::<Option<Vec<_>>>().ok_or("an invite without a token")?)
    });
    let mut tokens: Vec<String> = tokens.await?.into_iter().flatten().collect();
    tokens.truncate(count);
    Ok(tokens)
}
