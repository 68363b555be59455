//! How sensitive a request is: what the portfolio says of the model, and what the caller adds.

use axum::http::HeaderMap;
use freehold_vocabulary::DataClass;
use freehold_vocabulary::egress::{Classified, Origin};

use crate::app::{Offer, shown};
use crate::error::ApiError;

/// Callers raise the class of one request with it; lowering has no effect.
pub(crate) const HEADER: &str = "x-freehold-data-class";

/// What the header says.
///
/// # Errors
/// When it is no class: a word that nobody understands must not let data out.
pub(crate) fn stated(headers: &HeaderMap) -> Result<Option<DataClass>, ApiError> {
    let mut highest = None;
    for value in headers.get_all(HEADER) {
        let text = value.to_str().unwrap_or("(not text)").trim();
        let class = serde_json::from_value::<DataClass>(text.to_ascii_lowercase().into());
        let class = class.map_err(|_cause| {
            let message = format!(
                "the header `{HEADER}` says `{}`; it is one of public, internal, confidential, restricted",
                shown(text)
            );
            ApiError::invalid_field(HEADER, message)
        })?;
        highest = highest.max(Some(class));
    }
    Ok(highest)
}

/// A request with the highest class that anybody stated.
pub(crate) fn classified<T>(request: T, offer: &Offer, stated: Option<DataClass>) -> Classified<T> {
    let named = offer.chain[0].model.data_class.unwrap_or(offer.egress.default_class);
    let classified = Classified::new(request, named, Origin::Task);
    match stated {
        None => classified,
        Some(class) => classified.join(class, Origin::Header),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: Result<Option<DataClass>, ()>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        assert_eq!(stated(&headers).map_err(|_| ()), expected, "{values:?}");
    }

    #[test]
    fn the_highest_word_counts_and_an_unknown_one_is_an_error() {
        check(&[], Ok(None));
        check(&[" Restricted "], Ok(Some(DataClass::Restricted)));
        check(&["public", "confidential"], Ok(Some(DataClass::Confidential)));
        for bad in ["", "secret", "public, restricted", "\"public\""] {
            check(&[bad], Err(()));
            check(&["public", bad], Err(()));
        }
    }
}
