//! Numbers as people read them, with the fewest digits that say something.

use freehold_vocabulary::Interval;

use crate::metrics::Better;

/// `93.5 %`, with a space that does not break.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * share)
}

/// `92.6–94.3 %`.
pub(super) fn percent_range(interval: &Interval) -> String {
    format!("{:.1}–{:.1}\u{a0}%", 100.0 * interval.low, 100.0 * interval.high)
}

/// `+1.2`, in percentage points.
pub(super) fn points(difference: f64) -> String {
    // Minus as a sign of its own width; no sign for what rounds to nothing.
    let rounded = (1000.0 * difference).round() / 10.0;
    if rounded == 0.0 { "0.0".to_owned() } else { format!("{rounded:+.1}").replace('-', "−") }
}

/// Shares as percent, losses and errors as plain numbers.
pub(super) fn metric(name: &str, value: f64) -> String {
    if is_loss(name) { format!("{value:.4}") } else { percent(value) }
}

/// The interval of a metric, as [`metric`] writes its value.
pub(super) fn metric_range(name: &str, interval: &Interval) -> String {
    if is_loss(name) {
        format!("{:.4}–{:.4}", interval.low, interval.high)
    } else {
        percent_range(interval)
    }
}

fn is_loss(name: &str) -> bool {
    matches!(name, "log_loss" | "brier" | "aurc" | "ece" | "adaptive_ece" | "matthews")
}

/// Which way is good, in words.
pub(super) fn better(direction: Better) -> &'static str {
    match direction {
        Better::Higher => "higher",
        Better::Lower => "lower",
    }
}

/// `3 080`, in groups of three.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{a0}');
        }
        grouped.push(digit);
    }
    grouped
}

/// `850 µs`, `1.4 ms`, `2.1 s`.
pub(super) fn duration(us: f64) -> String {
    let (value, unit) = match us {
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    format!("{}\u{a0}{unit}", three_digits(value))
}

/// `12.4 MB`, in powers of ten.
pub(super) fn bytes(n: u64) -> String {
    let n = n as f64;
    let (value, unit) = match n {
        n if n < 1e3 => (n, "B"),
        n if n < 1e6 => (n / 1e3, "kB"),
        n if n < 1e9 => (n / 1e6, "MB"),
        n => (n / 1e9, "GB"),
    };
    format!("{}\u{a0}{unit}", three_digits(value))
}

/// `USD 0.42`, `USD 1 250`.
pub(super) fn money(amount: f64, currency: &str) -> String {
    let text = match amount {
        amount if amount >= 100.0 => count(amount.round() as u64),
        amount if amount >= 0.01 || amount == 0.0 => format!("{amount:.2}"),
        amount => format!("{amount:.4}"),
    };
    format!("{currency}\u{a0}{text}")
}

/// `0.031`, `< 0.001`.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "<\u{a0}0.001".to_owned() } else { format!("{p:.3}") }
}

/// A tick in percentage points: `+5`, `0`, `−2.5`.
pub(super) fn points_tick(difference: f64) -> String {
    let rounded = (1e4 * difference).round() / 100.0;
    if rounded == 0.0 { "0".to_owned() } else { format!("{rounded:+}").replace('-', "−") }
}

/// `95 %` or `99.5 %` for a confidence level.
pub(super) fn level(level: f64) -> String {
    format!("{}\u{a0}%", (1000.0 * level).round() / 10.0)
}

/// The text, cut to that many characters with an ellipsis.
pub(super) fn shorten(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(characters.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn three_digits(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(1_234_567), "1\u{a0}234\u{a0}567");
        assert_eq!(count(999), "999");
        assert_eq!(duration(850.0), "850\u{a0}µs");
        assert_eq!(duration(1_432.0), "1.43\u{a0}ms");
        assert_eq!(points(-0.012), "−1.2");
        assert_eq!(points(-0.0001), "0.0");
        assert_eq!([0.05, 0.0, -0.025].map(points_tick), ["+5", "0", "−2.5"]);
        assert_eq!(money(1250.4, "USD"), "USD\u{a0}1\u{a0}250");
        assert_eq!(shorten("äöüß", 3), "äö…");
        assert_eq!(level(0.95), "95\u{a0}%");
    }
}
