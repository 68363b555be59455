//! From a version back to the data.

use freehold_artifacts::{ArtifactKind, Link, LinkRole, NewArtifact, NodeState};
use freehold_vocabulary::Digest;
use freehold_vocabulary::ports::Silent;

use crate::{
    dataset, file, model_version, new_store, overwrite, put_dataset, put_version, refused,
};

#[test]
fn everything_behind_a_version_is_found_once() {
    let (_folder, store) = new_store();
    let old = put_dataset(&store, "old");
    let data = store.put(&dataset("new", &[&old]), &Silent).unwrap();
    let base = Digest::of("a base that was never stored");
    let run = NewArtifact {
        kind: ArtifactKind::Run,
        files: vec![file("run.json", "{}")],
        links: vec![
            Link { role: LinkRole::Dataset, digest: data.clone() },
            Link { role: LinkRole::Base, digest: base.clone() },
        ],
        about: serde_json::Value::Null,
    };
    let run = store.put(&run, &Silent).unwrap();
    let mut version = model_version(&data, &run);
    version.lineage.base = Some(base.clone());
    let first = put_version(&store, &version);
    let evaluation = NewArtifact {
        kind: ArtifactKind::Evaluation,
        files: vec![file("report.json", "{}")],
        links: vec![Link { role: LinkRole::Version, digest: first.clone() }],
        about: serde_json::Value::Null,
    };
    let evaluation = store.put(&evaluation, &Silent).unwrap();
    version.lineage.evaluation = Some(evaluation.clone());
    version.lineage.parent = Some(first.clone());
    let second = put_version(&store, &version);

    let graph = store.lineage(&second).unwrap();
    assert_eq!(graph.nodes[0].digest, second);
    let mut found: Vec<&Digest> = graph.nodes.iter().map(|node| &node.digest).collect();
    found.sort();
    let mut expected = [&second, &first, &evaluation, &run, &data, &old, &base];
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(graph.find(&base).unwrap().state, NodeState::Missing);
    let NodeState::Present { kind, links } = &graph.find(&second).unwrap().state else {
        panic!("it is there")
    };
    assert_eq!(*kind, ArtifactKind::ModelVersion);
    let mut roles: Vec<LinkRole> = links.iter().map(|link| link.role).collect();
    roles.sort();
    use LinkRole::{Base, Dataset, Evaluation, Parent, Run};
    assert_eq!(roles, [Base, Dataset, Evaluation, Parent, Run]);
}

#[test]
fn a_gap_is_part_of_the_answer() {
    let (_folder, store) = new_store();
    let old = put_dataset(&store, "old");
    let data = store.put(&dataset("new", &[&old]), &Silent).unwrap();
    overwrite(&store.root().join("blobs/sha256").join(old.hex()), b"{}");
    let graph = store.lineage(&data).unwrap();
    assert!(matches!(graph.find(&old).unwrap().state, NodeState::Damaged { .. }));
    refused!(NotFound, store.lineage(&Digest::of("nothing")));
}
