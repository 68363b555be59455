//! Runs batches for as long as the server runs, and after a crash from where it left them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use freehold_vocabulary::ports::{Depot, DepotError, DepotPlace, Shelf};
use freehold_vocabulary::{Timestamp, TraceId};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use super::input::{Line, Lines, is_blank, validate};
use super::output::{Answered, Outcome, Written};
use super::{Batch, Status};
use crate::app::App;
use crate::depot::{self, days_after};
use crate::error::ApiError;
use crate::openai::files::StoredFile;
use crate::router::inside;

/// Batches under way at once; the others wait. Their requests share the same places.
const BATCHES_MAX: usize = 64;
/// How often everything is looked through: for what is past its time, and for batches that
/// another process left behind.
const LOOK: Duration = Duration::from_secs(600);
/// How far a batch is said to be may lag so much behind.
const PROGRESS_US: i64 = 1_000_000;
/// Answers that are written at once.
const TOGETHER_MAX: usize = 64;
const DAY_US: i64 = 86_400_000_000;

/// Batches that have come and are not under way yet.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    batches: Mutex<Vec<(String, String)>>,
    changed: Notify,
}

impl Waiting {
    pub(crate) fn add(&self, owner: &str, id: &str) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.push((owner.to_owned(), id.to_owned()));
        drop(batches);
        self.wake();
    }

    /// Has the runner look again.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    fn next(&self, under_way: &HashSet<(String, String)>) -> Option<(String, String)> {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let place = batches.iter().position(|it| !under_way.contains(it))?;
        Some(batches.remove(place))
    }
}

/// Runs batches until the server drains; then ends when nothing is under way any more.
pub(crate) async fn run(app: App) {
    let endpoints = inside(app.clone());
    let places = Arc::new(Semaphore::new(app.parts.keeping.batch_parallel_max.get()));
    let mut running = JoinSet::new();
    let mut under_way = HashSet::new();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !(app.is_draining() && running.is_empty()) {
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => match ended {
                Ok(key) => {
                    under_way.remove(&key);
                }
                Err(cause) => error!("a batch broke off: {cause}; it goes on after a restart"),
            },
            () = app.batches.changed.notified() => {}
            _ = looks.tick() => look(&app, &under_way).await,
        }
        while !app.is_draining() && running.len() < BATCHES_MAX {
            let Some(key) = app.batches.next(&under_way) else { break };
            under_way.insert(key.clone());
            let (app, endpoints, places) = (app.clone(), endpoints.clone(), places.clone());
            running.spawn(async move {
                let (owner, id) = &key;
                if let Err(cause) = one(&app, &endpoints, &places, owner, id).await {
                    error!("batch `{id}` stopped: {cause}; it is taken up again later");
                }
                key
            });
        }
    }
}

/// Removes what is past its time, and finds batches that nobody works on.
async fn look(app: &App, under_way: &HashSet<(String, String)>) {
    if let Err(cause) = depot::sweep(app).await {
        warn!("what is past its time stays: {cause}");
    }
    match depot::with(app, open).await {
        Ok((open, named)) => {
            for (owner, id) in open.into_iter().filter(|it| !under_way.contains(it)) {
                app.batches.add(&owner, &id);
            }
            let before = app.parts.clock.now().as_micros().saturating_sub(DAY_US);
            let before = TraceId::new(Timestamp::from_micros(before), 0);
            let removed = depot::with(app, move |depot| remove_orphans(depot, &named, &before));
            if let Err(cause) = removed.await {
                warn!("what interrupted uploads left stays: {cause}");
            }
        }
        Err(cause) => error!("batches cannot be found: {cause}"),
    }
}

type Open = (Vec<(String, String)>, HashSet<String>);

/// Batches that have not ended, and the files they are writing.
fn open(depot: &dyn Depot) -> Result<Open, DepotError> {
    let (mut found, mut named) = (Vec::new(), HashSet::new());
    for owner in depot.owners(Shelf::Batches)? {
        for it in depot.list(Shelf::Batches, &owner)? {
            let Some(place) = DepotPlace::new(Shelf::Batches, &owner, &it.name) else { continue };
            match depot::read::<Batch>(depot, &place) {
                Ok(Some(batch)) if !batch.status.is_final() => {
                    named.extend(batch.output_file_id.into_iter().chain(batch.error_file_id));
                    found.push((owner.clone(), batch.id));
                }
                Ok(_) => {}
                Err(cause) => warn!("{cause}; it stays where it is"),
            }
        }
    }
    Ok((found, named))
}

/// Bytes of which nothing is known: of uploads that a crash interrupted, a day ago or more.
fn remove_orphans(
    depot: &dyn Depot,
    named: &HashSet<String>,
    before: &TraceId,
) -> Result<(), DepotError> {
    for owner in depot.owners(Shelf::Contents)? {
        for it in depot.list(Shelf::Contents, &owner)? {
            let old = it.name.trim_start_matches("file-") < before.as_str();
            let places = [Shelf::Files, Shelf::Contents]
                .map(|it_is| DepotPlace::new(it_is, &owner, &it.name));
            let [Some(facts), Some(content)] = places else { continue };
            if old && !named.contains(&it.name) && depot.length(&facts)?.is_none() {
                depot.remove(&content)?;
            }
        }
    }
    Ok(())
}

/// One batch, from where it is to its end.
async fn one(
    app: &App,
    endpoints: &Router,
    places: &Arc<Semaphore>,
    owner: &str,
    id: &str,
) -> Result<(), ApiError> {
    let place = depot::place(Shelf::Batches, owner, id)?;
    let locked = place.clone();
    // Held until the end; who finds it held leaves the batch to the process that runs it.
    let Some(_lock) = depot::with(app, move |depot| depot.lock(&locked)).await? else {
        return Ok(());
    };
    let found = depot::with(app, move |depot| depot::read::<Batch>(depot, &place)).await?;
    let Some(mut batch) = found.filter(|it| !it.status.is_final()) else { return Ok(()) };
    if batch.status == Status::Validating {
        match validate(app, &batch).await {
            Ok(Ok(total)) => begin(app, &mut batch, total).await?,
            Ok(Err(errors)) => {
                batch.errors = errors;
                return end(app, &mut batch, Status::Failed).await;
            }
            Err(error @ ApiError::UnknownObject { .. }) => {
                batch.errors = vec![gone(&error)];
                return end(app, &mut batch, Status::Failed).await;
            }
            Err(error) => return Err(error),
        }
    }
    match work(app, endpoints, places, &mut batch).await {
        Ok(Some(status)) => end(app, &mut batch, status).await,
        // The server stops; the batch goes on when it starts.
        Ok(None) => batch.save(app).await,
        Err(error @ ApiError::UnknownObject { .. }) => {
            batch.errors = vec![gone(&error)];
            end(app, &mut batch, Status::Failed).await
        }
        Err(error) => Err(error),
    }
}

fn gone(error: &ApiError) -> super::InputError {
    let code = "input_file_gone".to_owned();
    super::InputError { code, message: error.to_string(), line: None, param: None }
}

async fn begin(app: &App, batch: &mut Batch, total: u64) -> Result<(), ApiError> {
    let at = app.parts.clock.now();
    batch.total = total;
    batch.status = Status::InProgress;
    batch.in_progress_at = Some(at);
    batch.output_file_id = Some(format!("file-{}", app.ids.next(at)));
    batch.error_file_id = Some(format!("file-{}", app.ids.next(at)));
    batch.save(app).await
}

/// Why no further request begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Cancelled,
    Expired,
    Draining,
}

async fn stop(app: &App, batch: &Batch) -> Result<Option<Stop>, ApiError> {
    Ok(if app.is_draining() {
        Some(Stop::Draining)
    } else if batch.cancelled_at(app).await?.is_some() {
        Some(Stop::Cancelled)
    } else {
        (batch.deadline <= app.parts.clock.now()).then_some(Stop::Expired)
    })
}

/// What a batch has written, and what it has left to ask.
struct Desk {
    good: Written,
    bad: Written,
    done: HashSet<String>,
    lines: Lines,
    saved_at: Timestamp,
}

impl Desk {
    async fn open(app: &App, batch: &mut Batch) -> Result<Self, ApiError> {
        let mut done = HashSet::new();
        let output = batch.output_file_id.clone().unwrap_or_default();
        let errors = batch.error_file_id.clone().unwrap_or_default();
        let good = Written::resume(app, batch, &output, &mut done).await?;
        let bad = Written::resume(app, batch, &errors, &mut done).await?;
        (batch.completed, batch.failed) = (good.lines, bad.lines);
        let input = depot::place(Shelf::Contents, &batch.owner, &batch.wish.input_file_id)?;
        let lines = Lines::new(input, app.parts.limits.body_bytes_max.get());
        Ok(Self { good, bad, done, lines, saved_at: app.parts.clock.now() })
    }

    /// The next request that was not answered yet.
    async fn next(&mut self, app: &App) -> Result<Option<Line>, ApiError> {
        while let Some(line) = self.lines.next(app).await? {
            // The input was read before and does not change.
            let Ok(line) = line else { continue };
            if is_blank(&line) {
                continue;
            }
            let Ok(line) = serde_json::from_slice::<Line>(&line) else { continue };
            if !self.done.contains(&line.custom_id) {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    async fn write(
        &mut self,
        app: &App,
        batch: &mut Batch,
        answers: &[Answered],
    ) -> Result<(), ApiError> {
        self.good.add(app, answers.iter().filter(|it| it.is_good())).await?;
        self.bad.add(app, answers.iter().filter(|it| !it.is_good())).await?;
        (batch.completed, batch.failed) = (self.good.lines, self.bad.lines);
        let now = app.parts.clock.now();
        if now.as_micros() - self.saved_at.as_micros() >= PROGRESS_US {
            self.saved_at = now;
            batch.save(app).await?;
        }
        Ok(())
    }
}

/// Asks what is left; gives how the batch ended, none if the server stops.
async fn work(
    app: &App,
    endpoints: &Router,
    places: &Arc<Semaphore>,
    batch: &mut Batch,
) -> Result<Option<Status>, ApiError> {
    let mut desk = Desk::open(app, batch).await?;
    let mut asked = JoinSet::new();
    let mut next = desk.next(app).await?;
    let mut stopped = None;
    loop {
        tokio::select! {
            biased;
            Some(first) = asked.join_next() => {
                let mut answers = vec![first];
                while answers.len() < TOGETHER_MAX && let Some(more) = asked.try_join_next() {
                    answers.push(more);
                }
                let answers: Result<Vec<Answered>, _> = answers.into_iter().collect();
                let answers = answers.map_err(|cause| ApiError::Panicked(cause.to_string()))?;
                desk.write(app, batch, &answers).await?;
            }
            place = places.clone().acquire_owned(), if stopped.is_none() && next.is_some() => {
                stopped = stop(app, batch).await?;
                let Some(line) = next.take_if(|_| stopped.is_none()) else { continue };
                let shared = (app.clone(), endpoints.clone(), batch.clone());
                asked.spawn(async move {
                    let _place = place;
                    super::line::answer(&shared.0, &shared.1, &shared.2, line).await
                });
                next = desk.next(app).await?;
            }
            else => break,
        }
    }
    match stopped {
        None => Ok(Some(Status::Completed)),
        Some(Stop::Draining) => Ok(None),
        Some(Stop::Cancelled) => Ok(Some(Status::Cancelled)),
        Some(Stop::Expired) => {
            expire(app, batch, &mut desk, next).await?;
            Ok(Some(Status::Expired))
        }
    }
}

/// Says of every request that is left that its time is over.
async fn expire(
    app: &App,
    batch: &mut Batch,
    desk: &mut Desk,
    mut next: Option<Line>,
) -> Result<(), ApiError> {
    while next.is_some() {
        let mut answers = Vec::with_capacity(TOGETHER_MAX);
        while answers.len() < TOGETHER_MAX
            && let Some(line) = next.take()
        {
            let message = "this request was not answered before the batch expired".to_owned();
            let outcome = Outcome::Nothing { code: "batch_expired", message };
            answers.push(Answered { custom_id: line.custom_id, outcome });
            next = desk.next(app).await?;
        }
        desk.write(app, batch, &answers).await?;
    }
    Ok(())
}

/// Makes files of what was written, and says how the batch ended.
async fn end(app: &App, batch: &mut Batch, status: Status) -> Result<(), ApiError> {
    let at = app.parts.clock.now();
    if status != Status::Failed {
        batch.finalizing_at = Some(at);
        batch.save(app).await?;
    }
    for (id, what) in
        [(batch.output_file_id.clone(), "output"), (batch.error_file_id.clone(), "error")]
    {
        let Some(id) = id else { continue };
        let kept = file(app, batch, &id, what, at).await?;
        match what {
            "output" => batch.output_file_id = kept,
            _ => batch.error_file_id = kept,
        }
    }
    batch.cancelling_at = batch.cancelled_at(app).await?;
    batch.status = status;
    batch.ended_at = Some(at);
    batch.expires_at = Some(days_after(at, app.parts.keeping.file_days));
    batch.save(app).await?;
    let cancellation = batch.place(Shelf::Cancellations)?;
    depot::with(app, move |depot| depot.remove(&cancellation)).await?;
    let (id, completed, failed) = (&batch.id, batch.completed, batch.failed);
    info!(completed, failed, "batch `{id}` is {}", status.as_str());
    Ok(())
}

/// The id of what was written, which is its owner's file from now on; none if nothing was.
async fn file(
    app: &App,
    batch: &Batch,
    id: &str,
    what: &str,
    at: Timestamp,
) -> Result<Option<String>, ApiError> {
    let content = depot::place(Shelf::Contents, &batch.owner, id)?;
    let bytes = depot::with(app, move |depot| depot.length(&content)).await?.unwrap_or(0);
    if bytes == 0 {
        return Ok(None);
    }
    let file = StoredFile {
        id: id.to_owned(),
        filename: format!("{}_{what}.jsonl", batch.id),
        purpose: "batch_output".to_owned(),
        bytes,
        created_at: at,
        expires_at: Some(days_after(at, app.parts.keeping.file_days)),
        class: batch.class,
    };
    depot::save(app, depot::place(Shelf::Files, &batch.owner, id)?, &file).await?;
    Ok(Some(id.to_owned()))
}
