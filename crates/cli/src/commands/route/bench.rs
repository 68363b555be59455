//! `freehold route bench`: what the gain model is worth on paired outcomes, beside what is simpler.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use freehold_evaluation::intervals::{Design, Resampling, bootstrap, bootstrap_many, wilson};
use freehold_models::Precision;
use freehold_routing::gain::curve::{Curve, Reading, Scored};
use freehold_routing::gain::{Judged, Request};
use freehold_vocabulary::{Confidence, Digest, Interval, Random, Seed};
use serde::Serialize;

use super::certified::{self, Certified};
use super::data::{self, Data, Row};
use super::encode::{Embedder, Form};
use super::published::{self, Published};
use super::routers::{self, RECIPE, Router, WHOLE};
use super::shown;
use super::speed::{self, Speed};
use crate::output;
use crate::wiring::Session;

/// Measure gain routing on paired outcomes of two models.
///
/// DATA is a folder of CSV files with three columns: the prompt, and True or False under the name of
/// the weak and of the strong model; a file's name is the topic of its rows. Every score is made for
/// rows that had no part in it (folds). Figures "at" a quality are read off the measured curve and
/// flatter every router alike; the certified ones do not.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A folder of CSV files.
    data: PathBuf,
    /// The base whose embeddings are used.
    #[arg(long, default_value = "all-minilm-l6-v2")]
    base: String,
    /// How the base's weights are held and multiplied.
    #[arg(long, value_enum, default_value_t = Weights::F32)]
    precision: Weights,
    /// Longer prompts are cut to so many tokens.
    #[arg(long, default_value = "256", value_parser = clap::value_parser!(u16).range(8..=512))]
    tokens: u16,
    /// Use so many rows, drawn at random.
    #[arg(long)]
    rows: Option<usize>,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Random splits behind the certified figures; none skips them.
    #[arg(long, default_value_t = 100)]
    splits: u32,
    /// Bootstrap resamples behind the intervals.
    #[arg(long, default_value = "1000")]
    resamples: NonZeroU32,
    /// What a weak and a strong answer cost, in the same unit.
    #[arg(long, default_value_t = 0.24)]
    weak_price: f64,
    #[arg(long, default_value_t = 24.7)]
    strong_price: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Weights {
    F32,
    Int8,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    pub data: Digest,
    pub base: String,
    precision: Weights,
    pub tokens_max: u16,
    pub seed: u64,
    pub rows: usize,
    pub topics: usize,
    pub weak: String,
    pub strong: String,
    pub weak_quality: Interval,
    pub strong_quality: Interval,
    /// Rows that at least one of both answers rightly.
    pub either_quality: Interval,
    /// What a weak answer costs in strong answers.
    pub price_ratio: f64,
    pub folds: usize,
    pub routers: Vec<Line>,
    /// APGR of the whole less that of the recipe to beat, on the same resamples.
    pub over_recipe: Option<Interval>,
    pub certified: Vec<Certified>,
    pub published: Option<&'static [Published]>,
    pub speed: Speed,
}

/// One router's figures; none where a figure is not defined.
#[derive(Debug, Serialize)]
pub struct Line {
    pub router: &'static str,
    pub apgr: Option<Interval>,
    pub cpt50: Option<Interval>,
    pub cpt80: Option<Interval>,
    pub saved95: Option<Interval>,
    pub saved98: Option<Interval>,
    pub saved100: Option<Interval>,
}

pub fn run(arguments: &Arguments, session: &Session) -> Result<()> {
    let (weak, strong) = (arguments.weak_price, arguments.strong_price);
    if !(weak >= 0.0 && weak < strong && strong.is_finite()) {
        bail!("prices are {weak} and {strong}; expected 0 <= weak < strong");
    }
    let report = measure(arguments, session)?;
    output::print(session.form, &report, shown::text)?;
    output::next(
        session.form,
        "judge answers of your own traffic by both models, and run this on them",
    );
    Ok(())
}

fn measure(arguments: &Arguments, session: &Session) -> Result<Report> {
    let seed = Seed(arguments.seed);
    let data = sample(data::read(&arguments.data)?, arguments.rows, seed)?;
    let form = Form {
        base: &arguments.base,
        precision: match arguments.precision {
            Weights::F32 => Precision::F32,
            Weights::Int8 => Precision::Int8,
        },
        tokens_max: NonZeroUsize::new(arguments.tokens.into())
            .context("a text has at least a token")?,
    };
    let embedder = Embedder::open(session, &form)?;
    let texts: Vec<&str> = data.rows.iter().map(|it| it.prompt.as_str()).collect();
    let embeddings = embedder.embed_cached(session, &texts)?;
    let judged: Vec<Judged> =
        data.rows.iter().zip(embeddings).map(|(row, embedding)| judged(row, embedding)).collect();
    let price_ratio = arguments.weak_price / arguments.strong_price;
    let resampling = Resampling {
        resamples: arguments.resamples,
        seed: seed.derive("route bench"),
        ..Resampling::default()
    };
    let routers = routers::scores(&data.rows, &judged, seed, &session.progress)?;
    let lines = routers.iter().map(|it| line(it, &judged, price_ratio, &resampling)).collect();
    let certified =
        certified::measure(&judged, arguments.splits, price_ratio, seed, &session.progress)?;
    let speed = speed::measure(&embedder, &data.rows, &judged, seed)?;
    let n = judged.len() as u64;
    let quality = |right: fn(&Row) -> bool| {
        wilson(data.rows.iter().filter(|it| right(it)).count() as u64, n, Confidence::P95)
    };
    let topics: std::collections::BTreeSet<&str> =
        data.rows.iter().map(|it| it.topic.as_str()).collect();
    Ok(Report {
        base: arguments.base.clone(),
        precision: arguments.precision,
        tokens_max: arguments.tokens,
        seed: arguments.seed,
        rows: judged.len(),
        topics: topics.len(),
        weak_quality: quality(|it| it.weak_right),
        strong_quality: quality(|it| it.strong_right),
        either_quality: quality(|it| it.weak_right || it.strong_right),
        price_ratio,
        folds: routers::FOLDS,
        routers: lines,
        over_recipe: over_recipe(&routers, &judged, &resampling),
        certified,
        published: published::of(&data.weak, &data.strong),
        speed,
        data: data.digest,
        weak: data.weak,
        strong: data.strong,
    })
}

fn sample(mut data: Data, rows: Option<usize>, seed: Seed) -> Result<Data> {
    let Some(rows) = rows else { return Ok(data) };
    if !(data::ROWS_MIN..=data.rows.len()).contains(&rows) {
        let found = data.rows.len();
        bail!("--rows is {rows}; expected {} to the {found} there are", data::ROWS_MIN);
    }
    Random::new(seed.derive("rows")).shuffle(&mut data.rows);
    data.rows.truncate(rows);
    Ok(data)
}

fn judged(row: &Row, embedding: Vec<f32>) -> Judged {
    Judged {
        request: Request::new(&row.prompt, embedding, Some(&row.topic)),
        weak_right: row.weak_right,
        strong_right: row.strong_right,
    }
}

fn curve(router: &Router, judged: &[Judged]) -> Curve {
    let scored = |(&score, it): (&f64, &Judged)| Scored {
        score,
        weak: f64::from(u8::from(it.weak_right)),
        strong: f64::from(u8::from(it.strong_right)),
    };
    Curve::new(router.scores.iter().zip(judged).map(scored).collect())
}

fn line(router: &Router, judged: &[Judged], price_ratio: f64, resampling: &Resampling) -> Line {
    let saved = |quality| Reading::Saved { quality, price_ratio };
    let readings =
        [Reading::Apgr, Reading::Cpt(0.5), Reading::Cpt(0.8), saved(0.95), saved(0.98), saved(1.0)];
    let curve = curve(router, judged);
    let design = Design::items(judged.len() as u32);
    let read = |sample: &[u32], out: &mut [f64]| curve.read(sample, &readings, out);
    let mut found = bootstrap_many(&design, resampling, readings.len(), read).into_iter();
    let mut next = || found.next().flatten();
    Line {
        router: router.name,
        apgr: next(),
        cpt50: next(),
        cpt80: next(),
        saved95: next(),
        saved98: next(),
        saved100: next(),
    }
}

fn over_recipe(routers: &[Router], judged: &[Judged], resampling: &Resampling) -> Option<Interval> {
    let of = |name| routers.iter().find(|it| it.name == name).map(|it| curve(it, judged));
    let (whole, recipe) = (of(WHOLE)?, of(RECIPE)?);
    let apgr = |curve: &Curve, sample: &[u32]| {
        let mut out = [f64::NAN];
        curve.read(sample, &[Reading::Apgr], &mut out);
        out[0]
    };
    bootstrap(&Design::items(judged.len() as u32), resampling, |sample| {
        apgr(&whole, sample) - apgr(&recipe, sample)
    })
}
