//! What a score is worth for routing, whatever the threshold: the curve of quality over the share
//! of requests that go to the strong model, and the figures that the field reads off it.
//!
//! Definitions of RouteLLM (Ong et al. 2024, arXiv 2406.18665, section 3): the performance gap
//! recovered (PGR) is the part of the distance from the weak to the strong model's quality; APGR is
//! its mean over all shares; CPT(x) is the least share that recovers x. *Saved* is the cost saved
//! against sending everything to the strong model, at the least share that reaches so much of its
//! quality. All are read off the rows that they are measured on, so they flatter; a certificate
//! does not.

/// A row as the curve sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Larger goes to the strong model first. Not NaN.
    pub score: f64,
    pub weak: f64,
    pub strong: f64,
}

/// What is read off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// The mean gap recovered.
    Apgr,
    /// The least share for the strong model that recovers so much of the gap.
    Cpt(f64),
    /// The cost saved at so much of the strong model's quality.
    Saved {
        quality: f64,
        /// What a weak answer costs in strong answers.
        price_ratio: f64,
    },
}

/// Rows in the order of their scores, ready for many resamples.
#[derive(Debug, Clone)]
pub struct Curve {
    /// For each row of the input its group of equal scores; group 0 goes first.
    group_of: Vec<u32>,
    groups: usize,
    rows: Vec<Scored>,
}

impl Curve {
    /// Sorts the rows. Rows of equal score stand in no order: between them the curve is the straight
    /// line of a random one.
    #[must_use]
    pub fn new(rows: Vec<Scored>) -> Self {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|&a, &b| rows[b].score.total_cmp(&rows[a].score));
        let mut group_of = vec![0; rows.len()];
        let mut group = 0;
        for (place, &row) in order.iter().enumerate() {
            if place > 0 && rows[row].score != rows[order[place - 1]].score {
                group += 1;
            }
            group_of[row] = group;
        }
        let groups = if rows.is_empty() { 0 } else { group as usize + 1 };
        Self { group_of, groups, rows }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The readings on a sample of rows, by position, with repetitions; NaN where the strong model
    /// is not the better one, or the sample is empty.
    pub fn read(&self, sample: &[u32], readings: &[Reading], out: &mut [f64]) {
        out.fill(f64::NAN);
        if sample.is_empty() {
            return;
        }
        let mut counts = vec![0u32; self.groups];
        let mut gains = vec![0.0f64; self.groups];
        let (mut weak, mut strong) = (0.0, 0.0);
        for &position in sample {
            let (row, group) =
                (self.rows[position as usize], self.group_of[position as usize] as usize);
            counts[group] += 1;
            gains[group] += row.strong - row.weak;
            weak += row.weak;
            strong += row.strong;
        }
        let n = sample.len() as f64;
        let points = Points { counts, gains, n, weak: weak / n, strong: strong / n };
        for (out, reading) in out.iter_mut().zip(readings) {
            *out = points.read(*reading);
        }
    }
}

struct Points {
    counts: Vec<u32>,
    gains: Vec<f64>,
    n: f64,
    weak: f64,
    strong: f64,
}

impl Points {
    fn read(&self, reading: Reading) -> f64 {
        let gap = self.strong - self.weak;
        match reading {
            Reading::Apgr if gap > 0.0 => (self.mean_quality() - self.weak) / gap,
            Reading::Cpt(part) if gap > 0.0 => self.least_share(self.weak + part * gap),
            Reading::Apgr | Reading::Cpt(_) => f64::NAN,
            Reading::Saved { quality, price_ratio } => {
                (1.0 - self.least_share(quality * self.strong)) * (1.0 - price_ratio)
            }
        }
    }

    /// The area under the curve.
    fn mean_quality(&self) -> f64 {
        let (mut area, mut quality) = (0.0, self.weak);
        for (&count, gain) in self.counts.iter().zip(&self.gains) {
            let next = quality + gain / self.n;
            area += f64::from(count) / self.n * f64::midpoint(quality, next);
            quality = next;
        }
        area
    }

    /// The first share at which the curve reaches `target`; 1 if it never does.
    fn least_share(&self, target: f64) -> f64 {
        // Sums in another order differ in the last bits.
        let target = target - 1e-12;
        let (mut share, mut quality) = (0.0, self.weak);
        for (&count, gain) in self.counts.iter().zip(&self.gains) {
            if quality >= target {
                return share;
            }
            let (step, rise) = (f64::from(count) / self.n, gain / self.n);
            if quality + rise >= target {
                return share + step * (target - quality) / rise;
            }
            share += step;
            quality += rise;
        }
        share.min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READINGS: [Reading; 4] = [
        Reading::Apgr,
        Reading::Cpt(0.5),
        Reading::Saved { quality: 1.0, price_ratio: 0.0 },
        Reading::Saved { quality: 0.5, price_ratio: 0.1 },
    ];

    /// Rows as score, weak, strong.
    #[track_caller]
    fn check(rows: &[(f64, f64, f64)], expected: [f64; 4]) {
        let rows: Vec<Scored> =
            rows.iter().map(|&(score, weak, strong)| Scored { score, weak, strong }).collect();
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let mut out = [0.0; 4];
        Curve::new(rows).read(&all, &READINGS, &mut out);
        for (found, expected) in out.iter().zip(expected) {
            let same = (found - expected).abs() < 1e-9 || found.is_nan() && expected.is_nan();
            assert!(same, "{out:?}, expected {expected}");
        }
    }

    #[test]
    fn figures_are_those_of_the_curve() {
        // One gain of four rows, found first: quality ½ rises to ¾ over the first quarter.
        let found = [(9.0, 0.0, 1.0), (3.0, 1.0, 1.0), (2.0, 1.0, 1.0), (1.0, 0.0, 0.0)];
        check(&found, [0.875, 0.125, 0.75, 0.9]);
        // Found last.
        let missed = found.map(|(score, weak, strong)| (-score, weak, strong));
        check(&missed, [0.125, 0.875, 0.0, 0.9]);
        // Not told apart: a coin.
        let tied = found.map(|(_, weak, strong)| (0.0, weak, strong));
        check(&tied, [0.5, 0.5, 0.0, 0.9]);
    }

    #[test]
    fn a_gap_that_is_none_cannot_be_recovered() {
        check(&[(1.0, 1.0, 1.0), (2.0, 0.0, 0.0)], [f64::NAN, f64::NAN, 1.0, 0.9]);
        check(&[], [f64::NAN; 4]);
    }

    #[test]
    fn rows_drawn_twice_count_twice() {
        let rows = vec![
            Scored { score: 2.0, weak: 0.0, strong: 1.0 },
            Scored { score: 1.0, weak: 0.0, strong: 0.0 },
        ];
        let mut out = [0.0];
        Curve::new(rows).read(&[0, 1, 1, 1], &[Reading::Apgr], &mut out);
        assert!((out[0] - 0.875).abs() < 1e-12, "{out:?}");
    }
}
