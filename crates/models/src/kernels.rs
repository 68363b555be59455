//! Arithmetic on slices, compiled for several instruction sets and chosen at run time.
//!
//! Every sum has a fixed order that does not depend on how many rows are computed together, so a
//! text has the same bits whatever batch it travels in. The f32 kernels use the same fused
//! multiply-adds in the same order on every instruction set; the int8 kernels are exact. All
//! `unsafe` arithmetic of the crate is below this module. Nothing here allocates.

#[macro_use]
mod dispatch;
pub mod elementwise;
pub mod finish;
pub mod region;
pub mod rows;
pub mod tile_f32;
pub mod tile_i8;
#[cfg(target_arch = "x86_64")]
mod tile_i8_amx;

/// Columns of a panel: weights are stored as panels of this width.
pub const PANEL: usize = 32;

/// The most rows that a tile has on any instruction set.
pub const TILE_ROWS_MAX: usize = 32;

/// The instruction sets for which kernels are compiled, slowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain code, for any processor.
    Portable,
    /// AVX2 and FMA: x86 since 2013.
    Avx2,
    /// AVX-512 with VNNI: servers since 2019 (Cascade Lake), AMD since Zen 4.
    Avx512,
    /// The same with AMX for int8: Intel servers since 2023 (Sapphire Rapids).
    Amx,
}

impl Isa {
    /// All instruction sets that this processor has, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let all = [Self::Portable, Self::Avx2, Self::Avx512, Self::Amx];
        all.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The fastest instruction set that this processor has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni");
            match self {
                Self::Portable => true,
                Self::Avx2 => avx2,
                Self::Avx512 => avx512,
                Self::Amx => avx512 && tile_i8_amx::is_available(),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Self::Portable
        }
    }
}
