//! Memory for packed weights: aligned to cache lines, on huge pages where the system has them.
//!
//! A single query reads every weight once; with ordinary pages much of that time goes into
//! translating addresses.

use std::io;
use std::ops::Range;

use memmap2::MmapMut;

/// Zeroed memory of its own pages. Shared read-only once it is filled.
#[derive(Debug)]
pub struct Region {
    map: MmapMut,
}

impl Region {
    /// At least `bytes` zeroed bytes.
    ///
    /// # Errors
    /// When the system has no such memory.
    pub fn new(bytes: usize) -> io::Result<Self> {
        let map = MmapMut::map_anon(bytes.max(1))?;
        // Advice: without it everything still works.
        #[cfg(target_os = "linux")]
        drop(map.advise(memmap2::Advice::HugePage));
        Ok(Self { map })
    }

    /// The bytes at `range`.
    pub fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self.map[range]
    }

    /// The numbers at a range of bytes that begins at a multiple of four.
    #[must_use]
    pub fn f32(&self, range: Range<usize>) -> &[f32] {
        // SAFETY: any four bytes are an f32.
        let (before, numbers, after) = unsafe { self.map[range].align_to::<f32>() };
        assert!(before.is_empty() && after.is_empty(), "the range is aligned");
        numbers
    }

    /// The signed bytes at a range.
    #[must_use]
    pub fn i8(&self, range: Range<usize>) -> &[i8] {
        // SAFETY: any byte is an i8.
        let (_, bytes, _) = unsafe { self.map[range].align_to::<i8>() };
        bytes
    }
}
