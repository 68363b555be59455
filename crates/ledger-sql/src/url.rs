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
}

/// Reads `sqlite:PATH`, `sqlite://PATH` or `sqlite::memory:`.
pub(crate) fn parse(url: &str) -> Result<Place, LedgerError> {
    let unsupported =
        |why: &str| Err(LedgerError::Unsupported { url: without_secret(url), why: why.to_owned() });
    let Some((scheme, rest)) = url.split_once(':') else {
        return unsupported("write `sqlite:` and the path of a file");
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
        ("postgres" | "postgresql", _) => unsupported(
            "PostgreSQL is not built yet; use `sqlite:` and the path of a file on a local disk",
        ),
        _ => unsupported("only `sqlite:` and the path of a file is understood"),
    }
}

/// The URL without what may be a password, for messages.
fn without_secret(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://…{}", &url[..scheme], &url[at..])
        }
        _ => url.to_owned(),
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
    }

    #[test]
    fn anything_else_is_refused_with_a_remedy() {
        check("", Err("write `sqlite:`"));
        check("ledger.db", Err("write `sqlite:`"));
        check("sqlite:", Err("path is missing"));
        check("sqlite:a.db?mode=ro", Err("parameters are not understood"));
        check("mysql://db", Err("only `sqlite:`"));
        check("postgres://db/freehold", Err("not built yet"));
    }

    #[test]
    fn a_password_is_not_repeated() {
        let message = parse("postgres://ada:hunter2@db/freehold").unwrap_err().to_string();
        assert!(!message.contains("hunter2") && message.contains("@db/freehold"), "{message}");
    }
}
