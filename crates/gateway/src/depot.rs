//! What callers leave here and fetch again: typed documents over the depot, within limits.
//!
//! Blocking work goes to threads that may block. Whose an object is stands in its place, so that
//! another's cannot even be named; one that is past its time is as good as gone.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};

use freehold_vocabulary::Timestamp;
use freehold_vocabulary::ports::{Depot, DepotError, DepotPlace, Shelf};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{info, warn};

use crate::app::{App, shown};
use crate::error::ApiError;

/// A document is read whole; the bytes of files are not documents.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;
const DAY_US: i64 = 86_400_000_000;

/// Bounds on what callers leave here.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// Largest file.
    pub file_bytes_max: NonZeroU64,
    /// All files of one key together.
    pub key_bytes_max: NonZeroU64,
    /// Objects of one kind and key.
    pub key_objects_max: NonZeroUsize,
    /// How long a file is kept, unless its owner says otherwise.
    pub file_days: NonZeroU32,
    /// How long a response is kept.
    pub response_days: NonZeroU32,
    /// Requests of one batch.
    pub batch_requests_max: NonZeroUsize,
    /// Requests of batches under way at once, over all batches.
    pub batch_parallel_max: NonZeroUsize,
}

impl Default for Keeping {
    fn default() -> Self {
        let bytes = |n: u64| NonZeroU64::new(n).expect("the constant is not zero");
        let count = |n: usize| NonZeroUsize::new(n).expect("the constant is not zero");
        let days = |n: u32| NonZeroU32::new(n).expect("the constant is not zero");
        Self {
            file_bytes_max: bytes(200 << 20),
            key_bytes_max: bytes(2 << 30),
            key_objects_max: count(10_000),
            file_days: days(30),
            response_days: days(30),
            batch_requests_max: count(50_000),
            batch_parallel_max: count(8),
        }
    }
}

/// Something that ends.
pub(crate) trait Passing {
    /// The end, if there is one.
    fn expires_at(&self) -> Option<Timestamp>;
}

/// The instant so many days later.
pub(crate) fn days_after(at: Timestamp, days: NonZeroU32) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_add(i64::from(days.get()) * DAY_US))
}

/// Works with the depot where blocking is allowed.
///
/// # Errors
/// When the depot fails.
pub(crate) async fn with<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&dyn Depot) -> Result<T, DepotError> + Send + 'static,
) -> Result<T, ApiError> {
    let depot = app.parts.depot.clone();
    let done = tokio::task::spawn_blocking(move || work(depot.as_ref())).await;
    let done = done.map_err(|cause| ApiError::Panicked(cause.to_string()))?;
    done.map_err(|cause| ApiError::Depot(cause.to_string()))
}

/// The place of an object that a caller names; a name that can be none's is unknown.
///
/// # Errors
/// When it is no name of an object.
pub(crate) fn place(shelf: Shelf, owner: &str, id: &str) -> Result<DepotPlace, ApiError> {
    DepotPlace::new(shelf, owner, id).ok_or_else(|| unknown(shelf, id))
}

/// The error of an object that is not there for this caller.
pub(crate) fn unknown(shelf: Shelf, id: &str) -> ApiError {
    let what = match shelf {
        Shelf::Batches | Shelf::Cancellations => "batch",
        Shelf::Contents | Shelf::Files => "file",
        Shelf::Responses => "response",
    };
    ApiError::UnknownObject { what, id: shown(id) }
}

/// A document, unless its time is over.
///
/// # Errors
/// When there is none for this caller, or the depot fails.
pub(crate) async fn load<T>(app: &App, shelf: Shelf, owner: &str, id: &str) -> Result<T, ApiError>
where
    T: DeserializeOwned + Passing + Send + 'static,
{
    let place = place(shelf, owner, id)?;
    let now = app.parts.clock.now();
    let found = with(app, move |depot| read::<T>(depot, &place)).await?;
    let living = found.filter(|it| it.expires_at().is_none_or(|end| now < end));
    living.ok_or_else(|| unknown(shelf, id))
}

/// Writes a document.
///
/// # Errors
/// When the depot fails.
pub(crate) async fn save<T: Serialize>(
    app: &App,
    place: DepotPlace,
    document: &T,
) -> Result<(), ApiError> {
    let bytes = serde_json::to_vec(document).expect("documents have string keys");
    with(app, move |depot| depot.put(&place, &bytes)).await
}

/// A document as it is, past its time or not.
pub(crate) fn read<T: DeserializeOwned>(
    depot: &dyn Depot,
    place: &DepotPlace,
) -> Result<Option<T>, DepotError> {
    let Some(bytes) = depot.read_at(place, 0, DOCUMENT_BYTES_MAX)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|cause| {
        let (shelf, name) = (place.shelf().as_str(), place.name());
        DepotError::Broken(format!("`{shelf}/{name}` cannot be read: {cause}"))
    })
}

/// Refuses one object too many.
///
/// # Errors
/// When the key has as many as it may, or the depot fails.
pub(crate) async fn room(app: &App, shelf: Shelf, owner: &str) -> Result<(), ApiError> {
    let limit = app.parts.keeping.key_objects_max.get();
    let owner = owner.to_owned();
    let count = with(app, move |depot| depot.list(shelf, &owner).map(|it| it.len())).await?;
    if count < limit {
        return Ok(());
    }
    let what = format!("the number of {} of this key", shelf.as_str());
    Err(ApiError::TooLarge { what, limit, unit: "objects", remedy: "delete some" })
}

/// Removes what is past its time; says how much that was.
///
/// # Errors
/// When the depot fails.
pub(crate) async fn sweep(app: &App) -> Result<usize, ApiError> {
    let now = app.parts.clock.now();
    let objects_max = app.parts.keeping.key_objects_max.get();
    with(app, move |depot| {
        let mut removed = 0;
        for shelf in [Shelf::Files, Shelf::Batches, Shelf::Responses] {
            for owner in depot.owners(shelf)? {
                let listed = depot.list(shelf, &owner)?;
                // Names of responses are in the order of time; nobody is refused an answer
                // because earlier ones are kept, so the oldest go.
                let surplus = match shelf {
                    Shelf::Responses => listed.len().saturating_sub(objects_max),
                    _ => 0,
                };
                for (n, it) in listed.iter().enumerate() {
                    let Some(place) = DepotPlace::new(shelf, &owner, &it.name) else { continue };
                    let gone = if n < surplus {
                        depot.remove(&place)?
                    } else {
                        sweep_one(depot, &place, now)?
                    };
                    removed += usize::from(gone);
                }
            }
        }
        Ok(removed)
    })
    .await
    .inspect(|removed| {
        if *removed > 0 {
            info!(removed, "removed {removed} files, batches and responses past their time");
        }
    })
}

fn sweep_one(depot: &dyn Depot, place: &DepotPlace, now: Timestamp) -> Result<bool, DepotError> {
    #[derive(serde::Deserialize)]
    struct Ends {
        expires_at: Option<Timestamp>,
    }
    let ends = match read::<Ends>(depot, place) {
        Ok(Some(ends)) => ends,
        Ok(None) => return Ok(false),
        Err(cause) => {
            warn!("{cause}; it stays where it is");
            return Ok(false);
        }
    };
    if ends.expires_at.is_none_or(|end| now < end) {
        return Ok(false);
    }
    // The bytes of a file go first: what is left then says what to remove after a crash.
    if place.shelf() == Shelf::Files
        && let Some(content) = DepotPlace::new(Shelf::Contents, place.owner(), place.name())
    {
        depot.remove(&content)?;
    }
    depot.remove(place)
}
