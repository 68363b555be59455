//! What a run should do. The defaults are one recipe for every data set.

use std::collections::BTreeSet;

use freehold_models::Pooling;
use freehold_vocabulary::{LabelMode, Seed};
use serde::{Deserialize, Serialize};

use crate::error::TrainingError;
use crate::network::build::TargetModule;
use crate::schedule::Schedule;

/// Which weights move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Method {
    /// Every block and the head; embeddings stay.
    Full,
    /// Only the head, on vectors of the base: seconds, and hard to beat with few examples.
    HeadOnly,
    /// Low-rank adapters and the head.
    Lora(LoraSpec),
}

/// Low-rank adapters (Hu et al. 2021).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraSpec {
    pub rank: usize,
    /// The adapters' part is scaled by `alpha / rank`.
    pub alpha: f32,
    pub dropout: f32,
    pub target_modules: BTreeSet<TargetModule>,
}

impl Default for LoraSpec {
    fn default() -> Self {
        Self { rank: 16, alpha: 32.0, dropout: 0.0, target_modules: TargetModule::ALL.into() }
    }
}

/// How much each class counts in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Every example counts the same.
    #[default]
    Uniform,
    /// Every class counts the same.
    Balanced,
}

/// How the head begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadStart {
    /// As logistic regression on the base's vectors (Kumar et al. 2022): the first steps then do
    /// not distort what the base knows. Only with single labels; otherwise random.
    Probe,
    Random,
}

/// A whole recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderSpec {
    pub method: Method,
    pub label_mode: LabelMode,
    pub pooling: Pooling,
    /// Without a value: by logistic regression for `head-only`, random otherwise.
    pub head_start: Option<HeadStart>,
    pub epochs: u32,
    pub batch_texts: usize,
    /// At its peak, for blocks or adapters; without a value, one that suits the method.
    pub encoder_learning_rate: Option<f64>,
    pub head_learning_rate: f64,
    pub warm_up_share: f64,
    pub schedule: Schedule,
    pub weight_decay: f32,
    pub clip_norm: f32,
    pub hidden_dropout: f32,
    pub attention_dropout: f32,
    pub head_dropout: f32,
    pub label_smoothing: f32,
    /// How much of the target is what two simple models think instead of the label. Only with
    /// single labels. It lowers the log-loss; whether it raises accuracy depends on the data (see
    /// ARCHITECTURE.md), so the default leaves it out.
    pub teacher_share: f32,
    pub class_weights: ClassWeights,
    pub tokens_max: usize,
    /// Epochs without a better validation score after which the run ends.
    pub patience_epochs: u32,
    pub checkpoint_interval_steps: u64,
    pub seed: Seed,
}

impl Default for EncoderSpec {
    fn default() -> Self {
        Self {
            method: Method::Full,
            label_mode: LabelMode::Single,
            pooling: Pooling::Mean,
            head_start: None,
            epochs: 5,
            batch_texts: 32,
            encoder_learning_rate: None,
            head_learning_rate: 5e-3,
            warm_up_share: 0.06,
            schedule: Schedule::Linear,
            weight_decay: 0.01,
            clip_norm: 1.0,
            hidden_dropout: 0.1,
            attention_dropout: 0.1,
            head_dropout: 0.1,
            label_smoothing: 0.0,
            teacher_share: 0.0,
            class_weights: ClassWeights::Uniform,
            tokens_max: 128,
            patience_epochs: 3,
            checkpoint_interval_steps: 200,
            seed: Seed(0),
        }
    }
}

impl EncoderSpec {
    /// The peak rate of blocks or adapters.
    #[must_use]
    pub fn encoder_rate(&self) -> f64 {
        self.encoder_learning_rate.unwrap_or(match self.method {
            Method::Full | Method::HeadOnly => 2e-4,
            Method::Lora(_) => 2e-3,
        })
    }

    /// How the head begins.
    #[must_use]
    pub fn head_start(&self) -> HeadStart {
        self.head_start.unwrap_or(match self.method {
            Method::HeadOnly => HeadStart::Probe,
            Method::Full | Method::Lora(_) => HeadStart::Random,
        })
    }

    /// Refuses values that cannot be meant.
    ///
    /// # Errors
    /// Names the first key whose value is out of range.
    pub fn check(&self) -> Result<(), TrainingError> {
        let rate = |it: f64| it > 0.0 && it <= 1.0;
        let share = |it: f32| (0.0..1.0).contains(&it);
        let above_zero = "a number above 0 and at most 1";
        let below_one = "a number from 0 to below 1";
        let one_or_more = "a whole number from 1 up";
        let (rank, alpha, adapter_dropout, targets) = match &self.method {
            Method::Lora(it) => (it.rank, it.alpha, it.dropout, it.target_modules.len()),
            Method::Full | Method::HeadOnly => (1, 1.0, 0.0, 1),
        };
        let checks = [
            ("epochs", self.epochs.to_string(), self.epochs > 0, one_or_more),
            (
                "batch_texts",
                self.batch_texts.to_string(),
                (1..=4096).contains(&self.batch_texts),
                "1 to 4096",
            ),
            (
                "encoder_learning_rate",
                self.encoder_rate().to_string(),
                rate(self.encoder_rate()),
                above_zero,
            ),
            (
                "head_learning_rate",
                self.head_learning_rate.to_string(),
                rate(self.head_learning_rate),
                above_zero,
            ),
            (
                "warm_up_share",
                self.warm_up_share.to_string(),
                (0.0..1.0).contains(&self.warm_up_share),
                below_one,
            ),
            ("weight_decay", self.weight_decay.to_string(), share(self.weight_decay), below_one),
            ("clip_norm", self.clip_norm.to_string(), self.clip_norm > 0.0, "a number above 0"),
            (
                "hidden_dropout",
                self.hidden_dropout.to_string(),
                share(self.hidden_dropout),
                below_one,
            ),
            (
                "attention_dropout",
                self.attention_dropout.to_string(),
                share(self.attention_dropout),
                below_one,
            ),
            ("head_dropout", self.head_dropout.to_string(), share(self.head_dropout), below_one),
            (
                "label_smoothing",
                self.label_smoothing.to_string(),
                share(self.label_smoothing),
                below_one,
            ),
            (
                "teacher_share",
                self.teacher_share.to_string(),
                share(self.teacher_share)
                    && (self.teacher_share == 0.0 || self.label_mode == LabelMode::Single),
                "a number from 0 to below 1, and 0 with several labels",
            ),
            (
                "tokens_max",
                self.tokens_max.to_string(),
                self.tokens_max >= 8,
                "a whole number from 8 up",
            ),
            (
                "patience_epochs",
                self.patience_epochs.to_string(),
                self.patience_epochs > 0,
                one_or_more,
            ),
            (
                "checkpoint_interval_steps",
                self.checkpoint_interval_steps.to_string(),
                self.checkpoint_interval_steps > 0,
                one_or_more,
            ),
            ("rank", rank.to_string(), (1..=1024).contains(&rank), "1 to 1024"),
            ("alpha", alpha.to_string(), alpha > 0.0 && alpha.is_finite(), "a number above 0"),
            ("dropout", adapter_dropout.to_string(), share(adapter_dropout), below_one),
            ("target_modules", targets.to_string(), targets > 0, "at least one module"),
        ];
        for (key, value, fine, expected) in checks {
            if !fine {
                return Err(TrainingError::Spec { key, value, expected });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_usable_and_survive_json() {
        let spec =
            EncoderSpec { method: Method::Lora(LoraSpec::default()), ..EncoderSpec::default() };
        spec.check().unwrap();
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<EncoderSpec>(&json).unwrap(), spec);
    }

    #[track_caller]
    fn check(json: &str, message: &str) {
        let refused = match serde_json::from_str::<EncoderSpec>(json) {
            Ok(spec) => spec.check().unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(refused.contains(message), "{refused}");
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        check(r#"{"epoch": 3}"#, "unknown field `epoch`");
        check(r#"{"epochs": 0}"#, "`epochs` = 0");
        let several = r#"{"label_mode": "multi", "teacher_share": 0.5}"#;
        check(several, "`teacher_share` = 0.5");
        check(r#"{"hidden_dropout": 1.0}"#, "`hidden_dropout` = 1");
        check(r#"{"method": {"lora": {"rank": 0}}}"#, "`rank` = 0");
    }
}
