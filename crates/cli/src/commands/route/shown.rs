//! The report as tables for people.

use freehold_vocabulary::Interval;

use super::bench::{Line, Report};
use super::certified::{Certified, Outcomes};
use crate::output;

pub fn text(report: &Report) -> String {
    let mut text = format!(
        "{} prompts in {} topics; weak: {} right on {}; strong: {} right on {}; one of both on {}\n\
         {} folds, every score by models that had not seen the row; intervals by bootstrap at 95 %\n\n",
        report.rows,
        report.topics,
        report.weak,
        output::interval(&report.weak_quality),
        report.strong,
        output::interval(&report.strong_quality),
        output::percent(report.either_quality.estimate),
        report.folds,
    );
    let header = ["router", "APGR", "CPT50", "CPT80", "saved@95", "saved@98", "saved@100"];
    let rows: Vec<Vec<String>> = report.routers.iter().map(line).collect();
    text += &output::table(&header, &rows);
    text += "\nAPGR: mean gap recovered; CPT: share to the strong model for that much of the gap; saved: cost saved at\n\
             that much of the strong model's quality, read off the curve; all of these in percent but APGR\n";
    if let Some(over) = &report.over_recipe {
        text += &format!(
            "APGR of the gain model less that of the plain recipe: {:+.4} ({:+.4} to {:+.4})\n",
            over.estimate, over.low, over.high
        );
    }
    text += &certified(report);
    if let Some(published) = report.published {
        text += "\npublished for these models and questions (RouteLLM, arXiv 2406.18665v4, trained on other data)\n";
        let rows: Vec<Vec<String>> = published
            .iter()
            .map(|it| {
                let percent = |share: f64| format!("{:.1}", 100.0 * share);
                vec![
                    it.router.to_owned(),
                    format!("{:.3}", it.apgr),
                    percent(it.cpt50),
                    percent(it.cpt80),
                ]
            })
            .collect();
        text += &output::table(&["router", "APGR", "CPT50", "CPT80"], &rows);
    }
    let speed = &report.speed;
    let timed = |name: &str, it: &super::speed::Timed| {
        format!("  {name}: p50 {:.2} ms, p99 {:.2} ms\n", it.p50_ms, it.p99_ms)
    };
    text += &format!(
        "\none request at a time, n = {}, among {} judged ones ({:.1} MB)\n",
        speed.n,
        speed.judged,
        speed.model_bytes as f64 / 1e6
    );
    text += &timed("embedding and decision", &speed.whole);
    text += &timed("decision alone", &speed.decision);
    text
}

fn line(line: &Line) -> Vec<String> {
    let share = |it: &Option<Interval>| match it {
        Some(it) => {
            format!("{:.1} ({:.1}–{:.1})", 100.0 * it.estimate, 100.0 * it.low, 100.0 * it.high)
        }
        None => "–".to_owned(),
    };
    let apgr = line.apgr.as_ref().map_or("–".to_owned(), |it| {
        format!("{:.3} ({:.3}–{:.3})", it.estimate, it.low, it.high)
    });
    let mut cells = vec![line.router.to_owned(), apgr];
    cells.extend(
        [&line.cpt50, &line.cpt80, &line.saved95, &line.saved98, &line.saved100].map(share),
    );
    cells
}

fn certified(report: &Report) -> String {
    let Some(first) = report.certified.first() else { return String::new() };
    let mut text = format!(
        "\ncertified with {:.0} % confidence, {} random splits: {} rows teach, {} certify, {} judge\n",
        100.0 * first.confidence,
        first.certificates.misses.n,
        first.rows_that_teach,
        first.rows_that_certify,
        first.rows_that_judge
    );
    let row = |it: &Certified, name: &str, fared: &Outcomes| {
        vec![
            format!("{:.0} %", 100.0 * it.quality_at_least),
            name.to_owned(),
            format!(
                "{:.1} ({:.1}–{:.1})",
                100.0 * fared.saved,
                100.0 * fared.saved_from,
                100.0 * fared.saved_to
            ),
            format!("{:.2}", 100.0 * fared.quality),
            format!(
                "{:.0} % ({:.0}–{:.0})",
                100.0 * fared.misses.estimate,
                100.0 * fared.misses.low,
                100.0 * fared.misses.high
            ),
            fared.clear_misses.to_string(),
            fared.nothing_sent.to_string(),
            format!("{:.2}", 100.0 * it.judge_standard_error),
        ]
    };
    let rows: Vec<Vec<String>> = report
        .certified
        .iter()
        .flat_map(|it| [row(it, "certificate", &it.certificates), row(it, "plug-in", &it.plug_in)])
        .collect();
    let header = [
        "promise",
        "rule",
        "saved (5–95 % of splits)",
        "quality",
        "judged below",
        "clearly",
        "none sent",
        "judge's s.e.",
    ];
    text += &output::table(&header, &rows);
    text
}
