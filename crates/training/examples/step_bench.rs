//! Steps of fine-tuning on prepared batches, for comparison with another framework.
//!
//! `step_bench BASE BATCHES.json lora|full STEPS DROPOUT THREADS`; the JSON is a list of
//! `{"ids": [[…]], "labels": […]}`. Prints processor seconds by phase and peak memory.

use std::collections::BTreeSet;
use std::path::Path;

use freehold_models::{EncoderConfig, Pooling, weights::Weights};
use freehold_training::kernels::matrix::Store;
use freehold_training::network::batch::{self, Sequence};
use freehold_training::network::build::{Blueprint, TargetModule, Trainable, head_spec};
use freehold_training::network::gradients::Plan;
use freehold_training::network::{Dropout, Keep, loss};
use freehold_training::optimiser::{AdamW, Group, Moments, norm};
use freehold_vocabulary::{LabelMode, Seed};
use rayon::prelude::*;

#[derive(serde::Deserialize)]
struct Batch {
    ids: Vec<Vec<u32>>,
    labels: Vec<usize>,
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    fields[11..13].iter().map(|it| it.parse::<f64>().expect("ticks") / 100.0).sum()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let base = Path::new(&args[0]);
    let batches = std::fs::read(&args[1]).expect("batches");
    let mut batches: Vec<Batch> = serde_json::from_slice(&batches).expect("batches");
    let steps: usize = args[3].parse().expect("steps");
    let rate: f32 = args[4].parse().expect("dropout");
    let threads: usize = args[5].parse().expect("threads");
    batches.truncate(steps + 3);
    let used: BTreeSet<u32> =
        batches.iter().flat_map(|it| it.ids.iter().flatten().copied()).collect();
    let vocabulary: Vec<u32> = used.into_iter().collect();
    let place = |id: &mut u32| *id = vocabulary.binary_search(id).expect("in use") as u32;
    batches.iter_mut().for_each(|it| it.ids.iter_mut().flatten().for_each(place));

    let config = EncoderConfig::open(base).expect("config");
    let file = Weights::open(base).expect("weights");
    let head = head_spec(&config, Pooling::Mean);
    let lora = args[2] == "lora";
    let trainable = if lora {
        Trainable::Adapters { rank: 16, scale: 2.0, targets: TargetModule::ALL.into() }
    } else {
        Trainable::Blocks
    };
    let blueprint = Blueprint {
        config: &config,
        file: &file,
        head: &head,
        labels: 77,
        trainable,
        vocabulary: &vocabulary,
        seed: Seed(1),
    };
    let mut network = blueprint.build().expect("network");
    drop(file);
    let head_start = network.head.weight.start;
    let len = network.weights.trainable.len();
    let groups = [
        Group { start: 0, end: head_start, is_head: false, decays: true },
        Group { start: head_start, end: len, is_head: true, decays: true },
    ];
    let (plan, mut moments, mut gradients) =
        (Plan::new(&network), Moments::zero(len), vec![0.0; len]);
    let (mut shards, adam) = (Vec::new(), AdamW::default());
    let learning_rate = if lora { 2e-3 } else { 2e-4 };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let (mut start, mut tokens, mut phases, mut last) = (0.0, 0, [0.0; 3], 0.0);
    for (number, batch) in batches.iter().enumerate() {
        if number == 3 {
            (start, tokens, phases) = (cpu_seconds(), 0, [0.0; 3]);
        }
        tokens += batch.ids.iter().map(Vec::len).sum::<usize>();
        let target = |label: usize| (0..77).map(|it| f32::from(u8::from(it == label))).collect();
        let sequences: Vec<_> = batch
            .ids
            .iter()
            .zip(&batch.labels)
            .map(|(ids, label)| Sequence { ids, target: target(*label), weight: 1.0 })
            .collect();
        let dropout = Dropout {
            hidden: rate,
            attention: rate,
            head: rate,
            adapter: if lora { rate } else { 0.0 },
            seed: number as u64,
        };
        let times = pool.install(|| {
            let count = batch::pack(&sequences, batch::Offset::default(), &mut shards);
            let mut times = [cpu_seconds(); 4];
            let losses: Vec<f64> = shards[..count]
                .par_iter_mut()
                .map(|shard| {
                    network.forward(shard, &dropout, Keep::Everything);
                    let loss = loss::apply(LabelMode::Single, 77, sequences.len() as f32, shard);
                    network.backward(shard, &dropout);
                    loss
                })
                .collect();
            last = losses.iter().sum();
            times[1] = cpu_seconds();
            plan.collect(&network, &shards[..count], &dropout, Store::Replace, &mut gradients);
            times[2] = cpu_seconds();
            let scale = (1.0 / norm(&gradients).max(1e-12)).min(1.0) as f32;
            adam.step(
                &groups,
                number as u64 + 1,
                (learning_rate, 5e-3),
                scale,
                &mut network.weights.trainable,
                &gradients,
                &mut moments,
            );
            times[3] = cpu_seconds();
            times
        });
        for phase in 0..3 {
            phases[phase] += times[phase + 1] - times[phase];
        }
        if number == 0 {
            println!("first loss {last:.6}");
        }
    }
    let cpu = cpu_seconds() - start;
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find(|it| it.starts_with("VmHWM")).expect("VmHWM");
    let bits = network
        .weights
        .trainable
        .iter()
        .fold(0u64, |sum, it| sum.wrapping_mul(31).wrapping_add(u64::from(it.to_bits())));
    println!(
        "{} dropout {rate} threads {threads}: {tokens} tokens, {cpu:.2} cpu-s, {:.0} tokens/cpu-s, passes {:.2} gradients {:.2} optimiser {:.2}, loss {last:.4}, {}, bits {bits:016x}",
        args[2],
        tokens as f64 / cpu,
        phases[0],
        phases[1],
        phases[2],
        peak.replace(char::is_whitespace, "")
    );
}
