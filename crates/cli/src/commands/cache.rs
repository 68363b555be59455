//! `freehold cache`: when two questions may have the same answer.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use freehold_engines::{BaseCache, WorkerPool};
use freehold_routing::semantic::{CachePromise, Meaning, NoCacheThreshold, Pair, cache_threshold};
use freehold_vocabulary::ports::Embedder;
use freehold_vocabulary::{Confidence, Digest, Probability};
use serde::Deserialize;

use super::Refused;
use crate::output;
use crate::wiring::Session;
use crate::wiring::embedding;
use crate::wiring::semantic::{CalibratedCache, bytes_read};

/// Largest file of pairs, and most pairs in it.
const BYTES_MAX: u64 = 256 << 20;
const PAIRS_MAX: usize = 1_000_000;
/// Texts that are embedded at once.
const BATCH: usize = 64;

/// Answers that are given again.
#[derive(Debug, Subcommand)]
pub enum Command {
    Calibrate(Arguments),
}

/// Find how alike two questions must be to have the same answer, from pairs that people judged.
///
/// PAIRS is CSV with the columns `first`, `second` and `same` (`true` or `false`): may a person who
/// asked the second question be given the answer to the first? Draw them as the cache will meet
/// them: a new question with the most similar one before it. The least similarity is chosen at
/// which the share of false hits is at most what you allow, by the exact binomial bound; with too
/// few pairs there is none. Nothing is compared until a model names the file that this writes.
#[derive(Debug, Args)]
pub struct Arguments {
    pairs: PathBuf,
    /// Of the answers given again, the share that may belong to another question.
    #[arg(long, default_value = "0.01", value_parser = probability)]
    false_hits_at_most: Probability,
    /// How sure that must be.
    #[arg(long, default_value = "0.95", value_parser = confidence)]
    confidence: Confidence,
    /// A new file for the threshold.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn probability(text: &str) -> Result<Probability, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    Probability::new(number).map_err(|error| error.to_string())
}

fn confidence(text: &str) -> Result<Confidence, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    Confidence::new(number).map_err(|error| error.to_string())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    first: String,
    second: String,
    same: bool,
}

pub fn run(command: &Command, session: &Session) -> Result<()> {
    let Command::Calibrate(arguments) = command;
    let (rows, digest) = rows(arguments)?;
    let threads = NonZeroUsize::new(session.config.compute.threads());
    let pool = WorkerPool::start(threads.context("there is at least one thread")?)?;
    let embedder = embedding::open(session, pool, &BaseCache::default())?;
    let longest = bytes_read(session.config.embedding.tokens_max);
    let short = |it: &Row| it.first.len() <= longest && it.second.len() <= longest;
    let (rows, long): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(short);
    let pairs = session.wait(compared(embedder.as_ref(), &rows))?;
    let promise = CachePromise {
        false_hits_at_most: arguments.false_hits_at_most,
        confidence: arguments.confidence,
    };
    let threshold = match cache_threshold(&pairs, promise) {
        Ok(threshold) => threshold,
        Err(cause @ (NoCacheThreshold::TooFew { .. } | NoCacheThreshold::Refuted { .. })) => {
            let long = long.len();
            bail!(Refused(format!(
                "{cause} ({long} pair(s) were left out: a question has more than {longest} bytes; `embedding.tokens_max` says how much is read)"
            )));
        }
    };
    let calibrated = CalibratedCache {
        threshold,
        embedder: embedder.card().name.clone(),
        embedder_version: embedder.card().version.clone(),
        pairs: digest,
        at: session.now(),
    };
    let out = &arguments.out;
    let file = std::fs::File::create_new(out)
        .with_context(|| format!("{} cannot be made; choose a new file", out.display()))?;
    serde_json::to_writer_pretty(&file, &calibrated)?;
    file.sync_all()?;
    output::print(session.form, &calibrated, |_| {
        format!(
            "similarity of at least {:.4}: {} of {} pairs are hits, {} of them false; the share of false hits is at most {} with {:.0} % confidence (promised: {}). {} pair(s) were too long to be compared.\nwrote {}",
            threshold.similarity_at_least,
            threshold.hits,
            threshold.pairs,
            threshold.false_hits,
            output::percent(threshold.false_hits_bound),
            100.0 * promise.confidence.get(),
            output::percent(promise.false_hits_at_most.get()),
            long.len(),
            out.display()
        )
    })?;
    output::next(
        session.form,
        &format!("write `semantic_cache = \"{}\"` into the section of a model", out.display()),
    );
    Ok(())
}

fn rows(arguments: &Arguments) -> Result<(Vec<Row>, Digest)> {
    let path = &arguments.pairs;
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?.len();
    if size > BYTES_MAX {
        bail!("{shown} has {size} bytes; at most {BYTES_MAX} are read");
    }
    let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let rows: Vec<Row> =
        reader.deserialize().take(PAIRS_MAX + 1).collect::<Result<_, _>>().with_context(|| {
            format!("{shown} is not CSV with the columns first, second and same")
        })?;
    if rows.len() > PAIRS_MAX {
        bail!("{shown} has more than {PAIRS_MAX} pairs");
    }
    Ok((rows, Digest::of(&bytes)))
}

/// The similarity of every pair.
async fn compared(embedder: &dyn Embedder, rows: &[Row]) -> Result<Vec<Pair>> {
    let mut pairs = Vec::with_capacity(rows.len());
    for rows in rows.chunks(BATCH) {
        let texts = |get: fn(&Row) -> &String| rows.iter().map(get).cloned().collect::<Vec<_>>();
        let firsts = embedder.embed(texts(|it| &it.first)).await?;
        let seconds = embedder.embed(texts(|it| &it.second)).await?;
        for ((row, first), second) in rows.iter().zip(&firsts).zip(&seconds) {
            let product = first.iter().zip(second).map(|(a, b)| f64::from(*a) * f64::from(*b));
            let meaning = if row.same { Meaning::Same } else { Meaning::Different };
            pairs.push(Pair { similarity: product.sum(), meaning });
        }
    }
    Ok(pairs)
}
