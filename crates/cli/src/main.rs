//! The binary `freehold`.
fn main() {}
