//! `GET /v1/models` and `GET /v1/models/{id}`: the deployed tasks and their aliases, as OpenAI
//! clients list models.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use freehold_routing::Certificate;
use freehold_vocabulary::{AliasName, Digest, LabelMode, TaskName, Tier, Timestamp};
use serde::Serialize;

use crate::app::App;
use crate::error::ApiError;
use crate::extract::Json;
use crate::portfolio::Deployed;

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
    owned_by: &'static str,
    freehold: DeploymentView,
}

/// What the protocol has no field for.
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

pub(crate) async fn list(State(app): State<App>) -> Json<ModelList> {
    let portfolio = app.portfolio();
    let all = portfolio.all();
    let data = all.iter().map(|it| ModelView::of(it)).collect();
    let models = all.iter().map(|it| DecisionModelView::of(it)).collect();
    Json(ModelList { object: "list", data, models })
}

pub(crate) async fn show(
    State(app): State<App>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ModelView>, ApiError> {
    let Path(id) = path.map_err(|cause| ApiError::invalid_field("model", cause.to_string()))?;
    let served = app.model(&id)?;
    Ok(Json(ModelView::of(&served.deployed)))
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
            owned_by: "freehold",
            freehold: DeploymentView {
                task: deployed.task().name.clone(),
                alias: deployed.alias().cloned(),
                mode: deployed.task().mode,
                labels: deployed.labels().len(),
                tiers: tiers.collect(),
            },
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
