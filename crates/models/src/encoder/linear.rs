//! A linear map of packed rows: `finish(x Wᵀ + b)`, with an optional low-rank change beside the
//! shared matrix.

use std::sync::Arc;

use super::panels::{ColumnScales, Panels};
use crate::kernels::finish::{Finish, dequantise, finish};
use crate::kernels::rows::quantise;
use crate::kernels::tile_f32::{self, ProductF32};
use crate::kernels::tile_i8::{self, ProductI8, TileI32};
use crate::kernels::{Isa, PANEL, TILE_ROWS_MAX};

/// A linear map.
#[derive(Debug)]
pub struct Linear {
    matrix: Arc<Panels>,
    /// Padded to whole panels; zeros if there is none.
    bias: Vec<f32>,
    change: Option<LowRank>,
}

/// `y += (x downᵀ) upᵀ`: an adapter that is not merged, because the matrix is shared.
#[derive(Debug)]
pub struct LowRank {
    pub down: Panels,
    pub up: Panels,
}

/// Memory that products need and that lives from one to the next.
#[derive(Debug, Default)]
pub struct LinearScratch {
    bytes: Vec<u8>,
    scales: Vec<f32>,
    lows: Vec<f32>,
    reduced: Vec<f32>,
}

impl Linear {
    /// A map; an empty bias means none.
    #[must_use]
    pub fn new(matrix: Arc<Panels>, bias: &[f32], change: Option<LowRank>) -> Self {
        let mut padded = vec![0.0; matrix.outputs.next_multiple_of(PANEL)];
        padded[..bias.len()].copy_from_slice(bias);
        Self { matrix, bias: padded, change }
    }

    /// Width of the result.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.matrix.outputs
    }

    /// Computes `count` rows: `input` is `count` rows of `inputs`, `out` of `outputs`.
    pub fn apply(
        &self,
        isa: Isa,
        input: &[f32],
        count: usize,
        what: Finish<'_>,
        scratch: &mut LinearScratch,
        out: &mut [f32],
    ) {
        let LinearScratch { bytes, scales, lows, reduced } = scratch;
        let outputs = self.matrix.outputs;
        if let Some(change) = &self.change {
            change.reduce(isa, input, count, reduced);
        }
        let complete = |at: At, tile: &mut [f32]| {
            if let Some(change) = &self.change {
                change.expand(isa, reduced, at, tile);
            }
            let columns = PANEL.min(outputs - at.panel * PANEL);
            let bias = &self.bias[at.panel * PANEL..];
            let place = at.row * outputs + at.panel * PANEL;
            finish(isa, tile, bias, columns, what, place, out, outputs);
        };
        let matrix = &*self.matrix;
        let Some(columns) = &matrix.quantisation else {
            f32_tiles(isa, matrix, input, count, complete);
            return;
        };
        let depth = matrix.depth();
        grow(bytes, count * depth);
        grow(scales, count);
        grow(lows, count);
        quantise(isa, &input[..count * matrix.inputs], matrix.inputs, bytes, depth, scales, lows);
        i8_tiles(isa, matrix, columns, Quantised { bytes, scales, lows }, count, complete);
    }
}

impl LowRank {
    /// `out = input downᵀ`: `count` rows as wide as the rank.
    fn reduce(&self, isa: Isa, input: &[f32], count: usize, out: &mut Vec<f32>) {
        let rank = self.down.outputs;
        grow(out, count * rank);
        f32_tiles(isa, &self.down, input, count, |at, tile| {
            let columns = PANEL.min(rank - at.panel * PANEL);
            let place = at.row * rank + at.panel * PANEL;
            finish(isa, tile, &[0.0; PANEL], columns, Finish::Plain, place, out, rank);
        });
    }

    /// Adds `reduced upᵀ` to a tile of the shared matrix's product.
    fn expand(&self, isa: Isa, reduced: &[f32], at: At, tile: &mut [f32]) {
        let rank = self.up.inputs;
        let panel = &self.up.f32()[at.panel * PANEL * rank..];
        let mut from = 0;
        while from < at.count {
            let count = tile_f32::tile_rows(isa).min(at.count - from);
            let rows = &reduced[(at.row + from) * rank..];
            let product =
                ProductF32 { rows, row_stride: rank, panel, panel_stride: PANEL, depth: rank };
            tile_f32::multiply(isa, product, count, &mut tile[from * PANEL..], true);
            from += count;
        }
    }
}

/// A tile of a product: a panel and some rows.
#[derive(Debug, Clone, Copy)]
struct At {
    panel: usize,
    row: usize,
    count: usize,
}

/// Visits every tile. The panel stays while the rows pass, so that weights are read once.
fn each_tile(outputs: usize, count: usize, tile_rows: usize, mut visit: impl FnMut(At)) {
    // Tiles of nearly equal height: a last tile of one row would cost as much as a full one.
    let tiles = count.div_ceil(tile_rows);
    for panel in 0..outputs.div_ceil(PANEL) {
        for tile in 0..tiles {
            let row = tile * count / tiles;
            visit(At { panel, row, count: (tile + 1) * count / tiles - row });
        }
    }
}

fn f32_tiles(
    isa: Isa,
    matrix: &Panels,
    input: &[f32],
    count: usize,
    mut complete: impl FnMut(At, &mut [f32]),
) {
    let depth = matrix.inputs;
    let panels = matrix.f32();
    let mut tile = [0.0; TILE_ROWS_MAX * PANEL];
    each_tile(matrix.outputs, count, tile_f32::tile_rows(isa), |at| {
        let product = ProductF32 {
            rows: &input[at.row * depth..],
            row_stride: depth,
            panel: &panels[at.panel * PANEL * depth..],
            panel_stride: PANEL,
            depth,
        };
        tile_f32::multiply(isa, product, at.count, &mut tile, false);
        complete(at, &mut tile[..at.count * PANEL]);
    });
}

/// Rows as bytes, with what the bytes of each row stand for.
#[derive(Debug, Clone, Copy)]
struct Quantised<'a> {
    bytes: &'a [u8],
    scales: &'a [f32],
    lows: &'a [f32],
}

fn i8_tiles(
    isa: Isa,
    matrix: &Panels,
    columns: &ColumnScales,
    input: Quantised<'_>,
    count: usize,
    mut complete: impl FnMut(At, &mut [f32]),
) {
    let depth = matrix.depth();
    let panels = matrix.i8();
    let mut sums: TileI32 = [0; TILE_ROWS_MAX * PANEL];
    let mut tile = [0.0; TILE_ROWS_MAX * PANEL];
    each_tile(matrix.outputs, count, tile_i8::tile_rows(isa), |at| {
        let panel = &panels[at.panel * PANEL * depth..];
        let product = ProductI8 { rows: &input.bytes[at.row * depth..], panel, depth };
        tile_i8::multiply(isa, product, at.count, &mut sums);
        let (scales, lows) = (&input.scales[at.row..], &input.lows[at.row..]);
        let from = at.panel * PANEL;
        let tile = &mut tile[..at.count * PANEL];
        let sums = &sums[..at.count * PANEL];
        dequantise(
            isa,
            sums,
            scales,
            lows,
            &columns.scales[from..],
            &columns.offsets[from..],
            tile,
        );
        complete(at, tile);
    });
}

/// Makes room without clearing what is there.
pub fn grow<T: Default + Clone>(buffer: &mut Vec<T>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, T::default());
    }
}
