//! `GET /v1/models` and `GET /v1/models/{id}`: the deployed tasks, their aliases, and the models
//! that generate, as OpenAI clients list models.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use freehold_routing::Certificate;
use freehold_vocabulary::{
    AliasName, DataClass, Digest, EngineName, LabelMode, TaskName, Tier, Timestamp,
};
use serde::Serialize;

use crate::app::{App, Target};
use crate::error::ApiError;
use crate::extract::Json;
use crate::layers::auth::Caller;
use crate::portfolio::{Deployed, GenerativeModel, ModelRoute, Rule};

#[derive(Debug, Serialize)]
pub(crate) struct ModelList {
    object: &'static str,
    data: Vec<ModelView>,
    /// The same list in the words of System One clients.
    models: Vec<DecisionModelView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ModelView {
    id: String,
    object: &'static str,
    created: i64,
    owned_by: String,
    freehold: AboutView,
}

/// What the protocol has no field for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum AboutView {
    Task(DeploymentView),
    Model(GenerativeView),
    Route(RouteView),
}

/// A model that generates.
#[derive(Debug, Serialize)]
struct GenerativeView {
    engine: EngineName,
    /// What the engine calls it.
    upstream: String,
    tier: Tier,
    /// The highest class that its engine may be told.
    clearance: DataClass,
    fallback: Vec<String>,
}

/// A task, or an alias of one.
#[derive(Debug, Serialize)]
struct DeploymentView {
    task: TaskName,
    /// The alias that answers alone; null for the task's whole route.
    alias: Option<AliasName>,
    mode: LabelMode,
    labels: usize,
    tiers: Vec<TierView>,
}

#[derive(Debug, Serialize)]
struct TierView {
    tier: Tier,
    version: Digest,
    certificate: Option<CertificateView>,
}

/// A name that stands for two models.
#[derive(Debug, Serialize)]
struct RouteView {
    weak: String,
    strong: String,
    /// The certificate by which the weak one may answer.
    certificate: Option<Digest>,
    statement: String,
}

/// The statement behind the answers that a tier keeps; answers refer to it by id.
#[derive(Debug, Serialize)]
struct CertificateView {
    id: Digest,
    statement: String,
    error_at_most: f64,
    confidence: f64,
    /// Answers at least this confident are kept; null keeps nothing.
    threshold: Option<f64>,
    n: u64,
    kept: u64,
    errors: u64,
    dataset: Digest,
    calibrated_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct DecisionModelView {
    name: String,
    description: String,
    release_date: String,
}

pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Json<ModelList> {
    let portfolio = app.portfolio();
    let all: Vec<_> = portfolio.all().into_iter().filter(|it| caller.may_use(&it.name())).collect();
    let generative = portfolio.models().filter(|it| caller.may_use(&it.name));
    let tasks = all.iter().map(|it| ModelView::of(it));
    let models = generative.map(|it| ModelView::generative(it));
    let routes = portfolio.routes().filter(|it| caller.may_use(&it.name));
    let routes = routes.map(|it| ModelView::route(it));
    let data = tasks.chain(models).chain(routes).collect();
    let models = all.iter().map(|it| DecisionModelView::of(it)).collect();
    Json(ModelList { object: "list", data, models })
}

pub(crate) async fn show(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ModelView>, ApiError> {
    let Path(id) = path.map_err(|cause| ApiError::invalid_field("model", cause.to_string()))?;
    Ok(Json(match app.model(&id)? {
        Target::Task(served) => ModelView::of(&served.deployed),
        Target::Model(offer) => match &offer.choice {
            Some(choice) => ModelView::route(&choice.route),
            None => ModelView::generative(&offer.chain[0].model),
        },
    }))
}

impl ModelView {
    fn of(deployed: &Deployed) -> Self {
        let tiers = deployed.tiers().iter().map(|it| TierView {
            tier: it.tier(),
            version: it.version().clone(),
            certificate: it.certificate().map(CertificateView::of),
        });
        Self {
            id: deployed.name(),
            object: "model",
            created: deployed.since().as_micros().div_euclid(1_000_000),
            owned_by: "freehold".to_owned(),
            freehold: AboutView::Task(DeploymentView {
                task: deployed.task().name.clone(),
                alias: deployed.alias().cloned(),
                mode: deployed.task().mode,
                labels: deployed.labels().len(),
                tiers: tiers.collect(),
            }),
        }
    }

    fn route(route: &ModelRoute) -> Self {
        let (certificate, statement) = match &route.rule {
            Rule::Strong(why) => (None, format!("everything goes to {}: {why}", route.strong)),
            Rule::Router(active) => {
                let certificate = &active.router().certificate;
                (Some(certificate.id.clone()), certificate.statement())
            }
        };
        Self {
            id: route.name.clone(),
            object: "model",
            created: 0,
            owned_by: "freehold".to_owned(),
            freehold: AboutView::Route(RouteView {
                weak: route.weak.clone(),
                strong: route.strong.clone(),
                certificate,
                statement,
            }),
        }
    }

    fn generative(model: &GenerativeModel) -> Self {
        let clearance = &model.engine.card().clearance;
        Self {
            id: model.name.clone(),
            object: "model",
            // Nobody says when a model of others was made.
            created: 0,
            owned_by: clearance.owner.clone().unwrap_or_else(|| "unknown".to_owned()),
            freehold: AboutView::Model(GenerativeView {
                engine: clearance.engine.clone(),
                upstream: model.upstream.clone(),
                tier: model.tier,
                clearance: clearance.clearance,
                fallback: model.fallback.clone(),
            }),
        }
    }
}

impl CertificateView {
    fn of(certificate: &Certificate) -> Self {
        let finding = &certificate.finding;
        Self {
            id: certificate.id.clone(),
            statement: certificate.statement(),
            error_at_most: certificate.terms.error_at_most.get(),
            confidence: certificate.terms.confidence.get(),
            threshold: finding.threshold,
            n: finding.n,
            kept: finding.kept,
            errors: finding.errors,
            dataset: certificate.dataset.clone(),
            calibrated_at: certificate.calibrated_at,
        }
    }
}

impl DecisionModelView {
    fn of(deployed: &Deployed) -> Self {
        let tiers = deployed.tiers().iter().map(|it| it.tier().as_str());
        let route: Vec<&str> = tiers.chain([Tier::Human.as_str()]).collect();
        let labels = deployed.labels().len();
        Self {
            name: deployed.name(),
            description: format!("{labels} labels; route {}", route.join(" → ")),
            release_date: deployed.since().day(),
        }
    }
}
