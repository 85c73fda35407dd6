//! The page in the language of the interview.

use serde_json::{Value, json};

use super::{Browser, agree_and_start, answer, campaign, invite, link};
use crate::support::{engines::Engine, product::Product};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arabic_runs_from_right_to_left_on_a_small_phone() {
    let product = Product::start(Engine::sqlite("arabic").await).await;
    let questions = json!([
        {"id": "a", "text": "ما رأيك في خدمتنا؟", "type": "open"},
        {"id": "b", "text": "ما مدى احتمال أن توصي بنا؟", "type": "rating"},
        {"id": "c", "text": "هل نتواصل معك؟", "type": "yes_no", "required": false},
    ]);
    let campaign = campaign(&product, questions, json!({"language": "ar"})).await;
    let browser = Browser::phone().await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    browser.screen("welcome").await;
    browser.check_accessibility("the welcome in Arabic").await;
    assert_eq!(
        browser.evaluate("[document.documentElement.lang, document.documentElement.dir]").await,
        json!(["ar", "rtl"])
    );
    let welcome = browser.text("main").await;
    assert!(welcome.contains("تدعوك Acme إلى مقابلة") && welcome.contains("3 دقائق"), "{welcome}");
    // The box stands on the right of its text.
    let right = "document.getElementById('consent-recording').getBoundingClientRect().left \
                 > document.querySelector('label[for=consent-recording]').getBoundingClientRect().left";
    assert_eq!(browser.evaluate(right).await, Value::Bool(true));
    agree_and_start(&browser).await;
    browser.question("ما رأيك في خدمتنا؟").await;
    browser.check_accessibility("an open question in Arabic").await;
    answer(&browser, "ما رأيك في خدمتنا؟", "Fast and friendly, I would come back any time.").await;
    browser.question("ما مدى احتمال أن توصي بنا؟").await;
    browser.check_accessibility("a rating in Arabic").await;
    // Who answers in English reads the own words from the left.
    assert_eq!(browser.evaluate("getComputedStyle(document.querySelector('.mine p')).direction").await, "ltr");
    browser.click("label[for=answer-7]").await;
    browser.click("#send").await;
    assert!(browser.text(".thread").await.contains("8 من 10"));
    browser.click("#skip").await;
    browser.screen("finished").await;
    browser.check_accessibility("the end in Arabic").await;
    assert_eq!(browser.text("h1").await, "شكرًا لك، انتهت المقابلة");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_language_opens_and_others_fall_back_to_english() {
    let product = Product::start(Engine::sqlite("languages").await).await;
    let browser = Browser::start().await;
    for (language, shown, start, minutes) in [
        ("de-AT", "de-AT", "Interview beginnen", "1 Minute"),
        ("fr", "fr", "Commencer l’entretien", "1 minute"),
        ("es", "es", "Empezar la entrevista", "1 minuto"),
        ("zh", "zh", "开始访谈", "1分钟"),
        ("nl", "en", "Start the interview", "1 minute"),
    ] {
        let question = json!([{"id": "a", "text": "Hoe gaat het?", "type": "open"}]);
        let campaign = campaign(&product, question, json!({"language": language})).await;
        browser.open(&link(&invite(&product, &campaign).await)).await;
        browser.screen("welcome").await;
        assert_eq!(browser.evaluate("document.documentElement.lang").await, shown);
        assert_eq!(browser.text("#start").await, start);
        assert!(browser.text("main").await.contains(minutes), "{language}: {}", browser.text("main").await);
        browser.check_accessibility(language).await;
        agree_and_start(&browser).await;
        browser.question("Hoe gaat het?").await;
        // The question stands in the interview's language, whatever the page speaks.
        assert_eq!(browser.evaluate("document.getElementById('question').lang").await, language);
        browser.check_accessibility(&format!("a question in {language}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dark_page_keeps_its_contrast_and_a_large_one_its_width() {
    let product = Product::start(Engine::sqlite("dark").await).await;
    let campaign = campaign(&product, super::questions(), json!({})).await;
    let browser = Browser::phone().await;
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.devtools("Emulation.setEmulatedMedia", dark).await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    browser.screen("welcome").await;
    assert_eq!(browser.evaluate("getComputedStyle(document.documentElement).colorScheme").await, "dark");
    browser.check_accessibility("the welcome in the dark").await;
    agree_and_start(&browser).await;
    browser.question("Why did you choose us?").await;
    browser.check_accessibility("an open question in the dark").await;
    // Twice as large on a screen of 640 pixels leaves 320 (WCAG 1.4.10).
    let small = json!({"width": 320, "height": 512, "deviceScaleFactor": 2, "mobile": false});
    browser.devtools("Emulation.setDeviceMetricsOverride", small).await;
    browser.check_accessibility("an open question at 200 %").await;
    answer(&browser, "Why did you choose us?", "Because it was recommended by somebody whom I trust a lot.").await;
    browser.question("How likely are you to recommend us?").await;
    browser.check_accessibility("a rating in the dark at 200 %").await;
    browser.click("label[for=answer-8]").await;
    browser.check_accessibility("a chosen rating in the dark").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voice_that_sends_the_words_elsewhere_is_not_offered() {
    let product = Product::start(Engine::sqlite("voices").await).await;
    let campaign = campaign(&product, super::questions(), json!({})).await;
    let browser = Browser::start().await;
    // This browser has no voices of its own; it is told that it has one on somebody's server.
    let voice = "window.voice = { name: 'Remote', lang: 'en-US', localService: false }; \
                 Object.defineProperty(speechSynthesis, 'getVoices', { value: () => [voice] });";
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": voice})).await;
    browser.open(&link(&invite(&product, &campaign).await)).await;
    agree_and_start(&browser).await;
    browser.question("Why did you choose us?").await;
    let hidden = "document.getElementById('voice').hidden";
    assert_eq!(browser.evaluate(hidden).await, Value::Bool(true));
    // One of the device is, as soon as it is there.
    let local = "(voice.localService = true) && speechSynthesis.dispatchEvent(new Event('voiceschanged'))";
    browser.evaluate(local).await;
    browser.until(&format!("!{hidden}")).await;
    assert_eq!(browser.text("#voice").await, "Read aloud");
    browser.check_accessibility("a question that can be read aloud").await;
}
