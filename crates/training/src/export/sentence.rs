//! The layout of sentence-transformers beside a merged model whose head has no stock class.
//!
//! The mean of all tokens straight into the classifier is, in the modules of that library, a
//! transformer, a mean and a dense layer without activation: what it calls an embedding is then
//! the row of logits. Module names are those that every release since 2.0 reads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::create;
use crate::error::TrainingError;
use crate::storage::{Outgoing, write_tensors, write_text};
use crate::trainers::encoder::TrainedEncoder;

const POOLING: &str = "1_Pooling";
const DENSE: &str = "2_Dense";

/// Writes what `sentence_transformers.SentenceTransformer` reads on top of the merged model.
pub fn write(model: &TrainedEncoder, dir: &Path) -> Result<(), TrainingError> {
    let (hidden, labels) = (model.config.hidden, model.labels.len());
    let module = |number: usize, path: &str, class: &str| {
        let class = format!("sentence_transformers.models.{class}");
        json!({"idx": number, "name": number.to_string(), "path": path, "type": class})
    };
    let modules =
        [module(0, "", "Transformer"), module(1, POOLING, "Pooling"), module(2, DENSE, "Dense")];
    write_json(&dir.join("modules.json"), &json!(modules))?;
    let transformer = json!({"max_seq_length": model.tokens_max(), "do_lower_case": false});
    write_json(&dir.join("sentence_bert_config.json"), &transformer)?;
    let prompts = json!({"prompts": {}, "default_prompt_name": null});
    write_json(&dir.join("config_sentence_transformers.json"), &prompts)?;
    let pooling = json!({
        "word_embedding_dimension": hidden,
        "pooling_mode_cls_token": false,
        "pooling_mode_mean_tokens": true,
        "pooling_mode_max_tokens": false,
        "pooling_mode_mean_sqrt_len_tokens": false,
    });
    create(&dir.join(POOLING))?;
    write_json(&dir.join(POOLING).join("config.json"), &pooling)?;
    let dense = json!({
        "in_features": hidden,
        "out_features": labels,
        "bias": true,
        "activation_function": "torch.nn.modules.linear.Identity",
    });
    create(&dir.join(DENSE))?;
    write_json(&dir.join(DENSE).join("config.json"), &dense)?;
    let (weights, head) = (&model.network.weights, &model.network.head);
    let tensor = |name: &str, shape: Vec<usize>, span| Outgoing {
        name: name.to_owned(),
        shape,
        data: Cow::Borrowed(weights.get(span)),
    };
    let tensors = [
        tensor("linear.weight", vec![labels, hidden], head.weight),
        tensor("linear.bias", vec![labels], head.bias),
    ];
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    write_tensors(&dir.join(DENSE).join("model.safetensors"), &metadata, &tensors)
}

fn write_json(path: &Path, value: &Value) -> Result<(), TrainingError> {
    write_text(path, &serde_json::to_string_pretty(value).expect("it is plain data"))
}
