//! Everything a run needs to go on as if it had never stopped, in one file.
//!
//! One file, because two could disagree after a crash. It is a safetensors file with the state
//! of the run in its metadata, so that it can be looked into with common tools.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use freehold_models::weights::Weights;
use freehold_vocabulary::Digest;
use serde::{Deserialize, Serialize};

use crate::error::TrainingError;
use crate::optimiser::Moments;
use crate::storage::{Outgoing, write_tensors};

/// The file in the run directory.
pub const FILE_NAME: &str = "checkpoint.safetensors";
const KEY: &str = "freehold";
const HEADER_BYTES_MAX: u64 = 1 << 26;

/// What an epoch came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    pub epoch: u32,
    pub training_loss: f64,
    /// Absent without validation examples.
    pub validation: Option<Score>,
}

/// How good predictions are on validation examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Accuracy for single labels, micro-averaged F1 at one half for several.
    pub quality: f64,
    pub loss: f64,
}

impl Score {
    /// Quality decides, loss breaks ties.
    #[must_use]
    pub fn beats(&self, other: &Self) -> bool {
        self.quality > other.quality || (self.quality == other.quality && self.loss < other.loss)
    }
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Of specification, base, labels and examples: a checkpoint only continues its own run.
    pub run: RunIdentity,
    /// Steps done.
    pub step: u64,
    pub history: Vec<EpochRecord>,
    /// Sum of losses of the epoch that is under way.
    pub loss_sum: f64,
    pub best: Option<Score>,
    pub best_epoch: u32,
}

/// What makes a run the same run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunIdentity {
    pub specification: Digest,
    pub base: Digest,
    pub data: Digest,
}

impl RunIdentity {
    fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            ("the specification", self.specification != other.specification),
            ("the base model", self.base != other.base),
            ("the data", self.data != other.data),
        ]
        .into_iter()
        .find_map(|(what, differs)| differs.then_some(what))
    }
}

/// The vectors of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub position: Position,
    pub trainable: Vec<f32>,
    pub moments: Moments,
    /// The weights of the best epoch; empty before the first.
    pub best: Vec<f32>,
}

/// Writes the state, replacing the one before.
///
/// # Errors
/// When the disk refuses; the checkpoint before is still there.
pub fn write(
    dir: &Path,
    position: &Position,
    trainable: &[f32],
    moments: &Moments,
    best: &[f32],
) -> Result<(), TrainingError> {
    let state = serde_json::to_string(position).expect("a position is plain data");
    let metadata = BTreeMap::from([(KEY.to_owned(), state)]);
    let vectors = [
        ("trainable", trainable),
        ("first_moments", &moments.first),
        ("second_moments", &moments.second),
        ("best", best),
    ];
    let tensors = vectors.map(|(name, data)| Outgoing {
        name: name.to_owned(),
        shape: vec![data.len()],
        data: Cow::Borrowed(data),
    });
    write_tensors(&dir.join(FILE_NAME), &metadata, &tensors)
}

/// Reads the state of `run` with `len` trainable numbers, if there is one.
///
/// # Errors
/// When the file cannot be read, is damaged, or belongs to another run.
pub fn read(dir: &Path, run: &RunIdentity, len: usize) -> Result<Option<State>, TrainingError> {
    let path = dir.join(FILE_NAME);
    if !path.exists() {
        return Ok(None);
    }
    let damaged = |reason: String| TrainingError::Checkpoint { path: path.clone(), reason };
    let metadata = metadata(&path)?;
    let position: Position = metadata
        .get(KEY)
        .ok_or_else(|| damaged("it does not hold the state of a run".to_owned()))
        .and_then(|it| serde_json::from_str(it).map_err(|error| damaged(error.to_string())))?;
    if let Some(difference) = position.run.difference(run) {
        return Err(TrainingError::OtherRun { path: dir.to_owned(), difference });
    }
    let file = Weights::open_file(&path).map_err(|error| damaged(error.to_string()))?;
    let vector = |name: &str, len: usize| {
        file.tensor(name, &[len]).map_err(|error| damaged(error.to_string()))
    };
    let best = if position.best.is_some() { len } else { 0 };
    Ok(Some(State {
        trainable: vector("trainable", len)?,
        moments: Moments {
            first: vector("first_moments", len)?,
            second: vector("second_moments", len)?,
        },
        best: vector("best", best)?,
        position,
    }))
}

fn metadata(path: &Path) -> Result<BTreeMap<String, String>, TrainingError> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "__metadata__")]
        metadata: BTreeMap<String, String>,
    }
    let damaged = |reason: String| TrainingError::Checkpoint { path: path.to_owned(), reason };
    let unreadable = |error| TrainingError::unreadable(path, error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut size = [0; 8];
    file.read_exact(&mut size).map_err(|error| damaged(error.to_string()))?;
    let size = u64::from_le_bytes(size);
    if size > HEADER_BYTES_MAX {
        return Err(damaged(format!("its header has {size} bytes")));
    }
    let mut header = Vec::new();
    file.take(size).read_to_end(&mut header).map_err(unreadable)?;
    let header: Header =
        serde_json::from_slice(&header).map_err(|error| damaged(error.to_string()))?;
    Ok(header.metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(data: &str) -> RunIdentity {
        RunIdentity {
            specification: Digest::of("s"),
            base: Digest::of("b"),
            data: Digest::of(data),
        }
    }

    fn state() -> State {
        let score = Score { quality: 0.1 + 0.2, loss: 1.0 / 3.0 };
        State {
            position: Position {
                run: identity("d"),
                step: 7,
                history: vec![EpochRecord {
                    epoch: 1,
                    training_loss: 0.7,
                    validation: Some(score),
                }],
                loss_sum: 2.0 / 3.0,
                best: Some(score),
                best_epoch: 1,
            },
            trainable: vec![0.1, 0.2],
            moments: Moments { first: vec![0.3, 0.4], second: vec![0.5, 0.6] },
            best: vec![0.7, 0.8],
        }
    }

    fn written() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let it = state();
        write(dir.path(), &it.position, &it.trainable, &it.moments, &it.best).unwrap();
        dir
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = written();
        assert_eq!(read(dir.path(), &identity("d"), 2).unwrap().unwrap(), state());
        assert!(read(&dir.path().join("absent"), &identity("d"), 2).unwrap().is_none());
    }

    #[test]
    fn another_run_is_not_continued() {
        let dir = written();
        let message = read(dir.path(), &identity("other"), 2).unwrap_err().to_string();
        assert!(message.contains("the data differs"), "{message}");
    }

    #[test]
    fn damage_is_an_error_at_any_length() {
        let dir = written();
        let path = dir.path().join(FILE_NAME);
        let bytes = std::fs::read(&path).unwrap();
        for len in (0..bytes.len()).step_by(7) {
            std::fs::write(&path, &bytes[..len]).unwrap();
            let error = read(dir.path(), &identity("d"), 2).unwrap_err();
            assert!(matches!(error, TrainingError::Checkpoint { .. }), "{error}");
        }
    }
}
