//! The crate as its callers see it: files in, versions out.

mod curation {
    pub mod real_data;
    pub mod support;
}
