//! A trace log in memory, which can be full or broken when a test wants it.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use freehold_vocabulary::ports::{TraceLog, TraceLogError};
use freehold_vocabulary::{Trace, TraceId};

#[derive(Debug, Default)]
pub struct MemoryTraces {
    kept: Mutex<HashMap<TraceId, Trace>>,
    mode: Mutex<TracesMode>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub enum TracesMode {
    #[default]
    Well,
    Full,
    Broken,
}

impl MemoryTraces {
    pub fn set(&self, mode: TracesMode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub fn get(&self, id: &str) -> Option<Trace> {
        self.kept.lock().unwrap().get(&TraceId::parse(id).unwrap()).cloned()
    }

    /// Every trace, the newest last.
    pub fn all(&self) -> Vec<Trace> {
        let mut all: Vec<Trace> = self.kept.lock().unwrap().values().cloned().collect();
        all.sort_by_key(|it| it.at);
        all
    }

    pub fn count(&self) -> usize {
        self.kept.lock().unwrap().len()
    }

    fn ready(&self) -> Result<(), TraceLogError> {
        match *self.mode.lock().unwrap() {
            TracesMode::Well => Ok(()),
            TracesMode::Full => Err(TraceLogError::Full),
            TracesMode::Broken => Err(TraceLogError::Broken("secret/path: no space".into())),
        }
    }
}

#[async_trait]
impl TraceLog for MemoryTraces {
    async fn append(&self, traces: Vec<Trace>) -> Result<(), TraceLogError> {
        self.ready()?;
        let mut kept = self.kept.lock().unwrap();
        for trace in traces {
            assert!(kept.insert(trace.id.clone(), trace).is_none(), "an id was given twice");
        }
        Ok(())
    }

    async fn find(&self, id: &TraceId) -> Result<Option<Trace>, TraceLogError> {
        self.ready()?;
        Ok(self.kept.lock().unwrap().get(id).cloned())
    }
}
