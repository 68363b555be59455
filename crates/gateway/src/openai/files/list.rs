//! `GET /v1/files`: the files of this key, the newest first.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use freehold_vocabulary::ports::{Depot, DepotError, DepotPlace, Shelf};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::StoredFile;
use crate::app::App;
use crate::depot::{self, Passing};
use crate::error::ApiError;
use crate::extract::Json;
use crate::layers::auth::Caller;
use crate::openai::page::{Page, cut, wanted};

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let page = wanted(query)?;
    let files: Vec<StoredFile> = all(&app, Shelf::Files, &caller.0).await?;
    let wanted = files.iter().filter(|it| page.purpose.as_ref().is_none_or(|p| *p == it.purpose));
    let views = wanted.map(StoredFile::view).collect();
    Ok(Json(cut(views, &page)?))
}

/// Every living document of a key, in the order of their making.
///
/// # Errors
/// When the depot fails.
pub(crate) async fn all<T>(app: &App, shelf: Shelf, owner: &str) -> Result<Vec<T>, ApiError>
where
    T: DeserializeOwned + Passing + Send + 'static,
{
    let (owner, now) = (owner.to_owned(), app.parts.clock.now());
    let read = move |depot: &dyn Depot| -> Result<Vec<T>, DepotError> {
        let mut found = Vec::new();
        for it in depot.list(shelf, &owner)? {
            let Some(place) = DepotPlace::new(shelf, &owner, &it.name) else { continue };
            // One may have been removed since.
            found.extend(depot::read::<T>(depot, &place)?);
        }
        found.retain(|it| it.expires_at().is_none_or(|end| now < end));
        Ok(found)
    };
    depot::with(app, read).await
}
