//! Fine-tunes on a labelled CSV (`text,label` with a header) and judges the result.
//!
//! `finetune BASE TRAIN.csv RUN_DIR SPEC.json THREADS SHARE [TEST.csv]`: `SHARE` of the training
//! file, drawn by label, is held back for validation. The test file is looked at once, at the end.
//! Exports and the logits of some texts go to `RUN_DIR/exports`, for `tests/interop/check.py`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use freehold_training::{EncoderSpec, Method, TrainingEvent, train_encoder};
use freehold_vocabulary::{Label, LabelSet, LabelledText, Random, Seed};

fn read(path: &str) -> Vec<(String, Label)> {
    let mut reader = csv::Reader::from_path(path).expect("a CSV file");
    let row = |it: Result<csv::StringRecord, csv::Error>| {
        let it = it.expect("a row");
        (it[0].to_owned(), Label::parse(&it[1]).expect("a label"))
    };
    reader.records().map(row).collect()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let spec: EncoderSpec = serde_json::from_str(&args[3]).expect("a specification");
    let threads: NonZeroUsize = args[4].parse().expect("threads");
    let share: f64 = args[5].parse().expect("a share");
    let rows = read(&args[1]);
    let labels = LabelSet::sorted(rows.iter().map(|it| it.1.clone()));
    let labelled = |(text, label): &(String, Label)| LabelledText {
        text: text.clone(),
        labels: vec![labels.index_of(label).expect("a known label")],
    };
    let mut by_label: BTreeMap<u32, Vec<LabelledText>> = BTreeMap::new();
    for it in rows.iter().map(labelled) {
        by_label.entry(it.labels[0]).or_default().push(it);
    }
    let mut random = Random::new(Seed(42));
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for mut examples in by_label.into_values() {
        random.shuffle(&mut examples);
        let held = (examples.len() as f64 * share).round() as usize;
        validation.extend(examples.drain(..held));
        train.extend(examples);
    }
    println!(
        "{} training, {} validation texts, {} labels",
        train.len(),
        validation.len(),
        labels.len()
    );
    let mut events = |event: TrainingEvent| match event {
        TrainingEvent::Stepped { step, loss, .. } if step % 50 == 0 => {
            println!("step {step}: loss {loss:.4}")
        }
        TrainingEvent::Stepped { .. } | TrainingEvent::CheckpointWritten { .. } => {}
        other => println!("{other:?}"),
    };
    let (base, run_dir) = (Path::new(&args[0]), Path::new(&args[2]));
    let model =
        train_encoder(&spec, base, &train, &validation, &labels, run_dir, threads, &mut events)
            .expect("a model");
    println!("best on validation: {:?} in epoch {}", model.best, model.best_epoch);
    if let Some(test) = args.get(6) {
        let test: Vec<LabelledText> = read(test).iter().map(labelled).collect();
        println!("test: {:?}", model.judge(&test).expect("logits"));
    }
    let exports = run_dir.join("exports");
    model.write_merged(&exports.join("merged")).expect("a merged model");
    if matches!(spec.method, Method::Lora(_)) {
        model.write_adapter(&exports.join("adapter"), &args[0]).expect("an adapter");
    }
    let mut sample: Vec<LabelledText> =
        train.iter().step_by(train.len() / 20 + 1).cloned().collect();
    // The longest shows whether texts are cut alike.
    sample.extend(train.iter().max_by_key(|it| it.text.len()).cloned());
    let logits = model.logits(&sample).expect("logits");
    let logits: Vec<&[f32]> = logits.chunks_exact(labels.len()).collect();
    let texts: Vec<&str> = sample.iter().map(|it| it.text.as_str()).collect();
    let record = serde_json::json!({"texts": texts, "logits": logits});
    std::fs::write(exports.join("logits.json"), record.to_string()).expect("room on the disk");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    println!("{}", status.lines().find(|it| it.starts_with("VmHWM")).expect("VmHWM"));
}
