//! `POST /v1/systemone`: every question of a request is read from one answer about its state.

use axum::extract::State;
use freehold_routing::systemone;
use freehold_vocabulary::{Digest, Outcome, Tier, TraceId};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use super::fit::{Fit, Misfit, fit};
use super::question::{Criteria, DecideRequest, Question, Unique, state_text};
use super::readout::{Readout, read};
use crate::answer::{PredictionSetView, answer, check_text, prediction_set};
use crate::app::{App, Served, shown};
use crate::error::ApiError;
use crate::extract::Json;
use crate::layers::auth::Caller;
use crate::portfolio::Deployed;
use crate::record::{Asked, Field};
use crate::walk::{Elsewhere, Walked};

const QUESTIONS_MAX: usize = 64;
/// Said when the model is sure of a label that was not among the options.
const OUTSIDE: &str = "the answer lies outside the asked options";

#[derive(Debug, Serialize)]
pub(crate) struct DecideResponse {
    model: String,
    answers: Ordered<AnswerTo>,
    usage: Usage,
}

#[derive(Debug, Serialize)]
struct Usage {
    input_tokens: u32,
    /// Always 0: nothing is generated.
    output_tokens: u32,
}

#[derive(Debug, Serialize)]
struct AnswerTo {
    #[serde(flatten)]
    said: Said,
    #[serde(flatten)]
    backed: Backed,
}

/// The fields of the protocol.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Choice { choice: String, probabilities: Ordered<f64>, confidence: f64 },
    Score { score: f64, legend: Ordered<String>, probabilities: Ordered<f64>, confidence: f64 },
    Noul { noul: f64, probabilities: Ordered<f64>, confidence: f64 },
}

/// The fields beyond it.
#[derive(Debug, Serialize)]
struct Backed {
    calibrated: bool,
    /// The data that calibration and certificate were made from.
    calibration: Option<Digest>,
    abstained: bool,
    reason: Option<String>,
    /// Whether the options are fewer than the labels, so that their probabilities were divided by
    /// `label_mass` to sum to 1.
    renormalised: bool,
    label_mass: f64,
    prediction_set: Option<PredictionSetView>,
    certificate: Option<String>,
    tier: Tier,
    trace_id: TraceId,
}

/// A JSON object in a given order.
#[derive(Debug)]
struct Ordered<V>(Vec<(String, V)>);

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<DecideRequest>,
) -> Result<Json<DecideResponse>, ApiError> {
    let at = app.parts.clock.now();
    let DecideRequest { model, state, questions: Unique(questions) } = request;
    check_count(&questions)?;
    let text = state_text(&state).ok_or_else(|| {
        ApiError::invalid_field("state", "`state` is a text, an object or a list")
    })?;
    check_text(&app, "state", &text)?;
    let served = find(&app, &model, &questions)?;
    let fits = fit_all(&app, &served, &questions)?;
    let (endpoint, field) = ("systemone", Field::Only("state"));
    let asked = Asked { caller, endpoint, at, field, elsewhere: Elsewhere::Never };
    let answered = answer(&app, &asked, &served, vec![text]).await?;
    let (id, walked) =
        answered.into_iter().next().expect("one text was asked and every text is answered");
    let input_tokens = walked.last_answer().tokens;
    let answers = questions.into_iter().zip(fits).map(|((name, question), by_tier)| {
        let fit = &by_tier[walked.last];
        (name, answer_to(&question, fit, &served, &walked, &id))
    });
    let answers = Ordered(answers.collect());
    Ok(Json(DecideResponse { model, answers, usage: Usage { input_tokens, output_tokens: 0 } }))
}

fn check_count(questions: &[(String, Question)]) -> Result<(), ApiError> {
    if questions.len() > QUESTIONS_MAX {
        let (what, limit) = ("`questions`".to_owned(), QUESTIONS_MAX);
        return Err(ApiError::TooLarge { what, limit, unit: "items", remedy: "ask fewer" });
    }
    if questions.is_empty() {
        let message = "`questions` is empty; ask at least one question";
        return Err(ApiError::invalid_field("questions", message));
    }
    Ok(())
}

/// The task that `model` names.
fn find(app: &App, model: &str, questions: &[(String, Question)]) -> Result<Served, ApiError> {
    app.find(model).ok_or_else(|| {
        let question = questions.first().map(|(name, _)| shown(name)).unwrap_or_default();
        unfit(
            app,
            question,
            format!("`model` names no task and no alias of one: `{}`", shown(model)),
        )
    })
}

/// For every question, its fit to the labels of each tier: versions may know different labels.
fn fit_all(
    app: &App,
    served: &Served,
    questions: &[(String, Question)],
) -> Result<Vec<Vec<Fit>>, ApiError> {
    let task = served.deployed.task();
    let each = questions.iter().map(|(name, question)| {
        let tiers = served.deployed.tiers().iter();
        let fits = tiers.map(|tier| fit(question, tier.labels(), task.mode));
        fits.collect::<Result<Vec<Fit>, Misfit>>().map_err(|misfit| match misfit {
            Misfit::Malformed(why) => {
                ApiError::invalid_field(format!("questions.{}", shown(name)), why)
            }
            Misfit::Unfit(why) => unfit(app, shown(name), format!("task `{}`: {why}", task.name)),
        })
    });
    each.collect()
}

fn unfit(app: &App, question: String, reason: String) -> ApiError {
    let portfolio = app.portfolio();
    let deployed: Vec<Value> = portfolio.all().iter().map(|it| shown_task(it)).collect();
    ApiError::Unfit { question, reason, deployed: Value::Array(deployed) }
}

fn shown_task(deployed: &Deployed) -> Value {
    let task = deployed.task();
    json!({ "model": deployed.name(), "mode": task.mode, "labels": deployed.labels() })
}

fn answer_to(
    question: &Question,
    fit: &Fit,
    served: &Served,
    walked: &Walked,
    id: &TraceId,
) -> AnswerTo {
    let readout = read(fit, &walked.judgement.probabilities);
    let inside = readout.is_some() && covers(fit, &walked.judgement.labels);
    let abstained = walked.outcome() == Outcome::Abstained || !inside;
    let reason = match walked.outcome() {
        Outcome::Abstained | Outcome::Failed => walked.last_answer().reason.clone(),
        Outcome::Answered if inside => None,
        Outcome::Answered => Some(OUTSIDE.to_owned()),
    };
    let readout = readout.unwrap_or_else(|| uniform(fit));
    let judge = walked.last_tier(served);
    let labels = judge.labels().len();
    let calibrated = judge.policy.calibration.report.n > 0;
    let backed = Backed {
        calibrated,
        calibration: judge.certificate().filter(|_| calibrated).map(|it| it.dataset.clone()),
        abstained,
        reason,
        renormalised: asked_labels(fit).is_some_and(|asked| asked < labels),
        label_mass: readout.label_mass,
        prediction_set: prediction_set(served, walked),
        certificate: if abstained { None } else { walked.certificate(served) },
        tier: if abstained { Tier::Human } else { walked.tier() },
        trace_id: id.clone(),
    };
    AnswerTo { said: said(question, fit, readout), backed }
}

/// Whether what the model answered can be said with the options: then its certificate holds for
/// the answer to the question too.
fn covers(fit: &Fit, answered: &[u32]) -> bool {
    match fit {
        Fit::Choice(options) | Fit::Score(options) => {
            answered.iter().all(|label| options.contains(label))
        }
        Fit::Noul { yes, no: Some(no) } => answered.iter().all(|it| it == yes || it == no),
        Fit::Noul { no: None, .. } => true,
    }
}

/// How many labels the options stand for; none when they stand for all.
fn asked_labels(fit: &Fit) -> Option<usize> {
    match fit {
        Fit::Choice(options) | Fit::Score(options) => Some(options.len()),
        Fit::Noul { no: Some(_), .. } => Some(2),
        Fit::Noul { no: None, .. } => None,
    }
}

/// For options that have no probability at all; such an answer is always an abstention.
fn uniform(fit: &Fit) -> Readout {
    let options = asked_labels(fit).unwrap_or(2);
    let share = 1.0 / options as f64;
    Readout { probabilities: vec![share; options], best: 0, label_mass: 0.0 }
}

fn said(question: &Question, fit: &Fit, readout: Readout) -> Said {
    let confidence = systemone::confidence(&readout.probabilities);
    let names = names(question, fit);
    let named =
        |names: Vec<String>, values: Vec<f64>| Ordered(names.into_iter().zip(values).collect());
    match fit {
        Fit::Choice(_) => Said::Choice {
            choice: names[readout.best].clone(),
            probabilities: named(names, readout.probabilities),
            confidence,
        },
        Fit::Score(_) => {
            let indices: Vec<String> = (0..names.len()).map(|it| it.to_string()).collect();
            Said::Score {
                score: systemone::expected_score(&readout.probabilities),
                legend: Ordered(indices.iter().cloned().zip(names).collect()),
                probabilities: named(indices, readout.probabilities),
                confidence,
            }
        }
        Fit::Noul { .. } => Said::Noul {
            noul: readout.probabilities[1],
            probabilities: named(names, readout.probabilities),
            confidence,
        },
    }
}

/// The options as the caller wrote them.
fn names(question: &Question, fit: &Fit) -> Vec<String> {
    if let Fit::Noul { .. } = fit {
        return vec!["false".to_owned(), "true".to_owned()];
    }
    match &question.criteria {
        Criteria::Named(options) => options.0.iter().map(|(name, _)| name.clone()).collect(),
        Criteria::Ordered(levels) => {
            levels.iter().filter_map(|level| level.as_str().map(str::to_owned)).collect()
        }
        Criteria::Absent => Vec::new(),
    }
}

impl<V: Serialize> Serialize for Ordered<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
