//! A matrix packed once, when a model is loaded, in the order in which the kernels read it.
//!
//! The transposed weight is cut into panels of 32 columns (outputs); absent columns are zero.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::kernels::PANEL;
use crate::kernels::region::Region;
use crate::kernels::tile_i8::{DEPTH_MAX, DEPTH_STEP};

/// How weights are kept and multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As trained.
    F32,
    /// Weights as bytes with a scale per output, activations as bytes with a scale per row,
    /// chosen for each text (dynamic quantisation).
    Int8,
}

/// A packed matrix of `outputs` by `inputs`.
#[derive(Debug)]
pub struct Panels {
    pub outputs: usize,
    pub inputs: usize,
    region: Arc<Region>,
    range: Range<usize>,
    /// None in f32.
    pub quantisation: Option<ColumnScales>,
}

/// What the bytes of each output stand for, padded to whole panels.
#[derive(Debug)]
pub struct ColumnScales {
    pub scales: Vec<f32>,
    /// The scale times the sum of the bytes.
    pub offsets: Vec<f32>,
}

/// Packed, but not yet in its place in memory.
#[derive(Debug)]
pub struct Draft {
    outputs: usize,
    inputs: usize,
    bytes: Vec<u8>,
    quantisation: Option<ColumnScales>,
}

impl Draft {
    /// Packs a row-major matrix of `outputs` by `inputs`.
    #[must_use]
    pub fn new(weight: &[f32], inputs: usize, precision: Precision) -> Self {
        match precision {
            Precision::Int8 if inputs <= DEPTH_MAX => Self::int8(weight, inputs),
            _ => Self::f32(weight, inputs),
        }
    }

    fn f32(weight: &[f32], inputs: usize) -> Self {
        let outputs = weight.len() / inputs;
        let mut bytes = vec![0; outputs.div_ceil(PANEL) * PANEL * inputs * 4];
        for (output, row) in weight.chunks_exact(inputs).enumerate() {
            let from = (output / PANEL) * PANEL * inputs + output % PANEL;
            for (input, value) in row.iter().enumerate() {
                let at = (from + input * PANEL) * 4;
                bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
            }
        }
        Self { outputs, inputs, bytes, quantisation: None }
    }

    fn int8(weight: &[f32], inputs: usize) -> Self {
        let outputs = weight.len() / inputs;
        let depth = inputs.next_multiple_of(DEPTH_STEP);
        let columns = outputs.next_multiple_of(PANEL);
        let mut bytes = vec![0; columns * depth];
        let (mut scales, mut offsets) = (vec![0.0; columns], vec![0.0; columns]);
        for (output, row) in weight.chunks_exact(inputs).enumerate() {
            let largest = row.iter().fold(0.0f32, |max, value| max.max(value.abs()));
            let scale = largest / 127.0;
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            let from = (output / PANEL) * PANEL * depth + (output % PANEL) * 4;
            let mut sum = 0i32;
            for (input, value) in row.iter().enumerate() {
                let byte = (value * inverse).round_ties_even().clamp(-127.0, 127.0) as i8;
                bytes[from + (input / 4) * 4 * PANEL + input % 4] = byte as u8;
                sum += i32::from(byte);
            }
            scales[output] = scale;
            offsets[output] = scale * sum as f32;
        }
        Self { outputs, inputs, bytes, quantisation: Some(ColumnScales { scales, offsets }) }
    }
}

/// Puts all matrices of a model behind each other in one region, so that they share huge pages.
///
/// # Errors
/// When the system has no memory left.
pub fn settle(drafts: Vec<Draft>) -> io::Result<Vec<Panels>> {
    const LINE: usize = 64;
    // The kernels prefetch beyond the end of a panel, never read there.
    let total: usize = drafts.iter().map(|draft| draft.bytes.len().next_multiple_of(LINE)).sum();
    let mut region = Region::new(total)?;
    let mut ranges = Vec::with_capacity(drafts.len());
    let mut from = 0;
    for draft in &drafts {
        let range = from..from + draft.bytes.len();
        region.bytes_mut(range.clone()).copy_from_slice(&draft.bytes);
        from = range.end.next_multiple_of(LINE);
        ranges.push(range);
    }
    let region = Arc::new(region);
    let place = |(draft, range): (Draft, Range<usize>)| Panels {
        outputs: draft.outputs,
        inputs: draft.inputs,
        region: Arc::clone(&region),
        range,
        quantisation: draft.quantisation,
    };
    Ok(drafts.into_iter().zip(ranges).map(place).collect())
}

impl Panels {
    /// Depth of the packed matrix: `inputs`, padded for int8.
    #[must_use]
    pub fn depth(&self) -> usize {
        if self.quantisation.is_some() {
            self.inputs.next_multiple_of(DEPTH_STEP)
        } else {
            self.inputs
        }
    }

    /// How the matrix is kept.
    #[must_use]
    pub fn precision(&self) -> Precision {
        if self.quantisation.is_some() { Precision::Int8 } else { Precision::F32 }
    }

    /// All panels of an f32 matrix.
    #[must_use]
    pub fn f32(&self) -> &[f32] {
        self.region.f32(self.range.clone())
    }

    /// All panels of an int8 matrix.
    #[must_use]
    pub fn i8(&self) -> &[i8] {
        self.region.i8(self.range.clone())
    }
}
