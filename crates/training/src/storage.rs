//! Files that are there whole or not at all.
//!
//! A file is written under a temporary name, flushed to the disk, then renamed; the directory is
//! flushed last. A crash leaves the old file, or the new one, and maybe a temporary one that the
//! next run removes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::TrainingError;

/// How temporary files begin.
const TEMPORARY_PREFIX: &str = ".freehold-unfinished-";

/// Writes a file through `content`.
///
/// # Errors
/// When the disk refuses; the file that was there before is still there.
pub fn write_whole(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), TrainingError> {
    let failed = |error| TrainingError::unwritable(path, error);
    let dir = path.parent().expect("a file has a directory");
    let file =
        tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(dir).map_err(failed)?;
    let mut buffered = BufWriter::with_capacity(1 << 18, file);
    content(&mut buffered).map_err(failed)?;
    let file = buffered.into_inner().map_err(|error| failed(error.into_error()))?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

/// Removes what a killed run left half-written.
///
/// # Errors
/// When the directory cannot be read or a file cannot be removed.
pub fn remove_unfinished(dir: &Path) -> Result<(), TrainingError> {
    let entries = std::fs::read_dir(dir).map_err(|error| TrainingError::unreadable(dir, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| TrainingError::unreadable(dir, error))?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(|error| TrainingError::unwritable(&path, error))?;
        }
    }
    Ok(())
}

/// A tensor on its way into a file.
#[derive(Debug)]
pub struct Outgoing<'a> {
    pub name: String,
    pub shape: Vec<usize>,
    pub data: Cow<'a, [f32]>,
}

/// Writes a safetensors file without a second copy of the weights in memory.
///
/// # Errors
/// When the disk refuses.
pub fn write_tensors(
    path: &Path,
    metadata: &BTreeMap<String, String>,
    tensors: &[Outgoing<'_>],
) -> Result<(), TrainingError> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!(metadata));
    let mut end = 0;
    for tensor in tensors {
        assert_eq!(tensor.shape.iter().product::<usize>(), tensor.data.len(), "{}", tensor.name);
        let (start, bytes) = (end, tensor.data.len() * 4);
        end += bytes;
        let entry = json!({"dtype": "F32", "shape": tensor.shape, "data_offsets": [start, end]});
        header.insert(tensor.name.clone(), entry);
    }
    let mut header = Value::Object(header).to_string();
    // The format wants the data aligned; spaces at the end of the header do it.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    write_whole(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(header.as_bytes())?;
        for value in tensors.iter().flat_map(|it| it.data.iter()) {
            file.write_all(&value.to_le_bytes())?;
        }
        Ok(())
    })
}

/// Writes a small text file.
///
/// # Errors
/// When the disk refuses.
pub fn write_text(path: &Path, text: &str) -> Result<(), TrainingError> {
    write_whole(path, |file| file.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("weights");
        write_text(&path, "old").unwrap();
        let full = || Err(io::Error::from(io::ErrorKind::StorageFull));
        let error = write_whole(&path, |file| file.write_all(b"new").and_then(|()| full()));
        let message = error.unwrap_err().to_string();
        assert!(message.contains("weights") && message.contains("free some space"), "{message}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn leftovers_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".freehold-unfinished-x"), "half").unwrap();
        std::fs::write(dir.path().join("whole"), "").unwrap();
        remove_unfinished(dir.path()).unwrap();
        assert!(dir.path().join("whole").exists());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn tensors_are_read_back_by_the_format_s_own_library() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.safetensors");
        let data = [1.0, -2.5, 3.0, 0.0, 5.0, 6.0];
        let tensors =
            [Outgoing { name: "a".to_owned(), shape: vec![2, 3], data: Cow::Borrowed(&data) }];
        write_tensors(&path, &BTreeMap::from([("format".to_owned(), "pt".to_owned())]), &tensors)
            .unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("a").unwrap().shape(), [2, 3]);
        let values = file.tensor("a").unwrap().data().chunks_exact(4);
        let values: Vec<f32> =
            values.map(|it| f32::from_le_bytes(it.try_into().unwrap())).collect();
        assert_eq!(values, data);
    }
}
