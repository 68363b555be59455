//! The latency histogram, on a logarithmic axis, with the percentiles that objectives name.

use super::{Width, figure};
use crate::latency::Latency;
use crate::page::format::{count, duration};
use crate::page::plot::Area;
use crate::page::svg::{Anchor, Svg};
use crate::page::table::{Column, Table};

pub(in crate::page) fn draw(latency: &Latency) -> String {
    let (Some(first), Some(last)) = (latency.histogram.first(), latency.histogram.last()) else {
        return String::new();
    };
    let mut svg = Svg::new(620.0, 300.0);
    let area = Area { left: 24.0, top: 62.0, right: 500.0, bottom: 252.0 };
    // At least half a decade, so that a very even latency is not stretched over the page.
    let (low, high) = (first.from_us.log10(), last.to_us.log10());
    let widen = ((0.5 - (high - low)) / 2.0).max(0.0);
    let range = (low - widen, high + widen);
    let x = area.x(range);
    let most = latency.histogram.iter().map(|bar| bar.n).max().unwrap_or(1);
    let y = area.y((0.0, most as f64));
    area.x_axis(&mut svg, x, &decade_ticks(range), "latency (logarithmic)");
    for bar in latency.histogram.iter().filter(|bar| bar.n > 0) {
        let (left, right) = (x.at(bar.from_us.log10()), x.at(bar.to_us.log10()));
        let top = y.at(bar.n as f64);
        let tooltip =
            format!("{} to {}: {}", duration(bar.from_us), duration(bar.to_us), count(bar.n));
        let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
        svg.rect("bar", (left, top), (right - left - gap, area.bottom - top), &tooltip);
    }
    // Labels on rows of their own never overlap, however close the percentiles are.
    for (row, percent) in [50, 95, 99].into_iter().enumerate() {
        let Some(found) = latency.percentile(percent) else { continue };
        let at = x.at(found.value_us.max(1.0).log10());
        let height = 14.0 + 17.0 * row as f64;
        svg.line("mark", (at, height + 4.0), (at, area.bottom));
        let text = format!("p{percent} {}", duration(found.value_us));
        // The margin on the right leaves room for the label of the slowest.
        svg.text("strong", (at + 6.0, height + 8.0), Anchor::Start, &text);
    }
    let p = |percent| latency.percentile(percent).map_or(0.0, |it| it.value_us);
    let description = format!(
        "{} answers; half within {}, 95 of 100 within {}.",
        count(latency.n),
        duration(p(50)),
        duration(p(95))
    );
    let drawing = svg.finish("latency", "Latency histogram", &description, "narrow");
    let caption = format!(
        "{} answers, mean {}, slowest {}.",
        count(latency.n),
        duration(latency.mean_us),
        duration(latency.max_us as f64)
    );
    figure("How long does an answer take?", &caption, &drawing, numbers(latency), Width::Beside)
}

fn numbers(latency: &Latency) -> Table {
    let mut table = Table::new(&[
        Column::Text("percentile"),
        Column::Number("latency"),
        Column::Number("interval"),
    ]);
    for percentile in &latency.percentiles {
        let interval = percentile.interval.map_or_else(
            || "too few answers".to_owned(),
            |it| format!("{}–{}", duration(it.low), duration(it.high)),
        );
        table.row([
            format!("p{}", percentile.percent).into(),
            duration(percentile.value_us).into(),
            interval.into(),
        ]);
    }
    table
}

/// Ticks at 1, 2 and 5 of each decade, or at 1 when there are many decades.
fn decade_ticks((low, high): (f64, f64)) -> Vec<(f64, String)> {
    let steps: &[f64] = if high - low > 2.2 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let decades = low.floor() as i32..=high.ceil() as i32;
    let values =
        decades.flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
    let inside = values.filter(|value| (low..=high).contains(&value.log10()));
    inside.map(|value| (value.log10(), plain_duration(value))).collect()
}

/// A round duration without decimals that carry nothing.
fn plain_duration(us: f64) -> String {
    let (value, unit) = match us {
        us if us < 0.999e3 => (us, "µs"),
        us if us < 0.999e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    format!("{}\u{a0}{unit}", value.round())
}
