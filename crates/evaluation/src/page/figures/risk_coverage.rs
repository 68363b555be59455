//! The risk–coverage curve: what error remains if only the surest answers are kept.

use super::{Width, figure};
use crate::page::format::{percent, percent_range};
use crate::page::plot::{Area, percent_ticks, round_up};
use crate::page::svg::{Anchor, Svg};
use crate::page::table::{Column, Table};
use crate::risk_coverage::Point;

pub(in crate::page) fn draw(points: &[Point]) -> String {
    let Some(all) = points.last() else { return String::new() };
    let mut svg = Svg::new(480.0, 350.0);
    let area = Area { left: 62.0, top: 12.0, right: 456.0, bottom: 302.0 };
    // The first few answers have intervals that say nothing; they must not set the scale.
    let settled = points.iter().filter(|point| point.coverage >= 0.1);
    let highest = settled.map(|point| point.risk.high).fold(all.risk.high, f64::max);
    let top = round_up(highest.clamp(0.01, 1.0)).min(1.0);
    let (x, y) = (area.x((0.0, 1.0)), area.y((0.0, top)));
    area.y_axis(&mut svg, y, &percent_ticks(0.0, top, 5), "error rate among kept answers");
    area.x_axis(&mut svg, x, &percent_ticks(0.0, 1.0, 4), "share of requests answered");
    let line = |value: fn(&Point) -> f64| -> Vec<(f64, f64)> {
        points.iter().map(|point| (x.at(point.coverage), y.at(value(point)))).collect()
    };
    let mut band = line(|point| point.risk.high);
    band.extend(line(|point| point.risk.low).into_iter().rev());
    svg.polygon("band", &band);
    svg.polyline("curve", &line(|point| point.risk.estimate));
    let end = (x.at(1.0), y.at(all.risk.estimate));
    svg.circle("dot", end, 5.0, &format!("everything answered: {}", percent(all.risk.estimate)));
    let text = format!("answering all: {}", percent(all.risk.estimate));
    svg.text("strong", (end.0 - 8.0, end.1 - 10.0), Anchor::End, &text);
    let description = format!(
        "The error rate rises to {} when every request is answered.",
        percent(all.risk.estimate)
    );
    let drawing = svg.finish("risk", "Risk–coverage curve", &description, "narrow");
    let caption = "If the least sure answers go to a bigger model or a person, this error remains among the rest. The band is a pointwise interval; a certificate is stricter.";
    figure("What does abstaining buy?", caption, &drawing, numbers(points), Width::Half)
}

fn numbers(points: &[Point]) -> Table {
    let mut table = Table::new(&[
        Column::Number("answered"),
        Column::Number("threshold"),
        Column::Number("error among them"),
        Column::Number("interval"),
    ]);
    for twentieth in 1..=20 {
        let wanted = f64::from(twentieth) / 20.0;
        let distance = |point: &&Point| (point.coverage - wanted).abs();
        let nearest = points.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        // A tie of many answers may leave no threshold near this share.
        if let Some(point) = nearest.filter(|point| distance(point) < 0.025) {
            table.row([
                percent(point.coverage).into(),
                format!("{:.3}", point.threshold).into(),
                percent(point.risk.estimate).into(),
                percent_range(&point.risk).into(),
            ]);
        }
    }
    table
}
