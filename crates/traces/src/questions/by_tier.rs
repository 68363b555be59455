//! Who answers, per task and day: the curve that shows whether the small models carry the load.

use super::Question;

pub const QUESTION: Question = Question {
    name: "by_tier",
    about: "share of requests answered by each tier, per task and day, with its 95 % interval",
    sql: "\
WITH counted AS (
    SELECT task, day, tier, count(*) AS n FROM traces GROUP BY task, day, tier
), shared AS (
    SELECT task, day, tier, n, sum(n) OVER (PARTITION BY task, day) AS requests FROM counted
), measured AS (
    SELECT *, CAST(n AS DOUBLE) / requests AS share,
           3.841458820694124 / requests AS z2 FROM shared
)
SELECT task, day, tier, n, requests, share,
       (share + z2 / 2 - sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2) AS share_low,
       (share + z2 / 2 + sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2) AS share_high
FROM measured
ORDER BY task, day, n DESC, tier",
};
