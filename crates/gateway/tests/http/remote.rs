//! Generating models at the end of a task's route.

use std::sync::Arc;

use freehold_gateway::{
    Deployed, DeployedTier, Egress, GenerativeModel, Portfolio, RemoteTiers, subject,
};
use freehold_routing::Terms;
use freehold_routing::remote::RemoteCertificate;
use freehold_vocabulary::chat::{ResponseFormat, StopReason};
use freehold_vocabulary::egress::{Allow, EgressPolicy};
use freehold_vocabulary::{
    Confidence, DataClass, LabelMode, Outcome, Probability, PromiseScope, Tier, Timestamp, Trust,
};
use serde_json::{Value, json};

use crate::support::{
    Line, START, Scripted, Server, Setup, WordEngine, finished, model, policy, started, task, text,
    usage,
};

/// An answer of 1000 tokens in and 100 out, which costs 0.0035 USD.
const PICOS: u64 = 3_500_000_000;

fn says(answer: &str) -> Vec<Line> {
    vec![started(), text(answer), finished(StopReason::EndTurn), usage(1000, 100)]
}

fn terms() -> Terms {
    let error_at_most = Probability::new(0.05).unwrap();
    Terms { error_at_most, confidence: Confidence::P95, promise: PromiseScope::Route }
}

fn tickets() -> Deployed {
    let engine = WordEngine::new(Tier::Micro, &["billing", "login", "shipping"]);
    let tier = DeployedTier { policy: policy(&engine), engine: Arc::new(engine) };
    let since = Timestamp::parse(START).unwrap();
    Deployed::new(task("tickets", LabelMode::Single), vec![tier], since).unwrap()
}

struct Case {
    trust: Trust,
    /// Judged answers of `mini`, and wrong ones among them.
    judged: Option<(u64, u64)>,
    mini: Vec<Line>,
    large: Vec<Line>,
    /// What `mini` may be told; the task is `internal`.
    mini_clearance: DataClass,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            trust: Trust::Certificate,
            judged: None,
            mini: says(r#"{"label":"login"}"#),
            large: says(r#"{"label":"shipping"}"#),
            mini_clearance: DataClass::Internal,
        }
    }
}

struct Asked {
    server: Server,
    mini: Arc<Scripted>,
    large: Arc<Scripted>,
    third: Arc<Scripted>,
}

async fn start(case: Case) -> Asked {
    let mini = Scripted::new("small-cloud", case.mini_clearance, case.mini);
    let large = Scripted::new("cloud", DataClass::Confidential, case.large);
    // Stands in for `mini` where it is asked by name; nothing was proved of it.
    let third = Scripted::new("third", DataClass::Confidential, says(r#"{"label":"billing"}"#));
    let models = [
        model("mini", &mini, &["third"]),
        model("large", &large, &[]),
        model("third", &third, &[]),
    ];
    let deployed = tickets();
    let subject = subject(&deployed, &models[0], &deployed.certificates());
    let certificates =
        case.judged.map(|(n, errors)| RemoteCertificate::new(subject, terms(), n, errors));
    let deployed = deployed.with_remote(RemoteTiers {
        models: vec!["mini".to_owned(), "large".to_owned()],
        terms: terms(),
        trust: case.trust,
        certificates: certificates.into_iter().collect(),
    });
    let portfolio = Portfolio::new(vec![deployed]).unwrap();
    let portfolio = with(portfolio, &models);
    let server = Server::start(Setup { portfolio, ..Setup::default() }).await;
    Asked { server, mini, large, third }
}

/// What nobody says the class of is `restricted`, which no engine here may be told.
fn with(portfolio: Portfolio, models: &[Arc<GenerativeModel>]) -> Portfolio {
    let engines = models.iter().map(|it| &it.engine.card().clearance);
    let allow = engines.map(Allow::to_engine).collect();
    let policy = EgressPolicy { allow, ..EgressPolicy::default() };
    let egress = Egress { policy, default_class: DataClass::Restricted, ..Egress::default() };
    portfolio.with_models(models, egress).unwrap()
}

const PREDICT: &str = "/v1/tasks/tickets/predict";

impl Asked {
    async fn about(&self, text: &str) -> Value {
        let body = json!({ "inputs": [text] }).to_string();
        self.server.post(PREDICT, &body).await.ok()["results"][0].clone()
    }
}

#[tokio::test]
async fn what_a_tier_keeps_leaves_nobody_the_house() {
    let asked = start(Case { trust: Trust::Operator, ..Case::default() }).await;
    let answer = asked.about("billing").await;
    assert_eq!(answer["labels"], json!(["billing"]));
    assert_eq!(answer.get("model"), None);
    assert_eq!(asked.mini.times() + asked.large.times(), 0);
}

#[tokio::test]
async fn the_operator_may_say_that_a_models_answers_count() {
    let asked = start(Case { trust: Trust::Operator, ..Case::default() }).await;
    let answer = asked.about("my key does not open").await;
    assert_eq!(answer["outcome"], "answered");
    assert_eq!(answer["labels"], json!(["login"]));
    assert_eq!((&answer["model"], &answer["trust"]), (&json!("mini"), &json!("operator")));
    assert_eq!((&answer["tier"], &answer["certificate"]), (&json!("frontier"), &Value::Null));
    assert_eq!(answer["cost"], json!([{ "currency": "USD", "amount": 0.0035 }]));
    assert_eq!(answer["prediction_set"], Value::Null);
    assert_eq!(asked.large.times(), 0);
    let request = asked.mini.last();
    let ResponseFormat::JsonSchema(schema) = request.response_format else { panic!("no schema") };
    assert_eq!(
        schema.schema["properties"]["label"]["enum"],
        json!(["billing", "login", "shipping", "(none of these)"])
    );
    let trace = asked.server.traces.get(answer["trace_id"].as_str().unwrap()).unwrap();
    let route = trace.route.unwrap();
    assert_eq!((route.trust, route.asked.len()), (Some(Trust::Operator), 1));
    let generation = route.asked[0].trace.clone().unwrap();
    let generation = asked.server.traces.get(generation.as_str()).unwrap();
    assert_eq!(generation.route.unwrap().task.unwrap().as_str(), "tickets");
    let generation = generation.generation.unwrap();
    // The task's class, not that of requests of which nobody says anything.
    assert_eq!(generation.data_class, DataClass::Internal);
    assert_eq!(generation.cost.unwrap().picos, PICOS);
}

#[tokio::test]
async fn without_a_certificate_an_answer_is_a_suggestion_to_people() {
    let asked = start(Case::default()).await;
    let answer = asked.about("my key does not open").await;
    assert_eq!((&answer["outcome"], &answer["tier"]), (&json!("abstained"), &json!("human")));
    assert_eq!((&answer["labels"], &answer["suggested"]), (&json!([]), &json!(["shipping"])));
    assert_eq!(answer["reason"], "no certificate");
    // Both were asked and are paid for.
    assert_eq!(answer["cost"][0]["amount"], 0.007);
}

#[tokio::test]
async fn a_certificate_from_judged_answers_lets_them_count() {
    for (judged, expected) in [((100, 0), "answered"), ((100, 9), "abstained")] {
        let asked = start(Case { judged: Some(judged), ..Case::default() }).await;
        let answer = asked.about("my key does not open").await;
        assert_eq!(answer["outcome"], expected, "{judged:?}");
        if expected == "answered" {
            assert_eq!(answer["trust"], "certificate");
            assert_eq!(answer["confidence"], 1.0);
            assert!(answer["certificate"].is_string());
        }
    }
}

#[tokio::test]
async fn no_label_and_no_answer_pass_on_and_are_paid_for() {
    let unavailable = Scripted::new("x", DataClass::Internal, Vec::new()).error("unavailable");
    let cases: [(Vec<Line>, u64, &str); 5] = [
        (says("login"), 2, "it named no label"),
        (says(r#"{"label":"(none of these)"}"#), 2, "it named no label"),
        (says(r#"{"label":"logins"}"#), 2, "it named no label"),
        (vec![Line::Fail(unavailable)], 1, "the model did not answer"),
        // It breaks off after 1000 tokens were read: they are paid for all the same.
        (vec![started(), text("{"), usage(1000, 100)], 2, "the model did not answer"),
    ];
    for (mini, paid, reason) in cases {
        let asked = start(Case { trust: Trust::Operator, mini, ..Case::default() }).await;
        let answer = asked.about("my key does not open").await;
        assert_eq!((&answer["outcome"], &answer["model"]), (&json!("answered"), &json!("large")));
        assert_eq!(answer["cost"][0]["amount"], paid as f64 * 0.0035, "{reason}");
        let trace = asked.server.traces.get(answer["trace_id"].as_str().unwrap()).unwrap();
        assert_eq!(trace.route.unwrap().asked[0].reason.as_deref(), Some(reason));
        assert_eq!(trace.outcome, Outcome::Answered);
        assert_eq!(asked.third.times(), 0, "{reason}");
    }
}

#[tokio::test]
async fn a_text_that_may_not_leave_goes_to_nobody() {
    let asked = start(Case {
        trust: Trust::Operator,
        mini_clearance: DataClass::Public,
        ..Case::default()
    })
    .await;
    let answer = asked.about("my key does not open").await;
    assert_eq!((asked.mini.times(), &answer["model"]), (0, &json!("large")));
    let trace = asked.server.traces.get(answer["trace_id"].as_str().unwrap()).unwrap();
    let reason = trace.route.unwrap().asked[0].reason.clone().unwrap();
    assert!(reason.contains("internal") && reason.contains("public"), "{reason}");
    // A header that raises the class closes the second door too.
    let mut client = asked.server.client().await;
    let request = axum::http::Request::builder()
        .method("POST")
        .uri(PREDICT)
        .header("content-type", "application/json")
        .header("x-freehold-data-class", "restricted")
        .body(axum::body::Body::from(json!({ "inputs": ["my key does not open"] }).to_string()))
        .unwrap();
    let answer = client.send(request).await.ok()["results"][0].clone();
    assert_eq!((&answer["outcome"], asked.large.times()), (&json!("abstained"), 1));
}

#[tokio::test]
async fn a_batch_keeps_its_order() {
    let asked = start(Case { trust: Trust::Operator, ..Case::default() }).await;
    let inputs: Vec<String> = (0..20)
        .map(|n| if n % 3 == 0 { "billing".to_owned() } else { format!("text {n}") })
        .collect();
    let reply = asked.server.post(PREDICT, &json!({ "inputs": inputs }).to_string()).await.ok();
    for (n, answer) in reply["results"].as_array().unwrap().iter().enumerate() {
        let expected = if n % 3 == 0 { "billing" } else { "login" };
        assert_eq!(answer["labels"], json!([expected]), "{n}");
    }
    assert_eq!(asked.mini.times(), 13);
}

#[test]
fn a_route_names_models_that_are_there() {
    let deployed = tickets().with_remote(RemoteTiers {
        models: vec!["gone".to_owned()],
        terms: terms(),
        trust: Trust::Operator,
        certificates: Vec::new(),
    });
    let portfolio = Portfolio::new(vec![deployed]).unwrap();
    let error = portfolio.with_models(&[], Egress::default()).unwrap_err().to_string();
    assert!(error.contains("[models.gone]") && error.contains("tickets"), "{error}");
}
