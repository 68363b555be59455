//! Runs a model over many texts, and measures what single ones take.

use std::time::Instant;

use anyhow::Result;
use freehold_vocabulary::Example;
use freehold_vocabulary::ports::{Classifier, Progress, Scored};

/// Texts that are handed over at once: enough for every thread, few enough that a bar moves.
const BATCH: usize = 512;

/// What a model says about every text, in order. Texts of similar length travel together, which
/// changes nothing but the speed: a model gives the same bits in any company.
pub fn score(
    classifier: &dyn Classifier,
    texts: &[&str],
    progress: &dyn Progress,
    stage: &str,
) -> Result<Vec<Scored>> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&index| (texts[index].len(), index));
    let mut scored: Vec<Option<Scored>> = vec![None; texts.len()];
    progress.begin(stage, Some(texts.len() as u64));
    for batch in order.chunks(BATCH) {
        let inputs: Vec<&str> = batch.iter().map(|&index| texts[index]).collect();
        for (&index, answer) in batch.iter().zip(classifier.classify(&inputs)?) {
            scored[index] = Some(answer);
        }
        progress.advance(batch.len() as u64);
    }
    progress.end();
    Ok(scored.into_iter().map(|it| it.expect("a model answers every text")).collect())
}

/// Scores examples.
pub fn score_examples(
    classifier: &dyn Classifier,
    examples: &[Example],
    progress: &dyn Progress,
    stage: &str,
) -> Result<Vec<Scored>> {
    let texts: Vec<&str> = examples.iter().map(|example| example.text.as_str()).collect();
    score(classifier, &texts, progress, stage)
}

/// What single requests take, one after the other, in microseconds. A single text keeps one thread
/// busy, so this is also the processor time it takes.
pub fn single_latencies(classifier: &dyn Classifier, texts: &[&str]) -> Result<Vec<u64>> {
    // The first calls pay for page faults and cold caches; they are not what a server sees.
    for text in texts.iter().take(3) {
        classifier.classify(&[text])?;
    }
    let mut micros = Vec::with_capacity(texts.len());
    for text in texts {
        let begin = Instant::now();
        classifier.classify(&[text])?;
        micros.push(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(micros)
}
