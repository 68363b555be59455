//! Passes over rows: layer norm, softmax, quantisation, rotation, means.
//!
//! Sums run in sixteen lanes that are added in a fixed order, so every instruction set gives the
//! same bits.

use super::elementwise::exp;

/// Sixty-four lanes keep four vector registers busy; short rows take sixteen.
const LONG: usize = 64;
const SHORT: usize = 16;

#[inline(always)]
fn fold<const L: usize>(mut lanes: [f32; L], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut width = L / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = join(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

#[inline(always)]
fn sum_of<const L: usize>(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; L];
    let chunks = row.chunks_exact(L);
    let rest = chunks.remainder();
    for chunk in chunks {
        for i in 0..L {
            lanes[i] += term(chunk[i]);
        }
    }
    let mut sum = fold(lanes, |a, b| a + b);
    for &value in rest {
        sum += term(value);
    }
    sum
}

#[inline(always)]
fn lower(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn higher(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn extent_of<const L: usize>(row: &[f32]) -> (f32, f32) {
    let (mut low, mut high) = ([f32::INFINITY; L], [f32::NEG_INFINITY; L]);
    let chunks = row.chunks_exact(L);
    let rest = chunks.remainder();
    for chunk in chunks {
        for i in 0..L {
            low[i] = lower(chunk[i], low[i]);
            high[i] = higher(chunk[i], high[i]);
        }
    }
    let min = rest.iter().fold(fold(low, lower), |a, &b| lower(b, a));
    let max = rest.iter().fold(fold(high, higher), |a, &b| higher(b, a));
    (min, max)
}

vectorised! {
    /// Layer norm (Ba et al. 2016) of each row in place: `rows` of `gamma.len()`.
    pub fn layer_norm(rows: &mut [f32], gamma: &[f32], beta: &[f32], eps: f32) {
        let width = gamma.len();
        for row in rows.chunks_exact_mut(width) {
            let mean = sum_of::<LONG>(row, |x| x) / width as f32;
            let variance = sum_of::<LONG>(row, |x| (x - mean) * (x - mean)) / width as f32;
            let scale = 1.0 / (variance + eps).sqrt();
            for ((x, gamma), beta) in row.iter_mut().zip(gamma).zip(beta) {
                *x = ((*x - mean) * scale).mul_add(*gamma, *beta);
            }
        }
    }

    /// Turns `scores · scale` into unnormalised probabilities and returns what to multiply the
    /// weighted sum by. Scores outside `from..to` become zero. The length of a row of scores is a
    /// multiple of sixteen.
    pub fn softmax(scores: &mut [f32], from: usize, to: usize, scale: f32) -> f32 {
        scores[..from].fill(f32::NEG_INFINITY);
        scores[to..].fill(f32::NEG_INFINITY);
        let mut highest = [f32::NEG_INFINITY; SHORT];
        for chunk in scores.chunks_exact(SHORT) {
            for i in 0..SHORT {
                highest[i] = higher(chunk[i], highest[i]);
            }
        }
        let max = fold(highest, higher);
        let mut sums = [0.0; SHORT];
        for chunk in scores.chunks_exact_mut(SHORT) {
            for i in 0..SHORT {
                chunk[i] = exp((chunk[i] - max) * scale);
                sums[i] += chunk[i];
            }
        }
        1.0 / fold(sums, |a, b| a + b)
    }

    /// Quantises rows of `width` to bytes: `x ≈ scale · byte + low`, per row. The bytes of a row
    /// are `stride` apart from the next row's and padded with zeros.
    pub fn quantise(rows: &[f32], width: usize, bytes: &mut [u8], stride: usize, scales: &mut [f32], lows: &mut [f32]) {
        let each = rows.chunks_exact(width).zip(bytes.chunks_exact_mut(stride));
        for (((row, bytes), scale), low) in each.zip(scales).zip(lows) {
            let (min, max) = extent_of::<LONG>(row);
            let step = (max - min) * (1.0 / 255.0);
            let inverse = if step > 0.0 { 1.0 / step } else { 0.0 };
            let (used, padding) = bytes.split_at_mut(width);
            for (byte, x) in used.iter_mut().zip(row) {
                // Adding 1.5 · 2²³ rounds to an integer in the low bits.
                let shifted = (*x - min).mul_add(inverse, 12_582_912.0);
                *byte = (shifted.to_bits() & 0xff) as u8;
            }
            padding.fill(0);
            (*scale, *low) = (step, min);
        }
    }

    /// Rotates pairs `(low[i], high[i])`, the halves of a head, by the angles of a position.
    pub fn rotate(low: &mut [f32], high: &mut [f32], cosines: &[f32], sines: &[f32]) {
        for (((a, b), cos), sin) in low.iter_mut().zip(high).zip(cosines).zip(sines) {
            let (x, y) = (*a, *b);
            *a = x * *cos - y * *sin;
            *b = y * *cos + x * *sin;
        }
    }

    /// The mean of rows of `out.len()`.
    pub fn mean(rows: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        for row in rows.chunks_exact(out.len()) {
            for (out, x) in out.iter_mut().zip(row) {
                *out += *x;
            }
        }
        let scale = 1.0 / (rows.len() / out.len()) as f32;
        for out in out.iter_mut() {
            *out *= scale;
        }
    }

    /// Copies the columns of a head from rows that are `stride` apart into panels of keys:
    /// `out[panel][column][key]`, keys beyond the last are zero.
    pub fn transpose_keys(keys: &[f32], stride: usize, width: usize, count: usize, out: &mut [f32]) {
        for (panel, out) in out.chunks_exact_mut(width * super::PANEL).enumerate() {
            let first = panel * super::PANEL;
            let inside = super::PANEL.min(count.saturating_sub(first));
            for (column, out) in out.chunks_exact_mut(super::PANEL).enumerate() {
                for (key, out) in out[..inside].iter_mut().enumerate() {
                    *out = keys[(first + key) * stride + column];
                }
                out[inside..].fill(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Isa;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919) % 1000) as f32 * 0.01 - 5.0).collect()
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let (rows, gamma, beta) = (numbers(3 * 37), numbers(37), numbers(37));
        let mut expected: Option<(Vec<f32>, Vec<f32>, Vec<u8>)> = None;
        for isa in Isa::available() {
            let mut normed = rows.clone();
            layer_norm(isa, &mut normed, &gamma, &beta, 1e-5);
            let mut scores = rows.clone();
            scores.truncate(96);
            let normaliser = softmax(isa, &mut scores, 3, 90, 0.3);
            scores.push(normaliser);
            let (mut bytes, mut scales, mut lows) = (vec![9; 3 * 40], [0.0; 3], [0.0; 3]);
            quantise(isa, &rows, 37, &mut bytes, 40, &mut scales, &mut lows);
            let found = (normed, scores, bytes);
            assert_eq!(expected.get_or_insert_with(|| found.clone()), &found, "{isa:?}");
        }
    }

    #[test]
    fn a_norm_has_mean_beta_and_a_softmax_sums_to_one() {
        for isa in Isa::available() {
            let mut row = numbers(40);
            layer_norm(isa, &mut row, &[2.0; 40], &[1.0; 40], 1e-12);
            let mean: f32 = row.iter().sum::<f32>() / 40.0;
            let variance: f32 = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 40.0;
            assert!(
                (mean - 1.0).abs() < 1e-5 && (variance - 4.0).abs() < 1e-4,
                "{mean} {variance}"
            );
            let mut scores = numbers(48);
            let scale = softmax(isa, &mut scores, 2, 39, 0.5);
            assert!((scores.iter().sum::<f32>() * scale - 1.0).abs() < 1e-5);
            assert_eq!((scores[1], scores[39]), (0.0, 0.0));
        }
    }

    #[test]
    fn quantised_rows_come_back_within_half_a_step() {
        let rows = [numbers(30), vec![3.0; 30]].concat();
        let (mut bytes, mut scales, mut lows) = (vec![1; 64], [0.0; 2], [0.0; 2]);
        quantise(Isa::best(), &rows, 30, &mut bytes, 32, &mut scales, &mut lows);
        for (i, &x) in rows.iter().enumerate() {
            let (row, column) = (i / 30, i % 30);
            let back = f32::from(bytes[row * 32 + column]) * scales[row] + lows[row];
            assert!((back - x).abs() <= scales[row] * 0.501, "{x} came back as {back}");
        }
        assert_eq!(bytes[30..32], [0, 0]);
    }
}
