//! A whole Hugging Face directory: adapters merged into the base, with head, labels and tokenizer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use freehold_models::weights::Weights;
use freehold_models::{Architecture, EncoderConfig, HeadSpec};
use freehold_vocabulary::LabelMode;
use serde_json::{Map, Value, json};

use super::{bare_class, create, sentence, stock_class, stock_name, write_head, write_limits};
use crate::error::TrainingError;
use crate::kernels::matrix::{Matrix, MatrixMut, Store, multiply};
use crate::network::{Named, Network, Pool};
use crate::storage::{Outgoing, write_tensors, write_text, write_whole};
use crate::trainers::encoder::TrainedEncoder;

/// Settings of a tokenizer for Python; how much it reads stands there too.
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

/// Files of a base that go with any model made from it, when they are there.
const TOKENIZER_FILES: [&str; 6] = [
    "tokenizer.json",
    TOKENIZER_CONFIG,
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
];

impl TrainedEncoder {
    /// Writes what `transformers.AutoModelForSequenceClassification.from_pretrained` reads, or,
    /// where the stock class lacks the head, `sentence_transformers.SentenceTransformer`.
    ///
    /// # Errors
    /// When the base is no longer readable or the disk refuses.
    pub fn write_merged(&self, dir: &Path) -> Result<(), TrainingError> {
        create(dir)?;
        let file = Weights::open(&self.base)?;
        let merged = merge(&self.network);
        let architecture = self.config.architecture;
        let mut tensors = Vec::new();
        for named in self.network.names.iter().filter(|it| !it.name.contains(".lora_")) {
            let values = merged.get(&named.span.start).filter(|_| named.span.pool == Pool::Frozen);
            let values = values.map_or_else(|| self.network.weights.get(named.span), Vec::as_slice);
            tensors.push(Outgoing {
                name: stock_name(architecture, &named.name),
                shape: named.shape.clone(),
                data: Cow::Borrowed(values),
            });
        }
        let word = format!("{}.weight", self.config.embedding_names().word);
        let table = file.any_tensor(&word)?;
        tensors.push(Outgoing {
            name: stock_name(architecture, &word),
            shape: table.shape,
            data: Cow::Owned(table.data),
        });
        let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
        write_tensors(&dir.join("model.safetensors"), &metadata, &tensors)?;
        self.write_config(dir)?;
        self.write_tokenizer(dir)?;
        write_limits(dir, self)?;
        write_head(dir, &self.head, &self.stock_head())?;
        if self.has_stock_head() { Ok(()) } else { sentence::write(self, dir) }
    }

    /// The head that the stock class has under the configuration that is written.
    fn stock_head(&self) -> HeadSpec {
        let pooling = match self.config.architecture {
            Architecture::ModernBert => self.head.pooling,
            Architecture::Bert | Architecture::DistilBert | Architecture::Roberta => {
                self.config.pooling
            }
        };
        HeadSpec::stock(&EncoderConfig { pooling, ..self.config.clone() })
    }

    fn has_stock_head(&self) -> bool {
        self.head == self.stock_head()
    }

    fn write_tokenizer(&self, dir: &Path) -> Result<(), TrainingError> {
        for name in TOKENIZER_FILES {
            let path = self.base.join(name);
            if !path.exists() {
                continue;
            }
            let mut bytes =
                std::fs::read(&path).map_err(|error| TrainingError::unreadable(&path, error))?;
            if name == TOKENIZER_CONFIG
                && let Ok(mut settings) = serde_json::from_slice::<Map<String, Value>>(&bytes)
            {
                settings.insert("model_max_length".to_owned(), json!(self.tokens_max()));
                bytes = serde_json::to_vec_pretty(&settings).expect("settings are plain data");
            }
            write_whole(&dir.join(name), |out| out.write_all(&bytes))?;
        }
        Ok(())
    }

    fn write_config(&self, dir: &Path) -> Result<(), TrainingError> {
        let path = self.base.join("config.json");
        let bytes =
            std::fs::read(&path).map_err(|error| TrainingError::unreadable(&path, error))?;
        let mut config: Map<String, Value> = serde_json::from_slice(&bytes)
            .expect("the base's configuration was parsed before training");
        let labels = || self.labels.as_slice().iter().enumerate();
        let id2label: Map<String, Value> =
            labels().map(|(id, it)| (id.to_string(), json!(it))).collect();
        let label2id: Map<String, Value> =
            labels().map(|(id, it)| (it.to_string(), json!(id))).collect();
        let problem = match self.spec.label_mode {
            LabelMode::Single => "single_label_classification",
            LabelMode::Multi => "multi_label_classification",
        };
        let architecture = self.config.architecture;
        let class = if self.has_stock_head() { stock_class } else { bare_class };
        config.insert("architectures".to_owned(), json!([class(architecture)]));
        if architecture == Architecture::ModernBert {
            config.insert("classifier_pooling".to_owned(), json!(self.head.pooling));
        }
        config.insert("id2label".to_owned(), id2label.into());
        config.insert("label2id".to_owned(), label2id.into());
        config.insert("problem_type".to_owned(), problem.into());
        config.remove("_name_or_path");
        let text = serde_json::to_string_pretty(&config).expect("a configuration is plain data");
        write_text(&dir.join("config.json"), &text)
    }
}

/// Matrices with their adapters added, by where the frozen matrix begins.
fn merge(network: &Network) -> BTreeMap<usize, Vec<f32>> {
    let mut merged = BTreeMap::new();
    for linear in network.layers.iter().flat_map(|it| it.matrices()) {
        for adapter in &linear.adapters {
            let span =
                linear.weight.part(adapter.first_row * linear.inputs, adapter.rows * linear.inputs);
            let mut weight = network.weights.get(span).to_vec();
            let b = Matrix::new(network.weights.get(adapter.b), linear.rank);
            let a = Matrix::new(network.weights.get(adapter.a), linear.inputs);
            multiply(MatrixMut::new(&mut weight, linear.inputs), b, a, linear.scale, Store::Add);
            merged.insert(span.start, weight);
        }
    }
    debug_assert!(merged.keys().all(|start| network.names.iter().any(|it| is_at(it, *start))));
    merged
}

fn is_at(named: &Named, start: usize) -> bool {
    named.span.pool == Pool::Frozen && named.span.start == start
}
