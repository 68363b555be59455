//! F1 of every label with its interval, weakest first.

use super::{Width, figure};
use crate::page::format::{count, percent, percent_range, shorten};
use crate::page::plot::{Area, percent_ticks, text_width};
use crate::page::svg::{Anchor, Svg};
use crate::page::table::{Column, Table};
use crate::per_class::ClassScores;

/// Bars in the drawing; the table has every label.
const BARS_MAX: usize = 30;
const ROW: f64 = 22.0;

pub(in crate::page) fn draw(classes: &[ClassScores]) -> String {
    let mut order: Vec<&ClassScores> = classes.iter().filter(|class| class.f1.is_some()).collect();
    let weakness = |class: &ClassScores| class.f1.map_or(f64::INFINITY, |f1| f1.estimate);
    order.sort_by(|a, b| weakness(a).total_cmp(&weakness(b)));
    if order.is_empty() {
        return String::new();
    }
    let shown = &order[..order.len().min(BARS_MAX)];
    let labels: Vec<String> = shown.iter().map(|class| shorten(class.label.as_str(), 34)).collect();
    let longest = labels.iter().map(|label| text_width(label)).fold(60.0, f64::max);
    let bottom = 8.0 + ROW * shown.len() as f64;
    let mut svg = Svg::new(1000.0, bottom + 44.0);
    let area = Area { left: longest + 20.0, top: 8.0, right: 880.0, bottom };
    let x = area.x((0.0, 1.0));
    area.x_axis(&mut svg, x, &percent_ticks(0.0, 1.0, 5), "F1");
    for (place, class) in shown.iter().enumerate() {
        let Some(f1) = class.f1 else { continue };
        let top = area.top + ROW * place as f64;
        let middle = top + ROW / 2.0;
        svg.text("", (area.left - 10.0, middle + 4.0), Anchor::End, &labels[place]);
        let tooltip = format!(
            "{}: F1 {} ({}), n = {}",
            class.label,
            percent(f1.estimate),
            percent_range(&f1),
            count(class.gold)
        );
        let size = (x.at(f1.estimate) - area.left, ROW - 8.0);
        svg.rect("soft", (area.left, top + 4.0), size, &tooltip);
        svg.line("reach", (x.at(f1.low), middle), (x.at(f1.high), middle));
        svg.circle("dot", (x.at(f1.estimate), middle), 4.5, &tooltip);
        let number = format!("{}  (n\u{a0}{})", percent(f1.estimate), count(class.gold));
        svg.text("muted", (area.right + 12.0, middle + 4.0), Anchor::Start, &number);
    }
    let heading = if shown.len() < order.len() {
        format!("The {} weakest of {} labels", shown.len(), order.len())
    } else {
        "Every label, weakest first".to_owned()
    };
    let description = format!(
        "Bars of F1 with intervals; the weakest label is {} with {}.",
        shown[0].label,
        percent(weakness(shown[0]))
    );
    let drawing = svg.finish("classes", &heading, &description, "");
    let caption = "F1 with its interval; n is the number of test items with that label. A wide interval says: label more of these before judging.";
    figure(&heading, caption, &drawing, numbers(&order), Width::Full)
}

fn numbers(order: &[&ClassScores]) -> Table {
    let mut table = Table::new(&[
        Column::Text("label"),
        Column::Number("items"),
        Column::Number("predicted"),
        Column::Number("precision"),
        Column::Number("interval"),
        Column::Number("recall"),
        Column::Number("interval"),
        Column::Number("F1"),
        Column::Number("interval"),
    ]);
    for class in order {
        let Some(f1) = class.f1 else { continue };
        table.row([
            class.label.as_str().into(),
            count(class.gold).into(),
            count(class.predicted).into(),
            percent(class.precision.estimate).into(),
            percent_range(&class.precision).into(),
            percent(class.recall.estimate).into(),
            percent_range(&class.recall).into(),
            percent(f1.estimate).into(),
            percent_range(&f1).into(),
        ]);
    }
    table
}
