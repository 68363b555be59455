//! Goes on with a streamed answer that was cut off: an engine gets what was written so far, and
//! writes only what is missing. What the caller has seen stays true.
//!
//! Only for plain text of one choice. A tool's arguments, a schema, log-probabilities or thoughts
//! have no seam at which another engine could go on.

use freehold_vocabulary::chat::{ChatRequest, Message, Opening, ResponseFormat, Role};
use freehold_vocabulary::egress::Classified;

use super::tally::Tally;

/// How often one model may take an answer up again before the next one is asked.
pub(super) const RESUMES_MAX: u32 = 2;

/// The request for the rest of an answer, of which the tally knows the beginning; none if it has
/// no seam.
pub(super) fn rest(
    request: &Classified<ChatRequest>,
    tally: &Tally,
) -> Option<Classified<ChatRequest>> {
    let asked = request.request();
    let plain = asked.response_format == ResponseFormat::Text
        && asked.sampling.n.is_none_or(|n| n == 1)
        && asked.sampling.logprobs.is_none();
    let written = tally.written().filter(|_| plain)?.to_owned();
    // What is written counts against the limit; one token more lets the engine say that it ends.
    let spent = u32::try_from(tally.output_tokens()).unwrap_or(u32::MAX);
    Some(request.with(|it| {
        it.messages.push(Message::text(Role::Assistant, written));
        it.opening = Opening::Resume;
        it.sampling.max_tokens = it.sampling.max_tokens.map(|it| it.saturating_sub(spent).max(1));
    }))
}
