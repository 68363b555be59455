//! Measures Freehold beside its public peers and writes BENCHMARKS.md.
//!
//! A benchmark is a script in `benches/` that prints its section: both sides in one run, medians
//! and ratios. Running some of them replaces only their sections; nothing is ever asserted here. One
//! that fails keeps its old section and does not stop the others, so that a night's run is not lost
//! to one missing tool. A quick run (`BENCH_QUICK=1`) only shows that the scripts work, and writes a
//! page of its own beside the build.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Name, heading, and the script in `benches/`.
const BENCHES: &[(&str, &str, &str)] = &[
    ("training", "Training beside PyTorch and PEFT", "training.sh"),
    ("encoder", "Encoder inference beside ONNX Runtime", "encoder.sh"),
    ("micro", "The micro model beside scikit-learn", "micro.sh"),
    ("accuracy", "Accuracy and the certified cascade on public data", "accuracy.sh"),
    ("certificates", "Do certificates keep their word?", "certificates.sh"),
    ("server", "What the server adds", "server.sh"),
    ("gateway", "The gateway beside LiteLLM and Portkey", "gateway.sh"),
    ("engines", "Always an answer, and every try paid", "engines.sh"),
    ("import", "Importing a million rows", "import.sh"),
    ("traces", "Traces: append and query", "traces.sh"),
];

/// The page.
const PAGE: &str = "BENCHMARKS.md";

const HEAD: &str = "# Benchmarks\n\nWritten by `cargo xtask bench`. Both sides of a comparison ran on the same machine in the same run; times are\nprocessor seconds (user + system) unless they say otherwise; ratios above 1 are in Freehold's favour. Figures are what was\nmeasured, also where they do not flatter.\n";

/// The names for the usage line.
pub fn names() -> String {
    BENCHES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join("|")
}

/// Runs the named benchmarks, or all.
pub fn run(root: &Path, which: &[&str]) -> Result<()> {
    if let Some(unknown) = which.iter().find(|it| BENCHES.iter().all(|(name, ..)| name != *it)) {
        bail!("there is no benchmark `{unknown}`; there are {}", names());
    }
    let page = page(root)?;
    let machine = machine();
    let mut failed = Vec::new();
    for (name, heading, script) in BENCHES {
        if !which.is_empty() && !which.contains(name) {
            continue;
        }
        eprintln!("== {name}");
        match measure(root, script) {
            Ok(section) => {
                let section = format!("## {heading}\n\n{machine}\n\n{}\n", section.trim());
                replace(&page, name, &section)?;
            }
            Err(error) => {
                eprintln!("== {name} failed, its section stays as it was: {error:#}");
                failed.push(*name);
            }
        }
    }
    eprintln!("== wrote {}", page.display());
    if !failed.is_empty() {
        bail!("these benchmarks failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Where figures go; those of a quick run are nobody's figures.
fn page(root: &Path) -> Result<PathBuf> {
    if std::env::var_os("BENCH_QUICK").is_none_or(|it| it.is_empty()) {
        return Ok(root.join(PAGE));
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join("QUICK.md"))
}

fn measure(root: &Path, script: &str) -> Result<String> {
    let output = Command::new("bash")
        .arg(root.join("benches").join(script))
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("bash cannot be started")?;
    if !output.status.success() {
        bail!("{script} ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// What it ran on, so that a figure can be read years later.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |key: &str| {
        let line = cpu.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown").to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let vnni = if field("flags").contains("avx512_vnni") { ", AVX-512 VNNI" } else { "" };
    format!(
        "*{} ({cores} cores{vnni}), Rust {}, freehold {}*",
        field("model name"),
        env!("CARGO_PKG_RUST_VERSION"),
        env!("CARGO_PKG_VERSION")
    )
}

/// Puts a section into the page, in the order of the table.
fn replace(page: &Path, name: &str, section: &str) -> Result<()> {
    let old = std::fs::read_to_string(page).unwrap_or_default();
    let mut text = HEAD.to_owned();
    for (other, ..) in BENCHES {
        let (begin, end) = (format!("<!-- begin {other} -->\n"), format!("<!-- end {other} -->\n"));
        let kept = old
            .split_once(&begin)
            .and_then(|(_, rest)| rest.split_once(&end))
            .map(|(kept, _)| kept);
        let content = if *other == name { Some(section) } else { kept };
        if let Some(content) = content {
            text += &format!("\n{begin}{content}{end}");
        }
    }
    std::fs::write(page, text).with_context(|| format!("{} cannot be written", page.display()))
}
