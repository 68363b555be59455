//! The loop: steps, epochs, checkpoints, and where to go on after a crash.

use std::path::Path;

use freehold_vocabulary::{LabelMode, Random};
use rayon::ThreadPool;
use rayon::prelude::*;

use super::TrainingEvent;
use super::corpus::Corpus;
use super::head_start;
use super::predict::{self, Wanted};
use super::spec::{EncoderSpec, HeadStart, Method};
use crate::checkpoint::{self, EpochRecord, Position, RunIdentity, Score};
use crate::error::TrainingError;
use crate::kernels::matrix::Store;
use crate::network::batch::{self, Offset, Sequence, Shard};
use crate::network::gradients::Plan;
use crate::network::{Dropout, Keep, Network, loss};
use crate::optimiser::{self, AdamW, Group, Moments};

/// A run in memory.
pub struct Run<'a> {
    spec: &'a EncoderSpec,
    network: Network,
    plan: Plan,
    groups: Vec<Group>,
    train: &'a Corpus,
    validation: &'a Corpus,
    run_dir: &'a Path,
    threads: &'a ThreadPool,
    moments: Moments,
    gradients: Vec<f32>,
    best: Vec<f32>,
    position: Position,
    shards: Vec<Shard>,
    /// Of training examples, when the blocks do not move.
    vectors: Option<Vec<f32>>,
    class_weights: Vec<f32>,
    checkpoint_step: u64,
}

impl<'a> Run<'a> {
    pub fn new(
        spec: &'a EncoderSpec,
        network: Network,
        train: &'a Corpus,
        validation: &'a Corpus,
        run_dir: &'a Path,
        threads: &'a ThreadPool,
        identity: RunIdentity,
    ) -> Self {
        let len = network.weights.trainable.len();
        let position = Position {
            run: identity,
            step: 0,
            history: Vec::new(),
            loss_sum: 0.0,
            best: None,
            best_epoch: 0,
        };
        Self {
            plan: Plan::new(&network),
            groups: groups(&network),
            moments: Moments::zero(len),
            gradients: vec![0.0; len],
            best: Vec::new(),
            shards: Vec::new(),
            vectors: None,
            class_weights: train.class_weights(spec.class_weights),
            checkpoint_step: 0,
            spec,
            network,
            train,
            validation,
            run_dir,
            threads,
            position,
        }
    }

    fn steps_per_epoch(&self) -> u64 {
        self.train.len().div_ceil(self.spec.batch_texts) as u64
    }

    fn epochs(&self) -> u32 {
        // What logistic regression solves needs no descent.
        if self.spec.method == Method::HeadOnly && self.probes() { 0 } else { self.spec.epochs }
    }

    fn probes(&self) -> bool {
        self.spec.head_start() == HeadStart::Probe && self.spec.label_mode == LabelMode::Single
    }

    /// Runs what is left of the run.
    pub fn train(&mut self, events: &mut dyn FnMut(TrainingEvent)) -> Result<(), TrainingError> {
        events(TrainingEvent::Prepared {
            training_texts: self.train.len(),
            training_tokens: self.train.ids_in_use().count(),
            trainable_weights: self.network.weights.trainable.len(),
            steps: u64::from(self.epochs()) * self.steps_per_epoch(),
        });
        self.begin(events)?;
        for epoch in self.position.history.len() as u32..self.epochs() {
            if self.position.best.is_some()
                && epoch - self.position.best_epoch >= self.spec.patience_epochs
            {
                events(TrainingEvent::StoppedEarly { epoch, best_epoch: self.position.best_epoch });
                break;
            }
            self.epoch(epoch, events)?;
        }
        Ok(())
    }

    /// The network with the weights that were kept.
    pub fn finish(mut self) -> (Network, Position) {
        if self.position.best.is_some() && !self.best.is_empty() {
            self.network.weights.trainable = self.best;
        }
        (self.network, self.position)
    }

    fn begin(&mut self, events: &mut dyn FnMut(TrainingEvent)) -> Result<(), TrainingError> {
        let len = self.network.weights.trainable.len();
        if let Some(state) = checkpoint::read(self.run_dir, &self.position.run, len)? {
            self.position = state.position;
            self.network.weights.trainable = state.trainable;
            self.moments = state.moments;
            self.best = state.best;
            self.checkpoint_step = self.position.step;
            events(TrainingEvent::Resumed { step: self.position.step });
        } else if self.probes() {
            let Self { spec, network, train, validation, shards, .. } = self;
            let score =
                self.threads.install(|| head_start::fit(spec, network, train, validation, shards));
            if self.spec.method == Method::HeadOnly {
                self.position.best = score;
            }
            events(TrainingEvent::HeadStarted { validation: score });
            self.best = if self.position.best.is_some() {
                self.network.weights.trainable.clone()
            } else {
                Vec::new()
            };
            self.save(events)?;
        }
        if self.spec.method == Method::HeadOnly && self.epochs() > 0 {
            let Self { network, train, shards, .. } = self;
            let vectors = || predict::compute(network, train, shards, Wanted::Pooled);
            self.vectors = Some(self.threads.install(vectors));
        }
        Ok(())
    }

    fn epoch(
        &mut self,
        epoch: u32,
        events: &mut dyn FnMut(TrainingEvent),
    ) -> Result<(), TrainingError> {
        let steps = self.steps_per_epoch();
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        Random::new(self.spec.seed.derive(&format!("order of epoch {epoch}"))).shuffle(&mut order);
        let done = self.position.step - u64::from(epoch) * steps;
        let batches = order.chunks(self.spec.batch_texts).skip(done as usize);
        for batch in batches {
            self.step(batch, events)?;
            let ends = self.position.step.is_multiple_of(steps);
            if !ends && self.position.step.is_multiple_of(self.spec.checkpoint_interval_steps) {
                self.save(events)?;
            }
        }
        let validation = self.validate();
        let record = EpochRecord {
            epoch: epoch + 1,
            training_loss: self.position.loss_sum / steps as f64,
            validation,
        };
        let is_best =
            validation.is_some_and(|it| self.position.best.is_none_or(|best| it.beats(&best)));
        if is_best {
            self.position.best = validation;
            self.position.best_epoch = epoch + 1;
            self.best.clone_from(&self.network.weights.trainable);
        }
        self.position.loss_sum = 0.0;
        self.position.history.push(record.clone());
        events(TrainingEvent::EpochEnded { record, is_best });
        self.save(events)
    }

    fn validate(&mut self) -> Option<Score> {
        if self.validation.is_empty() {
            return None;
        }
        let Self { network, validation, shards, spec, .. } = self;
        let logits = || predict::compute(network, validation, shards, Wanted::Logits);
        Some(predict::score(spec.label_mode, validation, &self.threads.install(logits)))
    }

    fn save(&mut self, events: &mut dyn FnMut(TrainingEvent)) -> Result<(), TrainingError> {
        let weights = &self.network.weights.trainable;
        checkpoint::write(self.run_dir, &self.position, weights, &self.moments, &self.best)?;
        self.checkpoint_step = self.position.step;
        events(TrainingEvent::CheckpointWritten { step: self.position.step });
        Ok(())
    }

    fn step(
        &mut self,
        batch: &[usize],
        events: &mut dyn FnMut(TrainingEvent),
    ) -> Result<(), TrainingError> {
        let step = self.position.step + 1;
        let steps = u64::from(self.epochs()) * self.steps_per_epoch();
        let warm_up = (self.spec.warm_up_share * steps as f64).round() as u64;
        let factor = self.spec.schedule.factor(step, steps, warm_up);
        let rates = (self.spec.encoder_rate() * factor, self.spec.head_learning_rate * factor);
        let loss = self.threads.install(|| self.descend(batch, step, rates));
        let Some(loss) = loss else {
            return Err(TrainingError::Diverged {
                step,
                key: "encoder_learning_rate",
                rate: self.spec.encoder_rate(),
                checkpoint_step: self.checkpoint_step,
            });
        };
        self.position.step = step;
        self.position.loss_sum += loss;
        events(TrainingEvent::Stepped { step, loss, learning_rate: rates.0 });
        Ok(())
    }

    /// One step of descent; `None` when a number is not finite, and then nothing has moved.
    fn descend(&mut self, batch: &[usize], step: u64, rates: (f64, f64)) -> Option<f64> {
        let spec = self.spec;
        let dropout = self.dropout(step);
        let sequence = |it: &usize| {
            self.train.sequence(*it, spec.label_mode, spec.label_smoothing, &self.class_weights)
        };
        let sequences: Vec<Sequence<'_>> = batch.iter().map(sequence).collect();
        let total: f32 = sequences.iter().map(|it| it.weight).sum();
        let (mut loss, mut store) = (0.0, Store::Replace);
        for (offset, wave) in batch::waves(&sequences) {
            loss += self.wave(batch, (offset, wave), &dropout, total, store);
            store = Store::Add;
        }
        let norm = optimiser::norm(&self.gradients);
        if !loss.is_finite() || !norm.is_finite() {
            return None;
        }
        let scale = (f64::from(spec.clip_norm) / norm.max(1e-12)).min(1.0) as f32;
        let adam = AdamW { weight_decay: spec.weight_decay, ..AdamW::default() };
        let weights = &mut self.network.weights.trainable;
        adam.step(&self.groups, step, rates, scale, weights, &self.gradients, &mut self.moments);
        Some(loss)
    }

    /// Adds the gradient of a part of a batch and returns its part of the loss.
    fn wave(
        &mut self,
        batch: &[usize],
        (offset, wave): (Offset, &[Sequence<'_>]),
        dropout: &Dropout,
        total: f32,
        store: Store,
    ) -> f64 {
        let (network, hidden) = (&self.network, self.network.hidden);
        let (mode, labels) = (self.spec.label_mode, network.head.labels);
        let count = batch::pack(wave, offset, &mut self.shards);
        let shards = &mut self.shards[..count];
        let vectors = self.vectors.as_deref();
        let losses: Vec<f64> = shards
            .par_iter_mut()
            .map(|shard| {
                let Some(vectors) = vectors else {
                    network.forward(shard, dropout, Keep::Everything);
                    let loss = loss::apply(mode, labels, total, shard);
                    network.backward(shard, dropout);
                    return loss;
                };
                let texts = &batch[shard.first_text..shard.first_text + shard.texts()];
                shard.pooled.clear();
                for text in texts {
                    shard.pooled.extend_from_slice(&vectors[text * hidden..(text + 1) * hidden]);
                }
                network.head.classify(network, shard, dropout);
                let loss = loss::apply(mode, labels, total, shard);
                network.head.unclassify(network, shard, dropout);
                loss
            })
            .collect();
        self.plan.collect(network, shards, dropout, store, &mut self.gradients);
        losses.iter().sum()
    }

    fn dropout(&self, step: u64) -> Dropout {
        let spec = self.spec;
        let adapter = match &spec.method {
            Method::Lora(lora) => lora.dropout,
            Method::Full | Method::HeadOnly => 0.0,
        };
        Dropout {
            hidden: spec.hidden_dropout,
            attention: spec.attention_dropout,
            head: spec.head_dropout,
            adapter,
            seed: spec.seed.derive(&format!("dropout of step {step}")).0,
        }
    }
}

/// Neighbours that are treated alike become one group. Only matrices decay.
fn groups(network: &Network) -> Vec<Group> {
    let head_start = network.head.dense.map_or(network.head.weight.start, |it| it.weight.start);
    let mut groups: Vec<Group> = Vec::new();
    for named in network.names.iter().filter(|it| it.span.is_trainable()) {
        let range = named.span.range();
        let (is_head, decays) = (range.start >= head_start, named.shape.len() > 1);
        match groups.last_mut() {
            Some(it) if it.is_head == is_head && it.decays == decays && it.end == range.start => {
                it.end = range.end;
            }
            _ => groups.push(Group { start: range.start, end: range.end, is_head, decays }),
        }
    }
    groups
}
