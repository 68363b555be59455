//! The crate as its callers see it: files in, versions out.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod curation {
    pub mod conformance;
    pub mod csv_reader;
    pub mod deidentified_files;
    pub mod encodings;
    pub mod findings;
    pub mod real_data;
    pub mod refusals;
    pub mod resplit;
    pub mod splits;
    pub mod support;
    pub mod versions;
}
