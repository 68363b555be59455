//! Organisations, teams, users, and what their keys may do.

use freehold_ledger::{
    Account, AccountChange, Allowed, CapRequest, Key, KeyChange, KeyName, Ledger, Limit, Measure,
    Party, Role, Sequence, Tags, Window,
};

use freehold_ledger::KeyRepository as _;
use freehold_ledger_sql::SqlLedger;
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::{at, digest, each_ledger, on_server, refused, url_in};

pub fn party(text: &str) -> Party {
    Party::parse(text).unwrap()
}

pub fn account(text: &str, parent: Option<&str>) -> Account {
    Account {
        party: party(text),
        parent: parent.map(party),
        allowed: Allowed::default(),
        tags: Tags::new(),
        created_at: at(1),
        closed_at: None,
    }
}

pub fn allowed(names: &[&str]) -> Allowed {
    Allowed(names.iter().map(ToString::to_string).collect())
}

pub fn key(name: &str, owner: Option<&str>) -> Key {
    let key = Key::new(KeyName::parse(name).unwrap(), digest(name), "fh-", at(1));
    Key { owner: owner.map(party), ..key }
}

/// `acme` with a team, a user and her key.
pub async fn house(ledger: &dyn Ledger) {
    ledger.add_account(&account("organisation/acme", None), "ada").await.unwrap();
    ledger.add_account(&account("team/support", Some("organisation/acme")), "ada").await.unwrap();
    ledger.add_account(&account("user/bob", Some("team/support")), "ada").await.unwrap();
    ledger.add_key(&key("ci", Some("user/bob")), "ada").await.unwrap();
}

#[tokio::test]
async fn a_key_is_found_with_everyone_above_it_and_their_limits() {
    each_ledger(async |ledger| {
        house(&*ledger).await;
        ledger.add_key(&key("stray", None), "ada").await.unwrap();
        for (text, amount) in [("organisation/acme", 9), ("key/ci", 5), ("key/stray", 1)] {
            let request = CapRequest {
                party: party(text),
                measure: Measure::Requests,
                per: Window::Day,
                at_most: Some(amount),
                why: "spring".into(),
            };
            ledger.set_cap(&request, "ada", at(2)).await.unwrap();
        }
        let grant = ledger.find_grant(&digest("ci")).await.unwrap().unwrap();
        assert_eq!(grant.key, key("ci", Some("user/bob")));
        let above: Vec<String> = grant.accounts.iter().map(|it| it.party.to_string()).collect();
        assert_eq!(above, ["user/bob", "team/support", "organisation/acme"]);
        let caps: Vec<String> = grant.caps.iter().map(freehold_ledger::Cap::name).collect();
        assert_eq!(caps, ["key/ci requests per day", "organisation/acme requests per day"]);
        let stray = ledger.find_grant(&digest("stray")).await.unwrap().unwrap();
        assert_eq!((stray.accounts.len(), stray.caps.len()), (0, 1));
        assert_eq!(ledger.find_grant(&digest("nobody")).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn no_level_allows_what_one_above_forbids() {
    each_ledger(async |ledger| {
        house(&*ledger).await;
        let forbid =
            AccountChange { allowed: Some(allowed(&["own-*"])), ..AccountChange::default() };
        ledger.change_account(&party("organisation/acme"), &forbid, "ada", at(2)).await.unwrap();
        let change =
            KeyChange { allowed: Some(allowed(&["own-small", "gpt"])), ..KeyChange::default() };
        let name = KeyName::parse("ci").unwrap();
        ledger.change_key(&name, &change, "ada", at(3)).await.unwrap();
        let grant = ledger.find_grant(&digest("ci")).await.unwrap().unwrap();
        for (model, expected) in [("own-small", true), ("own-large", false), ("gpt", false)] {
            assert_eq!(grant.allows(model), expected, "{model}");
        }
        assert!(grant.is_valid_at(at(4)));
        ledger.close_account(&party("team/support"), "ada", at(5)).await.unwrap();
        let grant = ledger.find_grant(&digest("ci")).await.unwrap().unwrap();
        assert!(grant.is_valid_at(at(4)) && !grant.is_valid_at(at(5)));
    })
    .await;
}

#[tokio::test]
async fn whoever_is_not_there_owns_nothing() {
    each_ledger(async |ledger| {
        house(&*ledger).await;
        refused!(Missing, ledger.add_key(&key("x", Some("team/none")), "ada").await);
        refused!(Missing, ledger.add_account(&account("user/x", Some("team/none")), "ada").await);
        refused!(Conflict, ledger.add_account(&account("user/bob", None), "ada").await);
        refused!(Invalid, ledger.add_account(&account("team/x", Some("user/bob")), "ada").await);
        refused!(Invalid, ledger.add_account(&account("key/x", None), "ada").await);
        let change =
            AccountChange { parent: Some(Some(party("team/none"))), ..AccountChange::default() };
        refused!(Missing, ledger.change_account(&party("user/bob"), &change, "ada", at(2)).await);
        assert_eq!(ledger.accounts().await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_new_secret_ends_the_old_one_and_nothing_revives_a_revoked_key() {
    each_ledger(async |ledger| {
        house(&*ledger).await;
        let name = KeyName::parse("ci").unwrap();
        let secret = Some((digest("new"), "fh-new".to_owned()));
        let change = KeyChange { secret, ..KeyChange::default() };
        ledger.change_key(&name, &change, "ada", at(2)).await.unwrap();
        assert!(ledger.find_key(&digest("ci")).await.unwrap().is_none());
        assert_eq!(ledger.find_key(&digest("new")).await.unwrap().unwrap().prefix, "fh-new");
        ledger.add_key(&key("other", None), "ada").await.unwrap();
        refused!(
            Conflict,
            ledger.change_key(&key("other", None).name, &change, "ada", at(3)).await
        );
        ledger.revoke_key(&name, "ada", at(4)).await.unwrap();
        refused!(Conflict, ledger.change_key(&name, &change, "ada", at(5)).await);
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_tells_who_changed_what() {
    each_ledger(async |ledger| {
        house(&*ledger).await;
        let name = KeyName::parse("ci").unwrap();
        let change = KeyChange { role: Some(Role::Monitor), ..KeyChange::default() };
        ledger.change_key(&name, &change, "bob", at(2)).await.unwrap();
        ledger.change_key(&name, &change, "bob", at(3)).await.unwrap();
        let tags = Some(Tags::from([("cost-centre".to_owned(), "4711".to_owned())]));
        let change = AccountChange { tags, ..AccountChange::default() };
        ledger.change_account(&party("team/support"), &change, "bob", at(4)).await.unwrap();
        ledger.close_account(&party("user/bob"), "bob", at(5)).await.unwrap();
        ledger.close_account(&party("user/bob"), "bob", at(6)).await.unwrap();
        let all = ledger.audit_records(None, Sequence::START, Limit::PAGE).await.unwrap();
        let told: Vec<String> = all
            .iter()
            .map(|it| {
                let act = serde_json::to_value(&it.act).unwrap();
                format!("{} {} {}", it.actor, it.subject, act["detail"]["fields"])
            })
            .collect();
        assert_eq!(
            told,
            [
                r#"ada organisation/acme {"allowed":"*","owner":"nobody","state":"created","tags":""}"#,
                r#"ada team/support {"allowed":"*","owner":"organisation/acme","state":"created","tags":""}"#,
                r#"ada user/bob {"allowed":"*","owner":"team/support","state":"created","tags":""}"#,
                r#"ada ci {"owner":"user/bob"}"#,
                r#"bob ci {"role":"monitor"}"#,
                r#"bob team/support {"tags":"cost-centre=4711"}"#,
                r#"bob user/bob {"state":"closed"}"#,
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn keys_from_before_belong_to_nobody_and_open_as_they_did() {
    let folder = TempDir::new().unwrap();
    let file = url_in(&folder);
    let path = folder.path().join("state/ledger.db");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = sqlx::sqlite::SqlitePool::connect_with(options).await.unwrap();
    for step in [
        include_str!("../../migrations/0001_the_first_tables.sql"),
        include_str!("../../migrations/0002_the_audit_log.sql"),
        "pragma application_id = 0x46524844; pragma user_version = 2;",
    ] {
        sqlx::raw_sql(step).execute(&pool).await.unwrap();
    }
    let server = on_server();
    let database = server.rsplit_once('/').unwrap().1;
    for step in [
        include_str!("../../migrations/postgres/0001_the_first_tables.sql"),
        include_str!("../../migrations/postgres/0002_the_audit_log.sql"),
        "create table freehold_schema (version bigint not null); insert into freehold_schema values (2)",
    ] {
        Postgres::shared().execute(database, step).unwrap();
    }
    let key_of_old = |hash: &str| {
        format!(
            "insert into api_key (name, hash, prefix, created_at) values ('old', '{hash}', 'fh-', 1)"
        )
    };
    let insert = key_of_old(&digest("old").to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(insert.clone())).execute(&pool).await.unwrap();
    Postgres::shared().execute(database, &insert).unwrap();
    pool.close().await;
    for url in [file, server] {
        let ledger = SqlLedger::open(&url).await.unwrap();
        let grant = ledger.find_grant(&digest("old")).await.unwrap().unwrap();
        assert_eq!(grant.key, key("old", None));
        assert!(grant.is_valid_at(at(5)) && grant.allows("anything") && grant.caps.is_empty());
    }
}
