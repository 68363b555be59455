//! The mean gain among the nearest labelled requests, by cosine, exactly.
//!
//! Plain nearest neighbours match or beat learned routers (arXiv 2505.12601); exact search over
//! tens of thousands of rows takes a few milliseconds and needs no index.

use super::algebra::{Matrix, Side, product};

/// Neighbours whose gains are averaged.
pub(super) const NEAREST: usize = 100;
/// The neighbour whose distance says how strange a request is.
pub(super) const STRANGE: usize = 10;
/// Requests that are compared at once: their cosines with all rows stay in the cache.
const BLOCK: usize = 32;

/// Labelled requests, embeddings scaled to length one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Neighbours {
    pub embeddings: Matrix<f32>,
    pub gains: Vec<f32>,
}

/// What the neighbours of one request say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    /// The mean gain of the [`NEAREST`], or of all if there are fewer.
    pub gain: f64,
    /// One minus the cosine to the [`STRANGE`]th.
    pub distance: f64,
}

impl Neighbours {
    /// The neighbours of each row of `queries`.
    pub fn near(&self, queries: &Matrix<f32>) -> Vec<Near> {
        self.search(queries, |_, _| true)
    }

    /// As [`Self::near`] for the labelled rows themselves, among rows of other folds.
    pub fn near_across(&self, fold_of: &[u8]) -> Vec<Near> {
        self.search(&self.embeddings, |query, row| fold_of[query] != fold_of[row])
    }

    fn search(&self, queries: &Matrix<f32>, counts: impl Fn(usize, usize) -> bool) -> Vec<Near> {
        let mut found = Vec::with_capacity(queries.rows());
        let mut candidates: Vec<(f32, u32)> = Vec::with_capacity(self.gains.len());
        for (block, rows) in queries.data.chunks(BLOCK * queries.width).enumerate() {
            let rows = Matrix::new(queries.width, rows.to_vec());
            let cosines = product(&rows, Side::AsIs, &self.embeddings, Side::Transposed);
            for (place, cosines) in cosines.data.chunks_exact(self.gains.len()).enumerate() {
                let query = block * BLOCK + place;
                candidates.clear();
                let listed = (0u32..).zip(cosines).filter(|(row, _)| counts(query, *row as usize));
                candidates.extend(listed.map(|(row, &cosine)| (cosine, row)));
                found.push(self.among(&mut candidates));
            }
        }
        found
    }

    fn among(&self, candidates: &mut [(f32, u32)]) -> Near {
        // Ties go to the row that came first, so that the answer does not depend on the search.
        let nearer = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        let nearest = if candidates.len() > NEAREST {
            candidates.select_nth_unstable_by(NEAREST - 1, nearer).0.len() + 1
        } else {
            candidates.len()
        };
        let nearest = &mut candidates[..nearest];
        nearest.sort_unstable_by(nearer);
        let sum: f64 = nearest.iter().map(|it| f64::from(self.gains[it.1 as usize])).sum();
        let at = STRANGE.min(nearest.len()).max(1) - 1;
        let cosine = nearest.get(at).map_or(-1.0, |it| it.0);
        Near { gain: sum / nearest.len().max(1) as f64, distance: 1.0 - f64::from(cosine) }
    }
}

/// Scaled to length one; zero stays zero.
pub(super) fn unit(embedding: &[f32]) -> impl Iterator<Item = f32> {
    let square: f64 = embedding.iter().map(|&it| f64::from(it) * f64::from(it)).sum();
    let factor = if square > 0.0 { square.sqrt().recip() } else { 0.0 };
    embedding.iter().map(move |&it| (f64::from(it) * factor) as f32)
}
