//! One support vector machine for each label, by dual coordinate descent.
//!
//! Minimises |w|²/2 + C Σ max(0, 1 − y w·x)² for every label (Hsieh, Chang, Lin, Keerthi and
//! Sundararajan 2008, algorithm 1 with the squared loss; the method of LIBLINEAR's `-s 1`). There
//! is no step size to tune. Labels go through the examples sixteen abreast, so that each weight
//! row is one cache line; blocks of labels share nothing, so that threads cannot change a bit.

use freehold_vocabulary::{LabelledText, Random, Seed};
use rayon::prelude::*;

use super::ClassWeights;
use super::selection::{Matrix, Selection};

/// Labels that are solved together.
const LANES: usize = 16;
/// Stop when no example pulls harder than this (LIBLINEAR stops at 0.1).
const VIOLATION_MAX: f32 = 0.05;

type Lane = [f32; LANES];

/// The examples of one fit.
#[derive(Debug)]
pub(super) struct Problem {
    matrix: Matrix,
    /// |x|² + 1 for each example; the one is the constant feature behind the bias.
    squares: Vec<f32>,
    /// For each example its labels.
    labels: Vec<Vec<u32>>,
    /// How many times the cost a missed positive of that label costs.
    weights: Vec<f32>,
    features: usize,
}

/// The solution.
#[derive(Debug)]
pub(super) struct Machines {
    /// Features × classes.
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
    pub epochs: u16,
}

impl Problem {
    pub fn new(
        selection: &Selection,
        texts: &[&LabelledText],
        classes: usize,
        class_weights: ClassWeights,
    ) -> Self {
        let matrix = selection.transform(texts);
        let square = |row: &[(u32, f32)]| row.iter().map(|&(_, x)| x * x).sum::<f32>() + 1.0;
        Self {
            squares: (0..matrix.rows()).map(|row| square(matrix.row(row))).collect(),
            labels: texts.iter().map(|it| it.labels.clone()).collect(),
            weights: weigh_classes(texts, classes, class_weights),
            features: selection.hashes.len(),
            matrix,
        }
    }
}

fn weigh_classes(texts: &[&LabelledText], classes: usize, kind: ClassWeights) -> Vec<f32> {
    let mut counts = vec![0u32; classes];
    texts.iter().flat_map(|it| &it.labels).for_each(|&label| counts[label as usize] += 1);
    let average = counts.iter().sum::<u32>() as f32 / classes as f32;
    let weigh = |count: u32| match kind {
        ClassWeights::Equal => 1.0,
        ClassWeights::Balanced => average / count.max(1) as f32,
    };
    counts.into_iter().map(weigh).collect()
}

/// Solves for every label.
pub(super) fn solve(problem: &Problem, cost: f32, epochs_max: u16, seed: Seed) -> Machines {
    let classes = problem.weights.len();
    let blocks: Vec<Block> = (0..classes.div_ceil(LANES))
        .into_par_iter()
        .map(|block| Block::solve(problem, block * LANES, cost, epochs_max, seed))
        .collect();
    let mut weights = vec![0.0; problem.features * classes];
    let mut bias = vec![0.0; classes];
    for (index, block) in blocks.iter().enumerate() {
        let (from, to) = (index * LANES, classes.min((index + 1) * LANES));
        for (row, lane) in weights.chunks_exact_mut(classes).zip(&block.weights) {
            row[from..to].copy_from_slice(&lane[..to - from]);
        }
        bias[from..to].copy_from_slice(&block.weights[problem.features][..to - from]);
    }
    Machines { weights, bias, epochs: blocks.iter().map(|it| it.epochs).max().unwrap_or(0) }
}

/// Sixteen labels from `first` on.
struct Block {
    /// One row for each feature, then the bias.
    weights: Vec<Lane>,
    epochs: u16,
}

/// What one label wants of one example.
struct Wish {
    sign: Lane,
    /// 1 / (2 C), C weighted for positives.
    ease: Lane,
}

impl Block {
    fn solve(problem: &Problem, first: usize, cost: f32, epochs_max: u16, seed: Seed) -> Self {
        let mut weights = vec![[0.0; LANES]; problem.features + 1];
        let mut duals = vec![[0.0; LANES]; problem.matrix.rows()];
        let mut order: Vec<u32> = (0..problem.matrix.rows() as u32).collect();
        let mut random = Random::new(seed.derive("micro order"));
        let mut epochs = 0;
        while epochs < epochs_max {
            epochs += 1;
            random.shuffle(&mut order);
            let mut violation = 0.0f32;
            for &example in &order {
                let example = example as usize;
                let wish = Self::wish(problem, example, first, cost);
                let pulled = step(
                    problem.matrix.row(example),
                    problem.squares[example],
                    &wish,
                    &mut duals[example],
                    &mut weights,
                );
                violation = violation.max(pulled);
            }
            if violation < VIOLATION_MAX {
                break;
            }
        }
        Self { weights, epochs }
    }

    fn wish(problem: &Problem, example: usize, first: usize, cost: f32) -> Wish {
        let mut wish = Wish { sign: [-1.0; LANES], ease: [0.5 / cost; LANES] };
        for &label in &problem.labels[example] {
            let lane = (label as usize).wrapping_sub(first);
            if lane < LANES {
                wish.sign[lane] = 1.0;
                wish.ease[lane] = 0.5 / (cost * problem.weights[label as usize]);
            }
        }
        wish
    }
}

/// Moves the dual variables of one example to their optimum and the weights with them; returns
/// the largest projected gradient.
fn step(
    row: &[(u32, f32)],
    square: f32,
    wish: &Wish,
    duals: &mut Lane,
    weights: &mut [Lane],
) -> f32 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the feature was just detected.
            return unsafe { step_avx512(row, square, wish, duals, weights) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was just detected.
            return unsafe { step_avx2(row, square, wish, duals, weights) };
        }
    }
    step_body(row, square, wish, duals, weights)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn step_avx512(
    row: &[(u32, f32)],
    square: f32,
    wish: &Wish,
    duals: &mut Lane,
    weights: &mut [Lane],
) -> f32 {
    step_body(row, square, wish, duals, weights)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn step_avx2(
    row: &[(u32, f32)],
    square: f32,
    wish: &Wish,
    duals: &mut Lane,
    weights: &mut [Lane],
) -> f32 {
    step_body(row, square, wish, duals, weights)
}

/// No fused multiply-add and no sum across lanes: every instruction set gives the same bits.
#[inline(always)]
fn step_body(
    row: &[(u32, f32)],
    square: f32,
    wish: &Wish,
    duals: &mut Lane,
    weights: &mut [Lane],
) -> f32 {
    let bias = weights.len() - 1;
    let mut margin = weights[bias];
    for &(feature, value) in row {
        let lane = &weights[feature as usize];
        for i in 0..LANES {
            margin[i] += value * lane[i];
        }
    }
    let mut change = [0.0; LANES];
    let mut violation = 0.0f32;
    for i in 0..LANES {
        let gradient = wish.sign[i] * margin[i] - 1.0 + duals[i] * wish.ease[i];
        let projected = if duals[i] > 0.0 { gradient } else { gradient.min(0.0) };
        violation = violation.max(projected.abs());
        let dual = (duals[i] - gradient / (square + wish.ease[i])).max(0.0);
        change[i] = (dual - duals[i]) * wish.sign[i];
        duals[i] = dual;
    }
    if change.iter().any(|it| *it != 0.0) {
        for &(feature, value) in row {
            let lane = &mut weights[feature as usize];
            for i in 0..LANES {
                lane[i] += value * change[i];
            }
        }
        for i in 0..LANES {
            weights[bias][i] += change[i];
        }
    }
    violation
}
