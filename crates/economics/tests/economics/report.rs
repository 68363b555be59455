//! Sums along dimensions, and the comparison with a list price.

use freehold_economics::metering::add_up;
use freehold_economics::{Dimension, Frontier, Line};

use super::sample::{metered, prices, usage};

fn lines(by: &[Dimension]) -> Vec<Line> {
    let rows = [
        metered("cloud", "2026-11-23", "web", &[usage(1000, 0, 100), usage(1000, 800, 50)]),
        metered("cloud", "2026-11-24", "batch", &[usage(10, 0, 1)]),
        metered("own", "2026-11-24", "web", &[usage(9000, 0, 700)]),
    ];
    let tariff = prices().find("cloud").unwrap().clone();
    add_up(&rows, by, &[Frontier { model: "cloud".to_owned(), tariff }])
}

#[track_caller]
fn check(by: &[Dimension], expected: &[(&[&str], u64, &str)]) {
    let lines = lines(by);
    let found: Vec<(Vec<&str>, u64, String)> = lines
        .iter()
        .map(|it| (it.by.iter().map(String::as_str).collect(), it.requests, it.cost.to_string()))
        .collect();
    let expected: Vec<(Vec<&str>, u64, String)> =
        expected.iter().map(|(by, n, cost)| (by.to_vec(), *n, (*cost).to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_dimension_adds_up_to_the_whole() {
    // Two seconds of 2.40 an hour at a utilisation of 0.3, rounded up.
    let own = "0.004444444445 EUR";
    let both = "0.004444444445 EUR + 0.0075 USD";
    check(&[], &[(&[], 4, "0.004444444445 EUR + 0.008535 USD")]);
    check(&[Dimension::Model], &[(&["cloud"], 3, "0.008535 USD"), (&["own"], 1, own)]);
    check(
        &[Dimension::Key],
        &[(&["batch"], 1, "0.001035 USD"), (&["web"], 3, "0.004444444445 EUR + 0.0075 USD")],
    );
    check(
        &[Dimension::Team],
        &[(&["team-of-batch"], 1, "0.001035 USD"), (&["team-of-web"], 3, both)],
    );
    check(
        &[Dimension::Day, Dimension::Engine],
        &[
            (&["2026-11-23", "cloud-engine"], 2, "0.0075 USD"),
            (&["2026-11-24", "cloud-engine"], 1, "0.001035 USD"),
            (&["2026-11-24", "own-engine"], 1, own),
        ],
    );
    // A request stands under each of its tags.
    check(
        &[Dimension::Tag],
        &[
            (&["pilot"], 4, "0.004444444445 EUR + 0.008535 USD"),
            (&["stage=live"], 4, "0.004444444445 EUR + 0.008535 USD"),
        ],
    );
}

#[test]
fn own_machines_stand_beside_a_list_price() {
    let whole = &lines(&[])[0];
    assert_eq!(
        (whole.own_requests, whole.own_cost.to_string()),
        (1, "0.004444444445 EUR".to_owned())
    );
    // 9000 tokens at 2.50, 700 at 10, and one request.
    assert_eq!(whole.instead["cloud"].to_string(), "0.0305 USD");
}
