//! The f32 micro-kernel: a few rows times one panel of 32 columns.
//!
//! Each sum runs over `k` in order with one fused multiply-add per term, so its bits depend
//! neither on the instruction set nor on the rows computed beside it. The method is Goto's and
//! Van de Geijn's (2008), with rows read in place: they are few and stay in the first cache.

use super::{Isa, PANEL, TILE_ROWS_MAX};

/// Rows and panel of one product. Row `r` begins at `rows[r · row_stride]`, line `i` of the panel
/// at `panel[i · panel_stride]`.
#[derive(Debug, Clone, Copy)]
pub struct ProductF32<'a> {
    pub rows: &'a [f32],
    pub row_stride: usize,
    pub panel: &'a [f32],
    pub panel_stride: usize,
    pub depth: usize,
}

impl ProductF32<'_> {
    fn check(&self, count: usize) {
        assert!((1..=TILE_ROWS_MAX).contains(&count), "a tile has 1 to {TILE_ROWS_MAX} rows");
        assert!(self.rows.len() >= (count - 1) * self.row_stride + self.depth, "rows are missing");
        let panel = (self.depth.max(1) - 1) * self.panel_stride + PANEL;
        assert!(self.depth == 0 || self.panel.len() >= panel, "the panel is too short");
    }
}

/// How many rows a tile has at most, for the register file of the instruction set.
#[must_use]
pub const fn tile_rows(isa: Isa) -> usize {
    match isa {
        Isa::Portable => 4,
        Isa::Avx2 => 6,
        Isa::Avx512 | Isa::Amx => 14,
    }
}

/// Computes `count` rows of the product into the tile; with `resume`, on top of what it holds.
///
/// # Panics
/// When a slice is too short.
pub fn multiply(isa: Isa, product: ProductF32<'_>, count: usize, tile: &mut [f32], resume: bool) {
    product.check(count);
    assert!(tile.len() >= count * PANEL, "the tile is too small");
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Amx => x86::avx512(product, count, tile, resume),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => x86::avx2(product, count, tile, resume),
        _ => portable(product, count, tile, resume),
    }
}

fn portable(product: ProductF32<'_>, count: usize, tile: &mut [f32], resume: bool) {
    for (row, sums) in tile.chunks_exact_mut(PANEL).take(count).enumerate() {
        if !resume {
            sums.fill(0.0);
        }
        let row = &product.rows[row * product.row_stride..][..product.depth];
        for (i, &x) in row.iter().enumerate() {
            let line = &product.panel[i * product.panel_stride..][..PANEL];
            for (sum, &w) in sums.iter_mut().zip(line) {
                *sum = x.mul_add(w, *sum);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _MM_HINT_T0, _mm_prefetch, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_setzero_ps, _mm256_storeu_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps,
        _mm512_setzero_ps, _mm512_storeu_ps,
    };

    use super::{PANEL, ProductF32};

    /// How far ahead of its use a line of the panel is asked for, in lines of 128 bytes.
    const AHEAD: usize = 16;

    macro_rules! by_rows {
        ($kernel:ident, $product:expr, $count:expr, $tile:expr, $resume:expr; $($rows:literal)*) => {
            match $count {
                // SAFETY: the caller has checked the slices (`ProductF32::check`) and the
                // processor (`Isa::available`).
                $($rows => unsafe { $kernel::<$rows>($product, $tile, $resume) },)*
                other => unreachable!("a tile of {other} rows"),
            }
        };
    }

    pub(super) fn avx512(product: ProductF32<'_>, count: usize, tile: &mut [f32], resume: bool) {
        by_rows!(rows_512, product, count, tile, resume; 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    }

    pub(super) fn avx2(product: ProductF32<'_>, count: usize, tile: &mut [f32], resume: bool) {
        by_rows!(rows_256, product, count, tile, resume; 1 2 3 4 5 6);
    }

    /// # Safety
    /// The processor has AVX-512F and the slices hold `R` rows and `depth` lines.
    #[target_feature(enable = "avx512f")]
    unsafe fn rows_512<const R: usize>(product: ProductF32<'_>, tile: &mut [f32], resume: bool) {
        let out = tile.as_mut_ptr();
        let mut sums = [[_mm512_setzero_ps(); 2]; R];
        // SAFETY: every address is within the slices: `i < depth`, `r < R`, and a line has
        // `PANEL` numbers. Prefetching has no effect on memory.
        unsafe {
            if resume {
                for r in 0..R {
                    sums[r] = [
                        _mm512_loadu_ps(out.add(r * PANEL)),
                        _mm512_loadu_ps(out.add(r * PANEL + 16)),
                    ];
                }
            }
            let mut line = product.panel.as_ptr();
            let mut column = product.rows.as_ptr();
            let stride = product.row_stride;
            for _ in 0..product.depth {
                _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(AHEAD * PANEL).cast());
                _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(AHEAD * PANEL + 16).cast());
                let (low, high) = (_mm512_loadu_ps(line), _mm512_loadu_ps(line.add(16)));
                for r in 0..R {
                    let x = _mm512_set1_ps(*column.add(r * stride));
                    sums[r][0] = _mm512_fmadd_ps(x, low, sums[r][0]);
                    sums[r][1] = _mm512_fmadd_ps(x, high, sums[r][1]);
                }
                line = line.wrapping_add(product.panel_stride);
                column = column.add(1);
            }
            for r in 0..R {
                _mm512_storeu_ps(out.add(r * PANEL), sums[r][0]);
                _mm512_storeu_ps(out.add(r * PANEL + 16), sums[r][1]);
            }
        }
    }

    /// # Safety
    /// The processor has AVX2 and FMA and the slices hold `R` rows and `depth` lines.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn rows_256<const R: usize>(product: ProductF32<'_>, tile: &mut [f32], resume: bool) {
        for half in [0, PANEL / 2] {
            let mut sums = [[_mm256_setzero_ps(); 2]; R];
            // SAFETY: every address is within the slices: `i < depth`, `r < R`, and each half of
            // a line has 16 numbers.
            unsafe {
                let out = tile.as_mut_ptr().add(half);
                if resume {
                    for r in 0..R {
                        let at = out.add(r * PANEL);
                        sums[r] = [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))];
                    }
                }
                for i in 0..product.depth {
                    let line = product.panel.as_ptr().add(i * product.panel_stride + half);
                    let (low, high) = (_mm256_loadu_ps(line), _mm256_loadu_ps(line.add(8)));
                    for r in 0..R {
                        let x = &*product.rows.as_ptr().add(r * product.row_stride + i);
                        let x = _mm256_broadcast_ss(x);
                        sums[r][0] = _mm256_fmadd_ps(x, low, sums[r][0]);
                        sums[r][1] = _mm256_fmadd_ps(x, high, sums[r][1]);
                    }
                }
                for r in 0..R {
                    _mm256_storeu_ps(out.add(r * PANEL), sums[r][0]);
                    _mm256_storeu_ps(out.add(r * PANEL + 8), sums[r][1]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + seed) % 2003) as f32 * 1e-3 - 1.0).collect()
    }

    fn compute(isa: Isa, rows: &[f32], panel: &[f32], depth: usize, count: usize) -> Vec<f32> {
        let mut out = Vec::new();
        let mut from = 0;
        while from < count {
            let rows_here = tile_rows(isa).min(count - from);
            let mut tile = [7.0; TILE_ROWS_MAX * PANEL];
            // In two parts, as an adapter continues where the base ends.
            let cut = depth / 3;
            let rows = &rows[from * depth..];
            let first =
                ProductF32 { rows, row_stride: depth, panel, panel_stride: PANEL, depth: cut };
            multiply(isa, first, rows_here, &mut tile, false);
            let second = ProductF32 {
                rows: &rows[cut..],
                panel: &panel[cut * PANEL..],
                depth: depth - cut,
                ..first
            };
            multiply(isa, second, rows_here, &mut tile, true);
            out.extend_from_slice(&tile[..rows_here * PANEL]);
            from += rows_here;
        }
        out
    }

    #[test]
    fn every_instruction_set_and_every_height_give_the_same_bits() {
        for (depth, count) in [(1, 1), (5, 3), (32, 14), (37, 15), (64, 29), (130, 6)] {
            let (rows, panel) = (numbers(count * depth, 1), numbers(depth * PANEL, 5));
            let expected = compute(Isa::Portable, &rows, &panel, depth, count);
            for isa in Isa::available() {
                assert_eq!(
                    compute(isa, &rows, &panel, depth, count),
                    expected,
                    "{isa:?} {depth} {count}"
                );
            }
            let exact: f64 =
                (0..depth).map(|i| f64::from(rows[i]) * f64::from(panel[i * PANEL + 3])).sum();
            assert!((f64::from(expected[3]) - exact).abs() < 1e-4);
        }
    }

    #[test]
    #[should_panic(expected = "panel is too short")]
    fn a_short_panel_is_refused() {
        let mut tile = [0.0; TILE_ROWS_MAX * PANEL];
        let product = ProductF32 {
            rows: &[1.0; 8],
            row_stride: 8,
            panel: &[1.0; 128],
            panel_stride: 32,
            depth: 8,
        };
        multiply(Isa::best(), product, 1, &mut tile, false);
    }
}
