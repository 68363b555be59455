//! Files to import, and shortcuts through the public interface.

use std::path::{Path, PathBuf};

use freehold_curation::{
    CurationError, Dataset, ImportRequest, Imported, SourceFile, SplitPlan, Written, import,
};
use freehold_vocabulary::ports::Silent;
use freehold_vocabulary::{DatasetName, Seed, Split};

/// Writes a file and gives its path.
pub fn file(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

pub fn name() -> DatasetName {
    DatasetName::parse("tickets").unwrap()
}

/// A request for one file.
pub fn request(path: impl Into<PathBuf>) -> ImportRequest {
    ImportRequest::new(name(), vec![SourceFile::new(path)])
}

/// A request for train and test files.
pub fn train_and_test(train: PathBuf, test: PathBuf) -> ImportRequest {
    let files =
        [SourceFile::given_for(train, Split::Train), SourceFile::given_for(test, Split::Test)];
    ImportRequest::new(name(), files.to_vec())
}

pub fn run(request: &ImportRequest) -> Result<Imported, CurationError> {
    import(request, &Silent)
}

/// Import, split with seed 1, write below `root`.
pub fn version(request: &ImportRequest, root: &Path) -> (Written, Dataset) {
    let divided = run(request).unwrap().split(&SplitPlan::default(), Seed(1), &Silent).unwrap();
    let written = divided.write_version(root, None, &Silent).unwrap();
    let dataset = Dataset::open_verified(&written.dir, &written.digest).unwrap();
    (written, dataset)
}

/// The folder with public data sets, if this machine has it.
pub fn public_data() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let path = std::env::var_os("FREEHOLD_DATA").map_or_else(|| default.into(), PathBuf::from);
    path.is_dir().then_some(path)
}
