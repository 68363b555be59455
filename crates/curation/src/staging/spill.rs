//! The spill file: texts on disk instead of in memory.
//!
//! A record is `text length, source length, slice lengths` as little-endian `u32` (`u32::MAX`
//! for an absent slice), then the bytes. The file has no name, so that a crash leaves nothing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::CurationError;

const ABSENT: u32 = u32::MAX;
/// What is read at once; large enough for passes in order, small enough for random access.
const CHUNK: usize = 16 * 1024;

/// The file while it grows.
#[derive(Debug)]
pub(crate) struct SpillWriter {
    file: BufWriter<File>,
    directory: PathBuf,
    length: u64,
}

/// The complete file.
#[derive(Debug)]
pub(crate) struct Spill {
    file: File,
    directory: PathBuf,
    length: u64,
}

/// What was spilled of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowContent {
    pub(crate) text: String,
    pub(crate) source: String,
    pub(crate) slices: Vec<Option<String>>,
}

impl SpillWriter {
    pub(crate) fn create_in(directory: &Path) -> Result<Self, CurationError> {
        let file = tempfile::tempfile_in(directory).map_err(CurationError::write(directory))?;
        let file = BufWriter::with_capacity(256 * 1024, file);
        Ok(Self { file, directory: directory.to_owned(), length: 0 })
    }

    /// Appends a record and returns its offset.
    pub(crate) fn append(
        &mut self,
        text: &str,
        source: &str,
        slices: &[Option<String>],
    ) -> Result<u64, CurationError> {
        let offset = self.length;
        let slice_texts = slices.iter().flatten().map(String::as_str);
        let texts = || [text, source].into_iter().chain(slice_texts.clone());
        let slice_lengths = slices.iter().map(|it| it.as_ref().map_or(ABSENT, length_of));
        let lengths = [length_of(text), length_of(source)].into_iter().chain(slice_lengths);
        self.length += (8 + 4 * slices.len() + texts().map(str::len).sum::<usize>()) as u64;
        let write = || -> io::Result<()> {
            for length in lengths {
                self.file.write_all(&length.to_le_bytes())?;
            }
            texts().try_for_each(|it| self.file.write_all(it.as_bytes()))
        };
        write().map_err(CurationError::write(&self.directory))?;
        Ok(offset)
    }

    pub(crate) fn finish(self) -> Result<Spill, CurationError> {
        let failed = CurationError::write(&self.directory);
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(Spill { file, directory: self.directory, length: self.length })
    }
}

fn length_of(text: impl AsRef<str>) -> u32 {
    u32::try_from(text.as_ref().len()).expect("import limits every field below 4 GiB")
}

impl Spill {
    /// A view for one thread over records with that many slices.
    pub(crate) fn window(&self, slices: usize) -> Window<'_> {
        Window { spill: self, slices, start: 0, bytes: Vec::new() }
    }
}

/// A piece of the spill file in memory; neighbours are read for free.
#[derive(Debug)]
pub(crate) struct Window<'s> {
    spill: &'s Spill,
    slices: usize,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// The text of the record at `offset`.
    pub(crate) fn text(&mut self, offset: u64) -> Result<&str, CurationError> {
        let head = self.head_bytes();
        let length = u32_at(self.load(offset, head)?, 0) as usize;
        let record = self.load(offset, head + length)?;
        utf8(&record[head..])
    }

    /// The whole record at `offset`.
    pub(crate) fn content(&mut self, offset: u64) -> Result<RowContent, CurationError> {
        let head = self.head_bytes();
        let lengths: Vec<u32> =
            self.load(offset, head)?.chunks_exact(4).map(|it| u32_at(it, 0)).collect();
        let total: usize = lengths.iter().filter(|it| **it != ABSENT).map(|it| *it as usize).sum();
        let mut rest = &self.load(offset, head + total)?[head..];
        let mut next = |length: u32| -> Result<String, CurationError> {
            let (field, after) = rest.split_at(length as usize);
            rest = after;
            utf8(field).map(str::to_owned)
        };
        let text = next(lengths[0])?;
        let source = next(lengths[1])?;
        let slices = lengths[2..].iter().map(|it| match *it {
            ABSENT => Ok(None),
            length => next(length).map(Some),
        });
        Ok(RowContent { text, source, slices: slices.collect::<Result<_, _>>()? })
    }

    fn head_bytes(&self) -> usize {
        8 + 4 * self.slices
    }

    fn load(&mut self, offset: u64, length: usize) -> Result<&[u8], CurationError> {
        let end = offset + length as u64;
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            let available = self.spill.length.saturating_sub(offset);
            let wanted = (length.max(CHUNK) as u64).min(available) as usize;
            self.bytes.resize(wanted.max(length), 0);
            self.start = offset;
            let read = read_exact_at(&self.spill.file, &mut self.bytes, offset);
            if read.is_err() {
                self.bytes.clear();
            }
            read.map_err(CurationError::read(&self.spill.directory))?;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.bytes[from..from + length])
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes were taken"))
}

fn utf8(bytes: &[u8]) -> Result<&str, CurationError> {
    // Only a damaged disk can get here: what was written was a `str`.
    std::str::from_utf8(bytes).map_err(|_| CurationError::Unreadable {
        file: "the temporary file".to_owned(),
        reason: "it changed while it was used".to_owned(),
    })
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[read..];
        offset += read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_any_order() {
        let mut writer = SpillWriter::create_in(&std::env::temp_dir()).unwrap();
        let long = "ä".repeat(CHUNK);
        let rows: [(&str, &str, Vec<Option<String>>); 3] = [
            ("first", "", vec![None, Some("a".to_owned())]),
            (&long, "trace:1", vec![Some(String::new()), None]),
            ("", "", vec![None, None]),
        ];
        let offsets: Vec<u64> = rows
            .iter()
            .map(|(text, source, slices)| writer.append(text, source, slices).unwrap())
            .collect();
        let spill = writer.finish().unwrap();
        let mut window = spill.window(2);
        for row in [2, 0, 1, 1, 0] {
            let (text, source, slices) = &rows[row];
            assert_eq!(window.text(offsets[row]).unwrap(), *text);
            let content = window.content(offsets[row]).unwrap();
            assert_eq!((content.text.as_str(), content.source.as_str()), (*text, *source));
            assert_eq!(&content.slices, slices);
        }
    }
}
