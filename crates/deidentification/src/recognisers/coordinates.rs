//! Latitude and longitude: a place smaller than a state.

use super::{Anchor, DataClass, Kind, Pattern, Recogniser};

pub const RECOGNISER: Recogniser = Recogniser {
    name: "coordinates",
    kind: Kind::new("COORDINATES"),
    class: DataClass::Confidential,
    anchor: Anchor::Digits(4),
    patterns: &[
        Pattern::free(
            r"[-+]?[0-9]{1,2}\.[0-9]{4,8}°?[ \t\r\n]?[NS]?[ \t\r\n]?[,;][ \t\r\n]?[-+]?1?[0-9]{1,2}\.[0-9]{4,8}°?(?:[ \t\r\n]?[EW](?-u:\b))?",
            65,
        ),
        Pattern::free(
            r#"[0-9]{1,2}°[ \t\r\n]?[0-9]{1,2}['′][ \t\r\n]?(?:[0-9]{1,2}(?:\.[0-9]+)?["″][ \t\r\n]?)?[NS][,;]?[ \t\r\n]?1?[0-9]{1,2}°[ \t\r\n]?[0-9]{1,2}['′][ \t\r\n]?(?:[0-9]{1,2}(?:\.[0-9]+)?["″][ \t\r\n]?)?[EW](?-u:\b)"#,
            90,
        ),
    ],
    context: &[
        "latitude",
        "longitude",
        "lat",
        "lon",
        "lng",
        "gps",
        "coordinates",
        "koordinaten",
        "coordonnées",
    ],
    found: &["at ⟦52.520008, 13.404954⟧ today", "⟦40°26'46\"N 79°58'56\"W⟧"],
    passed_over: &["weights 0.25, 0.75", "2.5, 3.5"],
    ..Recogniser::BASE
};
