//! Published vectors, values of scipy and statsmodels, and the promises of the bootstrap.

use freehold_vocabulary::{Confidence, Interval, Seed};

use super::*;

#[track_caller]
fn check_wilson(successes: u64, n: u64, low: f64, high: f64) {
    let interval = wilson(successes, n, Confidence::P95);
    assert!((interval.low - low).abs() < 5e-7, "{interval:?}, expected low {low}");
    assert!((interval.high - high).abs() < 5e-7, "{interval:?}, expected high {high}");
}

#[track_caller]
fn check_clopper_pearson(successes: u64, n: u64, low: f64, high: f64) {
    let interval = clopper_pearson(successes, n, Confidence::P95);
    assert!((interval.low - low).abs() < 5e-7, "{interval:?}, expected low {low}");
    assert!((interval.high - high).abs() < 5e-7, "{interval:?}, expected high {high}");
}

#[test]
fn wilson_gives_the_published_values() {
    check_wilson(0, 10, 0.0, 0.277_533);
    check_wilson(1, 29, 0.006_113, 0.171_755);
    check_wilson(15, 148, 0.062_386, 0.160_487);
    check_wilson(81, 263, 0.255_289, 0.366_210);
    check_wilson(90, 100, 0.825_634, 0.944_771);
    check_wilson(10, 10, 0.722_467, 1.0);
}

#[test]
fn clopper_pearson_gives_the_published_values() {
    check_clopper_pearson(0, 10, 0.0, 0.308_497);
    check_clopper_pearson(90, 100, 0.823_777, 0.950_995);
    check_clopper_pearson(10, 10, 0.691_503, 1.0);
}

#[test]
fn clopper_pearson_holds_for_large_samples() {
    // scipy.stats.beta.ppf; the library's own continued fraction gives up on some of these.
    for (errors, n, low, high) in [
        (1, 2, 0.012_579_117_093_425_05, 0.987_420_882_906_574_9),
        (49, 50, 0.893_530_454_288_500_1, 0.999_493_772_016_959_2),
        (5, 1000, 0.001_625_419_517_562_76, 0.011_629_470_559_812_147),
        (500, 100_000, 0.004_572_244_150_070_587_5, 0.005_456_841_177_010_281),
        (30_000, 100_000, 0.297_160_575_400_554_84, 0.302_851_028_681_074_05),
        (123_456, 1_000_000, 0.122_811_841_629_629_73, 0.124_102_340_276_802_68),
        (2_500_000, 5_000_000, 0.499_561_638_835_860_8, 0.500_438_361_164_139_2),
        (3, 50_000_000, 1.237_344_262_883e-8, 1.753_454_513_020_551_3e-7),
    ] {
        let interval = clopper_pearson(errors, n, Confidence::P95);
        let relative = (interval.low / low - 1.0).abs().max((interval.high / high - 1.0).abs());
        assert!(relative < 1e-7, "{errors} of {n}: {interval:?}, {low} to {high}");
    }
}

/// The exact chance that the interval of a binomial sample holds the true share.
fn coverage(n: u64, share: f64, interval: fn(u64, u64, Confidence) -> Interval) -> f64 {
    // The binomial distribution by its recurrence.
    let mut chance = (1.0 - share).powi(n as i32);
    let mut covered = 0.0;
    for successes in 0..=n {
        let Interval { low, high, .. } = interval(successes, n, Confidence::P95);
        if low <= share && share <= high {
            covered += chance;
        }
        chance *= (n - successes) as f64 / (successes + 1) as f64 * share / (1.0 - share);
    }
    covered
}

#[test]
fn clopper_pearson_never_misses_its_level_and_wilson_keeps_it_on_average() {
    let shares: Vec<f64> = (1..100).map(|percent| f64::from(percent) / 100.0).collect();
    for n in [5, 40, 150] {
        let exact = shares.iter().map(|share| coverage(n, *share, clopper_pearson));
        assert!(exact.fold(1.0, f64::min) >= 0.95 - 1e-9, "n {n}");
        let mean: f64 = shares.iter().map(|share| coverage(n, *share, wilson)).sum::<f64>() / 99.0;
        assert!((0.94..0.97).contains(&mean), "n {n}: {mean}");
    }
}

#[test]
fn nothing_observed_means_nothing_known() {
    check_wilson(0, 0, 0.0, 1.0);
    check_clopper_pearson(0, 0, 0.0, 1.0);
    assert!(!rate_is_at_most(0.99, 0, 0, Confidence::P95));
}

#[test]
fn no_error_in_n_gives_the_closed_form() {
    for n in [1, 59, 1000, 100_000, 50_000_000] {
        let expected = -f64::exp_m1(0.05_f64.ln() / n as f64);
        let bound = clopper_pearson_upper(0, n, Confidence::P95);
        assert!((bound / expected - 1.0).abs() < 1e-7, "n {n}: {bound} against {expected}");
    }
}

#[test]
fn the_test_and_the_bound_say_the_same() {
    for n in [1u64, 7, 40, 333, 5000, 200_000] {
        for errors in [0, 1, n / 50, n / 3, n.saturating_sub(1), n] {
            let bound = clopper_pearson_upper(errors, n, Confidence::P95);
            let above = (bound + 1e-6).min(1.0);
            assert!(rate_is_at_most(above, errors, n, Confidence::P95), "{errors} of {n}");
            assert!(!rate_is_at_most(bound - 1e-6, errors, n, Confidence::P95), "{errors} of {n}");
        }
    }
}

fn resampling(resamples: u32, seed: u64) -> Resampling {
    let resamples = std::num::NonZeroU32::new(resamples).unwrap();
    Resampling { confidence: Confidence::P95, resamples, seed: Seed(seed) }
}

fn mean_of(values: &[f64]) -> impl Fn(&[u32]) -> f64 + Sync + '_ {
    |items| items.iter().map(|item| values[*item as usize]).sum::<f64>() / items.len() as f64
}

#[test]
fn the_bootstrap_is_the_same_with_any_number_of_threads() {
    let values: Vec<f64> = (0..500).map(|i| f64::from(i * i % 97)).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let design = Design::items(500);
        pool.install(|| bootstrap(&design, &resampling(999, 3), mean_of(&values))).unwrap()
    };
    let alone = run(1);
    for threads in [2, 3, 8] {
        let many = run(threads);
        assert_eq!(alone.low.to_bits(), many.low.to_bits());
        assert_eq!(alone.high.to_bits(), many.high.to_bits());
    }
    let other = bootstrap(&Design::items(500), &resampling(999, 4), mean_of(&values)).unwrap();
    assert_ne!(alone.low.to_bits(), other.low.to_bits(), "the seed must matter");
}

#[test]
fn the_bootstrap_of_a_mean_agrees_with_the_normal_approximation() {
    // A share of 0.3 among 2000: half-width 1.96 × sqrt(0.21 / 2000) = 0.02008.
    let values: Vec<f64> = (0..2000).map(|i| f64::from(u8::from(i % 10 < 3))).collect();
    let design = Design::items(2000);
    let interval = bootstrap(&design, &resampling(4000, 1), mean_of(&values)).unwrap();
    assert!((interval.low - 0.279_92).abs() < 0.0015, "{interval:?}");
    assert!((interval.high - 0.320_08).abs() < 0.0015, "{interval:?}");
}

#[test]
fn strata_keep_their_size_and_clusters_stay_whole() {
    let groups: Vec<u32> = (0..60).map(|i| u32::from(i >= 45)).collect();
    let share = |items: &[u32]| {
        items.iter().filter(|item| **item >= 45).count() as f64 / items.len() as f64
    };
    let interval = bootstrap(&Design::stratified(&groups), &resampling(200, 1), share).unwrap();
    assert_eq!((interval.low, interval.high), (0.25, 0.25));

    let pairs: Vec<u32> = (0..60).map(|i| i / 2).collect();
    let unpaired = |items: &[u32]| {
        let whole = items.chunks(2).all(|pair| pair.len() == 2 && pair[0] ^ 1 == pair[1]);
        f64::from(u8::from(!whole))
    };
    let interval = bootstrap(&Design::clustered(&pairs), &resampling(200, 1), unpaired).unwrap();
    assert_eq!((interval.low, interval.high), (0.0, 0.0));
}

#[test]
fn clusters_widen_the_interval_of_dependent_items() {
    // Forty customers with fifty identical messages each are forty observations, not two thousand.
    let values: Vec<f64> = (0..2000).map(|i| f64::from((i / 50) % 2)).collect();
    let clusters: Vec<u32> = (0..2000).map(|i| i / 50).collect();
    let width = |design: &Design| {
        let interval = bootstrap(design, &resampling(1000, 5), mean_of(&values)).unwrap();
        interval.high - interval.low
    };
    let ratio = width(&Design::clustered(&clusters)) / width(&Design::items(2000));
    assert!((ratio / 50_f64.sqrt() - 1.0).abs() < 0.15, "{ratio}");
}

#[test]
fn an_undefined_statistic_has_no_interval() {
    assert!(bootstrap(&Design::items(10), &resampling(50, 1), |_| f64::NAN).is_none());
    assert!(bootstrap(&Design::items(0), &resampling(50, 1), |_| 1.0).is_none());
}
