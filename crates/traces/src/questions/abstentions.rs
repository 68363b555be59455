//! Why tiers pass: what to label, train or calibrate next.

use super::Question;

pub const QUESTION: Question = Question {
    name: "abstentions",
    about: "the most frequent reasons for which a tier did not keep its answer, per task and tier, with the share of that tier's answers and its 95 % interval",
    sql: "\
WITH asked AS (
    SELECT task, tier, count(*) AS answers FROM answers GROUP BY task, tier
), passed AS (
    SELECT task, tier, coalesce(reason, 'no reason given') AS reason, count(*) AS n
    FROM answers WHERE NOT kept GROUP BY task, tier, coalesce(reason, 'no reason given')
), measured AS (
    SELECT passed.task, passed.tier, passed.reason, passed.n, asked.answers,
           CAST(passed.n AS DOUBLE) / asked.answers AS share,
           3.841458820694124 / asked.answers AS z2
    FROM passed JOIN asked ON passed.task = asked.task AND passed.tier = asked.tier
)
SELECT task, tier, reason, n, answers, share,
       (share + z2 / 2 - sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2) AS share_low,
       (share + z2 / 2 + sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2) AS share_high
FROM measured
ORDER BY n DESC, task, tier, reason
LIMIT 100",
};
