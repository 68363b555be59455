//! The identifier stays: for kinds that may leave.

use super::Operator;

pub const OPERATOR: Operator = Operator {
    name: "keep",
    about: "stays as it is",
    keyed: false,
    apply: |work| Ok(Some(work.text.to_owned())),
};
