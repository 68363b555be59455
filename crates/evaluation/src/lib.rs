//! How good a model is, how sure we are of it, and whether that is good enough.
//!
//! Plain functions of data: predictions in, numbers with intervals out, and from those a record
//! (JSON), a page (HTML) and a verdict (the gate). Nothing here runs a model, reads a file or
//! looks at a clock. Every number carries n and an interval; every decision compares bounds.

pub mod intervals;
