//! The rules of FOCUS 1.2 for the columns that are there, written from the specification
//! (`specification/columns` and `specification/attributes`, v1.2) and not from the code.

use std::collections::{BTreeMap, BTreeSet};

use freehold_economics::focus::COLUMNS;

/// Columns that every data set has.
const MANDATORY: [&str; 21] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
];
/// Columns that may be empty in a row of usage that is no correction.
const NULLABLE: [&str; 4] = ["ChargeClass", "RegionId", "RegionName", "Tags"];
const DECIMALS: [&str; 8] = [
    "BilledCost",
    "ContractedCost",
    "ContractedUnitPrice",
    "ConsumedQuantity",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingQuantity",
];
const DATES: [&str; 4] =
    ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"];
/// Base units of the unit format that this data set uses, in the plural.
const UNITS: [&str; 5] = ["Tokens", "Hours", "Seconds", "Requests", "Units"];

/// Panics where a rule is broken.
#[track_caller]
pub fn hold(rows: &[Vec<String>]) {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    order_and_names(&names);
    for row in rows {
        assert_eq!(row.len(), names.len());
        let row: BTreeMap<&str, &str> =
            names.iter().copied().zip(row.iter().map(String::as_str)).collect();
        cells(&row);
        together(&row);
    }
}

#[track_caller]
fn order_and_names(names: &[&str]) {
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(unique.len(), names.len(), "a column stands there twice");
    for name in MANDATORY {
        assert!(unique.contains(name), "{name} is missing");
    }
    let custom = names.iter().position(|it| it.starts_with("x_")).unwrap_or(names.len());
    assert!(names[custom..].iter().all(|it| it.starts_with("x_")), "custom columns come last");
    for name in names {
        let name = name.strip_prefix("x_").unwrap_or(name);
        assert!(name.len() <= 50 && name.bytes().all(|b| b.is_ascii_alphanumeric()), "{name}");
        assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{name} is not Pascal case");
    }
}

#[track_caller]
fn cells(row: &BTreeMap<&str, &str>) {
    for (name, cell) in row {
        let nullable = NULLABLE.contains(name) || name.starts_with("x_");
        assert!(nullable || !cell.is_empty(), "{name} is null");
        assert_eq!(cell.trim(), *cell, "{name} has space around it");
        if DECIMALS.contains(name) {
            let (whole, part) = cell.split_once('.').unwrap_or((cell, "0"));
            let digits = |it: &str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
            assert!(digits(whole) && digits(part), "{name}: {cell}");
        }
        if DATES.contains(name) {
            let shape: String =
                cell.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
            assert_eq!(shape, "9999-99-99T99:99:99Z", "{name}");
        }
        if name.ends_with("Unit") {
            let unit = cell.split_once(' ').map_or(*cell, |(quantity, unit)| {
                assert!(quantity.parse::<u64>().is_ok_and(|it| it > 0), "{name}: {cell}");
                unit
            });
            assert!(UNITS.contains(&unit), "{name}: {cell}");
        }
    }
    let currency = row["BillingCurrency"];
    assert!(currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase()), "{currency}");
    assert_eq!(row["ChargeCategory"], "Usage");
    assert!(["", "Correction"].contains(&row["ChargeClass"]));
    assert!(["One-Time", "Recurring", "Usage-Based"].contains(&row["ChargeFrequency"]));
    assert!(["Standard", "Dynamic", "Committed", "Other"].contains(&row["PricingCategory"]));
    assert_eq!(row["ServiceCategory"], "AI and Machine Learning");
    assert_eq!(row["ServiceSubcategory"], "Generative AI");
    if !row["Tags"].is_empty() {
        let tags: BTreeMap<String, serde_json::Value> = serde_json::from_str(row["Tags"]).unwrap();
        assert!(tags.values().all(|it| it.is_string() || it == true), "{tags:?}");
    }
}

/// Rules between columns.
#[track_caller]
fn together(row: &BTreeMap<&str, &str>) {
    for (early, late) in
        [("ChargePeriodStart", "ChargePeriodEnd"), ("BillingPeriodStart", "BillingPeriodEnd")]
    {
        assert!(row[early] < row[late], "{early} is not before {late}");
    }
    assert!(row["BillingPeriodStart"] <= row["ChargePeriodStart"]);
    assert!(row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]);
    for (price, cost) in [("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")]
    {
        let product = times(row["PricingQuantity"], row[price]);
        assert_eq!(product, digits(row[cost], 12), "{price} times the quantity is not {cost}");
    }
    assert!(digits(row["ConsumedQuantity"], 12) > 0, "a consumed quantity is positive");
}

/// The product in 10⁻¹², rounded to the nearest.
fn times(quantity: &str, price: &str) -> u128 {
    let (whole, part) = quantity.split_once('.').unwrap_or((quantity, ""));
    let (whole, part): (u128, u128) =
        (whole.parse().unwrap(), format!("{part:0<18}").parse().unwrap());
    let price = digits(price, 12);
    let steps = 10u128.pow(18);
    whole * price + (part * price + steps / 2) / steps
}

fn digits(decimal: &str, places: usize) -> u128 {
    let (whole, part) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}{part:0<places$}").parse().unwrap()
}
