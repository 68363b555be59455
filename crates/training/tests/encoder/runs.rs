//! Whole runs on a tiny task: they learn, repeat, and move what they should.

use std::collections::BTreeSet;

use freehold_models::Pooling;
use freehold_training::trainers::encoder::search::search;
use freehold_training::{ClassWeights, EncoderSpec, HeadStart, Method, TrainingEvent};
use freehold_vocabulary::{LabelMode, LabelledText, Seed};

use crate::fixture::{FORMS, Task, bits, labels, lora, spec};

#[test]
fn threads_do_not_change_a_bit() {
    for base in FORMS {
        let with = |threads| {
            let mut task = Task { threads, ..Task::on(base) };
            // Long texts make several shards and waves of a batch.
            for example in task.train.iter_mut().step_by(3) {
                example.text = [example.text.as_str(); 40].join(" ");
            }
            task
        };
        for method in [Method::Full, lora(), Method::HeadOnly] {
            let spec =
                EncoderSpec { epochs: 1, batch_texts: 64, teacher_share: 0.5, ..spec(method) };
            let one = with(1).weights(&spec);
            for threads in [2, 5] {
                let many = with(threads).weights(&spec);
                assert!(one == many, "{base} {:?} with {threads} threads", spec.method);
            }
            assert_ne!(one, with(1).weights(&EncoderSpec { seed: Seed(1), ..spec }));
        }
    }
}

/// After one step everything trainable has moved and nothing frozen has.
#[test]
fn a_step_moves_what_is_trainable_and_nothing_else() {
    let methods = [
        (Method::Full, Pooling::Cls),
        (lora(), Pooling::Cls),
        (Method::HeadOnly, Pooling::Cls),
        (lora(), Pooling::Mean),
    ];
    for (base, (method, pooling)) in
        FORMS.into_iter().flat_map(|base| methods.clone().map(|it| (base, it)))
    {
        let mut task = Task::on(base);
        task.train.truncate(8);
        task.validation.clear();
        let still = EncoderSpec {
            epochs: 1,
            warm_up_share: 0.0,
            weight_decay: 0.0,
            pooling,
            encoder_learning_rate: Some(1e-30),
            head_learning_rate: 1e-30,
            ..spec(method)
        };
        let moving = EncoderSpec {
            encoder_learning_rate: Some(1e-2),
            head_learning_rate: 1e-2,
            ..still.clone()
        };
        let dir = tempfile::tempdir().unwrap();
        let before = task.run(&still, &dir.path().join("a")).unwrap().network;
        let after = task.run(&moving, &dir.path().join("b")).unwrap().network;
        assert_eq!(before.weights.frozen, after.weights.frozen);
        let moved: BTreeSet<_> = before
            .names
            .iter()
            .filter(|it| before.weights.get(it.span) != after.weights.get(it.span))
            .map(|it| it.name.as_str())
            .collect();
        // At the first step of adapters the gradient of A is B's zero: it moves one step later.
        let expected: BTreeSet<_> = before
            .names
            .iter()
            .filter(|it| it.span.is_trainable() && !it.name.ends_with("lora_A.weight"))
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(moved, expected, "{base} {:?}", moving.method);
        task.train.extend(Task::on(base).train.into_iter().skip(8).take(8));
        let second = task.run(&moving, &dir.path().join("c")).unwrap().network;
        let still: Vec<_> = before
            .names
            .iter()
            .filter(|it| {
                it.span.is_trainable() && before.weights.get(it.span) == second.weights.get(it.span)
            })
            .map(|it| it.name.as_str())
            .collect();
        assert!(still.is_empty(), "{base}: after two steps {still:?} have not moved");
    }
}

#[test]
fn every_method_learns_an_easy_task() {
    let task = Task::tiny();
    for (method, head_start, pooling, at_least) in [
        (Method::Full, HeadStart::Random, Pooling::Cls, 0.95),
        (Method::Full, HeadStart::Probe, Pooling::Mean, 0.95),
        (lora(), HeadStart::Random, Pooling::Mean, 0.85),
        (lora(), HeadStart::Probe, Pooling::Cls, 0.85),
        (Method::HeadOnly, HeadStart::Random, Pooling::Cls, 0.5),
        (Method::HeadOnly, HeadStart::Probe, Pooling::Mean, 0.6),
    ] {
        let epochs = 10;
        let spec = EncoderSpec {
            head_start: Some(head_start),
            pooling,
            epochs,
            patience_epochs: epochs,
            ..spec(method)
        };
        let model = task.run(&spec, tempfile::tempdir().unwrap().path()).unwrap();
        let best = model.best.unwrap();
        let what = &spec.method;
        assert!(best.quality >= at_least, "{what:?} {head_start:?} {pooling:?}: {best:?}");
        assert_eq!(model.judge(&task.validation).unwrap(), best, "the best weights were kept");
    }
}

#[test]
fn several_labels_are_learnt() {
    let mut task = Task::tiny();
    for example in task.train.iter_mut().chain(&mut task.validation) {
        if example.text.contains("cash") {
            example.labels =
                if example.text.contains("pin") { vec![] } else { vec![example.labels[0], 2] };
            example.labels.dedup();
        }
    }
    let spec = EncoderSpec {
        label_mode: LabelMode::Multi,
        epochs: 20,
        patience_epochs: 20,
        class_weights: ClassWeights::Balanced,
        ..spec(Method::Full)
    };
    let model = task.run(&spec, tempfile::tempdir().unwrap().path()).unwrap();
    assert!(model.best.unwrap().quality > 0.7, "{:?}", model.history);
}

/// What the teacher thinks reaches the targets.
#[test]
fn a_teacher_moves_the_weights() {
    let task = Task::tiny();
    let taught = |teacher_share| {
        task.weights(&EncoderSpec { epochs: 1, teacher_share, ..spec(Method::Full) })
    };
    assert_ne!(taught(0.5), taught(0.0));
    assert_ne!(taught(0.5), taught(0.25));
}

/// A fold without it would not know the label, so the teacher is not asked about it.
#[test]
fn the_only_example_of_a_label_is_no_obstacle() {
    let mut task = Task { labels: labels(&["lost", "transfer", "pin", "refund"]), ..Task::tiny() };
    task.train.push(LabelledText { text: "refund".to_owned(), labels: vec![3] });
    let dir = tempfile::tempdir().unwrap();
    let spec = EncoderSpec { epochs: 1, teacher_share: 0.5, ..spec(Method::Full) };
    assert_eq!(task.run(&spec, dir.path()).unwrap().labels.len(), 4);
}

#[test]
fn a_run_without_progress_stops_early_and_keeps_its_best_weights() {
    let task = Task::tiny();
    let spec = EncoderSpec { epochs: 30, patience_epochs: 2, ..spec(Method::Full) };
    let mut stopped = None;
    let dir = tempfile::tempdir().unwrap();
    let mut watch = |event| {
        if let TrainingEvent::StoppedEarly { epoch, best_epoch } = event {
            stopped = Some((epoch, best_epoch));
        }
    };
    let model = task.watched(&spec, dir.path(), &mut watch).unwrap();
    let (epoch, best_epoch) = stopped.expect("thirty epochs are too many");
    assert_eq!((epoch - best_epoch, best_epoch), (2, model.best_epoch));
    assert_eq!(model.judge(&task.validation).unwrap(), model.best.unwrap());
    // Starting again finds the run over.
    assert_eq!(bits(&task.run(&spec, dir.path()).unwrap()), bits(&model));
}

#[test]
fn a_search_keeps_the_best_on_validation() {
    let task = Task::tiny();
    let spec = EncoderSpec { epochs: 2, ..spec(lora()) };
    let dir = tempfile::tempdir().unwrap();
    let (budget, threads) = (3.try_into().unwrap(), 1.try_into().unwrap());
    let found = search(
        &spec,
        budget,
        &task.base,
        &task.train,
        &task.validation,
        &task.labels,
        dir.path(),
        threads,
        &mut |_, _| {},
    )
    .unwrap();
    assert_eq!(found.trials.len(), 3);
    let best = found.model.best.unwrap();
    assert!(found.trials.iter().all(|it| !it.score.beats(&best)));
}
