//! Wallet addresses: Bitcoin with its checksums, Ethereum by its form.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};
use crate::detection::checksum::{base58_check, bech32};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "crypto_address",
    kind: Kind::new("CRYPTO"),
    class: DataClass::Confidential,
    anchor: Anchor::Digits(1),
    patterns: &[
        Pattern::word(r"[13][1-9A-HJ-NP-Za-km-z]{25,34}", 95),
        Pattern::word(r"(?:bc1|tb1|ltc1|BC1|TB1|LTC1)[02-9ac-hj-np-zAC-HJ-NP-Z]{11,71}", 95),
        // The mixed case of Ethereum is an optional check: an address in one case is an address.
        Pattern::word(r"0x[0-9a-fA-F]{40}", 80),
    ],
    check: |text| {
        if text.starts_with("0x") {
            return true;
        }
        if text.starts_with(['1', '3']) { base58_check(text) } else { bech32(text) }
    },
    context: &["bitcoin", "btc", "wallet", "ethereum", "eth", "crypto"],
    found: &[
        "send to ⟦1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa⟧",
        "⟦bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4⟧",
        "⟦0x52908400098527886E0F7030069857D2E4169EE7⟧",
    ],
    passed_over: &[
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
        "0x1234",
    ],
    ..Recogniser::BASE
};
