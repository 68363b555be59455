//! Which ledger a URL names.

use std::path::PathBuf;

use freehold_ledger::LedgerError;

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file on this machine.
    File(PathBuf),
    /// Lives as long as the object: for tests and for trying things out.
    Memory,
    /// A PostgreSQL server; the whole URL says which.
    Server,
}

/// Reads `sqlite:PATH`, `sqlite://PATH`, `sqlite::memory:` or `postgres://…`.
pub(crate) fn parse(url: &str) -> Result<Place, LedgerError> {
    let unsupported =
        |why: &str| Err(LedgerError::Unsupported { url: without_secret(url), why: why.to_owned() });
    let Some((scheme, rest)) = url.split_once(':') else {
        return unsupported(
            "write `sqlite:` and the path of a file, or `postgres://user@host/database`",
        );
    };
    match (scheme, rest) {
        ("sqlite", ":memory:") => Ok(Place::Memory),
        ("sqlite", path) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                unsupported("the path is missing; write `sqlite:` and the path of a file")
            } else if path.contains(['?', '\0']) {
                unsupported("parameters are not understood; write only the path of a file")
            } else {
                Ok(Place::File(PathBuf::from(path)))
            }
        }
        ("postgres" | "postgresql", rest) => {
            // Without a name the database would be the user's, which nobody meant.
            let path = rest.strip_prefix("//").and_then(|it| it.split_once('/'));
            match path.map(|(_, path)| path.split('?').next().unwrap_or_default()) {
                Some(database) if !database.is_empty() => Ok(Place::Server),
                _ => unsupported("name the database: `postgres://user@host/database`"),
            }
        }
        _ => unsupported("only `sqlite:` and `postgres:` are understood"),
    }
}

/// The URL without what may be a password, for messages.
pub(crate) fn without_secret(url: &str) -> String {
    // Parameters may hold a password too, and the path of a file is no server's.
    let shown = if url.starts_with("sqlite:") { url } else { url.split('?').next().unwrap_or(url) };
    match (shown.find("://"), shown.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://…{}", &shown[..scheme], &shown[at..])
        }
        _ => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Result<Place, &str>) {
        match (parse(url), expected) {
            (Ok(place), Ok(expected)) => assert_eq!(place, expected, "{url}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{url}: {error}");
            }
            (found, expected) => panic!("{url}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_path_is_a_path() {
        check("sqlite:.freehold/ledger.db", Ok(Place::File(".freehold/ledger.db".into())));
        check("sqlite:/var/ledger.db", Ok(Place::File("/var/ledger.db".into())));
        check("sqlite:///var/ledger.db", Ok(Place::File("/var/ledger.db".into())));
        check("sqlite::memory:", Ok(Place::Memory));
        check("postgres://ada@db/freehold?sslmode=require", Ok(Place::Server));
        check("postgresql:///freehold", Ok(Place::Server));
    }

    #[test]
    fn anything_else_is_refused_with_a_remedy() {
        check("", Err("write `sqlite:`"));
        check("ledger.db", Err("write `sqlite:`"));
        check("sqlite:", Err("path is missing"));
        check("sqlite:a.db?mode=ro", Err("parameters are not understood"));
        check("mysql://db", Err("only `sqlite:`"));
        check("postgres:db", Err("name the database"));
        check("postgres://ada@db", Err("name the database"));
        check("postgres://ada@db/?sslmode=require", Err("name the database"));
    }

    #[test]
    fn a_password_is_not_repeated() {
        let message = parse("mysql://ada:hunter2@db/freehold").unwrap_err().to_string();
        assert!(!message.contains("hunter2") && message.contains("@db/freehold"), "{message}");
        let shown = without_secret("postgres://ada:hun@ter2@db/freehold?password=hunter2");
        assert_eq!(shown, "postgres://…@db/freehold");
        assert_eq!(without_secret("sqlite:a@b.db"), "sqlite:a@b.db");
    }
}
