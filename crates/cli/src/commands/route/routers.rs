//! The scores of every router for every row, by models that had not seen the row.

use anyhow::Result;
use freehold_routing::gain::{GainModel, Judged, Members, Request, SURFACE_WIDTH};
use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Random, Seed};
use rayon::prelude::*;

use super::data::Row;

/// Parts of the rows that take turns at being unseen.
pub const FOLDS: usize = 5;

/// What routes by the whole gain model.
pub const WHOLE: &str = "gain model (all)";
/// What was best before: standardised words of three members, added.
pub const RECIPE: &str = "linear + kNN + topic, added";

/// A way to order requests: the higher the score, the sooner it goes to the strong model.
#[derive(Debug)]
pub struct Router {
    pub name: &'static str,
    pub scores: Vec<f64>,
}

/// All routers.
pub fn scores(
    rows: &[Row],
    judged: &[Judged],
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Vec<Router>> {
    let mut order: Vec<usize> = (0..judged.len()).collect();
    Random::new(seed.derive("folds of the bench")).shuffle(&mut order);
    // The same rows, but nothing to go by than the embedding.
    let bare: Vec<Judged> = judged.iter().map(bare).collect();
    progress.begin("fitting on folds", Some(FOLDS as u64));
    let folds: Vec<Vec<(usize, Said)>> = (0..FOLDS)
        .into_par_iter()
        .map(|fold| {
            let said = one_fold(judged, &bare, &order, fold, seed);
            progress.advance(1);
            said
        })
        .collect::<Result<_>>()?;
    progress.end();
    let mut said: Vec<(usize, Said)> = folds.into_iter().flatten().collect();
    said.sort_by_key(|it| it.0);
    let said: Vec<Said> = said.into_iter().map(|it| it.1).collect();
    let column = |of: fn(&Said) -> f64| said.iter().map(of).collect::<Vec<f64>>();
    let (neighbours, linear, topic) = (
        column(|it| it.bare.neighbours),
        column(|it| it.bare.linear),
        column(|it| it.members.topic),
    );
    let gain = |it: &Judged| f64::from(it.strong_right) - f64::from(it.weak_right);
    let recipe = added(&[&neighbours, &linear, &topic]);
    let router = |name, scores| Router { name, scores };
    Ok(vec![
        router("random", vec![0.0; rows.len()]),
        router("oracle", judged.iter().map(gain).collect()),
        router("prompt length", rows.iter().map(|it| it.prompt.len() as f64).collect()),
        router("topic mean", topic),
        router("kNN on embeddings", neighbours),
        router("linear on embeddings", linear),
        router("linear on all", column(|it| it.members.linear)),
        router(RECIPE, recipe),
        router("gain model (embedding only)", column(|it| it.bare_gain)),
        router(WHOLE, column(|it| it.gain)),
    ])
}

/// What the models of one fold say about an unseen row.
#[derive(Debug, Clone, Copy)]
struct Said {
    gain: f64,
    members: Members,
    bare_gain: f64,
    bare: Members,
}

fn one_fold(
    judged: &[Judged],
    bare: &[Judged],
    order: &[usize],
    fold: usize,
    seed: Seed,
) -> Result<Vec<(usize, Said)>> {
    let unseen: Vec<usize> = order.iter().copied().skip(fold).step_by(FOLDS).collect();
    let seen = |it: &usize| *it % FOLDS != fold;
    let seen: Vec<usize> = (0..order.len()).filter(seen).map(|it| order[it]).collect();
    let said = |rows: &[Judged]| -> Result<Vec<(f64, Members)>> {
        let train: Vec<Judged> = seen.iter().map(|&it| rows[it].clone()).collect();
        let model = GainModel::fit(&train, seed)?;
        let test: Vec<Request> = unseen.iter().map(|&it| rows[it].request.clone()).collect();
        Ok(model.predict_all(&test)?.into_iter().map(|it| (it.gain, it.members)).collect())
    };
    let pairs = said(judged)?.into_iter().zip(said(bare)?);
    let said =
        pairs.map(|((gain, members), (bare_gain, bare))| Said { gain, members, bare_gain, bare });
    Ok(unseen.into_iter().zip(said).collect())
}

fn bare(row: &Judged) -> Judged {
    let embedding = row.request.embedding.clone();
    let request = Request { embedding, surface: [0.0; SURFACE_WIDTH], topic: None };
    Judged { request, ..*row }
}

/// The sum of standardised columns.
fn added(columns: &[&[f64]]) -> Vec<f64> {
    let mut sum = vec![0.0; columns[0].len()];
    for column in columns {
        let n = column.len() as f64;
        let mean = column.iter().sum::<f64>() / n;
        let spread = (column.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / n).sqrt();
        for (sum, it) in sum.iter_mut().zip(*column) {
            *sum += (it - mean) / spread.max(f64::MIN_POSITIVE);
        }
    }
    sum
}
