//! Everything that cannot be trained is refused by name.

use freehold_training::network::build::TargetModule;
use freehold_training::{EncoderSpec, LoraSpec, Method, TrainingError};
use freehold_vocabulary::LabelledText;

use crate::fixture::{Task, labels, lora, spec};

#[track_caller]
fn check(task: &Task, spec: &EncoderSpec, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let error = task.run(spec, dir.path()).unwrap_err();
    let mut text = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(it) = cause {
        text = format!("{text}: {it}");
        cause = it.source();
    }
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_label_without_examples_is_named() {
    let labels = labels(&["lost card", "transfer", "pin", "refund"]);
    check(&Task { labels, ..Task::tiny() }, &spec(lora()), "label `refund` has no example");
}

#[test]
fn examples_without_one_label_are_named() {
    let with = |labels: Vec<u32>| {
        let mut train = Task::tiny().train;
        train[5] = LabelledText { labels, ..train[5].clone() };
        Task { train, ..Task::tiny() }
    };
    check(&with(vec![]), &spec(lora()), "training example 5 has 0 labels");
    check(&with(vec![0, 1]), &spec(lora()), "training example 5 has 2 labels");
    check(&with(vec![9]), &spec(lora()), "training example 5 has label number 9");
}

#[test]
fn a_huge_text_is_named() {
    let mut validation = Task::tiny().validation;
    validation[3].text = "a ".repeat(1 << 20);
    check(
        &Task { validation, ..Task::tiny() },
        &spec(lora()),
        "validation example 3 cannot be tokenised",
    );
}

#[test]
fn too_little_is_refused() {
    check(&Task { train: Vec::new(), ..Task::tiny() }, &spec(lora()), "0 training examples");
    check(&Task { labels: labels(&["one"]), ..Task::tiny() }, &spec(lora()), "1 labels");
}

#[test]
fn a_base_that_is_not_there_is_named() {
    let base = std::path::PathBuf::from("no-such-base");
    check(&Task { base, ..Task::tiny() }, &spec(lora()), "no-such-base/config.json");
}

#[test]
fn a_run_directory_of_another_run_is_refused() {
    let (task, dir) = (Task::tiny(), tempfile::tempdir().unwrap());
    let short = EncoderSpec { epochs: 1, ..spec(lora()) };
    task.run(&short, dir.path()).unwrap();
    let other = EncoderSpec { epochs: 2, ..short.clone() };
    let error = task.run(&other, dir.path()).unwrap_err();
    assert!(
        matches!(error, TrainingError::OtherRun { difference: "the specification", .. }),
        "{error}"
    );
    let mut changed = Task::tiny();
    changed.train[0].text.push_str(" cash");
    let error = changed.run(&short, dir.path()).unwrap_err();
    assert!(matches!(error, TrainingError::OtherRun { .. }), "{error}");
}

#[test]
fn a_part_of_a_joint_matrix_cannot_be_adapted() {
    let target_modules = [TargetModule::Query, TargetModule::Value].into();
    let method = Method::Lora(LoraSpec { target_modules, ..LoraSpec::default() });
    check(&Task::on("modernbert"), &spec(method), "name all of query, key and value");
}
