//! A day of requests and the prices that they had.

use freehold_economics::metering::Machine;
use freehold_economics::{Day, Metered, PriceList, Sums};
use freehold_vocabulary::chat::Usage;

pub const PRICES: &str = r#"
[[price]]
model = "cloud"
valid_from = "2026-01-01"
currency = "USD"
input_per_million = 2.5
cached_input_per_million = 1.25
output_per_million = 10
per_request = 0.001
as_of = "2026-11-01"
source = "list"

[[price]]
model = "own"
valid_from = "2026-01-01"
currency = "EUR"
per_hour = 2.4
input_tokens_per_second = 9000
output_tokens_per_second = 700
utilisation = 0.3
as_of = "2026-11-01"
source = "invoice"
"#;

pub fn prices() -> PriceList {
    PriceList::parse(PRICES).unwrap()
}

/// Requests of one kind, each recorded with the cost of its day.
pub fn metered(model: &str, day: &str, key: &str, usages: &[Usage]) -> Metered {
    let list = prices();
    let price = list.find(model).unwrap().on(Day::parse(day).unwrap());
    let (mut cost, mut usage) = (Sums::default(), Usage::default());
    for one in usages {
        cost.add_cost(&price.cost(one));
        usage += *one;
    }
    Metered {
        day: Day::parse(day).unwrap(),
        task: "generation".to_owned(),
        key: key.to_owned(),
        team: format!("team-of-{key}"),
        tags: vec!["stage=live".to_owned(), "pilot".to_owned()],
        model: model.to_owned(),
        engine: format!("{model}-engine"),
        requests: usages.len() as u64,
        estimated: 1,
        unpriced: 0,
        failed: 0,
        cached: 0,
        usage,
        cost,
        saved: Sums::default(),
        machine: if price.is_time() { Machine::Own } else { Machine::Others },
    }
}

pub fn usage(input_tokens: u64, cached_input_tokens: u64, output_tokens: u64) -> Usage {
    Usage { input_tokens, cached_input_tokens, output_tokens, ..Usage::default() }
}
