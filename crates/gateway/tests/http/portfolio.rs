//! What cannot be served is refused before it takes traffic.

use freehold_gateway::{Deployed, DeployedTier, Portfolio, PortfolioError};
use freehold_vocabulary::{LabelMode, Tier, Timestamp};

use crate::support::{WordEngine, deployed, policy, task};

fn deploy(engines: Vec<WordEngine>) -> Result<Deployed, PortfolioError> {
    let tiers = engines.into_iter().map(|engine| DeployedTier {
        policy: policy(&engine),
        engine: std::sync::Arc::new(engine),
    });
    let task = task("tickets", LabelMode::Single);
    Deployed::new(task, tiers.collect(), Timestamp::from_micros(0))
}

#[track_caller]
fn check<T: std::fmt::Debug>(found: Result<T, PortfolioError>, part: &str) {
    let error = found.unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn a_route_goes_upwards_and_has_a_tier() {
    let engine = |tier| WordEngine::new(tier, &["a", "b"]);
    check(deploy(Vec::new()), "promote a model first");
    check(deploy(vec![engine(Tier::Small), engine(Tier::Micro)]), "order the route upwards");
    assert_eq!(deploy(vec![engine(Tier::Micro), engine(Tier::Small)]).unwrap().tiers().len(), 2);
}

#[test]
fn a_policy_belongs_to_its_model() {
    let engine = WordEngine::new(Tier::Micro, &["a", "b"]);
    let other = WordEngine::new(Tier::Micro, &["a", "b", "c"]);
    let tier = DeployedTier { policy: policy(&other), engine: std::sync::Arc::new(engine) };
    let single = task("tickets", LabelMode::Single);
    check(Deployed::new(single, vec![tier], Timestamp::from_micros(0)), "calibrate again");
    check(deploy(vec![WordEngine::new(Tier::Micro, &["a", "b"]).multi()]), "calibrate again");
}

#[test]
fn versions_with_other_labels_are_served_side_by_side() {
    let old = WordEngine::new(Tier::Micro, &["b", "a"]);
    let new = WordEngine::new(Tier::Small, &["a", "c"]);
    let deployed = deploy(vec![old, new]).unwrap();
    let labels: Vec<&str> = deployed.labels().as_slice().iter().map(|it| it.as_str()).collect();
    assert_eq!(labels, ["a", "b", "c"]);
}

#[test]
fn a_task_is_deployed_once() {
    let once = || {
        let engine = WordEngine::new(Tier::Micro, &["a", "b"]);
        deployed(task("tickets", LabelMode::Single), vec![engine])
    };
    check(Portfolio::new(vec![once(), once()]), "deployed twice");
}
