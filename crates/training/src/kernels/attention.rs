//! Self-attention inside each sequence of a packed batch.
//!
//! Nothing is padded: a sequence of length n costs n² and no mask. Probabilities are not kept:
//! the backward pass recomputes them from the queries, the keys and one number a row. Sequences
//! are short in the tasks this crate is for, so the products are own loops that keep a row of
//! results in registers; a general matrix product would spend its time packing.
//! Where tokens look only so far, queries are taken in blocks, each with the keys it can see.

use std::ops::Range;

use super::dropout::Mask;
use super::scalar::exp;

/// Where heads and rows lie in a packed `[token][query | key | value]` buffer, and how far they
/// look.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    pub count: usize,
    pub width: usize,
    /// Keys at a distance of at most so many tokens; none means all.
    pub reach: Option<usize>,
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

    /// The keys that a query sees in a sequence of `n` tokens; the relation is symmetric.
    #[inline(always)]
    fn seen(self, query: usize, n: usize) -> Range<usize> {
        match self.reach {
            None => 0..n,
            Some(reach) => query.saturating_sub(reach)..(query + reach + 1).min(n),
        }
    }

    /// Tokens that are computed together: all of them, or blocks about as long as they see.
    fn block(self, n: usize) -> usize {
        self.reach.map_or(n, |reach| (reach + 1).next_multiple_of(16))
    }

    /// What a block sees, from the beginning of a whole vector on.
    #[inline(always)]
    fn seen_by(self, block: &Range<usize>, n: usize) -> Range<usize> {
        self.seen(block.start, n).start / 16 * 16..self.seen(block.end - 1, n).end
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

/// Cuts `n` tokens into blocks of at most `size`.
#[inline(always)]
fn blocks(n: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(size.max(1)).map(move |from| from..(from + size).min(n))
}

/// Clears the part of a row that is not seen; products over whole blocks read it.
#[inline(always)]
fn hide(row: &mut [f32], seen: &Range<usize>) {
    row[..seen.start].fill(0.0);
    row[seen.end..].fill(0.0);
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
                for block in blocks(n, heads.block(n)) {
                    let keys = heads.seen_by(&block, n);
                    Product { a: &rows[block.start * 3 * hidden + column..], a_row: 3 * hidden, a_column: 1, b: &transposed[keys.start..], b_row: stride, m: block.len(), k: width, n: padded(keys.len()) }
                        .store(heads.scale(), &mut scores[block.start * stride + keys.start..], stride);
                }
                for row in 0..n {
                    let seen = heads.seen(row, n);
                    let scores = &mut scores[row * stride..row * stride + n];
                    hide(scores, &seen);
                    let scores = &mut scores[seen.clone()];
                    let most = maximum(scores);
                    let mut sums = [0.0f32; 16];
                    for (i, score) in scores.iter_mut().enumerate() {
                        *score = exp(*score - most);
                        sums[i % 16] += *score;
                    }
                    let total: f32 = sums.iter().sum();
                    log_sum[start * heads.count + head * n + row] = most + total.ln();
                    let scale = 1.0 / total;
                    let at = place(first + start as u32 + row as u32, head, heads).wrapping_add(seen.start as u32);
                    for (i, score) in scores.iter_mut().enumerate() {
                        *score *= scale * mask.factor(at.wrapping_add(i as u32));
                    }
                }
                for block in blocks(n, heads.block(n)) {
                    let keys = heads.seen_by(&block, n);
                    Product { a: &scores[block.start * stride + keys.start..], a_row: stride, a_column: 1, b: &rows[keys.start * 3 * hidden + 2 * hidden + column..], b_row: 3 * hidden, m: block.len(), k: keys.len(), n: width }
                        .store(1.0, &mut context[(start + block.start) * hidden + column..], hidden);
                }
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
                for block in blocks(n, heads.block(n)) {
                    let keys = heads.seen_by(&block, n);
                    Product { a: &rows[block.start * 3 * hidden + column..], a_row: 3 * hidden, a_column: 1, b: &transposed[keys.start..], b_row: stride, m: block.len(), k: width, n: padded(keys.len()) }
                        .store(heads.scale(), &mut scores[block.start * stride + keys.start..], stride);
                }
                transpose(&rows[2 * hidden + column..], 3 * hidden, n, width, transposed, stride);
                for block in blocks(n, heads.block(n)) {
                    let keys = heads.seen_by(&block, n);
                    Product { a: &d_out[block.start * hidden..], a_row: hidden, a_column: 1, b: &transposed[keys.start..], b_row: stride, m: block.len(), k: width, n: padded(keys.len()) }
                        .store(1.0, &mut gradient[block.start * stride + keys.start..], stride);
                }
                for row in 0..n {
                    let log_sum = log_sum[start * heads.count + head * n + row];
                    let seen = heads.seen(row, n);
                    let at = place(first + start as u32 + row as u32, head, heads).wrapping_add(seen.start as u32);
                    let mut along = 0.0;
                    for (d, o) in d_out[row * hidden..][..width].iter().zip(&out[row * hidden..][..width]) {
                        along += d * o;
                    }
                    let scores = &mut scores[row * stride..row * stride + n];
                    let gradient = &mut gradient[row * stride..row * stride + n];
                    hide(scores, &seen);
                    hide(gradient, &seen);
                    let (scores, gradient) = (&mut scores[seen.clone()], &mut gradient[seen]);
                    for (i, (score, gradient)) in scores.iter_mut().zip(gradient).enumerate() {
                        let probability = exp(*score - log_sum);
                        let factor = mask.factor(at.wrapping_add(i as u32));
                        *gradient = probability * (*gradient * factor - along);
                        *score = probability * factor;
                    }
                }
                for block in blocks(n, heads.block(n)) {
                    let seen = heads.seen_by(&block, n);
                    let (m, k, to) = (block.len(), seen.len(), block.start * width);
                    // As keys the tokens of the block are columns, as queries they are rows.
                    let (as_keys, as_query) = (seen.start * stride + block.start, block.start * stride + seen.start);
                    Product { a: &scores[as_keys..], a_row: 1, a_column: stride, b: &d_out[seen.start * hidden..], b_row: hidden, m, k, n: width }
                        .store(1.0, &mut d_value[to..], width);
                    Product { a: &gradient[as_query..], a_row: stride, a_column: 1, b: &rows[seen.start * 3 * hidden + hidden + column..], b_row: 3 * hidden, m, k, n: width }
                        .store(heads.scale(), &mut d_query[to..], width);
                    Product { a: &gradient[as_keys..], a_row: 1, a_column: stride, b: &rows[seen.start * 3 * hidden + column..], b_row: 3 * hidden, m, k, n: width }
                        .store(heads.scale(), &mut d_key[to..], width);
                }
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

    const LENGTHS: [usize; 3] = [1, 4, 18];
    const TOKENS: usize = 23;

    const fn heads(reach: Option<usize>) -> Heads {
        Heads { count: 3, width: 5, reach }
    }

    fn run(qkv: &[f32], heads: Heads, mask: Mask) -> (Vec<f32>, Vec<f32>) {
        let mut context = vec![0.0; TOKENS * heads.hidden()];
        let mut log_sum = vec![0.0; TOKENS * heads.count];
        // What is in the buffers before must not matter.
        let mut scratch = Scratch { scores: vec![f32::NAN; 4096], ..Scratch::default() };
        forward(qkv, &LENGTHS, heads, mask, 6, &mut context, &mut log_sum, &mut scratch);
        (context, log_sum)
    }

    #[track_caller]
    fn check(reach: Option<usize>, mask: Mask) {
        let heads = heads(reach);
        let mut qkv = numbers(1, TOKENS * 3 * heads.hidden());
        let weight = numbers(2, TOKENS * heads.hidden());
        let loss = |qkv: &[f32]| {
            let (context, _) = run(qkv, heads, mask);
            context.iter().zip(&weight).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let slope = Slope::of(loss, &qkv);
        let (context, log_sum) = run(&qkv, heads, mask);
        let nan = || vec![f32::NAN; 4096];
        let mut scratch = Scratch { scores: nan(), gradient: nan(), ..Scratch::default() };
        backward(&mut qkv, &LENGTHS, heads, mask, 6, &context, &weight, &log_sum, &mut scratch);
        slope.check(&qkv);
    }

    #[test]
    fn gradients_are_slopes() {
        check(None, Mask::NONE);
        check(Some(2), Mask::NONE);
        check(Some(0), Mask::NONE);
        check(Some(40), Mask::NONE);
    }

    #[test]
    fn gradients_are_slopes_under_dropout() {
        check(None, Mask::new(0.3, 11, 2));
        check(Some(3), Mask::new(0.3, 11, 2));
    }

    #[test]
    fn a_sequence_of_one_token_attends_to_itself() {
        let heads = heads(None);
        let qkv = numbers(3, TOKENS * 3 * heads.hidden());
        let (context, _) = run(&qkv, heads, Mask::NONE);
        assert_eq!(context[..heads.hidden()], qkv[2 * heads.hidden()..3 * heads.hidden()]);
    }

    /// Far longer than a block: each token against a plain loop over what it sees.
    #[test]
    fn a_token_sees_its_neighbours_only() {
        let (n, reach) = (90, 7);
        let heads = Heads { count: 1, width: 4, reach: Some(reach) };
        let qkv = numbers(5, n * 12);
        let (mut context, mut log_sum) = (vec![0.0; n * 4], vec![0.0; n]);
        let mut scratch = Scratch { scores: vec![f32::NAN; 1 << 14], ..Scratch::default() };
        forward(&qkv, &[n], heads, Mask::NONE, 0, &mut context, &mut log_sum, &mut scratch);
        let row = |token: usize, part: usize| &qkv[token * 12 + part * 4..][..4];
        for token in 0..n {
            let near: Vec<usize> = (0..n).filter(|it| it.abs_diff(token) <= reach).collect();
            let score = |it: &usize| {
                let dot: f32 = row(token, 0).iter().zip(row(*it, 1)).map(|(a, b)| a * b).sum();
                (dot / 2.0).exp()
            };
            let total: f32 = near.iter().map(score).sum();
            for column in 0..4 {
                let sum: f32 = near.iter().map(|it| score(it) * row(*it, 2)[column]).sum();
                let found = context[token * 4 + column];
                assert!((found - sum / total).abs() < 1e-5, "token {token}: {found}");
            }
        }
    }
}
