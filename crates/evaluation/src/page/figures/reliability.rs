//! The reliability diagram: stated confidence against the share that is right.

use super::{Width, figure};
use crate::page::format::{count, percent, percent_range};
use crate::page::plot::{Area, percent_ticks};
use crate::page::svg::Svg;
use crate::page::table::{Column, Table};
use crate::reliability::Bin;

pub(in crate::page) fn draw(bins: &[Bin]) -> String {
    if bins.is_empty() {
        return String::new();
    }
    let mut svg = Svg::new(480.0, 350.0);
    let area = Area { left: 62.0, top: 12.0, right: 456.0, bottom: 232.0 };
    let (x, y) = (area.x((0.0, 1.0)), area.y((0.0, 1.0)));
    area.y_axis(&mut svg, y, &percent_ticks(0.0, 1.0, 4), "share that is right");
    svg.line("dash", (x.at(0.0), y.at(0.0)), (x.at(1.0), y.at(1.0)));
    for bin in bins {
        let at = x.at(bin.confidence);
        svg.line("whisker", (at, y.at(bin.right.low)), (at, y.at(bin.right.high)));
        let tooltip = format!(
            "stated {}, right {} ({}), n = {}",
            percent(bin.confidence),
            percent(bin.right.estimate),
            percent_range(&bin.right),
            count(bin.n)
        );
        svg.circle("dot", (at, y.at(bin.right.estimate)), 5.0, &tooltip);
    }
    let strip = Area { top: 248.0, bottom: 302.0, ..area };
    let most = bins.iter().map(|bin| bin.n).max().unwrap_or(1);
    let height = strip.y((0.0, most as f64));
    strip.x_axis(&mut svg, x, &percent_ticks(0.0, 1.0, 4), "stated confidence (bars: answers)");
    for bin in bins {
        let (left, top) = (x.at(bin.low) + 0.5, height.at(bin.n as f64));
        let size = (x.at(bin.high) - x.at(bin.low) - 1.0, strip.bottom - top);
        svg.rect("soft", (left, top), size, &format!("{} answers", count(bin.n)));
    }
    let description = format!(
        "{} bins of stated confidence; dots on the dashed diagonal would mean that confidence can be taken at its word.",
        bins.len()
    );
    let drawing = svg.finish("reliability", "Reliability diagram", &description, "narrow");
    let caption = "Dots on the dashed line: of answers given with 80 % confidence, 80 % are right. Below it the model is too sure of itself. Whiskers are intervals.";
    figure("Can its confidence be believed?", caption, &drawing, numbers(bins), Width::Half)
}

fn numbers(bins: &[Bin]) -> Table {
    let mut table = Table::new(&[
        Column::Text("confidence"),
        Column::Number("answers"),
        Column::Number("mean stated"),
        Column::Number("right"),
        Column::Number("interval"),
    ]);
    for bin in bins {
        table.row([
            format!("{}–{}", percent(bin.low), percent(bin.high)).into(),
            count(bin.n).into(),
            percent(bin.confidence).into(),
            percent(bin.right.estimate).into(),
            percent_range(&bin.right).into(),
        ]);
    }
    table
}
