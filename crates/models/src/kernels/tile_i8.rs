//! The int8 micro-kernel: a few rows of bytes times one panel of 32 columns of signed bytes.
//!
//! Sums are exact 32-bit integers, so every instruction set gives the same. A panel holds, for
//! each group of four values of `k`, 32 columns of four bytes: the layout of VNNI and of AMX.

use super::{Isa, PANEL, TILE_ROWS_MAX};

/// The sums of one tile: `TILE_ROWS_MAX` rows of `PANEL` columns.
pub type TileI32 = [i32; TILE_ROWS_MAX * PANEL];

/// Values of `k` are padded to a multiple of this, the width of an AMX tile.
pub const DEPTH_STEP: usize = 64;

/// The largest depth whose sums cannot overflow: 2³¹ / (255 · 127), rounded down.
pub const DEPTH_MAX: usize = 66_304;

/// Rows and panel of one product. `depth` is a multiple of [`DEPTH_STEP`].
#[derive(Debug, Clone, Copy)]
pub struct ProductI8<'a> {
    /// `depth` bytes each.
    pub rows: &'a [u8],
    pub panel: &'a [i8],
    pub depth: usize,
}

/// How many rows a tile has at most, for the register file of the instruction set.
#[must_use]
pub const fn tile_rows(isa: Isa) -> usize {
    match isa {
        Isa::Portable => 4,
        Isa::Avx2 => 6,
        Isa::Avx512 => 14,
        Isa::Amx => 32,
    }
}

/// Computes `count` rows of the product into the tile.
///
/// # Panics
/// When a slice is too short or the depth is not allowed.
pub fn multiply(isa: Isa, product: ProductI8<'_>, count: usize, tile: &mut TileI32) {
    let depth = product.depth;
    assert!((1..=TILE_ROWS_MAX).contains(&count), "a tile has 1 to {TILE_ROWS_MAX} rows");
    assert!(depth.is_multiple_of(DEPTH_STEP) && depth <= DEPTH_MAX, "depth {depth} is not allowed");
    assert!(product.rows.len() >= count * depth, "rows are missing");
    assert!(product.panel.len() >= depth * PANEL, "the panel is too short");
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Amx => super::tile_i8_amx::multiply(product, count, tile),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => x86::avx512(product, count, tile),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => x86::avx2(product, count, tile),
        _ => portable(product, count, tile),
    }
}

fn portable(product: ProductI8<'_>, count: usize, tile: &mut TileI32) {
    for (row, sums) in
        product.rows.chunks_exact(product.depth).zip(tile.chunks_exact_mut(PANEL)).take(count)
    {
        sums.fill(0);
        for (four, group) in row.chunks_exact(4).zip(product.panel.chunks_exact(4 * PANEL)) {
            for (sum, weights) in sums.iter_mut().zip(group.chunks_exact(4)) {
                for (&x, &w) in four.iter().zip(weights) {
                    *sum += i32::from(x) * i32::from(w);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_epi32,
        _mm256_cvtepi8_epi16, _mm256_hadd_epi32, _mm256_madd_epi16, _mm256_permute4x64_epi64,
        _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_storeu_si256, _mm512_dpbusd_epi32,
        _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
    };

    use super::{PANEL, ProductI8, TileI32};

    macro_rules! by_rows {
        ($kernel:ident, $product:expr, $count:expr, $tile:expr; $($rows:literal)*) => {
            match $count {
                // SAFETY: `super::multiply` has checked the slices, `Isa::available` the
                // processor.
                $($rows => unsafe { $kernel::<$rows>($product, $tile) },)*
                other => unreachable!("a tile of {other} rows"),
            }
        };
    }

    pub(super) fn avx512(product: ProductI8<'_>, count: usize, tile: &mut TileI32) {
        by_rows!(rows_512, product, count, tile; 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    }

    pub(super) fn avx2(product: ProductI8<'_>, count: usize, tile: &mut TileI32) {
        by_rows!(rows_256, product, count, tile; 1 2 3 4 5 6);
    }

    /// # Safety
    /// The processor has AVX-512 with VNNI; the slices hold `R` rows and the panel.
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn rows_512<const R: usize>(product: ProductI8<'_>, tile: &mut TileI32) {
        let mut sums = [[_mm512_setzero_si512(); 2]; R];
        // SAFETY: every address is within the slices: `i` counts groups of four, of which a row
        // has `depth / 4` and the panel as many of 128 bytes. Prefetching changes no memory.
        unsafe {
            let mut group = product.panel.as_ptr();
            let mut column = product.rows.as_ptr();
            for _ in 0..product.depth / 4 {
                _mm_prefetch::<_MM_HINT_T0>(group.wrapping_add(16 * 4 * PANEL));
                _mm_prefetch::<_MM_HINT_T0>(group.wrapping_add(16 * 4 * PANEL + 64));
                let low = _mm512_loadu_si512(group.cast());
                let high = _mm512_loadu_si512(group.add(64).cast());
                for r in 0..R {
                    let four = column.add(r * product.depth).cast::<i32>();
                    let four = _mm512_set1_epi32(four.read_unaligned());
                    sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], four, low);
                    sums[r][1] = _mm512_dpbusd_epi32(sums[r][1], four, high);
                }
                group = group.add(4 * PANEL);
                column = column.add(4);
            }
            for r in 0..R {
                let out = tile.as_mut_ptr().add(r * PANEL);
                _mm512_storeu_si512(out.cast(), sums[r][0]);
                _mm512_storeu_si512(out.add(16).cast(), sums[r][1]);
            }
        }
    }

    /// Widens to sixteen bits first: `pmaddubsw` would saturate.
    ///
    /// # Safety
    /// The processor has AVX2; the slices hold `R` rows and the panel.
    #[target_feature(enable = "avx2")]
    unsafe fn rows_256<const R: usize>(product: ProductI8<'_>, tile: &mut TileI32) {
        for eight in (0..PANEL).step_by(8) {
            let mut sums = [[_mm256_setzero_si256(); 2]; R];
            // SAFETY: as in `rows_512`; each step reads 32 bytes of a group and four of a row.
            unsafe {
                for i in 0..product.depth / 4 {
                    let group = product.panel.as_ptr().add(i * 4 * PANEL + eight * 4);
                    let low = _mm256_cvtepi8_epi16(_mm_loadu_si128(group.cast::<__m128i>()));
                    let high =
                        _mm256_cvtepi8_epi16(_mm_loadu_si128(group.add(16).cast::<__m128i>()));
                    for r in 0..R {
                        let four = product.rows.as_ptr().add(r * product.depth + 4 * i);
                        let four = four.cast::<[u8; 4]>().read();
                        let wide = four.map(u64::from);
                        let wide = wide[0] | wide[1] << 16 | wide[2] << 32 | wide[3] << 48;
                        let x = _mm256_set1_epi64x(wide as i64);
                        sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(x, low));
                        sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(x, high));
                    }
                }
                for r in 0..R {
                    // Each column is the sum of two neighbours; the permutation undoes the
                    // interleaving of the 128-bit halves.
                    let pairs = _mm256_hadd_epi32(sums[r][0], sums[r][1]);
                    let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(pairs);
                    let out = tile.as_mut_ptr().add(r * PANEL + eight);
                    _mm256_storeu_si256(out.cast::<__m256i>(), ordered);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(isa: Isa, rows: &[u8], panel: &[i8], depth: usize, count: usize) -> Vec<i32> {
        let mut out = Vec::new();
        let mut from = 0;
        while from < count {
            let rows_here = tile_rows(isa).min(count - from);
            let mut tile = [7; TILE_ROWS_MAX * PANEL];
            let product = ProductI8 { rows: &rows[from * depth..], panel, depth };
            multiply(isa, product, rows_here, &mut tile);
            out.extend_from_slice(&tile[..rows_here * PANEL]);
            from += rows_here;
        }
        out
    }

    #[test]
    fn every_instruction_set_gives_the_exact_integers() {
        for (depth, count) in [(64, 1), (64, 16), (128, 17), (192, 32), (1536, 33), (384, 70)] {
            let rows: Vec<u8> = (0..count * depth).map(|i| ((i * 7919) % 256) as u8).collect();
            let panel: Vec<i8> = (0..depth * PANEL).map(|i| ((i * 104_729) % 255) as i8).collect();
            let expected: Vec<i32> = (0..count * PANEL)
                .map(|at| {
                    let (row, column) = (at / PANEL, at % PANEL);
                    let term = |k: usize| {
                        let w = panel[(k / 4) * 4 * PANEL + column * 4 + k % 4];
                        i32::from(rows[row * depth + k]) * i32::from(w)
                    };
                    (0..depth).map(term).sum()
                })
                .collect();
            for isa in Isa::available() {
                assert_eq!(
                    compute(isa, &rows, &panel, depth, count),
                    expected,
                    "{isa:?} {depth} {count}"
                );
            }
        }
    }

    #[test]
    fn extremes_do_not_saturate() {
        let depth = 1024;
        for (byte, weight) in [(255u8, 127i8), (255, -128), (0, -128)] {
            let (rows, panel) = (vec![byte; depth], vec![weight; depth * PANEL]);
            let expected = vec![i32::from(byte) * i32::from(weight) * depth as i32; PANEL];
            for isa in Isa::available() {
                assert_eq!(compute(isa, &rows, &panel, depth, 1), expected, "{isa:?}");
            }
        }
    }
}
