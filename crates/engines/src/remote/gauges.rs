//! How busy a model server is, from the gauges that it shows to Prometheus. Pure.

use freehold_vocabulary::ports::Load;

/// Lines of `/metrics` that are read.
const LINES_MAX: usize = 20_000;

/// What a server calls them; the first name that occurs counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauges {
    pub running: &'static [&'static str],
    pub waiting: &'static [&'static str],
    /// A share of 1.
    pub cache_used: &'static [&'static str],
}

impl Gauges {
    /// Reads the text format of Prometheus; none if nothing of it is there. A gauge that occurs
    /// several times (one engine per model or rank) is added up, except for shares, of which the
    /// highest counts.
    pub(crate) fn read(&self, text: &str) -> Option<Load> {
        let running = values(text, self.running)?;
        let count = |values: Vec<f64>| values.iter().sum::<f64>().clamp(0.0, 1e9) as u32;
        let cache = values(text, self.cache_used).map(|it| it.into_iter().fold(0.0, f64::max));
        Some(Load {
            running: count(running),
            waiting: count(values(text, self.waiting).unwrap_or_default()),
            cache_used: cache.map(|it| it.clamp(0.0, 1.0)),
        })
    }
}

fn values(text: &str, names: &[&str]) -> Option<Vec<f64>> {
    let of = |name: &&str| {
        let found: Vec<f64> =
            text.lines().take(LINES_MAX).filter_map(|it| value(it, name)).collect();
        (!found.is_empty()).then_some(found)
    };
    names.iter().find_map(of)
}

/// The value in a line `name{labels} value [time]`.
fn value(line: &str, name: &str) -> Option<f64> {
    let rest = line.strip_prefix(name)?;
    let rest = match rest.strip_prefix('{') {
        // A label's value may contain a brace, never an unescaped quote before it ends.
        Some(labels) => &labels[labels.rfind('}')? + 1..],
        None => rest.strip_prefix(' ')?,
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VLLM: Gauges = Gauges {
        running: &["vllm:num_requests_running"],
        waiting: &["vllm:num_requests_waiting"],
        cache_used: &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
    };

    #[track_caller]
    fn check(text: &str, expected: Option<(u32, u32, Option<f64>)>) {
        let load = VLLM.read(text).map(|it| (it.running, it.waiting, it.cache_used));
        assert_eq!(load, expected, "{text}");
    }

    #[test]
    fn gauges_are_found_by_their_whole_name() {
        let head = "# HELP vllm:num_requests_running n\n# TYPE vllm:num_requests_running gauge\n";
        let running = "vllm:num_requests_running{engine=\"0\",model_name=\"a} b\"} 3.0\n";
        let waiting = "vllm:num_requests_waiting_by_reason{reason=\"x\"} 9.0\nvllm:num_requests_waiting 2.0 17\n";
        let old = "vllm:gpu_cache_usage_perc{engine=\"0\"} 0.25\n";
        check(&format!("{head}{running}{waiting}{old}"), Some((3, 2, Some(0.25))));
        check(&format!("{running}{running}"), Some((6, 0, None)));
        check(&format!("{running}vllm:kv_cache_usage_perc 0.5\n{old}"), Some((3, 0, Some(0.5))));
        check("vllm:num_requests_running NaN\n", None);
        check("<html>", None);
    }
}
