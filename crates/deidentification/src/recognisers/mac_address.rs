//! Hardware addresses of network interfaces.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "mac_address",
    kind: Kind::new("MAC_ADDRESS"),
    class: DataClass::Internal,
    anchor: Anchor::Digits(1),
    patterns: &[
        Pattern::word(r"(?i)[0-9a-f]{2}(?::[0-9a-f]{2}){5}", 85),
        Pattern::word(r"(?i)[0-9a-f]{2}(?:-[0-9a-f]{2}){5}", 75),
        Pattern::word(r"(?i)[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}", 70),
    ],
    check: |text| !text.chars().all(|it| !it.is_ascii_alphanumeric() || it == '0'),
    context: &["mac", "mac address", "ethernet", "wifi", "hardware address"],
    found: &["eth0 ⟦00:1A:2b:3C:4d:5E⟧", "⟦00-1A-2B-3C-4D-5E⟧", "⟦001a.2b3c.4d5e⟧"],
    passed_over: &["00:00:00:00:00:00", "00:1A:2B:3C:4D"],
    ..Recogniser::BASE
};
