//! What the answers are: a change here is the first sign of drift.

use super::Question;

pub const QUESTION: Question = Question {
    name: "labels",
    about: "how often each label went out, per task, with the mean confidence",
    sql: "\
SELECT task, label, count(*) AS n, avg(confidence) AS confidence_mean,
       min(at) AS first_at, max(at) AS last_at
FROM (SELECT task, confidence, at, unnest(labels) AS label FROM traces)
GROUP BY task, label
ORDER BY task, n DESC, label
LIMIT 1000",
};
