//! Confusion: a heat map of all labels, and the pairs that are mixed up most often.

use freehold_vocabulary::LabelSet;

use super::{Width, figure};
use crate::confusion::{Cell, Confusion};
use crate::page::format::{count, percent, shorten};
use crate::page::plot::text_width;
use crate::page::svg::{Anchor, Svg};
use crate::page::table::{Column, Table};

/// With more labels the cells carry no text; names are in tooltips and in the list of pairs.
const LABELLED_MAX: usize = 20;
/// With more labels than this a heat map shows nothing.
const DRAWN_MAX: usize = 200;
const PAIRS_MAX: usize = 15;
const STRANGER: &str = "(out of scope)";

pub(in crate::page) fn draw(confusion: &Confusion, labels: &LabelSet) -> String {
    let view = View::new(confusion, labels);
    format!("{}{}", view.heat_map(), view.pairs())
}

struct View<'a> {
    confusion: &'a Confusion,
    labels: &'a LabelSet,
    /// Items by gold label; the last place is for those out of scope.
    totals: Vec<u64>,
}

impl<'a> View<'a> {
    fn new(confusion: &'a Confusion, labels: &'a LabelSet) -> Self {
        let mut totals = vec![0; labels.len() + 1];
        for cell in &confusion.cells {
            totals[row_of(cell, labels.len())] += cell.count;
        }
        Self { confusion, labels, totals }
    }

    fn name(&self, row: usize) -> &str {
        self.labels.as_slice().get(row).map_or(STRANGER, |label| label.as_str())
    }

    fn rows(&self) -> usize {
        // The row of strangers is drawn only if there are any.
        self.labels.len() + usize::from(self.totals[self.labels.len()] > 0)
    }

    fn share(&self, cell: &Cell) -> f64 {
        cell.count as f64 / self.totals[row_of(cell, self.labels.len())] as f64
    }

    fn heat_map(&self) -> String {
        let (rows, columns) = (self.rows(), self.labels.len());
        if columns > DRAWN_MAX {
            return String::new();
        }
        let labelled = columns <= LABELLED_MAX;
        let names: Vec<String> = (0..rows).map(|row| shorten(self.name(row), 22)).collect();
        let longest = names.iter().map(|name| text_width(name)).fold(0.0, f64::max);
        let margin = if labelled { longest + 14.0 } else { 30.0 };
        let side =
            if labelled { (420.0 / rows as f64).clamp(24.0, 56.0) } else { 440.0 / rows as f64 };
        let (width, height) = (side * columns as f64, side * rows as f64);
        let mut svg = Svg::new(margin + width + 6.0, margin + height + 6.0);
        for cell in &self.confusion.cells {
            self.draw_cell(&mut svg, cell, margin, side, labelled);
        }
        svg.rect("frame", (margin, margin), (width, height), "");
        if labelled {
            for (row, name) in names.iter().enumerate() {
                let middle = margin + side * (row as f64 + 0.5);
                svg.text("", (margin - 8.0, middle + 4.0), Anchor::End, name);
                if row < columns {
                    svg.upward_text("", (middle + 4.0, margin - 8.0), Anchor::Start, name);
                }
            }
        } else {
            svg.upward_text("muted", (18.0, margin + height / 2.0), Anchor::Middle, "right label");
            svg.text("muted", (margin + width / 2.0, 18.0), Anchor::Middle, "given label");
        }
        let description = format!(
            "A square of {rows} right labels by {columns} given labels; errors lie off the diagonal."
        );
        let drawing = svg.finish("confusion", "Confusion matrix", &description, "narrow");
        let caption = "Rows are the right labels, columns the given ones. Blue is right; orange is wrong, darker where a larger share of the row goes astray.";
        figure("Where do answers go?", caption, &drawing, self.numbers(), Width::Half)
    }

    fn draw_cell(&self, svg: &mut Svg, cell: &Cell, margin: f64, side: f64, labelled: bool) {
        let row = row_of(cell, self.labels.len());
        let right = cell.gold == Some(cell.predicted);
        let share = self.share(cell);
        let at = (margin + side * f64::from(cell.predicted), margin + side * row as f64);
        let given = self.name(cell.predicted as usize);
        let tooltip = format!(
            "{} → {given}: {} of {}",
            self.name(row),
            count(cell.count),
            count(self.totals[row])
        );
        // The root keeps small shares of errors visible.
        let opacity = if right { 0.25 + 0.75 * share } else { (0.12 + share.sqrt()).min(1.0) };
        let gap = if side > 8.0 { 1.0 } else { 0.0 };
        let class = if right { "right" } else { "wrong" };
        svg.shaded_rect(class, at, (side - gap, side - gap), opacity, &tooltip);
        if labelled {
            let middle = (at.0 + side / 2.0, at.1 + side / 2.0 + 4.0);
            svg.text("", middle, Anchor::Middle, &cell.count.to_string());
        }
    }

    fn pairs(&self) -> String {
        let pairs = self.confusion.most_confused(PAIRS_MAX);
        let Some(worst) = pairs.first() else { return String::new() };
        let row = 34.0;
        let mut svg = Svg::new(480.0, 6.0 + row * pairs.len() as f64);
        for (place, cell) in pairs.iter().enumerate() {
            let top = 4.0 + row * place as f64;
            let gold = self.name(row_of(cell, self.labels.len()));
            let given = self.name(cell.predicted as usize);
            let names = format!("{} → {}", shorten(gold, 28), shorten(given, 28));
            svg.text("", (0.0, top + 11.0), Anchor::Start, &names);
            let length = 360.0 * cell.count as f64 / worst.count as f64;
            let tooltip = format!("{gold} → {given}: {}", count(cell.count));
            svg.shaded_rect("wrong", (0.0, top + 16.0), (length, 10.0), 0.75, &tooltip);
            let text = format!("{} ({})", count(cell.count), percent(self.share(cell)));
            svg.text("muted", (length + 8.0, top + 25.0), Anchor::Start, &text);
        }
        let description = format!("The {} most frequent errors as bars.", pairs.len());
        let drawing = svg.finish("pairs", "Most confused pairs", &description, "narrow");
        let caption = "Right label → given label, how often, and what share of the right label's items. Labels mixed up this often may need a clearer definition rather than a better model.";
        // The cells are in the table of the heat map, or in this one when there is none.
        let numbers = if self.labels.len() > DRAWN_MAX { self.numbers() } else { Table::new(&[]) };
        figure("What is mixed up most?", caption, &drawing, numbers, Width::Half)
    }

    fn numbers(&self) -> Table {
        let mut table = Table::new(&[
            Column::Text("right label"),
            Column::Text("given label"),
            Column::Number("items"),
            Column::Number("share of the right label"),
        ]);
        for cell in self.confusion.most_confused(100) {
            table.row([
                self.name(row_of(&cell, self.labels.len())).into(),
                self.name(cell.predicted as usize).into(),
                count(cell.count).into(),
                percent(self.share(&cell)).into(),
            ]);
        }
        table
    }
}

fn row_of(cell: &Cell, labels: usize) -> usize {
    cell.gold.map_or(labels, |gold| gold as usize)
}
