//! Prompts that are heard and answers that are spoken, in a browser whose microphone beeps.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Browser, agree_and_start, answer, answers, campaign, invite, link, link_at,
    proxy::{Proxy, Trouble},
    session, two_questions,
};
use crate::support::{
    engines::Engine,
    product::{Product, Setup, id},
    voices::{Mood, Voices, wav},
};

const LONG: &str = "It was two weeks late, and nobody could tell me why it was that late.";

async fn product(name: &str, voices: &Voices) -> Product {
    let setup = Setup { interviews: voices.interviews(), ..Setup::default() };
    Product::start_as(Engine::sqlite(name).await, setup).await
}

async fn recordings(product: &Product, campaign: &str) -> Vec<Value> {
    let session = id(&session(product, campaign).await);
    let page = product.get(&format!("/v1/sessions/{session}/files?order=asc")).await.expect(200);
    page["data"].as_array().expect("a list").clone()
}

/// Notes what is played to its end, and what a voice of the device reads.
const NOTE: &str = "(() => {
    window.heard = []; window.read = [];
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () {
        this.addEventListener('ended', () => window.heard.push(this.src), { once: true });
        return play.call(this);
    };
    window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
    speechSynthesis.getVoices = () => [{ localService: true, lang: 'en-US' }];
    speechSynthesis.speak = (utterance) => { window.read.push(utterance.text); setTimeout(utterance.onend); };
    return true;
})()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_spoken_by_keyboard_and_shown_as_it_was_heard() {
    let voices = Voices::start().await;
    voices.hears(LONG);
    let product = product("aloud", &voices).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let browser = Browser::with_microphone().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    browser.screen("welcome").await;
    assert!(browser.text("main").await.contains("in writing or by voice"));
    browser.check_accessibility("the welcome with voices").await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    browser.check_accessibility("a question that can be answered aloud").await;
    assert_eq!(browser.text("#speak").await, "Answer by voice");
    browser.tab_to("speak").await;
    browser.press(&[fantoccini::key::Key::Enter]).await;
    browser.until("document.getElementById('speak').innerText === 'Stop and send'").await;
    assert!(browser.text("#recording").await.starts_with("Recording: 0:0"));
    assert!(browser.text("#announcer").await.contains("Recording has started."));
    assert_eq!(browser.focus().await, "speak", "the focus stays");
    browser.check_accessibility("a recording").await;
    a_second_is_recorded(&browser).await;
    browser.press(&[fantoccini::key::Key::Enter]).await;
    browser.question("The second one?").await;
    assert!(browser.text(".thread").await.contains(LONG), "what was heard is shown");
    let kept = recordings(&product, &campaign).await;
    let [file] = kept.as_slice() else { panic!("one file: {kept:?}") };
    assert_eq!((&file["kind"], &file["contentType"]), (&json!("recording"), &json!("video/webm")));
    let listened = voices.listened();
    assert_eq!((listened[0].file_name.as_str(), listened[0].content_type.as_str()), ("answer.webm", "audio/webm"));
    assert_eq!(json!(listened[0].bytes.len()), file["size"]);

    // Thrown away is thrown away, and typing goes on.
    browser.click("#speak").await;
    browser.until("document.getElementById('speak').innerText === 'Stop and send'").await;
    browser.click("#discard").await;
    browser.until("document.getElementById('speak').innerText === 'Answer by voice'").await;
    assert_eq!(browser.focus().await, "speak");
    browser.click("#speak").await;
    browser.until("document.getElementById('speak').innerText === 'Stop and send'").await;
    answer(&browser, "The second one?", "Typed after all, and long enough for anybody.").await;
    browser.screen("finished").await;
    assert!(browser.text("main").await.contains("recordings of the answers that you gave by voice"));
    browser.check_accessibility("the end with recordings").await;
    assert_eq!((recordings(&product, &campaign).await.len(), answers(&product, &campaign).await), (1, 2));
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_nobody_could_write_down_is_tried_again() {
    let voices = Voices::start().await;
    voices.ear(Mood::Fails(500));
    let product = product("again", &voices).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let browser = Browser::with_microphone().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    let record = async || {
        browser.click("#speak").await;
        browser.until("document.getElementById('speak').innerText === 'Stop and send'").await;
        a_second_is_recorded(&browser).await;
        browser.click("#speak").await;
    };
    record().await;
    browser.until("document.getElementById('error')?.innerText.includes('was kept')").await;
    browser.check_accessibility("a recording that could not be written down").await;
    assert_eq!((recordings(&product, &campaign).await.len(), answers(&product, &campaign).await), (1, 0));
    voices.hears(LONG);
    browser.click("#resend").await;
    browser.question("The second one?").await;
    assert_eq!((recordings(&product, &campaign).await.len(), answers(&product, &campaign).await), (1, 1));
    // Silence is no answer, and the page says so.
    voices.hears(" ");
    record().await;
    browser.until("document.getElementById('error')?.innerText.startsWith('Nothing could be heard')").await;
    assert!(browser.evaluate("document.getElementById('resend').hidden").await == json!(true));
    answer(&browser, "The second one?", "Typed after all, and long enough for anybody.").await;
    browser.screen("finished").await;
}

/// A page under load may show two seconds before anybody has looked at one.
async fn a_second_is_recorded(browser: &Browser) {
    browser.until(r"/ 0:(0[1-9]|[1-5]\d)$/.test(document.getElementById('recording').innerText)").await;
}

/// Whether so many recordings wait in the browser.
fn waiting(n: u32) -> String {
    let count = "(async () => {
        const opening = indexedDB.open('interview', 1);
        opening.onupgradeneeded = () => opening.transaction.abort();
        const database = await new Promise((resolve, reject) => {
            opening.onsuccess = () => resolve(opening.result);
            opening.onerror = reject;
        });
        const request = database.transaction('recordings').objectStore('recordings').count();
        return new Promise((resolve) => { request.onsuccess = () => { database.close(); resolve(request.result); }; });
    })()";
    format!("{count}.then((count) => count === {n})")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_outlives_a_reload() {
    let voices = Voices::start().await;
    voices.hears(LONG);
    let product = product("outlives", &voices).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let proxy = Proxy::start(&product.url).await;
    let browser = Browser::with_microphone().await;
    browser.open(&link_at(&proxy.url, &invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    let record = async |question: &str| {
        browser.question(question).await;
        browser.click("#speak").await;
        a_second_is_recorded(&browser).await;
        browser.click("#speak").await;
        browser.until(&waiting(1)).await;
    };
    proxy.trouble(Trouble::Hang("/answers/spoken"));
    record("The first question?").await;
    assert_eq!(recordings(&product, &campaign).await.len(), 0, "nothing has arrived");
    browser.client.refresh().await.expect("reload");
    browser.question("The second one?").await;
    assert_eq!((recordings(&product, &campaign).await.len(), answers(&product, &campaign).await), (1, 1));
    browser.until(&waiting(0)).await;

    // Who leaves takes it back.
    proxy.trouble(Trouble::Hang("/answers/spoken"));
    record("The second one?").await;
    browser.click("#withdraw").await;
    browser.click("#dialog-confirm").await;
    browser.screen("withdrawn").await;
    browser.until(&waiting(0)).await;
    browser.client.refresh().await.expect("reload");
    browser.screen("withdrawn").await;
    assert_eq!(recordings(&product, &campaign).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_microphone_or_its_permission_answers_are_typed() {
    let voices = Voices::start().await;
    let product = product("dumb", &voices).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    // This one has no microphone.
    let browser = Browser::start().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    browser.click("#speak").await;
    browser.until("document.getElementById('error').innerText.startsWith('The microphone cannot be used.')").await;
    browser.check_accessibility("a microphone that cannot be used").await;
    answer(&browser, "The first question?", "Then I write it down, which takes a little longer.").await;
    browser.question("The second one?").await;
    assert_eq!(recordings(&product, &campaign).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_agree_to_be_recorded_has_no_microphone() {
    let voices = Voices::start().await;
    let product = product("unrecorded", &voices).await;
    let campaign = campaign(&product, two_questions(), json!({"requireConsent": false})).await;
    let browser = Browser::with_microphone().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    browser.screen("welcome").await;
    browser.click("#consent-data_processing").await;
    browser.click("#start").await;
    browser.question("The first question?").await;
    assert_eq!(browser.evaluate("document.getElementById('speak')").await, Value::Null);
    assert_eq!(browser.evaluate("document.getElementById('voice').hidden").await, json!(false), "hearing needs none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prompts_are_heard_from_the_server_or_else_from_the_browser() {
    let voices = Voices::start().await;
    let product = product("heard", &voices).await;
    let campaign = campaign(&product, two_questions(), json!({"voice": "nova"})).await;
    let browser = Browser::start().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    assert_eq!(voices.spoken().len(), 0, "nothing is spoken that nobody wants to hear");
    browser.evaluate(NOTE).await;
    browser.click("#voice").await;
    browser.until("window.heard.length === 1 && window.heard[0].startsWith('blob:')").await;
    let spoken = voices.spoken();
    assert_eq!((&spoken[0].0["input"], &spoken[0].0["voice"]), (&json!("The first question?"), &json!("nova")));
    // Transition and question, one after the other.
    answer(&browser, "The first question?", "An answer that is long enough for the interviewer.").await;
    browser.question("The second one?").await;
    browser.until("window.heard.length === 3").await;
    assert_eq!(browser.evaluate("window.read.length").await, 0);
    browser.check_accessibility("a question that is read aloud").await;
    // Off and on again, with a voice that fails: the browser's own reads on.
    voices.mouth(Mood::Fails(500));
    voices.spoken();
    browser.click("#voice").await;
    browser.until("document.getElementById('voice').innerText === 'Read aloud'").await;
    answer(&browser, "The second one?", "An answer that is long enough for the interviewer.").await;
    browser.screen("finished").await;
    assert_eq!(voices.spoken().len(), 0, "it was turned off");
    assert_eq!(browser.evaluate("window.heard.length").await, 3);

    let other = super::campaign(&product, two_questions(), json!({"greeting": "Another greeting."})).await;
    browser.open(&link(&invite(&product, &other).await)).await;
    agree_and_start(&browser).await;
    browser.question("The first question?").await;
    voices.mouth(Mood::Fails(500));
    browser.evaluate(NOTE).await;
    browser.click("#voice").await;
    // The question was heard in the other campaign, but in another voice.
    browser.until("window.read.length === 1").await;
    assert_eq!(browser.evaluate("window.read[0]").await, "The first question?");
    voices.mouth(Mood::Answers(wav(100)));
    answer(&browser, "The first question?", "An answer that is long enough for the interviewer.").await;
    browser.until("window.heard.length === 2").await;
    // The closing is no prompt, and is heard all the same.
    answer(&browser, "The second one?", "An answer that is long enough for the interviewer.").await;
    browser.screen("finished").await;
    browser.until("window.heard.length === 3").await;
    let (closing, _) = voices.spoken().pop().expect("asked for");
    assert!(browser.text("main").await.contains(closing["input"].as_str().expect("a text")), "{closing}");
    browser.click("#voice").await;
    browser.until("document.getElementById('voice').innerText === 'Read aloud'").await;
    let requests = browser.requests().await;
    let elsewhere: Vec<_> =
        requests.iter().filter(|url| url.starts_with("http") && !url.starts_with(&product.url)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    // Nobody but the session hears it.
    let line = requests.iter().find(|url| url.contains("/speech?utterance=")).expect("asked");
    assert_eq!(reqwest::Client::new().request(Method::GET, line).send().await.expect("send").status(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consent_is_withdrawn_from_another_device_after_the_end() {
    let product = Product::start(Engine::sqlite("device").await).await;
    let campaign = campaign(&product, two_questions(), json!({})).await;
    let invite = invite(&product, &campaign).await;
    let browser = Browser::start().await;
    browser.open(&link(&invite)).await;
    agree_and_start(&browser).await;
    answer(&browser, "The first question?", "An answer that is long enough for the interviewer.").await;
    answer(&browser, "The second one?", "Another answer that is long enough for the interviewer.").await;
    browser.screen("finished").await;
    let other = Browser::phone().await;
    other.open(&link(&invite)).await;
    other.screen("finished").await;
    other.click("#withdraw").await;
    other.click("#dialog-confirm").await;
    other.screen("withdrawn").await;
    let stored = session(&product, &campaign).await;
    assert_eq!(stored["consent"], json!({"recording": false, "dataProcessing": false}));
    // Wherever it is looked at.
    browser.client.refresh().await.expect("reload");
    browser.screen("withdrawn").await;
    browser.check_accessibility("a withdrawal on another device").await;
}
