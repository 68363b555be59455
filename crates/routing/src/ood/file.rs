//! A stranger detector at rest: one safetensors file whose metadata holds the report.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::OodReport;
use crate::RoutingError;

/// The name of the file in a model version.
pub const OOD_FILE: &str = "ood.safetensors";

/// Where the report stands among the metadata.
const REPORT_KEY: &str = "freehold.ood";
/// Largest file that is read.
const BYTES_MAX: usize = 32 << 20;

/// Named tensors of 32-bit floats with their shapes.
pub type Tensors = Vec<(&'static str, Vec<usize>, Vec<f32>)>;

/// Tensors that were read.
#[derive(Debug)]
pub struct TensorsRead<'a>(SafeTensors<'a>);

impl TensorsRead<'_> {
    /// A matrix with its two sizes, all numbers finite.
    pub(super) fn matrix(&self, name: &str) -> Result<(usize, usize, Vec<f32>), String> {
        let view = self.0.tensor(name).map_err(|e| e.to_string())?;
        let (Dtype::F32, &[rows, columns]) = (view.dtype(), view.shape()) else {
            return Err(format!("tensor `{name}` is not a matrix of 32-bit floats"));
        };
        let (words, _) = view.data().as_chunks::<4>();
        let numbers: Vec<f32> = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
        if rows == 0 || columns == 0 || !numbers.iter().all(|it| it.is_finite()) {
            return Err(format!("tensor `{name}` is empty or holds a number that is not finite"));
        }
        Ok((rows, columns, numbers))
    }
}

pub(super) fn write(report: &OodReport, tensors: &Tensors) -> Vec<u8> {
    let json = serde_json::to_string(report).expect("a report serialises");
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(.., numbers)| numbers.iter().flat_map(|it| it.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (*name, view.expect("the detector's shapes fit its numbers"))
    });
    let metadata = HashMap::from([(REPORT_KEY.to_owned(), json)]);
    safetensors::serialize(views, Some(metadata)).expect("named tensors serialise")
}

pub(super) fn read(bytes: &[u8]) -> Result<(OodReport, TensorsRead<'_>), RoutingError> {
    let malformed = |reason: String| RoutingError::malformed(OOD_FILE, reason);
    if bytes.len() > BYTES_MAX {
        return Err(malformed(format!("it is larger than {BYTES_MAX} bytes")));
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| malformed(e.to_string()))?;
    let json = metadata.metadata().as_ref().and_then(|it| it.get(REPORT_KEY));
    let json = json.ok_or_else(|| malformed("it has no report".to_owned()))?;
    let report: OodReport = serde_json::from_str(json).map_err(|e| malformed(e.to_string()))?;
    if !report.threshold.is_finite() {
        return Err(malformed("the threshold is not finite".to_owned()));
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| malformed(e.to_string()))?;
    Ok((report, TensorsRead(tensors)))
}
