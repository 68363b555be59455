//! The crate as its callers see it: files in, versions out.

mod curation {
    pub mod conformance;
    pub mod csv_reader;
    pub mod encodings;
    pub mod findings;
    pub mod real_data;
    pub mod refusals;
    pub mod splits;
    pub mod support;
    pub mod versions;
}
