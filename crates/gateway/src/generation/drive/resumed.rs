//! The taking up of an answer that was cut off: who is asked for the rest, and how often.

use freehold_vocabulary::chat::Remedy;
use freehold_vocabulary::ports::{ChatStream, Resuming};
use tokio::sync::mpsc;
use tracing::warn;

use super::Drive;
use crate::error::ApiError;
use crate::generation::{Step, redaction, resume};

/// What became of an answer that was cut off.
pub(super) enum Resumed {
    Stream(ChatStream),
    /// The caller went away.
    Left,
    Not,
}

impl Drive {
    /// As [`Drive::resume`], unless the caller goes away meanwhile.
    pub(super) async fn resumed(&mut self, events: &mpsc::Sender<Step>) -> Resumed {
        let rest = tokio::select! {
            biased;
            () = events.closed() => None,
            rest = self.resume() => Some(rest),
        };
        match rest {
            None => {
                self.cancelled();
                Resumed::Left
            }
            Some(Ok(Some(stream))) => Resumed::Stream(stream),
            Some(Ok(None)) => Resumed::Not,
            Some(Err(error)) => {
                warn!(trace.id = %self.id, "an answer was not taken up again: {error}");
                Resumed::Not
            }
        }
    }

    /// Has the rest of an answer written that was cut off, by the same model or by one that
    /// stands in for it. The caller has seen the beginning.
    async fn resume(&mut self) -> Result<Option<ChatStream>, ApiError> {
        let Some(current) = &self.current else { return Ok(None) };
        // What is written has placeholders in it that mean nothing to another model.
        if current.restoring.is_some() {
            return Ok(None);
        }
        let Some(rest) = resume::rest(&self.request, &current.tally) else { return Ok(None) };
        let from = current.offered.model.name.clone();
        let chain = self.offer.chain.clone();
        for offered in chain.into_iter().skip_while(|it| it.model.name != from) {
            if offered.model.engine.resumes() == Resuming::No {
                continue;
            }
            if offered.model.name != from {
                self.resumes = 0;
            } else if self.resumes >= resume::RESUMES_MAX {
                continue;
            }
            self.resumes += 1;
            let sendable = redaction::sendable(&self.offer.egress, &offered.model, &rest).await?;
            if sendable.restoring.is_some() {
                continue;
            }
            let Some(current) = &mut self.current else { return Ok(None) };
            let mut tally = std::mem::take(&mut current.tally);
            if !tally.is_resumed() || tally.has_own() {
                tally.resume();
            }
            match self.ask(offered, sendable, tally).await? {
                Ok(Ok(stream)) => return Ok(Some(stream)),
                Ok(Err(error)) => {
                    self.note(&error);
                    if error.remedy() == Remedy::Never {
                        return Ok(None);
                    }
                }
                // The model before stays the current one.
                Err((_refusal, tally)) => {
                    if let Some(current) = &mut self.current {
                        current.tally = tally;
                    }
                }
            }
        }
        Ok(None)
    }
}
