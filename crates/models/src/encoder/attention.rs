//! Self-attention over packed sequences, one head at a time, without copying queries or values.
//!
//! Queries, keys and values lie side by side in one matrix. Keys are transposed into panels for
//! the micro-kernel; the rows of values are a panel already. The scores of a few queries at a
//! time stay in the first cache (the idea of Dao et al. 2022, without its online softmax: rows
//! are short enough to be whole).

use super::linear::grow;
use crate::config::LayerAttention;
use crate::kernels::finish::scale_rows;
use crate::kernels::rows::{softmax, transpose_keys};
use crate::kernels::tile_f32::{ProductF32, multiply, tile_rows};
use crate::kernels::{Isa, PANEL, TILE_ROWS_MAX};

/// The kernels read whole panels; the matrix of queries, keys and values has so many numbers
/// more at its end, which are never used.
pub const SLACK: usize = PANEL;

/// Widths that attention needs.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    pub hidden: usize,
    pub count: usize,
    pub width: usize,
}

/// Memory that lives from one call to the next.
#[derive(Debug, Default)]
pub struct AttentionScratch {
    keys: Vec<f32>,
    scores: Vec<f32>,
}

/// Attention of one sequence of `length` tokens.
///
/// `projected` has rows of queries, keys and values (`3 · hidden`) and [`SLACK`] numbers more;
/// `out` has rows of `hidden`.
pub fn attend(
    isa: Isa,
    heads: Heads,
    attention: LayerAttention,
    projected: &[f32],
    length: usize,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    let panels = length.div_ceil(PANEL);
    grow(&mut scratch.keys, panels * PANEL * heads.width);
    grow(&mut scratch.scores, TILE_ROWS_MAX * panels * PANEL);
    for head in 0..heads.count {
        let keys = &mut scratch.keys[..panels * PANEL * heads.width];
        let from = heads.hidden + head * heads.width;
        transpose_keys(isa, &projected[from..], 3 * heads.hidden, heads.width, length, keys);
        let view = Head { heads, head, attention, projected, keys, length };
        let tiles = length.div_ceil(tile_rows(isa));
        for tile in 0..tiles {
            let (first, end) = (tile * length / tiles, (tile + 1) * length / tiles);
            view.some_queries(isa, first, end - first, &mut scratch.scores, out);
        }
    }
}

/// One head of one sequence.
struct Head<'a> {
    heads: Heads,
    head: usize,
    attention: LayerAttention,
    projected: &'a [f32],
    keys: &'a [f32],
    length: usize,
}

impl Head<'_> {
    /// The keys that a query sees.
    fn seen(&self, query: usize) -> (usize, usize) {
        match self.attention.reach {
            None => (0, self.length),
            Some(reach) => (query.saturating_sub(reach), (query + reach + 1).min(self.length)),
        }
    }

    fn some_queries(
        &self,
        isa: Isa,
        first: usize,
        count: usize,
        scores: &mut [f32],
        out: &mut [f32],
    ) {
        let Heads { hidden, width, .. } = self.heads;
        // Whole panels of keys that at least one of the queries sees.
        let from_panel = self.seen(first).0 / PANEL;
        let to = self.seen(first + count - 1).1;
        let span = (to.div_ceil(PANEL) - from_panel) * PANEL;
        let from = from_panel * PANEL;
        let mut tile = [0.0; TILE_ROWS_MAX * PANEL];
        for panel in 0..span / PANEL {
            let product = ProductF32 {
                rows: &self.projected[first * 3 * hidden + self.head * width..],
                row_stride: 3 * hidden,
                panel: &self.keys[(from_panel + panel) * PANEL * width..],
                panel_stride: PANEL,
                depth: width,
            };
            multiply(isa, product, count, &mut tile, false);
            for (row, tile) in tile.chunks_exact(PANEL).take(count).enumerate() {
                scores[row * span + panel * PANEL..][..PANEL].copy_from_slice(tile);
            }
        }
        let scale = 1.0 / (width as f32).sqrt();
        let mut factors = [0.0; TILE_ROWS_MAX];
        for (row, scores) in scores.chunks_exact_mut(span).take(count).enumerate() {
            let (low, high) = self.seen(first + row);
            factors[row] = softmax(isa, scores, low - from, high - from, scale);
        }
        for column in (0..width).step_by(PANEL) {
            let values = from * 3 * hidden + 2 * hidden + self.head * width + column;
            let product = ProductF32 {
                rows: scores,
                row_stride: span,
                panel: &self.projected[values..],
                panel_stride: 3 * hidden,
                depth: to - from,
            };
            multiply(isa, product, count, &mut tile, false);
            let at = first * hidden + self.head * width + column;
            let columns = PANEL.min(width - column);
            scale_rows(isa, &tile, &factors[..count], columns, at, out, hidden);
        }
    }
}
