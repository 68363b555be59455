//! Scales, ticks and axes around a plotting area.

use super::svg::{Anchor, Svg};

/// Maps values to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// `low` is drawn at `from`, `high` at `to`. Values outside stop at the border.
    pub(super) fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        Self { low, high, from, to }
    }

    pub(super) fn at(self, value: f64) -> f64 {
        let width = self.high - self.low;
        let share = if width > 0.0 { (value - self.low) / width } else { 0.5 };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }
}

/// Round numbers from `low` to `high`, about `count` of them.
pub(super) fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if span.is_nan() || span <= 0.0 {
        return vec![low];
    }
    let rough = span / count as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * magnitude);
    let step = steps.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(10.0 * magnitude);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|place| place as f64 * step).collect()
}

/// The least round number of the ladder 1, 2, 2.5, 5, 10 that is not below `value`.
pub(super) fn round_up(value: f64) -> f64 {
    let magnitude = 10_f64.powf(value.max(1e-12).log10().floor());
    let ladder = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0].map(|step| step * magnitude);
    ladder.into_iter().find(|step| *step >= value * 0.999_999).unwrap_or(10.0 * magnitude)
}

/// A tick of a share: `0 %`, `2.5 %`.
pub(super) fn percent_tick(share: f64) -> String {
    let percent = (1e4 * share).round() / 100.0;
    format!("{percent}\u{a0}%").replace('-', "−")
}

/// The area between the axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    /// Vertical positions, with larger values higher.
    pub(super) fn y(self, range: (f64, f64)) -> Scale {
        Scale::new(range, (self.bottom, self.top))
    }

    /// Horizontal positions.
    pub(super) fn x(self, range: (f64, f64)) -> Scale {
        Scale::new(range, (self.left, self.right))
    }

    /// Tick labels below and a title under them; grid lines from top to bottom.
    pub(super) fn x_axis(self, svg: &mut Svg, scale: Scale, ticks: &[(f64, String)], title: &str) {
        for (value, text) in ticks {
            let x = scale.at(*value);
            svg.line("grid", (x, self.top), (x, self.bottom));
            svg.text("muted", (x, self.bottom + 17.0), Anchor::Middle, text);
        }
        svg.line("axis", (self.left, self.bottom), (self.right, self.bottom));
        let middle = f64::midpoint(self.left, self.right);
        svg.text("muted", (middle, self.bottom + 36.0), Anchor::Middle, title);
    }

    /// Tick labels on the left and a title beside them; grid lines from left to right.
    pub(super) fn y_axis(self, svg: &mut Svg, scale: Scale, ticks: &[(f64, String)], title: &str) {
        for (value, text) in ticks {
            let y = scale.at(*value);
            svg.line("grid", (self.left, y), (self.right, y));
            svg.text("muted", (self.left - 8.0, y + 4.0), Anchor::End, text);
        }
        let middle = f64::midpoint(self.top, self.bottom);
        svg.upward_text("muted", (14.0, middle), Anchor::Middle, title);
    }
}

/// Round ticks with percent labels.
pub(super) fn percent_ticks(low: f64, high: f64, count: usize) -> Vec<(f64, String)> {
    ticks(low, high, count).into_iter().map(|value| (value, percent_tick(value))).collect()
}

/// About how wide a text is in the drawings' font, in pixels.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 6.7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let tidy = |low, high, count| -> Vec<String> {
            ticks(low, high, count).into_iter().map(percent_tick).collect()
        };
        assert_eq!(
            tidy(0.0, 1.0, 4),
            ["0\u{a0}%", "25\u{a0}%", "50\u{a0}%", "75\u{a0}%", "100\u{a0}%"]
        );
        assert_eq!(tidy(-0.013, 0.021, 4), ["−1\u{a0}%", "0\u{a0}%", "1\u{a0}%", "2\u{a0}%"]);
        assert_eq!(ticks(1.0, 1.0, 4), [1.0]);
        assert_eq!(ticks(0.0, f64::NAN, 4), [0.0]);
    }

    #[test]
    fn scales_stop_at_the_border() {
        let scale = Scale::new((0.0, 10.0), (100.0, 200.0));
        assert_eq!([scale.at(-5.0), scale.at(5.0), scale.at(50.0)], [100.0, 150.0, 200.0]);
        assert_eq!(Scale::new((1.0, 1.0), (0.0, 10.0)).at(1.0), 5.0);
    }
}
