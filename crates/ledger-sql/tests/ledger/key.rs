//! API keys.

use freehold_ledger::{Key, KeyName};

use crate::{at, digest, each_ledger, refused};

fn key(name: &str, secret: &str) -> Key {
    let name = KeyName::parse(name).unwrap();
    Key { expires_at: Some(at(100)), ..Key::new(name, digest(secret), "fh_1234", at(1)) }
}

#[tokio::test]
async fn a_key_is_found_by_the_hash_of_its_secret_only() {
    each_ledger(async |ledger| {
        let mut plain = key("a", "one");
        plain.expires_at = None;
        ledger.add_key(&key("b", "two"), "ada").await.unwrap();
        ledger.add_key(&plain, "ada").await.unwrap();
        assert_eq!(ledger.find_key(&digest("two")).await.unwrap(), Some(key("b", "two")));
        assert_eq!(ledger.find_key(&digest("three")).await.unwrap(), None);
        assert_eq!(ledger.keys().await.unwrap(), [plain, key("b", "two")]);
    })
    .await;
}

#[tokio::test]
async fn names_and_secrets_are_taken_once() {
    each_ledger(async |ledger| {
        ledger.add_key(&key("a", "one"), "ada").await.unwrap();
        ledger.revoke_key(&KeyName::parse("a").unwrap(), "ada", at(2)).await.unwrap();
        for again in [key("a", "two"), key("b", "one")] {
            let message = refused!(Conflict, ledger.add_key(&again, "ada").await);
            assert!(message.contains("key `a`"), "{message}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_first_revocation_counts() {
    each_ledger(async |ledger| {
        let name = KeyName::parse("a").unwrap();
        refused!(Missing, ledger.revoke_key(&name, "ada", at(2)).await);
        ledger.add_key(&key("a", "one"), "ada").await.unwrap();
        for micros in [7, 9] {
            let revoked = ledger.revoke_key(&name, "ada", at(micros)).await.unwrap();
            assert_eq!(revoked.revoked_at, Some(at(7)));
            assert!(!revoked.is_valid_at(at(8)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_prefix_that_gives_the_secret_away_is_refused() {
    each_ledger(async |ledger| {
        let mut loose = key("a", "one");
        loose.prefix = "x".repeat(17);
        refused!(Invalid, ledger.add_key(&loose, "ada").await);
    })
    .await;
}
