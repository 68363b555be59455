//! Adapters (LoRA) that a model server loads and forgets while it runs. Pure.

use serde_json::json;

use super::wire::Call;

/// When a server loads adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapters {
    /// Also by request, at this path below its root. It reads them from its own disk.
    WhileItRuns { below: &'static str },
    /// When it starts, or never.
    AtTheStart,
}

impl Adapters {
    pub(crate) fn load(self, name: &str, path: &str) -> Option<Call> {
        self.call("load_lora_adapter", json!({ "lora_name": name, "lora_path": path }))
    }

    pub(crate) fn unload(self, name: &str) -> Option<Call> {
        self.call("unload_lora_adapter", json!({ "lora_name": name }))
    }

    fn call(self, action: &str, body: serde_json::Value) -> Option<Call> {
        let Self::WhileItRuns { below } = self else { return None };
        Some(Call { body: Some(body), ..Call::get(format!("{below}/{action}")) })
    }
}
