//! `GET /v1/files/{id}/content`: the bytes of a file, piece by piece.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use freehold_vocabulary::ports::{DepotPlace, Shelf};
use hyper::body::{Frame, SizeHint};

use super::load;
use crate::app::App;
use crate::depot;
use crate::error::ApiError;
use crate::extract::id;
use crate::layers::auth::Caller;

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

pub(crate) async fn handler(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let file = load(&app, &caller.0, &id(path)?).await?;
    let place = depot::place(Shelf::Contents, &caller.0, &file.id)?;
    let body = Pieces { app, place, offset: 0, length: file.bytes, reading: None };
    // Nothing that a caller uploaded is ever shown as a page.
    let kind = HeaderValue::from_static("application/octet-stream");
    Ok(([(header::CONTENT_TYPE, kind)], Body::new(body)).into_response())
}

type Reading = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, ApiError>> + Send>>;

/// The rest of a file.
struct Pieces {
    app: App,
    place: DepotPlace,
    offset: u64,
    length: u64,
    reading: Option<Reading>,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = ApiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ApiError>>> {
        if self.offset >= self.length {
            return Poll::Ready(None);
        }
        let (app, place, offset) = (self.app.clone(), self.place.clone(), self.offset);
        let left = usize::try_from(self.length - self.offset).unwrap_or(PIECE).min(PIECE);
        let reading = self.reading.get_or_insert_with(|| {
            Box::pin(async move {
                depot::with(&app, move |depot| depot.read_at(&place, offset, left)).await
            })
        });
        let Poll::Ready(read) = reading.as_mut().poll(context) else { return Poll::Pending };
        self.reading = None;
        match read {
            Ok(Some(bytes)) if !bytes.is_empty() => {
                self.offset += bytes.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(bytes)))))
            }
            // Deleted while it was read: the client sees that bytes are missing.
            Ok(_) => Poll::Ready(Some(Err(depot::unknown(Shelf::Files, self.place.name())))),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.offset)
    }
}
