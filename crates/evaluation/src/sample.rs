//! Made-up evaluations for the tests of this crate: a model of a given skill on a given number
//! of items, from a seed.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{
    Digest, Label, LabelMode, LabelSet, Random, Seed, Split, TaskName, Timestamp,
};

use crate::intervals::Resampling;
use crate::{Evaluation, Prediction, Predictions, Settings, Subject, evaluate};

/// What to make up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub items: usize,
    pub strangers: usize,
    pub labels: usize,
    /// How far the right logit stands out of the noise.
    pub skill: f64,
    /// Items and their truth; models with the same one see the same items.
    pub items_seed: u64,
    pub model_seed: u64,
}

pub(crate) const SMALL: Sample =
    Sample { items: 600, strangers: 80, labels: 6, skill: 4.0, items_seed: 1, model_seed: 1 };

const VERBS: [&str; 11] = [
    "activate", "cancel", "lost", "pending", "top up", "verify", "exchange", "dispute", "reverted",
    "declined", "unknown",
];
const NOUNS: [&str; 7] =
    ["card", "transfer", "cash withdrawal", "identity", "direct debit payment", "refund", "rate"];

pub(crate) fn labels(count: usize) -> LabelSet {
    let text = |place: usize| {
        let noun = NOUNS[place % NOUNS.len()];
        let verb = VERBS[(place / NOUNS.len() + place) % VERBS.len()];
        let turn = place / (NOUNS.len() * VERBS.len());
        if turn == 0 { format!("{verb} {noun}") } else { format!("{verb} {noun} {turn}") }
    };
    LabelSet::new((0..count).map(|place| Label::parse(&text(place)).unwrap()).collect()).unwrap()
}

pub(crate) fn predictions(sample: Sample) -> Predictions {
    let mut world = Random::new(Seed(sample.items_seed).derive("world"));
    let mut model = Random::new(Seed(sample.model_seed).derive("model"));
    let mut items = Vec::new();
    for place in 0..sample.items + sample.strangers {
        // Squaring makes low labels common and high ones rare.
        let gold = (world.unit().powi(2) * sample.labels as f64) as usize;
        let stranger = place >= sample.items;
        let difficulty = world.unit();
        let mut logits: Vec<f64> = (0..sample.labels).map(|_| 1.2 * model.normal()).collect();
        if !stranger {
            logits[gold] += sample.skill * (1.4 - difficulty);
            // Neighbours are alike.
            logits[(gold + 1) % sample.labels] += 0.45 * sample.skill * difficulty;
        }
        let highest = logits.iter().copied().fold(f64::MIN, f64::max);
        let raised: Vec<f64> = logits.iter().map(|logit| (logit - highest).exp()).collect();
        let total: f64 = raised.iter().sum();
        let channel = ["mail", "chat", "phone", "branch"][(world.unit().powi(3) * 4.0) as usize];
        let language = ["en", "de"][usize::from(difficulty > 0.7)];
        let slices = [("channel", channel), ("language", language)];
        items.push(Prediction {
            id: Digest::of(format!("{}/{place}", sample.items_seed)),
            gold: if stranger { vec![] } else { vec![gold as u32] },
            probabilities: raised.iter().map(|value| value / total).collect(),
            ood_score: None,
            slices: slices.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            latency_us: Some((1800.0 * (0.35 * model.normal()).exp()) as u64),
        });
    }
    Predictions::new(labels(sample.labels), LabelMode::Single, items).unwrap()
}

pub(crate) fn subject(model: &str) -> Subject {
    Subject {
        task: TaskName::parse("ticket-triage").unwrap(),
        model: model.to_owned(),
        version: Some(Digest::of(model)),
        dataset: Digest::of("tickets"),
        dataset_name: "tickets".to_owned(),
        split: Split::Test,
        engine: "freehold 0.1.0".to_owned(),
        precision: "f32".to_owned(),
        at: Timestamp::parse("2026-11-20T12:00:00Z").unwrap(),
    }
}

pub(crate) fn settings(resamples: u32) -> Settings {
    let resamples = NonZeroU32::new(resamples).unwrap();
    let resampling = Resampling { resamples, seed: Seed(7), ..Resampling::default() };
    Settings { resampling, ..Settings::default() }
}

pub(crate) fn evaluation(model: &str, sample: Sample) -> Evaluation {
    evaluate(&predictions(sample), subject(model), &settings(300), &Silent).unwrap()
}

/// Items written by hand: gold (none: out of scope), probabilities, slice.
pub(crate) fn by_hand(rows: &[(Option<u32>, &[f64], &str)]) -> Predictions {
    let item =
        |(place, (gold, probabilities, slice)): (usize, &(Option<u32>, &[f64], &str))| Prediction {
            id: Digest::of(format!("hand/{place}")),
            gold: gold.iter().copied().collect(),
            probabilities: probabilities.to_vec(),
            ood_score: None,
            slices: BTreeMap::from([("column".to_owned(), (*slice).to_owned())]),
            latency_us: Some(1000 + 100 * place as u64),
        };
    let items = rows.iter().enumerate().map(item).collect();
    Predictions::new(labels(rows[0].1.len()), LabelMode::Single, items).unwrap()
}
