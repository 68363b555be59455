//! How long requests took, per task and the tier that answered. Quantiles are exact.

use super::Question;

pub const QUESTION: Question = Question {
    name: "latency",
    about: "median, 95th percentile and longest latency in milliseconds, per task and answering tier",
    sql: "\
SELECT task, tier, count(*) AS n,
       round(percentile_cont(CAST(latency_us AS DOUBLE), 0.5) / 1000.0, 3) AS p50_ms,
       round(percentile_cont(CAST(latency_us AS DOUBLE), 0.95) / 1000.0, 3) AS p95_ms,
       max(latency_us) / 1000.0 AS max_ms
FROM traces
GROUP BY task, tier
ORDER BY task, n DESC, tier",
};
