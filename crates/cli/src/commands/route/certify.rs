//! `freehold route certify`: may the answers of a model elsewhere count for a task?

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_artifacts::{ArtifactKind, NewArtifact, NewFile};
use freehold_ledger::{Limit, Sequence};
use freehold_routing::remote::{
    REMOTE_CERTIFICATE_FILE, RemoteCertificate, RemoteSubject, behind, labels_digest,
};
use freehold_vocabulary::{AskedModel, Digest, Label, RouteRecord, TaskName, TraceId};
use serde_json::json;

use crate::output;
use crate::wiring::Session;
use crate::wiring::routes::Route;

/// Certify a generating model at the end of a task's route, from answers that people judged.
///
/// While a model of `route.tiers` has no certificate its answers are suggestions: the text goes to
/// the review queue, where a person says what is right (`freehold review settle`). This counts how
/// often the suggestions were right. Only suggestions count, never answers that went out and were
/// corrected, since people complain about the wrong ones. Settle them all, or in the order in which
/// they came, and decide beforehand how many: whoever certifies after every one until it holds is
/// less sure than the certificate says.
#[derive(Debug, Args)]
pub struct Arguments {
    task: TaskName,
    /// A name of `[models]` in the task's `route.tiers`.
    model: String,
}

/// A suggestion, and what a person said.
struct Judged {
    trace: TraceId,
    right: bool,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let Arguments { task, model } = arguments;
    let config = session.config.task(task)?;
    let models = config.route_models()?;
    let Some(place) = models.iter().position(|it| it == model) else {
        bail!(
            "`{model}` is not in route.tiers of [tasks.{task}]; models there: {}",
            models.join(", ")
        );
    };
    let route = Route::open(session, task, session.config.serve.precision)?;
    let mut after: Vec<Digest> = route
        .tiers
        .iter()
        .filter_map(|it| it.policy.certificate.as_ref())
        .map(|it| it.id.clone())
        .collect();
    let labels = route.labels();
    let upstream = |name: &str| {
        let model = session.config.models.get(name).context("checked when the file was read")?;
        Ok::<_, anyhow::Error>(model.upstream.clone().unwrap_or_else(|| name.to_owned()))
    };
    let subject = |model: &str, after: &[Digest], data: Digest| -> Result<RemoteSubject> {
        Ok(RemoteSubject {
            task: task.clone(),
            model: model.to_owned(),
            upstream: upstream(model)?,
            labels: labels_digest(&labels),
            after: after.to_vec(),
            data,
            certified_at: session.now(),
        })
    };
    // The certificates of the models before it are part of what it stands behind.
    if let Some(remote) = session.remote_tiers(config)? {
        for before in &models[..place] {
            let about = subject(before, &after, Digest::of(b""))?;
            let found = remote.certificates.iter().find(|it| it.covers(&about, &remote.terms));
            after.extend(found.map(|it| it.id.clone()));
        }
    }
    let judged = judged(session, task, model, &upstream(model)?, &behind(&after))?;
    let errors = judged.iter().filter(|it| !it.right).count() as u64;
    let data: Vec<(&str, bool)> = judged.iter().map(|it| (it.trace.as_str(), it.right)).collect();
    let data = Digest::of(serde_json::to_vec(&data)?);
    let certificate = RemoteCertificate::new(
        subject(model, &after, data)?,
        config.terms(),
        judged.len() as u64,
        errors,
    );
    let digest = certificate
        .proved
        .then(|| {
            let artifact = NewArtifact {
                kind: ArtifactKind::Router,
                files: vec![NewFile::bytes(REMOTE_CERTIFICATE_FILE, certificate.to_bytes())?],
                links: Vec::new(),
                about: json!({ "task": task, "model": model, "n": certificate.n }),
            };
            session.store.put(&artifact, &session.progress)
        })
        .transpose()?;
    let shown = json!({ "certificate": certificate, "digest": digest });
    output::print(session.form, &shown, |_| certificate.statement())?;
    let next = match &digest {
        Some(digest) => {
            format!(
                "put \"{digest}\" into route.certificates of [tasks.{task}] and restart the server"
            )
        }
        None => format!("freehold review list --task {task}"),
    };
    output::next(session.form, &next);
    Ok(())
}

/// Suggestions of the model, as it is now and where it stands now, that a person has judged.
fn judged(
    session: &Session,
    task: &TaskName,
    model: &str,
    upstream: &str,
    behind: &Digest,
) -> Result<Vec<Judged>> {
    let settled = settled(session, task)?;
    let mut judged = Vec::new();
    for (trace, record) in abstentions(session, task)? {
        let Some(right) = settled.get(&trace) else { continue };
        let fits =
            |it: &&AskedModel| it.model == model && it.upstream == upstream && it.behind == *behind;
        let suggested = |it: &&AskedModel| it.reason.as_deref() == Some(AskedModel::SUGGESTED);
        let Some(asked) = record.asked.iter().find(fits).filter(suggested) else { continue };
        let mut said = asked.labels.clone();
        said.sort();
        judged.push(Judged { trace, right: said == *right });
    }
    Ok(judged)
}

/// The right labels of settled reviews, sorted.
fn settled(session: &Session, task: &TaskName) -> Result<BTreeMap<TraceId, Vec<Label>>> {
    let mut all = BTreeMap::new();
    let mut since = Sequence::START;
    loop {
        let page = session.wait(session.ledger.settled_reviews(task, since, Limit::MAX))?;
        let Some(last) = page.last().and_then(|item| item.settlement()) else { return Ok(all) };
        since = last.sequence;
        for item in &page {
            if let Some(settlement) = item.settlement() {
                let mut labels = settlement.labels.clone();
                labels.sort();
                all.insert(item.trace.clone(), labels);
            }
        }
    }
}

/// Traces of the task that nobody kept and for which generating models were asked.
fn abstentions(session: &Session, task: &TaskName) -> Result<Vec<(TraceId, RouteRecord)>> {
    const PAGE: usize = 1000;
    let folder = session.traces_folder()?;
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        // Names and ids hold no quotes, by their types.
        let query = format!(
            "select id, route from traces where task = '{task}' and outcome = 'abstained' \
             and route is not null and id > '{after}' order by id limit {PAGE}"
        );
        let rows = session.wait(freehold_traces::sql(
            &folder,
            &query,
            &freehold_traces::Limits::default(),
        ))?;
        let count = rows.rows.len();
        for row in rows.rows {
            let (id, route): (TraceId, String) =
                serde_json::from_value(serde_json::Value::Array(row))
                    .context("a row of the table `traces`")?;
            after = id.to_string();
            all.push((id, serde_json::from_str(&route).context("the column `route`")?));
        }
        if count < PAGE {
            return Ok(all);
        }
    }
}
