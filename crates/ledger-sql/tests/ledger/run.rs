//! Runs.

use freehold_ledger::{Limit, RunEnd, RunEnding, RunId, RunKind, RunStart, RunStatus};

use crate::{at, digest, each_ledger, refused, task};

fn start(id: &str, of: &str, micros: i64) -> RunStart {
    RunStart { id: RunId::parse(id).unwrap(), task: task(of), kind: RunKind::Train, at: at(micros) }
}

fn end(ending: RunEnding) -> RunEnd {
    RunEnd {
        ending,
        at: at(99),
        record: Some(digest("record")),
        message: Some("accuracy 94 %".into()),
    }
}

#[tokio::test]
async fn a_run_goes_from_start_to_record() {
    each_ledger(async |ledger| {
        let started = ledger.start_run(&start("r1", "a", 1)).await.unwrap();
        assert_eq!(started.status, RunStatus::Running);
        assert_eq!((started.started_at, started.finished_at), (at(1), None));
        let ended = ledger.finish_run(&started.id, &end(RunEnding::Succeeded)).await.unwrap();
        assert_eq!(ended.status, RunStatus::Succeeded);
        assert_eq!((ended.finished_at, &ended.record), (Some(at(99)), &Some(digest("record"))));
        assert_eq!(ended.message.as_deref(), Some("accuracy 94 %"));
        assert_eq!(ledger.find_run(&started.id).await.unwrap(), Some(ended));
    })
    .await;
}

#[tokio::test]
async fn only_a_run_that_has_not_succeeded_is_resumed() {
    each_ledger(async |ledger| {
        let first = ledger.start_run(&start("r1", "a", 1)).await.unwrap();
        for ending in [RunEnding::Interrupted, RunEnding::Failed] {
            ledger.finish_run(&first.id, &end(ending)).await.unwrap();
            // The first start stays, the end is gone.
            assert_eq!(ledger.start_run(&start("r1", "a", 50)).await.unwrap(), first);
        }
        // Killed without a word: still running in the ledger.
        assert_eq!(ledger.start_run(&start("r1", "a", 60)).await.unwrap(), first);
        let message = refused!(Conflict, ledger.start_run(&start("r1", "b", 60)).await);
        assert!(message.contains("of task `a`"), "{message}");
        ledger.finish_run(&first.id, &end(RunEnding::Succeeded)).await.unwrap();
        let message = refused!(Conflict, ledger.start_run(&start("r1", "a", 70)).await);
        assert!(message.contains("already succeeded"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn an_end_is_said_once() {
    each_ledger(async |ledger| {
        let id = RunId::parse("r1").unwrap();
        refused!(Missing, ledger.finish_run(&id, &end(RunEnding::Failed)).await);
        ledger.start_run(&start("r1", "a", 1)).await.unwrap();
        let ended = ledger.finish_run(&id, &end(RunEnding::Failed)).await.unwrap();
        assert_eq!(ledger.finish_run(&id, &end(RunEnding::Failed)).await.unwrap(), ended);
        refused!(Conflict, ledger.finish_run(&id, &end(RunEnding::Succeeded)).await);
        let mut endless = end(RunEnding::Failed);
        endless.message = Some("x".repeat(5000));
        refused!(Invalid, ledger.finish_run(&id, &endless).await);
    })
    .await;
}

#[tokio::test]
async fn the_latest_runs_come_first() {
    each_ledger(async |ledger| {
        for (id, of, micros) in [("r1", "a", 1), ("r2", "b", 2), ("r3", "a", 3), ("r4", "a", 3)] {
            ledger.start_run(&start(id, of, micros)).await.unwrap();
        }
        let ids = async |of: Option<&str>, rows| -> Vec<String> {
            let of = of.map(task);
            let found = ledger.runs(of.as_ref(), Limit::rows(rows)).await.unwrap();
            found.iter().map(|run| run.id.to_string()).collect()
        };
        assert_eq!(ids(None, 9).await, ["r4", "r3", "r2", "r1"]);
        assert_eq!(ids(Some("a"), 2).await, ["r4", "r3"]);
        assert_eq!(ids(Some("c"), 2).await, [""; 0]);
    })
    .await;
}
