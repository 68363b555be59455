//! How often certificates hold, beside the plug-in rule, on answers of real models.
//!
//! `validity CALIBRATION REPEATS TIER.json [TIER.json …]`; each file holds `[confidence, right]` for
//! the same examples in the same order, cheapest tier first. Prints the report as JSON, for α = δ =
//! 0.05 and the promise that a task makes by default.

use std::path::Path;

use freehold_routing::Terms;
use freehold_routing::certificate::{Repeats, Row, repeat_splits};
use freehold_vocabulary::{Confidence, Probability, PromiseScope, Seed};

type Failure = Box<dyn std::error::Error>;

fn tier(path: &str) -> Result<Vec<Row>, Failure> {
    let answers: Vec<(f64, bool)> = serde_json::from_slice(&std::fs::read(Path::new(path))?)?;
    Ok(answers.into_iter().map(|(score, right)| Row { score, wrong: !right }).collect())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [calibration, repeats, tiers @ ..] = &arguments[..] else {
        return Err("usage: validity CALIBRATION REPEATS TIER.json [TIER.json …]".into());
    };
    let pool = tiers.iter().map(|it| tier(it)).collect::<Result<Vec<_>, _>>()?;
    let repeats = Repeats {
        repeats: repeats.parse()?,
        calibration_examples: calibration.parse()?,
        seed: Seed(1),
    };
    let error_at_most = Probability::new(0.05)?;
    let terms = Terms { error_at_most, confidence: Confidence::P95, promise: PromiseScope::Route };
    let report = repeat_splits(&pool, repeats, terms)?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
