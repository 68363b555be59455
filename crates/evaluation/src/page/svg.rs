//! A drawing under construction. Text is escaped here and nowhere else.

use std::fmt::Write as _;

use super::escape;

/// Where a text is anchored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// An SVG whose unit is a CSS pixel at its natural width.
#[derive(Debug)]
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// A rectangle; the tooltip, if not empty, is shown on hovering.
    pub(super) fn rect(&mut self, class: &str, at: (f64, f64), size: (f64, f64), tooltip: &str) {
        self.shaded_rect(class, at, size, 1.0, tooltip);
    }

    /// A rectangle with an opacity.
    pub(super) fn shaded_rect(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        opacity: f64,
        tooltip: &str,
    ) {
        let width = width.max(0.0);
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\""
        ));
        if opacity < 1.0 {
            self.push(format_args!(" fill-opacity=\"{opacity:.2}\""));
        }
        self.close("rect", tooltip);
    }

    pub(super) fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64, tooltip: &str) {
        self.push(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\""
        ));
        self.close("circle", tooltip);
    }

    pub(super) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(format_args!("<polyline class=\"{class}\" points=\"{}\"/>", points.join(" ")));
    }

    pub(super) fn polygon(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(format_args!("<polygon class=\"{class}\" points=\"{}\"/>", points.join(" ")));
    }

    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    /// A text that reads from bottom to top.
    pub(super) fn upward_text(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        anchor: Anchor,
        text: &str,
    ) {
        self.push(format_args!("<g transform=\"translate({x:.1} {y:.1}) rotate(-90)\">"));
        self.text(class, (0.0, 0.0), anchor, text);
        self.push(format_args!("</g>"));
    }

    /// The element, described for people who do not see it. `name` is unique on the page.
    pub(super) fn finish(self, name: &str, title: &str, description: &str, class: &str) -> String {
        let Self { width, height, body } = self;
        let (title, description) = (escape(title), escape(description));
        format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{name}-title {name}-desc\"><title id=\"{name}-title\">{title}</title>\
             <desc id=\"{name}-desc\">{description}</desc>{body}</svg>\n"
        )
    }

    fn close(&mut self, element: &str, tooltip: &str) {
        if tooltip.is_empty() {
            self.push(format_args!("/>"));
        } else {
            let tooltip = escape(tooltip);
            self.push(format_args!("><title>{tooltip}</title></{element}>"));
        }
    }

    fn push(&mut self, part: std::fmt::Arguments<'_>) {
        self.body.write_fmt(part).expect("writing to a string never fails");
    }
}
