//! What a fit gives on the validation part, and the scale that turns margins into logits.

use freehold_models::micro::MicroClassifier;
use freehold_vocabulary::ports::Classifier as _;
use freehold_vocabulary::{LabelMode, LabelledText};

/// Margins on the validation part beside the truth. Out-of-scope examples of single-label tasks
/// are left out: no answer to them is right.
#[derive(Debug)]
pub(super) struct Scores {
    rows: Vec<(Vec<f32>, Vec<u32>)>,
    mode: LabelMode,
}

/// Multipliers that are considered.
const SHARPNESS_MIN: f64 = 0.25;
const SHARPNESS_MAX: f64 = 64.0;
/// Steps of the golden-section search: enough for four digits.
const SEARCH_STEPS: u32 = 24;

impl Scores {
    pub fn new(classifier: &MicroClassifier, validation: &[LabelledText]) -> Self {
        let mode = classifier.mode();
        let in_scope: Vec<&LabelledText> = validation
            .iter()
            .filter(|it| mode == LabelMode::Multi || !it.labels.is_empty())
            .collect();
        let texts: Vec<&str> = in_scope.iter().map(|it| it.text.as_str()).collect();
        let scored = classifier.classify(&texts).expect("finite weights give finite margins");
        let rows = scored.into_iter().zip(in_scope);
        Self { rows: rows.map(|(it, example)| (it.logits, example.labels.clone())).collect(), mode }
    }

    /// Share of examples whose labels are exactly right.
    pub fn accuracy(&self) -> f64 {
        let right = self.rows.iter().filter(|(margins, gold)| self.is_right(margins, gold));
        right.count() as f64 / self.rows.len().max(1) as f64
    }

    fn is_right(&self, margins: &[f32], gold: &[u32]) -> bool {
        match self.mode {
            LabelMode::Single => {
                let best = (0u32..).zip(margins).max_by(|a, b| a.1.total_cmp(b.1));
                best.is_some_and(|(label, _)| gold.contains(&label))
            }
            LabelMode::Multi => (0u32..)
                .zip(margins)
                .all(|(label, &margin)| (margin > 0.0) == gold.contains(&label)),
        }
    }

    /// The multiplier with the least log-loss, and that loss (golden section on its logarithm;
    /// the loss is convex in the multiplier).
    pub fn sharpest(&self) -> (f32, f64) {
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (SHARPNESS_MIN.ln(), SHARPNESS_MAX.ln());
        for _ in 0..SEARCH_STEPS {
            let width = golden * (high - low);
            let (left, right) = (high - width, low + width);
            if self.log_loss(left.exp()) <= self.log_loss(right.exp()) {
                high = right;
            } else {
                low = left;
            }
        }
        let sharpness = f64::midpoint(low, high).exp();
        (sharpness as f32, self.log_loss(sharpness))
    }

    fn log_loss(&self, sharpness: f64) -> f64 {
        let loss = |(margins, gold): &(Vec<f32>, Vec<u32>)| -> f64 {
            let logits = margins.iter().map(|&it| f64::from(it) * sharpness);
            match self.mode {
                LabelMode::Single => softmax_loss(logits, gold),
                LabelMode::Multi => sigmoid_loss(logits, gold),
            }
        };
        self.rows.iter().map(loss).sum::<f64>() / self.rows.len().max(1) as f64
    }
}

fn softmax_loss(logits: impl Iterator<Item = f64> + Clone, gold: &[u32]) -> f64 {
    let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = logits.clone().map(|it| (it - largest).exp()).sum();
    let right = gold.first().and_then(|&label| logits.clone().nth(label as usize));
    largest + total.ln() - right.expect("out-of-scope examples were left out")
}

fn sigmoid_loss(logits: impl Iterator<Item = f64>, gold: &[u32]) -> f64 {
    let of_label = |(label, logit): (u32, f64)| {
        let against = if gold.contains(&label) { -logit } else { logit };
        against.max(0.0) + (-against.abs()).exp().ln_1p()
    };
    (0u32..).zip(logits).map(of_label).sum()
}
