//! A keyed fingerprint: equal values stay equal, across files and without memory.

use super::Operator;

pub const OPERATOR: Operator = Operator {
    name: "hash",
    about: "a fingerprint under the key (HMAC-SHA-256, 128 bits): equal values stay equal",
    keyed: true,
    apply: |work| {
        let parts = [work.kind.as_str().as_bytes(), work.text.as_bytes()];
        let digest = work.key().authenticate("hash", &parts);
        let hex: String = digest[..16].iter().map(|it| format!("{it:02x}")).collect();
        Ok(Some(format!("HASH[{}:{hex}]", work.kind)))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognisers::Kind;
    use crate::redaction::operators::tests::apply;

    #[test]
    fn equal_values_stay_equal_and_kinds_apart() {
        let of = |kind, text| apply(&OPERATOR, kind, text).unwrap();
        assert_eq!(of(Kind::AGE, "92"), of(Kind::AGE, "92"));
        assert_ne!(of(Kind::AGE, "92"), of(Kind::AGE, "93"));
        assert_ne!(of(Kind::AGE, "92"), of(Kind::DATE, "92").replace("DATE", "AGE"));
        assert_eq!(of(Kind::AGE, "92").len(), "HASH[AGE:]".len() + 32);
    }
}
