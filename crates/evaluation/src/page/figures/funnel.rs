//! The cascade as a funnel: what share of requests each tier answers, and what is left for the
//! next one.

use freehold_vocabulary::Interval;

use crate::page::format::{percent, shorten};
use crate::page::plot::text_width;
use crate::page::svg::{Anchor, Svg};

const ROW: f64 = 62.0;

/// One tier: what share of all requests it answered.
#[derive(Debug, Clone)]
pub(in crate::page) struct Stage {
    pub name: String,
    pub answered: Interval,
}

/// The drawing; nothing without stages.
pub(in crate::page) fn draw(stages: &[Stage]) -> String {
    if stages.is_empty() {
        return String::new();
    }
    let names: Vec<String> = stages.iter().map(|stage| shorten(&stage.name, 26)).collect();
    let left = names.iter().map(|name| text_width(name)).fold(50.0, f64::max) + 18.0;
    let (right, height) = (780.0, 30.0);
    let mut svg = Svg::new(1000.0, 6.0 + ROW * stages.len() as f64);
    let mut arrived = 1.0_f64;
    for (place, (stage, name)) in stages.iter().zip(&names).enumerate() {
        let top = 6.0 + ROW * place as f64;
        let width = right - left;
        let at = |share: f64| left + width * (1.0 - share.clamp(0.0, 1.0));
        let share = stage.answered.estimate;
        let passed = (arrived - share).max(0.0);
        svg.text("", (left - 12.0, top + 20.0), Anchor::End, name);
        svg.rect("track", (left, top), (width, height), "");
        let tooltip =
            format!("{}: answers {}, passes on {}", stage.name, percent(share), percent(passed));
        svg.rect("soft", (at(arrived), top), (width * arrived, height), &tooltip);
        svg.rect("bar", (at(arrived), top), (width * share, height), &tooltip);
        svg.text(
            "strong",
            (right + 14.0, top + 13.0),
            Anchor::Start,
            &format!("answers {}", percent(share)),
        );
        let rest = if passed > 0.000_5 && place + 1 < stages.len() {
            // The step down to what the next tier sees.
            svg.line("dash", (at(passed), top + height), (at(passed), top + ROW));
            format!("passes on {}", percent(passed))
        } else {
            String::new()
        };
        svg.text("muted", (right + 14.0, top + 29.0), Anchor::Start, &rest);
        arrived = passed;
    }
    let told =
        stages.iter().map(|it| format!("{} answers {}", it.name, percent(it.answered.estimate)));
    let description = told.collect::<Vec<_>>().join(", ");
    svg.finish("funnel", "Who answers", &description, "")
}
