//! The exact test behind the promise "routed quality is at least a share q of the strong model's".
//!
//! **The statement.** Let a rule send a request to the weak model or not. With 0/1 quality, the
//! rule's mean quality is at least q times the strong model's exactly when the mean of
//! `strong − q·strong − [sent]·(strong − weak)` is not negative. Only three kinds of requests
//! count: *losses* (sent, only the strong model right; chance a), *wins* (sent, only the weak one
//! right; chance b), and the strong model's remaining right answers (chance c). The promise is
//! broken when `q·a − b > (1 − q)·c`, or, with d = a + b and π = a / d, when
//! `π > (1 + (1 − q)·c / d) / (1 + q)`.
//!
//! **The test.** Given the number of losses and wins together and the number of the rest, losses
//! are binomial with chance π: McNemar's conditioning, with a margin. The bound on π holds two
//! nuisances, c and d; they are replaced by the ends of exact intervals (Clopper and Pearson 1934)
//! that miss with a small part γ of the risk, and the binomial test is made with what is left of
//! it. So a broken promise passes with a chance of at most δ for every n, without a normal
//! approximation (the device of Berger and Boos 1994). Both intervals are functions of the numbers
//! that are conditioned on, so the binomial part is exact given them.
//!
//! **Why this one.** Bounds for means of bounded numbers (Hoeffding 1963; betting, Waudby-Smith and
//! Ramdas 2024) need no 0/1 quality, but must pay for every distribution. By their theory, not by a measurement here, a betting test at
//! δ = 0.1 needs √(2 ln 10) = 2.15 standard errors of evidence; the exact test needs about 1.34 and
//! a margin that is a tenth wider.
//!
//! **Assumed.** The rows are a random sample of the requests that the rule will meet, and the rule
//! was fixed before they were seen.

use freehold_evaluation::intervals::{
    clopper_pearson_lower, clopper_pearson_upper, rate_is_at_most,
};
use freehold_vocabulary::{Confidence, Probability};
use serde::{Deserialize, Serialize};

/// The part of the risk that the nuisances take.
const NUISANCE_SHARE: f64 = 0.05;
/// The part of that which the strong model's accuracy takes: it hardly matters.
const ACCURACY_SHARE: f64 = 0.2;

/// What is to be proved about a routing rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityTerms {
    /// q: the share of the strong model's quality that must be kept.
    pub quality_at_least: Probability,
    /// 1 − δ.
    pub confidence: Confidence,
}

/// How a rule fared on rows where both answers were judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Rows.
    pub n: u64,
    /// Of these, rows whose strong answer was right.
    pub strong_right: u64,
    /// Rows that the rule sends to the weak model.
    pub sent: u64,
    /// Sent rows where only the strong answer was right.
    pub losses: u64,
    /// Sent rows where only the weak answer was right.
    pub wins: u64,
}

impl Tally {
    /// Adds a row.
    pub fn add(&mut self, sent: Sent, weak_right: bool, strong_right: bool) {
        self.n += 1;
        self.strong_right += u64::from(strong_right);
        if sent == Sent::Weak {
            self.sent += 1;
            self.losses += u64::from(strong_right && !weak_right);
            self.wins += u64::from(weak_right && !strong_right);
        }
    }

    /// Quality by the rule as a share of the strong model's; none if that is never right.
    #[must_use]
    pub fn relative_quality(&self) -> Option<f64> {
        let routed = self.strong_right + self.wins - self.losses;
        (self.strong_right > 0).then(|| routed as f64 / self.strong_right as f64)
    }

    /// The standard error of [`Self::relative_quality`] (delta method).
    #[must_use]
    pub fn standard_error(&self) -> Option<f64> {
        let ratio = self.relative_quality()?;
        let n = self.n as f64;
        let (losses, wins) = (self.losses as f64, self.wins as f64);
        let kept = self.strong_right as f64 - losses;
        // Residuals of "routed − ratio · strong": each of the four kinds has one value.
        let squares = losses * ratio * ratio + wins + kept * (1.0 - ratio) * (1.0 - ratio);
        Some((squares / n).sqrt() / (self.strong_right as f64 / n) / n.sqrt())
    }

    /// Whether the promise is proved.
    #[must_use]
    pub fn proves(&self, terms: QualityTerms) -> bool {
        if self.n == 0 {
            return false;
        }
        let quality = terms.quality_at_least.get();
        let risk = 1.0 - terms.confidence.get();
        let nuisance = risk * NUISANCE_SHARE;
        let discordant = self.losses + self.wins;
        let rest = self.strong_right - self.losses;
        let at = |error: f64| Confidence::new(1.0 - error).expect("a part of a risk is a risk");
        let discordant_high =
            clopper_pearson_upper(discordant, self.n, at(nuisance * (1.0 - ACCURACY_SHARE)));
        let rest_low = clopper_pearson_lower(rest, self.n, at(nuisance * ACCURACY_SHARE));
        let broken_from = (1.0 + (1.0 - quality) * rest_low / discordant_high) / (1.0 + quality);
        // Losses cannot be more than all: the promise cannot be broken.
        if broken_from > 1.0 {
            return true;
        }
        rate_is_at_most(broken_from, self.losses, discordant, at(risk - nuisance))
    }

    /// The largest share of the strong model's quality that these rows prove, to a thousandth of
    /// a percent; none if not even a thousandth of it is.
    #[must_use]
    pub fn proved_quality(&self, confidence: Confidence) -> Option<f64> {
        let proves = |thousandths: u32| {
            let share = f64::from(thousandths) / f64::from(SCALE);
            let quality_at_least = Probability::new(share).expect("a share of the scale");
            self.proves(QualityTerms { quality_at_least, confidence })
        };
        if !proves(SCALE / 1000) {
            return None;
        }
        let (mut low, mut high) = (SCALE / 1000, SCALE + 1);
        while low + 1 < high {
            let middle = u32::midpoint(low, high);
            if proves(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(f64::from(low) / f64::from(SCALE))
    }
}

/// Steps in which proved quality is searched.
const SCALE: u32 = 100_000;

/// Where a rule sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    Weak,
    Strong,
}

#[cfg(test)]
mod tests {
    use freehold_vocabulary::{Random, Seed};

    use super::*;

    fn terms(quality: f64) -> QualityTerms {
        QualityTerms {
            quality_at_least: Probability::new(quality).unwrap(),
            confidence: Confidence::new(0.9).unwrap(),
        }
    }

    /// How often the test proves what is not so, by exactly nothing: the worst case.
    #[track_caller]
    fn check(
        n: u64,
        quality: f64,
        discordant: f64,
        accuracy: f64,
        passes: std::ops::RangeInclusive<u32>,
    ) {
        // Losses a and wins b with q·a − b = (1 − q)·c, where c = accuracy − a.
        let loss = ((1.0 - quality) * accuracy + discordant) / 2.0;
        let win = discordant - loss;
        assert!(win >= 0.0 && loss <= accuracy, "there is such a rule");
        let mut random = Random::new(Seed(n).derive(&format!("{quality} {discordant}")));
        let mut proved = 0;
        for _ in 0..1000 {
            let mut tally = Tally { n, sent: n, ..Tally::default() };
            for _ in 0..n {
                let draw = random.unit();
                tally.losses += u64::from(draw < loss);
                tally.wins += u64::from((loss..discordant).contains(&draw));
                tally.strong_right += u64::from(
                    draw < loss || (discordant..discordant + accuracy - loss).contains(&draw),
                );
            }
            proved += u32::from(tally.proves(terms(quality)));
        }
        assert!(passes.contains(&proved), "{proved} of 1000 at n = {n}");
    }

    #[test]
    fn a_promise_that_is_just_broken_passes_less_often_than_the_risk() {
        // The risk is 100 of 1,000; some is left unused, the less the more rows there are.
        check(200, 0.95, 0.1, 0.8, 1..=100);
        check(1000, 0.98, 0.1, 0.8, 5..=100);
        check(4000, 0.98, 0.15, 0.8, 15..=100);
        check(1000, 0.9, 0.2, 0.7, 5..=100);
        check(1000, 1.0, 0.1, 0.8, 40..=100);
        check(50, 0.9, 0.4, 0.5, 1..=100);
    }

    #[test]
    fn nothing_is_proved_from_nothing_and_what_is_clear_is_proved() {
        assert!(!Tally::default().proves(terms(0.5)));
        assert_eq!(Tally::default().relative_quality(), None);
        let clear = Tally { n: 5000, strong_right: 4000, sent: 2500, losses: 150, wins: 140 };
        assert!(clear.proves(terms(0.95)) && !clear.proves(terms(1.0)));
        let proved = clear.proved_quality(Confidence::new(0.9).unwrap()).unwrap();
        let found = clear.relative_quality().unwrap();
        assert!((found - 0.9975).abs() < 1e-9 && proved < found && proved > 0.99, "{proved}");
        // A weak model that only wins proves more than all of it.
        let wins = Tally { n: 5000, strong_right: 4000, sent: 2500, losses: 0, wins: 200 };
        assert!(wins.proves(terms(1.0)));
        assert_eq!(wins.proved_quality(Confidence::P95), Some(1.0));
    }
}
