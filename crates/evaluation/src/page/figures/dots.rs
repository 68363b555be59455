//! Dots with whiskers: estimates with their intervals on one scale, so that overlap is seen.

use crate::page::format::shorten;
use crate::page::plot::{Area, Scale, text_width, ticks};
use crate::page::svg::{Anchor, Svg};

const ROW: f64 = 34.0;

/// One estimate.
#[derive(Debug, Clone)]
pub(in crate::page) struct Dot {
    pub name: String,
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
    /// Written beside it, such as the numbers.
    pub note: String,
    /// A value of its own to hold against, such as a promised error.
    pub target: Option<f64>,
}

/// How the dots are laid out.
#[derive(Debug, Clone)]
pub(in crate::page) struct DotPlot<'a> {
    /// Unique on the page.
    pub name: &'a str,
    pub title: &'a str,
    pub description: &'a str,
    pub axis: &'a str,
    pub tick: fn(f64) -> String,
    /// A value for all rows, such as a bar, with its label.
    pub mark: Option<(f64, String)>,
    /// Where the axis begins; with the values if it need not begin anywhere.
    pub origin: Option<f64>,
    /// Where the axis ends at the latest.
    pub greatest: f64,
    pub width: f64,
}

impl DotPlot<'_> {
    /// The drawing; nothing without dots.
    pub(in crate::page) fn draw(&self, dots: &[Dot]) -> String {
        if dots.is_empty() {
            return String::new();
        }
        let names: Vec<String> = dots.iter().map(|dot| shorten(&dot.name, 30)).collect();
        let widest =
            |texts: &mut dyn Iterator<Item = &str>| texts.map(text_width).fold(40.0, f64::max);
        let left = widest(&mut names.iter().map(String::as_str)) + 18.0;
        let right = self.width - widest(&mut dots.iter().map(|dot| dot.note.as_str())) - 16.0;
        let top = if self.mark.is_some() { 28.0 } else { 8.0 };
        let bottom = top + ROW * dots.len() as f64;
        let mut svg = Svg::new(self.width, bottom + 44.0);
        let area = Area { left, top, right: right.max(left + 120.0), bottom };
        let range = self.range(dots);
        let x = area.x(range);
        let ticks = ticks(range.0, range.1, 6).into_iter().map(|at| (at, (self.tick)(at)));
        area.x_axis(&mut svg, x, &ticks.collect::<Vec<_>>(), self.axis);
        if let Some((value, label)) = &self.mark {
            mark(&mut svg, x.at(*value), area, label);
        }
        for (place, (dot, name)) in dots.iter().zip(&names).enumerate() {
            draw_row(&mut svg, dot, name, x, area, area.top + ROW * (place as f64 + 0.5));
        }
        svg.finish(self.name, self.title, self.description, "")
    }

    /// From below the least to above the greatest value, with some air.
    fn range(&self, dots: &[Dot]) -> (f64, f64) {
        let marks = self.mark.iter().map(|(value, _)| *value);
        let targets = dots.iter().filter_map(|dot| dot.target);
        let values = dots.iter().flat_map(|dot| [dot.low, dot.estimate, dot.high]);
        let (low, high) = marks
            .chain(targets)
            .chain(values)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let air = ((high - low) * 0.12).max(1e-3);
        (self.origin.unwrap_or(low - air), (high + air).min(self.greatest))
    }
}

fn draw_row(svg: &mut Svg, dot: &Dot, name: &str, x: Scale, area: Area, middle: f64) {
    svg.text("", (area.left - 12.0, middle + 4.0), Anchor::End, name);
    let (low, high) = (x.at(dot.low), x.at(dot.high));
    svg.line("reach", (low, middle), (high, middle));
    for end in [low, high] {
        svg.line("reach", (end, middle - 5.0), (end, middle + 5.0));
    }
    if let Some(target) = dot.target {
        let at = x.at(target);
        svg.line("mark", (at, middle - 13.0), (at, middle + 13.0));
    }
    svg.circle("dot", (x.at(dot.estimate), middle), 6.0, &format!("{}: {}", dot.name, dot.note));
    svg.text("muted", (area.right + 12.0, middle + 4.0), Anchor::Start, &dot.note);
}

fn mark(svg: &mut Svg, at: f64, area: Area, label: &str) {
    svg.line("mark", (at, area.top - 6.0), (at, area.bottom));
    let half = text_width(label) / 2.0;
    let place = at.clamp(half, (area.right - half).max(half));
    svg.text("warm", (place, area.top - 12.0), Anchor::Middle, label);
}
