//! The whole backward pass against finite differences, with every kind of dropout on: torch
//! cannot repeat our masks, so golden runs have none.

use freehold_models::weights::Weights;
use freehold_models::{EncoderConfig, Pooling};
use freehold_training::kernels::matrix::Store;
use freehold_training::network::batch::{self, Offset, Sequence};
use freehold_training::network::build::{Blueprint, TargetModule, Trainable, head_spec};
use freehold_training::network::gradients::Plan;
use freehold_training::network::{Dropout, Keep, Network, loss};
use freehold_vocabulary::{LabelMode, Random, Seed};

use crate::fixture::{FORMS, golden};

const LABELS: usize = 3;

fn build(base: &str, trainable: Trainable, pooling: Pooling) -> Network {
    let dir = golden(base);
    let (config, file) = (EncoderConfig::open(&dir).unwrap(), Weights::open(&dir).unwrap());
    let vocabulary: Vec<u32> = (0..config.vocab_size as u32).collect();
    let head = head_spec(&config, pooling);
    let blueprint = Blueprint {
        config: &config,
        file: &file,
        head: &head,
        labels: LABELS,
        trainable,
        vocabulary: &vocabulary,
        seed: Seed(3),
    };
    let mut network = blueprint.build().unwrap();
    // Fresh adapters begin with zeros, which would hide half of them.
    let mut random = Random::new(Seed(4));
    network.weights.trainable.iter_mut().for_each(|it| *it += 0.1 * random.normal() as f32);
    network
}

/// The loss of a fixed batch, and the gradient of every trainable number.
fn run(network: &Network) -> (f64, Vec<f32>) {
    let mut random = Random::new(Seed(5));
    let texts: Vec<Vec<u32>> =
        [3usize, 19, 8].map(|length| (0..length).map(|_| random.below(21) as u32).collect()).into();
    let target = |class: usize| (0..LABELS).map(|it| f32::from(u8::from(it == class))).collect();
    let sequence = |(class, ids)| Sequence { ids, target: target(class), weight: 1.0 };
    let sequences: Vec<Sequence<'_>> =
        texts.iter().map(Vec::as_slice).enumerate().map(sequence).collect();
    let dropout = Dropout { hidden: 0.1, attention: 0.1, head: 0.1, adapter: 0.2, seed: 6 };
    let (mut shards, mut gradients) = (Vec::new(), vec![0.0; network.weights.trainable.len()]);
    let count = batch::pack(&sequences, Offset::default(), &mut shards);
    assert_eq!(count, 1);
    network.forward(&mut shards[0], &dropout, Keep::Everything);
    let loss = loss::apply(LabelMode::Single, LABELS, 3.0, &mut shards[0]);
    network.backward(&mut shards[0], &dropout);
    let plan = Plan::new(network);
    plan.collect(network, &shards[..1], &dropout, Store::Replace, &mut gradients);
    (loss, gradients)
}

/// Moves one tensor at a time along its gradient: the loss must rise as the gradient is long.
fn check(base: &str, trainable: Trainable, pooling: Pooling) {
    let mut network = build(base, trainable, pooling);
    let (_, gradients) = run(&network);
    let size = |it: &[f32]| it.iter().map(|it| f64::from(it * it)).sum::<f64>().sqrt();
    let whole = size(&gradients);
    for named in network.names.clone().iter().filter(|it| it.span.is_trainable()) {
        let gradient = &gradients[named.span.range()];
        let length = size(gradient);
        // Key biases change nothing.
        if length < 1e-4 * whole {
            continue;
        }
        let before = network.weights.get(named.span).to_vec();
        let mut at = |step: f64| {
            for ((it, before), gradient) in
                network.weights.get_mut(named.span).iter_mut().zip(&before).zip(gradient)
            {
                *it = before + (step * f64::from(*gradient) / length) as f32;
            }
            run(&network).0
        };
        let slope = (at(5e-3) - at(-5e-3)) / 1e-2;
        at(0.0);
        let difference = (slope - length).abs();
        assert!(
            difference < 0.01 * length + 1e-4 * whole,
            "{base} {}: slope {slope}, gradient {length}",
            named.name
        );
    }
}

#[test]
fn gradients_of_whole_networks_are_slopes() {
    for base in FORMS {
        for pooling in [Pooling::Cls, Pooling::Mean] {
            check(base, Trainable::Blocks, pooling);
            let targets = TargetModule::ALL.into();
            check(base, Trainable::Adapters { rank: 3, scale: 2.0, targets }, pooling);
        }
    }
}
