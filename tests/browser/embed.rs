//! The page mounted in another site's page.

use axum::{Router, http::header, response::IntoResponse, routing::get};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{Browser, agree_and_start, answer, campaign, invite, link, two_questions};
use interview_relay::http::interview::page::InterviewPage;

use crate::support::{
    engines::{Engine, on_both_engines},
    product::{Product, Setup},
};

/// A site on an origin of its own.
struct Site {
    origin: String,
    listener: TcpListener,
}

/// A site that serves its page.
struct Served(JoinHandle<()>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Site {
    /// `localhost` is another site than 127.0.0.1, where the product is.
    async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        Self { origin, listener }
    }

    /// Mounts the interview and notes what it tells.
    fn serve(self, relay: &str, token: &str) -> Served {
        let page = format!(
            "<!doctype html><html lang=en><title>Host</title><h1>Host</h1><div id=place></div>\
             <script src=\"{relay}/embed.js\"></script><script>\
             const told = []; const heard = [];\
             const place = document.getElementById('place');\
             place.addEventListener('interviewrelay:completed', () => heard.push('completed'));\
             const interview = InterviewRelay.mount(place, {{ token: '{token}', title: 'Our interview',\
             onEvent: ({{ type, ...detail }}) => told.push([type, detail]), onStarted: () => heard.push('started') }});\
             </script>"
        );
        let plain = format!(
            "<!doctype html><title>Host</title><script src=\"{relay}/embed.js\" data-token=\"{token}\"></script>"
        );
        let fixed = format!(
            "<!doctype html><html lang=en><title>Host</title><label>Search <input id=own autofocus></label>\
             <script>window.heights = []; document.addEventListener('interviewrelay:resize',\
             ({{ detail }}) => heights.push(detail.height));</script>\
             <script src=\"{relay}/embed.js\" data-token=\"{token}\" data-auto-resize=\"false\"></script>"
        );
        let html = |page: String| {
            move || {
                let page = page.clone();
                async move { ([(header::CONTENT_TYPE, "text/html")], page).into_response() }
            }
        };
        let router = Router::new()
            .route("/", get(html(page)))
            .route("/plain", get(html(plain)))
            .route("/fixed", get(html(fixed)));
        Served(tokio::spawn(async move { axum::serve(self.listener, router).await.expect("serve") }))
    }
}

/// The events that the host has heard of, without those about its height.
const TOLD: &str = "told.map(([type]) => type).filter((type) => type !== 'resize').join()";

/// A product whose interviews pages of this origin may mount.
fn embedded(origin: &str) -> Setup {
    Setup { interview_page: InterviewPage::new(&[origin.to_owned()]), ..Setup::default() }
}

on_both_engines! {
    async fn an_allowed_site_mounts_the_interview_and_is_told_what_happens(engine: Engine) {
        let site = Site::bind().await;
        let product = Product::start_as(engine, embedded(&site.origin)).await;
        let campaign = campaign(&product, two_questions(), json!({})).await;
        let invite = invite(&product, &campaign).await;
        let token = invite["token"].as_str().expect("a token").to_owned();
        let origin = site.origin.clone();
        let _site = site.serve(&product.url, &token);
        let browser = Browser::start().await;
        browser.open(&origin).await;
        browser.until(&format!("{TOLD} === 'ready'")).await;
        browser.until("told.some(([type, { height }]) => type === 'resize' && height > 400)").await;
        let fits = "Math.abs(interview.frame.getBoundingClientRect().height \
                    - told.filter(([type]) => type === 'resize').at(-1)[1].height) <= 1";
        browser.until(fits).await;
        assert_eq!(browser.evaluate("interview.frame.title").await, "Our interview");

        browser.enter_frame().await;
        browser.screen("welcome").await;
        browser.check_accessibility("the welcome in a frame").await;
        agree_and_start(&browser).await;
        browser.click("#pause").await;
        browser.click("#resume").await;
        answer(&browser, "The first question?", "An answer that is long enough for the interviewer.").await;
        answer(&browser, "The second one?", "Another answer that is long enough for the interviewer.").await;
        browser.screen("finished").await;
        browser.client.enter_parent_frame().await.expect("the host");
        browser.until(&format!("{TOLD} === 'ready,started,paused,resumed,completed'")).await;
        assert_eq!(browser.evaluate("heard").await, json!(["started", "completed"]));

        // Messages that only look like the interview's are not listened to.
        let before = browser.evaluate("told.length").await;
        browser.evaluate("window.postMessage({ source: 'interview-relay', event: 'left' }, '*')").await;
        let forged = "document.body.appendChild(Object.assign(document.createElement('iframe'), { srcdoc: \
                      '<script>parent.postMessage({ source: \"interview-relay\", event: \"left\" }, \"*\"); \
                      parent.postMessage(\"sent\", \"*\")</script>' })) && true";
        browser
            .evaluate("window.addEventListener('message', ({ data }) => { if (data === 'sent') window.sent = true; })")
            .await;
        browser.evaluate(forged).await;
        browser.until("window.sent").await;
        assert_eq!(browser.evaluate("told.length").await, before);

        // The least that a site has to write.
        browser.open(&format!("{origin}/plain")).await;
        browser.until("document.querySelector('iframe')").await;
        browser.enter_frame().await;
        browser.screen("finished").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_keeps_its_focus_and_the_height_that_it_wants() {
    let site = Site::bind().await;
    let product = Product::start_as(Engine::sqlite("host").await, embedded(&site.origin)).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let invite = invite(&product, &campaign).await;
    let token = invite["token"].as_str().expect("a token").to_owned();
    let origin = site.origin.clone();
    let _site = site.serve(&product.url, &token);
    let browser = Browser::start().await;
    // Under way, so that what the frame shows first is a question, which takes the focus elsewhere.
    browser.open(&link(&invite)).await;
    agree_and_start(&browser).await;
    browser.open(&format!("{origin}/fixed")).await;
    browser.until("document.activeElement.id === 'own'").await;
    browser.enter_frame().await;
    browser.question("The first question?").await;
    assert_eq!(browser.focus().await, "");
    browser.client.enter_parent_frame().await.expect("the host");
    assert_eq!(browser.focus().await, "own");
    browser.until("window.heights.length > 0").await;
    assert_eq!(browser.evaluate("document.querySelector('iframe').style.height").await, "");

    // What the participant does in the frame moves the focus as on a page of its own.
    browser.enter_frame().await;
    answer(&browser, "The first question?", "An answer that is long enough for the interviewer.").await;
    browser.question("The second one?").await;
    browser.until("document.activeElement.id === 'answer'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_is_not_allowed_gets_nothing() {
    let (allowed, site) = (Site::bind().await, Site::bind().await);
    let product = Product::start_as(Engine::sqlite("refused").await, embedded(&allowed.origin)).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let invite = invite(&product, &campaign).await;
    let token = invite["token"].as_str().expect("a token").to_owned();
    let origin = site.origin.clone();
    let _site = site.serve(&product.url, &token);
    let browser = Browser::start().await;
    browser.open(&origin).await;
    // The browser itself refuses to show the page there, and says so.
    browser.until_console("frame-ancestors").await;
    browser.enter_frame().await;
    let shown = browser.evaluate("document.getElementById('main')").await;
    assert_eq!(shown, Value::Null);
    browser.client.enter_parent_frame().await.expect("the host");
    assert_eq!(browser.evaluate("told.length").await, 0);
}
