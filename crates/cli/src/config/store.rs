//! `[store]`: where facts, artifacts and traces live. The defaults need no server.

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite:PATH`, or `postgres://USER:${PASSWORD}@HOST/DATABASE`: the password stands in that
    /// variable of the environment, in `PGPASSWORD` or in `~/.pgpass`, never in this file.
    pub ledger: String,
    /// `file:FOLDER`.
    pub artifacts: String,
    /// `file:FOLDER`.
    pub traces: String,
    /// `file:FOLDER` for what callers leave and fetch again, within `[keeping]`.
    pub depot: String,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            ledger: "sqlite:.freehold/ledger.db".to_owned(),
            artifacts: "file:.freehold/artifacts".to_owned(),
            traces: "file:.freehold/traces".to_owned(),
            depot: "file:.freehold/depot".to_owned(),
        }
    }
}

impl StoreConfig {
    /// Refuses a password in the file; the message does not repeat it.
    pub fn check(&self) -> Result<()> {
        match self.password() {
            Some(password) if !password.is_empty() && variable(password).is_none() => bail!(
                "`ledger` holds a password; name a variable of the environment instead, as in `postgres://freehold:${{FREEHOLD_DB_PASSWORD}}@host/database`"
            ),
            _ => Ok(()),
        }
    }

    /// The address of the ledger with the password from the environment in its place.
    pub fn ledger_with_password(
        &self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<String> {
        let Some(name) = self.password().and_then(variable) else { return Ok(self.ledger.clone()) };
        let password = environment(name).with_context(|| {
            format!("[store] ledger: the variable {name} of the environment is not set")
        })?;
        Ok(self.ledger.replacen(&format!("${{{name}}}"), &percent_encoded(&password), 1))
    }

    /// What stands between user and host of a server's address, or among its parameters.
    fn password(&self) -> Option<&str> {
        let (_, rest) = self.ledger.split_once("://")?;
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let in_parameters = parameters.split('&').find_map(|it| it.strip_prefix("password="));
        let in_address = rest.rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
        in_parameters.or(in_address.map(|(_, password)| password))
    }
}

/// The name in `${NAME}`.
fn variable(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}').filter(|name| !name.is_empty())
}

/// A password as an address can hold it.
fn percent_encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ledger: &str, expected: Result<&str, &str>) {
        let store = StoreConfig { ledger: ledger.to_owned(), ..StoreConfig::default() };
        let environment = |name: &str| (name == "PW").then(|| "a@b/c".to_owned());
        let url = store.check().and_then(|()| store.ledger_with_password(environment));
        match (url, expected) {
            (Ok(url), Ok(expected)) => assert_eq!(url, expected),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
                assert!(!error.to_string().contains("hunter2"), "{error}");
            }
            (found, _) => panic!("{ledger}: {found:?}"),
        }
    }

    #[test]
    fn a_password_comes_from_the_environment_only() {
        check("sqlite:.freehold/ledger.db", Ok("sqlite:.freehold/ledger.db"));
        check("postgres://ada@db/freehold", Ok("postgres://ada@db/freehold"));
        check("postgres://ada:${PW}@db/x", Ok("postgres://ada:a%40b%2Fc@db/x"));
        check(
            "postgres://db/x?user=ada&password=${PW}",
            Ok("postgres://db/x?user=ada&password=a%40b%2Fc"),
        );
        check("postgres://ada:hunter2@db/x", Err("holds a password"));
        check("postgres://db/x?password=hunter2", Err("holds a password"));
        check("postgres://ada:${NONE}@db/x", Err("NONE"));
    }
}
