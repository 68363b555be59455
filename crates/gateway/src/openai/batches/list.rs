//! `GET /v1/batches`: the batches of this key, the newest first.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use freehold_vocabulary::ports::Shelf;
use serde_json::Value;

use crate::app::App;
use crate::batch::Batch;
use crate::error::ApiError;
use crate::extract::Json;
use crate::layers::auth::Caller;
use crate::openai::files::list::all;
use crate::openai::page::{Page, cut, wanted};

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let page = wanted(query)?;
    let batches: Vec<Batch> = all(&app, Shelf::Batches, &caller.0).await?;
    let mut views = Vec::with_capacity(batches.len());
    for batch in batches {
        let cancelled_at = batch.cancelled_at(&app).await?;
        views.push(batch.view(cancelled_at));
    }
    Ok(Json(cut(views, &page)?))
}
