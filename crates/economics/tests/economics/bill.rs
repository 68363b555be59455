//! What a bill says, and that it adds up to what was recorded.

use freehold_economics::focus::{Billed, COLUMNS, charges};
use freehold_economics::{Metered, Sums};

use super::focus_rules::hold;
use super::sample::{metered, prices, usage};

fn bill(rows: &[Metered]) -> Vec<Vec<String>> {
    let list = prices();
    let billed: Vec<Billed<'_>> = rows
        .iter()
        .map(|metered| Billed {
            metered,
            tariff: list.find(&metered.model),
            provider: "Acme Models",
            region: Some("eu-west-1"),
        })
        .collect();
    let charges = charges("acme", &billed).unwrap();
    charges.iter().map(|it| COLUMNS.iter().map(|(_, cell)| cell(it)).collect()).collect()
}

fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
    let place = COLUMNS.iter().position(|(column, _)| *column == name).unwrap();
    rows.iter().map(|row| row[place].clone()).collect()
}

#[test]
fn tokens_are_billed_by_kind() {
    let rows =
        bill(&[metered("cloud", "2026-11-24", "web", &[usage(1000, 800, 50), usage(3, 0, 7)])]);
    hold(&rows);
    assert_eq!(
        column(&rows, "SkuMeter"),
        ["Requests", "Input Tokens", "Cached Input Tokens", "Output Tokens"]
    );
    assert_eq!(column(&rows, "PricingQuantity"), ["2", "0.000203", "0.0008", "0.000057"]);
    assert_eq!(column(&rows, "BilledCost"), ["0.002", "0.0005075", "0.001", "0.00057"]);
    assert_eq!(column(&rows, "BillingPeriodEnd")[0], "2026-12-01T00:00:00Z");
}

#[test]
fn time_is_billed_in_hours() {
    let many: Vec<_> = (1..500).map(|n| usage(n * 7, 0, n)).collect();
    let rows = bill(&[metered("own", "2026-11-24", "web", &many)]);
    hold(&rows);
    assert_eq!(column(&rows, "SkuMeter"), ["Engine Time"]);
    assert_eq!(column(&rows, "PricingUnit"), ["Hours"]);
}

#[test]
fn a_cost_that_the_list_no_longer_explains_is_billed_as_recorded() {
    let mut row = metered("cloud", "2026-11-24", "web", &[usage(1000, 0, 50)]);
    row.cost = Sums::default();
    row.cost.add("USD", 4_100_000_000);
    row.cost.add("EUR", 1);
    let rows = bill(&[row.clone()]);
    hold(&rows);
    assert_eq!(column(&rows, "SkuMeter"), ["Recorded Cost", "Recorded Cost"]);
    assert_eq!(column(&rows, "BilledCost"), ["0.000000000001", "0.0041"]);
    let mut time = metered("own", "2026-11-24", "web", &[usage(1000, 0, 50)]);
    time.cost = Sums::default();
    time.cost.add("EUR", 4_000_000_000);
    let rows = bill(&[time]);
    hold(&rows);
    assert_eq!(column(&rows, "SkuMeter"), ["Recorded Cost"]);
}

#[test]
fn an_unknown_cost_is_no_bill() {
    let mut row = metered("cloud", "2026-11-24", "web", &[usage(1000, 0, 50)]);
    row.unpriced = 3;
    let billed = [Billed { metered: &row, tariff: None, provider: "a", region: None }];
    let error = charges("acme", &billed).unwrap_err().to_string();
    assert!(error.contains("3 request(s) to `cloud` on 2026-11-24"), "{error}");
}
