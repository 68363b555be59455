//! Our numbers beside those of scikit-learn, scipy and statsmodels (`golden/make.py`), and the
//! published vectors.

use std::collections::BTreeMap;

use freehold_vocabulary::{Confidence, Digest, Label, LabelMode, LabelSet};
use serde_json::Value;

use crate::compare::{McNemar, benjamini_hochberg, holm};
use crate::confusion::Confusion;
use crate::intervals::{
    Resampling, clopper_pearson, clopper_pearson_lower, clopper_pearson_upper, wilson,
};
use crate::metrics::{METRICS, adaptive_ece, ece, find};
use crate::per_class::per_class;
use crate::{Prediction, Predictions};

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/metrics.json")).unwrap()
}

/// Predictions with labels `label 0`, `label 1` … for tests.
pub(crate) fn predictions(mode: LabelMode, rows: Vec<(Vec<u32>, Vec<f64>)>) -> Predictions {
    let label = |place| Label::parse(&format!("label {place}")).unwrap();
    let labels = LabelSet::new((0..rows[0].1.len()).map(label).collect()).unwrap();
    let item = |(place, (gold, probabilities)): (usize, (Vec<u32>, Vec<f64>))| Prediction {
        id: Digest::of(place.to_string()),
        gold,
        probabilities,
        ood_score: None,
        slices: BTreeMap::new(),
        latency_us: None,
    };
    let items = rows.into_iter().enumerate().map(item).collect();
    Predictions::new(labels, mode, items).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect()
}

fn case(golden: &Value, mode: LabelMode) -> Predictions {
    let gold = golden["gold"].as_array().unwrap();
    let gold_of = |place: usize| match gold.get(place) {
        Some(Value::Array(labels)) => {
            labels.iter().map(|label| label.as_u64().unwrap() as u32).collect()
        }
        Some(label) => vec![label.as_u64().unwrap() as u32],
        None => vec![],
    };
    let rows = golden["probabilities"].as_array().unwrap().iter().enumerate();
    // Rounded as in the script, where 1 - confidence decides about ties.
    predictions(mode, rows.map(|(place, row)| (gold_of(place), numbers(row))).collect())
}

fn everything(predictions: &Predictions) -> Vec<u32> {
    (0..predictions.items().len() as u32).collect()
}

fn few_resamples() -> Resampling {
    Resampling { resamples: std::num::NonZeroU32::new(200).unwrap(), ..Resampling::default() }
}

#[track_caller]
fn close(actual: f64, expected: f64, what: &str) {
    let scale = expected.abs().max(1e-3);
    assert!((actual - expected).abs() < 1e-9 * scale, "{what}: {actual} against {expected}");
}

#[track_caller]
fn check_case(name: &str, mode: LabelMode) {
    let golden = golden();
    let golden = &golden[name];
    let predictions = case(golden, mode);
    for (metric, expected) in golden["expected"].as_object().unwrap() {
        let measured = find(metric)
            .unwrap()
            .measure(&predictions, &everything(&predictions), &few_resamples(), None)
            .unwrap_or_else(|| panic!("{metric} was not measured"));
        close(measured.estimate, expected.as_f64().unwrap(), metric);
        // Entropy-like statistics may lie outside of percentile bounds; none of these does.
        assert!(
            measured.low <= measured.estimate && measured.estimate <= measured.high,
            "{metric}"
        );
    }
    let columns = ["precision", "recall", "f1", "support"].map(|column| numbers(&golden[column]));
    for (place, scores) in per_class(&predictions, &few_resamples(), None).iter().enumerate() {
        let [precision, recall, f1, support] = [0, 1, 2, 3].map(|column| columns[column][place]);
        close(scores.precision.estimate, precision, "precision");
        close(scores.recall.estimate, recall, "recall");
        close(scores.f1.unwrap().estimate, f1, "f1");
        assert_eq!(scores.gold, support as u64);
    }
}

#[test]
fn single_label_metrics_are_those_of_scikit_learn() {
    check_case("single", LabelMode::Single);
}

#[test]
fn multi_label_metrics_are_those_of_scikit_learn() {
    check_case("multi", LabelMode::Multi);
}

#[test]
fn confusion_is_that_of_scikit_learn() {
    let golden = golden();
    let predictions = case(&golden["single"], LabelMode::Single);
    let confusion = Confusion::of(&predictions).unwrap();
    let mut matrix = vec![vec![0.0; 5]; 5];
    let mut strangers = 0;
    for cell in &confusion.cells {
        match cell.gold {
            Some(gold) => matrix[gold as usize][cell.predicted as usize] = cell.count as f64,
            None => strangers += cell.count,
        }
    }
    let expected: Vec<Vec<f64>> =
        golden["single"]["confusion"].as_array().unwrap().iter().map(numbers).collect();
    assert_eq!(matrix, expected);
    assert_eq!(strangers, 40);
    let worst = confusion.most_confused(3);
    assert!(worst.iter().all(|cell| cell.gold != Some(cell.predicted)));
    assert!(worst[0].count >= worst[1].count && worst[1].count >= worst[2].count);
}

#[test]
fn intervals_are_those_of_statsmodels() {
    for row in golden()["intervals"].as_array().unwrap() {
        let number = |name: &str| row[name].as_f64().unwrap();
        let count = |name: &str| row[name].as_u64().unwrap();
        let level = Confidence::new(number("level")).unwrap();
        let (successes, n) = (count("successes"), count("n"));
        for (ours, theirs) in [
            (wilson(successes, n, level), &row["wilson"]),
            (clopper_pearson(successes, n, level), &row["clopper_pearson"]),
        ] {
            let theirs = numbers(theirs);
            close(ours.low, theirs[0], &format!("{row}"));
            close(ours.high, theirs[1], &format!("{row}"));
        }
        close(clopper_pearson_upper(successes, n, level), number("upper"), &format!("{row}"));
        close(clopper_pearson_lower(successes, n, level), number("lower"), &format!("{row}"));
    }
}

#[test]
fn mcnemar_is_that_of_statsmodels() {
    for row in golden()["mcnemar"].as_array().unwrap() {
        let count = |name: &str| row[name].as_u64().unwrap();
        let test = McNemar::from_counts(50, count("only_candidate"), count("only_baseline"), 10);
        // statsmodels does not stop the correction at zero, so equal counts differ by design.
        if test.only_candidate_right != test.only_baseline_right {
            close(test.corrected, row["corrected"].as_f64().unwrap(), "corrected");
            close(test.corrected_p, row["corrected_p"].as_f64().unwrap(), "corrected p");
        }
        close(test.exact_p, row["exact_p"].as_f64().unwrap(), "exact p");
    }
}

#[test]
fn adjusted_p_values_are_those_of_statsmodels() {
    let golden = golden();
    let p_values = numbers(&golden["adjust"]["p"]);
    let (ours_holm, ours_bh) = (holm(&p_values), benjamini_hochberg(&p_values));
    let (holm, bh) = (numbers(&golden["adjust"]["holm"]), numbers(&golden["adjust"]["bh"]));
    for place in 0..p_values.len() {
        close(ours_holm[place], holm[place], "Holm");
        close(ours_bh[place], bh[place], "Benjamini-Hochberg");
    }
}

#[test]
fn the_published_f1_vector() {
    let certain = |label: usize| (0..3).map(|at| f64::from(u8::from(at == label))).collect();
    let pairs = [(0, 0), (1, 2), (2, 1), (0, 0), (1, 0), (2, 1)];
    let rows = pairs.map(|(gold, predicted)| (vec![gold], certain(predicted))).to_vec();
    let predictions = predictions(LabelMode::Single, rows);
    let value = |name| find(name).unwrap().statistic(&predictions)(&everything(&predictions));
    close(value("macro_f1"), 0.8 / 3.0, "macro");
    close(value("micro_f1"), 1.0 / 3.0, "micro");
    close(value("weighted_f1"), 0.8 / 3.0, "weighted");
    assert!(value("matthews").abs() < 1e-12);
}

/// Ten answers of which six are right; as a multi-label task with one label, where confidence is
/// the probability of the label.
fn published_calibration() -> Predictions {
    let confidence = [0.95, 0.92, 0.85, 0.81, 0.75, 0.72, 0.65, 0.62, 0.55, 0.51];
    let right = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1];
    let gold = |right: u8| if right == 1 { vec![0] } else { vec![] };
    let rows = confidence.into_iter().zip(right).map(|(p, right)| (gold(right), vec![p]));
    predictions(LabelMode::Multi, rows.collect())
}

#[test]
fn the_published_calibration_vector() {
    let predictions = published_calibration();
    let all = everything(&predictions);
    assert!((ece::with_bins(&predictions, 10)(&all) - 0.159).abs() < 1e-9);
    let value = |name| find(name).unwrap().statistic(&predictions)(&all);
    assert!((value("brier") - 0.23179).abs() < 1e-9);
    assert!((value("log_loss") - 0.638_879).abs() < 5e-7);
}

#[test]
fn adaptive_bins_hold_equal_numbers() {
    // Ten answers over fifteen bins: each alone in its bin, so the error is the mean gap.
    let predictions = published_calibration();
    let all = everything(&predictions);
    let expected = (0.05 + 0.08 + 0.15 + 0.81 + 0.25 + 0.72 + 0.35 + 0.62 + 0.55 + 0.49) / 10.0;
    let crate::metrics::Estimate::Resampled(prepare) = adaptive_ece::METRIC.estimate else {
        panic!("a calibration error is no share")
    };
    close(prepare(&predictions)(&all), expected, "adaptive");
}

#[test]
fn the_area_under_risk_and_coverage_by_hand() {
    // Confidence .9 right, .8 wrong, then a tie at .6 of which one of two is right:
    // risks 0, 1/2, (1 + 1/2) / 3, 2/4.
    let rows = [(0, 0.9), (1, 0.8), (0, 0.6), (1, 0.6)];
    let rows = rows.map(|(gold, p): (u32, f64)| (vec![gold], vec![p, 1.0 - p])).to_vec();
    let predictions = predictions(LabelMode::Single, rows);
    let value = find("aurc").unwrap().statistic(&predictions)(&everything(&predictions));
    close(value, (0.0 + 0.5 + 0.5 + 0.5) / 4.0, "area");
}

#[test]
fn strangers_by_hand() {
    // In scope 1 to 19 and one that looks like a stranger (40); strangers 20, 30 and 40.
    let mut scores: Vec<(f64, bool)> = (1..20).map(|score| (f64::from(score), false)).collect();
    scores.extend([(40.0, false), (20.0, true), (30.0, true), (40.0, true)]);
    let certain = |stranger: bool| (if stranger { vec![] } else { vec![0] }, vec![1.0, 0.0]);
    let rows = scores.iter().map(|(_, stranger)| certain(*stranger)).collect();
    let mut items = predictions(LabelMode::Single, rows).items().to_vec();
    for (item, (score, _)) in items.iter_mut().zip(&scores) {
        item.ood_score = Some(*score);
    }
    let labels = crate::sample::labels(2);
    let predictions = Predictions::new(labels, LabelMode::Single, items).unwrap();
    let value = |name| find(name).unwrap().statistic(&predictions)(&everything(&predictions));
    // Each stranger looks stranger than nineteen of twenty; the last ties with the twentieth.
    close(value("auroc"), (19.0 + 19.0 + 19.5) / 60.0, "AUROC");
    // Nineteen of twenty in scope are let through below 20: no stranger slips.
    close(value("fpr95"), 0.0, "FPR95");
}

#[test]
fn names_are_unique_and_bars_can_be_met() {
    use freehold_vocabulary::Metric;
    let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), METRICS.len());
    for metric in [Metric::Accuracy, Metric::MacroF1, Metric::MicroF1] {
        assert!(find(metric.as_str()).is_some(), "{metric:?}");
    }
}
