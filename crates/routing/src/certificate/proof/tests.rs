//! The proof against populations whose truth is known.

use freehold_vocabulary::{Confidence, Probability};

use super::*;
use crate::certificate::{Repeats, repeat_splits};

fn terms(alpha: f64, confidence: f64) -> Terms {
    let error_at_most = Probability::new(alpha).unwrap();
    let confidence = Confidence::new(confidence).unwrap();
    Terms { error_at_most, confidence, promise: PromiseScope::Route }
}

/// Confidences that fall from one; answers at confidence s are wrong with probability `risk(s)`.
fn draw(n: usize, risk: impl Fn(f64) -> f64, random: &mut Random) -> Vec<Row> {
    let one = |_| {
        let score = random.unit();
        Row { score, wrong: random.unit() < risk(score) }
    };
    (0..n).map(one).collect()
}

/// The error rate among answers at least that confident, when confidences are uniform.
fn true_risk(risk: impl Fn(f64) -> f64, threshold: f64) -> f64 {
    const CELLS: u32 = 2000;
    let cell = |i: u32| threshold + (1.0 - threshold) * (f64::from(i) + 0.5) / f64::from(CELLS);
    (0..CELLS).map(|i| risk(cell(i))).sum::<f64>() / f64::from(CELLS)
}

/// Certifies many fresh samples and compares each with the truth: the share of false statements
/// is at most δ and four standard errors of the experiment. Returns the mean coverage.
#[track_caller]
fn check_valid(n: usize, alpha: f64, confidence: f64, risk: impl Fn(f64) -> f64 + Copy) -> f64 {
    const SAMPLES: u32 = 1500;
    let mut random = Random::new(Seed(17));
    let (mut broken, mut coverage) = (0u32, 0.0);
    for sample in 0..SAMPLES {
        let rows = draw(n, risk, &mut random);
        let (planning, proof) = divide(n, Seed(u64::from(sample)));
        let part = |it: &[usize]| vec![it.iter().map(|&i| rows[i]).collect::<Vec<_>>()];
        let findings = certify(&part(&planning), &part(&proof), terms(alpha, confidence));
        if let Some(threshold) = findings[0].threshold {
            coverage += 1.0 - threshold;
            broken += u32::from(true_risk(risk, threshold) > alpha);
        }
    }
    let delta = 1.0 - confidence;
    let allowed = delta + 4.0 * (delta * (1.0 - delta) / f64::from(SAMPLES)).sqrt();
    let share = f64::from(broken) / f64::from(SAMPLES);
    assert!(share <= allowed, "{share} of the statements are false, {allowed} may be");
    coverage / f64::from(SAMPLES)
}

#[test]
fn statements_are_false_no_oftener_than_promised() {
    // Realistic: errors grow as confidence falls; 5 % are wrong above 0.40.
    let coverage = check_valid(1000, 0.05, 0.95, |s| 0.4 * (1.0 - s).powi(2) + 0.002);
    assert!(coverage > 0.36, "{coverage} of at most 0.6 are kept");
    check_valid(300, 0.1, 0.9, |s| 0.5 * (1.0 - s));
    // The worst case: every hypothesis is true, by a hair.
    check_valid(600, 0.05, 0.95, |_| 0.0501);
    check_valid(600, 0.05, 0.80, |_| 0.0501);
    // Risk that is not monotone: the most confident answers are the bad ones.
    check_valid(800, 0.05, 0.90, |s| if s > 0.9 { 0.08 } else { 0.03 });
    check_valid(800, 0.05, 0.90, |s| if s > 0.7 { 0.01 } else { 0.2 });
}

/// Two or three models whose errors share the difficulty of the input.
fn pool(n: usize, seed: u64, skills: &[f64]) -> Vec<Vec<Row>> {
    let mut random = Random::new(Seed(seed));
    let mut tiers = vec![Vec::with_capacity(n); skills.len()];
    for _ in 0..n {
        let hardness = random.normal();
        for (tier, skill) in tiers.iter_mut().zip(skills) {
            let z = 1.6 * (skill - 1.3 * hardness + 0.8 * random.normal());
            let score = 1.0 / (1.0 + (-z).exp());
            tier.push(Row { score, wrong: random.unit() > score });
        }
    }
    tiers
}

/// The mean share that all tiers keep, and the least.
#[track_caller]
fn check_splits(
    tiers: &[Vec<Row>],
    calibration_examples: usize,
    promise: PromiseScope,
) -> (f64, f64) {
    let repeats = Repeats { repeats: 200, calibration_examples, seed: Seed(5) };
    let terms = Terms { promise, ..terms(0.05, 0.95) };
    let report = repeat_splits(tiers, repeats, terms).unwrap();
    // Two hundred splits of a true share of 5 % show more than 11 % once in a thousand times.
    assert!(report.certified.exceeded.estimate <= 0.11, "{report:#?}");
    assert!(report.plug_in.exceeded.estimate >= 0.3, "{report:#?}");
    assert!(report.judge_standard_error < 0.005, "{report:#?}");
    (report.certified.kept.iter().sum(), report.certified.kept_least)
}

#[test]
fn certificates_keep_their_word_over_two_hundred_splits() {
    let (kept, least) = check_splits(&pool(16_000, 1, &[1.9]), 1000, PromiseScope::Route);
    assert!(kept >= 0.6 && least >= 0.5, "{kept} {least}");
}

#[test]
fn a_cascade_keeps_all_its_words_at_once() {
    for promise in [PromiseScope::Route, PromiseScope::Tier] {
        let (kept, _) = check_splits(&pool(16_000, 2, &[1.9, 2.9]), 1500, promise);
        assert!(kept >= 0.72, "{promise:?}: {kept}");
        let (kept, _) = check_splits(&pool(16_000, 3, &[1.5, 2.2, 3.0]), 2000, promise);
        assert!(kept >= 0.6, "{promise:?}: {kept}");
    }
}

#[test]
fn a_cascade_keeps_no_less_than_its_best_tier_alone() {
    // A last tier that is worse than the first is given up only when examples show it clearly.
    let worlds = [(2, [1.9, 2.9], 0.01), (4, [2.2, 2.3], 0.01), (6, [2.8, 1.0], 0.08)];
    for (seed, skills, allowed) in worlds {
        let tiers = pool(16_000, seed, &skills);
        for examples in [600, 1180] {
            let alone =
                |tier: usize| check_splits(&tiers[tier..=tier], examples, PromiseScope::Route);
            let best = alone(0).0.max(alone(1).0);
            let (kept, least) = check_splits(&tiers, examples, PromiseScope::Route);
            assert!(kept >= best - allowed, "{skills:?}, {examples}: {kept} against {best}");
            assert!(examples < 1000 || least > 0.0, "{skills:?}, {examples}");
        }
    }
}

#[test]
fn a_route_promise_counts_what_earlier_tiers_keep() {
    let tiers = pool(4000, 2, &[2.2, 2.3]);
    let part = |from: usize, to: usize| -> Vec<Vec<Row>> {
        tiers.iter().map(|it| it[from..to].to_vec()).collect()
    };
    let findings = certify(&part(0, 800), &part(800, 4000), terms(0.05, 0.95));
    let [first, second] = [&findings[0], &findings[1]];
    assert!(first.kept > 0 && second.kept > 0, "{findings:?}");
    assert_eq!(first.counted, Tally { answers: first.kept, errors: first.errors });
    let answers = first.kept + second.kept;
    assert_eq!(second.counted, Tally { answers, errors: first.errors + second.errors });
    assert_eq!(second.n, first.n - first.kept);
    assert!(first.upper_bound <= 0.05 && second.upper_bound <= 0.05, "{findings:?}");
}

#[test]
fn too_little_data_says_so_and_keeps_nothing() {
    let certain = |n| vec![vec![Row { score: 0.9, wrong: false }; n]];
    let finding = |n| certify(&certain(50), &certain(n), terms(0.05, 0.95)).remove(0);
    // 0.95⁵⁹ < 0.05 < 0.95⁵⁸.
    let too_few = finding(58);
    assert_eq!(too_few.threshold, None);
    assert_eq!(too_few.shortfall, Some(Shortfall::TooFewExamples { found: 58, needed: 59 }));
    assert_eq!((too_few.upper_bound, too_few.kept), (1.0, 0));
    let enough = finding(59);
    assert_eq!((enough.kept, enough.errors, enough.shortfall), (59, 0, None));
    assert!(enough.upper_bound <= 0.05, "{}", enough.upper_bound);
    let nothing = certify(&[Vec::new()], &[Vec::new()], terms(0.05, 0.95)).remove(0);
    assert_eq!(nothing.shortfall, Some(Shortfall::TooFewExamples { found: 0, needed: 59 }));
}

#[test]
fn a_promise_of_no_errors_at_all_cannot_be_proved() {
    let rows = vec![vec![Row { score: 0.9, wrong: false }; 5000]];
    let finding = certify(&rows, &rows, terms(0.0, 0.95)).remove(0);
    assert_eq!(finding.threshold, None);
}

#[test]
fn a_bad_model_keeps_nothing() {
    let mut random = Random::new(Seed(3));
    let rows = vec![draw(2000, |_| 0.4, &mut random)];
    let finding = certify(&rows, &rows, terms(0.05, 0.95)).remove(0);
    assert_eq!(finding.shortfall, Some(Shortfall::ErrorsTooFrequent));
}

#[test]
fn ties_are_kept_or_passed_together() {
    let mut rows = vec![Row { score: 0.9, wrong: false }; 300];
    rows.extend([Row { score: 0.5, wrong: false }; 40]);
    rows.extend([Row { score: 0.5, wrong: true }; 160]);
    let finding = certify(&[rows.clone()], &[rows], terms(0.05, 0.95)).remove(0);
    assert_eq!((finding.threshold, finding.kept, finding.errors), (Some(0.9), 300, 0));
}

#[test]
fn strangers_are_never_kept() {
    let mut rows = vec![Row { score: 0.9, wrong: false }; 300];
    rows.extend([Row { score: f64::NEG_INFINITY, wrong: true }; 200]);
    let finding = certify(&[rows.clone()], &[rows], terms(0.05, 0.95)).remove(0);
    assert_eq!((finding.n, finding.kept, finding.errors), (500, 300, 0));
}

#[test]
fn parts_share_no_example_and_lose_none() {
    for n in [0, 1, 2, 99, 1000, 20_000] {
        let (planning, proof) = divide(n, Seed(4));
        let mut all: Vec<usize> = planning.iter().chain(&proof).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..n).collect::<Vec<_>>());
        assert!(planning.len() <= n / 2 && planning.len() <= PLANNING_MAX);
    }
}
