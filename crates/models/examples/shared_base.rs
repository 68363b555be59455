//! How much memory a hundred tasks on one base take.
//!
//!     shared_base BASE_DIR [TASKS]
//!
//! Writes one LoRA adapter of rank 16 on every matrix with a head of 77 labels, opens it as many
//! times as there are tasks, lets each task answer, and prints the memory of the process.

#![expect(clippy::print_stdout, reason = "a program for the command line")]

use std::path::{Path, PathBuf};

use freehold_models::config::Projection;
use freehold_models::{EncoderBase, EncoderConfig, EncoderOptions, Precision};
use freehold_vocabulary::ports::Classifier;
use freehold_vocabulary::{Label, LabelMode, LabelSet, Random, Seed};
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};

type Failure = Box<dyn std::error::Error>;

const RANK: usize = 16;
const LABELS: usize = 77;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let base_dir = PathBuf::from(arguments.next().ok_or("usage: shared_base BASE_DIR [TASKS]")?);
    let tasks: usize = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let adapter = std::env::temp_dir().join(format!("freehold-shared-base-{}", std::process::id()));
    std::fs::create_dir_all(&adapter)?;
    let outcome = measure(&base_dir, &adapter, tasks);
    std::fs::remove_dir_all(&adapter)?;
    outcome
}

fn measure(base_dir: &Path, adapter: &Path, tasks: usize) -> Result<(), Failure> {
    write_adapter(&EncoderConfig::open(base_dir)?, adapter)?;
    for precision in [Precision::F32, Precision::Int8] {
        let options = EncoderOptions { precision, ..EncoderOptions::default() };
        let base = EncoderBase::open(base_dir, options)?;
        let mut models = Vec::with_capacity(tasks);
        for _ in 0..tasks {
            let labels = (0..LABELS).map(|i| Label::parse(&format!("{i:03}")));
            let labels = LabelSet::sorted(labels.collect::<Result<Vec<_>, _>>()?);
            let model = base.classifier(adapter, labels, LabelMode::Single)?;
            model.classify(&["where is my new card"])?;
            models.push(model);
        }
        let resident = resident_mib()?;
        println!("{precision:?}: {} tasks on one base take {resident} MiB", models.len());
    }
    Ok(())
}

fn resident_mib() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib / 1024)
}

fn write_adapter(config: &EncoderConfig, dir: &Path) -> Result<(), Failure> {
    let (hidden, inner) = (config.hidden, config.intermediate);
    let mut random = Random::new(Seed(1));
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut put = |name: String, shape: Vec<usize>| {
        let size = shape.iter().product();
        let values = (0..size).flat_map(|_| (random.normal() as f32 * 0.01).to_le_bytes());
        tensors.push((format!("base_model.model.{name}"), shape, values.collect()));
    };
    for layer in 0..config.layers {
        let names = config.layer_names(layer);
        let mut modules = vec![
            (names.attention_out, hidden, hidden),
            (names.up, inner * if config.gated() { 2 } else { 1 }, hidden),
            (names.down, hidden, inner),
        ];
        match names.projection {
            Projection::Joint(module) => modules.push((module, 3 * hidden, hidden)),
            Projection::Separate { query, key, value } => {
                modules.extend([query, key, value].map(|module| (module, hidden, hidden)));
            }
        }
        for (module, outputs, inputs) in modules {
            put(format!("{module}.lora_A.weight"), vec![RANK, inputs]);
            put(format!("{module}.lora_B.weight"), vec![outputs, RANK]);
        }
    }
    put("classifier.weight".to_owned(), vec![LABELS, hidden]);
    put("classifier.bias".to_owned(), vec![LABELS]);
    let views = tensors.iter().map(|(name, shape, bytes)| {
        Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?))
    });
    let views = views.collect::<Result<Vec<_>, Failure>>()?;
    serialize_to_file(views, None, &dir.join("adapter_model.safetensors"))?;
    let settings = r#"{"peft_type":"LORA","r":16,"lora_alpha":32,"bias":"none"}"#;
    std::fs::write(dir.join("adapter_config.json"), settings)?;
    let head = r#"{"pooling":"mean","dense":null,"classifier":"classifier"}"#;
    std::fs::write(dir.join("freehold_head.json"), head)?;
    Ok(())
}
