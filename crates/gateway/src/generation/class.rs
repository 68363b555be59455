//! How sensitive a request is: what the portfolio says of the model, what the caller adds, what
//! detectors find in its texts, and what its conversation was before.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use freehold_vocabulary::DataClass;
use freehold_vocabulary::audit::Word;
use freehold_vocabulary::chat::Leaves;
use freehold_vocabulary::egress::{Classified, Origin};
use freehold_vocabulary::ports::{Found, Identifiers};

use super::Asking;
use super::conversation::{Conversing, Past};
use crate::app::{App, Offer, shown};
use crate::error::ApiError;

/// Texts up to this length are searched at once: a few milliseconds.
const INLINE_BYTES_MAX: usize = 16 << 10;

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

/// A request with the highest class that anybody stated or found, and what was found in it.
#[derive(Debug)]
pub(crate) struct Judged<T> {
    pub(crate) request: Classified<T>,
    /// How many identifiers of each kind.
    pub(crate) found: BTreeMap<Word, u64>,
}

/// Judges a request: model, key, header, detectors and the conversation so far, in this order.
///
/// # Errors
/// When its texts cannot be searched to the end.
pub(crate) async fn judged<T>(
    app: &App,
    asking: &Asking,
    offer: &Offer,
    request: T,
) -> Result<Judged<T>, ApiError>
where
    T: Leaves + Conversing + Send + 'static,
{
    let egress = &offer.egress;
    let names = request.names(&asking.caller);
    let (request, found) = match &egress.identifiers {
        Some(identifiers) => searched(identifiers, request).await?,
        None => (request, Found::default()),
    };
    // Whichever of a route's models is chosen, the class is that of the stricter one.
    let weak = offer.choice.as_ref().and_then(|it| it.weak[0].model.data_class);
    let stated_by_models = offer.chain[0].model.data_class.max(weak);
    let named = stated_by_models.unwrap_or(egress.default_class);
    let mut judged = Classified::new(request, named, Origin::Task);
    let key = egress.keys.get(&*asking.caller.0);
    if let Some(engines) = key.and_then(|it| it.engines.clone()) {
        judged = judged.only(engines);
    }
    let keyed = key.and_then(|it| it.data_class);
    let past = app.conversations.recall(&names);
    for (class, origin) in [
        (keyed, Origin::Key),
        (asking.class, Origin::Header),
        (past.stated, Origin::Header),
        (past.found, Origin::Conversation),
    ] {
        if let Some(class) = class {
            judged = judged.join(class, origin);
        }
    }
    let judged = joined(judged, &found);
    // What the model's own class covers need not be remembered.
    let raises = |class: &DataClass| *class > named;
    let highest = found.kinds.values().map(|it| it.class).chain(found.unseen).max();
    let now =
        Past { stated: keyed.max(asking.class).filter(raises), found: highest.filter(raises) };
    app.conversations.remember(&names, now);
    let counted = found.kinds.into_iter().filter(|(_, seen)| seen.count > 0);
    let counts = counted.map(|(kind, seen)| (kind, seen.count));
    Ok(Judged { request: judged, found: counts.collect() })
}

/// With what detectors found.
pub(crate) fn joined<T>(mut request: Classified<T>, found: &Found) -> Classified<T> {
    for (kind, seen) in &found.kinds {
        request = request.join(seen.class, Origin::Detector(kind.to_string()));
    }
    match found.unseen {
        Some(class) => request.join(class, Origin::Detector("unseen".to_owned())),
        None => request,
    }
}

/// Looks into every text of a request; long ones on a thread that may take its time.
pub(crate) async fn searched<T>(
    identifiers: &Arc<dyn Identifiers>,
    mut request: T,
) -> Result<(T, Found), ApiError>
where
    T: Leaves + Send + 'static,
{
    let bytes: usize = request.leaves().iter().map(|it| it.content.bytes()).sum();
    let found = if bytes <= INLINE_BYTES_MAX {
        identifiers.inspect(&request.leaves())
    } else {
        let identifiers = Arc::clone(identifiers);
        let work = move || (identifiers.inspect(&request.leaves()), request);
        let done = tokio::task::spawn_blocking(work).await;
        let (found, back) = done.map_err(|cause| ApiError::Panicked(cause.to_string()))?;
        request = back;
        found
    };
    let found = found.map_err(|cause| {
        ApiError::invalid(format!("the request cannot be searched for identifiers: {cause}"))
    })?;
    Ok((request, found))
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
