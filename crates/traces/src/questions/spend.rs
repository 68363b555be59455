//! What generated answers cost, and how much of it is known.

use super::Question;

pub const QUESTION: Question = Question {
    name: "spend",
    about: "generated answers, tokens and cost per day, model and currency; a cost is of all tries for an answer, failed ones and those of other models included; `unpriced` counts answers of models whose price is not known, and `estimated` those whose tokens the engine did not report",
    sql: "\
SELECT day, model, engine, currency, count(*) AS n,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
       CAST(sum(cost_picos) AS DOUBLE) / 1e12 AS cost,
       count(*) FILTER (WHERE cost_picos IS NULL) AS unpriced,
       count(*) FILTER (WHERE basis = 'estimated') AS estimated,
       count(*) FILTER (WHERE outcome = 'failed') AS failed
FROM generations
GROUP BY day, model, engine, currency
ORDER BY day DESC, n DESC, model, engine, currency
LIMIT 1000",
};
