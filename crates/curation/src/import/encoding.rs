//! From the bytes of a file to UTF-8: declared, marked, valid, or guessed encodings.
//!
//! A file is read once from end to end before it is parsed, for its digest and to learn whether
//! it is UTF-8: a guess from its first pages would fail on a late umlaut. Undecodable bytes
//! become U+FFFD, which the row judge refuses; nothing is dropped here.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use freehold_vocabulary::{Digest, DigestBuilder};

use crate::error::CurationError;

/// The start of a file, for sniffing.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
/// Non-UTF-8 files are guessed from at most this much.
const GUESS_BYTES: u64 = 64 * 1024 * 1024;

/// What the first reading of a file shows.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
    pub(crate) head: Vec<u8>,
    utf8: Utf8Evidence,
}

/// An encoding and how it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownEncoding {
    pub(crate) encoding: &'static Encoding,
    pub(crate) how: &'static str,
}

/// Reads the whole file once. `advance` receives the bytes of each piece.
pub(crate) fn probe(path: &Path, advance: &dyn Fn(u64)) -> Result<Probe, CurationError> {
    let read_error = || CurationError::read(path);
    if path.is_dir() {
        return Err(CurationError::Unreadable {
            file: path.display().to_string(),
            reason: "it is a directory; name its files".to_owned(),
        });
    }
    let mut file = File::open(path).map_err(read_error())?;
    let (mut digest, mut utf8, mut head) =
        (DigestBuilder::default(), Utf8Evidence::default(), Vec::new());
    let (mut bytes, mut buffer) = (0u64, vec![0; 256 * 1024]);
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_error()(error)),
        };
        let piece = &buffer[..read];
        digest.update(piece);
        utf8.add(piece);
        let missing = HEAD_BYTES - head.len();
        head.extend_from_slice(&piece[..missing.min(read)]);
        bytes += read as u64;
        advance(read as u64);
    }
    utf8.end();
    Ok(Probe { digest: digest.finish(), bytes, head, utf8 })
}

impl Probe {
    /// The encoding of the file: as declared, or else a byte order mark, or else UTF-16 by its
    /// zero bytes, or else UTF-8 if (nearly) all of it is valid, or else a guess.
    pub(crate) fn encoding(
        &self,
        path: &Path,
        declared: Option<&str>,
    ) -> Result<KnownEncoding, CurationError> {
        let known = |encoding, how| Ok(KnownEncoding { encoding, how });
        if let Some(label) = declared {
            return match Encoding::for_label_no_replacement(label.as_bytes()) {
                // `utf-16` alone leaves the byte order to the mark.
                Some(it) if it == UTF_16LE && self.head.starts_with(b"\xfe\xff") => {
                    known(UTF_16BE, "declared")
                }
                Some(encoding) => known(encoding, "declared"),
                None => Err(CurationError::Request(format!(
                    "`{label}` is not an encoding; use a label of the WHATWG Encoding Standard such as `utf-8`, `utf-16le`, `windows-1252` or `shift_jis`"
                ))),
            };
        }
        if let Some((encoding, _)) = Encoding::for_bom(&self.head) {
            return known(encoding, "byte order mark");
        }
        if let Some(encoding) = utf16_by_zeros(&self.head) {
            return known(encoding, "zero bytes");
        }
        if self.utf8.invalid == 0 {
            return known(UTF_8, "valid");
        }
        // A few damaged places in a file with plenty of good sequences: those rows are bad, the
        // encoding is not.
        if self.utf8.sequences >= 10 * self.utf8.invalid {
            return known(UTF_8, "mostly valid");
        }
        known(guess(path)?, "guessed")
    }
}

fn guess(path: &Path) -> Result<&'static Encoding, CurationError> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let file = File::open(path).map_err(CurationError::read(path))?;
    let mut file = file.take(GUESS_BYTES);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(CurationError::read(path))?;
        detector.feed(&buffer[..read], read == 0);
        if read == 0 {
            return Ok(detector.guess(None, Utf8Detection::Deny));
        }
    }
}

/// Latin text in UTF-16 without a mark has a zero in nearly every other byte.
fn utf16_by_zeros(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|it| **it == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    if half < 2 {
        None
    } else if odd * 10 > half * 3 && even * 100 < half {
        Some(UTF_16LE)
    } else if even * 10 > half * 3 && odd * 100 < half {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// How much of a file is UTF-8 beyond ASCII, and how much is not UTF-8 at all.
#[derive(Debug, Default)]
struct Utf8Evidence {
    /// Valid multi-byte sequences.
    sequences: u64,
    /// Invalid sequences.
    invalid: u64,
    /// A sequence cut by the end of a piece.
    carry: Vec<u8>,
}

impl Utf8Evidence {
    fn add(&mut self, piece: &[u8]) {
        if self.carry.is_empty() {
            self.scan(piece);
        } else {
            let mut joined = std::mem::take(&mut self.carry);
            joined.extend_from_slice(piece);
            self.scan(&joined);
        }
    }

    fn scan(&mut self, mut bytes: &[u8]) {
        loop {
            let (valid, error) = match std::str::from_utf8(bytes) {
                Ok(_) => (bytes, None),
                Err(error) => (&bytes[..error.valid_up_to()], Some(error)),
            };
            self.sequences += valid.iter().filter(|it| **it >= 0xc0).count() as u64;
            let Some(error) = error else { return };
            let Some(length) = error.error_len() else {
                self.carry = bytes[error.valid_up_to()..].to_vec();
                return;
            };
            self.invalid += 1;
            bytes = &bytes[error.valid_up_to() + length..];
        }
    }

    fn end(&mut self) {
        self.invalid += u64::from(!self.carry.is_empty());
    }
}

/// Reads a file as UTF-8 whatever its encoding; a byte order mark is removed.
pub(crate) struct Utf8Reader {
    file: File,
    decoder: Decoder,
    raw: Vec<u8>,
    start: usize,
    end: usize,
    ended: bool,
    finished: bool,
    consumed: Arc<AtomicU64>,
}

impl Utf8Reader {
    pub(crate) fn open(path: &Path, encoding: &'static Encoding) -> Result<Self, CurationError> {
        Ok(Self {
            file: File::open(path).map_err(CurationError::read(path))?,
            decoder: encoding.new_decoder_with_bom_removal(),
            raw: vec![0; HEAD_BYTES],
            start: 0,
            end: 0,
            ended: false,
            finished: false,
            consumed: Arc::default(),
        })
    }

    /// Bytes of the file read so far.
    pub(crate) fn consumed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }
}

impl std::fmt::Debug for Utf8Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Utf8Reader").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Read for Utf8Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // The decoder may write four bytes for one and never fewer than a whole character.
        debug_assert!(out.len() >= 16, "wrap it in a BufReader");
        while !self.finished {
            if self.start == self.end && !self.ended {
                self.start = 0;
                self.end = self.file.read(&mut self.raw)?;
                self.ended = self.end == 0;
                self.consumed.fetch_add(self.end as u64, Ordering::Relaxed);
            }
            let raw = &self.raw[self.start..self.end];
            let (result, read, written, _) = self.decoder.decode_to_utf8(raw, out, self.ended);
            self.start += read;
            self.finished = self.ended && result == encoding_rs::CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}
