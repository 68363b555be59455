//! What happens to a tile while it is still in the first cache: scale, bias, activation, residual.

use super::PANEL;
use crate::head::Activation;

/// What becomes of the sums of a product.
#[derive(Debug, Clone, Copy)]
pub enum Finish<'a> {
    /// They are the result.
    Plain,
    /// Each goes through a function.
    Activate(Activation),
    /// The same place of this matrix, as wide as the result, is added.
    AddTo(&'a [f32]),
}

vectorised! {
    /// Turns exact sums of quantised numbers into what they stand for: with `x ≈ scale·q + low`
    /// per row and `w = weight_scale·p` per column, `Σxw = weight_scale·(scale·Σqp + low·Σp)`.
    /// `offsets` holds `weight_scale·Σp`.
    pub fn dequantise(sums: &[i32], scales: &[f32], lows: &[f32], weight_scales: &[f32], offsets: &[f32], out: &mut [f32]) {
        let each = sums.chunks_exact(PANEL).zip(out.chunks_exact_mut(PANEL)).zip(scales).zip(lows);
        let (weight_scales, offsets) = (&weight_scales[..PANEL], &offsets[..PANEL]);
        for (((sums, out), scale), low) in each {
            for i in 0..PANEL {
                let offset = *low * offsets[i];
                out[i] = (sums[i] as f32).mul_add(*scale * weight_scales[i], offset);
            }
        }
    }

    /// Adds the bias, finishes, and writes the first `columns` of each row of the tile to `out`,
    /// whose rows are `stride` apart.
    pub fn finish(tile: &mut [f32], bias: &[f32], columns: usize, what: Finish<'_>, at: usize, out: &mut [f32], stride: usize) {
        let bias = &bias[..PANEL];
        for (row, tile) in tile.chunks_exact_mut(PANEL).enumerate() {
            for i in 0..PANEL {
                tile[i] += bias[i];
            }
            let place = at + row * stride..at + row * stride + columns;
            match what {
                Finish::Plain => {}
                Finish::Activate(Activation::Gelu) => {
                    for x in tile.iter_mut() {
                        *x = super::elementwise::gelu(*x);
                    }
                }
                Finish::Activate(activation) => super::elementwise::activate_inline(activation, tile),
                Finish::AddTo(residual) => {
                    for (x, residual) in tile.iter_mut().zip(&residual[place.clone()]) {
                        *x += *residual;
                    }
                }
            }
            out[place].copy_from_slice(&tile[..columns]);
        }
    }

    /// Writes `tile · factor[row]` to rows of `out` that are `stride` apart.
    pub fn scale_rows(tile: &[f32], factors: &[f32], columns: usize, at: usize, out: &mut [f32], stride: usize) {
        for (row, (tile, factor)) in tile.chunks_exact(PANEL).zip(factors).enumerate() {
            let place = at + row * stride..at + row * stride + columns;
            for (out, x) in out[place].iter_mut().zip(tile) {
                *out = *x * *factor;
            }
        }
    }
}
