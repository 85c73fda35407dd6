//! What is read of a long interview: a transcript of a thousand utterances, and the document made of it.

use std::time::Instant;

use serde_json::{Value, json};

use super::invites::{clean_up, home};
use crate::fill;
use crate::http::{Connection, Result};
use crate::measured::Measured;
use crate::participant::Participant;
use crate::report::Report;
use crate::scene::{self, Engine, Scene};
use crate::server::Server;
use crate::settings::Settings;

const DATABASE: &str = "relay_bench_transcripts";
const QUESTIONS: usize = 91;
/// So that each question makes eleven utterances, a transition included.
const FOLLOW_UPS: usize = 4;
const UTTERANCES: usize = 1_000;
/// How often a document is read at least, however long it takes.
const LEAST: usize = 5;
/// It says that the participant has no opinion, which is followed up on.
const ANSWER: &str =
    "I don't know, it was good in the beginning, then the support was slow, and in the end I liked the new version.";

/// Measures both engines.
pub async fn run(settings: &Settings, report: &mut Report) {
    for engine in Engine::ALL {
        if let Err(error) = run_on(engine, settings, report).await {
            report.fail(&format!("transcript/{}", engine.name()), error);
        }
    }
}

async fn run_on(engine: Engine, settings: &Settings, report: &mut Report) -> Result<()> {
    let name = engine.name();
    let home = home(engine, DATABASE, settings).await?;
    let server = home.start(0).await?;
    let questions: Vec<Value> = (1..=QUESTIONS)
        .map(|number| {
            let mut question = scene::question(number);
            question["followUp"] = json!({"enabled": true, "maxFollowUps": FOLLOW_UPS});
            question
        })
        .collect();
    let scene = Scene::with(&server, server.key()?, &questions, json!({})).await?;
    let session = interview(&server, &scene).await?;
    let path = format!("/v1/sessions/{session}");
    let transcript = scene.api(&server).get(&format!("{path}/transcript")).await?;
    let utterances = transcript["utterances"].as_array().map_or(0, Vec::len);
    if utterances < UTTERANCES {
        return Err(format!("{utterances} utterances instead of {UTTERANCES}"));
    }
    for (what, query) in [("json", "transcript"), ("json-keywords", "transcript?include_keywords=true"), ("pdf", "pdf")]
    {
        let key = format!("transcript/{name}/{what}");
        let request = scene.api(&server).head("GET", &format!("{path}/{query}")) + "\r\n";
        let read = read(&server, &request, settings, utterances);
        report.once(&key, "reads/s", &[server.pid()], read).await;
    }
    server.stop()?;
    clean_up(engine, DATABASE, settings).await
}

/// An interview in which everything is followed up on; the session's id.
async fn interview(server: &Server, scene: &Scene) -> Result<String> {
    let links = fill::links(server, scene, 1).await?;
    let mut connection = Connection::open(server.address).await?;
    let mut participant = Participant::open(&mut connection, server.address, &links[0]).await?;
    participant.consent().await?;
    let turn = participant.start().await?;
    participant.answer_all(turn, ANSWER).await?;
    Ok(participant.session)
}

/// Reads it again and again, one after the other.
async fn read(server: &Server, request: &str, settings: &Settings, utterances: usize) -> Result<Measured> {
    let mut connection = Connection::open(server.address).await?;
    let (mut latencies, mut bytes) = (Vec::new(), 0);
    let began = Instant::now();
    while latencies.len() < LEAST || began.elapsed() < settings.duration() {
        let sent = Instant::now();
        let answer = connection.exchange(request.as_bytes()).await?;
        if answer.status != 200 {
            return Err(format!("status {}: {}", answer.status, String::from_utf8_lossy(connection.body(answer))));
        }
        bytes = connection.body(answer).len();
        latencies.push(sent.elapsed().as_nanos() as u64);
    }
    let measured = Measured::from_latencies(latencies, began.elapsed());
    Ok(measured.note(format!("{utterances} utterances, {} KiB", bytes / 1024)))
}
