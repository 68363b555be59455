//! Whether a question can be answered from the labels of a task, and by which of them.

use freehold_vocabulary::{Label, LabelMode, LabelSet};
use serde_json::Value;

use crate::app::shown;

use super::question::{Criteria, Kind, Question};

const OPTIONS_MIN: usize = 2;
const OPTIONS_MAX: usize = 255;
const LEVELS_MIN: usize = 2;
const LEVELS_MAX: usize = 10;

/// Pairs of labels that say yes and no without being told so.
const YES_NO: [(&str, &str); 4] = [("true", "false"), ("yes", "no"), ("1", "0"), ("y", "n")];

/// The positions of a question's options in a label set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fit {
    /// In the order asked.
    Choice(Vec<u32>),
    /// From the lowest level to the highest.
    Score(Vec<u32>),
    /// The label that means yes; the one that means no, or none when every other label does.
    Noul { yes: u32, no: Option<u32> },
}

/// Why a question is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The question breaks the protocol.
    Malformed(String),
    /// The question is fine, and the task is another.
    Unfit(String),
}

/// Matches a question to a label set.
pub(crate) fn fit(question: &Question, labels: &LabelSet, mode: LabelMode) -> Result<Fit, Misfit> {
    let fitted = match question.kind {
        Kind::Choice => Fit::Choice(choice(&question.criteria, labels)?),
        Kind::Score => Fit::Score(score(&question.criteria, labels)?),
        Kind::Noul => return noul(&question.criteria, labels, mode),
    };
    if mode == LabelMode::Multi {
        let why = "its labels do not exclude each other; ask a `noul` question for each";
        return Err(Misfit::Unfit(why.to_owned()));
    }
    Ok(fitted)
}

fn choice(criteria: &Criteria, labels: &LabelSet) -> Result<Vec<u32>, Misfit> {
    let Criteria::Named(options) = criteria else {
        return malformed("`criteria` of a choice is an object from option to description");
    };
    if !(OPTIONS_MIN..=OPTIONS_MAX).contains(&options.0.len()) {
        return malformed(&format!("a choice has {OPTIONS_MIN} to {OPTIONS_MAX} options"));
    }
    distinct(options.0.iter().map(|(option, _)| option.as_str()), labels)
}

fn score(criteria: &Criteria, labels: &LabelSet) -> Result<Vec<u32>, Misfit> {
    let Criteria::Ordered(levels) = criteria else {
        return malformed("`criteria` of a score is a list of levels, lowest first");
    };
    if !(LEVELS_MIN..=LEVELS_MAX).contains(&levels.len()) {
        return malformed(&format!("a score has {LEVELS_MIN} to {LEVELS_MAX} levels"));
    }
    let texts: Option<Vec<&str>> = levels.iter().map(Value::as_str).collect();
    let Some(texts) = texts else {
        return Err(Misfit::Unfit("a level that is not a text is no label".to_owned()));
    };
    distinct(texts.into_iter(), labels)
}

/// The positions of labels that must all be known and differ; ` a` and `a` are one label.
fn distinct<'a>(
    options: impl Iterator<Item = &'a str>,
    labels: &LabelSet,
) -> Result<Vec<u32>, Misfit> {
    let mut positions = Vec::new();
    let mut seen = vec![false; labels.len()];
    for option in options {
        let position = find(option, labels).ok_or_else(|| {
            Misfit::Unfit(format!("`{}` is not one of its labels", shown(option)))
        })?;
        if std::mem::replace(&mut seen[position as usize], true) {
            return malformed(&format!("label `{}` occurs twice", shown(option)));
        }
        positions.push(position);
    }
    Ok(positions)
}

/// `{"true": "<label>"}` asks for the probability of that label against all others, or against the
/// label that `"false"` names. Without criteria the task has two labels that say yes and no.
fn noul(criteria: &Criteria, labels: &LabelSet, mode: LabelMode) -> Result<Fit, Misfit> {
    let described = match criteria {
        Criteria::Absent => return yes_no(labels),
        Criteria::Ordered(_) => {
            return malformed("`criteria` of a noul is `{\"true\": …, \"false\": …}` or null");
        }
        Criteria::Named(described) => described,
    };
    if let Some((name, _)) = described.0.iter().find(|(name, _)| name != "true" && name != "false")
    {
        return malformed(&format!(
            "`criteria` of a noul has `true` and `false`, not `{}`",
            shown(name)
        ));
    }
    let named = |side: &str| {
        let (_, value) = described.0.iter().find(|(name, _)| name == side)?;
        find(value.as_str()?, labels)
    };
    match (named("true"), named("false")) {
        (Some(yes), Some(no)) if yes == no => malformed("`true` and `false` name the same label"),
        // Labels that do not exclude each other have nothing to be weighed against.
        (Some(yes), no) => Ok(Fit::Noul { yes, no: no.filter(|_| mode == LabelMode::Single) }),
        (None, _) => yes_no(labels),
    }
}

fn yes_no(labels: &LabelSet) -> Result<Fit, Misfit> {
    let is = |label: &Label, word: &str| label.as_str().eq_ignore_ascii_case(word);
    if let [first, second] = labels.as_slice() {
        for (yes, no) in YES_NO {
            if is(first, yes) && is(second, no) {
                return Ok(Fit::Noul { yes: 0, no: Some(1) });
            }
            if is(first, no) && is(second, yes) {
                return Ok(Fit::Noul { yes: 1, no: Some(0) });
            }
        }
    }
    let why = "its labels are not a yes and a no; name the label that means yes in `criteria.true`";
    Err(Misfit::Unfit(why.to_owned()))
}

fn find(option: &str, labels: &LabelSet) -> Option<u32> {
    labels.index_of(&Label::parse(option).ok()?)
}

fn malformed<T>(why: &str) -> Result<T, Misfit> {
    Err(Misfit::Malformed(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(words: &str) -> LabelSet {
        LabelSet::new(words.split(' ').map(|it| Label::parse(it).unwrap()).collect()).unwrap()
    }

    #[track_caller]
    fn check(question: &str, words: &str, mode: LabelMode, expected: Result<Fit, &str>) {
        let question = serde_json::from_str(question).unwrap();
        let found = fit(&question, &labels(words), mode);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(Misfit::Malformed(why) | Misfit::Unfit(why)), Err(part)) => {
                assert!(why.contains(part), "{why}");
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn options_are_found_among_the_labels_in_the_order_asked() {
        let asked = r#"{"type": "choice", "criteria": {"c": null, "a": "the first"}}"#;
        check(asked, "a b c", LabelMode::Single, Ok(Fit::Choice(vec![2, 0])));
        check(asked, "a b", LabelMode::Single, Err("`c` is not one of its labels"));
        check(asked, "a b c", LabelMode::Multi, Err("do not exclude"));
    }

    #[test]
    fn a_choice_has_two_options_or_more() {
        let asked = r#"{"type": "choice", "criteria": {"a": null}}"#;
        check(asked, "a b", LabelMode::Single, Err("2 to 255"));
        check(r#"{"type": "choice"}"#, "a b", LabelMode::Single, Err("is an object"));
        let asked = r#"{"type": "choice", "criteria": {"a": null, " a": null}}"#;
        check(asked, "a b", LabelMode::Single, Err("occurs twice"));
    }

    #[test]
    fn levels_are_labels_from_low_to_high() {
        let asked = r#"{"type": "score", "criteria": ["low", "mid", "high"]}"#;
        check(asked, "high low mid", LabelMode::Single, Ok(Fit::Score(vec![1, 2, 0])));
        let asked = r#"{"type": "score", "criteria": ["low", "low"]}"#;
        check(asked, "high low", LabelMode::Single, Err("occurs twice"));
    }

    #[test]
    fn yes_and_no_are_recognised_or_named() {
        let bare = r#"{"type": "noul"}"#;
        check(bare, "No Yes", LabelMode::Single, Ok(Fit::Noul { yes: 1, no: Some(0) }));
        check(bare, "ham spam", LabelMode::Single, Err("criteria.true"));
        let named = r#"{"type": "noul", "criteria": {"true": "spam"}}"#;
        check(named, "ham spam eggs", LabelMode::Single, Ok(Fit::Noul { yes: 1, no: None }));
        let both = r#"{"type": "noul", "criteria": {"true": "spam", "false": "ham"}}"#;
        check(both, "ham spam eggs", LabelMode::Single, Ok(Fit::Noul { yes: 1, no: Some(0) }));
        check(both, "ham spam eggs", LabelMode::Multi, Ok(Fit::Noul { yes: 1, no: None }));
        let described = r#"{"type": "noul", "criteria": {"true": "it is urgent"}}"#;
        check(described, "false true", LabelMode::Single, Ok(Fit::Noul { yes: 1, no: Some(0) }));
    }
}
