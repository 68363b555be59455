//! Who asks how much.

use super::Question;

pub const QUESTION: Question = Question {
    name: "volume",
    about: "requests per day, task and caller, and how many of them ended in the review queue",
    sql: "\
SELECT day, task, caller, count(*) AS n,
       count(*) FILTER (WHERE outcome = 'abstained') AS abstained
FROM traces
GROUP BY day, task, caller
ORDER BY day DESC, n DESC, task, caller
LIMIT 1000",
};
