//! The PEFT directory of a LoRA run: `adapter_config.json` and `adapter_model.safetensors`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use freehold_models::{Adapter, HeadSpec};
use serde_json::{Value, json};

use super::{create, stock_name, write_head, write_limits};
use crate::error::TrainingError;
use crate::storage::{Outgoing, write_tensors, write_text};
use crate::trainers::encoder::TrainedEncoder;
use crate::trainers::encoder::spec::{LoraSpec, Method};

const PREFIX: &str = "base_model.model.";

impl TrainedEncoder {
    /// Writes what `peft.PeftModel.from_pretrained` reads on top of the base called `base_name`.
    ///
    /// # Errors
    /// When the run has no adapters (then only [`TrainedEncoder::write_merged`] fits), or the disk
    /// refuses.
    pub fn write_adapter(&self, dir: &Path, base_name: &str) -> Result<(), TrainingError> {
        let Method::Lora(lora) = &self.spec.method else {
            let what = "a run without adapters as a PEFT directory".to_owned();
            return Err(TrainingError::NotExportable {
                what,
                remedy: "write the merged model instead",
            });
        };
        create(dir)?;
        let architecture = self.config.architecture;
        let network = &self.network;
        let trainable = || network.names.iter().filter(|it| it.span.is_trainable());
        let tensors: Vec<Outgoing<'_>> = trainable()
            .map(|named| Outgoing {
                name: format!("{PREFIX}{}", stock_name(architecture, &named.name)),
                shape: named.shape.clone(),
                data: Cow::Borrowed(network.weights.get(named.span)),
            })
            .collect();
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        write_tensors(&dir.join(Adapter::WEIGHTS_FILE), &metadata, &tensors)?;
        let names = || trainable().map(|it| it.name.as_str());
        let config =
            config(lora, base_name, names().map(|it| stock_name(architecture, it)).collect());
        let text = serde_json::to_string_pretty(&config).expect("a configuration is plain data");
        write_text(&dir.join(Adapter::CONFIG_FILE), &text)?;
        write_limits(dir, self)?;
        write_head(dir, &self.head, &HeadSpec::stock(&self.config))
    }
}

fn config(lora: &LoraSpec, base_name: &str, names: Vec<String>) -> Value {
    // Whole module paths: a suffix such as `output.dense` would name two matrices of BERT.
    let targets: BTreeSet<&str> =
        names.iter().filter_map(|it| it.strip_suffix(".lora_A.weight")).collect();
    let heads = names.iter().filter(|it| !it.contains(".lora_"));
    // PEFT saves whole modules: the first part of the path below the encoder.
    let saved: BTreeSet<&str> = heads
        .map(|it| it.split('.').find(|part| *part != "bert").expect("a name has a last part"))
        .collect();
    json!({
        "peft_type": "LORA",
        "task_type": "SEQ_CLS",
        "base_model_name_or_path": base_name,
        "inference_mode": true,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": targets,
        "modules_to_save": saved,
        "bias": "none",
        "fan_in_fan_out": false,
        "init_lora_weights": true,
        "use_dora": false,
        "use_rslora": false,
        "rank_pattern": {},
        "alpha_pattern": {},
    })
}
