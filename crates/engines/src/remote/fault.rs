//! From an HTTP answer or a broken connection to the error that says what the caller can do.

use std::time::Duration;

use freehold_vocabulary::EngineName;
use freehold_vocabulary::chat::ChatError;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::wire::{Said, Trouble};
use super::{AwsAccess, Secret};

/// Providers' sentences longer than this are cut.
const MESSAGE_CHARS_MAX: usize = 600;
/// Nobody waits longer than this for a server's convenience.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Who failed, and what must not be repeated in the message.
#[derive(Debug, Clone)]
pub(super) struct Blame {
    pub(super) engine: EngineName,
    pub(super) key: Option<Secret>,
    pub(super) aws: Option<AwsAccess>,
}

impl Blame {
    /// The error behind a status of 300 or more, or behind an error inside a stream.
    pub(super) fn said(&self, said: Said, model: &str, headers: &HeaderMap) -> ChatError {
        let engine = self.engine.clone();
        let Said { status, code, message, retry_after_ms } = said;
        let message = self.clean(&message);
        let retry_after =
            retry_after(headers).or_else(|| retry_after_ms.map(Duration::from_millis));
        let retry_after = retry_after.map(|it| it.min(RETRY_AFTER_MAX));
        match status {
            300..=399 => {
                let to = headers.get("location").and_then(|it| it.to_str().ok()).unwrap_or("?");
                let to = self.clean(to);
                let reason = format!("a redirect ({status}) to `{to}`, which is never followed");
                ChatError::Malformed { engine, reason }
            }
            401..=403 => ChatError::Unauthorised { engine, status, message },
            404 => ChatError::UnknownModel { engine, model: model.to_owned(), message },
            429 => ChatError::RateLimited { engine, retry_after, message },
            408 | 409 | 425 | 500.. => {
                ChatError::Unavailable { engine, status, retry_after, message }
            }
            _ => ChatError::Refused { engine, status, code, message },
        }
    }

    /// The error behind an answer that is wrong in itself.
    pub(super) fn trouble(&self, trouble: Trouble, model: &str) -> ChatError {
        let engine = self.engine.clone();
        match trouble {
            Trouble::Unreadable(reason) => {
                ChatError::Malformed { engine, reason: self.clean(&reason) }
            }
            Trouble::Cut(reason) => ChatError::Truncated { engine, reason: self.clean(&reason) },
            Trouble::Said(said) => self.said(said, model, &HeaderMap::new()),
        }
    }

    /// The error behind a request that got no answer.
    /// No connection, no work; one that broke after the request was sent may have cost something.
    pub(super) fn unreachable(&self, error: &reqwest::Error) -> ChatError {
        if !error.is_connect() {
            return self.broken(error);
        }
        ChatError::Connection { engine: self.engine.clone(), reason: self.causes(error) }
    }

    /// The error behind an answer whose connection broke.
    pub(super) fn broken(&self, error: &reqwest::Error) -> ChatError {
        ChatError::Truncated { engine: self.engine.clone(), reason: self.causes(error) }
    }

    /// The chain of causes, without the address, which may carry what should not be logged.
    fn causes(&self, error: &reqwest::Error) -> String {
        let mut causes = Vec::new();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        causes.dedup();
        if causes.is_empty() {
            causes.push("the connection failed".to_owned());
        }
        self.clean(&causes.join(": "))
    }

    fn clean(&self, text: &str) -> String {
        let keys = self.aws.as_ref().and_then(|it| it.keys().ok());
        let keys = keys.into_iter().flat_map(|it| [Some(it.secret_key), it.session_token]);
        let secrets = keys.flatten().chain(self.key.clone());
        let text = secrets.fold(text.to_owned(), |text, it| it.scrub(&text));
        let visible = |it: char| if it.is_control() { ' ' } else { it };
        text.trim().chars().take(MESSAGE_CHARS_MAX).map(visible).collect()
    }
}

/// `retry-after-ms` (OpenAI, Azure), or `retry-after` in seconds or as a date. A date is held
/// against the server's own, so that clocks need not agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|it| it.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let after = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let parse = |it: &str| jiff::fmt::rfc2822::parse(it).ok();
    let (then, now) = (parse(after)?, parse(text(DATE.as_str())?)?);
    then.timestamp().duration_since(now.timestamp()).try_into().ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], expected_ms: Option<u64>) {
        let map = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let said = retry_after(&map.collect());
        assert_eq!(said, expected_ms.map(Duration::from_millis), "{headers:?}");
    }

    #[test]
    fn servers_say_in_three_ways_how_long_to_wait() {
        check(&[("retry-after", "2")], Some(2000));
        check(&[("retry-after", "0.5")], Some(500));
        check(&[("retry-after-ms", "120"), ("retry-after", "9")], Some(120));
        let (date, later) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:47 GMT");
        check(&[("date", date), ("retry-after", later)], Some(10_000));
        check(&[("date", later), ("retry-after", date)], None);
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "-1")], None);
        check(&[], None);
    }
}
