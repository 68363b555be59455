//! Training and prediction of the micro model on given texts, for comparison with another library.
//!
//! `micro_bench TRAIN.json TEST.json [ANSWERS.json]`; each holds a list of `[text, label number]`.
//! Prints one JSON object: seconds and processor seconds of training, bytes of the model's files,
//! texts per second at prediction, and accuracy; writes confidence and rightness of every answer.

use std::path::Path;
use std::time::Instant;

use freehold_training::trainers::micro::{MicroSpec, train_micro};
use freehold_vocabulary::ports::{Classifier, Silent};
use freehold_vocabulary::{Label, LabelMode, LabelSet, LabelledText, Seed};

/// Texts that one call predicts.
const BATCH: usize = 512;

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    fields[11..13].iter().map(|it| it.parse::<f64>().expect("ticks") / 100.0).sum()
}

fn read(path: &str) -> Vec<(String, u32)> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Softmax of the largest logit, and whether it is the right one.
fn judged(logits: &[f32], truth: u32) -> (f64, bool) {
    let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).expect("labels");
    let sum: f64 = logits.iter().map(|it| f64::from(it - logits[best]).exp()).sum();
    (1.0 / sum, best == truth as usize)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (train, test) = (read(&arguments[0]), read(&arguments[1]));
    let count = train.iter().chain(&test).map(|it| it.1 + 1).max().expect("there are texts");
    // Numbers of one width, so that their order is that of the label set.
    let names = (0..count).map(|it| Label::parse(&format!("{it:06}")).expect("a label"));
    let labels = LabelSet::new(names.collect()).expect("labels differ");
    let examples: Vec<LabelledText> =
        train.into_iter().map(|(text, label)| LabelledText { text, labels: vec![label] }).collect();
    let (begun, before) = (Instant::now(), cpu_seconds());
    let spec = MicroSpec::default();
    let model = train_micro(&spec, &examples, &[], &labels, LabelMode::Single, Seed(1), &Silent)
        .expect("a model");
    let (train_s, train_cpu_s) = (begun.elapsed().as_secs_f64(), cpu_seconds() - before);
    let folder = tempfile::tempdir().expect("a folder");
    model.save(folder.path()).expect("the disk has room");
    let classifier = model.classifier(labels, LabelMode::Single);
    let texts: Vec<&str> = test.iter().map(|it| it.0.as_str()).collect();
    let (begun, before) = (Instant::now(), cpu_seconds());
    let mut answers = Vec::with_capacity(texts.len());
    // Several passes, so that even a few thousand texts take a time that can be measured.
    let passes = (50_000 / texts.len()).max(1);
    for _ in 0..passes {
        answers.clear();
        for batch in texts.chunks(BATCH) {
            answers.extend(classifier.classify(batch).expect("answers"));
        }
    }
    let (predict_s, predict_cpu_s) = (begun.elapsed().as_secs_f64(), cpu_seconds() - before);
    let predicted = (passes * texts.len()) as f64;
    let judged: Vec<(f64, bool)> =
        answers.iter().zip(&test).map(|(it, (_, truth))| judged(&it.logits, *truth)).collect();
    let right = judged.iter().filter(|it| it.1).count();
    if let Some(path) = arguments.get(2) {
        let text = serde_json::to_string(&judged).expect("numbers");
        std::fs::write(path, text).expect("the disk has room");
    }
    println!(
        "{}",
        serde_json::json!({
            "train_s": train_s, "train_cpu_s": train_cpu_s, "bytes": bytes(folder.path()),
            "texts_per_s": predicted / predict_s, "texts_per_cpu_s": predicted / predict_cpu_s,
            "right": right, "n": texts.len(),
        })
    );
}

fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|it| it.and_then(|it| it.metadata()).expect("a file").len()).sum()
}
