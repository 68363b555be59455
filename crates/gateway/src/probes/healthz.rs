//! `GET /healthz`: the process answers. Asks nothing else, so that a broken ledger does not make
//! an orchestrator kill a healthy process.

use serde_json::{Value, json};

use crate::extract::Json;

pub(crate) async fn handler() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}
