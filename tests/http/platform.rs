//! What every request meets, whatever operation it is for.

use chrono::TimeDelta;
use interview_relay::http::{Limits, openapi, server::Bounds};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::support::{ALL, READ, SLOW, TestServer, operations, thing};

async fn send(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("answer");
    check_headers(&response);
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("").to_owned();
    let text = response.text().await.expect("text");
    let body: Value =
        if kind.contains("json") { serde_json::from_str(&text).expect("JSON") } else { Value::String(text) };
    if status >= 400 {
        assert!(body["error"]["details"].is_object(), "{status} {body}");
        assert!(body["error"]["requestId"].is_string(), "{status} {body}");
    }
    (status, body)
}

fn check_headers(response: &Response) {
    for name in ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "cache-control"] {
        assert!(response.headers().contains_key(name), "{name} is missing on {}", response.status());
    }
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}

async fn code(request: RequestBuilder) -> (u16, String) {
    let (status, body) = send(request).await;
    (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn every_refusal_has_the_same_shape() {
    let server = TestServer::start().await;
    let one = format!("/v1/things/{}", thing());
    assert_eq!(code(server.request("GET", "/v1/things")).await, error(401, "INVALID_API_KEY"));
    assert_eq!(code(server.request("GET", "/v1/things").bearer_auth("nobody")).await, error(401, "INVALID_API_KEY"));
    let basic = server.request("GET", "/v1/things").basic_auth(ALL, None::<&str>);
    assert_eq!(code(basic).await, error(401, "INVALID_API_KEY"));
    assert_eq!(
        code(server.request("GET", "/v1/things").bearer_auth("key-broken")).await,
        error(503, "SERVICE_UNAVAILABLE")
    );
    assert_eq!(code(server.as_all("GET", "/v1/nothing")).await, error(404, "RESOURCE_NOT_FOUND"));
    assert_eq!(code(server.request("GET", "/")).await, error(404, "RESOURCE_NOT_FOUND"));
    assert_eq!(code(server.as_all("GET", "/v1/things/%FF")).await, error(404, "RESOURCE_NOT_FOUND"));
    assert_eq!(code(server.as_all("GET", "/v1/things/cam_1")).await, error(404, "RESOURCE_NOT_FOUND"));
    assert_eq!(code(server.as_all("GET", "/v1/panic")).await, error(500, "INTERNAL_ERROR"));
    assert_eq!(code(server.as_all("PATCH", &one).header("if-match", "\"2\"")).await, error(412, "PRECONDITION_FAILED"));
    let forbidden = server.request("POST", "/v1/things").bearer_auth(READ).body("not even JSON");
    let (status, body) = send(forbidden).await;
    assert_eq!((status, &body["error"]["code"]), (403, &json!("INSUFFICIENT_PERMISSIONS")));
    assert_eq!(body["error"]["details"]["requiredScope"], "campaigns:write");
}

#[tokio::test]
async fn an_unknown_method_names_the_known_ones() {
    let server = TestServer::start().await;
    for method in ["DELETE", "OPTIONS", "TRACE", "BREW"] {
        let response = server.as_all(method, "/v1/things").send().await.expect("answer");
        check_headers(&response);
        assert_eq!(response.status(), 405, "{method}");
        let allowed = response.headers()["allow"].to_str().expect("text").to_owned();
        assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["error"]["code"], "METHOD_NOT_ALLOWED");
        assert!(!allowed.contains("PUT"), "{allowed}");
    }
    let response = server.as_all("POST", &format!("/v1/things/{}", thing())).send().await.expect("answer");
    assert_eq!(response.status(), 405);
    let allowed = response.headers()["allow"].to_str().expect("text");
    assert!(allowed.contains("PATCH") && allowed.contains("PUT"), "{allowed}");
}

#[tokio::test]
async fn problem_json_on_request() {
    let server = TestServer::start().await;
    let request = server.as_all("GET", "/v1/nothing").header("accept", "application/problem+json");
    let response = request.send().await.expect("answer");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
    let body: Value = response.json().await.expect("JSON");
    assert_eq!((&body["status"], &body["code"]), (&json!(404), &json!("RESOURCE_NOT_FOUND")));
    assert_eq!(body["requestId"], id);
}

#[tokio::test]
async fn head_works_wherever_get_does() {
    let server = TestServer::start().await;
    for path in ["/v1/things", "/healthz", "/openapi.json", "/docs"] {
        let response = server.as_all("HEAD", path).send().await.expect("answer");
        check_headers(&response);
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.text().await.expect("text"), "");
    }
}

#[tokio::test]
async fn put_is_patch() {
    let server = TestServer::start().await;
    let one = format!("/v1/things/{}", thing());
    let matching = server
        .as_all("PUT", &one)
        .header("if-match", "W/\"3.9\", \"8\"")
        .body("{}")
        .header("content-type", "application/json");
    assert_eq!(send(matching).await.0, 200);
    assert_eq!(send(server.as_all("PUT", &one).header("if-match", "*")).await.0, 200);
    assert_eq!(code(server.as_all("PUT", "/v1/things")).await.0, 405);
}

#[tokio::test]
async fn request_ids_are_kept_or_made() {
    let server = TestServer::start().await;
    let response = server.request("GET", "/v1/door/t").header("x-request-id", "mine-1").send().await.expect("answer");
    assert_eq!(response.headers()["x-request-id"], "mine-1");
    assert_eq!(response.json::<Value>().await.expect("JSON")["request"], "mine-1");
    let response = server.request("GET", "/v1/door/t").header("x-request-id", "a b").send().await.expect("answer");
    assert!(response.headers()["x-request-id"].to_str().expect("text").starts_with("req_"));
}

#[tokio::test]
async fn all_wrong_fields_at_once() {
    let server = TestServer::start().await;
    let (status, body) =
        send(server.as_all("POST", "/v1/things").json(&json!({"size": "big", "parts": [{}, {"id": 1}]}))).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!("INVALID_REQUEST")));
    let mut fields: Vec<_> = body["error"]["details"]["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|field| (field["field"].as_str().expect("field"), field["code"].as_str().expect("code")))
        .collect();
    fields.sort_unstable();
    let expected =
        [("name", "required"), ("parts[0].id", "required"), ("parts[1].id", "invalid_type"), ("size", "invalid_type")];
    assert_eq!(fields, expected);
    let (status, body) = send(server.as_all("POST", "/v1/things").json(&json!({"name": "a\0b"}))).await;
    assert_eq!((status, &body["error"]["details"]["fields"][0]["field"]), (422, &json!("name")));
}

#[tokio::test]
async fn bodies_are_bounded_json() {
    let server = TestServer::start_with(Limits { body: 4_096, ..Limits::default() }, Bounds::default()).await;
    let post = || server.as_all("POST", "/v1/things").header("content-type", "application/json");
    for bad in ["", "{", "[]", "nonsense", "{\"name\":\"a\",\"name\":\"b\"}", "{\"name\":\"a\"}{}", "\u{feff}{}"] {
        assert_eq!(code(post().body(bad)).await, error(400, "INVALID_REQUEST"), "{bad}");
    }
    let deep = format!("{{\"name\":\"a\",\"x\":{}{}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(code(post().body(deep)).await, error(400, "INVALID_REQUEST"));
    assert_eq!(code(post().body("x".repeat(5_000))).await, error(413, "PAYLOAD_TOO_LARGE"));
    let chunks = futures_util::stream::iter((0..10).map(|_| Ok::<_, std::io::Error>("x".repeat(1_000))));
    assert_eq!(code(post().body(reqwest::Body::wrap_stream(chunks))).await, error(413, "PAYLOAD_TOO_LARGE"));
    let form =
        server.as_all("POST", "/v1/things").header("content-type", "application/x-www-form-urlencoded").body("a=b");
    assert_eq!(code(form).await, error(415, "UNSUPPORTED_MEDIA_TYPE"));
    let naked = server.as_all("POST", "/v1/things").body("{\"name\":\"a\"}");
    assert_eq!(code(naked).await, error(415, "UNSUPPORTED_MEDIA_TYPE"));
    let patch = server.as_all("POST", "/v1/things").header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(send(patch.body("{\"name\":\"a\",\"unknown\":1}")).await.0, 201);
}

#[tokio::test]
async fn actions_need_no_body() {
    let server = TestServer::start().await;
    let path = format!("/v1/things/{}/act", thing());
    assert_eq!(send(server.as_all("POST", &path)).await.0, 200);
    assert_eq!(send(server.as_all("POST", &path).json(&json!({"any": 1}))).await.0, 200);
    let broken = server.as_all("POST", &path).header("content-type", "application/json").body("{");
    assert_eq!(send(broken).await.0, 400);
    assert_eq!(send(server.as_all("DELETE", &format!("/v1/things/{}", thing()))).await.0, 204);
}

#[tokio::test]
async fn idempotency_keys_reach_the_handler() {
    let server = TestServer::start().await;
    for given in ["k-1", "\"k-1\""] {
        let request = server.as_all("POST", "/v1/things").header("idempotency-key", given).json(&json!({"name": "a"}));
        assert_eq!(send(request).await.1["key"], "k-1");
    }
    for bad in ["", "\"\"", &"k".repeat(256)] {
        let request = server.as_all("POST", "/v1/things").header("idempotency-key", bad).json(&json!({"name": "a"}));
        assert_eq!(code(request).await, error(400, "INVALID_REQUEST"));
    }
}

#[tokio::test]
async fn bad_query_values_are_named() {
    let server = TestServer::start().await;
    let (status, body) = send(server.as_all("GET", "/v1/things?limit=0&offset=x&status=odd&other=1")).await;
    assert_eq!(status, 400);
    assert_eq!(body["error"]["details"]["fields"].as_array().map(Vec::len), Some(3));
    let (status, body) = send(server.as_all("GET", "/v1/things?limit=5&offset=10&status=active")).await;
    let pagination = json!({"total": 0, "limit": 5, "offset": 10, "hasMore": false});
    assert_eq!((status, body), (200, json!({"data": [], "pagination": pagination})));
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let server = TestServer::start().await;
    let one = format!("/v1/things/{}", thing());
    let response = server.as_all("GET", &one).send().await.expect("answer");
    assert_eq!(response.headers()["etag"], "\"3.1\"");
    assert_eq!(response.headers()["cache-control"], "private, max-age=300");
    let again = server.as_all("GET", &one).header("if-none-match", "\"3.1\"").send().await.expect("answer");
    check_headers(&again);
    assert_eq!((again.status().as_u16(), again.text().await.expect("text").as_str()), (304, ""));
    assert_eq!(send(server.as_all("GET", &one).header("if-none-match", "\"3.0\"")).await.0, 200);
}

#[tokio::test]
async fn requests_are_limited_per_key_and_minute() {
    let server = TestServer::start().await;
    let request = || server.request("GET", "/v1/things").bearer_auth(SLOW);
    for remaining in ["2", "1", "0"] {
        let response = request().send().await.expect("answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-ratelimit-limit"], "3");
        assert_eq!(response.headers()["x-ratelimit-remaining"], remaining);
        assert_eq!(response.headers()["x-ratelimit-reset"], "1705312800");
    }
    let response = request().send().await.expect("answer");
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "20");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!((&body["error"]["code"], &body["error"]["retryAfter"]), (&json!("RATE_LIMITED"), &json!(20)));
    assert_eq!(code(server.request("GET", "/v1/nothing").bearer_auth(SLOW)).await.0, 429, "unknown routes count too");
    assert_eq!(send(server.as_all("GET", "/v1/things")).await.0, 200, "another key is not affected");
    server.hands.advance(TimeDelta::seconds(20));
    assert_eq!(send(request()).await.0, 200);
}

#[tokio::test]
async fn clients_without_a_key_are_limited_by_address() {
    let limits = Limits { anonymous: 2, participant: 1, ..Limits::default() };
    let server = TestServer::start_with(limits, Bounds::default()).await;
    assert_eq!(send(server.request("GET", "/v1/things")).await.0, 401);
    assert_eq!(send(server.request("GET", "/v1/nothing")).await.0, 404);
    assert_eq!(send(server.request("GET", "/v1/things")).await.0, 429);
    assert_eq!(send(server.as_all("GET", "/v1/things")).await.0, 200, "a valid key has its own budget");
    assert_eq!(send(server.request("GET", "/v1/door/t")).await.0, 200, "and so have participants");
    assert_eq!(send(server.request("GET", "/v1/door/t")).await.0, 429);
    for _ in 0..5 {
        assert_eq!(send(server.request("GET", "/healthz")).await.0, 200, "probes never run out");
    }
}

#[tokio::test]
async fn a_seat_needs_a_session_token_under_its_own_link() {
    let server = TestServer::start().await;
    let seat = |link: &str| server.request("POST", &format!("/v1/door/{link}/seat"));
    assert_eq!(code(seat("inv_open")).await, (401, "INVALID_API_KEY".to_owned()));
    assert_eq!(code(seat("inv_open").bearer_auth("seat-x")).await.0, 401);
    assert_eq!(code(seat("inv_open").bearer_auth(ALL)).await.0, 401, "an API key is no session token");
    assert_eq!(code(seat("inv_gone")).await.0, 401, "who shows nothing is asked for a token first");
    assert_eq!(code(seat("inv_gone").bearer_auth("seat-1")).await, (404, "RESOURCE_NOT_FOUND".to_owned()));
    let sit =
        seat("inv_open").bearer_auth("seat-1").header("idempotency-key", "\"k\"").header("user-agent", "x".repeat(600));
    let (status, body) = send(sit.json(&json!({}))).await;
    assert_eq!(status, 200);
    let key = body["key"].as_str().expect("a key");
    assert!(key.starts_with("inv_") && key.ends_with("\nk"), "the key is the participant's own: {key}");
    assert_eq!(body["agent"], json!("x".repeat(500)));
    assert_eq!(
        code(seat("inv_open").bearer_auth("seat-1").body("{")).await,
        (415, "UNSUPPORTED_MEDIA_TYPE".to_owned())
    );
}

#[tokio::test]
async fn participants_are_limited_by_session_and_not_by_address() {
    let limits = Limits { participant: 2, session: 3, ..Limits::default() };
    let server = TestServer::start_with(limits, Bounds::default()).await;
    let sit = |seat: &str| server.request("POST", "/v1/door/inv_open/seat").bearer_auth(seat).json(&json!({}));
    for remaining in ["2", "1", "0"] {
        let response = sit("seat-1").send().await.expect("answer");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-ratelimit-limit"]),
            (200, &"3".parse().expect("3"))
        );
        assert_eq!(response.headers()["x-ratelimit-remaining"], remaining);
    }
    assert_eq!(send(sit("seat-1")).await.0, 429);
    assert_eq!(send(sit("seat-2")).await.0, 200, "another participant behind the same address");
    // Guessing is limited by address, and the limit goes before what is wrong with a request, as everywhere.
    assert_eq!(send(sit("seat-x")).await.0, 401);
    assert_eq!(send(sit("seat-y")).await.0, 401);
    assert_eq!(send(sit("seat-z")).await.0, 429);
    assert_eq!(send(sit("seat-2")).await.0, 200);
}

#[tokio::test]
async fn health_is_told() {
    let server = TestServer::start().await;
    assert_eq!(send(server.request("GET", "/healthz")).await, (200, json!({"status": "ok"})));
    assert_eq!(send(server.request("GET", "/readyz")).await.0, 200);
    *server.backend.trouble.lock() = Some("the password is wrong".to_owned());
    let (status, body) = send(server.request("GET", "/readyz")).await;
    assert_eq!(status, 503);
    assert!(!body.to_string().contains("password"));
    let (_, metrics) = send(server.request("GET", "/metrics")).await;
    let metrics = metrics.as_str().expect("text");
    assert!(metrics.contains("http_requests_total{"), "{metrics}");
    assert!(metrics.contains("route=\"/readyz\",status=\"503\""), "{metrics}");
    assert!(metrics.contains("http_request_duration_seconds_bucket{"), "{metrics}");
}

#[tokio::test]
async fn the_reference_page_asks_no_other_server() {
    let server = TestServer::start().await;
    let response = server.request("GET", "/docs").send().await.expect("answer");
    let policy = response.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
    let page = response.text().await.expect("text");
    assert!(!page.contains("://"), "{page}");
    let sources = page.split('"').filter(|text| text.starts_with("/docs/"));
    for source in sources {
        let response = server.request("GET", source).send().await.expect("answer");
        assert_eq!(response.status(), 200, "{source}");
        assert!(!response.bytes().await.expect("bytes").is_empty());
    }
    assert_eq!(send(server.request("GET", "/docs/secret.js")).await.0, 404);
}

#[test]
fn the_document_follows_the_table() {
    let document = serde_json::to_value(openapi::document(&operations())).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let create = &document["paths"]["/v1/things"]["post"];
    assert_eq!(create["security"], json!([{"apiKey": ["campaigns:write"]}]));
    let seat = &document["paths"]["/v1/door/{token}/seat"]["post"];
    assert_eq!(seat["security"], json!([{"sessionToken": []}]));
    assert!(
        seat["responses"]["401"].is_object() && document["components"]["securitySchemes"]["sessionToken"].is_object()
    );
    let statuses: Vec<_> = create["responses"].as_object().expect("responses").keys().map(String::as_str).collect();
    assert_eq!(statuses, ["201", "400", "401", "403", "409", "413", "415", "422", "429", "500", "503"]);
    assert_eq!(document["components"]["schemas"]["NewThing"]["required"], json!(["name"]));
    assert_eq!(create["parameters"][0]["name"], "Idempotency-Key");
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn heads_are_bounded() {
    let server = TestServer::start().await;
    let mut stream = TcpStream::connect(server.address).await.expect("connection");
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(100_000));
    // The server may hang up before it has read everything.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}
