//! Reports and bills, held to the sums that went in and to the rules of FOCUS 1.2.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

mod economics {
    mod bill;
    mod focus_rules;
    mod report;
    mod sample;
}
