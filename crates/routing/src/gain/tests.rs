//! A made-up world in which the truth is known: requests of some topics, each a direction with
//! noise; one of them is where the strong model helps.

use super::*;
use freehold_vocabulary::{Confidence, Probability, Timestamp};

const WIDTH: usize = 16;
const TOPICS: [&str; 4] = ["law", "maths", "history", "cooking"];

/// The chances that the weak and the strong model are right.
const CHANCES: [(f64, f64); 4] = [(0.8, 0.82), (0.3, 0.8), (0.85, 0.85), (0.7, 0.78)];

fn world(n: usize, seed: u64) -> Vec<Judged> {
    let mut random = Random::new(Seed(seed).derive("world"));
    let one = |_| {
        let topic = random.below(TOPICS.len());
        let mut embedding: Vec<f32> = (0..WIDTH).map(|_| random.normal() as f32 * 0.2).collect();
        embedding[topic] += 1.0;
        let (weak, strong) = CHANCES[topic];
        let request = Request::new("How much is 2 + 2?", embedding, Some(TOPICS[topic]));
        Judged { request, weak_right: random.unit() < weak, strong_right: random.unit() < strong }
    };
    (0..n).map(one).collect()
}

fn terms(quality: f64) -> QualityTerms {
    QualityTerms {
        quality_at_least: Probability::new(quality).unwrap(),
        confidence: Confidence::new(0.9).unwrap(),
    }
}

fn subject(model: &GainModel) -> GainSubject {
    GainSubject {
        model: model.digest(),
        data: Digest::of("rows"),
        weak: "small".to_owned(),
        strong: "large".to_owned(),
        certified_at: Timestamp::parse("2026-11-24T12:00:00Z").unwrap(),
    }
}

#[track_caller]
fn refused(rows: &[Judged], words: &[&str]) {
    let message = GainModel::fit(rows, Seed(0)).unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "`{word}` in {message}");
    }
}

#[test]
fn gains_are_found_where_they_are() {
    let model = GainModel::fit(&world(2000, 1), Seed(0)).unwrap();
    let unseen = world(400, 2);
    let requests: Vec<Request> = unseen.iter().map(|it| it.request.clone()).collect();
    for (expected, row) in model.predict_all(&requests).unwrap().iter().zip(&unseen) {
        let place = TOPICS.iter().position(|it| Some(*it) == row.request.topic.as_deref()).unwrap();
        let truth = CHANCES[place].1 - CHANCES[place].0;
        assert!((expected.gain - truth).abs() < 0.15, "{expected:?} against {truth}");
    }
}

#[test]
fn without_topics_embeddings_suffice() {
    let mut rows = world(2000, 3);
    rows.iter_mut().for_each(|it| it.request.topic = None);
    let model = GainModel::fit(&rows, Seed(0)).unwrap();
    let gain = |place: usize| {
        let mut embedding = vec![0.0; WIDTH];
        embedding[place] = 3.0;
        model.predict(&Request::new("", embedding, Some("never seen"))).unwrap().gain
    };
    assert!(gain(1) > 0.35 && gain(2) < 0.15, "{} and {}", gain(1), gain(2));
}

#[test]
fn the_same_seed_gives_the_same_bits_and_one_by_one_is_the_same_as_all() {
    let rows = world(500, 4);
    let model = GainModel::fit(&rows, Seed(7)).unwrap();
    assert_eq!(model.to_bytes(), GainModel::fit(&rows, Seed(7)).unwrap().to_bytes());
    let requests: Vec<Request> = world(70, 5).into_iter().map(|it| it.request).collect();
    let all = model.predict_all(&requests).unwrap();
    for (request, expected) in requests.iter().zip(all) {
        let one = model.predict(request).unwrap();
        assert!((one.gain - expected.gain).abs() < 1e-6, "{one:?} and {expected:?}");
    }
}

#[test]
fn a_file_gives_the_model_back_and_damage_is_noticed() {
    let model = GainModel::fit(&world(300, 6), Seed(0)).unwrap();
    let bytes = model.to_bytes();
    let back = GainModel::from_bytes(&bytes).unwrap();
    assert_eq!(back, model);
    assert_eq!(back.digest(), Digest::of(&bytes));
    for damaged in [&bytes[..bytes.len() - 4], &bytes[..10], b""] {
        assert!(GainModel::from_bytes(damaged).unwrap_err().to_string().contains(GAIN_FILE));
    }
    let mut infinite = bytes.clone();
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let message = GainModel::from_bytes(&infinite).unwrap_err().to_string();
    assert!(message.contains("not finite"), "{message}");
}

#[test]
fn rows_that_cannot_teach_are_refused_with_a_reason() {
    refused(&[], &["judged requests", "there are 0", "200"]);
    refused(&world(199, 7), &["199"]);
    let mut rows = world(300, 7);
    rows[5].request.embedding.pop();
    refused(&rows, &["observation 5", "15 numbers, not 16"]);
    rows[5].request.embedding.push(f32::NAN);
    refused(&rows, &["observation 5", "not finite"]);
    rows.iter_mut().for_each(|it| it.request.embedding.clear());
    refused(&rows, &["width", "is 0"]);
    let mut rows = world(1200, 7);
    rows.iter_mut().enumerate().for_each(|(at, it)| it.request.topic = Some(at.to_string()));
    refused(&rows, &["topics", "1200", "1000"]);
    let model = GainModel::fit(&world(300, 7), Seed(0)).unwrap();
    let message = model.predict(&Request::new("x", vec![1.0; 3], None)).unwrap_err().to_string();
    assert!(message.contains("3 numbers, not 16"), "{message}");
    assert_eq!(model.predict_all(&[]).unwrap(), []);
}

#[test]
fn duplicates_ties_and_constants_are_no_trouble() {
    let one = world(1, 8).remove(0);
    let same = |weak, strong| {
        let row = Judged { weak_right: weak, strong_right: strong, ..one.clone() };
        vec![row; 250]
    };
    for (weak, strong) in [(true, true), (false, true), (true, false), (false, false)] {
        let rows = same(weak, strong);
        let model = GainModel::fit(&rows, Seed(0)).unwrap();
        let expected = model.predict(&one.request).unwrap();
        let truth = f64::from(strong) - f64::from(weak);
        assert!((expected.gain - truth).abs() < 0.02, "{expected:?} against {truth}");
        assert_eq!(expected.stranger, Stranger::No);
        let certificate = model.certify(&rows, terms(0.9), subject(&model)).unwrap();
        assert_eq!(certificate.threshold.is_some(), weak, "{}", certificate.statement());
    }
    let mut zero = world(250, 8);
    zero.iter_mut().for_each(|it| it.request.embedding.fill(0.0));
    let model = GainModel::fit(&zero, Seed(0)).unwrap();
    assert!(model.predict(&zero[0].request).unwrap().gain.is_finite());
}

#[test]
fn what_is_unlike_all_that_was_judged_goes_to_the_strong_model() {
    let model = GainModel::fit(&world(2000, 9), Seed(0)).unwrap();
    let proof = world(4000, 10);
    let certificate = model.certify(&proof, terms(0.95), subject(&model)).unwrap();
    let mut embedding = vec![0.0; WIDTH];
    embedding[3] = -1.0;
    let stranger = model.predict(&Request::new("?", embedding, None)).unwrap();
    assert_eq!(stranger.stranger, Stranger::Yes);
    assert_eq!(certificate.send(&stranger), Sent::Strong);
    let requests: Vec<Request> = proof.into_iter().map(|it| it.request).collect();
    let expected = model.predict_all(&requests).unwrap();
    let strangers = expected.iter().filter(|it| it.stranger == Stranger::Yes).count();
    // One in a hundred is allowed: 40 of 4,000, with four standard errors.
    assert!(strangers < 66, "{strangers} of 4000");
    assert!(expected.iter().any(|it| certificate.send(it) == Sent::Weak));
}

#[test]
fn too_few_rows_certify_nothing_and_more_do() {
    let model = GainModel::fit(&world(2000, 11), Seed(0)).unwrap();
    let certify = |n| model.certify(&world(n, 12), terms(0.98), subject(&model)).unwrap();
    for n in [0, 1, 50] {
        let few = certify(n);
        assert!(
            matches!(few.shortfall, Some(GainShortfall::TooFewRows { found, needed })
                if found == n as u64 && needed > 100 && needed < 1000),
            "{few:?}"
        );
        assert!(few.statement().contains("judge more"), "{}", few.statement());
        let expected = model.predict(&world(1, 13)[0].request).unwrap();
        assert_eq!(few.send(&expected), Sent::Strong);
    }
    let enough = certify(8000);
    assert!(enough.is_intact() && enough.threshold.is_some(), "{}", enough.statement());
    assert!(enough.proved_quality.unwrap() >= 0.98);
    let altered = GainCertificate { threshold: Some(0.9), ..enough };
    assert!(!altered.is_intact());
}

/// Chances of both models, beside what is expected of a fresh request.
type Known = (Expected, (f64, f64));

fn fresh(model: &GainModel, n: usize, seed: u64) -> Vec<Known> {
    let rows = world(n, seed);
    let place = |it: &Judged| {
        TOPICS.iter().position(|topic| Some(*topic) == it.request.topic.as_deref()).unwrap()
    };
    let chances: Vec<(f64, f64)> = rows.iter().map(|it| CHANCES[place(it)]).collect();
    let requests: Vec<Request> = rows.into_iter().map(|it| it.request).collect();
    model.predict_all(&requests).unwrap().into_iter().zip(chances).collect()
}

/// The true quality of a rule as a share of the strong model's.
fn true_quality(certificate: &GainCertificate, fresh: &[Known]) -> f64 {
    let (mut routed, mut all_strong) = (0.0, 0.0);
    for (expected, (weak, strong)) in fresh {
        routed += if certificate.send(expected) == Sent::Weak { weak } else { strong };
        all_strong += strong;
    }
    routed / all_strong
}

#[test]
fn over_a_hundred_draws_at_most_a_tenth_break_their_promise() {
    let model = GainModel::fit(&world(1000, 14), Seed(0)).unwrap();
    let fresh = fresh(&model, 10_000, 15);
    let (mut broken, mut sent) = (0, 0.0);
    for draw in 0..100 {
        let proof = world(1500, 1000 + draw);
        let certificate = model.certify(&proof, terms(0.97), subject(&model)).unwrap();
        broken += u32::from(true_quality(&certificate, &fresh) < 0.97);
        sent += certificate.tally.sent as f64 / certificate.tally.n as f64;
    }
    assert!(broken <= 10, "{broken} of 100");
    // A rule that sends nothing keeps every promise; this one does its work.
    assert!(sent / 100.0 > 0.3, "{sent} %");
}

fn router() -> Router {
    let model = GainModel::fit(&world(2000, 1), Seed(0)).unwrap();
    let certificate = model.certify(&world(2000, 2), terms(0.95), subject(&model)).unwrap();
    let named = |name: &str| NamedModel { name: name.to_owned(), upstream: format!("{name}-1") };
    let (weak, strong) = (named("small"), named("large"));
    let made_for = MadeFor { weak, strong, embedder: Digest::of("embedder") };
    Router { made_for, model, certificate }
}

#[test]
fn a_router_names_its_reasons() {
    let router = router();
    let toward = |place: usize, length: f32| {
        let mut embedding = vec![0.001; WIDTH];
        embedding[place] = length;
        Request::new("How much is 2 + 2?", embedding, Some(TOPICS[place % TOPICS.len()]))
    };
    let mut drift = Drift::default();
    let mut why = |request: &Request| {
        let decided = router.decide(request, &mut drift).unwrap();
        assert_eq!(decided.sent == Sent::Weak, decided.why == Why::LittleToGain);
        decided.why
    };
    assert_eq!(why(&toward(2, 1.0)), Why::LittleToGain);
    assert_eq!(why(&toward(1, 1.0)), Why::MuchToGain);
    assert_eq!(why(&toward(9, 1.0)), Why::OutOfDistribution);
    for _ in 0..100 {
        let _ = why(&toward(9, 1.0));
    }
    // What follows strangers is not trusted either.
    assert_eq!(why(&toward(2, 1.0)), Why::Drifted);
    let certificate = GainCertificate { threshold: None, ..router.certificate.clone() };
    let nothing = Router { certificate, ..router.clone() };
    let decided = nothing.decide(&toward(2, 1.0), &mut Drift::default()).unwrap();
    assert_eq!(decided, Decided::strong(Why::NothingCertified));
}

#[test]
fn a_router_lapses_with_what_it_was_made_for() {
    let router = router();
    let here = router.made_for.clone();
    assert_eq!(router.lapse(&here, terms(0.95)), None);
    assert_eq!(router.lapse(&here, terms(0.9)), None);
    let said = |here: &MadeFor, quality| router.lapse(here, terms(quality)).unwrap();
    assert!(said(&here, 0.98).contains("0.98"));
    let embedder = Digest::of("another");
    assert!(said(&MadeFor { embedder, ..here.clone() }, 0.95).contains("embedder"));
    let strong = NamedModel { upstream: "large-2".to_owned(), ..here.strong.clone() };
    assert!(said(&MadeFor { strong, ..here }, 0.95).contains("large-2"));
}

#[test]
fn a_router_is_read_as_it_was_written_or_not_at_all() {
    let router = router();
    let (bytes, gain) = (router.to_bytes(), router.model.to_bytes());
    let read = Router::from_bytes(&bytes, &gain).unwrap();
    assert_eq!((&read.made_for, &read.certificate), (&router.made_for, &router.certificate));
    let other = GainModel::fit(&world(500, 9), Seed(0)).unwrap().to_bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let sent = router.certificate.tally.sent;
    let forged = text.replace(&format!("\"sent\":{sent}"), "\"sent\":1");
    for (bytes, gain) in [(bytes.as_slice(), &other), (forged.as_bytes(), &gain), (b"{}", &gain)] {
        assert!(Router::from_bytes(bytes, gain).is_err());
    }
}
