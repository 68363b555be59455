//! How one record lies in a log segment, and how records are found again in damaged bytes.
//!
//! A segment is a header of [`HEADER_BYTES`] and then records: the length of the payload (4 bytes,
//! little endian), the CRC-32 of those length bytes and the payload (4 bytes), the payload. The
//! payload is one JSON object. JSON text holds no zero byte and a length below [`PAYLOAD_BYTES_MAX`]
//! always does, so no payload can be mistaken for a record. Does no IO and never panics on any bytes.

use crc32fast::Hasher;

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 16;
/// Bytes before a payload.
pub const PREFIX_BYTES: usize = 8;
/// Longest payload; the highest byte of every length is therefore zero.
pub const PAYLOAD_BYTES_MAX: usize = 8 << 20;

const MAGIC: &[u8; 8] = b"freehold";
const VERSION: u32 = 1;

/// What the first bytes of a segment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// Written by this version.
    Valid,
    /// Whole, but of another version.
    Foreign(u32),
    /// Shorter than a header: the segment was being created.
    Unfinished,
    /// Not a header.
    Damaged,
}

/// A stretch of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A record whose checksum is right.
    Record { offset: usize, payload: &'a [u8], crc: u32 },
    /// Bytes that belong to no record; `last` if no record follows.
    Damage { offset: usize, bytes: usize, last: bool },
}

/// The header of a new segment.
#[must_use]
pub fn header() -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads the header of a segment.
#[must_use]
pub fn read_header(segment: &[u8]) -> Header {
    if segment.len() < HEADER_BYTES {
        return Header::Unfinished;
    }
    let whole = &segment[..8] == MAGIC && word(segment, 12) == crc32fast::hash(&segment[..12]);
    match (whole, word(segment, 8)) {
        (false, _) => Header::Damaged,
        (true, VERSION) => Header::Valid,
        (true, other) => Header::Foreign(other),
    }
}

/// Appends one record to `buffer` and returns its checksum.
///
/// # Panics
/// When the payload is empty or longer than [`PAYLOAD_BYTES_MAX`]; callers check before.
pub fn encode(payload: &[u8], buffer: &mut Vec<u8>) -> u32 {
    assert!((1..=PAYLOAD_BYTES_MAX).contains(&payload.len()), "the caller checks the length");
    let length = (payload.len() as u32).to_le_bytes();
    let crc = checksum(&length, payload);
    buffer.extend_from_slice(&length);
    buffer.extend_from_slice(&crc.to_le_bytes());
    buffer.extend_from_slice(payload);
    crc
}

/// Whether `payload` is what was written with `crc`.
#[must_use]
pub fn intact(payload: &[u8], crc: u32) -> bool {
    checksum(&(payload.len() as u32).to_le_bytes(), payload) == crc
}

/// The records of a segment, and the damage between them, in order. Starts after the header.
#[must_use]
pub fn pieces(segment: &[u8]) -> Pieces<'_> {
    Pieces { segment, offset: HEADER_BYTES.min(segment.len()) }
}

/// See [`pieces`].
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    segment: &'a [u8],
    offset: usize,
}

impl<'a> Pieces<'a> {
    /// The records in bytes from within a segment; they begin with a record.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { segment: bytes, offset: 0 }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let offset = self.offset;
        if offset >= self.segment.len() {
            return None;
        }
        if let Some((payload, crc)) = record_at(self.segment, offset) {
            self.offset = offset + PREFIX_BYTES + payload.len();
            return Some(Piece::Record { offset, payload, crc });
        }
        let next = (offset + 1..self.segment.len())
            .find(|&candidate| record_at(self.segment, candidate).is_some());
        self.offset = next.unwrap_or(self.segment.len());
        Some(Piece::Damage { offset, bytes: self.offset - offset, last: next.is_none() })
    }
}

fn record_at(segment: &[u8], offset: usize) -> Option<(&[u8], u32)> {
    let start = offset.checked_add(PREFIX_BYTES)?;
    if start >= segment.len() {
        return None;
    }
    let length = word(segment, offset) as usize;
    if length == 0 || length > PAYLOAD_BYTES_MAX {
        return None;
    }
    let payload = segment.get(start..start.checked_add(length)?)?;
    // Cheap, and spares a checksum at nearly every place that is no record.
    if payload[0] != b'{' || payload[length - 1] != b'}' {
        return None;
    }
    let crc = word(segment, offset + 4);
    intact(payload, crc).then_some((payload, crc))
}

fn checksum(length: &[u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(length);
    hasher.update(payload);
    hasher.finalize()
}

/// The four bytes at `offset`, which the caller has checked to exist.
fn word(bytes: &[u8], offset: usize) -> u32 {
    let four = bytes[offset..offset + 4].try_into();
    u32::from_le_bytes(four.expect("four bytes were asked for"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = header().to_vec();
        let mut ends = vec![];
        for payload in payloads {
            encode(payload, &mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn records(segment: &[u8]) -> Vec<Vec<u8>> {
        let payload = |piece| match piece {
            Piece::Record { payload, .. } => Some(payload.to_vec()),
            Piece::Damage { .. } => None,
        };
        pieces(segment).filter_map(payload).collect()
    }

    fn damaged_bytes(segment: &[u8]) -> usize {
        let damage = |piece| match piece {
            Piece::Record { .. } => 0,
            Piece::Damage { bytes, .. } => bytes,
        };
        pieces(segment).map(damage).sum()
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let payload = "[ -~]{0,60}".prop_map(|text| format!("{{{text}}}").into_bytes());
        proptest::collection::vec(payload, 1..12)
    }

    proptest! {
        #[test]
        fn a_cut_leaves_the_records_before_it_and_reports_the_rest(
            payloads in payloads(), cut in any::<prop::sample::Index>(),
        ) {
            let (bytes, ends) = segment(&payloads);
            let cut = HEADER_BYTES + cut.index(bytes.len() + 1 - HEADER_BYTES);
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            let last_end = ends[..whole].last().copied().unwrap_or(HEADER_BYTES);
            prop_assert_eq!(records(&bytes[..cut]), payloads[..whole].to_vec());
            prop_assert_eq!(damaged_bytes(&bytes[..cut]), cut - last_end);
        }

        #[test]
        fn a_flipped_bit_costs_the_one_record_it_is_in(
            payloads in payloads(), at in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let (mut bytes, ends) = segment(&payloads);
            let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
            bytes[at] ^= 1 << bit;
            let hit = ends.iter().position(|&end| at < end).expect("the place is in a record");
            let mut expected = payloads.clone();
            expected.remove(hit);
            prop_assert_eq!(records(&bytes), expected);
            let start = if hit == 0 { HEADER_BYTES } else { ends[hit - 1] };
            prop_assert_eq!(damaged_bytes(&bytes), ends[hit] - start);
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let covered: usize = pieces(&bytes).map(|piece| match piece {
                Piece::Record { payload, .. } => PREFIX_BYTES + payload.len(),
                Piece::Damage { bytes, .. } => bytes,
            }).sum();
            prop_assert_eq!(covered, bytes.len().saturating_sub(HEADER_BYTES));
        }
    }

    #[track_caller]
    fn check_header(change: impl Fn(&mut Vec<u8>), expected: Header) {
        let mut bytes = header().to_vec();
        change(&mut bytes);
        assert_eq!(read_header(&bytes), expected);
    }

    #[test]
    fn a_header_says_what_it_is() {
        check_header(|_| {}, Header::Valid);
        check_header(|bytes| bytes.truncate(15), Header::Unfinished);
        check_header(|bytes| bytes[8] = 2, Header::Damaged);
        check_header(|bytes| bytes[0] = b'F', Header::Damaged);
        let newer = |bytes: &mut Vec<u8>| {
            bytes[8] = 2;
            let crc = crc32fast::hash(&bytes[..12]);
            bytes[12..].copy_from_slice(&crc.to_le_bytes());
        };
        check_header(newer, Header::Foreign(2));
    }
}
