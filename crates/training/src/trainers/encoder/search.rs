//! A small search for better hyper-parameters, judged on validation examples only.

use std::num::NonZeroUsize;
use std::path::Path;

use freehold_vocabulary::{LabelSet, LabelledText, Random};

use super::spec::EncoderSpec;
use super::{TrainedEncoder, TrainingEvent, train_encoder};
use crate::checkpoint::Score;
use crate::error::TrainingError;

/// One specification that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    pub spec: EncoderSpec,
    pub score: Score,
}

/// What a search came to.
#[derive(Debug)]
pub struct Found {
    pub model: TrainedEncoder,
    /// In the order in which they were tried; the first is the specification that was given.
    pub trials: Vec<Trial>,
}

/// Trains `budget` specifications around `spec` and keeps the best on validation examples.
///
/// Each trial has its own directory under `run_dir`, so a search that was killed goes on where it
/// was.
///
/// # Errors
/// As [`train_encoder`]; and without validation examples, because there is nothing to choose by.
#[expect(clippy::too_many_arguments, reason = "those of a run, and a budget")]
pub fn search(
    spec: &EncoderSpec,
    budget: NonZeroUsize,
    base: &Path,
    train: &[LabelledText],
    validation: &[LabelledText],
    labels: &LabelSet,
    run_dir: &Path,
    threads: NonZeroUsize,
    events: &mut dyn FnMut(usize, TrainingEvent),
) -> Result<Found, TrainingError> {
    if validation.is_empty() {
        return Err(TrainingError::TooFew { what: "validation examples", found: 0, needed: 1 });
    }
    let mut best: Option<(Score, TrainedEncoder)> = None;
    let mut trials = Vec::new();
    for (number, candidate) in candidates(spec, budget.get()).into_iter().enumerate() {
        let dir = run_dir.join(format!("trial-{number}"));
        let mut event = |it| events(number, it);
        let model =
            train_encoder(&candidate, base, train, validation, labels, &dir, threads, &mut event);
        let model = match model {
            // A rate that is too high is an answer, not a failure of the search.
            Err(TrainingError::Diverged { .. }) if number > 0 => continue,
            other => other?,
        };
        let score = model.best.expect("validation examples give a score");
        trials.push(Trial { spec: candidate, score });
        if best.as_ref().is_none_or(|(best, _)| score.beats(best)) {
            best = Some((score, model));
        }
    }
    let (_, model) = best.expect("the first trial succeeded or was an error");
    Ok(Found { model, trials })
}

/// The given specification, then random ones around it, the same for the same seed.
fn candidates(spec: &EncoderSpec, count: usize) -> Vec<EncoderSpec> {
    let mut random = Random::new(spec.seed.derive("search"));
    let mut factor = |span: f64| span.powf(2.0 * random.unit() - 1.0);
    let mut all = vec![spec.clone()];
    while all.len() < count {
        all.push(EncoderSpec {
            encoder_learning_rate: Some(spec.encoder_rate() * factor(2.5)),
            head_learning_rate: spec.head_learning_rate * factor(2.5),
            hidden_dropout: (f64::from(spec.hidden_dropout) * factor(1.7)) as f32,
            epochs: (f64::from(spec.epochs) * factor(1.4)).round().max(1.0) as u32,
            ..spec.clone()
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_begin_with_the_given_one_and_repeat_for_a_seed() {
        let spec = EncoderSpec::default();
        let candidates = candidates(&spec, 8);
        assert_eq!(candidates[0], spec);
        assert_eq!(candidates, super::candidates(&spec, 8));
        assert!(candidates.iter().skip(1).all(|it| *it != spec && it.check().is_ok()));
    }
}
