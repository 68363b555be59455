//! A normal distribution around each label's mean, with one covariance for all: the geometry
//! behind both Mahalanobis detectors.
//!
//! Embeddings are scaled to length one first. The covariance is drawn towards a sphere by the
//! amount that minimises its expected error (Ledoit and Wolf 2004), since there may be fewer
//! examples than dimensions.

use std::sync::Arc;

use freehold_vocabulary::LabelMode;
use rayon::prelude::*;

use super::file::TensorsRead;
use crate::Observation;

/// Wider embeddings would make the file too large.
const WIDTH_MAX: usize = 1024;
/// Examples behind the covariance: more change little and cost time.
const EXAMPLES_MAX: usize = 8192;

/// Distances in units of the spread: whitened around a common mean.
#[derive(Debug)]
pub(super) struct Gaussian {
    width: usize,
    mean: Vec<f32>,
    /// L⁻ᵀ of the covariance L Lᵀ, row by row: row j says what number j adds to each output.
    whitener: Vec<f32>,
    /// Whitened centres, one column each.
    centres: Vec<f32>,
    count: usize,
    /// The squared length of each centre.
    squares: Vec<f32>,
}

/// Scaled to length one; zero stays zero.
pub(super) fn unit(embedding: &[f32]) -> Vec<f32> {
    let square: f64 = embedding.iter().map(|&it| f64::from(it) * f64::from(it)).sum();
    let factor = if square > 0.0 { square.sqrt().recip() } else { 0.0 };
    embedding.iter().map(|&it| (f64::from(it) * factor) as f32).collect()
}

/// The distribution within labels and the distribution of all.
#[derive(Debug)]
pub(super) struct Geometry {
    pub within: Arc<Gaussian>,
    pub total: Arc<Gaussian>,
}

/// Fits both. `None` when there are no embeddings, they do not vary, or they are too wide. In
/// multi-label tasks all examples form one group.
pub(super) fn fit(mode: LabelMode, observations: &[&Observation]) -> Option<Geometry> {
    let width = observations.first()?.scored.embedding.len();
    if width == 0 || width > WIDTH_MAX {
        return None;
    }
    let stride = observations.len().div_ceil(EXAMPLES_MAX);
    let chosen: Vec<&Observation> = observations.iter().step_by(stride).copied().collect();
    let rows: Vec<Vec<f64>> = chosen
        .par_iter()
        .map(|it| unit(&it.scored.embedding).into_iter().map(f64::from).collect())
        .collect();
    let group = |it: &&Observation| if mode == LabelMode::Single { it.gold[0] } else { 0 };
    let groups: Vec<u32> = chosen.iter().map(group).collect();
    let mean = mean_of(rows.iter(), width);
    let (centres, counts) = centres_of(&rows, &groups, width);
    let centre = |group: u32| centres[group as usize].as_ref();
    let own = rows.iter().zip(&groups).map(|(row, &group)| minus(row, centre(group)));
    let own: Vec<Vec<f64>> = own.collect();
    let all: Vec<Vec<f64>> = rows.iter().map(|row| minus(row, Some(&mean))).collect();
    let spread = covariance(&own, width);
    // The total spread is the one within groups and the one of their centres.
    let mut total = spread.clone();
    for (centre, count) in centres.iter().zip(counts) {
        if let Some(centre) = centre {
            let offset = minus(centre, Some(&mean));
            add_product(&mut total, &offset, count as f64 / rows.len() as f64);
        }
    }
    let present: Vec<Vec<f64>> = centres.into_iter().flatten().collect();
    let within = Gaussian::new(&mean, &present, &shrink(spread, &own)?)?;
    let total = Gaussian::new(&mean, std::slice::from_ref(&mean), &shrink(total, &all)?)?;
    Some(Geometry { within: Arc::new(within), total: Arc::new(total) })
}

fn mean_of<'a>(rows: impl Iterator<Item = &'a Vec<f64>>, width: usize) -> Vec<f64> {
    let (mut sum, mut count) = (vec![0.0; width], 0.0f64);
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, it)| *sum += it);
        count += 1.0;
    }
    sum.into_iter().map(|it| it / count).collect()
}

/// The mean of each group and its size; none for numbers without examples.
fn centres_of(
    rows: &[Vec<f64>],
    groups: &[u32],
    width: usize,
) -> (Vec<Option<Vec<f64>>>, Vec<usize>) {
    let count = groups.iter().max().map_or(0, |it| *it as usize + 1);
    let mut members = vec![Vec::new(); count];
    rows.iter().zip(groups).for_each(|(row, &group)| members[group as usize].push(row));
    let counts = members.iter().map(Vec::len).collect();
    let centre =
        |rows: Vec<&Vec<f64>>| (!rows.is_empty()).then(|| mean_of(rows.into_iter(), width));
    (members.into_iter().map(centre).collect(), counts)
}

fn minus(row: &[f64], centre: Option<&Vec<f64>>) -> Vec<f64> {
    let centre = centre.expect("every row's own group has a centre");
    row.iter().zip(centre).map(|(a, b)| a - b).collect()
}

/// The covariance of centred rows.
fn covariance(rows: &[Vec<f64>], width: usize) -> Vec<f64> {
    let n = rows.len() as f64;
    // The upper half of one line; every line is summed by one thread, in order.
    let half_line = |i: usize| -> Vec<f64> {
        let mut sums = vec![0.0; width - i];
        for row in rows {
            let value = row[i];
            sums.iter_mut().zip(&row[i..]).for_each(|(sum, it)| *sum += value * it);
        }
        sums
    };
    let halves: Vec<Vec<f64>> = (0..width).into_par_iter().map(half_line).collect();
    let at = |i: usize, j: usize| halves[i.min(j)][i.abs_diff(j)] / n;
    (0..width * width).map(|it| at(it / width, it % width)).collect()
}

/// Adds weight · offset · offsetᵀ.
fn add_product(matrix: &mut [f64], offset: &[f64], weight: f64) {
    for (line, value) in matrix.chunks_exact_mut(offset.len()).zip(offset) {
        line.iter_mut().zip(offset).for_each(|(it, other)| *it += weight * value * other);
    }
}

/// Draws the covariance of these centred rows towards a sphere; `None` when they do not vary.
fn shrink(mut covariance: Vec<f64>, rows: &[Vec<f64>]) -> Option<Vec<f64>> {
    let width = rows.first()?.len();
    let (n, d) = (rows.len() as f64, width as f64);
    let sphere = (0..width).map(|i| covariance[i * width + i]).sum::<f64>() / d;
    let square: f64 = covariance.iter().map(|it| it * it).sum();
    let fourth: f64 =
        rows.iter().map(|row| row.iter().map(|it| it * it).sum::<f64>().powi(2)).sum();
    let distance = (square - d * sphere * sphere) / d;
    let noise = (fourth / n - square) / (n * d);
    if sphere <= 0.0 || !sphere.is_finite() {
        return None;
    }
    let share = if distance > 0.0 { (noise / distance).clamp(0.0, 1.0) } else { 1.0 };
    covariance.iter_mut().for_each(|it| *it *= 1.0 - share);
    // A grain of the sphere keeps directions without any spread finite.
    let floor = (share * sphere).max(1e-6 * sphere);
    (0..width).for_each(|i| covariance[i * width + i] += floor);
    Some(covariance)
}

/// L⁻¹ of a positive definite matrix L Lᵀ, row by row; `None` when it is not definite.
fn inverse_cholesky(matrix: &[f64], width: usize) -> Option<Vec<f64>> {
    let mut lower = vec![0.0; width * width];
    for i in 0..width {
        for j in 0..=i {
            let (row_i, row_j) =
                (&lower[i * width..i * width + j], &lower[j * width..j * width + j]);
            let known: f64 = row_i.iter().zip(row_j).map(|(a, b)| a * b).sum();
            let rest = matrix[i * width + j] - known;
            if i == j && rest <= 0.0 {
                return None;
            }
            lower[i * width + j] = if i == j { rest.sqrt() } else { rest / lower[j * width + j] };
        }
    }
    let mut inverse = vec![0.0; width * width];
    for i in 0..width {
        let mut row = vec![0.0; i + 1];
        for k in 0..i {
            let factor = lower[i * width + k];
            let known = &inverse[k * width..k * width + k + 1];
            row.iter_mut().zip(known).for_each(|(it, known)| *it -= factor * known);
        }
        row[i] += 1.0;
        let pivot = lower[i * width + i];
        for (target, it) in inverse[i * width..].iter_mut().zip(row) {
            *target = it / pivot;
        }
    }
    Some(inverse)
}

impl Gaussian {
    fn new(mean: &[f64], centres: &[Vec<f64>], covariance: &[f64]) -> Option<Self> {
        let width = mean.len();
        let inverse = inverse_cholesky(covariance, width)?;
        let whitener = (0..width * width)
            .map(|at| inverse[(at % width) * width + at / width] as f32)
            .collect();
        let mean = mean.iter().map(|&it| it as f32).collect();
        let mut gaussian =
            Self { width, mean, whitener, centres: Vec::new(), count: 0, squares: Vec::new() };
        let whitened: Vec<Vec<f32>> = centres
            .iter()
            .map(|it| gaussian.whiten(&it.iter().map(|&x| x as f32).collect::<Vec<f32>>()))
            .collect();
        let count = whitened.len();
        let columns = (0..width * count).map(|at| whitened[at % count][at / count]).collect();
        gaussian.put_centres(count, columns);
        Some(gaussian)
    }

    fn put_centres(&mut self, count: usize, columns: Vec<f32>) {
        let mut squares = vec![0.0f32; count];
        for row in columns.chunks_exact(count) {
            squares.iter_mut().zip(row).for_each(|(square, it)| *square += it * it);
        }
        (self.centres, self.count, self.squares) = (columns, count, squares);
    }

    fn whiten(&self, unit: &[f32]) -> Vec<f32> {
        assert_eq!(unit.len(), self.width, "the policy belongs to another model");
        let mut whitened = vec![0.0f32; self.width];
        for (j, (value, mean)) in unit.iter().zip(&self.mean).enumerate() {
            let value = value - mean;
            let row = &self.whitener[j * self.width + j..(j + 1) * self.width];
            whitened[j..].iter_mut().zip(row).for_each(|(sum, it)| *sum += value * it);
        }
        whitened
    }

    /// The squared distance to the nearest centre, in units of the spread.
    pub(super) fn nearest_square(&self, unit: &[f32]) -> f64 {
        let whitened = self.whiten(unit);
        let mut products = vec![0.0f32; self.count];
        for (value, row) in whitened.iter().zip(self.centres.chunks_exact(self.count)) {
            products.iter_mut().zip(row).for_each(|(sum, it)| *sum += value * it);
        }
        let own: f64 = whitened.iter().map(|&it| f64::from(it) * f64::from(it)).sum();
        let distances = products
            .iter()
            .zip(&self.squares)
            .map(|(&product, &square)| own + f64::from(square) - 2.0 * f64::from(product));
        distances.fold(f64::INFINITY, f64::min)
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The tensors `mean`, `whitener` and `centres` under given names.
    pub(super) fn tensors(&self, names: [&'static str; 3]) -> super::Tensors {
        let (width, count) = (self.width, self.count);
        vec![
            (names[0], vec![1, width], self.mean.clone()),
            (names[1], vec![width, width], self.whitener.clone()),
            (names[2], vec![width, count], self.centres.clone()),
        ]
    }

    pub(super) fn read(tensors: &TensorsRead<'_>, names: [&str; 3]) -> Result<Self, String> {
        let (one, width, mean) = tensors.matrix(names[0])?;
        let (rows, columns, whitener) = tensors.matrix(names[1])?;
        let (height, count, centres) = tensors.matrix(names[2])?;
        if one != 1 || rows != width || columns != width || height != width {
            return Err("the tensors of the distribution do not fit each other".to_owned());
        }
        let mut gaussian =
            Self { width, mean, whitener, centres: Vec::new(), count: 0, squares: Vec::new() };
        gaussian.put_centres(count, centres);
        Ok(gaussian)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_factor_whitens() {
        // L = [[2, 0], [1, 3]], L Lᵀ = [[4, 2], [2, 10]].
        let inverse = inverse_cholesky(&[4.0, 2.0, 2.0, 10.0], 2).unwrap();
        for (found, expected) in inverse.iter().zip([0.5, 0.0, -1.0 / 6.0, 1.0 / 3.0]) {
            assert!((found - expected).abs() < 1e-12, "{inverse:?}");
        }
        assert!(inverse_cholesky(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }

    #[test]
    fn shrinkage_is_that_of_scikit_learn() {
        // sklearn.covariance.ledoit_wolf(X, assume_centered=True) on these four rows.
        let rows = [[1.0, 0.0], [-1.0, 0.5], [0.5, -1.0], [-0.5, 0.5]].map(|it| it.to_vec());
        let covariance = shrink(covariance(&rows, 2), &rows).unwrap();
        for (found, expected) in covariance.iter().zip(LEDOIT_WOLF) {
            assert!((found - expected).abs() < 1e-9, "{covariance:?}");
        }
    }

    const LEDOIT_WOLF: [f64; 4] = [
        0.574_353_448_275_862_1,
        -0.185_883_620_689_655_2,
        -0.185_883_620_689_655_2,
        0.425_646_551_724_137_9,
    ];

    #[test]
    fn distances_are_those_of_the_definition() {
        let covariance = [4.0, 2.0, 2.0, 10.0];
        let gaussian =
            Gaussian::new(&[0.5, 0.5], &[vec![1.0, 0.0], vec![0.0, 3.0]], &covariance).unwrap();
        // (x − μ)ᵀ Σ⁻¹ (x − μ) with Σ⁻¹ = [[10, −2], [−2, 4]] / 36, for x = (1, 1).
        let square = |x: f64, y: f64| (10.0 * x * x - 4.0 * x * y + 4.0 * y * y) / 36.0;
        let expected = square(0.0, 1.0).min(square(1.0, -2.0));
        let found = gaussian.nearest_square(&[1.0, 1.0]);
        assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
    }
}
