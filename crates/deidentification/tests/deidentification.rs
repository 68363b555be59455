//! Every recogniser under one conformance suite, and all of them together on real text.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod deidentification {
    pub mod conformance;
    pub mod presidio;
    pub mod redaction;
    pub mod requests;
}
