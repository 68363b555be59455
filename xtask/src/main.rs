//! House-keeping for developers: `cargo xtask tidy` checks the house rules, `cargo xtask bench`
//! measures and writes BENCHMARKS.md.
//!
//! Never part of what users run.

mod bench;
mod source;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Asked when it runs: clones that share a target folder share the program too.
    let Some(root) = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from) else {
        eprintln!("error: run it as `cargo xtask`");
        return ExitCode::FAILURE;
    };
    let root = root.parent().expect("xtask stands in the workspace root").to_owned();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy::run(&root),
        ["bench", which @ ..] => bench::run(&root, which),
        _ => {
            Err(anyhow::anyhow!("usage: cargo xtask tidy | cargo xtask bench [{}]", bench::names()))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
