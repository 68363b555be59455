//! Weights in safetensors files, mapped into memory and found by name.
//!
//! A file is the format's own (github.com/huggingface/safetensors): f32, f16 or bf16, in one
//! `model.safetensors` or in shards with an index. Names are compared without the prefix of the
//! surrounding class, so that `bert.encoder…`, `encoder…` and PEFT's `base_model.model.bert.encoder…`
//! are the same tensor. Nothing here knows what a tensor is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::Deserialize;

use crate::config::read_limited;
use crate::error::ModelError;

const INDEX_BYTES_MAX: u64 = 64 << 20;
const SHARDS_MAX: usize = 1024;

/// A tensor in memory, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

/// The tensors of a model, still on disk.
#[derive(Debug)]
pub struct Weights {
    files: Vec<MappedFile>,
    /// By canonical name.
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct MappedFile {
    path: PathBuf,
    bytes: Mmap,
}

#[derive(Debug, Clone)]
struct Entry {
    /// The name in the file.
    name: String,
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    from: usize,
    to: usize,
}

/// The name without what surrounding classes put before it, and in today's spelling.
#[must_use]
pub fn canonical(name: &str) -> String {
    let name = name.strip_prefix("base_model.model.").unwrap_or(name);
    let prefixes = ["bert.", "distilbert.", "roberta.", "model."];
    let bare = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let bare = bare.replace(".modules_to_save.default.", ".").replace(".modules_to_save.", ".");
    // The TensorFlow spelling, still found in old checkpoints.
    match bare.rsplit_once('.') {
        Some((module, "gamma")) => format!("{module}.weight"),
        Some((module, "beta")) => format!("{module}.bias"),
        _ => bare,
    }
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

impl Weights {
    /// Opens `model.safetensors`, or the shards of `model.safetensors.index.json`.
    ///
    /// # Errors
    /// When a file cannot be read or is not valid.
    pub fn open(dir: &Path) -> Result<Self, ModelError> {
        let single = dir.join("model.safetensors");
        let index = dir.join("model.safetensors.index.json");
        if single.exists() || !index.exists() {
            return Self::open_file(&single);
        }
        let wrong = |reason: String| ModelError::malformed(&index, "index of weights", reason);
        let parsed: ShardIndex = serde_json::from_slice(&read_limited(&index, INDEX_BYTES_MAX)?)
            .map_err(|error| wrong(error.to_string()))?;
        let shards: BTreeSet<&String> = parsed.weight_map.values().collect();
        if shards.is_empty() || shards.len() > SHARDS_MAX {
            return Err(wrong(format!(
                "it names {} files; expected 1 to {SHARDS_MAX}",
                shards.len()
            )));
        }
        let mut weights = Self { files: Vec::new(), entries: BTreeMap::new() };
        for shard in shards {
            // A shard lies beside its index; a path that leads elsewhere is an attack.
            if Path::new(shard).file_name() != Some(shard.as_ref()) {
                return Err(wrong(format!("`{shard}` is not a plain file name")));
            }
            weights.add(&dir.join(shard))?;
        }
        Ok(weights)
    }

    /// Opens one safetensors file.
    ///
    /// # Errors
    /// When the file cannot be read or is not valid.
    pub fn open_file(path: &Path) -> Result<Self, ModelError> {
        let mut weights = Self { files: Vec::new(), entries: BTreeMap::new() };
        weights.add(path)?;
        Ok(weights)
    }

    fn add(&mut self, path: &Path) -> Result<(), ModelError> {
        let unreadable = |error| ModelError::unreadable(path, error);
        let file = File::open(path).map_err(unreadable)?;
        // SAFETY: the map is read-only and private. Model files are written once, under a name
        // that comes into being complete, and never changed in place; a foreign process that
        // cuts the file short would end this one, which is the contract of mapped files.
        let bytes = unsafe { Mmap::map(&file) }.map_err(unreadable)?;
        let wrong = |reason: String| ModelError::malformed(path, "safetensors file", reason);
        let (header, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| wrong(error.to_string()))?;
        let start = header + 8;
        for (name, info) in metadata.tensors() {
            let entry = Entry {
                file: self.files.len(),
                dtype: info.dtype,
                shape: info.shape.clone(),
                from: start + info.data_offsets.0,
                to: start + info.data_offsets.1,
                name,
            };
            if let Some(other) = self.entries.insert(canonical(&entry.name), entry.clone()) {
                let (one, two) = (other.name, entry.name);
                return Err(wrong(format!("`{one}` and `{two}` are names of the same tensor")));
            }
        }
        self.files.push(MappedFile { path: path.to_owned(), bytes });
        Ok(())
    }

    /// The canonical names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether there is such a tensor.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(&canonical(name))
    }

    /// The file in which the tensors are (the first shard), for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.files[0].path
    }

    /// The tensor of that name, as f32.
    ///
    /// # Errors
    /// When it is missing, not of the expected shape, or not of a float type.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let entry = self.entry(name)?;
        if entry.shape != shape {
            return Err(ModelError::TensorShape {
                tensor: entry.name.clone(),
                path: self.files[entry.file].path.clone(),
                found: entry.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        self.read(entry)
    }

    /// The tensor of that name with whatever shape it has, as f32.
    ///
    /// # Errors
    /// When it is missing or not of a float type.
    pub fn any_tensor(&self, name: &str) -> Result<Tensor, ModelError> {
        let entry = self.entry(name)?;
        Ok(Tensor { shape: entry.shape.clone(), data: self.read(entry)? })
    }

    /// The shape of a tensor, if there is one of that name.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(&canonical(name)).map(|entry| entry.shape.as_slice())
    }

    /// A float matrix with `width` columns whose rows are read one by one, without loading it.
    ///
    /// # Errors
    /// When there is no such tensor or it has another form.
    pub fn rows(self: &Arc<Self>, name: &str, width: usize) -> Result<MappedRows, ModelError> {
        let count = self.matrix_rows(name, width)?;
        let entry = self.entry(name)?.clone();
        Ok(MappedRows { weights: Arc::clone(self), entry, count, width })
    }

    /// The number of rows of a float matrix with `width` columns.
    ///
    /// # Errors
    /// When there is no such tensor or it has another form.
    pub fn matrix_rows(&self, name: &str, width: usize) -> Result<usize, ModelError> {
        let entry = self.entry(name)?;
        self.check_float(entry)?;
        match entry.shape[..] {
            [rows, found] if found == width => Ok(rows),
            _ => Err(ModelError::TensorShape {
                tensor: entry.name.clone(),
                path: self.files[entry.file].path.clone(),
                found: entry.shape.clone(),
                expected: vec![entry.shape.first().copied().unwrap_or(0), width],
            }),
        }
    }

    /// Reads one row of a matrix of known width into `out` without touching the rest of it; for
    /// many rows take [`Weights::rows`].
    ///
    /// # Panics
    /// When the tensor is not a float matrix of that width with such a row: the caller has
    /// checked the shape with [`Weights::matrix_rows`].
    pub fn read_row(&self, name: &str, row: usize, out: &mut [f32]) {
        let entry = self.entry(name).expect("the caller has found the tensor before");
        let width = entry.dtype.bitsize() / 8 * out.len();
        let bytes = &self.bytes(entry)[row * width..(row + 1) * width];
        widen(entry.dtype, bytes, |index, value| out[index] = value);
    }

    fn entry(&self, name: &str) -> Result<&Entry, ModelError> {
        self.entries.get(&canonical(name)).ok_or_else(|| ModelError::TensorMissing {
            tensor: name.to_owned(),
            path: self.path().to_owned(),
        })
    }

    fn bytes(&self, entry: &Entry) -> &[u8] {
        &self.files[entry.file].bytes[entry.from..entry.to]
    }

    fn check_float(&self, entry: &Entry) -> Result<(), ModelError> {
        if matches!(entry.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            return Ok(());
        }
        Err(ModelError::Unsupported {
            path: self.files[entry.file].path.clone(),
            feature: format!("tensor `{}` of type {:?}", entry.name, entry.dtype),
            remedy: "convert the weights to f32, f16 or bf16",
        })
    }

    fn read(&self, entry: &Entry) -> Result<Vec<f32>, ModelError> {
        self.check_float(entry)?;
        let mut values = vec![0.0; entry.shape.iter().product()];
        let mut finite = true;
        widen(entry.dtype, self.bytes(entry), |index, value| {
            finite &= value.is_finite();
            values[index] = value;
        });
        if finite {
            return Ok(values);
        }
        let reason = format!("tensor `{}` holds a value that is not a finite number", entry.name);
        Err(ModelError::malformed(&self.files[entry.file].path, "model", reason))
    }
}

/// A matrix on disk, read by rows.
#[derive(Debug, Clone)]
pub struct MappedRows {
    weights: Arc<Weights>,
    entry: Entry,
    count: usize,
    width: usize,
}

impl MappedRows {
    /// How many rows there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Reads a row into `out`, which is as wide as the matrix.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn read(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.count && out.len() == self.width, "the row is in the matrix");
        let bytes = self.entry.dtype.bitsize() / 8 * self.width;
        let bytes = &self.weights.bytes(&self.entry)[row * bytes..(row + 1) * bytes];
        widen(self.entry.dtype, bytes, |index, value| out[index] = value);
    }
}

#[inline(always)]
fn widen(dtype: Dtype, bytes: &[u8], mut put: impl FnMut(usize, f32)) {
    match dtype {
        Dtype::F32 => {
            for (index, b) in bytes.chunks_exact(4).enumerate() {
                put(index, f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            }
        }
        Dtype::F16 => {
            for (index, b) in bytes.chunks_exact(2).enumerate() {
                put(index, f16::from_le_bytes([b[0], b[1]]).to_f32());
            }
        }
        Dtype::BF16 => {
            for (index, b) in bytes.chunks_exact(2).enumerate() {
                put(index, bf16::from_le_bytes([b[0], b[1]]).to_f32());
            }
        }
        other => unreachable!("{other:?} was refused before"),
    }
}

#[cfg(test)]
mod tests;
