//! A depot in a folder: `SHELF/OWNER/NAME`, readable by the server's user alone.
//!
//! No object is immutable here and none has a digest: what callers leave and fetch again is
//! content on its way, not an artifact.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use freehold_vocabulary::ports::{Depot, DepotError, DepotLock, DepotPlace, Shelf, Shelved};
use tempfile::NamedTempFile;

use crate::disk::{lock_file, sync_folder};

/// Objects half-written by [`Depot::put`] begin with it; no object's name does.
const HALF: &str = ".half-";

/// Files that only exist to be locked begin with it.
const LOCK: &str = ".lock-";

/// A depot in a folder.
#[derive(Debug, Clone)]
pub struct FolderDepot {
    root: PathBuf,
}

impl FolderDepot {
    /// Uses the folder, which is made when the first object comes.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, place: &DepotPlace) -> PathBuf {
        self.folder(place.shelf(), place.owner()).join(place.name())
    }

    fn folder(&self, shelf: Shelf, owner: &str) -> PathBuf {
        self.root.join(shelf.as_str()).join(owner)
    }

    /// Makes the folder of a path, its name durable.
    fn make_folder(&self, place: &DepotPlace) -> Result<PathBuf, DepotError> {
        let folder = self.folder(place.shelf(), place.owner());
        if !folder.is_dir() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&folder).map_err(failed(&folder))?;
            sync(&self.root.join(place.shelf().as_str()))?;
        }
        Ok(folder)
    }
}

impl Depot for FolderDepot {
    fn put(&self, place: &DepotPlace, bytes: &[u8]) -> Result<(), DepotError> {
        let folder = self.make_folder(place)?;
        let path = self.path(place);
        // Temporary files belong to their owner alone, and keep that when they get their name.
        let file = tempfile::Builder::new().prefix(HALF).tempfile_in(&folder);
        let mut file: NamedTempFile = file.map_err(failed(&path))?;
        file.write_all(bytes).map_err(failed(&path))?;
        file.as_file().sync_all().map_err(failed(&path))?;
        file.persist(&path).map_err(|error| fault(&path, &error.error))?;
        sync(&folder)
    }

    fn write_at(&self, place: &DepotPlace, offset: u64, bytes: &[u8]) -> Result<(), DepotError> {
        let folder = self.make_folder(place)?;
        let path = self.path(place);
        let fresh = !path.exists();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed(&path))?;
        file.set_len(offset).map_err(failed(&path))?;
        file.seek(SeekFrom::Start(offset)).map_err(failed(&path))?;
        file.write_all(bytes).map_err(failed(&path))?;
        file.sync_data().map_err(failed(&path))?;
        if fresh { sync(&folder) } else { Ok(()) }
    }

    fn read_at(
        &self,
        place: &DepotPlace,
        offset: u64,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, DepotError> {
        let path = self.path(place);
        let Some(mut file) = there(File::open(&path), &path)? else { return Ok(None) };
        file.seek(SeekFrom::Start(offset)).map_err(failed(&path))?;
        let mut bytes = Vec::new();
        file.take(bytes_max as u64).read_to_end(&mut bytes).map_err(failed(&path))?;
        Ok(Some(bytes))
    }

    fn length(&self, place: &DepotPlace) -> Result<Option<u64>, DepotError> {
        let path = self.path(place);
        Ok(there(fs::metadata(&path), &path)?.map(|it| it.len()))
    }

    fn remove(&self, place: &DepotPlace) -> Result<bool, DepotError> {
        let path = self.path(place);
        if there(fs::remove_file(&path), &path)?.is_none() {
            return Ok(false);
        }
        let folder = self.folder(place.shelf(), place.owner());
        // Nobody locks what is no more; most objects never had a lock.
        let lock = folder.join(format!("{LOCK}{}", place.name()));
        there(fs::remove_file(&lock), &lock)?;
        sync(&folder)?;
        Ok(true)
    }

    fn lock(&self, place: &DepotPlace) -> Result<Option<DepotLock>, DepotError> {
        let path = self.make_folder(place)?.join(format!("{LOCK}{}", place.name()));
        let file = lock_file(&path).map_err(|error| DepotError::Broken(error.to_string()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(fault(&path, &error)),
        }
    }

    fn list(&self, shelf: Shelf, owner: &str) -> Result<Vec<Shelved>, DepotError> {
        let folder = self.folder(shelf, owner);
        let Some(entries) = there(fs::read_dir(&folder), &folder)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed(&folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // An object may be removed while the list is made.
            if !name.starts_with('.')
                && let Some(metadata) = there(entry.metadata(), &entry.path())?
            {
                found.push(Shelved { name, bytes: metadata.len() });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn owners(&self, shelf: Shelf) -> Result<Vec<String>, DepotError> {
        let folder = self.root.join(shelf.as_str());
        let Some(entries) = there(fs::read_dir(&folder), &folder)? else { return Ok(Vec::new()) };
        let names = entries.map(|it| it.map(|it| it.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<io::Result<Vec<_>>>().map_err(failed(&folder))?;
        names.sort();
        Ok(names)
    }
}

fn sync(folder: &Path) -> Result<(), DepotError> {
    sync_folder(folder).map_err(|error| DepotError::Broken(error.to_string()))
}

/// Nothing where there is nothing.
fn there<T>(found: io::Result<T>, path: &Path) -> Result<Option<T>, DepotError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(path, &error)),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DepotError + '_ {
    move |error| fault(path, &error)
}

fn fault(path: &Path, error: &io::Error) -> DepotError {
    let text = format!("`{}`: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            DepotError::Full(text)
        }
        _ => DepotError::Broken(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(owner: &str, name: &str) -> DepotPlace {
        DepotPlace::new(Shelf::Files, owner, name).unwrap()
    }

    #[test]
    fn objects_are_whole_and_belong_to_their_owner() {
        let folder = tempfile::TempDir::new().unwrap();
        let depot = FolderDepot::new(folder.path().join("depot"));
        let mine = place("ann", "a");
        assert_eq!(depot.read_at(&mine, 0, 9), Ok(None));
        assert_eq!(depot.length(&mine), Ok(None));
        assert_eq!(depot.list(Shelf::Files, "ann"), Ok(Vec::new()));
        depot.put(&mine, b"first").unwrap();
        depot.put(&mine, b"second").unwrap();
        assert_eq!(depot.read_at(&mine, 0, 99).unwrap().unwrap(), b"second");
        assert_eq!(depot.read_at(&mine, 2, 3).unwrap().unwrap(), b"con");
        assert_eq!(depot.read_at(&place("bob", "a"), 0, 9), Ok(None));
        depot.put(&place("bob", "b"), b"x").unwrap();
        let named = |name: &str, bytes| Shelved { name: name.to_owned(), bytes };
        assert_eq!(depot.list(Shelf::Files, "ann"), Ok(vec![named("a", 6)]));
        assert_eq!(depot.owners(Shelf::Files), Ok(vec!["ann".to_owned(), "bob".to_owned()]));
        assert_eq!((depot.remove(&mine), depot.remove(&mine)), (Ok(true), Ok(false)));
    }

    #[test]
    fn bytes_are_written_from_an_offset_on_and_nothing_stays_behind() {
        let folder = tempfile::TempDir::new().unwrap();
        let depot = FolderDepot::new(folder.path().to_owned());
        let it = place("ann", "a");
        depot.write_at(&it, 0, b"one\ntwo\nhal").unwrap();
        depot.write_at(&it, 8, b"three\n").unwrap();
        assert_eq!(depot.read_at(&it, 0, 99).unwrap().unwrap(), b"one\ntwo\nthree\n");
        depot.write_at(&it, 4, b"").unwrap();
        assert_eq!(depot.length(&it), Ok(Some(4)));
    }

    #[test]
    fn one_holds_a_lock_at_a_time_and_locks_are_no_objects() {
        let folder = tempfile::TempDir::new().unwrap();
        let depot = FolderDepot::new(folder.path().to_owned());
        let it = place("ann", "a");
        let held = depot.lock(&it).unwrap().unwrap();
        assert!(depot.lock(&it).unwrap().is_none());
        assert!(depot.lock(&place("ann", "b")).unwrap().is_some());
        assert_eq!(depot.list(Shelf::Files, "ann"), Ok(Vec::new()));
        drop(held);
        assert!(depot.lock(&it).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_what_callers_left() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::TempDir::new().unwrap();
        let depot = FolderDepot::new(folder.path().join("depot"));
        depot.put(&place("ann", "a"), b"x").unwrap();
        depot.write_at(&place("ann", "b"), 0, b"x").unwrap();
        for name in ["a", "b"] {
            let path = depot.path(&place("ann", name));
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
        }
    }
}
