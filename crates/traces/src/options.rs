//! The limits of the trace log.

/// Limits of a [`crate::Traces`]; the defaults suit one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A segment of the log is sealed, and can be compacted, once it is this long. A group of
    /// appends is never split, so a segment can be longer by one group.
    pub segment_bytes_max: u64,
    /// Appends that may wait for the disk; one more is refused with `Full`.
    pub queue_appends_max: usize,
    /// Bytes that may wait for the disk; more is refused with `Full`.
    pub queue_bytes_max: usize,
    /// Appends are collected into one write until they are this long together.
    pub group_bytes_max: usize,
    /// Parts of one task and day below `part_bytes_target` are merged once there are this many.
    pub merge_parts_min: usize,
    /// Parquet files of at least this size are left alone.
    pub part_bytes_target: u64,
    /// When sealed segments become Parquet.
    pub compaction: Compaction,
}

/// When sealed segments become Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// As soon as a segment is sealed, by a thread of its own.
    WhenSealed,
    /// Only when [`crate::Traces::compact`] is called.
    OnRequest,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes_max: 32 << 20,
            queue_appends_max: 4096,
            queue_bytes_max: 64 << 20,
            group_bytes_max: 4 << 20,
            merge_parts_min: 8,
            part_bytes_target: 64 << 20,
            compaction: Compaction::WhenSealed,
        }
    }
}
