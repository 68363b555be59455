//! The adversarial corpus: every identifier that the detectors know, in every place and disguise,
//! against a provider that may see public data only.
//!
//! What stands openly must never get out, wherever it stands. What disguises get past is measured
//! and written down: `snapshots/…what_gets_past.snap` is the honest table.

use freehold_deidentification::recognisers::RECOGNISERS;
use freehold_deidentification::requests::Classes;
use freehold_vocabulary::DataClass;
use insta::assert_snapshot;

use super::tricks::{DISGUISES, PLACES, Sample, Trick};
use super::{nothing_else_left, public_cloud};

/// The first example of every recogniser whose kind is not public.
fn samples() -> Vec<Sample> {
    let classes = Classes::default();
    let public = |kind: &str| {
        let kind = kind.to_ascii_lowercase();
        classes.iter().any(|(it, class)| it.as_str() == kind && class == DataClass::Public)
    };
    let hidden = RECOGNISERS.iter().filter(|it| !public(it.kind.as_str()));
    let samples = hidden.map(|it| {
        let (before, rest) = it.found[0].split_once('⟦').unwrap();
        let (identifier, after) = rest.split_once('⟧').unwrap();
        let owned = |it: &str| it.replace(['⟦', '⟧'], "");
        Sample { before: owned(before), identifier: owned(identifier), after: owned(after) }
    });
    samples.collect()
}

/// How many of the samples were held back. The provider has seen the others and nothing else.
async fn held_back(trick: &Trick, samples: &[Sample]) -> Vec<bool> {
    let (server, cloud) = public_cloud().await;
    let mut client = server.client().await;
    let mut held = Vec::new();
    for sample in samples {
        let (path, body) = (trick.asked)(sample);
        let before = cloud.seen().len();
        let reply = client.post(path, &body.to_string()).await;
        let reached = cloud.seen().len() > before;
        let denied = reply.status == 403;
        assert!(denied || reply.status == 200, "{}: {body}: {}", trick.name, reply.text);
        assert_eq!(denied, !reached, "{}: {body}", trick.name);
        held.push(denied);
    }
    nothing_else_left(&server, &cloud).await;
    held
}

#[tokio::test]
async fn an_open_identifier_gets_out_from_nowhere() {
    let samples = samples();
    assert!(samples.len() > 60, "{}", samples.len());
    for trick in PLACES {
        let held = held_back(trick, &samples).await;
        let out = samples.iter().zip(held).filter(|(_, held)| !held).map(|(it, _)| it);
        let out: Vec<&Sample> = out.collect();
        assert!(out.is_empty(), "{}: {out:?}", trick.name);
    }
}

/// Wilson's interval at 95 %, as `evaluation` computes it.
fn wilson(successes: usize, n: usize) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let (n, p) = (n as f64, successes as f64 / n as f64);
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

#[tokio::test]
async fn what_disguises_get_past_is_written_down() {
    let samples = samples();
    let mut table = String::from("held back of n, share and 95 % interval\n");
    for trick in DISGUISES {
        let held = held_back(trick, &samples).await.into_iter().filter(|it| *it).count();
        let (low, high) = wilson(held, samples.len());
        let share = held as f64 / samples.len() as f64;
        let row = format!(
            "{:<30} {held:>3} of {}  {share:.3} ({low:.3}–{high:.3})\n",
            trick.name,
            samples.len()
        );
        table.push_str(&row);
    }
    assert_snapshot!("what_gets_past", table);
}
