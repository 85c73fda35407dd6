use aggregates::{
    Code, Entity,
    email_template::{
        EmailTemplate, EmailTemplateCommand, EmailTemplateCreated, EmailTemplateDeleted, EmailTemplateError,
        EmailTemplateEvent, EmailTemplatePatch, EmailTemplatePatchInput, EmailTemplateUpdated, MAX_HTML, MAX_TEXT,
        NewEmailTemplateInput, Variables, VariablesInput,
        render::{self, Part},
    },
    value::Change,
};
use serde_json::{Value, json};

use crate::common::{fields, given, id, invalid, malformed, object, read, refusal};

fn body() -> Value {
    json!({
        "name": "Warm", "subject": "Hello {{ participant.name }}", "text": "Open {{ link }} by {{ expiresOn }}",
        "html": "<p>{{ organization.name }}: {{ campaign.name }}</p>", "language": "pt-BR",
    })
}

fn create() -> EmailTemplateCommand {
    let template = read::<NewEmailTemplateInput>(body()).validate().expect("good");
    EmailTemplateCommand::Create { template_id: id(2), organization_id: id(1), template }
}

fn created() -> EmailTemplateEvent {
    EmailTemplateEvent::Created(EmailTemplateCreated {
        template_id: id(2),
        organization_id: id(1),
        name: "Warm".into(),
        subject: "Hello {{ participant.name }}".into(),
        text: "Open {{ link }} by {{ expiresOn }}".into(),
        html: "<p>{{ organization.name }}: {{ campaign.name }}</p>".into(),
        language: Some("pt-BR".into()),
    })
}

fn update(body: Value) -> EmailTemplateCommand {
    EmailTemplateCommand::Update(read::<EmailTemplatePatchInput>(body).validate().expect("good"))
}

#[test]
fn it_is_created_changed_and_deleted() {
    given::<EmailTemplate>(&[]).when(create()).then_expect_events(vec![created()]);
    given::<EmailTemplate>(&[created()]).when(create()).then_expect_error(EmailTemplateError::AlreadyExists);
    let updated =
        EmailTemplateUpdated { subject: Some("Hi".into()), language: Change::Clear, ..EmailTemplateUpdated::default() };
    given::<EmailTemplate>(&[created()])
        .when(update(json!({"name": "Warm", "subject": "Hi", "language": null})))
        .then_expect_events(vec![EmailTemplateEvent::Updated(updated)]);
    given::<EmailTemplate>(&[created()]).when(update(body())).then_expect_events(vec![]);
    let deleted = || EmailTemplateEvent::Deleted(EmailTemplateDeleted {});
    given::<EmailTemplate>(&[created()]).when(EmailTemplateCommand::Delete).then_expect_events(vec![deleted()]);
    for command in [EmailTemplateCommand::Delete, EmailTemplateCommand::Update(EmailTemplatePatch::default())] {
        given::<EmailTemplate>(&[]).when(command.clone()).then_expect_error(EmailTemplateError::NotFound);
        assert_eq!(refusal::<EmailTemplate>(&[created(), deleted()], command).code, Code::NotFound);
    }
    assert_eq!(EmailTemplate::replay([created()]).organization_id(), Some(id(1)));
    assert_eq!(EmailTemplate::replay([created(), deleted()]).organization_id(), None);
}

#[test]
fn all_fields_are_checked_at_once() {
    let bad = malformed::<NewEmailTemplateInput>(json!({"name": 1, "language": []}));
    let expected = [
        ("name", "invalid_type"),
        ("subject", "required"),
        ("text", "required"),
        ("html", "required"),
        ("language", "invalid_type"),
    ];
    assert_eq!(fields(&bad), expected);
    let body = json!({
        "name": " ", "subject": "a\nb", "text": "x".repeat(MAX_TEXT + 1), "html": "{{", "language": "english!",
    });
    let expected = [
        ("name", "too_short"),
        ("subject", "invalid_format"),
        ("text", "too_long"),
        ("html", "syntax_error"),
        ("language", "invalid_format"),
    ];
    assert_eq!(fields(&invalid(read::<NewEmailTemplateInput>(body.clone()).validate())), expected);
    let patch = invalid(read::<EmailTemplatePatchInput>(body).validate());
    assert_eq!(patch.fields.len(), 5);
    let cleared = invalid(read::<EmailTemplatePatchInput>(json!({"html": null})).validate());
    assert_eq!(fields(&cleared), [("html", "required")]);
}

/// Code and message of what is wrong with an HTML part.
fn wrong(source: &str) -> Vec<(String, String)> {
    render::check(Part::Html, source).into_iter().map(|error| (error.code, error.message)).collect()
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let one = |source: &str| {
        let wrong = wrong(source);
        assert_eq!(wrong.len(), 1, "{source}: {wrong:?}");
        wrong.into_iter().next().expect("one")
    };
    let (code, message) = one("<p>\n\n{% if link %}</p>");
    assert!(code == "syntax_error" && message.starts_with("line 3: "), "{message}");
    let (code, message) = one("<p>\n{{ participant.nam }}</p>");
    assert!(code == "unknown_variable" && message == "line 2: there is no variable participant.nam", "{message}");
    let (_, message) = one("{% if link %}{% else %}\n\n\n{{ nobody }}{% endif %}");
    assert_eq!(message, "line 4: there is no variable nobody", "also where the sample does not come by");
    let (code, message) = one("\n{{ link|safe }}");
    assert!(code != "unknown_variable" && message.starts_with("line 2"), "{code} {message}");
    let (code, message) = one("\n\n{%-  autoescape false %}{{ link }}{% endautoescape %}");
    assert!(code == "syntax_error" && message.starts_with("line 3"), "{message}");
    for source in [
        "{% include 'other' %}",
        "{% extends 'other' %}",
        "{% import 'other' as x %}",
        "{{ range(10) }}",
        "{{ link|tojson }}",
        "{{ debug() }}",
        "{{ link.upper() }}",
    ] {
        assert_eq!(wrong(source).len(), 1, "{source}");
    }
}

#[test]
fn rendering_is_bounded() {
    let digits = "[0,1,2,3,4,5,6,7,8,9]";
    let nested: String = (0..9).map(|i| format!("{{% for a{i} in {digits} %}}")).collect();
    let endless = format!("{nested}x{}", "{% endfor %}".repeat(9));
    let doubling: String = (0..60).map(|i| format!("{{% set a{} = a{i} ~ a{i} %}}", i + 1)).collect();
    let doubling = format!("{{% set a0 = 'xxxxxxxxxxxxxxxx' %}}{doubling}{{{{ a60 }}}}");
    let captured: String =
        (0..60).map(|i| format!("{{% set a{} %}}{{{{ a{i} }}}}{{{{ a{i} }}}}{{% endset %}}", i + 1)).collect();
    let captured = format!("{{% set a0 = 'xxxxxxxxxxxxxxxx' %}}{captured}{{{{ a60 }}}}");
    let repeated = "{{ 'x' * 1000000000 }}".to_owned();
    for source in [endless, doubling, captured, repeated] {
        let wrong = wrong(&source);
        assert_eq!(wrong.len(), 1, "{source}");
        assert!(["too_complex", "too_long", "render_error"].contains(&wrong[0].0.as_str()), "{wrong:?}");
    }
    let largest = format!("{}{{{{ link }}}}", "é".repeat(MAX_HTML - 10));
    assert_eq!(wrong(&largest), []);
}

#[test]
fn values_are_escaped_in_html_and_nowhere_else() {
    let sample = Variables {
        participant_name: "<script>alert(\"1\")</script>".into(),
        metadata: object(json!({"plan": "<b>", "n": 3, "vip": true})),
        ..Variables::sample()
    };
    let html = render::render(Part::Html, "{{ participant.name }}{{ metadata.plan }}", sample.context()).expect("html");
    assert!(!html.contains('<'), "{html}");
    let source = "{{ participant.name }} {{ metadata.n }} {{ metadata.vip }}[{{ metadata.absent }}]{% if metadata.absent %}x{% endif %}";
    let text = render::render(Part::Text, source, sample.context()).expect("text");
    assert_eq!(text, "<script>alert(\"1\")</script> 3 True[]");
    assert_eq!(render::check(Part::Text, source), []);
}

#[test]
fn a_subject_is_one_line_whatever_is_in_it() {
    let with = |plan: &str| {
        let sample = Variables { metadata: object(json!({"plan": plan})), ..Variables::sample() };
        render::render(Part::Subject, " Plan {{ metadata.plan }} ", sample.context())
    };
    assert_eq!(with("gold").as_deref(), Ok("Plan gold"));
    for plan in ["gold\r\nBcc: eve@example.com", "a\nb", "a\u{2028}b", "a\u{0}b"] {
        assert_eq!(with(plan).expect_err("refused").code, "invalid_format", "{plan:?}");
    }
    assert_eq!(with(&"x".repeat(400)).expect_err("refused").code, "too_long");
    assert_eq!(render::check(Part::Subject, "{% if metadata.x %}x{% endif %}")[0].code, "too_short");
}

#[test]
fn a_preview_takes_what_it_is_given() {
    let body = json!({"data": {
        "participant": {"name": "Ada"}, "organization": {"name": "Acme"}, "metadata": {"plan": "gold", "list": [1]},
    }});
    let variables = read::<VariablesInput>(body).over(Variables::sample());
    let expected = Variables {
        participant_name: "Ada".into(),
        organization: "Acme".into(),
        metadata: object(json!({"plan": "gold"})),
        ..Variables::sample()
    };
    assert_eq!(variables, expected);
    assert_eq!(read::<VariablesInput>(json!({})).over(Variables::sample()), Variables::sample());
    let bad = malformed::<VariablesInput>(json!({"data": {"participant": {"name": 1}, "link": {}}}));
    assert_eq!(fields(&bad), [("data.participant.name", "invalid_type"), ("data.link", "invalid_type")]);
}
