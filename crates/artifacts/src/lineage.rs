//! From any artifact back to everything that it was made from.

use std::collections::BTreeSet;

use freehold_vocabulary::Digest;
use serde::Serialize;

use crate::{ArtifactError, ArtifactKind, Link, Store};

/// Most artifacts that one walk visits.
const NODES_MAX: usize = 10_000;

/// An artifact and everything behind it. Every link leads to a node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageGraph {
    /// Breadth first; the artifact that was asked for comes first.
    pub nodes: Vec<LineageNode>,
}

/// One artifact of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageNode {
    pub digest: Digest,
    #[serde(flatten)]
    pub state: NodeState,
}

/// Whether the store can tell more about an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum NodeState {
    Present {
        kind: ArtifactKind,
        links: Vec<Link>,
    },
    /// It was never stored here, or not with what points at it.
    Missing,
    Damaged {
        why: String,
    },
}

impl LineageGraph {
    /// The node of a digest.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<&LineageNode> {
        self.nodes.iter().find(|node| node.digest == *digest)
    }
}

impl Store {
    /// Walks back from an artifact.
    ///
    /// # Errors
    /// `NotFound` when the store does not have that artifact, `Refused` when there are more than
    /// ten thousand behind it. Gaps further back are nodes, not errors.
    pub fn lineage(&self, digest: &Digest) -> Result<LineageGraph, ArtifactError> {
        let mut nodes = vec![self.lineage_node(digest)?];
        if nodes[0].state == NodeState::Missing {
            return Err(ArtifactError::NotFound {
                what: format!("artifact {digest} in the store"),
            });
        }
        let mut seen = BTreeSet::from([digest.clone()]);
        let mut next = 0;
        while next < nodes.len() {
            if let NodeState::Present { links, .. } = nodes[next].state.clone() {
                for link in links {
                    if seen.insert(link.digest.clone()) {
                        nodes.push(self.lineage_node(&link.digest)?);
                    }
                }
            }
            if nodes.len() > NODES_MAX {
                let why = format!("more than {NODES_MAX} artifacts are behind it");
                return Err(ArtifactError::refused(format!("the lineage of {digest}"), why));
            }
            next += 1;
        }
        Ok(LineageGraph { nodes })
    }

    fn lineage_node(&self, digest: &Digest) -> Result<LineageNode, ArtifactError> {
        let state = match self.get(digest) {
            Ok(artifact) => {
                NodeState::Present { kind: artifact.kind(), links: artifact.links().to_vec() }
            }
            Err(ArtifactError::NotFound { .. }) => NodeState::Missing,
            Err(error @ ArtifactError::Damaged { .. }) => {
                NodeState::Damaged { why: error.to_string() }
            }
            Err(other) => return Err(other),
        };
        Ok(LineageNode { digest: digest.clone(), state })
    }
}
