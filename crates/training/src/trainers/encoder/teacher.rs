//! A teacher that costs seconds: what two simple models think of each training example.
//!
//! Logistic regression on the base's own vectors and linear machines on n-grams are fitted on all
//! folds but one and asked about that one, so neither has seen what it judges. Their mean is mixed
//! into the target (Hinton et al. 2015, with out-of-fold teachers): where the label is doubtful or
//! another label is near, the encoder is told so, and it learns from n-grams what its base does not
//! see. Only for tasks with one label.

use freehold_models::micro::MicroClassifier;
use freehold_vocabulary::ports::{Classifier, Silent};
use freehold_vocabulary::{LabelMode, LabelSet, LabelledText, Random};

use super::corpus::Corpus;
use super::predict::{self, Wanted};
use super::probe::Problem;
use super::spec::EncoderSpec;
use crate::error::TrainingError;
use crate::network::Network;
use crate::network::batch::Shard;
use crate::trainers::micro::{MicroSpec, train_micro};

/// Each model sees four fifths of the examples.
const FOLDS: usize = 5;
/// Probabilities kept for each example; what many labels leave after them is noise.
const KEPT: usize = 16;
/// Inverse strength of the probe's penalty, in the convention of scikit-learn.
const COST: f64 = 10.0;

/// The likeliest labels of each example with their probabilities, which add up to one. An example
/// that could not be judged has none.
pub type Opinions = Vec<Vec<(u32, f32)>>;

/// What the teacher thinks of every training example.
///
/// # Errors
/// When the examples cannot train a micro model.
pub fn opinions(
    spec: &EncoderSpec,
    network: &Network,
    corpus: &Corpus,
    train: &[LabelledText],
    labels: &LabelSet,
) -> Result<Opinions, TrainingError> {
    let folds = folds(spec, corpus, labels.len());
    let vectors = predict::compute(network, corpus, &mut Vec::<Shard>::new(), Wanted::Pooled);
    let class_weights = corpus.class_weights(spec.class_weights);
    let mut opinions = vec![Vec::new(); corpus.len()];
    for fold in 0..FOLDS {
        let (asked, seen): (Vec<usize>, Vec<usize>) =
            (0..corpus.len()).partition(|it| folds[*it] == Some(fold));
        if asked.is_empty() {
            continue;
        }
        let by_vector = probe(&vectors, network.hidden, corpus, &class_weights, (&seen, &asked));
        let by_words = linear(spec, train, labels, (&seen, &asked))?;
        for ((example, a), b) in
            asked.iter().zip(by_vector.chunks_exact(labels.len())).zip(by_words)
        {
            opinions[*example] = mean(a, &b);
        }
    }
    Ok(opinions)
}

/// The fold of each example: examples of a label are dealt out one by one. The only example of a
/// label is in no fold, since without it nothing would know the label.
fn folds(spec: &EncoderSpec, corpus: &Corpus, classes: usize) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..corpus.len()).collect();
    Random::new(spec.seed.derive("folds of the teacher")).shuffle(&mut order);
    let mut of_class = vec![Vec::new(); classes];
    order.iter().for_each(|it| of_class[corpus.labels(*it)[0] as usize].push(*it));
    let mut folds = vec![None; corpus.len()];
    let mut next = 0;
    for members in of_class.iter().filter(|it| it.len() > 1) {
        for example in members {
            folds[*example] = Some(next % FOLDS);
            next += 1;
        }
    }
    folds
}

/// Logits of a probe that was fitted on `seen`, for `asked`.
fn probe(
    vectors: &[f32],
    width: usize,
    corpus: &Corpus,
    class_weights: &[f32],
    (seen, asked): (&[usize], &[usize]),
) -> Vec<f32> {
    let rows = |of: &[usize]| -> Vec<f32> {
        of.iter().flat_map(|it| &vectors[it * width..(it + 1) * width]).copied().collect()
    };
    let classes: Vec<u32> = seen.iter().map(|it| corpus.labels(*it)[0]).collect();
    let weights: Vec<f32> = classes.iter().map(|it| class_weights[*it as usize]).collect();
    let problem = Problem {
        features: &rows(seen),
        width,
        classes: &classes,
        class_count: class_weights.len(),
        weights: &weights,
        penalty: 1.0 / (2.0 * COST * classes.len() as f64),
    };
    problem.solve().logits(&rows(asked))
}

/// Logits of a micro model that was trained on `seen`, for `asked`.
fn linear(
    spec: &EncoderSpec,
    train: &[LabelledText],
    labels: &LabelSet,
    (seen, asked): (&[usize], &[usize]),
) -> Result<Vec<Vec<f32>>, TrainingError> {
    let seen: Vec<LabelledText> = seen.iter().map(|it| train[*it].clone()).collect();
    let (recipe, mode) = (MicroSpec::default(), LabelMode::Single);
    let model = train_micro(&recipe, &seen, &[], labels, mode, spec.seed, &Silent)?;
    let model = MicroClassifier::from_parts(model.parts, labels.clone(), mode);
    let texts: Vec<&str> = asked.iter().map(|it| train[*it].text.as_str()).collect();
    let scored =
        model.classify(&texts).map_err(|cause| TrainingError::Teacher(cause.to_string()))?;
    Ok(scored.into_iter().map(|it| it.logits).collect())
}

/// The likeliest labels by the mean of both.
fn mean(a: &[f32], b: &[f32]) -> Vec<(u32, f32)> {
    let (a, b) = (softmax(a), softmax(b));
    let mut all: Vec<(u32, f32)> = (0u32..).zip(a.iter().zip(&b).map(|(a, b)| a + b)).collect();
    all.sort_by(|x, y| y.1.total_cmp(&x.1).then(x.0.cmp(&y.0)));
    all.truncate(KEPT);
    let sum: f32 = all.iter().map(|it| it.1).sum();
    all.iter_mut().for_each(|it| it.1 /= sum);
    all
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut out: Vec<f32> = logits.iter().map(|it| (it - most).exp()).collect();
    let sum: f32 = out.iter().sum();
    out.iter_mut().for_each(|it| *it /= sum);
    out
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::Label;

    use super::*;

    /// The first example bears a wrong label, which the model that judges it has not seen.
    #[test]
    fn words_tell_a_wrong_label() {
        let words = ["lost my card", "send money abroad", "forgot my pin"];
        let labels = ["card", "transfer", "pin"].map(|it| Label::parse(it).unwrap());
        let labels = LabelSet::new(labels.into()).unwrap();
        let example = |it: usize| LabelledText {
            text: format!("please help, number {it}: {}", words[it % 3]),
            labels: vec![(it % 3) as u32],
        };
        let mut train: Vec<LabelledText> = (0..30).map(example).collect();
        train[0].labels = vec![2];
        let seen: Vec<usize> = (1..30).collect();
        let spec = EncoderSpec::default();
        let logits = linear(&spec, &train, &labels, (&seen, &[0])).unwrap();
        let opinion = mean(&logits[0], &[0.0; 3]);
        assert_eq!(opinion[0].0, 0, "{opinion:?}");
    }

    #[test]
    fn an_opinion_is_a_distribution_over_the_likeliest() {
        let few = mean(&[0.0, 1.0], &[0.0, 1.0]);
        assert_eq!(few[0].0, 1);
        assert!((few.iter().map(|it| it.1).sum::<f32>() - 1.0).abs() < 1e-6);
        let logits: Vec<f32> = (0..100).map(|it| it as f32 * 0.1).collect();
        let many = mean(&logits, &[0.0; 100]);
        assert_eq!((many.len(), many[0].0), (KEPT, 99));
        assert!((many.iter().map(|it| it.1).sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
