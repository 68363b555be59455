//! What others published on the same data, to stand beside what is measured.

use serde::Serialize;

/// One row of RouteLLM's table for MMLU (Ong et al. 2024, arXiv 2406.18665v4, tables 2 and 6;
/// GPT-4-1106 against Mixtral-8x7B). Their routers were trained on other data, so a router trained
/// on the traffic it meets has an advantage that the figures cannot show.
#[derive(Debug, Serialize)]
pub struct Published {
    pub router: &'static str,
    pub cpt50: f64,
    pub cpt80: f64,
    pub apgr: f64,
}

const fn row(router: &'static str, cpt50: f64, cpt80: f64, apgr: f64) -> Published {
    Published { router, cpt50: cpt50 / 100.0, cpt80: cpt80 / 100.0, apgr }
}

const MMLU: &[Published] = &[
    row("random", 50.1, 79.9, 0.500),
    row("matrix factorisation, arena only", 45.0, 76.9, 0.524),
    row("matrix factorisation + gold data", 35.5, 71.4, 0.597),
    row("similarity-weighted ranking + gold data", 35.4, 71.6, 0.603),
    row("BERT + gold data", 41.3, 72.2, 0.572),
    row("causal LLM 8B + gold data", 35.5, 70.3, 0.600),
];

/// The table, if these are the models that it is about.
pub fn of(weak: &str, strong: &str) -> Option<&'static [Published]> {
    let same = weak.ends_with("Mixtral-8x7B-Instruct-v0.1") && strong == "gpt-4-1106-preview";
    same.then_some(MMLU)
}
