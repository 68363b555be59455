//! `freehold route train`: judged requests become a router with a certificate.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use freehold_artifacts::{ArtifactKind, NewArtifact, NewFile};
use freehold_routing::gain::{
    GAIN_FILE, GainCertificate, GainModel, GainSubject, Judged, ROUTER_FILE, Request, Router,
};
use freehold_vocabulary::ports::Progress as _;
use freehold_vocabulary::{Digest, Random, Seed};
use serde::Serialize;
use serde_json::json;

use super::judged::{self, JudgedRow};
use crate::config::ModelRouteConfig;
use crate::output;
use crate::wiring::Session;
use crate::wiring::deployments::Deployments;
use crate::wiring::model_routes::made_for;

/// The part of the rows that teaches; the rest proves.
const TEACHES: f64 = 0.6;
/// Texts that are embedded at once.
const BATCH: usize = 128;

/// Make the router of a `[routes.NAME]` from judged requests.
///
/// DATA is a file of JSON lines {"text", "weak", "strong", "topic"}: the last message of a request,
/// and whether the weak and the strong model answered it well (true, false, or a quality from 0 to
/// 1); "topic" may be left out. Or a folder of CSV files, as `freehold route bench` reads. The rows
/// must be a random sample of the requests to come, judged for both models. Part of them teaches what
/// the strong model adds; the other part proves from where on it may be left out.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The name of the route.
    route: String,
    data: PathBuf,
    /// A quality from here on is a good answer.
    #[arg(long, default_value_t = 0.5)]
    right_from: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Serialize)]
struct Made<'a> {
    digest: &'a Digest,
    certificate: &'a GainCertificate,
    rows_that_teach: usize,
    rows_that_certify: usize,
    /// Rows left out since their text had come before.
    rows_repeated: usize,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let name = &arguments.route;
    let config = route(session, name)?;
    let read = judged::read(&arguments.data, arguments.right_from)?;
    let threads = NonZeroUsize::new(session.config.compute.threads())
        .context("there is at least one thread")?;
    let deployments = Deployments::new(threads)?;
    let embedder = deployments.embedder(session)?;
    let made_for = made_for(&session.config, config, &*embedder)
        .with_context(|| format!("[routes.{name}]"))?;
    let mut rows = Vec::with_capacity(read.rows.len());
    session.progress.begin("embedding", Some(read.rows.len() as u64));
    for batch in read.rows.chunks(BATCH) {
        let texts = batch.iter().map(|it| it.text.clone()).collect();
        let vectors = session.wait(embedder.embed(texts))?;
        rows.extend(batch.iter().zip(vectors).map(|(row, vector)| with(row, vector)));
        session.progress.advance(batch.len() as u64);
    }
    session.progress.end();
    let seed = Seed(arguments.seed);
    Random::new(seed.derive("route train")).shuffle(&mut rows);
    let (teach, prove) = rows.split_at((rows.len() as f64 * TEACHES) as usize);
    let model = GainModel::fit(teach, seed)?;
    let subject = GainSubject {
        model: model.digest(),
        data: read.digest.clone(),
        weak: config.weak.clone(),
        strong: config.strong.clone(),
        certified_at: session.now(),
    };
    let certificate = model.certify(prove, config.terms(), subject)?;
    let router = Router { made_for, model, certificate };
    let digest = keep(session, name, &router)?;
    let made = Made {
        digest: &digest,
        certificate: &router.certificate,
        rows_that_teach: teach.len(),
        rows_that_certify: prove.len(),
        rows_repeated: read.repeated,
    };
    output::print(session.form, &made, |it| {
        format!(
            "router {}: {} rows taught, {} proved ({} repeated rows left out)\n{}",
            it.digest.short(),
            it.rows_that_teach,
            it.rows_that_certify,
            it.rows_repeated,
            it.certificate.statement()
        )
    })?;
    output::next(
        session.form,
        &format!("put router = \"{digest}\" into [routes.{name}] and restart the server"),
    );
    Ok(())
}

/// The section of a route.
pub fn route<'a>(session: &'a Session, name: &str) -> Result<&'a ModelRouteConfig> {
    let Some(config) = session.config.routes.get(name) else {
        let known: Vec<&str> = session.config.routes.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        bail!("there is no [routes.{name}] (routes: {known}); add it with `weak` and `strong`");
    };
    Ok(config)
}

fn with(row: &JudgedRow, vector: Vec<f32>) -> Judged {
    Judged {
        request: Request::new(&row.text, vector, row.topic.as_deref()),
        weak_right: row.weak_right,
        strong_right: row.strong_right,
    }
}

fn keep(session: &Session, name: &str, router: &Router) -> Result<Digest> {
    let artifact = NewArtifact {
        kind: ArtifactKind::Router,
        files: vec![
            NewFile::bytes(ROUTER_FILE, router.to_bytes())?,
            NewFile::bytes(GAIN_FILE, router.model.to_bytes())?,
        ],
        links: Vec::new(),
        about: json!({ "route": name, "rows": router.model.judged() }),
    };
    Ok(session.store.put(&artifact, &session.progress)?)
}
