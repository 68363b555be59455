//! Speed and answers of the encoder on token ids: the other half of `tests/bench_ort.py`.
//!
//!     encoder_bench VERSION_DIR BASE_DIR IDS.json PRECISION OUT.json
//!
//! `IDS.json` holds lists of token ids, shortest first. Runs on one thread (set
//! RAYON_NUM_THREADS=1) and writes logits, CPU seconds and latencies. `BASE_DIR` may be `-`.

#![expect(clippy::print_stdout, reason = "a program for the command line")]

use std::path::Path;
use std::time::Instant;

use freehold_models::{EncoderClassifier, EncoderOptions, Precision, Weights};
use freehold_vocabulary::{Label, LabelMode, LabelSet};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// CPU time of the whole process in seconds.
fn cpu_seconds() -> f64 {
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    }
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    let mut time = [0; 2];
    // SAFETY: on 64-bit Linux a `timespec` is two 64-bit integers, and the call only writes them.
    let status = unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(status, 0, "the clock exists");
    time[0] as f64 + time[1] as f64 * 1e-9
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [version, base, ids, precision, out] = &arguments[..] else {
        return Err("usage: encoder_bench VERSION_DIR BASE_DIR IDS.json f32|int8 OUT.json".into());
    };
    let precision = match precision.as_str() {
        "f32" => Precision::F32,
        "int8" => Precision::Int8,
        other => return Err(format!("`{other}` is neither f32 nor int8").into()),
    };
    let ids: Vec<Vec<u32>> = serde_json::from_slice(&std::fs::read(ids)?)?;
    let base = (base != "-").then_some(Path::new(base));
    let model = open(Path::new(version), base, precision)?;

    let warm = model.classify_tokens(&ids[..ids.len().min(64)])?;
    assert!(!warm.is_empty(), "there are texts");
    let mut report = json!({ "latency_ms": singles(&model, &ids)? });
    for batch in [32, 128] {
        report[format!("cpu_s_{batch}")] = json!(bulk(&model, &ids, batch)?);
    }
    let logits: Vec<Vec<f32>> =
        model.classify_tokens(&ids)?.into_iter().map(|scored| scored.logits).collect();
    report["logits"] = json!(logits);
    std::fs::write(out, report.to_string())?;
    println!("wrote {out}");
    Ok(())
}

fn open(
    version: &Path,
    base: Option<&Path>,
    precision: Precision,
) -> Result<EncoderClassifier, Failure> {
    let file = version.join("adapter_model.safetensors");
    let weights = if file.exists() { Weights::open_file(&file)? } else { Weights::open(version)? };
    let head = ["classifier.weight", "classifier.out_proj.weight"];
    let shape = head.iter().find_map(|name| weights.shape(name)).ok_or("no classifier")?;
    let labels = (0..shape[0]).map(|i| Label::parse(&format!("{i:05}")));
    let labels = LabelSet::sorted(labels.collect::<Result<Vec<_>, _>>()?);
    let options = EncoderOptions { precision, ..EncoderOptions::default() };
    Ok(EncoderClassifier::open(version, base, labels, LabelMode::Single, options)?)
}

/// Wall and CPU milliseconds of one text at a time, spread over all lengths.
fn singles(model: &EncoderClassifier, ids: &[Vec<u32>]) -> Result<Vec<[f64; 2]>, Failure> {
    let mut latencies = Vec::new();
    for one in ids.iter().step_by(8) {
        let (start, cpu) = (Instant::now(), cpu_seconds());
        model.classify_tokens(std::slice::from_ref(one))?;
        let wall = start.elapsed().as_secs_f64();
        latencies.push([wall * 1e3, (cpu_seconds() - cpu) * 1e3]);
    }
    Ok(latencies)
}

/// CPU seconds for all texts in batches of so many.
fn bulk(model: &EncoderClassifier, ids: &[Vec<u32>], batch: usize) -> Result<f64, Failure> {
    let start = cpu_seconds();
    for some in ids.chunks(batch) {
        model.classify_tokens(some)?;
    }
    Ok(cpu_seconds() - start)
}
