//! Cascades fitted on models whose truth is known.

use freehold_vocabulary::{
    Confidence, Digest, Probability, PromiseScope, Random, Seed, TaskName, Tier, Timestamp,
};

use super::*;
use crate::Terms;
use crate::ood::OOD_FILE;

const LABELS: usize = 6;

/// A model that reads the label through noise; a clumsy one through more. Both see the same
/// inputs when the seed is the same, and its logits are three times too sure.
fn observe(n: usize, noise: f64, seed: u64) -> Vec<Observation> {
    let mut inputs = Random::new(Seed(seed));
    let mut own = Random::new(Seed(seed).derive(&format!("noise {noise}")));
    let one = |_| {
        let label = inputs.below(LABELS);
        let hardness = 1.0 + inputs.unit();
        let signal: Vec<f64> = (0..LABELS)
            .map(|i| f64::from(u8::from(i == label)) + noise * hardness * own.normal())
            .collect();
        let logits: Vec<f32> = signal.iter().map(|it| (9.0 * it) as f32).collect();
        let embedding: Vec<f32> =
            signal.iter().map(|it| *it as f32).chain([0.1 * own.normal() as f32; 2]).collect();
        Observation { scored: Scored { logits, embedding, tokens: 4 }, gold: vec![label as u32] }
    };
    (0..n).map(one).collect()
}

/// Far away in a direction that no label has.
fn strangers(n: usize, seed: u64) -> Vec<Observation> {
    let mut random = Random::new(Seed(seed));
    let one = |_| {
        let mut embedding: Vec<f32> = (0..LABELS).map(|_| 0.2 * random.normal() as f32).collect();
        embedding.extend([3.0, 3.0]);
        let logits = (0..LABELS).map(|i| if i == 0 { 9.0 } else { random.normal() as f32 });
        let scored = Scored { logits: logits.collect(), embedding, tokens: 4 };
        Observation { scored, gold: Vec::new() }
    };
    (0..n).map(one).collect()
}

fn request<'a>(tiers: &'a [TierInput<'a>]) -> CascadeRequest<'a> {
    CascadeRequest {
        task: TaskName::parse("tickets").unwrap(),
        mode: LabelMode::Single,
        labels: LABELS,
        dataset: Digest::of("data"),
        terms: Terms {
            error_at_most: Probability::new(0.05).unwrap(),
            confidence: Confidence::P95,
            promise: PromiseScope::Route,
        },
        false_alarm_rate: Probability::new(0.01).unwrap(),
        set_miss_at_most: Probability::new(0.05).unwrap(),
        seed: Seed(8),
        at: Timestamp::from_micros(1_800_000_000_000_000),
        tiers,
    }
}

struct World {
    models: [Digest; 2],
    train: [Vec<Observation>; 2],
    calibration: [Vec<Observation>; 2],
    strangers: Vec<Observation>,
}

const NOISE: [f64; 2] = [0.25, 0.22];

impl World {
    fn new(calibration_examples: usize) -> Self {
        let both = |n, seed| NOISE.map(|noise| observe(n, noise, seed));
        Self {
            models: ["micro", "small"].map(Digest::of),
            train: both(500, 1),
            calibration: both(calibration_examples, 2),
            strangers: strangers(60, 3),
        }
    }

    fn inputs(&self) -> Vec<TierInput<'_>> {
        let input = |(i, tier): (usize, Tier)| TierInput {
            tier,
            model: &self.models[i],
            train: self.train[i].as_slice(),
            calibration: self.calibration[i].as_slice(),
            strangers: &self.strangers,
        };
        [Tier::Micro, Tier::Small].into_iter().enumerate().map(input).collect()
    }
}

/// Sends fresh examples through; returns for each tier how many it kept and how many were wrong.
fn run(policies: &[TierPolicy], fresh: &[Vec<Observation>]) -> Vec<(usize, usize)> {
    let mut results = vec![(0, 0); policies.len()];
    for i in 0..fresh[0].len() {
        for (tier, policy) in policies.iter().enumerate() {
            let judgement = policy.judge(&fresh[tier][i].scored);
            if judgement.verdict == Verdict::Keep {
                results[tier].0 += 1;
                results[tier].1 += usize::from(!fresh[tier][i].is_answered_by(&judgement.labels));
                break;
            }
        }
    }
    results
}

#[test]
fn fresh_requests_are_kept_within_the_promise_and_strangers_are_passed() {
    let world = World::new(2000);
    let fitted = fit_cascade(&request(&world.inputs())).unwrap();
    let fresh: Vec<_> = NOISE.iter().map(|&noise| observe(4000, noise, 77)).collect();
    let results = run(&fitted.policies, &fresh);
    // The promise of a tier counts what the tiers before it keep.
    let (mut kept, mut wrong) = (0, 0);
    for result in &results {
        assert!(result.0 > 200, "{results:?} {:#?}", fitted.report);
        (kept, wrong) = (kept + result.0, wrong + result.1);
        assert!(wrong as f64 <= 0.055 * kept as f64, "{results:?} {:#?}", fitted.report);
    }
    assert!((kept as f64 / 4000.0 - fitted.report.answered.estimate).abs() < 0.06);
    for policy in &fitted.policies {
        let passed = |it: &Observation| policy.judge(&it.scored).verdict;
        let strange = Verdict::Pass(PassReason::OutOfDistribution);
        let caught = world.strangers.iter().filter(|it| passed(it) == strange).count();
        assert!(caught >= 55, "{caught}");
    }
    let [micro, small] = [0, 1].map(|i| fitted.policies[i].certificate.as_ref().unwrap());
    assert_eq!(small.after, std::slice::from_ref(&micro.id));
    assert!(micro.statement().contains("that tier micro keeps"), "{}", micro.statement());
    let together = small.statement();
    assert!(together.contains("tier small and the tiers before it keep"), "{together}");
}

#[test]
fn probabilities_are_calibrated_and_sets_hold_the_truth() {
    let world = World::new(2000);
    let inputs = world.inputs();
    let fitted = fit_cascade(&request(&inputs[1..])).unwrap();
    assert_eq!(fitted.policies.len(), 1);
    let fresh = observe(3000, NOISE[1], 78);
    let judged: Vec<Judgement> =
        fresh.iter().map(|it| fitted.policies[0].judge(&it.scored)).collect();
    let right = |(it, judgement): (&Observation, &Judgement)| it.is_answered_by(&judgement.labels);
    let accuracy =
        fresh.iter().zip(&judged).filter(|it| right((it.0, it.1))).count() as f64 / 3000.0;
    let confidence = judged.iter().map(|it| it.confidence).sum::<f64>() / 3000.0;
    assert!((accuracy - confidence).abs() < 0.03, "{accuracy} against {confidence}");
    let covered = fresh
        .iter()
        .zip(&judged)
        .filter(|(it, judgement)| judgement.prediction_set.as_ref().unwrap().contains(&it.gold[0]))
        .count() as f64;
    assert!(covered / 3000.0 > 0.93, "{covered}");
}

#[test]
fn a_policy_survives_its_files_bit_for_bit() {
    let world = World::new(800);
    let fitted = fit_cascade(&request(&world.inputs())).unwrap();
    for (policy, noise) in fitted.policies.iter().zip(NOISE) {
        let files = policy.to_files();
        let read = TierPolicy::from_files(&files).unwrap();
        assert_eq!(read.to_files(), files);
        for it in observe(100, noise, 5).iter().chain(&world.strangers) {
            assert_eq!(read.judge(&it.scored), policy.judge(&it.scored));
        }
    }
    let again = fit_cascade(&request(&world.inputs())).unwrap();
    assert_eq!(again.policies[1].to_files(), fitted.policies[1].to_files());
}

#[test]
fn too_little_data_keeps_nothing_and_says_why() {
    for n in [0, 1, 15, 60] {
        let world = World::new(n);
        let fitted = fit_cascade(&request(&world.inputs())).unwrap();
        for (policy, report) in fitted.policies.iter().zip(&fitted.report.tiers) {
            assert!(report.statement.contains("keeps nothing"), "{}", report.statement);
            let judgement = policy.judge(&observe(1, 0.1, 4)[0].scored);
            assert_eq!(judgement.verdict, Verdict::Pass(PassReason::NoCertificate));
            TierPolicy::from_files(&policy.to_files()).unwrap();
        }
    }
}

#[test]
fn an_uncalibrated_policy_answers_and_keeps_nothing() {
    let policy = TierPolicy::uncalibrated(LabelMode::Single, LABELS);
    let judgement = policy.judge(&observe(1, 0.01, 4)[0].scored);
    assert_eq!(judgement.verdict, Verdict::Pass(PassReason::NoCertificate));
    assert!(judgement.confidence > 0.99 && judgement.prediction_set.is_none());
    assert!(TierPolicy::from_files(&policy.to_files()).is_ok());
}

#[test]
fn changed_files_are_refused() {
    let world = World::new(800);
    let fitted = fit_cascade(&request(&world.inputs())).unwrap();
    let files = fitted.policies[1].to_files();
    #[track_caller]
    fn check(files: &[(String, Vec<u8>)], name: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut files = files.to_vec();
        let file = files.iter_mut().find(|it| it.0 == name).unwrap();
        change(&mut file.1);
        let refused = TierPolicy::from_files(&files);
        assert!(refused.is_err_and(|it| it.to_string().contains(name)), "{name}");
    }
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: &mut Vec<u8>| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(text.contains(from), "{text}");
            *bytes = text.replacen(from, to, 1).into_bytes();
        }
    };
    check(&files, CERTIFICATE_FILE, replace("\"error_at_most\": 0.05", "\"error_at_most\": 0.01"));
    check(&files, CERTIFICATE_FILE, replace("\"tier\": \"small\"", "\"tier\": \"mid\""));
    check(&files, CERTIFICATE_FILE, replace("\"promise\": \"route\"", "\"promise\": \"tier\""));
    check(&files, CERTIFICATE_FILE, |bytes| bytes.truncate(50));
    check(&files, OOD_FILE, |bytes| *bytes.last_mut().unwrap() ^= 1);
    check(&files, CALIBRATION_FILE, replace("\"format\": 2", "\"format\": 1"));
    check(&files, CALIBRATION_FILE, |bytes| bytes.clear());
    for name in [CALIBRATION_FILE, CERTIFICATE_FILE, OOD_FILE] {
        let fewer: Vec<_> = files.iter().filter(|it| it.0 != name).cloned().collect();
        assert!(TierPolicy::from_files(&fewer).is_err(), "{name}");
    }
    let other = fitted.policies[0].to_files();
    let mixed: Vec<_> = files
        .iter()
        .map(|it| if it.0 == CERTIFICATE_FILE { &other } else { &files })
        .zip(&files)
        .map(|(from, it)| from.iter().find(|other| other.0 == it.0).unwrap().clone())
        .collect();
    assert!(TierPolicy::from_files(&mixed).is_err());
}

#[test]
fn inputs_that_do_not_belong_together_are_refused() {
    let world = World::new(300);
    #[track_caller]
    fn check(tiers: &[TierInput<'_>], labels: usize, expected: &str) {
        let request = CascadeRequest { labels, ..request(tiers) };
        let error = fit_cascade(&request).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    check(&[], LABELS, "tiers");
    check(&world.inputs(), LABELS + 1, "logits");
    let mut inputs = world.inputs();
    inputs[1].calibration = &world.calibration[1][..200];
    check(&inputs, LABELS, "observation 200 of the calibration part");
    let mut bad = world.calibration[1].clone();
    bad[7].scored.logits[0] = f32::NAN;
    let mut inputs = world.inputs();
    inputs[1].calibration = &bad;
    check(&inputs, LABELS, "observation 7 of the calibration part holds a number");
    let other = observe(300, NOISE[1], 99);
    let mut inputs = world.inputs();
    inputs[1].calibration = &other;
    check(&inputs, LABELS, "is not that of tier micro");
}

#[test]
fn a_multi_label_cascade_works_end_to_end() {
    let multi = |n, seed| -> Vec<Observation> {
        let mut random = Random::new(Seed(seed));
        let one = |_| {
            let gold: Vec<u32> = (0..4).filter(|_| random.unit() < 0.3).collect();
            let logit = |k| {
                let sign = if gold.contains(&k) { 1.0 } else { -1.0 };
                (4.0 * (sign + 0.5 * random.normal())) as f32
            };
            let logits: Vec<f32> = (0..4).map(logit).collect();
            let scored = Scored { embedding: logits.clone(), logits, tokens: 3 };
            Observation { scored, gold }
        };
        (0..n).map(one).collect()
    };
    let (model, train, calibration) = (Digest::of("m"), multi(400, 1), multi(1200, 2));
    let tiers = [TierInput {
        tier: Tier::Small,
        model: &model,
        train: &train,
        calibration: &calibration,
        strangers: &[],
    }];
    let request = CascadeRequest { mode: LabelMode::Multi, labels: 4, ..request(&tiers) };
    let fitted = fit_cascade(&request).unwrap();
    let results = run(&fitted.policies, &[multi(3000, 3)]);
    assert!(results[0].0 > 1000, "{results:?} {:#?}", fitted.report);
    assert!(results[0].1 as f64 <= 0.055 * results[0].0 as f64, "{results:?}");
}
