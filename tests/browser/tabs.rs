//! Two tabs on one interview.

use serde_json::json;

use super::{Browser, agree_and_start, answer, answers, campaign, invite, link};
use crate::support::{engines::on_both_engines, product::Product};

on_both_engines! {
    async fn two_tabs_neither_double_nor_lose_an_answer(engine: Engine) {
        let product = Product::start(engine).await;
        let questions = json!([
            {"id": "a", "text": "The first question?", "type": "open"},
            {"id": "b", "text": "The second one?", "type": "open"},
            {"id": "c", "text": "And the last?", "type": "open"},
        ]);
        let campaign = campaign(&product, questions, json!({})).await;
        let link = link(&invite(&product, &campaign).await);
        let browser = Browser::start().await;
        browser.open(&link).await;
        agree_and_start(&browser).await;
        browser.question("The first question?").await;
        let first = browser.client.window().await.expect("a window");

        let second = browser.client.new_window(false).await.expect("a window").handle;
        browser.client.switch_to_window(second.clone()).await.expect("switch");
        browser.open(&link).await;
        answer(&browser, "The first question?", "Said in the second window, and at length.").await;
        browser.question("The second one?").await;

        // The first window still shows the first question. What is said there is not taken for an answer to the second.
        browser.client.switch_to_window(first).await.expect("switch");
        let late = "(() => { document.getElementById('answer').value = 'Said in the first window, too late.'; \
                    document.getElementById('answer').form.requestSubmit(); \
                    return document.querySelector('.question-asked')?.innerText; })()";
        assert!(browser.evaluate(late).await.as_str().is_some_and(|asked| asked.contains("The first question?")));
        browser.until("document.getElementById('notice').innerText.includes('continued elsewhere')").await;
        browser.question("The second one?").await;
        browser.check_accessibility("an interview that went on elsewhere").await;
        assert!(!browser.text(".thread").await.contains("too late"), "what was not taken does not look as if it was");
        assert_eq!(answers(&product, &campaign).await, 1);
        answer(&browser, "The second one?", "Said in the first window, in time.").await;
        browser.question("And the last?").await;
        assert_eq!(answers(&product, &campaign).await, 2);

        // And the second one notices in its turn, as soon as somebody looks at it.
        browser.client.switch_to_window(second).await.expect("switch");
        browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))").await;
        answer(&browser, "And the last?", "Said in the second window again.").await;
        browser.screen("finished").await;
        assert_eq!(answers(&product, &campaign).await, 3);
    }
}
