//! `freehold route explain`: why an answer took the way that it took.

use std::num::NonZeroUsize;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_routing::Verdict;
use freehold_routing::gain::{Drift, Request};
use freehold_vocabulary::{Label, TaskName, TraceId};
use serde_json::{Value, json};

use super::train::route;
use crate::output;
use crate::wiring::Session;
use crate::wiring::deployments::Deployments;
use crate::wiring::model_routes::made_for;
use crate::wiring::routes::Route;

/// Explain a decision: of an answer that was given, or of a text that nobody has asked yet.
///
/// With --task the text goes through the task's own tiers, and with --route the router decides about
/// it. No model elsewhere is asked, and nothing is recorded.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A trace id, or a text with --task or --route.
    what: String,
    #[arg(long, conflicts_with = "route")]
    task: Option<TaskName>,
    #[arg(long)]
    route: Option<String>,
    /// The topic of the text, for --route.
    #[arg(long, requires = "route")]
    topic: Option<String>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    match (&arguments.task, &arguments.route) {
        (Some(task), _) => tiers(session, task, &arguments.what),
        (None, Some(name)) => choice(session, name, &arguments.what, arguments.topic.as_deref()),
        (None, None) => trace(session, &arguments.what),
    }
}

/// The columns that a person wants to see of a trace.
const COLUMNS: &str = "id, task, endpoint, outcome, tier, labels, confidence, certificate, tiers, route, \
     generation['model'] as model, generation['engine'] as engine, generation['data_class'] as data_class, \
     generation['rule'] as rule, generation['tries'] as tries, generation['cost_picos'] as cost_picos, \
     generation['currency'] as currency";

fn trace(session: &Session, id: &str) -> Result<()> {
    let id = TraceId::parse(id)
        .context("give a trace id, or a text with --task NAME or --route NAME")?;
    // An id holds nothing but letters and digits, by its type.
    let query = format!("select {COLUMNS} from traces where id = '{id}'");
    let limits = freehold_traces::Limits::default();
    let rows = session.wait(freehold_traces::sql(&session.traces_folder()?, &query, &limits))?;
    let Some(row) = rows.rows.into_iter().next() else {
        bail!("there is no trace {id}; `freehold traces tail` shows the latest");
    };
    let mut shown: serde_json::Map<String, Value> = rows.columns.into_iter().zip(row).collect();
    if let Some(Value::String(route)) = shown.get("route") {
        let route = serde_json::from_str(route).context("the column `route`")?;
        shown.insert("route".to_owned(), route);
    }
    shown.retain(|_, value| !value.is_null());
    output::print(session.form, &shown, told)
}

/// A trace in sentences.
fn told(trace: &serde_json::Map<String, Value>) -> String {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let of = |name: &str| trace.get(name).map(word).unwrap_or_default();
    let mut text =
        format!("{} {} by {}: {}\n", of("id"), of("task"), of("endpoint"), of("outcome"));
    for tier in trace.get("tiers").and_then(Value::as_array).into_iter().flatten() {
        let labels = word(&tier["labels"]);
        let (name, confidence) = (word(&tier["tier"]), tier["confidence"].as_f64().unwrap_or(0.0));
        let fate = match &tier["reason"] {
            Value::String(reason) => format!("passed on: {reason}"),
            _ => "kept".to_owned(),
        };
        text += &format!("  {name} said {labels} ({confidence:.4}), {fate}\n");
    }
    if let Some(certificate) = trace.get("certificate") {
        text += &format!("  certificate {}\n", word(certificate));
    }
    let route = trace.get("route").cloned().unwrap_or_default();
    for asked in route["asked"].as_array().into_iter().flatten() {
        let fate = asked.get("reason").map_or("counted".to_owned(), word);
        let cost = asked.get("cost").map_or("unknown".to_owned(), money);
        text += &format!(
            "  {} was asked (trace {}, cost {cost}): {fate}\n",
            word(&asked["model"]),
            asked.get("trace").map_or("none".to_owned(), word)
        );
    }
    if let Some(trust) = route.get("trust") {
        text += &format!("  its answer counts by {}\n", word(trust));
    }
    for cost in route["cost"].as_array().into_iter().flatten() {
        text += &format!("  all of it cost {}\n", money(cost));
    }
    if let Some(gain) = route.get("gain") {
        text += &format!("  {}\n", gain_told(gain));
    }
    if trace.contains_key("model") {
        text += &format!(
            "  {} answered on {}: data class {}, under {}\n",
            of("model"),
            of("engine"),
            of("data_class"),
            of("rule")
        );
    }
    text
}

fn gain_told(gain: &Value) -> String {
    let number = |name: &str| gain[name].as_f64().map(|it| format!("{it:.4}"));
    let text = |name: &str| gain[name].as_str().unwrap_or_default().to_owned();
    let mut told = format!("{} chose {}: {}", text("route"), text("chosen"), text("why"));
    if let (Some(gain), Some(threshold)) = (number("gain"), number("threshold")) {
        told += &format!(
            " (expected gain {gain} of {}; {} answers below {threshold})",
            text("strong"),
            text("weak")
        );
    }
    if let Some(detail) = gain["detail"].as_str() {
        told += &format!("; {detail}");
    }
    told
}

fn money(cost: &Value) -> String {
    let picos = cost["picos"].as_u64().unwrap_or(0);
    format!("{:.6} {}", picos as f64 / 1e12, cost["currency"].as_str().unwrap_or_default())
}

/// What the task's own tiers say of a text.
fn tiers(session: &Session, task: &TaskName, text: &str) -> Result<()> {
    let route = Route::open(session, task, session.config.serve.precision)?;
    let mut said = Vec::new();
    let mut kept = false;
    for tier in &route.tiers {
        let scored = tier.classifier.classify(&[text])?;
        let scored = scored.into_iter().next().context("a model answers every text")?;
        let judgement = tier.policy.judge(&scored);
        let certificate = tier.policy.certificate.as_ref();
        let reason = match judgement.verdict {
            Verdict::Keep => None,
            Verdict::Pass(reason) => Some(reason.as_str()),
        };
        let labels = judgement.labels.iter().filter_map(|it| tier.found.version.labels.get(*it));
        said.push(json!({
            "tier": tier.found.version.family.tier(),
            "labels": labels.map(Label::as_str).collect::<Vec<_>>(),
            "confidence": judgement.confidence,
            "threshold": certificate.and_then(|it| it.threshold()),
            "ood_score": judgement.ood_score,
            "reason": reason,
            "certificate": certificate.map(freehold_routing::Certificate::statement),
        }));
        kept = reason.is_none();
        if kept {
            break;
        }
    }
    let models = session.config.task(task)?.route_models()?;
    let next = match (kept, models.first()) {
        (true, _) => "answered".to_owned(),
        (false, Some(model)) => format!("{model} is asked"),
        (false, None) => "a person is asked".to_owned(),
    };
    let shown = json!({ "task": task, "tiers": said, "then": next });
    output::print(session.form, &shown, |_| {
        let mut text = String::new();
        for it in &said {
            let threshold =
                it["threshold"].as_f64().map_or("none".to_owned(), |it| format!("{it:.4}"));
            text += &format!(
                "{} says {} with confidence {:.4} (threshold {threshold}): {}\n",
                it["tier"].as_str().unwrap_or_default(),
                it["labels"],
                it["confidence"].as_f64().unwrap_or(0.0),
                it["reason"].as_str().unwrap_or("kept")
            );
            if let Some(statement) = it["certificate"].as_str() {
                text += &format!("  {statement}\n");
            }
        }
        format!("{text}then: {next}\n")
    })
}

/// What a router decides about a text.
fn choice(session: &Session, name: &str, text: &str, topic: Option<&str>) -> Result<()> {
    let config = route(session, name)?;
    let Some(digest) = &config.router else {
        bail!(
            "[routes.{name}] has no router, so {} answers; `freehold route train {name} DATA` makes one",
            config.strong
        );
    };
    let router = session.router(digest)?;
    let threads = NonZeroUsize::new(session.config.compute.threads())
        .context("there is at least one thread")?;
    let embedder = Deployments::new(threads)?.embedder(session)?;
    let here = made_for(&session.config, config, &*embedder)?;
    let lapse = router.lapse(&here, config.terms());
    let vectors = session.wait(embedder.embed(vec![text.to_owned()]))?;
    let vector = vectors.into_iter().next().context("a text has a vector")?;
    let decided = router.decide(&Request::new(text, vector, topic), &mut Drift::default())?;
    let weak = lapse.is_none() && decided.sent == freehold_routing::gain::Sent::Weak;
    let shown = json!({
        "route": name,
        "chosen": if weak { &config.weak } else { &config.strong },
        "weak": config.weak,
        "strong": config.strong,
        "why": if lapse.is_some() { "lapsed" } else { decided.why.as_str() },
        "detail": lapse,
        "gain": decided.expected.map(|it| it.gain),
        "neighbours": decided.expected.map(|it| it.members.neighbours),
        "linear": decided.expected.map(|it| it.members.linear),
        "topic": decided.expected.map(|it| it.members.topic),
        "threshold": router.certificate.threshold,
        "certificate": router.certificate.statement(),
    });
    output::print(session.form, &shown, |it| {
        format!("{}\n{}\n", gain_told(it), router.certificate.statement())
    })
}
