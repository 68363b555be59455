//! AdamW (Loshchilov and Hutter 2019) over one flat vector, fused and in place.

use rayon::prelude::*;

/// How the moments move; the learning rate comes with each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    pub beta1: f32,
    pub beta2: f32,
    pub epsilon: f32,
    pub weight_decay: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

/// First and second moments, one of each per weight.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moments {
    pub first: Vec<f32>,
    pub second: Vec<f32>,
}

impl Moments {
    /// At rest.
    #[must_use]
    pub fn zero(len: usize) -> Self {
        Self { first: vec![0.0; len], second: vec![0.0; len] }
    }
}

/// Weights from `start` on share a learning rate and whether they decay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    pub start: usize,
    pub end: usize,
    pub is_head: bool,
    pub decays: bool,
}

/// Elements a thread takes at a time.
const CHUNK: usize = 1 << 16;

/// What one step needs to know about one group.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    rate: f32,
    decay: f32,
    /// The clip, folded into the pass.
    gradient_scale: f32,
    correction1: f32,
    correction2: f32,
}

impl AdamW {
    /// Moves the weights; `step` counts from one.
    #[expect(clippy::too_many_arguments, reason = "the state of an optimiser")]
    pub fn step(
        &self,
        groups: &[Group],
        step: u64,
        (encoder_rate, head_rate): (f64, f64),
        gradient_scale: f32,
        weights: &mut [f32],
        gradients: &[f32],
        moments: &mut Moments,
    ) {
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        for group in groups {
            let rate = if group.is_head { head_rate } else { encoder_rate } as f32;
            let rates = Rates {
                rate,
                decay: if group.decays { rate * self.weight_decay } else { 0.0 },
                gradient_scale,
                correction1: (1.0 / (1.0 - f64::from(self.beta1).powi(exponent))) as f32,
                correction2: (1.0 / (1.0 - f64::from(self.beta2).powi(exponent))) as f32,
            };
            let range = group.start..group.end;
            weights[range.clone()]
                .par_chunks_mut(CHUNK)
                .zip(gradients[range.clone()].par_chunks(CHUNK))
                .zip(moments.first[range.clone()].par_chunks_mut(CHUNK))
                .zip(moments.second[range].par_chunks_mut(CHUNK))
                .for_each(|(((w, g), m), v)| update(*self, rates, w, g, m, v));
        }
    }
}

vectorised! {
    pub fn update(
        adam: AdamW, rates: Rates, weights: &mut [f32], gradients: &[f32],
        first: &mut [f32], second: &mut [f32],
    ) {
        let all = weights.iter_mut().zip(gradients).zip(first).zip(second);
        for (((weight, gradient), first), second) in all {
            let gradient = *gradient * rates.gradient_scale;
            *first = adam.beta1 * *first + (1.0 - adam.beta1) * gradient;
            *second = adam.beta2 * *second + (1.0 - adam.beta2) * gradient * gradient;
            let size = (*second * rates.correction2).sqrt() + adam.epsilon;
            *weight = *weight - rates.decay * *weight - rates.rate * (*first * rates.correction1) / size;
        }
    }
}

/// The Euclidean norm, summed in fixed chunks.
#[must_use]
pub fn norm(gradients: &[f32]) -> f64 {
    let parts: Vec<f64> = gradients.par_chunks(CHUNK).map(squares).collect();
    parts.iter().sum::<f64>().sqrt()
}

vectorised! {
    pub fn squares(x: &[f32]) -> f64 {
        // Lanes of f32 over a bounded block, blocks in f64: exact enough and vectorised.
        x.chunks(1024)
            .map(|block| {
                let mut lanes = [0.0f32; 16];
                for part in block.chunks(16) {
                    for (lane, value) in lanes.iter_mut().zip(part) {
                        *lane += *value * *value;
                    }
                }
                lanes.iter().map(|it| f64::from(*it)).sum::<f64>()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// torch 2.13: `AdamW([1., -2.], lr=.1, weight_decay=.1)`, gradients (.5, 1), then (-1, 0).
    #[test]
    fn two_steps_agree_with_torch() {
        let adam = AdamW { weight_decay: 0.1, ..AdamW::default() };
        let groups = [Group { start: 0, end: 2, is_head: false, decays: true }];
        let (mut weights, mut moments) = (vec![1.0, -2.0], Moments::zero(2));
        adam.step(&groups, 1, (0.1, 9.0), 1.0, &mut weights, &[0.5, 1.0], &mut moments);
        adam.step(&groups, 2, (0.1, 9.0), 1.0, &mut weights, &[-1.0, 0.0], &mut moments);
        assert!((weights[0] - 0.917_710_4).abs() < 1e-5, "{weights:?}");
        assert!((weights[1] + 2.126_206).abs() < 1e-5, "{weights:?}");
    }

    #[test]
    fn the_norm_is_euclidean() {
        assert!((norm(&[3.0; 160_000]) - 1200.0).abs() < 1e-6);
    }
}
