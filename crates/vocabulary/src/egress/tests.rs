use std::collections::BTreeSet;

use super::*;
use crate::{DataClass, EngineName};

fn engine(name: &str, clearance: DataClass, region: Option<&str>) -> EngineClearance {
    EngineClearance {
        engine: EngineName::parse(name).unwrap(),
        clearance,
        region: region.map(|it| Region::parse(it).unwrap()),
        owner: Some("other".to_owned()),
        place: Place::Remote,
    }
}

fn policy(engines: &[&EngineClearance]) -> EgressPolicy {
    let eu = Scope::Only(BTreeSet::from([Region::parse("eu").unwrap()]));
    let limit = RegionLimit {
        name: "gdpr".to_owned(),
        class_at_least: DataClass::Confidential,
        regions: eu,
        owners: Scope::Any,
    };
    EgressPolicy {
        allow: engines.iter().map(|it| Allow::to_engine(it)).collect(),
        limits: vec![limit],
    }
}

/// What the policy says of a class at an engine: the rule that allows, or `!` and the one that
/// denies.
#[track_caller]
fn check(policy: &EgressPolicy, class: DataClass, engine: &EngineClearance, expected: &str) {
    let request = Classified::new("text", class, Origin::Task);
    let said = match policy.clear(&request, engine) {
        Ok(cleared) => {
            assert_eq!(cleared.record().class, class);
            cleared.record().rule.clone()
        }
        Err(denied) => format!("!{}", denied.rule),
    };
    assert_eq!(said, expected, "{class} at {engine:?}");
}

#[test]
fn nothing_leaves_without_a_rule() {
    let remote = engine("far", DataClass::Restricted, Some("eu"));
    check(&EgressPolicy::default(), DataClass::Public, &remote, "!default");
    let here = EngineClearance::here(EngineName::parse("own").unwrap(), DataClass::Internal);
    check(&EgressPolicy::default(), DataClass::Internal, &here, "in-process");
    check(&EgressPolicy::default(), DataClass::Confidential, &here, "!clearance");
}

#[test]
fn class_clearance_and_region_are_asked_in_this_order() {
    use DataClass::{Confidential, Internal, Public, Restricted};
    let us = engine("us", Confidential, Some("us"));
    let eu = engine("eu", Confidential, Some("eu"));
    let unknown = engine("unknown", Restricted, None);
    let rules = policy(&[&us, &eu, &unknown]);
    check(&rules, Public, &us, "engines.us.clearance");
    check(&rules, Internal, &us, "engines.us.clearance");
    check(&rules, Confidential, &us, "!gdpr");
    check(&rules, Restricted, &us, "!clearance");
    check(&rules, Confidential, &eu, "engines.eu.clearance");
    check(&rules, Confidential, &unknown, "!gdpr");
    check(&rules, Internal, &unknown, "engines.unknown.clearance");
    check(&rules, Public, &engine("stranger", Restricted, Some("eu")), "!default");
}

#[test]
fn the_highest_class_counts_and_never_falls() {
    let request = Classified::new("text", DataClass::Confidential, Origin::Task)
        .join(DataClass::Public, Origin::Header)
        .join(DataClass::Internal, Origin::Detector("iban".to_owned()));
    assert_eq!(request.class(), DataClass::Confidential);
    assert_eq!(request.found().len(), 3);
    assert_eq!(request.with(|it| *it = "other").class(), DataClass::Confidential);
}

#[test]
fn a_cleared_request_opens_only_for_its_engine_as_it_was() {
    let us = engine("us", DataClass::Internal, Some("us"));
    let request = Classified::new("text", DataClass::Internal, Origin::Task);
    let cleared = policy(&[&us]).clear(&request, &us).unwrap();
    assert_eq!(cleared.open(&us), Ok(&"text"));
    for other in [
        engine("eu", DataClass::Internal, Some("us")),
        engine("us", DataClass::Public, Some("us")),
        engine("us", DataClass::Internal, None),
    ] {
        assert!(cleared.open(&other).is_err(), "{other:?}");
    }
    assert!(!format!("{cleared:?}").contains("text"), "the request is not in logs");
}

#[test]
fn a_redaction_lowers_the_class_by_rule_only_and_not_below_what_caller_and_key_say() {
    use DataClass::{Confidential, Internal, Public, Restricted};
    let found = Classified::new("jane", Internal, Origin::Task)
        .join(Restricted, Origin::Detector("us_ssn".to_owned()));
    assert_eq!(found.redacted("<X_1>", None).class(), Restricted);
    let check = |request: &Classified<&str>, rule, expected| {
        let redacted = request.redacted("<X_1>", Some(rule));
        assert_eq!((redacted.class(), *redacted.request()), (expected, "<X_1>"), "{rule}");
    };
    check(&found, Internal, Internal);
    check(&found, Public, Public);
    let stated = found.clone().join(Confidential, Origin::Header);
    check(&stated, Internal, Confidential);
    check(&found.join(Restricted, Origin::Key), Internal, Restricted);
    // A rule that says more than was known raises nothing.
    check(&Classified::new("jane", Internal, Origin::Task), Restricted, Internal);
    let again = stated.redacted("<X_1>", Some(Public));
    assert_eq!(again.join(Restricted, Origin::Detector("email".to_owned())).class(), Restricted);
}

#[test]
fn a_key_reaches_its_engines_only_also_after_a_redaction() {
    let (us, eu) =
        (engine("us", DataClass::Restricted, None), engine("eu", DataClass::Restricted, None));
    let here = EngineClearance::here(EngineName::parse("own").unwrap(), DataClass::Restricted);
    let rules =
        EgressPolicy { allow: [&us, &eu].map(Allow::to_engine).to_vec(), limits: Vec::new() };
    let engines = BTreeSet::from([EngineName::parse("eu").unwrap()]);
    let of_key = std::sync::Arc::new(EnginesOfKey { rule: "keys.ci".to_owned(), engines });
    let request = Classified::new("text", DataClass::Public, Origin::Task).only(of_key);
    for request in [request.clone(), request.redacted("t", None), request.with(|it| *it = "u")] {
        assert_eq!(rules.clear(&request, &us).unwrap_err().rule, "keys.ci");
        assert_eq!(rules.clear(&request, &here).unwrap_err().rule, "keys.ci");
        assert_eq!(rules.clear(&request, &eu).unwrap().record().rule, "engines.eu.clearance");
    }
}

#[test]
fn a_limit_may_name_owners() {
    let limit = RegionLimit {
        name: "ours".to_owned(),
        class_at_least: DataClass::Internal,
        regions: Scope::Any,
        owners: Scope::Only(BTreeSet::from(["acme".to_owned()])),
    };
    let theirs = engine("theirs", DataClass::Restricted, None);
    let ours = EngineClearance { owner: Some("acme".to_owned()), ..theirs.clone() };
    let unknown = EngineClearance { owner: None, ..theirs.clone() };
    let allow = vec![Allow::to_engine(&theirs)];
    let rules = EgressPolicy { allow, limits: vec![limit] };
    check(&rules, DataClass::Public, &theirs, "engines.theirs.clearance");
    check(&rules, DataClass::Internal, &theirs, "!ours");
    check(&rules, DataClass::Internal, &unknown, "!ours");
    check(&rules, DataClass::Internal, &ours, "engines.theirs.clearance");
}
