//! The audit log as an officer, a stranger and an enemy meet it.

use freehold_ledger::AuditRepository as _;
use freehold_ledger_sql::SqlLedger;
use freehold_vocabulary::audit::{Act, AuditDraft, Egress, Sending, Word};
use freehold_vocabulary::egress::{Allow, Classified, EgressPolicy, EngineClearance, Origin};
use freehold_vocabulary::egress::{Place, Region};
use freehold_vocabulary::{DataClass, EngineName, TaskName, Timestamp, TraceId};
use serde_json::{Value, json};

use crate::portfolio::Portfolio;

/// A portfolio with four keys made and ended: eight records.
fn with_records() -> Portfolio {
    let portfolio = Portfolio::new();
    for name in ["one", "two", "three", "four"] {
        portfolio.run(&["keys", "add", name]);
        portfolio.run(&["keys", "revoke", name]);
    }
    portfolio
}

fn ledger(portfolio: &Portfolio) -> String {
    portfolio.path().join(".freehold/ledger.db").to_str().unwrap().to_owned()
}

/// The script of strangers and enemies, on the real file.
fn python(portfolio: &Portfolio, arguments: &[&str]) -> String {
    let python = std::env::var("FREEHOLD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/audit.py");
    let (action, rest) = arguments.split_first().unwrap();
    let output = std::process::Command::new(python)
        .args([script, action, &ledger(portfolio)])
        .args(rest)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_stranger_comes_to_the_same_chain_and_the_same_root() {
    let portfolio = with_records();
    let state: Value = serde_json::from_str(&python(&portfolio, &["state"])).unwrap();
    let printed = portfolio.run(&["audit", "checkpoint"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].starts_with("freehold/") && lines[0].ends_with("/audit"), "{printed}");
    assert_eq!(state, json!({ "size": 8, "root": lines[2] }));
    assert_eq!(lines[1], "8");
    let verdict = portfolio.json(&["audit", "verify"]);
    assert_eq!((&verdict["records"], &verdict["faults_found"]), (&json!(8), &json!(0)));
}

#[test]
fn every_way_of_tampering_is_found_where_it_was_done() {
    let cases = [
        ("flip", "record 3 does not follow"),
        ("flip-hash", "record 3 does not follow"),
        ("delete", "record 3 is missing"),
        ("delete-and-close", "record 3 was written as record 4"),
        ("reorder", "record 3 was written as record 4"),
        ("insert", "record 9 does not follow"),
        ("insert-before", "record -7 was written as record 1"),
        ("key-valid-again", "key `two`, which is valid again"),
        ("truncate-the-log-only", "nothing of this, or otherwise: key `four`"),
    ];
    for (how, expected) in cases {
        let portfolio = with_records();
        python(&portfolio, &["tamper", how]);
        let error = portfolio.fails(3, &["audit", "verify"]);
        assert!(error.contains(expected), "{how}: {error}");
        let output = portfolio.output(&["audit", "verify", "--json"]);
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3));
        let found = verdict["faults"][0]["record"].is_i64() || verdict["unrecorded"][0].is_string();
        assert!(found, "{verdict}");
    }
}

#[test]
fn what_the_chain_cannot_tell_a_checkpoint_from_elsewhere_does() {
    let cases = [("truncate", "cut off at record 6"), ("rewrite", "between record 1 and record 8")];
    for (how, expected) in cases {
        let portfolio = with_records();
        let elsewhere = tempfile::tempdir().unwrap();
        let kept = elsewhere.path().join("checkpoint").to_str().unwrap().to_owned();
        portfolio.run(&["audit", "checkpoint", "--out", &kept]);
        let verify = ["audit", "verify", "--checkpoint", &kept];
        portfolio.run(&verify);
        python(&portfolio, &["tamper", how]);
        portfolio.run(&["audit", "verify"]);
        let error = portfolio.fails(3, &verify);
        assert!(error.contains(expected), "{how}: {error}");
        // A checkpoint that was kept is not overwritten.
        let error = portfolio.fails(1, &["audit", "checkpoint", "--out", &kept]);
        assert!(error.contains("choose a new file"), "{error}");
    }
}

/// An older copy of the whole file, put back: the way in which most logs are cut off.
#[test]
fn an_older_copy_of_the_file_is_found_by_a_checkpoint() {
    let portfolio = with_records();
    python(&portfolio, &["state"]);
    let old = std::fs::read(ledger(&portfolio)).unwrap();
    portfolio.run(&["keys", "add", "late"]);
    let kept = portfolio.path().join("kept").to_str().unwrap().to_owned();
    portfolio.run(&["audit", "checkpoint", "--out", &kept]);
    python(&portfolio, &["state"]);
    std::fs::write(ledger(&portfolio), old).unwrap();
    portfolio.run(&["audit", "verify"]);
    let error = portfolio.fails(3, &["audit", "verify", "--checkpoint", &kept]);
    assert!(error.contains("cut off at record 9"), "{error}");
}

/// One byte of the file itself.
#[test]
fn a_byte_flipped_on_the_disk_is_found() {
    let portfolio = with_records();
    python(&portfolio, &["state"]);
    let path = ledger(&portfolio);
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"\"subject\":\"three\"";
    let place = bytes.windows(needle.len()).position(|it| it == needle).unwrap();
    bytes[place + needle.len() - 2] = b'f';
    std::fs::write(&path, bytes).unwrap();
    let error = portfolio.fails(3, &["audit", "verify"]);
    assert!(error.contains("does not follow"), "{error}");
}

#[test]
fn checkpoints_of_other_logs_and_other_files_are_refused() {
    let portfolio = with_records();
    let kept = portfolio.path().join("kept");
    let verify = ["audit", "verify", "--checkpoint", "kept"];
    std::fs::write(&kept, "other/audit\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
        .unwrap();
    assert!(portfolio.fails(1, &verify).contains("the checkpoint is of `other/audit`"));
    std::fs::write(&kept, "not a checkpoint").unwrap();
    assert!(portfolio.fails(1, &verify).contains("not a checkpoint"));
    assert!(portfolio.fails(1, &["audit", "show", "99"]).contains("no record 99"));
}

#[test]
fn acts_of_the_command_line_are_on_record_with_who_did_them() {
    let portfolio = Portfolio::deployed();
    portfolio.run(&["keys", "add", "app", "--by", "ada"]);
    portfolio.run(&["keys", "revoke", "app", "--by", "bob"]);
    let tail = portfolio.json(&["audit", "tail", "-n", "2"]);
    assert_eq!((&tail[0]["act"], &tail[0]["actor"]), (&json!("key_created"), &json!("ada")));
    assert_eq!((&tail[1]["act"], &tail[1]["actor"]), (&json!("key_revoked"), &json!("bob")));
    let moves = portfolio.json(&["audit", "show", "--kind", "alias_moved"]);
    let micro = moves.as_array().unwrap().last().unwrap();
    assert_eq!(micro["subject"], "ticket-triage@micro");
    assert_eq!(
        (&micro["detail"]["gate"], &micro["detail"]["why"]),
        (&json!("passed"), &json!("first"))
    );
    let shown = portfolio.run(&["audit", "show", "1"]);
    assert!(shown.contains("candidate-micro") && shown.contains("hash "), "{shown}");
    portfolio.run(&["audit", "verify"]);
}

#[test]
fn one_record_is_proved_to_whoever_holds_a_checkpoint() {
    let portfolio = with_records();
    let jsonl = portfolio.run(&["audit", "export", "--kind", "key_created", "--format", "jsonl"]);
    std::fs::write(portfolio.path().join("line"), jsonl.lines().nth(1).unwrap()).unwrap();
    portfolio.run(&["audit", "prove", "3", "--out", "proof"]);
    portfolio.run(&["audit", "checkpoint", "--out", "kept"]);
    let check = ["audit", "prove", "3", "--check", "proof", "--line", "line"];
    portfolio.run(&check);
    let with_checkpoint = [&check[..], &["--checkpoint", "kept"]].concat();
    portfolio.run(&with_checkpoint);
    std::fs::write(portfolio.path().join("line"), jsonl.lines().nth(2).unwrap()).unwrap();
    let error = portfolio.fails(3, &check);
    assert!(error.contains("record 3 is not proved"), "{error}");
}

fn engine(name: &str, region: Option<&str>) -> EngineClearance {
    EngineClearance {
        region: region.map(|it| Region::parse(it).unwrap()),
        owner: Some(format!("{name} inc")),
        place: Place::Remote,
        ..EngineClearance::here(EngineName::parse(name).unwrap(), DataClass::Internal)
    }
}

/// What a gateway records: decisions of the policy itself, on two days.
fn decisions() -> Vec<AuditDraft> {
    let engines = [engine("alpha", Some("eu")), engine("beta", None)];
    let policy = EgressPolicy { allow: vec![Allow::to_engine(&engines[0])], ..Default::default() };
    let start = Timestamp::parse("2026-11-20T23:59:59Z").unwrap().as_micros();
    let mut drafts = Vec::new();
    for (number, class) in
        (0i64..).zip([DataClass::Public, DataClass::Internal, DataClass::Restricted])
    {
        for it in &engines {
            let at = Timestamp::from_micros(start + number * 1_000_000);
            let trace = TraceId::new(at, 7);
            let sending = Sending { bytes: 100, tokens: (number == 0).then_some(20) };
            let request = Classified::new("never in the log", class, Origin::Task);
            let egress = match policy.clear(&request, it) {
                Ok(cleared) => Egress::allowed(cleared.record(), trace, sending),
                Err(denied) => Egress::denied(&denied, it, trace, sending),
            };
            let egress = egress
                .of_task(TaskName::parse("ticket-triage").unwrap())
                .with_redacted([(Word::parse("email").unwrap(), 2)].into());
            let (actor, subject) = ("app".to_owned(), it.engine.to_string());
            drafts.push(AuditDraft { at, actor, subject, act: Act::Egress(egress) });
        }
    }
    drafts
}

fn with_egress() -> Portfolio {
    let portfolio = Portfolio::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = SqlLedger::open(&format!("sqlite:{}", ledger(&portfolio))).await.unwrap();
        ledger.append_audit(&decisions()).await.unwrap();
        ledger.close().await;
    });
    portfolio
}

#[test]
fn everything_that_left_is_exported_by_rule_engine_region_and_period() {
    let portfolio = with_egress();
    let csv = portfolio.run(&["audit", "export", "--by", "rule,engine,region"]);
    let expected = "rule,engine,region,allowed,denied,bytes_left,tokens_left,tokens_unknown,replaced\n\
                    clearance,alpha,eu,0,1,0,0,0,0\n\
                    clearance,beta,,0,1,0,0,0,0\n\
                    default,beta,,0,2,0,0,0,0\n\
                    engines.alpha.clearance,alpha,eu,2,0,200,20,1,4\n";
    assert_eq!(csv, expected);
    let days = portfolio.json(&["audit", "export", "--by", "period"]);
    assert_eq!((&days[0]["period"], &days[0]["allowed"]), (&json!("2026-11-20"), &json!(1)));
    assert_eq!((&days[1]["period"], &days[1]["denied"]), (&json!("2026-11-21"), &json!(3)));
    let month = portfolio.json(&["audit", "export", "--by", "period", "--period", "month"]);
    assert_eq!(month.as_array().unwrap().len(), 1);
    let day = ["--from", "2026-11-20", "--to", "2026-11-21"];
    let rows = portfolio.run(&[&["audit", "export", "--format", "csv"][..], &day].concat());
    assert_eq!(rows.lines().count(), 3);
    assert!(rows.contains(r#","{""email"":2}""#), "{rows}");
    // Every export is on record, with the digest of what was given out.
    let last = portfolio.json(&["audit", "tail", "-n", "1"]);
    assert_eq!((&last[0]["act"], &last[0]["detail"]["rows"]), (&json!("exported"), &json!(2)));
    assert_eq!(last[0]["detail"]["digest"], json!(freehold_vocabulary::Digest::of(&rows)));
    portfolio.run(&["audit", "verify"]);
}

#[test]
fn an_export_to_a_file_says_what_it_wrote() {
    let portfolio = with_egress();
    let written = portfolio.json(&["audit", "export", "--format", "jsonl", "--out", "left.jsonl"]);
    let text = std::fs::read_to_string(portfolio.path().join("left.jsonl")).unwrap();
    assert_eq!(written["digest"], json!(freehold_vocabulary::Digest::of(&text)));
    assert_eq!((text.lines().count(), &written["rows"]), (6, &json!(6)));
    assert!(!text.contains("never in the log"));
    let error = portfolio.fails(1, &["audit", "export", "--out", "left.jsonl"]);
    assert!(error.contains("choose a new file"), "{error}");
    let error = portfolio.fails(1, &["audit", "export", "--kind", "exported", "--by", "rule"]);
    assert!(error.contains("sums up egress"), "{error}");
    portfolio.fails(2, &["audit", "export", "--from", "yesterday"]);
}
