//! Calibration against published numbers, known truths and its promises.

use freehold_vocabulary::Random;
use freehold_vocabulary::ports::Scored;

use super::loss::mean_log_loss;
use super::*;

fn observe(logits: &[f32], gold: &[u32]) -> Observation {
    let scored = Scored { logits: logits.to_vec(), embedding: Vec::new(), tokens: 1 };
    Observation { scored, gold: gold.to_vec() }
}

/// Logits of a model that is right with probability softmax(logits · truth + bias).
fn sample(n: usize, sharpness: f64, bias: &[f64], seed: u64) -> Vec<Observation> {
    let mut random = Random::new(Seed(seed));
    let one = |_| {
        let logits: Vec<f32> = bias.iter().map(|_| (2.0 * random.normal()) as f32).collect();
        let true_logits: Vec<f64> =
            logits.iter().zip(bias).map(|(&it, b)| sharpness * f64::from(it) + b).collect();
        let mut left = random.unit();
        let probabilities = softmax(&true_logits);
        let gold = probabilities.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        observe(&logits, &[gold.unwrap_or(bias.len() - 1) as u32])
    };
    (0..n).map(one).collect()
}

#[test]
fn the_temperature_is_the_reference_one() {
    // Computed with SciPy.
    let rows: [(&[f32], u32); 10] = [
        (&[4., 0., 0.], 0),
        (&[3., 1., 0.], 1),
        (&[0., 5., 0.], 1),
        (&[0., 2., 3.], 2),
        (&[2., 2.5, 0.], 1),
        (&[6., 0., 1.], 0),
        (&[0., 0., 4.], 2),
        (&[1., 0., 3.], 0),
        (&[5., 4., 0.], 1),
        (&[0., 4., 5.], 1),
    ];
    let observations: Vec<Observation> =
        rows.iter().map(|(logits, gold)| observe(logits, &[*gold])).collect();
    let references: Vec<&Observation> = observations.iter().collect();
    let map = temperature::fit(LabelMode::Single, &references);
    let Map::Temperature { temperature } = map else { panic!("{map:?}") };
    assert!((temperature - 1.738_901).abs() < 1e-5, "{temperature}");
    let before = mean_log_loss(LabelMode::Single, &Map::IDENTITY, &references);
    let after = mean_log_loss(LabelMode::Single, &map, &references);
    assert!((before - 0.794_348).abs() < 1e-6, "{before}");
    assert!((after - 0.701_601).abs() < 1e-6, "{after}");
}

#[test]
fn the_simple_method_is_kept_when_it_suffices() {
    let calibration =
        Calibration::fit(LabelMode::Single, &sample(800, 0.5, &[0.0; 6], 1), Seed(1)).unwrap();
    assert_eq!(calibration.report.chosen, "temperature");
    let Map::Temperature { temperature } = calibration.map else { panic!() };
    assert!((temperature - 2.0).abs() < 0.3, "{temperature}");
}

#[test]
fn biases_are_found_when_they_are_there() {
    let bias = [1.5, -1.0, 0.0, 0.0];
    let calibration =
        Calibration::fit(LabelMode::Single, &sample(2000, 0.5, &bias, 2), Seed(1)).unwrap();
    assert_eq!(calibration.report.chosen, "bias_corrected");
    let Map::Affine { scales, biases } = &calibration.map else { panic!() };
    assert!((scales[0] - 0.5).abs() < 0.08, "{scales:?}");
    assert!((biases[0] - biases[1] - 2.5).abs() < 0.4, "{biases:?}");
    let fresh = sample(2000, 0.5, &bias, 3);
    let fresh: Vec<&Observation> = fresh.iter().collect();
    let plain = temperature::fit(LabelMode::Single, &fresh);
    assert!(
        mean_log_loss(LabelMode::Single, &calibration.map, &fresh)
            < mean_log_loss(LabelMode::Single, &plain, &fresh)
    );
}

#[test]
fn each_label_of_a_multi_label_task_gets_its_own_curve() {
    let mut random = Random::new(Seed(4));
    let truth = [(2.0, -1.0), (0.5, 1.0)];
    let one = |_| {
        let logits = [random.normal() as f32, random.normal() as f32];
        let hit = |k: usize, u: f64| u < sigmoid(truth[k].0 * f64::from(logits[k]) + truth[k].1);
        let drawn = [random.unit(), random.unit()];
        let gold: Vec<u32> = (0..2u32).filter(|&k| hit(k as usize, drawn[k as usize])).collect();
        observe(&logits, &gold)
    };
    let observations: Vec<Observation> = (0..4000).map(one).collect();
    let calibration = Calibration::fit(LabelMode::Multi, &observations, Seed(1)).unwrap();
    assert_eq!(calibration.report.chosen, "platt");
    let Map::Affine { scales, biases } = &calibration.map else { panic!() };
    for (k, (slope, intercept)) in truth.into_iter().enumerate() {
        assert!((scales[k] - slope).abs() < 0.2 && (biases[k] - intercept).abs() < 0.2);
    }
}

#[test]
fn a_curve_without_positives_stays_finite() {
    let points: Vec<(f64, bool)> = (0..50).map(|i| (f64::from(i), false)).collect();
    let (slope, intercept) = platt::fit_curve(&points);
    assert!(slope.is_finite() && intercept.is_finite());
    assert!(sigmoid(slope * 25.0 + intercept) < 0.1);
}

#[test]
fn probabilities_are_probabilities_for_any_finite_logit() {
    for logits in [[f32::MAX, f32::MIN, 0.0], [0.0, 0.0, 0.0], [-1e30, -1e30, 1e-30]] {
        let single = Map::IDENTITY.probabilities(LabelMode::Single, &logits);
        assert!((single.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{single:?}");
        let multi = Map::IDENTITY.probabilities(LabelMode::Multi, &logits);
        assert!(multi.iter().all(|it| (0.0..=1.0).contains(it)), "{multi:?}");
    }
}

#[test]
fn too_few_examples_are_refused_and_strangers_do_not_count() {
    let mut observations = sample(EXAMPLES_MIN - 1, 1.0, &[0.0; 3], 5);
    observations.extend((0..50).map(|_| observe(&[0.0; 3], &[])));
    let refused = Calibration::fit(LabelMode::Single, &observations, Seed(1));
    assert!(matches!(refused, Err(RoutingError::TooFew { found: 19, .. })), "{refused:?}");
}

#[test]
fn every_method_stands_in_the_table_once() {
    let names: Vec<_> = METHODS.iter().map(|it| (it.name, it.mode == LabelMode::Single)).collect();
    let mut unique = names.clone();
    unique.dedup();
    assert_eq!(names, unique);
}
