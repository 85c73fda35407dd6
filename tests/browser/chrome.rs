//! A real Chromium, driven through WebDriver.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
    time::Duration,
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions},
    key::Key,
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// An upper bound against hanging; nothing here is supposed to take long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at the page, which tells nobody when it has changed.
const GLANCE: Duration = Duration::from_millis(25);

const ARGUMENTS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    // A click goes where the element was when it was looked for: nothing may glide away meanwhile.
    "--force-prefers-reduced-motion",
];

/// A browser with one window, gone when it is dropped.
pub struct Browser {
    /// The WebDriver session.
    pub client: Client,
    driver: Driver,
}

struct Driver {
    process: Child,
    // Its other end would be told by a signal that nobody listens any more.
    _output: Lines<BufReader<ChildStdout>>,
    port: u16,
    session: String,
    http: reqwest::Client,
    profile: TempDir,
}

impl Driver {
    async fn launch() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("start chromedriver: ./scripts/test installs it");
        let mut output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let port = loop {
            let line = output.next_line().await.expect("read").expect("chromedriver says its port");
            let port = line.split("successfully on port ").nth(1).map(|rest| rest.trim_end_matches('.').parse());
            if let Some(port) = port {
                break port.expect("a port");
            }
        };
        let profile = tempfile::Builder::new().prefix("relay-chromium.").tempdir().expect("make a folder");
        let (session, http) = (String::new(), reqwest::Client::new());
        Self { process, _output: output, port, session, http, profile }
    }

    /// What WebDriver does not standardize.
    async fn command(&self, path: &str, body: Value) -> Value {
        let url = format!("http://127.0.0.1:{}/session/{}/{path}", self.port, self.session);
        let answer = self.http.post(url).json(&body).send().await.expect("chromedriver answers");
        let body: Value = answer.json().await.expect("JSON");
        assert!(body["value"]["error"].is_null(), "{path}: {body}");
        body["value"].clone()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // In order, so that the browser goes with its driver; a browser that is left behind is nobody's.
        let request =
            format!("DELETE /session/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", self.session);
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
            _ = stream.write_all(request.as_bytes());
            _ = stream.read(&mut [0; 1]);
        }
        _ = self.process.start_kill();
    }
}

impl Browser {
    /// A desktop browser in English.
    pub async fn start() -> Self {
        Self::start_with(&["--window-size=1200,900"]).await
    }

    /// A browser as small as a small phone.
    pub async fn phone() -> Self {
        Self::start_with(&["--window-size=360,740"]).await
    }

    /// A browser with a microphone that beeps, and a user who allows it.
    pub async fn with_microphone() -> Self {
        let fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--window-size=1200,900"];
        Self::start_with(&fake).await
    }

    async fn start_with(more: &[&str]) -> Self {
        let mut driver = Driver::launch().await;
        let profile = format!("--user-data-dir={}", driver.profile.path().display());
        let mut arguments: Vec<&str> = ARGUMENTS.iter().chain(more).copied().collect();
        arguments.extend(["--lang=en-US", "--accept-lang=en-US", profile.as_str()]);
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        });
        let capabilities = capabilities.as_object().cloned().expect("an object");
        let connect = async {
            let url = format!("http://127.0.0.1:{}", driver.port);
            ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&url).await
        };
        let client = tokio::time::timeout(PATIENCE, connect).await.expect("within a minute").expect("a browser");
        driver.session = client.session_id().await.expect("answers").expect("an id");
        Self { client, driver }
    }

    /// Opens an address.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("open");
    }

    /// Goes on in the page's first frame, as soon as it is there.
    pub async fn enter_frame(&self) {
        let entered = async {
            // A frame of another site moves to a process of its own, and for a moment it is nowhere.
            while self.client.enter_frame(0).await.is_err() {
                tokio::time::sleep(GLANCE).await;
            }
        };
        tokio::time::timeout(PATIENCE, entered).await.expect("a frame");
    }

    /// Evaluates an expression in the page.
    pub async fn evaluate(&self, expression: &str) -> Value {
        self.client.execute(&format!("return ({expression});"), vec![]).await.expect(expression)
    }

    /// Waits until an expression, or what it promises, holds in the page.
    pub async fn until(&self, expression: &str) {
        let script = format!("return Promise.resolve({expression}).then(Boolean);");
        let holds = async {
            // While a page is on its way there is nothing to ask.
            while self.client.execute(&script, vec![]).await.ok() != Some(Value::Bool(true)) {
                tokio::time::sleep(GLANCE).await;
            }
        };
        if tokio::time::timeout(PATIENCE, holds).await.is_err() {
            let page = self.evaluate("document.body.innerText").await;
            panic!("never held: {expression}\n{}\n{:?}", page.as_str().unwrap_or_default(), self.console().await);
        }
    }

    /// Waits for a screen of the interview page.
    pub async fn screen(&self, name: &str) {
        self.until(&format!("document.getElementById('main')?.dataset.screen === {name:?}")).await;
    }

    /// Waits for an element and answers its text.
    pub async fn text(&self, selector: &str) -> String {
        self.until(&format!("document.querySelector({selector:?})")).await;
        let text = self.evaluate(&format!("document.querySelector({selector:?}).innerText")).await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until the question with these words is asked.
    pub async fn question(&self, words: &str) {
        self.until(&format!("document.getElementById('question')?.innerText === {words:?}")).await;
    }

    /// Clicks an element, once it is there.
    pub async fn click(&self, selector: &str) {
        let wait = self.client.wait().at_most(PATIENCE).every(GLANCE);
        let element = wait.for_element(Locator::Css(selector)).await.expect(selector);
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Types into an element, once it is there.
    pub async fn fill(&self, selector: &str, text: &str) {
        let wait = self.client.wait().at_most(PATIENCE).every(GLANCE);
        let element = wait.for_element(Locator::Css(selector)).await.expect(selector);
        element.send_keys(text).await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Presses keys together, and lets go of them.
    pub async fn press(&self, keys: &[Key]) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for key in keys {
            actions = actions.then(KeyAction::Down { value: char::from(*key) });
        }
        for key in keys.iter().rev() {
            actions = actions.then(KeyAction::Up { value: char::from(*key) });
        }
        self.client.perform_actions(actions).await.expect("press");
    }

    /// Types wherever the focus is.
    pub async fn type_text(&self, text: &str) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for value in text.chars() {
            actions = actions.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        }
        self.client.perform_actions(actions).await.expect("type");
    }

    /// The id of the element that has the focus.
    pub async fn focus(&self) -> String {
        self.evaluate("document.activeElement?.id ?? ''").await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses Tab until the element with this id has the focus.
    pub async fn tab_to(&self, id: &str) {
        let mut passed = Vec::new();
        while passed.len() < 40 {
            let focus = self.focus().await;
            if focus == id {
                return;
            }
            passed.push(focus);
            self.press(&[Key::Tab]).await;
        }
        panic!("{id} is not reached by Tab: {passed:?}");
    }

    /// A command of the Chrome DevTools protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.driver.command("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// Takes the network away, or gives it back.
    pub async fn offline(&self, offline: bool) {
        let parameters = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.emulateNetworkConditions", parameters).await;
    }

    /// What the pages wrote to the console since the last time.
    pub async fn console(&self) -> Vec<String> {
        let lines = self.driver.command("se/log", json!({"type": "browser"})).await;
        let lines = lines.as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Waits until the pages write something to the console.
    pub async fn until_console(&self, part: &str) {
        let written = async {
            while !self.console().await.iter().any(|line| line.contains(part)) {
                tokio::time::sleep(GLANCE).await;
            }
        };
        tokio::time::timeout(PATIENCE, written).await.unwrap_or_else(|_| panic!("the console never says {part}"));
    }

    /// Where the pages sent requests since the last time; the browser's own start page is none of them.
    pub async fn requests(&self) -> Vec<String> {
        let entries = self.driver.command("se/log", json!({"type": "performance"})).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let url = |entry: &Value| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            if message["method"] != "Network.requestWillBeSent" {
                return None;
            }
            Some(message["params"]["request"]["url"].as_str()?.to_owned())
        };
        entries.iter().filter_map(url).filter(|url| !url.starts_with("chrome://")).collect()
    }

    /// Lets axe-core look at the page, and fails with what it finds.
    pub async fn check_accessibility(&self, what: &str) {
        if self.evaluate("typeof axe").await != "object" {
            self.client.execute(&axe(), vec![]).await.expect("load axe-core");
        }
        let script = "const done = arguments[arguments.length - 1]; \
                      axe.run({ resultTypes: ['violations'] }).then(done, (error) => done({ error: String(error) }));";
        let found = self.client.execute_async(script, vec![]).await.expect("run axe-core");
        let violations = found["violations"].as_array().unwrap_or_else(|| panic!("{what}: {found}"));
        let told: Vec<_> = violations.iter().map(|violation| (&violation["id"], &violation["nodes"])).collect();
        assert!(told.is_empty(), "{what}: {}", serde_json::to_string_pretty(&told).expect("JSON"));
        assert!(found["passes"].as_array().is_some_and(|passes| passes.len() > 5), "{what}: axe looked at nothing");
        let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(self.evaluate(wide).await, 0, "{what} scrolls sideways");
    }
}

fn axe() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-axe/axe_playwright_python/axe.min.js");
    let path = std::env::var("RELAY_TEST_AXE").unwrap_or_else(|_| folder.to_owned());
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}; run ./scripts/test, which downloads it"))
}
