//! Which columns of a file hold the text, the labels, the split and the slices.
//!
//! A guess is made only when exactly one column has a usual name; otherwise the error lists the
//! columns, since a wrong guess would train on nonsense.

use crate::error::{CurationError, name_columns};
use crate::request::{ColumnChoice, LabelColumns};

const TEXT_NAMES: &[&str] = &["text", "sentence", "utterance", "message", "body"];
const LABEL_NAMES: &[&str] = &["label", "labels", "category", "intent", "class"];
const SPLIT_NAME: &str = "split";

/// Positions in the list of selected columns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Positions in the file's columns, in the order in which cells come.
    pub(crate) selected: Vec<usize>,
    pub(crate) text: usize,
    pub(crate) labels: LabelCells,
    pub(crate) split: Option<usize>,
    pub(crate) slices: Vec<usize>,
    /// The choice with every guess made explicit.
    pub(crate) resolved: ColumnChoice,
}

/// Where among the cells the labels stand.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LabelCells {
    One(usize),
    Several(Vec<usize>),
    /// Cells with the label that each stands for.
    Indicators(Vec<(usize, String)>),
}

/// Finds the columns that `choice` names, and guesses the ones it does not.
pub(crate) fn resolve(
    file: &str,
    columns: &[String],
    choice: &ColumnChoice,
) -> Result<Mapping, CurationError> {
    let mut finder = Finder { file, columns, selected: Vec::new() };
    let text_name = match &choice.text {
        Some(name) => name.clone(),
        None => finder.guess("text", TEXT_NAMES)?,
    };
    let text = finder.cell(&text_name)?;
    let label_columns = match &choice.labels {
        LabelColumns::Guess => LabelColumns::Column(finder.guess("label", LABEL_NAMES)?),
        named => named.clone(),
    };
    let labels = match &label_columns {
        LabelColumns::Guess => unreachable!("a guess was made above"),
        LabelColumns::Column(name) => LabelCells::One(finder.cell(name)?),
        LabelColumns::Columns(names) => LabelCells::Several(finder.cells(names)?),
        LabelColumns::Indicators(names) => {
            LabelCells::Indicators(finder.cells(names)?.into_iter().zip(names.clone()).collect())
        }
    };
    let split_name = choice.split.clone().or_else(|| finder.usual(&[SPLIT_NAME]).first().cloned());
    let split = split_name.as_deref().map(|it| finder.cell(it)).transpose()?;
    let slices = finder.cells(&choice.slices)?;
    let resolved = ColumnChoice {
        text: Some(text_name),
        labels: label_columns,
        split: split_name,
        slices: choice.slices.clone(),
    };
    Ok(Mapping { selected: finder.selected, text, labels, split, slices, resolved })
}

struct Finder<'a> {
    file: &'a str,
    columns: &'a [String],
    selected: Vec<usize>,
}

impl Finder<'_> {
    /// Selects a column and gives the position of its cell.
    fn cell(&mut self, name: &str) -> Result<usize, CurationError> {
        let column = self.columns.iter().position(|it| it == name).ok_or_else(|| {
            CurationError::UnknownColumn {
                file: self.file.to_owned(),
                column: name.to_owned(),
                columns: name_columns(self.columns),
            }
        })?;
        let known = self.selected.iter().position(|it| *it == column);
        Ok(known.unwrap_or_else(|| {
            self.selected.push(column);
            self.selected.len() - 1
        }))
    }

    fn cells(&mut self, names: &[String]) -> Result<Vec<usize>, CurationError> {
        names.iter().map(|it| self.cell(it)).collect()
    }

    /// Columns with one of the usual names, whatever their case.
    fn usual(&self, names: &[&str]) -> Vec<String> {
        let is_usual = |it: &&String| names.contains(&it.trim().to_lowercase().as_str());
        self.columns.iter().filter(is_usual).cloned().collect()
    }

    fn guess(&self, role: &'static str, names: &[&str]) -> Result<String, CurationError> {
        let mut usual = self.usual(names);
        match usual.pop() {
            Some(name) if usual.is_empty() => Ok(name),
            _ => Err(CurationError::UnclearColumn {
                file: self.file.to_owned(),
                role,
                columns: name_columns(self.columns),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &str) -> Vec<String> {
        names.split(',').map(str::to_owned).collect()
    }

    #[track_caller]
    fn check(names: &str, expected: Option<(&str, &str)>) {
        let mapping = resolve("f", &columns(names), &ColumnChoice::default());
        let found = mapping.as_ref().ok().map(|it| {
            let LabelColumns::Column(label) = &it.resolved.labels else { panic!("{it:?}") };
            (it.resolved.text.as_deref().unwrap(), label.as_str())
        });
        assert_eq!(found, expected, "{names}: {mapping:?}");
    }

    #[test]
    fn only_an_unambiguous_guess_is_made() {
        check("id,Text,category", Some(("Text", "category")));
        check("utterance,intent", Some(("utterance", "intent")));
        check("text,body,label", None);
        check("text,label,intent", None);
        check("question,answer", None);
    }

    #[test]
    fn an_unknown_column_is_named_with_the_known_ones() {
        let choice = ColumnChoice { text: Some("txt".to_owned()), ..ColumnChoice::default() };
        let message = resolve("a.csv", &columns("text,label"), &choice).unwrap_err().to_string();
        assert_eq!(message, "`a.csv` has no column `txt`; its columns are `text`, `label`");
    }

    #[test]
    fn a_column_may_play_two_roles() {
        let choice = ColumnChoice { slices: columns("label,id"), ..ColumnChoice::default() };
        let mapping = resolve("f", &columns("id,text,label,split"), &choice).unwrap();
        assert_eq!(mapping.selected, [1, 2, 3, 0]);
        assert_eq!(mapping.slices, [1, 3]);
        assert_eq!(mapping.split, Some(2));
    }
}
