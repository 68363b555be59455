//! What leaves, through the real gateway and engines, to a provider that keeps every byte.

mod corpus;
mod redaction;
mod rules;
mod tricks;

use std::sync::Arc;

use freehold_deidentification::requests::RequestDetector;
use freehold_gateway::{Egress, GenerativeModel};
use freehold_ledger::{AuditRepository as _, Limit, Sequence};
use freehold_vocabulary::DataClass;
use freehold_vocabulary::audit::act::Egress as Left;
use freehold_vocabulary::audit::{Act, ActKind, Decision};
use freehold_vocabulary::egress::{Allow, EgressPolicy};

use crate::support::{Server, Setup, StandIn, served, tickets};

/// These models with the detectors on; every engine has the rule of its own clearance.
fn egress(models: &[GenerativeModel]) -> Egress {
    let engines = models.iter().map(|it| &it.engine.card().clearance);
    let allow = engines.map(Allow::to_engine).collect();
    Egress {
        policy: EgressPolicy { allow, ..EgressPolicy::default() },
        default_class: DataClass::Public,
        identifiers: Some(Arc::new(RequestDetector::default())),
        ..Egress::default()
    }
}

async fn start(models: Vec<GenerativeModel>, egress: Egress, access: Setup) -> Server {
    let models: Vec<Arc<GenerativeModel>> = models.into_iter().map(Arc::new).collect();
    let portfolio = tickets().with_models(&models, egress).unwrap();
    Server::start(Setup { portfolio, ..access }).await
}

/// `large` at a provider that may see public data only.
async fn public_cloud() -> (Server, StandIn) {
    let cloud = StandIn::start().await;
    let models = vec![served("large", cloud.engine("cloud", DataClass::Public), &[])];
    let egress = egress(&models);
    (start(models, egress, Setup::default()).await, cloud)
}

/// Every decision of the server, in order.
async fn decisions(server: &Server) -> Vec<Left> {
    let limit = Limit::rows(1000);
    let (mut all, mut after) = (Vec::new(), Sequence::START);
    loop {
        let records = server.ledger.audit_records(Some(ActKind::Egress), after, limit).await;
        let records = records.unwrap();
        let Some(last) = records.last() else { return all };
        after = Sequence(i64::try_from(last.sequence).unwrap());
        all.extend(records.into_iter().filter_map(|it| match it.act {
            Act::Egress(egress) => Some(egress),
            _ => None,
        }));
    }
}

/// Nothing above a clearance was let through, and nothing reached the provider that was not.
async fn nothing_else_left(server: &Server, cloud: &StandIn) {
    let decisions = decisions(server).await;
    let allowed = decisions.iter().filter(|it| it.decision == Decision::Allowed);
    let allowed: Vec<&Left> = allowed.collect();
    assert!(allowed.iter().all(|it| it.data_class <= it.clearance), "{allowed:?}");
    assert_eq!(allowed.len(), cloud.seen().len(), "{decisions:?}");
}
