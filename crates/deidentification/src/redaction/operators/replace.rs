//! A typed, numbered placeholder, which a redactor can turn back.

use super::Operator;

pub const OPERATOR: Operator = Operator {
    name: "replace",
    about: "a placeholder such as <EMAIL_1>, the same for the same value",
    keyed: false,
    apply: |work| work.placeholders.of(work.kind, work.text).map(Some),
};
