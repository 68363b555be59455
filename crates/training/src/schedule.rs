//! The learning rate over a run: a linear warm-up, then a decay to zero.

use serde::{Deserialize, Serialize};

/// The shape of the decay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    #[default]
    Cosine,
    Linear,
}

impl Schedule {
    /// The share of the full rate at `step` (from one) of `steps`, of which `warm_up` climb.
    #[must_use]
    pub fn factor(self, step: u64, steps: u64, warm_up: u64) -> f64 {
        if step <= warm_up {
            return step as f64 / warm_up as f64;
        }
        // The last step still moves: the decay reaches zero one step after it.
        let passed = (step - warm_up - 1) as f64 / (steps - warm_up).max(1) as f64;
        match self {
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * passed).cos()),
            Self::Linear => 1.0 - passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: Schedule, expected: [f64; 6]) {
        let factors: Vec<f64> = (1..=6).map(|step| schedule.factor(step, 6, 2)).collect();
        for (factor, expected) in factors.iter().zip(expected) {
            assert!((factor - expected).abs() < 1e-9, "{factors:?}");
        }
    }

    #[test]
    fn rates_climb_and_fall() {
        let half = 0.5f64.sqrt();
        check(Schedule::Cosine, [0.5, 1.0, 1.0, 0.5 + half / 2.0, 0.5, 0.5 - half / 2.0]);
        check(Schedule::Linear, [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]);
    }

    #[test]
    fn no_warm_up_is_a_schedule_too() {
        assert!((Schedule::Linear.factor(1, 1, 0) - 1.0).abs() < 1e-12);
    }
}
