//! `POST /v1/files`: takes a file in as it comes, piece by piece, and never holds it whole.

use axum::extract::multipart::{Field, Multipart, MultipartRejection};
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, header};
use freehold_vocabulary::Timestamp;
use freehold_vocabulary::ports::{DepotPlace, Shelf};
use serde_json::Value;

use super::{StoredFile, may_keep};
use crate::app::{App, shown};
use crate::depot::{self, days_after};
use crate::error::ApiError;
use crate::extract::Json;
use crate::generation::class;
use crate::layers::auth::Caller;

/// Bytes written at a time.
const PIECE: usize = 1 << 20;
/// Largest field that is not the file.
const FIELD_BYTES_MAX: usize = 1024;
const FILENAME_BYTES_MAX: usize = 255;
/// A file may be asked to be gone after so many seconds: an hour to 30 days, as at OpenAI.
const SECONDS: std::ops::RangeInclusive<i64> = 3_600..=2_592_000;

/// What was sent, as far as it has come.
#[derive(Debug, Default)]
struct Form {
    purpose: Option<String>,
    seconds: Option<i64>,
    file: Option<(String, u64)>,
}

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    may_keep(&app)?;
    let class = class::stated(&headers)?;
    let multipart = multipart(&headers, request).await?;
    depot::room(&app, Shelf::Files, &caller.0).await?;
    let at = app.parts.clock.now();
    let id = format!("file-{}", app.ids.next(at));
    let bytes_place = depot::place(Shelf::Contents, &caller.0, &id)?;
    let taken = take(&app, &caller, multipart, &bytes_place).await;
    let made = match taken.and_then(|form| form.file(&app, id, at, class)) {
        Ok(file) => {
            let place = depot::place(Shelf::Files, &caller.0, &file.id)?;
            depot::save(&app, place, &file).await.map(|()| file)
        }
        Err(error) => Err(error),
    };
    if made.is_err() {
        depot::with(&app, move |depot| depot.remove(&bytes_place)).await?;
    }
    Ok(Json(made?.view()))
}

async fn multipart(headers: &HeaderMap, request: Request) -> Result<Multipart, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    if !kind.unwrap_or_default().starts_with("multipart/form-data") {
        let message = "send the file as `content-type: multipart/form-data` with the fields `purpose` and `file`";
        return Err(ApiError::invalid(message));
    }
    let read = Multipart::from_request(request, &()).await;
    read.map_err(|cause: MultipartRejection| ApiError::invalid(cause.body_text()))
}

async fn take(
    app: &App,
    caller: &Caller,
    mut multipart: Multipart,
    place: &DepotPlace,
) -> Result<Form, ApiError> {
    let mut form = Form::default();
    while let Some(field) = timely(app, multipart.next_field()).await? {
        match field.name().unwrap_or_default() {
            "file" if form.file.is_none() => {
                let name = filename(&field)?;
                let length = content(app, caller, field, place).await?;
                form.file = Some((name, length));
            }
            "purpose" => form.purpose = Some(small(app, field, "purpose").await?),
            "expires_after[anchor]" => {
                let anchor = small(app, field, "expires_after").await?;
                if anchor != "created_at" {
                    let message = "`expires_after[anchor]` is `created_at`; there is no other";
                    return Err(ApiError::invalid_field("expires_after", message));
                }
            }
            "expires_after[seconds]" => {
                let text = small(app, field, "expires_after").await?;
                let seconds = text.parse().ok().filter(|it| SECONDS.contains(it));
                let seconds = seconds.ok_or_else(|| {
                    let (from, to) = (SECONDS.start(), SECONDS.end());
                    let message =
                        format!("`expires_after[seconds]` is a number from {from} to {to}");
                    ApiError::invalid_field("expires_after", message)
                })?;
                form.seconds = Some(seconds);
            }
            "file" => {
                let message = "the field `file` came twice; send one file in one request";
                return Err(ApiError::invalid_field("file", message));
            }
            other => return Err(ApiError::UnknownParameter { param: shown(other) }),
        }
    }
    Ok(form)
}

/// The last part of the name, which is only ever shown.
fn filename(field: &Field<'_>) -> Result<String, ApiError> {
    let name = field.file_name().unwrap_or("file").rsplit(['/', '\\']).next().unwrap_or("file");
    if name.len() > FILENAME_BYTES_MAX || name.chars().any(char::is_control) {
        let message =
            format!("the name of the file is longer than {FILENAME_BYTES_MAX} bytes or not a text");
        return Err(ApiError::invalid_field("file", message));
    }
    Ok(name.to_owned())
}

/// Writes the bytes as they come; gives how many there were.
async fn content(
    app: &App,
    caller: &Caller,
    mut field: Field<'_>,
    place: &DepotPlace,
) -> Result<u64, ApiError> {
    let room = room(app, &caller.0).await?;
    let (mut piece, mut written) = (Vec::with_capacity(PIECE), 0u64);
    loop {
        let chunk = timely(app, field.chunk()).await?;
        let ended = chunk.is_none();
        piece.extend_from_slice(&chunk.unwrap_or_default());
        room.check(written + piece.len() as u64)?;
        if piece.len() >= PIECE || ended {
            let bytes = std::mem::replace(&mut piece, Vec::with_capacity(PIECE));
            let (place, offset) = (place.clone(), written);
            written += bytes.len() as u64;
            depot::with(app, move |depot| depot.write_at(&place, offset, &bytes)).await?;
        }
        if ended {
            return Ok(written);
        }
    }
}

/// How much more this key may keep.
#[derive(Debug)]
struct Room {
    file: u64,
    left: u64,
}

async fn room(app: &App, owner: &str) -> Result<Room, ApiError> {
    let owner = owner.to_owned();
    let kept = depot::with(app, move |depot| depot.list(Shelf::Contents, &owner)).await?;
    let kept: u64 = kept.iter().map(|it| it.bytes).sum();
    let keeping = &app.parts.keeping;
    let left = keeping.key_bytes_max.get().saturating_sub(kept);
    Ok(Room { file: keeping.file_bytes_max.get(), left })
}

impl Room {
    fn check(&self, bytes: u64) -> Result<(), ApiError> {
        let too_large = |what: &str, limit: u64, remedy| {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Err(ApiError::TooLarge { what: what.to_owned(), limit, unit: "bytes", remedy })
        };
        if bytes > self.file {
            return too_large("`file`", self.file, "split it");
        }
        if bytes > self.left {
            return too_large("what this key keeps", self.left, "delete files");
        }
        Ok(())
    }
}

async fn small(app: &App, mut field: Field<'_>, name: &str) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = timely(app, field.chunk()).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FIELD_BYTES_MAX {
            let (what, limit) = (format!("`{name}`"), FIELD_BYTES_MAX);
            return Err(ApiError::TooLarge { what, limit, unit: "bytes", remedy: "shorten it" });
        }
    }
    let text = String::from_utf8(bytes);
    text.map_err(|_cause| ApiError::invalid_field(name, format!("`{name}` is no UTF-8 text")))
}

/// The next piece of a body, within the time that a body may take: files are large, so the time
/// counts anew for every piece.
async fn timely<T>(
    app: &App,
    next: impl Future<Output = Result<T, axum::extract::multipart::MultipartError>>,
) -> Result<T, ApiError> {
    let limit = app.parts.limits.body_timeout;
    let came = tokio::time::timeout(limit, next).await;
    let came = came.map_err(|_elapsed| ApiError::SlowBody(limit))?;
    came.map_err(|cause| {
        ApiError::invalid(format!("the form cannot be read: {}", cause.body_text()))
    })
}

impl Form {
    fn file(
        self,
        app: &App,
        id: String,
        at: Timestamp,
        class: Option<freehold_vocabulary::DataClass>,
    ) -> Result<StoredFile, ApiError> {
        let missing = |name: &str, what: &str| {
            ApiError::invalid_field(name, format!("the field `{name}` is missing; {what}"))
        };
        let purpose = self.purpose.ok_or_else(|| missing("purpose", "send `batch`"))?;
        if purpose != "batch" {
            let message = format!(
                "`purpose` is `{}`; files here are for batches, so it is `batch`",
                shown(&purpose)
            );
            return Err(ApiError::invalid_field("purpose", message));
        }
        let (filename, bytes) = self.file.ok_or_else(|| missing("file", "send a JSONL file"))?;
        let usual = days_after(at, app.parts.keeping.file_days);
        let end = self.seconds.map_or(usual, |it| {
            Timestamp::from_micros(at.as_micros().saturating_add(it * 1_000_000))
        });
        let expires_at = Some(end.min(usual));
        Ok(StoredFile { id, filename, purpose, bytes, created_at: at, expires_at, class })
    }
}
