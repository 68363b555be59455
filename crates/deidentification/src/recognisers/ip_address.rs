//! Addresses of the internet protocol, versions 4 and 6.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "ip_address",
    kind: Kind::new("IP_ADDRESS"),
    class: DataClass::Internal,
    anchor: Anchor::Digits(1),
    patterns: &[
        Pattern::number(
            r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])",
            80,
        ),
        Pattern::free(
            r"(?i)(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4}){1,7}(?:%[a-z0-9]{1,12})?",
            80,
        ),
        Pattern::free(r"(?i)(?:[0-9a-f]{1,4}:){1,7}:(?:[0-9a-f]{1,4})?", 80),
        Pattern::free(r"(?i)::(?:ffff:)?(?:[0-9]{1,3}\.){3}[0-9]{1,3}", 80),
        Pattern::free(r"(?i)::[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}", 60),
    ],
    check: |text| {
        let address = text.split('%').next().unwrap_or(text);
        // A time of day is no address, nor is a short run of hexadecimal pairs.
        address.parse::<std::net::IpAddr>().is_ok()
            && (address.contains('.') || address.len() > 6 || address.contains("::"))
    },
    context: &["ip", "ip address", "host", "server", "ipv4", "ipv6", "adresse ip", "dirección ip"],
    found: &[
        "from ⟦106.31.73.20⟧|",
        "⟦6e40:4041:c617:e898:c11:40d2:c669:2eb4⟧",
        "⟦10.0.0.1⟧/24",
        "ping ⟦fe80::1⟧ now",
        "⟦2001:db8::8a2e:370:7334⟧",
        "http 10.1.2.300 ⟦10.1.2.30⟧:8080",
    ],
    passed_over: &["1.2.3.4.5", "256.1.1.1", "at 12:34:56", "std::vec", "10:20"],
    ..Recogniser::BASE
};
