//! Examples as the network takes them.

use std::collections::BTreeSet;

use freehold_models::TextTokenizer;
use freehold_vocabulary::{LabelMode, LabelSet, LabelledText};

use super::spec::{ClassWeights, EncoderSpec};
use super::teacher::Opinions;
use crate::error::TrainingError;
use crate::network::batch::Sequence;

/// Tokenised examples of one split.
#[derive(Debug)]
pub struct Corpus {
    ids: Vec<Vec<u32>>,
    labels: Vec<Vec<u32>>,
    classes: usize,
    /// What a teacher thinks of each example, and how much of the target that is.
    taught: Option<(Opinions, f32)>,
}

impl Corpus {
    /// Checks the labels and tokenises the texts.
    ///
    /// # Errors
    /// Names the first example that cannot be used.
    pub fn new(
        split: &'static str,
        examples: &[LabelledText],
        labels: &LabelSet,
        spec: &EncoderSpec,
        tokenizer: &TextTokenizer,
        tokens_max: usize,
    ) -> Result<Self, TrainingError> {
        for (position, example) in examples.iter().enumerate() {
            check(example, labels.len(), spec.label_mode)
                .map_err(|problem| TrainingError::Example { split, position, problem })?;
        }
        let texts: Vec<&str> = examples.iter().map(|it| it.text.as_str()).collect();
        let ids = tokenizer
            .encode_all(&texts, tokens_max)
            .map_err(|(position, source)| TrainingError::Text { split, position, source })?;
        if let Some(position) = ids.iter().position(Vec::is_empty) {
            let problem = "has no tokens; remove it".to_owned();
            return Err(TrainingError::Example { split, position, problem });
        }
        let labels_of = |it: &LabelledText| it.labels.clone();
        Ok(Self {
            ids,
            labels: examples.iter().map(labels_of).collect(),
            classes: labels.len(),
            taught: None,
        })
    }

    /// Refuses a training split that leaves a label without examples.
    ///
    /// # Errors
    /// Names the first such label.
    pub fn check_coverage(&self, labels: &LabelSet) -> Result<(), TrainingError> {
        let seen: BTreeSet<u32> = self.labels.iter().flatten().copied().collect();
        match (0u32..).zip(labels.as_slice()).find(|(index, _)| !seen.contains(index)) {
            Some((_, label)) => Err(TrainingError::EmptyClass { label: label.to_string() }),
            None => Ok(()),
        }
    }

    /// Mixes a teacher's opinions into the targets.
    pub fn teach(&mut self, opinions: Opinions, share: f32) {
        self.taught = Some((opinions, share));
    }

    /// How many examples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The tokens of an example.
    #[must_use]
    pub fn ids(&self, example: usize) -> &[u32] {
        &self.ids[example]
    }

    /// The labels of an example.
    #[must_use]
    pub fn labels(&self, example: usize) -> &[u32] {
        &self.labels[example]
    }

    /// Every token id that occurs.
    pub fn ids_in_use(&self) -> impl Iterator<Item = u32> + '_ {
        self.ids.iter().flatten().copied()
    }

    /// Replaces token ids by their positions in `vocabulary`, an ascending list of all of them.
    pub fn renumber(&mut self, vocabulary: &[u32]) {
        for id in self.ids.iter_mut().flatten() {
            *id = vocabulary.binary_search(id).expect("the list holds every id in use") as u32;
        }
    }

    /// How much an example of each class counts.
    #[must_use]
    pub fn class_weights(&self, weights: ClassWeights) -> Vec<f32> {
        let mut counts = vec![0usize; self.classes];
        self.labels.iter().flatten().for_each(|it| counts[*it as usize] += 1);
        let total: usize = counts.iter().sum();
        let balanced =
            |count: &usize| total as f32 / (self.classes as f32 * (*count).max(1) as f32);
        match weights {
            ClassWeights::Uniform => vec![1.0; self.classes],
            ClassWeights::Balanced => counts.iter().map(balanced).collect(),
        }
    }

    /// An example for the network.
    #[must_use]
    pub fn sequence(
        &self,
        example: usize,
        mode: LabelMode,
        smoothing: f32,
        class_weights: &[f32],
    ) -> Sequence<'_> {
        let labels = &self.labels[example];
        let base = match mode {
            LabelMode::Single => smoothing / self.classes as f32,
            LabelMode::Multi => smoothing / 2.0,
        };
        let mut target = vec![base; self.classes];
        labels.iter().for_each(|it| target[*it as usize] += 1.0 - smoothing);
        if let Some((opinions, share)) = &self.taught
            && !opinions[example].is_empty()
        {
            target.iter_mut().for_each(|it| *it *= 1.0 - share);
            opinions[example].iter().for_each(|(label, it)| target[*label as usize] += share * it);
        }
        let sum: f32 = labels.iter().map(|it| class_weights[*it as usize]).sum();
        // A text without any label, possible with several, counts as an average one.
        let weight = if labels.is_empty() { 1.0 } else { sum / labels.len() as f32 };
        Sequence { ids: &self.ids[example], target, weight }
    }
}

fn check(example: &LabelledText, classes: usize, mode: LabelMode) -> Result<(), String> {
    if let Some(label) = example.labels.iter().find(|it| **it as usize >= classes) {
        return Err(format!("has label number {label}, but there are only {classes} labels"));
    }
    match (mode, example.labels.len()) {
        (LabelMode::Single, 1) | (LabelMode::Multi, _) => Ok(()),
        (LabelMode::Single, found) => Err(format!("has {found} labels; exactly one is needed")),
    }
}
