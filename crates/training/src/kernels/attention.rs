//! Self-attention inside each sequence of a packed batch.
//!
//! Nothing is padded: a sequence of length n costs n² and no mask. Probabilities are not kept:
//! the backward pass recomputes them from the queries, the keys and one number a row. Sequences
//! are short in the tasks this crate is for, so the products are own loops that keep a row of
//! results in registers; a general matrix product would spend its time packing.

use super::dropout::Mask;
use super::scalar::exp;

/// Where heads and rows lie in a packed `[token][query | key | value]` buffer.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    pub count: usize,
    pub width: usize,
}

impl Heads {
    /// Columns of queries, of keys, and of values.
    #[must_use]
    pub const fn hidden(self) -> usize {
        self.count * self.width
    }

    fn scale(self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }
}

/// Buffers that grow to the longest sequence met and are then reused.
#[derive(Debug, Default)]
pub struct Scratch {
    transposed: Vec<f32>,
    scores: Vec<f32>,
    gradient: Vec<f32>,
    delta: Vec<f32>,
}

/// Rounded up so that every row of scores is whole vectors.
const fn padded(length: usize) -> usize {
    length.next_multiple_of(16)
}

/// One product: `out[m × n] = a[m × k] · b[k × n]`; `n` is a multiple of 16 or read in a tail.
struct Product<'a> {
    a: &'a [f32],
    a_row: usize,
    a_column: usize,
    b: &'a [f32],
    b_row: usize,
    m: usize,
    k: usize,
    n: usize,
}

impl Product<'_> {
    #[inline(always)]
    fn store(&self, scale: f32, out: &mut [f32], out_row: usize) {
        let mut column = 0;
        while column + 32 <= self.n {
            self.block::<32>(column, scale, out, out_row);
            column += 32;
        }
        while column + 16 <= self.n {
            self.block::<16>(column, scale, out, out_row);
            column += 16;
        }
        while column < self.n {
            self.block::<1>(column, scale, out, out_row);
            column += 1;
        }
    }

    /// `W` columns of every row of the result; the sums stay in registers.
    #[inline(always)]
    fn block<const W: usize>(&self, column: usize, scale: f32, out: &mut [f32], out_row: usize) {
        for row in 0..self.m {
            let mut sums = [0.0f32; W];
            for k in 0..self.k {
                let a = self.a[row * self.a_row + k * self.a_column];
                let b: &[f32; W] = self.b[k * self.b_row + column..][..W]
                    .try_into()
                    .expect("the slice has W elements");
                for lane in 0..W {
                    sums[lane] += a * b[lane];
                }
            }
            let at = row * out_row + column;
            for (out, sum) in out[at..at + W].iter_mut().zip(sums) {
                *out = sum * scale;
            }
        }
    }
}

/// `out[column][row] = x[row][column]`, rows padded with zeros to `stride`.
#[inline(always)]
fn transpose(x: &[f32], x_row: usize, rows: usize, columns: usize, out: &mut [f32], stride: usize) {
    for column in 0..columns {
        let out = &mut out[column * stride..(column + 1) * stride];
        for row in 0..rows {
            out[row] = x[row * x_row + column];
        }
        out[rows..].fill(0.0);
    }
}

/// The largest of a row, in sixteen lanes.
#[inline(always)]
fn maximum(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    for (i, x) in row.iter().enumerate() {
        lanes[i % 16] = if *x > lanes[i % 16] { *x } else { lanes[i % 16] };
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

vectorised! {
    /// Attention of every sequence: `qkv` rows hold query, key and value, `context` receives the
    /// result and `log_sum` (`[sequence][head][row]`, as tokens times heads) what backward needs.
    /// `first` is the packed index of the first token in the whole batch.
    pub fn forward(
        qkv: &[f32], lengths: &[usize], heads: Heads, mask: Mask, first: u32,
        context: &mut [f32], log_sum: &mut [f32], scratch: &mut Scratch,
    ) {
        let (hidden, width) = (heads.hidden(), heads.width);
        let mut start = 0;
        for &n in lengths {
            let stride = padded(n);
            scratch.transposed.resize((width * stride).max(scratch.transposed.len()), 0.0);
            scratch.scores.resize((n * stride).max(scratch.scores.len()), 0.0);
            let Scratch { transposed, scores, .. } = &mut *scratch;
            let rows = &qkv[start * 3 * hidden..(start + n) * 3 * hidden];
            for head in 0..heads.count {
                let column = head * width;
                transpose(&rows[hidden + column..], 3 * hidden, n, width, transposed, stride);
                Product { a: &rows[column..], a_row: 3 * hidden, a_column: 1, b: transposed, b_row: stride, m: n, k: width, n: stride }
                    .store(heads.scale(), scores, stride);
                for row in 0..n {
                    let scores = &mut scores[row * stride..row * stride + n];
                    let most = maximum(scores);
                    let mut sums = [0.0f32; 16];
                    for (i, score) in scores.iter_mut().enumerate() {
                        *score = exp(*score - most);
                        sums[i % 16] += *score;
                    }
                    let total: f32 = sums.iter().sum();
                    log_sum[start * heads.count + head * n + row] = most + total.ln();
                    let scale = 1.0 / total;
                    let at = place(first + start as u32 + row as u32, head, heads);
                    for (i, score) in scores.iter_mut().enumerate() {
                        *score *= scale * mask.factor(at.wrapping_add(i as u32));
                    }
                }
                Product { a: scores, a_row: stride, a_column: 1, b: &rows[2 * hidden + column..], b_row: 3 * hidden, m: n, k: n, n: width }
                    .store(1.0, &mut context[start * hidden + column..], hidden);
            }
            start += n;
        }
    }
}

/// Where the dropout of one row of probabilities begins: rows are further apart than any is long.
#[inline(always)]
fn place(token: u32, head: usize, heads: Heads) -> u32 {
    token.wrapping_mul(heads.count as u32).wrapping_add(head as u32).wrapping_mul(0x2545)
}

vectorised! {
    /// Replaces `qkv` by its gradient, given that of the context.
    pub fn backward(
        qkv: &mut [f32], lengths: &[usize], heads: Heads, mask: Mask, first: u32,
        context: &[f32], d_context: &[f32], log_sum: &[f32], scratch: &mut Scratch,
    ) {
        let (hidden, width) = (heads.hidden(), heads.width);
        let mut start = 0;
        for &n in lengths {
            let stride = padded(n);
            scratch.transposed.resize((width * stride).max(scratch.transposed.len()), 0.0);
            scratch.scores.resize((n * stride).max(scratch.scores.len()), 0.0);
            scratch.gradient.resize((n * stride).max(scratch.gradient.len()), 0.0);
            scratch.delta.resize((3 * n * width).max(scratch.delta.len()), 0.0);
            let Scratch { transposed, scores, gradient, delta } = &mut *scratch;
            let (d_query, rest) = delta.split_at_mut(n * width);
            let (d_key, d_value) = rest.split_at_mut(n * width);
            let rows = &mut qkv[start * 3 * hidden..(start + n) * 3 * hidden];
            for head in 0..heads.count {
                let column = head * width;
                let d_out = &d_context[start * hidden + column..];
                let out = &context[start * hidden + column..];
                transpose(&rows[hidden + column..], 3 * hidden, n, width, transposed, stride);
                Product { a: &rows[column..], a_row: 3 * hidden, a_column: 1, b: transposed, b_row: stride, m: n, k: width, n: stride }
                    .store(heads.scale(), scores, stride);
                transpose(&rows[2 * hidden + column..], 3 * hidden, n, width, transposed, stride);
                Product { a: d_out, a_row: hidden, a_column: 1, b: transposed, b_row: stride, m: n, k: width, n: stride }
                    .store(1.0, gradient, stride);
                for row in 0..n {
                    let log_sum = log_sum[start * heads.count + head * n + row];
                    let at = place(first + start as u32 + row as u32, head, heads);
                    let mut along = 0.0;
                    for (d, o) in d_out[row * hidden..][..width].iter().zip(&out[row * hidden..][..width]) {
                        along += d * o;
                    }
                    let scores = &mut scores[row * stride..row * stride + n];
                    let gradient = &mut gradient[row * stride..row * stride + n];
                    for (i, (score, gradient)) in scores.iter_mut().zip(gradient).enumerate() {
                        let probability = exp(*score - log_sum);
                        let factor = mask.factor(at.wrapping_add(i as u32));
                        *gradient = probability * (*gradient * factor - along);
                        *score = probability * factor;
                    }
                }
                Product { a: scores, a_row: 1, a_column: stride, b: d_out, b_row: hidden, m: n, k: n, n: width }
                    .store(1.0, d_value, width);
                Product { a: gradient, a_row: stride, a_column: 1, b: &rows[hidden + column..], b_row: 3 * hidden, m: n, k: n, n: width }
                    .store(heads.scale(), d_query, width);
                Product { a: gradient, a_row: 1, a_column: stride, b: &rows[column..], b_row: 3 * hidden, m: n, k: n, n: width }
                    .store(heads.scale(), d_key, width);
                for row in 0..n {
                    let from = row * width..(row + 1) * width;
                    let to = row * 3 * hidden + column;
                    rows[to..to + width].copy_from_slice(&d_query[from.clone()]);
                    rows[to + hidden..to + hidden + width].copy_from_slice(&d_key[from.clone()]);
                    rows[to + 2 * hidden..to + 2 * hidden + width].copy_from_slice(&d_value[from]);
                }
            }
            start += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tests::{Slope, numbers};

    const HEADS: Heads = Heads { count: 3, width: 5 };
    const LENGTHS: [usize; 3] = [1, 4, 18];
    const TOKENS: usize = 23;

    fn run(qkv: &[f32], mask: Mask) -> (Vec<f32>, Vec<f32>) {
        let mut context = vec![0.0; TOKENS * HEADS.hidden()];
        let mut log_sum = vec![0.0; TOKENS * HEADS.count];
        let mut scratch = Scratch::default();
        forward(qkv, &LENGTHS, HEADS, mask, 6, &mut context, &mut log_sum, &mut scratch);
        (context, log_sum)
    }

    #[track_caller]
    fn check(mask: Mask) {
        let mut qkv = numbers(1, TOKENS * 3 * HEADS.hidden());
        let weight = numbers(2, TOKENS * HEADS.hidden());
        let slope = Slope::of(
            |qkv| {
                run(qkv, mask)
                    .0
                    .iter()
                    .zip(&weight)
                    .map(|(a, b)| f64::from(*a) * f64::from(*b))
                    .sum()
            },
            &qkv,
        );
        let (context, log_sum) = run(&qkv, mask);
        let mut scratch = Scratch::default();
        backward(&mut qkv, &LENGTHS, HEADS, mask, 6, &context, &weight, &log_sum, &mut scratch);
        slope.check(&qkv);
    }

    #[test]
    fn gradients_are_slopes() {
        check(Mask::NONE);
    }

    #[test]
    fn gradients_are_slopes_under_dropout() {
        check(Mask::new(0.3, 11, 2));
    }

    #[test]
    fn a_sequence_of_one_token_attends_to_itself() {
        let qkv = numbers(3, TOKENS * 3 * HEADS.hidden());
        let (context, _) = run(&qkv, Mask::NONE);
        assert_eq!(context[..HEADS.hidden()], qkv[2 * HEADS.hidden()..3 * HEADS.hidden()]);
    }
}
