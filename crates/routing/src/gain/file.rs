//! A gain model at rest: one safetensors file whose metadata holds all but the judged requests.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::algebra::Matrix;
use super::linear::Head;
use super::neighbours::Neighbours;
use super::plan::Plan;
use super::stack::Stack;
use super::topic::Topics;
use super::{GainModel, ROWS_MAX, SURFACE_WIDTH, TOPICS_MAX, WIDTH_MAX, WORDS};
use crate::RoutingError;

/// The name of the file.
pub const GAIN_FILE: &str = "gain.safetensors";
/// Where everything else stands among the metadata.
const KEY: &str = "freehold.gain";
/// Largest file that is read.
const BYTES_MAX: usize = 1 << 30;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rest {
    weak: Head,
    strong: Head,
    topics: Topics,
    stack: Stack,
    strange_from: f64,
    plan: Plan,
}

impl GainModel {
    /// The model as the bytes of a safetensors file; the same model gives the same bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let rest = Rest {
            weak: self.weak.clone(),
            strong: self.strong.clone(),
            topics: self.topics.clone(),
            stack: self.stack.clone(),
            strange_from: self.strange_from,
            plan: self.plan.clone(),
        };
        let json = serde_json::to_string(&rest).expect("a gain model serialises");
        let bytes = |numbers: &[f32]| -> Vec<u8> {
            numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
        };
        let Neighbours { embeddings, gains } = &self.neighbours;
        let (rows, gains) = (bytes(&embeddings.data), bytes(gains));
        let shape = vec![embeddings.rows(), embeddings.width];
        let view = |shape, bytes| {
            TensorView::new(Dtype::F32, shape, bytes).expect("the shape fits the numbers")
        };
        let tensors = [
            ("embeddings", view(shape, &rows)),
            ("gains", view(vec![self.neighbours.gains.len()], &gains)),
        ];
        let metadata = HashMap::from([(KEY.to_owned(), json)]);
        safetensors::serialize(tensors, Some(metadata)).expect("named tensors serialise")
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged, or their parts do not fit each other.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RoutingError> {
        read(bytes).map_err(|reason| RoutingError::malformed(GAIN_FILE, reason))
    }
}

fn read(bytes: &[u8]) -> Result<GainModel, String> {
    if bytes.len() > BYTES_MAX {
        return Err(format!("it is larger than {BYTES_MAX} bytes"));
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let json = metadata.metadata().as_ref().and_then(|it| it.get(KEY));
    let json = json.ok_or("it holds no gain model")?;
    let rest: Rest = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let (shape, embeddings) = tensor(&tensors, "embeddings")?;
    let (_, gains) = tensor(&tensors, "gains")?;
    let &[rows, width] = &shape[..] else { return Err("`embeddings` is not a matrix".to_owned()) };
    if gains.len() != rows || !(1..=ROWS_MAX).contains(&rows) || !(1..=WIDTH_MAX).contains(&width) {
        return Err(format!("{rows} embeddings of {width} numbers with {} gains", gains.len()));
    }
    let places: BTreeMap<String, usize> = rest.topics.names().map(str::to_owned).zip(0..).collect();
    let inputs = width + SURFACE_WIDTH + places.len() + 1;
    let heads = [&rest.weak, &rest.strong];
    let fits = places.len() <= TOPICS_MAX
        && heads.iter().all(|it| it.0.len() == inputs && it.0.iter().all(|it| it.is_finite()))
        && rest.stack.width() == WORDS
        && rest.stack.is_finite()
        && rest.topics.is_finite()
        && rest.strange_from.is_finite()
        && !rest.plan.steps.is_empty()
        && rest.plan.steps.is_sorted_by(|a, b| a.threshold < b.threshold);
    if !fits {
        return Err("its parts do not fit each other".to_owned());
    }
    let neighbours = Neighbours { embeddings: Matrix::new(width, embeddings), gains };
    let Rest { weak, strong, topics, stack, strange_from, plan } = rest;
    Ok(GainModel { neighbours, places, weak, strong, topics, stack, strange_from, plan })
}

fn tensor(tensors: &SafeTensors<'_>, name: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
    let view = tensors.tensor(name).map_err(|e| e.to_string())?;
    if view.dtype() != Dtype::F32 {
        return Err(format!("tensor `{name}` does not hold 32-bit floats"));
    }
    let (words, _) = view.data().as_chunks::<4>();
    let numbers: Vec<f32> = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
    if !numbers.iter().all(|it| it.is_finite()) {
        return Err(format!("tensor `{name}` holds a number that is not finite"));
    }
    Ok((view.shape().to_vec(), numbers))
}
