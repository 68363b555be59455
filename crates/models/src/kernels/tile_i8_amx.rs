//! The int8 micro-kernel on Intel's tile registers (AMX).
//!
//! The intrinsics are not stable in Rust, so the few instructions stand here as assembly. A tile
//! register holds 16 rows of 64 bytes; two by two of them make a tile of 32 rows.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::sync::OnceLock;

use super::PANEL;
use super::tile_i8::{ProductI8, TileI32};

/// Whether the processor has AMX for int8 and the kernel lets this process use it.
pub(super) fn is_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        // Bits 24 (AMX-TILE) and 25 (AMX-INT8) of EDX in leaf 7.
        let features = __cpuid_count(7, 0).edx;
        let present = features >> 24 & 1 == 1 && features >> 25 & 1 == 1;
        present && cfg!(target_os = "linux") && permission()
    })
}

/// Asks Linux for the tile state (`arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA)`); it holds for all
/// threads of the process.
fn permission() -> bool {
    const ARCH_PRCTL: u64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XTILEDATA: u64 = 18;
    let status: u64;
    // SAFETY: the call takes two numbers, touches no memory of ours and reports failure in rax;
    // the clobbers are those of the system call instruction.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => status,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    status == 0
}

/// The shape of the eight tile registers: palette 1, 64 bytes wide, so many rows.
#[repr(C, align(64))]
struct TileConfig([u8; 64]);

impl TileConfig {
    /// Registers 0 and 1 hold the sums of the upper rows, 2 and 3 of the lower ones, 4 and 5 the
    /// rows, 6 and 7 the panel.
    const fn new(upper: u8, lower: u8) -> Self {
        let mut bytes = [0; 64];
        bytes[0] = 1;
        let rows = [upper, upper, lower, lower, upper, lower, 16, 16];
        let mut tile = 0;
        while tile < 8 {
            bytes[16 + 2 * tile] = 64;
            bytes[48 + tile] = rows[tile];
            tile += 1;
        }
        Self(bytes)
    }
}

/// As [`super::tile_i8::multiply`], which has checked the slices and the depth.
pub(super) fn multiply(product: ProductI8<'_>, count: usize, tile: &mut TileI32) {
    if count > 16 {
        // SAFETY: `Isa::available` has found AMX and permission; the slices hold `count` rows of
        // `depth` bytes and a panel of `depth · 32` bytes, the tile 32 rows of 128 bytes.
        unsafe { two_by_two(product, &TileConfig::new(16, (count - 16) as u8), tile) }
    } else {
        // SAFETY: as above.
        unsafe { one_by_two(product, &TileConfig::new(count as u8, count as u8), tile) }
    }
}

/// # Safety
/// AMX is usable; rows, panel and tile are as long as [`multiply`] says.
unsafe fn two_by_two(product: ProductI8<'_>, config: &TileConfig, tile: &mut TileI32) {
    let rows = product.rows.as_ptr();
    // SAFETY: each step reads 64 bytes of up to 32 rows and 16 lines of 128 bytes of the panel,
    // `depth / 64` times; the stores fill the tile. The tile state is released at the end.
    unsafe {
        asm!(
            "ldtilecfg [{config}]",
            "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
            "2:",
            "tileloadd tmm6, [{panel} + {line}*1]",
            "tileloadd tmm4, [{upper} + {stride}*1]",
            "tdpbusd tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{panel} + {line}*1 + 64]",
            "tdpbusd tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{lower} + {stride}*1]",
            "tdpbusd tmm2, tmm5, tmm6",
            "tdpbusd tmm3, tmm5, tmm7",
            "add {upper}, 64", "add {lower}, 64", "add {panel}, 2048",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {line}*1], tmm0",
            "tilestored [{out} + {line}*1 + 64], tmm1",
            "tilestored [{out} + {line}*1 + 2048], tmm2",
            "tilestored [{out} + {line}*1 + 2112], tmm3",
            "tilerelease",
            config = in(reg) config.0.as_ptr(),
            upper = inout(reg) rows => _,
            lower = inout(reg) rows.add(16 * product.depth) => _,
            panel = inout(reg) product.panel.as_ptr() => _,
            stride = in(reg) product.depth,
            line = in(reg) 4 * PANEL,
            steps = inout(reg) product.depth / 64 => _,
            out = in(reg) tile.as_mut_ptr(),
            options(nostack),
        );
    }
}

/// # Safety
/// AMX is usable; rows, panel and tile are as long as [`multiply`] says.
unsafe fn one_by_two(product: ProductI8<'_>, config: &TileConfig, tile: &mut TileI32) {
    // SAFETY: as in `two_by_two`, with at most 16 rows.
    unsafe {
        asm!(
            "ldtilecfg [{config}]",
            "tilezero tmm0", "tilezero tmm1",
            "2:",
            "tileloadd tmm4, [{rows} + {stride}*1]",
            "tileloadd tmm6, [{panel} + {line}*1]",
            "tdpbusd tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{panel} + {line}*1 + 64]",
            "tdpbusd tmm1, tmm4, tmm7",
            "add {rows}, 64", "add {panel}, 2048",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {line}*1], tmm0",
            "tilestored [{out} + {line}*1 + 64], tmm1",
            "tilerelease",
            config = in(reg) config.0.as_ptr(),
            rows = inout(reg) product.rows.as_ptr() => _,
            panel = inout(reg) product.panel.as_ptr() => _,
            stride = in(reg) product.depth,
            line = in(reg) 4 * PANEL,
            steps = inout(reg) product.depth / 64 => _,
            out = in(reg) tile.as_mut_ptr(),
            options(nostack),
        );
    }
}
