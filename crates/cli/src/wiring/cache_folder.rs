//! A folder of cached answers: one file each, named by its key, bounded in bytes.
//!
//! A file begins with the digest of the rest, so that a damaged or half-written one is told and
//! removed. Nothing waits for the disk: a cache that forgets after a loss of power loses nothing.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use freehold_gateway::CacheShelf;
use freehold_vocabulary::Digest;

/// Hexadecimal digits of a digest, and the end of its line.
const HEAD_BYTES: usize = 65;

#[derive(Debug)]
pub struct CacheFolder {
    folder: PathBuf,
    index: Mutex<Index>,
}

/// What lies there, by last use.
#[derive(Debug)]
struct Index {
    files: HashMap<Digest, (u64, u64)>,
    order: BTreeMap<u64, Digest>,
    uses: u64,
    bytes: u64,
    bytes_max: u64,
}

impl CacheFolder {
    /// Makes the folder, or takes up what lies in it, the oldest to be forgotten first.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Self> {
        std::fs::create_dir_all(folder).context("it cannot be made")?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).context("it cannot be read")? {
            let entry = entry?;
            let meta = entry.metadata()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            match Digest::parse(&name) {
                Ok(key) if meta.is_file() => found.push((meta.modified()?, key, meta.len())),
                // A file that a killed server was writing.
                _ if name.starts_with(".tmp") => std::fs::remove_file(entry.path())?,
                _ => {}
            }
        }
        found.sort_by_key(|(modified, ..)| *modified);
        let (files, order) = (HashMap::new(), BTreeMap::new());
        let mut index = Index { files, order, uses: 0, bytes: 0, bytes_max };
        for (_, key, bytes) in found {
            index.add(key, bytes);
        }
        let shelf = Self { folder: folder.to_owned(), index: Mutex::new(index) };
        shelf.make_room(0);
        Ok(shelf)
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.folder.join(key.hex())
    }

    /// Removes what was not asked for longest until so many bytes fit.
    fn make_room(&self, bytes: u64) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        while index.bytes + bytes > index.bytes_max {
            let Some((_, oldest)) = index.order.first_key_value() else { break };
            let oldest = oldest.clone();
            index.forget(&oldest);
            if let Err(cause) = std::fs::remove_file(self.path(&oldest)) {
                tracing::warn!("a cached answer cannot be removed: {cause}");
            }
        }
    }

    fn write(&self, key: &Digest, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".tmp").tempfile_in(&self.folder)?;
        writeln!(file, "{}", Digest::of(bytes).hex())?;
        file.write_all(bytes)?;
        file.persist(self.path(key)).map_err(|error| error.error)?;
        Ok(())
    }
}

impl CacheShelf for CacheFolder {
    fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        {
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            let (bytes, _) = *index.files.get(key)?;
            index.add(key.clone(), bytes);
        }
        let mut bytes = std::fs::read(self.path(key)).ok()?;
        if bytes.len() >= HEAD_BYTES {
            let rest = bytes.split_off(HEAD_BYTES);
            if bytes[..HEAD_BYTES - 1] == *Digest::of(&rest).hex().as_bytes() {
                return Some(rest);
            }
        }
        tracing::warn!("the cached answer {} is damaged; it is asked anew", key.short());
        self.index.lock().unwrap_or_else(PoisonError::into_inner).forget(key);
        // It is not in the index, so nobody reads it even where it cannot be removed.
        let _ = std::fs::remove_file(self.path(key));
        None
    }

    fn put(&self, key: &Digest, bytes: &[u8]) {
        let size = (bytes.len() + HEAD_BYTES) as u64;
        self.make_room(size);
        {
            let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            if index.bytes + size > index.bytes_max {
                return;
            }
        }
        match self.write(key, bytes) {
            Ok(()) => {
                let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
                index.add(key.clone(), size);
            }
            Err(cause) => tracing::warn!("an answer is not kept on disk: {cause}"),
        }
    }
}

impl Index {
    fn add(&mut self, key: Digest, bytes: u64) {
        self.forget(&key);
        self.uses += 1;
        self.order.insert(self.uses, key.clone());
        self.files.insert(key, (bytes, self.uses));
        self.bytes += bytes;
    }

    fn forget(&mut self, key: &Digest) {
        if let Some((bytes, used)) = self.files.remove(key) {
            self.order.remove(&used);
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Digest {
        Digest::of([n])
    }

    #[test]
    fn answers_outlive_the_server_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = CacheFolder::open(folder.path(), 1 << 20).unwrap();
        shelf.put(&key(1), b"one");
        shelf.put(&key(2), b"two");
        std::fs::write(folder.path().join(".tmp-half"), "x").unwrap();
        let shelf = CacheFolder::open(folder.path(), 1 << 20).unwrap();
        assert!(!folder.path().join(".tmp-half").exists());
        assert_eq!(shelf.get(&key(1)).unwrap(), b"one");
        let path = shelf.path(&key(2));
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(shelf.get(&key(2)), None);
        assert!(!path.exists());
        assert_eq!(shelf.get(&key(3)), None);
    }

    #[test]
    fn the_folder_stays_within_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        // Room for three answers of 35 bytes.
        let shelf = CacheFolder::open(folder.path(), 300).unwrap();
        for n in 1..=3 {
            shelf.put(&key(n), &[n; 35]);
        }
        assert!(shelf.get(&key(1)).is_some(), "so that 2 was not asked for longest");
        shelf.put(&key(4), &[4; 35]);
        let known = [1, 2, 3, 4].map(|n| shelf.get(&key(n)).is_some());
        assert_eq!(known, [true, false, true, true]);
        shelf.put(&key(5), &[5; 400]);
        assert_eq!(shelf.get(&key(5)), None, "too large for the folder");
        let shelf = CacheFolder::open(folder.path(), 100).unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert!(files <= 1, "a smaller folder forgets: {files}");
        drop(shelf);
    }
}
