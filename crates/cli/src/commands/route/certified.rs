//! What can be saved with a promise, and whether the promise holds: many random splits into rows
//! that teach, rows that certify and rows that judge.

use anyhow::Result;
use freehold_evaluation::intervals::clopper_pearson;
use freehold_routing::gain::{GainModel, GainSubject, Judged, QualityTerms, Request, Sent, Tally};
use freehold_vocabulary::ports::Progress;
use freehold_vocabulary::{Confidence, Digest, Interval, Probability, Random, Seed, Timestamp};
use rayon::prelude::*;
use serde::Serialize;

/// Shares of the rows that teach and that certify; the rest judges.
pub const TEACH: f64 = 0.5;
pub const CERTIFY: f64 = 0.25;
/// What is promised.
const QUALITIES: [f64; 2] = [0.95, 0.98];
const CONFIDENCE: f64 = 0.9;

/// One promise over all splits.
#[derive(Debug, Serialize)]
pub struct Certified {
    pub quality_at_least: f64,
    pub confidence: f64,
    pub rows_that_teach: usize,
    pub rows_that_certify: usize,
    pub rows_that_judge: usize,
    pub certificates: Outcomes,
    /// The least strict threshold that kept the quality on the same rows: what is usual.
    pub plug_in: Outcomes,
    /// The standard error of one split's judged quality, as a share of the strong model's: misses
    /// are counted with this noise in them.
    pub judge_standard_error: f64,
}

/// How one rule fared over the splits.
#[derive(Debug, Serialize)]
pub struct Outcomes {
    /// Mean cost saved against the strong model alone, over all splits.
    pub saved: f64,
    /// The middle nine tenths of the splits.
    pub saved_from: f64,
    pub saved_to: f64,
    /// Mean judged quality as a share of the strong model's.
    pub quality: f64,
    /// Splits judged below the promise.
    pub misses: Interval,
    /// Splits judged below it by more than two standard errors of the judge.
    pub clear_misses: u64,
    /// Splits in which nothing was sent to the weak model.
    pub nothing_sent: u64,
}

/// One split under one promise.
#[derive(Debug, Clone, Copy)]
struct Split {
    certified: Tally,
    plug_in: Tally,
}

pub fn measure(
    judged: &[Judged],
    splits: u32,
    price_ratio: f64,
    seed: Seed,
    progress: &dyn Progress,
) -> Result<Vec<Certified>> {
    if splits == 0 {
        return Ok(Vec::new());
    }
    let teach = (judged.len() as f64 * TEACH) as usize;
    let certify = (judged.len() as f64 * CERTIFY) as usize;
    progress.begin("certifying on splits", Some(u64::from(splits)));
    let all: Vec<[Split; 2]> = (0..splits)
        .into_par_iter()
        .map(|split| {
            let found = one_split(judged, (teach, certify), seed.derive(&format!("split {split}")));
            progress.advance(1);
            found
        })
        .collect::<Result<_>>()?;
    progress.end();
    let line = |(place, quality): (usize, f64)| {
        let of = |tally: fn(&Split) -> Tally| -> Vec<Tally> {
            all.iter().map(|it| tally(&it[place])).collect()
        };
        let certified = of(|it| it.certified);
        let errors: Vec<f64> = certified.iter().filter_map(Tally::standard_error).collect();
        Certified {
            quality_at_least: quality,
            confidence: CONFIDENCE,
            rows_that_teach: teach,
            rows_that_certify: certify,
            rows_that_judge: judged.len() - teach - certify,
            certificates: outcomes(&certified, quality, price_ratio),
            plug_in: outcomes(&of(|it| it.plug_in), quality, price_ratio),
            judge_standard_error: errors.iter().sum::<f64>() / errors.len().max(1) as f64,
        }
    };
    Ok(QUALITIES.into_iter().enumerate().map(line).collect())
}

fn one_split(
    judged: &[Judged],
    (teach, certify): (usize, usize),
    seed: Seed,
) -> Result<[Split; 2]> {
    let mut order: Vec<usize> = (0..judged.len()).collect();
    Random::new(seed).shuffle(&mut order);
    let rows = |positions: &[usize]| -> Vec<Judged> {
        positions.iter().map(|&it| judged[it].clone()).collect()
    };
    let model = GainModel::fit(&rows(&order[..teach]), seed)?;
    let (proof, judges) = (rows(&order[teach..teach + certify]), rows(&order[teach + certify..]));
    let subject = GainSubject {
        model: Digest::of(b""),
        data: Digest::of(b""),
        weak: "weak".to_owned(),
        strong: "strong".to_owned(),
        certified_at: Timestamp::from_micros(0),
    };
    let scores = |rows: &[Judged]| -> Result<Vec<f64>> {
        let requests: Vec<Request> = rows.iter().map(|it| it.request.clone()).collect();
        Ok(model
            .predict_all(&requests)?
            .iter()
            .map(freehold_routing::gain::Expected::score)
            .collect())
    };
    let (proof_scores, judge_scores) = (scores(&proof)?, scores(&judges)?);
    let judge = |threshold: Option<f64>| {
        let mut tally = Tally::default();
        for (row, score) in judges.iter().zip(&judge_scores) {
            let sent = threshold.is_some_and(|it| *score < it);
            let sent = if sent { Sent::Weak } else { Sent::Strong };
            tally.add(sent, row.weak_right, row.strong_right);
        }
        tally
    };
    let mut found = Vec::with_capacity(QUALITIES.len());
    for quality in QUALITIES {
        let terms = QualityTerms {
            quality_at_least: Probability::new(quality)?,
            confidence: Confidence::new(CONFIDENCE)?,
        };
        let certificate = model.certify(&proof, terms, subject.clone())?;
        found.push(Split {
            certified: judge(certificate.threshold),
            plug_in: judge(plug_in(&proof, &proof_scores, quality)),
        });
    }
    Ok([found[0], found[1]])
}

/// The highest threshold whose quality on these rows is what is wanted.
fn plug_in(rows: &[Judged], scores: &[f64], quality: f64) -> Option<f64> {
    let mut order: Vec<usize> = (0..rows.len()).filter(|it| scores[*it].is_finite()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let strong = rows.iter().filter(|it| it.strong_right).count() as f64;
    let (mut lost, mut best) = (0.0, None);
    for (place, &row) in order.iter().enumerate() {
        let it = &rows[row];
        lost += f64::from(it.strong_right) - f64::from(it.weak_right);
        if strong - lost >= quality * strong {
            best = Some(order.get(place + 1).map_or(f64::MAX, |&next| scores[next]));
        }
    }
    best
}

fn outcomes(tallies: &[Tally], quality: f64, price_ratio: f64) -> Outcomes {
    let n = tallies.len() as f64;
    let mut saved: Vec<f64> = tallies
        .iter()
        .map(|it| it.sent as f64 / it.n.max(1) as f64 * (1.0 - price_ratio))
        .collect();
    saved.sort_by(f64::total_cmp);
    let qualities: Vec<f64> = tallies.iter().filter_map(Tally::relative_quality).collect();
    let misses = qualities.iter().filter(|it| **it < quality).count() as u64;
    let clear = |it: &&Tally| match (it.relative_quality(), it.standard_error()) {
        (Some(found), Some(error)) => found + 2.0 * error < quality,
        _ => false,
    };
    let at = |share: f64| saved[(share * (n - 1.0)).round() as usize];
    Outcomes {
        saved: saved.iter().sum::<f64>() / n,
        saved_from: at(0.05),
        saved_to: at(0.95),
        quality: qualities.iter().sum::<f64>() / qualities.len().max(1) as f64,
        misses: clopper_pearson(misses, tallies.len() as u64, Confidence::P95),
        clear_misses: tallies.iter().filter(clear).count() as u64,
        nothing_sent: tallies.iter().filter(|it| it.sent == 0).count() as u64,
    }
}
