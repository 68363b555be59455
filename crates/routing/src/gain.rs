//! The gain of the stronger model over the weaker one, predicted before either answers, and the
//! threshold on it that carries a proof.
//!
//! What matters for routing is not how hard a request is but what the strong model would add:
//! P(strong right) − P(weak right). Three members predict it from requests whose answers by both
//! models were judged: nearest neighbours, a linear head, and the mean of the request's topic. Their
//! words are combined by weights found on rows that the members had not seen. A request unlike all
//! that were judged goes to the strong model, whatever the prediction.
//!
//! Pure functions of data: embeddings come in as vectors. Nothing here knows a price or a clock.

mod algebra;
mod certificate;
pub mod curve;
mod drift;
mod file;
mod linear;
mod neighbours;
pub mod paired;
mod plan;
mod router;
mod stack;
mod surface;
mod topic;

use std::collections::BTreeMap;

use freehold_vocabulary::{Digest, Random, Seed};

use crate::RoutingError;
use algebra::Matrix;
pub use certificate::{GainCertificate, GainShortfall, GainSubject};
pub use drift::{Drift, Standing};
pub use file::GAIN_FILE;
use linear::Head;
use neighbours::{Near, Neighbours, unit};
pub use paired::{QualityTerms, Sent, Tally};
use plan::Plan;
pub use router::{Decided, MadeFor, NamedModel, ROUTER_FILE, Router, Why};
use stack::Stack;
pub use surface::{SURFACE_WIDTH, surface};
use topic::Topics;

/// Fewer judged requests teach nothing.
pub const ROWS_MIN: usize = 200;
/// More would make exact search slow and the file large.
pub const ROWS_MAX: usize = 200_000;
/// Wider embeddings are not those of a small encoder.
const WIDTH_MAX: usize = 4096;
/// Topics beyond this are not topics.
const TOPICS_MAX: usize = 1000;
/// Parts of the rows that take turns at being unseen.
const FOLDS: u8 = 5;
/// The share of requests like the judged ones that may be taken for strangers.
const FALSE_ALARM_RATE: f64 = 0.01;
/// Cosines of the same vectors differ by so much with the order of their sums.
const ROUNDING: f64 = 1e-5;
/// The penalty of the linear heads.
const PENALTY: f64 = 1.0;
/// How large a topic's own input of the linear heads is, beside embeddings of length one.
const TOPIC_SCALE: f64 = 0.7;
/// How large the surface numbers are.
const SURFACE_SCALE: f64 = 0.3;

/// What is known of a request before it is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// By a small encoder, the same for all requests; any length, as only the direction counts.
    pub embedding: Vec<f32>,
    pub surface: [f32; SURFACE_WIDTH],
    /// The task or topic, where there is one.
    pub topic: Option<String>,
}

impl Request {
    /// A request of that text.
    #[must_use]
    pub fn new(text: &str, embedding: Vec<f32>, topic: Option<&str>) -> Self {
        Self { embedding, surface: surface(text), topic: topic.map(str::to_owned) }
    }
}

/// A request to which both models' answers were judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub request: Request,
    pub weak_right: bool,
    pub strong_right: bool,
}

impl Judged {
    fn gain(&self) -> f64 {
        f64::from(u8::from(self.strong_right)) - f64::from(u8::from(self.weak_right))
    }
}

/// What is expected of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// P(strong right) − P(weak right), as far as anyone can tell.
    pub gain: f64,
    /// What each member says, for explanations.
    pub members: Members,
    /// Unlike all judged requests: the gain means nothing.
    pub stranger: Stranger,
}

/// The gain by each member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Members {
    pub neighbours: f64,
    pub linear: f64,
    pub topic: f64,
}

/// Whether a request is like those that were judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    No,
    Yes,
}

impl Expected {
    /// What thresholds are compared with: a stranger's is above every threshold.
    #[must_use]
    pub fn score(&self) -> f64 {
        if self.stranger == Stranger::Yes { f64::INFINITY } else { self.gain }
    }
}

/// Predicts gains. Made by [`GainModel::fit`], kept as one file, named by its digest.
#[derive(Debug, Clone, PartialEq)]
pub struct GainModel {
    neighbours: Neighbours,
    /// Positions of the topics among the inputs of the heads.
    places: BTreeMap<String, usize>,
    weak: Head,
    strong: Head,
    topics: Topics,
    stack: Stack,
    /// Distances above it are strangers'.
    strange_from: f64,
    /// Thresholds worth testing, and how they fared on rows that the members had not seen.
    plan: Plan,
}

impl GainModel {
    /// Learns from judged requests. The seed divides them into folds.
    ///
    /// # Errors
    /// When there are too few or too many rows, or their embeddings differ in width or hold a
    /// number that is not finite.
    pub fn fit(rows: &[Judged], seed: Seed) -> Result<Self, RoutingError> {
        let width = check(rows)?;
        let data = rows.iter().flat_map(|it| unit(&it.request.embedding)).collect();
        let gains: Vec<f64> = rows.iter().map(Judged::gain).collect();
        let neighbours = Neighbours {
            embeddings: Matrix::new(width, data),
            gains: gains.iter().map(|&it| it as f32).collect(),
        };
        let fold_of = folds(rows.len(), seed);
        let places = places(rows)?;
        let inputs = inputs(&neighbours.embeddings, rows.iter().map(|it| &it.request), &places);
        let material = Material { rows, inputs: &inputs, gains: &gains };
        let near = neighbours.near_across(&fold_of);
        let mut unseen = vec![0.0; rows.len() * WORDS];
        for fold in 0..FOLDS {
            let (of, not): (Vec<usize>, Vec<usize>) =
                (0..rows.len()).partition(|&it| fold_of[it] == fold);
            let learnt = material.learn(&not)?;
            for row in of {
                let words = learnt.words(near[row], inputs.row(row), topic_of(&rows[row].request));
                unseen[row * WORDS..(row + 1) * WORDS].copy_from_slice(&words.list());
            }
        }
        let unseen = Matrix::new(WORDS, unseen);
        let stack = Stack::fit(&unseen, &gains).ok_or_else(singular)?;
        let all: Vec<usize> = (0..rows.len()).collect();
        let Learnt { weak, strong, topics } = material.learn(&all)?;
        let strange_from = strange_from(&near);
        let scores = (0..rows.len()).map(|row| {
            let strange = near[row].distance > strange_from;
            if strange { f64::INFINITY } else { stack.combine(unseen.row(row)) }
        });
        let outcomes = rows.iter().map(|it| (it.weak_right, it.strong_right));
        let plan = Plan::new(scores.zip(outcomes).collect());
        Ok(Self { neighbours, places, weak, strong, topics, stack, strange_from, plan })
    }

    /// The numbers that an embedding must have.
    #[must_use]
    pub fn embedding_width(&self) -> usize {
        self.neighbours.embeddings.width
    }

    /// Judged requests behind the model.
    #[must_use]
    pub fn judged(&self) -> usize {
        self.neighbours.gains.len()
    }

    /// What is expected of one request.
    ///
    /// # Errors
    /// When the embedding has another width or holds a number that is not finite.
    pub fn predict(&self, request: &Request) -> Result<Expected, RoutingError> {
        Ok(self.predict_all(std::slice::from_ref(request))?[0])
    }

    /// What is expected of each request; the same as one by one.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn predict_all(&self, requests: &[Request]) -> Result<Vec<Expected>, RoutingError> {
        let width = self.embedding_width();
        check_embeddings(requests.iter(), width)?;
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let data = requests.iter().flat_map(|it| unit(&it.embedding)).collect();
        let embeddings = Matrix::new(width, data);
        let inputs = inputs(&embeddings, requests.iter(), &self.places);
        let near = self.neighbours.near(&embeddings);
        let expected = requests.iter().zip(near).enumerate().map(|(row, (request, near))| {
            let members = words(
                (&self.weak, &self.strong, &self.topics),
                near,
                inputs.row(row),
                topic_of(request),
            );
            let strange = near.distance > self.strange_from;
            let stranger = if strange { Stranger::Yes } else { Stranger::No };
            Expected { gain: self.stack.combine(&members.list()), members, stranger }
        });
        Ok(expected.collect())
    }

    /// Finds the largest share of requests that may go to the weak model, by `rows` that the model
    /// was not fitted on: without enough of them, none.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn certify(
        &self,
        rows: &[Judged],
        terms: QualityTerms,
        subject: GainSubject,
    ) -> Result<GainCertificate, RoutingError> {
        let requests: Vec<Request> = rows.iter().map(|it| it.request.clone()).collect();
        let expected = self.predict_all(&requests)?;
        let trials: Vec<Trial> = expected
            .iter()
            .zip(rows)
            .map(|(it, row)| (it.score(), (row.weak_right, row.strong_right)))
            .collect();
        Ok(GainCertificate::new(subject, terms, self.plan.walk(&trials, terms)))
    }

    /// The digest of [`Self::to_bytes`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_bytes())
    }
}

/// A score, and whether the weak and the strong answer were right.
pub(crate) type Trial = (f64, (bool, bool));

/// How many members there are.
const WORDS: usize = 3;

impl Members {
    fn list(self) -> [f64; WORDS] {
        [self.neighbours, self.linear, self.topic]
    }
}

struct Material<'a> {
    rows: &'a [Judged],
    inputs: &'a Matrix<f64>,
    gains: &'a [f64],
}

/// The members that are learnt from rows alone.
struct Learnt {
    weak: Head,
    strong: Head,
    topics: Topics,
}

impl Material<'_> {
    fn learn(&self, positions: &[usize]) -> Result<Learnt, RoutingError> {
        let outcomes = |right: fn(&Judged) -> bool| -> Vec<f64> {
            positions.iter().map(|&it| f64::from(u8::from(right(&self.rows[it])))).collect()
        };
        let (weak, strong) = (outcomes(|it| it.weak_right), outcomes(|it| it.strong_right));
        let inputs = self.inputs.select(positions);
        let [weak, strong] =
            linear::fit(&inputs, [&weak, &strong], PENALTY).ok_or_else(singular)?;
        let of = |&it: &usize| (topic_of(&self.rows[it].request), self.gains[it]);
        Ok(Learnt { weak, strong, topics: Topics::fit(positions.iter().map(of)) })
    }
}

impl Learnt {
    fn words(&self, near: Near, inputs: &[f64], topic: Option<&str>) -> Members {
        words((&self.weak, &self.strong, &self.topics), near, inputs, topic)
    }
}

fn words(
    (weak, strong, topics): (&Head, &Head, &Topics),
    near: Near,
    inputs: &[f64],
    topic: Option<&str>,
) -> Members {
    Members {
        neighbours: near.gain,
        linear: strong.probability(inputs) - weak.probability(inputs),
        topic: topics.gain(topic),
    }
}

fn topic_of(request: &Request) -> Option<&str> {
    request.topic.as_deref()
}

/// The inputs of the heads: embedding, surface, and a one where the topic stands.
fn inputs<'a>(
    embeddings: &Matrix<f32>,
    requests: impl Iterator<Item = &'a Request>,
    places: &BTreeMap<String, usize>,
) -> Matrix<f64> {
    let width = embeddings.width + SURFACE_WIDTH + places.len();
    let mut data = Vec::with_capacity(embeddings.rows() * width);
    for (row, request) in requests.enumerate() {
        data.extend(embeddings.row(row).iter().map(|&it| f64::from(it)));
        data.extend(request.surface.iter().map(|&it| SURFACE_SCALE * f64::from(it)));
        let topics = data.len();
        data.resize(topics + places.len(), 0.0);
        if let Some(place) = topic_of(request).and_then(|it| places.get(it)) {
            data[topics + place] = TOPIC_SCALE;
        }
    }
    Matrix::new(width, data)
}

fn places(rows: &[Judged]) -> Result<BTreeMap<String, usize>, RoutingError> {
    let mut places = BTreeMap::new();
    for topic in rows.iter().filter_map(|it| topic_of(&it.request)) {
        places.entry(topic.to_owned()).or_insert(0);
    }
    places.values_mut().enumerate().for_each(|(place, it)| *it = place);
    if places.len() > TOPICS_MAX {
        let found = places.len().to_string();
        let expected = "at most 1000; leave the topic out where it is not one of a few";
        return Err(RoutingError::Request { what: "the number of topics", found, expected });
    }
    Ok(places)
}

/// Equal folds, drawn by the seed.
fn folds(n: usize, seed: Seed) -> Vec<u8> {
    let mut folds: Vec<u8> = (0..n).map(|it| (it % usize::from(FOLDS)) as u8).collect();
    Random::new(seed.derive("folds of a gain model")).shuffle(&mut folds);
    folds
}

/// The distance that all but a few of the judged requests stay within (split conformal rank; rows
/// looked for neighbours in other folds only, so that fewer strangers are seen than allowed).
fn strange_from(near: &[Near]) -> f64 {
    let mut distances: Vec<f64> = near.iter().map(|it| it.distance).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let n = distances.len();
    let rank = ((n + 1) as f64 * (1.0 - FALSE_ALARM_RATE)).ceil() as usize;
    distances[rank.clamp(1, n) - 1] + ROUNDING
}

fn check(rows: &[Judged]) -> Result<usize, RoutingError> {
    let found = rows.len();
    if found < ROWS_MIN {
        let what = "judged requests for a gain model";
        return Err(RoutingError::TooFew { what, found, needed: ROWS_MIN });
    }
    if found > ROWS_MAX {
        let (what, expected) = ("the number of judged requests", "at most 200000; draw a sample");
        return Err(RoutingError::Request { what, found: found.to_string(), expected });
    }
    let width = rows[0].request.embedding.len();
    if width == 0 || width > WIDTH_MAX {
        let (what, expected) = ("the width of the embeddings", "1 to 4096");
        return Err(RoutingError::Request { what, found: width.to_string(), expected });
    }
    check_embeddings(rows.iter().map(|it| &it.request), width)?;
    Ok(width)
}

fn check_embeddings<'a>(
    requests: impl Iterator<Item = &'a Request>,
    width: usize,
) -> Result<(), RoutingError> {
    for (position, request) in requests.enumerate() {
        let embedding = &request.embedding;
        let problem = if embedding.len() != width {
            format!("has an embedding of {} numbers, not {width}", embedding.len())
        } else if !embedding.iter().chain(&request.surface).all(|it| it.is_finite()) {
            "holds a number that is not finite".to_owned()
        } else {
            continue;
        };
        return Err(RoutingError::Observation { part: "gain", position, problem });
    }
    Ok(())
}

fn singular() -> RoutingError {
    let what = "the judged requests";
    RoutingError::Request { what, found: "degenerate".to_owned(), expected: "finite numbers" }
}

#[cfg(test)]
mod tests;
