//! Questions in SQL over every trace, compacted or not, without a lock and without a server.
//!
//! The table `traces` has one row for each trace; the view `answers` one for each answer of a tier,
//! and `generations` one for each generated answer, with what it cost.
//! A question can only read: what would change anything is refused. Memory, rows and bytes are
//! limited here; time is limited by the caller, who drops the future.

use std::path::Path;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::StreamExt as _;

mod rows;
mod table;

pub use self::rows::Rows;
use crate::error::TracesError;
use crate::snapshot::{self, Snapshot};

/// What a question may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Memory for sorting, grouping and joining.
    pub memory_bytes_max: usize,
    /// Rows that come back; an answer with more is cut and says so.
    pub rows_max: usize,
    /// Size of the answer; a larger one is an error.
    pub answer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes_max: 512 << 20, rows_max: 10_000, answer_bytes_max: 64 << 20 }
    }
}

/// Longest question in bytes.
pub const QUESTION_BYTES_MAX: usize = 64 << 10;

/// Answers a question about the traces in `folder`. Safe while another process writes there. Must
/// run within a Tokio runtime.
///
/// # Errors
/// `Refused` when the question is not a query or is wrong, `Limit` when it needs too much, others
/// when the disk or the engine fails.
pub async fn sql(
    folder: impl AsRef<Path>,
    question: &str,
    limits: &Limits,
) -> Result<Rows, TracesError> {
    let folder = folder.as_ref();
    if question.len() > QUESTION_BYTES_MAX {
        let reason = format!("it is longer than {QUESTION_BYTES_MAX} bytes");
        return Err(TracesError::Refused { reason });
    }
    for _ in 0..snapshot::ATTEMPTS_MAX {
        let snapshot = Arc::new(snapshot::take(folder, &|_| true)?);
        let answer = ask(folder, &snapshot, question, limits).await;
        // A part that was merged while it was being read is in the next snapshot under another name.
        match answer {
            Err(TracesError::Query { .. } | TracesError::Refused { .. })
                if snapshot::is_stale(folder, &snapshot)? => {}
            answer => return answer,
        }
    }
    Err(snapshot::restless(folder))
}

async fn ask(
    folder: &Path,
    snapshot: &Arc<Snapshot>,
    question: &str,
    limits: &Limits,
) -> Result<Rows, TracesError> {
    let context = context(limits)?;
    context.register_table("traces", Arc::new(table::Table::new(folder, snapshot)?))?;
    context.sql(ANSWERS).await?;
    context.sql(GENERATIONS).await?;
    let plan = context.state().create_logical_plan(question).await?;
    refuse_changes(&plan)?;
    let frame = context.execute_logical_plan(plan).await?;
    collect(frame, limits).await
}

/// One row for each answer of a tier.
const ANSWERS: &str = "\
CREATE VIEW answers AS
SELECT id, at, task, day, outcome, answer['tier'] AS tier, answer['version'] AS version,
       answer['labels'] AS labels, answer['confidence'] AS confidence,
       answer['ood_score'] AS ood_score, answer['kept'] AS kept, answer['reason'] AS reason,
       answer['latency_us'] AS latency_us, answer['tokens'] AS tokens
FROM (SELECT id, at, task, day, outcome, unnest(tiers) AS answer FROM traces)";

/// One row for each generated answer. A cost is in 10⁻¹² of its currency, so that sums are exact.
const GENERATIONS: &str = "\
CREATE VIEW generations AS
SELECT id, at, task, day, caller, endpoint, outcome, tier, latency_us,
       generation['model'] AS model, generation['engine'] AS engine,
       generation['upstream'] AS upstream, generation['data_class'] AS data_class,
       generation['rule'] AS rule, generation['ending'] AS ending, generation['stop'] AS stop,
       generation['input_tokens'] AS input_tokens,
       generation['cached_input_tokens'] AS cached_input_tokens,
       generation['cache_written_tokens'] AS cache_written_tokens,
       generation['output_tokens'] AS output_tokens,
       generation['reasoning_tokens'] AS reasoning_tokens, generation['basis'] AS basis,
       generation['cost_picos'] AS cost_picos, generation['currency'] AS currency,
       generation['first_token_us'] AS first_token_us, generation['tries'] AS tries,
       generation['cache'] AS cache, generation['saved_picos'] AS saved_picos,
       generation['saved_currency'] AS saved_currency,
       generation['request'] AS request, generation['answer'] AS answer
FROM traces WHERE generation IS NOT NULL";

fn context(limits: &Limits) -> Result<SessionContext, TracesError> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory_bytes_max)))
        .with_disk_manager_builder(disk)
        .build_arc()?;
    let config = SessionConfig::new().with_information_schema(false);
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

/// A question reads; everything else has another verb. Looks into subqueries and `EXPLAIN` too.
fn refuse_changes(plan: &LogicalPlan) -> Result<(), TracesError> {
    let mut verb = None;
    plan.apply_with_subqueries(|node| {
        let found = match node {
            LogicalPlan::Ddl(statement) => Some(statement.name().to_string()),
            LogicalPlan::Dml(statement) => Some(statement.op.name().to_owned()),
            LogicalPlan::Copy(_) => Some("COPY".to_owned()),
            LogicalPlan::Statement(statement) => Some(statement.name().to_owned()),
            _ => None,
        };
        verb = verb.take().or(found);
        Ok(if verb.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    match verb {
        None => Ok(()),
        Some(verb) => Err(TracesError::Refused {
            reason: format!(
                "`{verb}` would change something and traces are only read; begin with SELECT"
            ),
        }),
    }
}

async fn collect(frame: DataFrame, limits: &Limits) -> Result<Rows, TracesError> {
    let names = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows = Rows::new(names);
    let mut bytes = 0;
    let mut stream =
        frame.limit(0, Some(limits.rows_max.saturating_add(1)))?.execute_stream().await?;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        if bytes > limits.answer_bytes_max {
            let reason = format!(
                "the answer is larger than {} bytes; select fewer columns or rows",
                limits.answer_bytes_max
            );
            return Err(TracesError::Limit { reason });
        }
        rows.push(&batch)?;
    }
    rows.cut(limits.rows_max);
    Ok(rows)
}
