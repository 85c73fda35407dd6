//! The interviewer's port: words of somebody else are said, but the session decides what comes next.

use std::{sync::Arc, time::Duration};

use aggregates::session::{Line, Produced, Step};
use futures_util::future::BoxFuture;
use interview_relay::{
    config::Timeouts,
    interview::{Interviewer, Interviews, Moment},
};
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    participant::Participant,
    product::{Product, Setup},
};

/// Says what it was asked for, and tries to say more than that.
struct Talkative;

impl Interviewer for Talkative {
    fn word<'a>(&'a self, moment: Moment<'a>) -> BoxFuture<'a, Option<Produced>> {
        let line = |text: String| Some(Line::model(text, "test-model", 7));
        let said = moment.session.utterances().len();
        let about = match moment.step {
            Step::FollowUp { question, asked, guidance } => {
                format!("{} {asked} {}", question.id, guidance.unwrap_or_default())
            }
            Step::Question { question } => question.id.clone(),
            Step::Close { .. } => "the end".to_owned(),
        };
        let words = Produced {
            prompt_id: moment.answer.prompt_id.clone(),
            transition: line(format!("On to {about}, after {said} lines.")),
            follow_up: line(format!("More on {about}?")),
        };
        Box::pin(std::future::ready(Some(words)))
    }
}

/// Never comes to an end.
struct Thoughtful;

impl Interviewer for Thoughtful {
    fn word<'a>(&'a self, _: Moment<'a>) -> BoxFuture<'a, Option<Produced>> {
        Box::pin(std::future::pending())
    }
}

fn questions() -> Value {
    json!([
        {"id": "q1", "text": "One?", "type": "open", "followUp": {"enabled": true, "maxFollowUps": 1, "prompt": "Dig deeper."}},
        {"id": "q2", "text": "Two?", "type": "yes_no"},
    ])
}

fn texts(turn: &Value) -> Vec<&str> {
    turn["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| message["text"].as_str().expect("text"))
        .collect()
}

on_both_engines! {
    async fn words_of_a_model_are_said_and_the_script_stays_the_servers(engine: Engine) {
        let product = Product::start_as(engine, Setup { interviews: Interviews::new(Arc::new(Talkative), Timeouts::default()), ..Setup::default() }).await;
        let campaign = product.campaign_with(questions(), json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let turn = ada.answer(&turn["prompt"], json!({"text": "Good."})).await.expect(201);
        assert_eq!(turn["prompt"]["text"], "More on q1 0 Dig deeper.?");
        assert_eq!(texts(&turn), [""; 0], "a follow-up needs no transition");
        let again = ada.answer_as(1, &json!({"id": "p1"}), json!({"text": "Good."})).await.expect(201);
        assert_eq!(again, turn, "what was said stays, however often it is asked for");
        let turn = ada.answer(&turn["prompt"], json!({"text": "Fine."})).await.expect(201);
        assert_eq!(texts(&turn), ["On to q2, after 4 lines."]);
        assert_eq!(turn["prompt"]["text"], "Two?", "the question is the script's");
        let end = ada.answer(&turn["prompt"], json!({"value": true})).await.expect(201);
        assert_eq!(texts(&end)[0], "On to the end, after 7 lines.");
        assert_eq!(end["done"], json!(true));
        let origin = r#"%"origin":{"kind":"model","name":"test-model","promptVersion":7}%"#;
        let kept = format!("SELECT COUNT(*) FROM events WHERE type = 'session.prompted' AND data LIKE '{origin}'");
        assert_eq!(product.engine.number(&kept).await, 3, "with where it comes from");
        let in_clear = "SELECT COUNT(*) FROM events WHERE data LIKE '%More on q1%' OR data LIKE '%On to q2%'";
        assert_eq!(product.engine.number(in_clear).await, 0, "a model may quote the participant");
        product.stop().await;
    }

    async fn an_interview_does_not_wait_for_a_slow_interviewer(engine: Engine) {
        let mut interviews = Interviews::new(Arc::new(Thoughtful), Timeouts::default());
        interviews.deadline = Duration::from_millis(20);
        let product = Product::start_as(engine, Setup { interviews, ..Setup::default() }).await;
        let campaign = product.campaign_with(questions(), json!({})).await;
        let (mut ada, turn) = Participant::begin(&product, &campaign, "ada@example.com").await;
        let turn = ada.answer(&turn["prompt"], json!({"text": "Good."})).await.expect(201);
        assert_eq!(turn["prompt"]["kind"], "follow_up");
        assert!(!turn["prompt"]["text"].as_str().expect("text").is_empty());
        ada.finish().await;
        ada.post("complete", json!({})).await.expect(200);
        product.stop().await;
    }
}
