//! The two files of a micro model: `micro.json` says how to read texts, `micro.safetensors` holds
//! the feature table and the weights.
//!
//! Weights are 8-bit integers with one scale for each feature: the scale joins the feature's
//! value, so that it costs nothing to apply. Everything is checked before it is believed.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::features::FeatureSpec;
use crate::ModelError;

/// The name of the description.
pub const SPEC_FILE: &str = "micro.json";
/// The name of the weights.
pub const WEIGHTS_FILE: &str = "micro.safetensors";
/// Changes whenever the same bytes would mean another model.
const FORMAT: u32 = 1;
/// Largest file that is read.
const BYTES_MAX: u64 = 64 << 20;

/// Everything a micro model knows, in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct MicroParts {
    pub spec: FeatureSpec,
    /// The hash of each feature; no two are equal. Words stand before character n-grams.
    pub hashes: Vec<u32>,
    /// How many of the features are words.
    pub word_rows: usize,
    /// Inverse document frequency of each feature.
    pub inverse_frequency: Vec<f32>,
    /// Features × classes, row by row.
    pub weights: Vec<i8>,
    /// What a weight of one means, for each feature.
    pub scales: Vec<f32>,
    /// One for each class.
    pub bias: Vec<f32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: u32,
    features: FeatureSpec,
    feature_count: usize,
    word_feature_count: usize,
    class_count: usize,
}

impl MicroParts {
    /// The files, by name.
    #[must_use]
    pub fn to_files(&self) -> Vec<(&'static str, Vec<u8>)> {
        let description = Description {
            format: FORMAT,
            features: self.spec,
            feature_count: self.hashes.len(),
            word_feature_count: self.word_rows,
            class_count: self.bias.len(),
        };
        let mut json = serde_json::to_vec_pretty(&description).expect("plain numbers serialise");
        json.push(b'\n');
        vec![(SPEC_FILE, json), (WEIGHTS_FILE, self.weights_file())]
    }

    fn weights_file(&self) -> Vec<u8> {
        let (rows, classes) = (self.hashes.len(), self.bias.len());
        let hashes: Vec<u8> = self.hashes.iter().flat_map(|it| it.to_le_bytes()).collect();
        let weights: Vec<u8> = self.weights.iter().map(|it| it.to_le_bytes()[0]).collect();
        let (idf, scales) = (float_bytes(&self.inverse_frequency), float_bytes(&self.scales));
        let bias = float_bytes(&self.bias);
        let tensors = [
            ("hashes", Dtype::U32, vec![rows], &hashes),
            ("inverse_frequency", Dtype::F32, vec![rows], &idf),
            ("weights", Dtype::I8, vec![rows, classes], &weights),
            ("scales", Dtype::F32, vec![rows], &scales),
            ("bias", Dtype::F32, vec![classes], &bias),
        ];
        let views = tensors.into_iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(dtype, shape, bytes);
            (name, view.expect("the bytes were counted from the shape"))
        });
        safetensors::serialize(views, None).expect("five named tensors serialise")
    }

    /// Reads both files of a directory.
    ///
    /// # Errors
    /// When a file is missing, too large, damaged, or of another format.
    pub fn load(dir: &Path) -> Result<Self, ModelError> {
        let (spec, weights) = (dir.join(SPEC_FILE), dir.join(WEIGHTS_FILE));
        Self::parse((&spec, &read(&spec)?), (&weights, &read(&weights)?))
    }

    /// Reads the bytes of `micro.json` and `micro.safetensors`; the paths are for errors.
    fn parse(spec: (&Path, &[u8]), weights: (&Path, &[u8])) -> Result<Self, ModelError> {
        let malformed = |path, reason: String| ModelError::malformed(path, "micro model", reason);
        let description: Description =
            serde_json::from_slice(spec.1).map_err(|e| malformed(spec.0, e.to_string()))?;
        if description.format != FORMAT {
            let reason = format!("format {} is not {FORMAT}; train again", description.format);
            return Err(malformed(spec.0, reason));
        }
        let file =
            SafeTensors::deserialize(weights.1).map_err(|e| malformed(weights.0, e.to_string()))?;
        let parts = Self::from_tensors(&file, &description)
            .and_then(|parts| parts.check().map(|()| parts).map_err(str::to_owned));
        parts.map_err(|reason| malformed(weights.0, reason))
    }

    fn from_tensors(file: &SafeTensors<'_>, description: &Description) -> Result<Self, String> {
        let (rows, classes) = (description.feature_count, description.class_count);
        Ok(Self {
            spec: description.features,
            word_rows: description.word_feature_count,
            hashes: words(tensor(file, "hashes", Dtype::U32, &[rows])?, u32::from_le_bytes),
            inverse_frequency: floats(file, "inverse_frequency", rows)?,
            weights: tensor(file, "weights", Dtype::I8, &[rows, classes])?
                .iter()
                .map(|&byte| i8::from_le_bytes([byte]))
                .collect(),
            scales: floats(file, "scales", rows)?,
            bias: floats(file, "bias", classes)?,
        })
    }

    /// Whether the parts fit each other and every number can be used.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        let (rows, classes) = (self.hashes.len(), self.bias.len());
        let mut sorted = self.hashes.clone();
        sorted.sort_unstable();
        let numbers = [&self.inverse_frequency, &self.scales, &self.bias];
        let rules = [
            (self.spec.is_valid(), "the n-gram lengths are out of range"),
            (classes >= 1, "there are no classes"),
            (self.word_rows <= rows, "there are more word features than features"),
            (self.inverse_frequency.len() == rows, "the frequencies do not fit the features"),
            (self.scales.len() == rows, "the scales do not fit the features"),
            (Some(self.weights.len()) == rows.checked_mul(classes), "the weights do not fit"),
            (numbers.iter().all(|it| it.iter().all(|x| x.is_finite())), "a number is not finite"),
            (self.inverse_frequency.iter().all(|&it| it > 0.0), "a frequency is not positive"),
            (sorted.windows(2).all(|pair| pair[0] != pair[1]), "a feature occurs twice"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, reason)| Err(reason))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let unreadable = |source| ModelError::unreadable(path, source);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > BYTES_MAX {
        let reason = format!("it is larger than {BYTES_MAX} bytes");
        return Err(ModelError::malformed(path, "micro model", reason));
    }
    Ok(bytes)
}

fn tensor<'a>(
    file: &SafeTensors<'a>,
    name: &str,
    dtype: Dtype,
    shape: &[usize],
) -> Result<&'a [u8], String> {
    let view = file.tensor(name).map_err(|e| e.to_string())?;
    if view.dtype() != dtype || view.shape() != shape {
        let found = (view.dtype(), view.shape());
        return Err(format!("tensor `{name}` is {found:?}, expected {:?}", (dtype, shape)));
    }
    Ok(view.data())
}

fn floats(file: &SafeTensors<'_>, name: &str, length: usize) -> Result<Vec<f32>, String> {
    Ok(words(tensor(file, name, Dtype::F32, &[length])?, f32::from_le_bytes))
}

fn words<T>(bytes: &[u8], read: impl Fn([u8; 4]) -> T) -> Vec<T> {
    let (words, rest) = bytes.as_chunks::<4>();
    debug_assert!(rest.is_empty(), "the shape was checked");
    words.iter().map(|&word| read(word)).collect()
}

fn float_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> MicroParts {
        MicroParts {
            spec: FeatureSpec::default(),
            hashes: vec![7, 1 << 31, 9],
            word_rows: 1,
            inverse_frequency: vec![1.0, 2.5, 3.0],
            weights: vec![-127, 127, 0, 1, 5, -5],
            scales: vec![0.5, 0.25, 1e-3],
            bias: vec![-1.0, 0.125],
        }
    }

    fn parse(files: &[(&'static str, Vec<u8>)]) -> Result<MicroParts, ModelError> {
        let [(spec_name, spec), (weights_name, weights)] = files else {
            panic!("a micro model has two files");
        };
        MicroParts::parse((Path::new(spec_name), spec), (Path::new(weights_name), weights))
    }

    #[track_caller]
    fn check_refused(change: impl Fn(&mut Vec<(&'static str, Vec<u8>)>), expected: &str) {
        let mut files = parts().to_files();
        change(&mut files);
        let error = parse(&files).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(parse(&parts().to_files()).unwrap(), parts());
    }

    #[test]
    fn an_absent_file_is_named() {
        let error = MicroParts::load(Path::new("no/such/place")).unwrap_err().to_string();
        assert!(error.contains("no/such/place/micro.json"), "{error}");
    }

    #[test]
    fn damage_of_every_kind_is_refused() {
        check_refused(|files| files[0].1.truncate(20), "micro.json");
        check_refused(|files| files[1].1.truncate(40), "micro.safetensors");
        check_refused(|files| files[1].1.clear(), "micro.safetensors");
        check_refused(|files| files[0].1 = vec![0xff; 99], "micro.json");
        let replace = |from: &'static str, to: &'static str| {
            move |files: &mut Vec<(&'static str, Vec<u8>)>| {
                let text = String::from_utf8(files[0].1.clone()).unwrap();
                assert!(text.contains(from));
                files[0].1 = text.replace(from, to).into_bytes();
            }
        };
        check_refused(replace("\"format\": 1", "\"format\": 2"), "train again");
        check_refused(replace("\"feature_count\": 3", "\"feature_count\": 4"), "hashes");
        check_refused(replace("\"class_count\": 2", "\"class_count\": 99"), "weights");
        check_refused(replace("\"word_feature_count\": 1", "\"word_feature_count\": 9"), "word");
        check_refused(replace("\"char_ngram_max\": 5", "\"char_ngram_max\": 255"), "n-gram");
        check_refused(replace("\"format\"", "\"surprise\": 1, \"format\""), "surprise");
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let with = |change: fn(&mut MicroParts)| {
            let mut parts = parts();
            change(&mut parts);
            parts.check()
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert!(with(|it| it.bias[0] = f32::NAN).is_err());
        assert!(with(|it| it.scales[0] = f32::INFINITY).is_err());
        assert!(with(|it| it.inverse_frequency[0] = 0.0).is_err());
        assert!(with(|it| it.hashes[0] = 9).is_err());
        assert!(with(|it| it.bias.clear()).is_err());
    }
}
