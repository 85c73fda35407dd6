//! Administrators' commands beside a running server, several servers on one database, and the first start.

use std::{
    io::{BufRead as _, BufReader},
    time::Duration,
};

use interview_relay::store::Location;
use serde_json::{Value, json};

use crate::support::{
    engines::Engine,
    postgres::TestDatabase,
    process::{Home, Server, on_both_homes},
    product::Product,
    python,
};

async fn get(url: &str, key: &str) -> (u16, Value) {
    crate::support::ring();
    let answer = reqwest::Client::new().get(url).bearer_auth(key).send().await.expect("send");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn post(url: &str, key: &str, body: Value) -> (u16, Value) {
    crate::support::ring();
    let answer = reqwest::Client::new().post(url).bearer_auth(key).json(&body).send().await.expect("send");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

on_both_homes! {
    async fn commands_work_while_the_server_runs(home: Home) {
        let server = home.serve().await;
        let key = home.organization();
        let projects = format!("{}/v1/projects", server.url);
        assert_eq!(post(&projects, &key, json!({"name": "P"})).await.0, 201);

        let keys = home.succeed(&["keys", "list", "--json"]);
        let keys: Value = serde_json::from_str(&keys).expect("JSON");
        let id = keys.as_array().expect("a list").iter().find(|key| key["name"] == "test").expect("listed")["id"].clone();

        assert!(home.succeed(&["projections", "rebuild"]).contains("live"));
        assert!(home.succeed(&["projections", "verify"]).contains("replay equals live"));
        let (status, page) = get(&projects, &key).await;
        assert_eq!((status, &page["pagination"]["total"]), (200, &json!(1)), "the rebuilt tables serve");
        assert_eq!(post(&projects, &key, json!({"name": "Q"})).await.0, 201, "and take new rows");
        assert!(home.succeed(&["projections", "rebuild"]).contains("live"), "a second rebuild works like the first");
        assert!(home.succeed(&["projections", "verify"]).contains("replay equals live"));

        home.succeed(&["keys", "revoke", id.as_str().expect("an id")]);
        assert_eq!(get(&projects, &key).await.0, 401, "a revocation works at once");
        assert!(home.succeed(&["migrate"]).contains('0'), "nothing is missing");
    }
}

/// Copies a database as the README says, with an SQLite that is not ours.
const BACKUP: &str = "\
import sqlite3, sys
source, copy = map(sqlite3.connect, sys.argv[1:])
source.backup(copy)
source.close()";

/// Whoever closes a database that nobody else seems to have open takes its log away, and what is written to that after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_by_others_under_traffic_is_whole_and_costs_the_server_nothing() {
    let (home, restored) = (Home::new(None), Home::new(None));
    let mut server = home.serve().await;
    let key = home.organization();
    let total = async |server: &Server| {
        let (status, page) = get(&format!("{}/v1/projects", server.url), &key).await;
        assert_eq!(status, 200, "{page}");
        page["pagination"]["total"].as_u64().expect("a number")
    };
    let projects = format!("{}/v1/projects", server.url);
    let make = async || assert_eq!(post(&projects, &key, json!({"name": "P"})).await.0, 201);
    make().await;
    std::fs::create_dir(restored.path().join("data")).expect("a folder");
    let mut backup = tokio::process::Command::new(python());
    backup.args(["-c", BACKUP]).args([home.sqlite_file(), restored.sqlite_file()]);
    let backup = tokio::spawn(async move { backup.status().await.expect("Python") });
    let mut made = 1;
    while !backup.is_finished() {
        make().await;
        made += 1;
    }
    assert!(backup.await.expect("the task").success());
    for _ in 0..3 {
        make().await;
        made += 1;
    }
    server.kill9();
    assert_eq!(total(&home.serve().await).await, made, "what was written after the copy is there");
    assert!(home.succeed(&["projections", "verify"]).contains("replay equals live"));

    let server = restored.serve().await;
    assert!((1..=made).contains(&total(&server).await), "and the copy serves");
    assert!(restored.succeed(&["projections", "verify"]).contains("replay equals live"));
}

on_both_homes! {
    async fn a_demo_has_interviews_to_read_and_links_to_open(home: Home) {
        let server = home.serve().await;
        let told = home.succeed(&["demo"]);
        let key = told.split_whitespace().find(|word| word.starts_with("ir_live_")).expect("a key");
        let (status, campaigns) = get(&format!("{}/v1/campaigns?limit=100", server.url), key).await;
        assert_eq!(status, 200);
        let mut languages = Vec::new();
        for campaign in campaigns["data"].as_array().expect("campaigns") {
            let path = format!("{}/v1/campaigns/{}/sessions", server.url, campaign["id"].as_str().expect("an id"));
            for session in get(&path, key).await.1["data"].as_array().expect("sessions") {
                languages.push(session["language"].as_str().expect("a language").to_owned());
                let duration = session["duration"].as_i64().expect("a duration");
                assert!((60..1_200).contains(&duration), "as long as a conversation: {duration}");
                let transcript =
                    format!("{}/v1/sessions/{}/transcript", server.url, session["id"].as_str().expect("an id"));
                let (status, transcript) = get(&transcript, key).await;
                assert!(status == 200 && transcript["utterances"].as_array().is_some_and(|said| said.len() > 6));
                assert_eq!(transcript["partial"], json!(session["status"] == "abandoned"));
                let pdf = format!("{}/v1/sessions/{}/pdf", server.url, session["id"].as_str().expect("an id"));
                let pdf = reqwest::Client::new().get(pdf).bearer_auth(key).send().await.expect("send");
                assert_eq!((pdf.status().as_u16(), &pdf.headers()["content-type"]), (200, &"application/pdf".parse().expect("a value")));
                let pdf = pdf.bytes().await.expect("read");
                assert!(pdf.starts_with(b"%PDF-") && pdf.trim_ascii_end().ends_with(b"%%EOF"), "a whole document");
            }
        }
        languages.sort_unstable();
        assert_eq!(languages, ["ar", "de", "de", "en", "en", "en", "en", "es", "fr", "zh"]);
        let links: Vec<_> = told.split_whitespace().filter(|word| word.contains("/interview/inv_")).collect();
        assert_eq!(links.len(), 7);
        let mut open = Vec::new();
        for link in links {
            // The command does not know on which free port the server listens.
            let token = link.rsplit('/').next().expect("a token");
            let (status, interview) = get(&format!("{}/v1/interview/{token}", server.url), key).await;
            assert_eq!((status, &interview["invite"]["status"]), (200, &json!("pending")), "{link}");
            open.push(interview["language"].as_str().expect("a language").to_owned());
        }
        open.dedup();
        assert_eq!(open, ["en", "de", "fr", "es", "ar", "zh"], "a page to open in every language");
        assert!(home.succeed(&["projections", "verify"]).contains("replay equals live"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_make_one_first_organization_and_read_each_others_writes() {
    let database = TestDatabase::create_empty("two_servers").await;
    let home = Home::new(Some(database.url.clone()));
    let (one, other) = tokio::join!(home.serve(), home.serve());
    let organizations =
        crate::support::engines::postgres_rows(&database.url, "SELECT COUNT(*) FROM organizations").await;
    assert_eq!(organizations[0][0].int(), 1);

    let key = home.organization();
    for n in 0..20 {
        let (here, there) = if n % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let (status, project) = post(&format!("{}/v1/projects", here.url), &key, json!({"name": "P"})).await;
        assert_eq!(status, 201);
        let id = project["id"].as_str().expect("an id");
        assert_eq!(get(&format!("{}/v1/projects/{id}", there.url), &key).await, (200, project.clone()));
    }
}

/// Contract 17; design, guarantee 8.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_expire_every_invite_once() {
    const INVITES: i64 = 1_500;
    // They were made in a time that is over, by the clock of the servers to come.
    let product = Product::start(Engine::postgres("two_servers_expire").await).await;
    let campaign = product.campaign(json!({})).await;
    for part in 0..INVITES / 500 {
        let people: Vec<_> = (0..500).map(|n| json!({"email": format!("p{part}.{n}@example.com")})).collect();
        let bulk = json!({"invites": people, "sendEmail": false, "expiresIn": "1d"});
        product.post(&format!("/v1/campaigns/{campaign}/invites/bulk"), bulk).await.expect(201);
    }
    let Location::Postgres(url) = product.engine.location() else { panic!("on PostgreSQL") };
    let home = Home::new(Some(url));
    let (mut one, mut other) = tokio::join!(home.serve(), home.serve());
    let expired = "SELECT COUNT(*) FROM events WHERE type = 'invite.expired'";
    let all = async {
        while product.engine.number(expired).await < INVITES {
            // Nobody tells a bystander when a timer fires.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("all of them");
    assert!(one.terminate().success() && other.terminate().success());
    assert_eq!(product.engine.number(expired).await, INVITES, "none of them twice");
    let number = async |sql: &str| product.engine.number(sql).await;
    assert_eq!(number("SELECT COUNT(*) FROM invites WHERE status = 'expired'").await, INVITES);
    assert_eq!(number("SELECT COUNT(*) FROM timers WHERE kind = 'invite.expire'").await, 0);
    assert_eq!(number("SELECT COUNT(*) FROM parked").await, 0);
    assert_eq!(product.engine.store.verify_projections().await.expect("verify").differences, []);
}

on_both_homes! {
    async fn the_tail_of_the_log_shows_what_happens_and_nobodys_name(home: Home) {
        let server = home.serve().await;
        let key = home.organization();
        let mut tail = home.start(&["events", "tail", "--from", "0", "--json"]);
        let mut lines = BufReader::new(tail.stdout.take().expect("its output")).lines();
        let mut next = || -> Value {
            let line = lines.next().expect("it goes on").expect("text");
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        let mut seen = vec![next(), next()];
        assert_eq!((&seen[0]["type"], &seen[0]["position"]), (&json!("organization.created"), &json!(1)));
        // While it looks on.
        let (status, project) = post(&format!("{}/v1/projects", server.url), &key, json!({"name": "P"})).await;
        assert_eq!(status, 201);
        let member = json!({"email": "canary@example.com", "name": "Canary", "role": "admin"});
        assert_eq!(post(&format!("{}/v1/organization/members", server.url), &key, member).await.0, 201);
        while seen.last().is_some_and(|event| event["type"] != "member.invited") {
            seen.push(next());
        }
        let created = seen.iter().find(|event| event["type"] == "project.created").expect("seen");
        assert_eq!((&created["stream"], &created["version"]), (&project["id"], &json!(1)));
        assert_eq!(created["data"]["name"], "P");
        assert!(created["meta"]["actor"].is_string() && created["recordedAt"].is_string(), "{created}");
        for (position, event) in (1..).zip(&seen) {
            assert_eq!(event["position"], json!(position));
            assert!(!event.to_string().to_lowercase().contains("canary"), "{event}");
        }
        tail.kill().expect("kill");
        tail.wait().expect("an end");
        // For people, one line each, from where one likes.
        let mut tail = home.start(&["events", "tail", "--from", "1"]);
        let mut lines = BufReader::new(tail.stdout.take().expect("its output")).lines();
        let line = lines.next().expect("a line").expect("text");
        let expected = [&seen[1]["position"].to_string(), seen[1]["type"].as_str().expect("a name")];
        assert!(expected.iter().all(|part| line.contains(*part)), "{line}");
        drop(lines);
        // It finds out with the next event that nobody reads any more.
        assert_eq!(post(&format!("{}/v1/projects", server.url), &key, json!({"name": "Q"})).await.0, 201);
        assert!(tail.wait().expect("an end").success());
    }
}

on_both_homes! {
    /// Contract 48.
    async fn the_first_start_shows_a_key_once(home: Home) {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address").to_string();
        let failed = home.run(&["serve", "--listen", &address]);
        assert!(!failed.status.success(), "somebody else listens there");
        assert!(String::from_utf8_lossy(&failed.stderr).contains(&address), "it says so");
        assert!(!String::from_utf8_lossy(&failed.stdout).contains("ir_live_"), "no key of a server that does not run");

        let printed = home.path().join("printed");
        let server = home.serve_printing(&printed).await;
        let told = std::fs::read_to_string(&printed).expect("read");
        let line = told.lines().map(str::trim).find(|line| line.starts_with("curl ")).expect("a line to try");
        let tried =
            std::process::Command::new("sh").args(["-c", &format!("{line} --silent --fail")]).output().expect("run");
        let answer = String::from_utf8_lossy(&tried.stdout).into_owned();
        assert!(tried.status.success() && answer.contains("pagination"), "{line}: {answer}");
        let key = line.split("Bearer ").nth(1).expect("a key").trim_end_matches('"');
        assert_eq!(told.matches(key).count(), 2, "the key, and the line to try it with: {told}");
        let (_, keys) = get(&format!("{}/v1/api-keys", server.url), key).await;
        assert_eq!(keys["pagination"]["total"], 1);
        drop(server);

        let _server = home.serve_printing(&printed).await;
        let told = std::fs::read_to_string(&printed).expect("read");
        assert!(told.contains("listens on") && !told.contains("ir_live_"), "a later start shows no secret: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_master_key_stops_the_start() {
    let home = Home::new(None);
    home.organization();
    std::fs::write(home.path().join("master.key"), "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=\n").expect("write");
    let output = home.run(&["projections", "verify"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("master key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_is_its_owners_alone_in_a_folder_that_was_there() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new(None);
    let data = home.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).expect("for everybody");
    let _server = home.serve().await;
    let mut seen = 0;
    for entry in std::fs::read_dir(&data).expect("the folder").map(|entry| entry.expect("an entry")) {
        let status = entry.metadata().expect("there");
        if status.is_file() {
            assert_eq!(status.permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
            seen += 1;
        }
    }
    assert!(seen >= 3, "the database, its log and its index");
}

#[test]
fn whoever_reads_the_output_may_have_had_enough() {
    let home = Home::new(None);
    home.organization();
    for arguments in [vec!["openapi"], vec!["projections", "verify"], vec!["keys", "list"], vec!["config"]] {
        let mut running = home.start(&arguments);
        drop(running.stdout.take());
        assert!(running.wait().expect("an end").success(), "{arguments:?}");
    }
}
