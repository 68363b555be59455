//! How the pieces of a streamed answer are told apart: server-sent events, or the binary frames
//! of AWS. Pure; every size has a limit.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::Message;
use bytes::BytesMut;

use super::sse::{SseDecoder, SseEvent, SseTrouble};

/// The media type of AWS's frames.
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";
/// Two lengths and two checksums.
const FRAME_BYTES_MIN: usize = 16;
/// What the name of an event begins with that reports an error.
pub(super) const EXCEPTION: &str = "exception:";

/// A stream cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FrameTrouble {
    TooLong { limit: usize },
    Broken(String),
}

/// Turns bytes, however they are cut, into named pieces.
#[derive(Debug)]
pub(super) enum Frames {
    Sse(SseDecoder),
    EventStream(EventStream),
}

impl Frames {
    /// The decoder for a media type; none if an answer of that type comes in one piece.
    pub(super) fn of(media_type: &str, bytes_max: usize) -> Option<Self> {
        match media_type {
            "text/event-stream" => Some(Self::Sse(SseDecoder::new(bytes_max))),
            EVENT_STREAM => Some(Self::EventStream(EventStream::new(bytes_max))),
            _ => None,
        }
    }

    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        each: &mut dyn FnMut(SseEvent),
    ) -> Result<(), FrameTrouble> {
        match self {
            Self::Sse(decoder) => decoder.push(bytes, each).map_err(|it| match it {
                SseTrouble::TooLong { limit } => FrameTrouble::TooLong { limit },
                SseTrouble::NotUtf8 => {
                    FrameTrouble::Broken("a line of the stream is not UTF-8".to_owned())
                }
            }),
            Self::EventStream(decoder) => decoder.push(bytes, each),
        }
    }
}

/// Frames of AWS: lengths and checksums are checked before anything is believed.
#[derive(Debug)]
pub(super) struct EventStream {
    waiting: BytesMut,
    bytes_max: usize,
}

impl EventStream {
    fn new(bytes_max: usize) -> Self {
        Self { waiting: BytesMut::new(), bytes_max }
    }

    fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(SseEvent)) -> Result<(), FrameTrouble> {
        self.waiting.extend_from_slice(bytes);
        // The first four bytes of a frame say how long it is, and are not believed blindly.
        while let Some(stated) = self.waiting.first_chunk::<4>() {
            let length = u32::from_be_bytes(*stated) as usize;
            if length > self.bytes_max {
                return Err(FrameTrouble::TooLong { limit: self.bytes_max });
            }
            if length < FRAME_BYTES_MIN {
                return Err(FrameTrouble::Broken("a frame of the stream has no length".to_owned()));
            }
            if self.waiting.len() < length {
                break;
            }
            let message = read_message_from(self.waiting.split_to(length)).map_err(|error| {
                FrameTrouble::Broken(format!("a frame of the stream cannot be read: {error}"))
            })?;
            each(event(&message)?);
        }
        Ok(())
    }
}

fn event(message: &Message) -> Result<SseEvent, FrameTrouble> {
    let header = |name: &str| {
        let found = message.headers().iter().find(|it| it.name().as_str() == name)?;
        Some(found.value().as_string().ok()?.as_str().to_owned())
    };
    let data = String::from_utf8(message.payload().to_vec())
        .map_err(|_| FrameTrouble::Broken("a frame of the stream is not UTF-8".to_owned()))?;
    let name = match header(":message-type").as_deref() {
        Some("event") => header(":event-type").unwrap_or_default(),
        Some("exception") => {
            format!("{EXCEPTION}{}", header(":exception-type").unwrap_or_default())
        }
        Some("error") => {
            let code = header(":error-code").unwrap_or_default();
            let said = header(":error-message").unwrap_or_default();
            let data = serde_json::json!({ "message": said }).to_string();
            return Ok(SseEvent { name: format!("{EXCEPTION}{code}"), data });
        }
        _ => return Err(FrameTrouble::Broken("a frame does not say what it is".to_owned())),
    };
    Ok(SseEvent { name, data })
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::write_message_to;
    use aws_smithy_types::event_stream::{Header, HeaderValue};

    use super::*;

    fn frame(headers: &[(&'static str, &'static str)], payload: &'static str) -> Vec<u8> {
        let mut message = Message::new(payload.as_bytes());
        for (name, value) in headers {
            message = message.add_header(Header::new(*name, HeaderValue::String((*value).into())));
        }
        let mut bytes = Vec::new();
        write_message_to(&message, &mut bytes).unwrap();
        bytes
    }

    fn decode(bytes: &[u8], cut: usize) -> Result<Vec<(String, String)>, FrameTrouble> {
        let mut frames = Frames::of(EVENT_STREAM, 256).unwrap();
        let mut events = Vec::new();
        for piece in bytes.chunks(cut) {
            frames.push(piece, &mut |it| events.push((it.name, it.data)))?;
        }
        Ok(events)
    }

    #[test]
    fn frames_survive_every_cut_and_no_flipped_bit() {
        let mut bytes = frame(&[(":message-type", "event"), (":event-type", "a")], "{}");
        bytes.extend(frame(&[(":message-type", "exception"), (":exception-type", "b")], "x"));
        bytes.extend(frame(&[(":message-type", "error"), (":error-code", "c")], ""));
        let expected = [("a", "{}"), ("exception:b", "x"), ("exception:c", "{\"message\":\"\"}")];
        let expected = expected.map(|(name, data)| (name.to_owned(), data.to_owned()));
        for cut in 1..=bytes.len() {
            assert_eq!(decode(&bytes, cut).unwrap(), expected, "cut by {cut}");
        }
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            // A longer length waits for more; everything else is found out.
            assert_ne!(decode(&flipped, 7).ok(), Some(expected.to_vec()), "byte {place}");
        }
    }

    #[test]
    fn a_frame_beyond_the_limit_is_not_waited_for() {
        let mut head = 1_000_000u32.to_be_bytes().to_vec();
        head.extend([b'x'; 400]);
        assert!(matches!(decode(&head, 100), Err(FrameTrouble::TooLong { limit: 256 })));
        assert!(matches!(decode(&[0; 32], 8), Err(FrameTrouble::Broken(_))));
    }
}
