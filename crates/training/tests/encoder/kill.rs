//! Kill -9 at random moments, start again, and end with the same bits.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use freehold_training::{EncoderSpec, Method, TrainingError, TrainingEvent};
use freehold_vocabulary::{Random, Seed};

use crate::fixture::{Task, bits, lora, spec};

const RUN_DIR: &str = "FREEHOLD_TEST_RUN_DIR";
const METHOD: &str = "FREEHOLD_TEST_METHOD";

fn long(method: &str) -> EncoderSpec {
    let method = if method == "lora" { lora() } else { Method::Full };
    EncoderSpec { epochs: 6, checkpoint_interval_steps: 3, teacher_share: 0.3, ..spec(method) }
}

/// Not a test of its own: the process that the tests below kill.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(RUN_DIR) else { return };
    let spec = long(&std::env::var(METHOD).unwrap());
    Task::tiny().run(&spec, Path::new(&dir)).unwrap();
}

fn child_of(dir: &Path, method: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::child"]).env(RUN_DIR, dir).env(METHOD, method);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Kills children while files appear and disappear under them, until one comes to its end.
fn check(method: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(Seed(7));
    let (mut kills, mut finished) = (0, false);
    while !finished {
        let mut child = child_of(dir.path(), method).spawn().unwrap();
        // Patience is counted in looks at the process, not in time; later ones may finish.
        let looks = random.below(400) * (kills + 1);
        let ended = (0..looks).find_map(|_| {
            let _ = std::fs::read_dir(dir.path()).map(Iterator::count);
            std::thread::yield_now();
            child.try_wait().unwrap()
        });
        if ended.is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        let status = child.wait().unwrap();
        assert!(status.success() || status.signal() == Some(9), "the child failed: {status}");
        finished = status.success();
    }
    let task = Task::tiny();
    let mut resumed = 0;
    let mut watch = |event| resumed += usize::from(matches!(event, TrainingEvent::Resumed { .. }));
    let model = task.watched(&long(method), dir.path(), &mut watch).unwrap();
    assert_eq!(resumed, 1, "the last start finds the finished run");
    assert_eq!(bits(&model), task.weights(&long(method)), "after {kills} kills");
    let files: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(files, ["checkpoint.safetensors"]);
}

#[test]
fn full_fine_tuning_survives_kills() {
    check("full");
}

#[test]
fn adapters_survive_kills() {
    check("lora");
}

/// Runs until a checkpoint of that step is safe, and stops there.
fn stop_at(task: &Task, spec: &EncoderSpec, dir: &Path, stop: u64) {
    let stopped = std::panic::catch_unwind(|| {
        task.watched(spec, dir, &mut |event| {
            assert_ne!(event, TrainingEvent::CheckpointWritten { step: stop }, "stop here");
        })
    });
    assert!(stopped.is_err(), "step {stop} was not reached");
}

/// Not at random moments: every step is a place to go on from.
#[test]
fn every_step_is_a_place_to_go_on_from() {
    let task = Task::tiny();
    let spec = EncoderSpec { epochs: 1, checkpoint_interval_steps: 1, ..spec(lora()) };
    let expected = task.weights(&spec);
    let dir = tempfile::tempdir().unwrap();
    (1..=15).for_each(|step| stop_at(&task, &spec, dir.path(), step));
    assert_eq!(bits(&task.run(&spec, dir.path()).unwrap()), expected);
}

/// The child may write files of a few blocks only, as on a full disk.
#[test]
fn a_full_disk_is_an_error_and_the_run_goes_on_when_there_is_room() {
    let (task, dir) = (Task::tiny(), tempfile::tempdir().unwrap());
    stop_at(&task, &long("full"), dir.path(), 6);
    let path = dir.path().join("checkpoint.safetensors");
    let before = std::fs::read(&path).unwrap();
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" --exact kill::child --nocapture";
    let mut starved = Command::new("sh");
    starved.args(["-c", script]).arg(std::env::current_exe().unwrap());
    let output = starved.env(RUN_DIR, dir.path()).env(METHOD, "full").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("Unwritable"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing half-written is left");
    assert_eq!(bits(&task.run(&long("full"), dir.path()).unwrap()), task.weights(&long("full")));
}

/// The state is tampered with: no rate makes a network with norms leave the finite numbers soon.
#[test]
fn a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_checkpoint() {
    let (task, dir) = (Task::tiny(), tempfile::tempdir().unwrap());
    let spec = long("full");
    stop_at(&task, &spec, dir.path(), 6);
    let path = dir.path().join("checkpoint.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let huge = f32::MAX.to_le_bytes().into_iter().cycle();
    bytes[data..data + 4000].iter_mut().zip(huge).for_each(|(byte, huge)| *byte = huge);
    std::fs::write(&path, &bytes).unwrap();
    let error = task.run(&spec, dir.path()).unwrap_err();
    let TrainingError::Diverged { step: 7, checkpoint_step: 6, .. } = error else {
        panic!("{error}");
    };
    assert!(error.to_string().contains("lower `encoder_learning_rate` (now 0.003)"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}
