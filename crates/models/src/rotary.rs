//! Rotary positions (Su et al. 2021): pairs of a query's or key's numbers turned by its position.
//!
//! A table of angles and the rotation, for inference and for training alike; which layers use
//! which base is the business of the configuration.

use crate::kernels::Isa;
use crate::kernels::rows::rotate;

/// Cosines and sines for each position, half a head's width of each.
#[derive(Debug, Clone, PartialEq)]
pub struct RotaryTable {
    pub base: f32,
    half: usize,
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

/// Which way to turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// By the angle of the position.
    Forth,
    /// By as much the other way: the inverse, and the gradient of turning forth.
    Back,
}

impl RotaryTable {
    /// The angles of `positions` positions for heads of `width`.
    #[must_use]
    pub fn new(base: f32, width: usize, positions: usize) -> Self {
        let half = width / 2;
        let angle = |at: usize| {
            let exponent = (2 * (at % half)) as f32 / width as f32;
            (at / half) as f32 * (1.0 / base.powf(exponent))
        };
        let angles: Vec<f32> = (0..positions * half).map(angle).collect();
        let cosines = angles.iter().map(|angle| angle.cos()).collect();
        let sines = angles.iter().map(|angle| angle.sin()).collect();
        Self { base, half, cosines, sines }
    }

    /// Turns the queries and keys of one sequence, whose rows are `3 · hidden` wide.
    pub fn turn(&self, isa: Isa, turn: Turn, hidden: usize, projected: &mut [f32]) {
        for (position, row) in projected.chunks_exact_mut(3 * hidden).enumerate() {
            let angles = position * self.half..(position + 1) * self.half;
            let (cosines, sines) = (&self.cosines[angles.clone()], &self.sines[angles]);
            for head in row[..2 * hidden].chunks_exact_mut(2 * self.half) {
                let (low, high) = head.split_at_mut(self.half);
                match turn {
                    Turn::Forth => rotate(isa, low, high, cosines, sines),
                    // With the axes exchanged the same turn goes the other way.
                    Turn::Back => rotate(isa, high, low, cosines, sines),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_back_undoes_turning_forth() {
        let table = RotaryTable::new(10_000.0, 6, 4);
        let before: Vec<f32> = (0..4 * 36).map(|i| ((i * 37) % 23) as f32 * 0.1 - 1.0).collect();
        for isa in Isa::available() {
            let mut rows = before.clone();
            table.turn(isa, Turn::Forth, 12, &mut rows);
            assert_ne!(rows, before);
            let values = |rows: &[f32]| [&rows[24..36], &rows[60..72]].concat();
            assert_eq!(values(&rows), values(&before), "values are never turned");
            table.turn(isa, Turn::Back, 12, &mut rows);
            assert!(rows.iter().zip(&before).all(|(a, b)| (a - b).abs() < 1e-6), "{isa:?}");
        }
    }
}
