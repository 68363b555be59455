//! Server-sent events, as the HTML standard defines their stream. Pure; every size has a limit.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// Empty if unnamed.
    pub name: String,
    pub data: String,
}

/// The stream breaks a limit or is not text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SseTrouble {
    /// A line, or the data of one event, has more bytes than allowed.
    TooLong {
        limit: usize,
    },
    NotUtf8,
}

/// Turns bytes, however they are cut, into events.
#[derive(Debug)]
pub struct SseDecoder {
    bytes_max: usize,
    line: Vec<u8>,
    name: String,
    data: Option<String>,
    after_cr: bool,
    at_start: bool,
}

impl SseDecoder {
    /// Lines and events have at most that many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let (line, name) = (Vec::new(), String::new());
        Self { bytes_max, line, name, data: None, after_cr: false, at_start: true }
    }

    /// Takes bytes and hands each complete event to `each`.
    ///
    /// # Errors
    /// At the first breach; nothing more can be read then.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        each: &mut dyn FnMut(SseEvent),
    ) -> Result<(), SseTrouble> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|it| matches!(it, b'\n' | b'\r'));
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + piece.len() > self.bytes_max {
                return Err(SseTrouble::TooLong { limit: self.bytes_max });
            }
            self.line.extend_from_slice(piece);
            let Some(end) = end else { return Ok(()) };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.take_line(each)?;
        }
        Ok(())
    }

    fn take_line(&mut self, each: &mut dyn FnMut(SseEvent)) -> Result<(), SseTrouble> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8(line).map_err(|_| SseTrouble::NotUtf8)?;
        let line = match std::mem::replace(&mut self.at_start, false) {
            true => line.strip_prefix('\u{feff}').unwrap_or(&line),
            false => &line,
        };
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            if let Some(data) = self.data.take() {
                each(SseEvent { name, data });
            }
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) if data.len() + value.len() < self.bytes_max => {
                    data.push('\n');
                    data.push_str(value);
                }
                Some(_) => return Err(SseTrouble::TooLong { limit: self.bytes_max }),
            },
            "event" => value.clone_into(&mut self.name),
            // Comments, identifiers, retry hints and unknown fields mean nothing here.
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], cut: usize) -> Result<Vec<(String, String)>, SseTrouble> {
        let mut decoder = SseDecoder::new(64);
        let mut events = Vec::new();
        for piece in bytes.chunks(cut) {
            decoder.push(piece, &mut |it| events.push((it.name, it.data)))?;
        }
        Ok(events)
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        for cut in 1..=text.len() {
            let events = decode(text.as_bytes(), cut).unwrap();
            let seen: Vec<_> = events.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(seen, expected, "{text:?} cut by {cut}");
        }
    }

    #[test]
    fn events_survive_every_cut() {
        check("data: a\n\n", &[("", "a")]);
        check("\u{feff}data:a\r\n\r\ndata: b\r\r", &[("", "a"), ("", "b")]);
        check("event: x\ndata: é\ndata: 2\nid: 7\n\n", &[("x", "é\n2")]);
        check(": comment\n\nevent: lost\n\ndata\n\n", &[("", "")]);
        check("data: unfinished\n", &[]);
    }

    #[test]
    fn limits_hold_across_pieces() {
        let long = [b"data: ".as_slice(), &[b'a'; 80]].concat();
        let many = b"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".repeat(2);
        for cut in [1, 7, 200] {
            assert_eq!(decode(&long, cut), Err(SseTrouble::TooLong { limit: 64 }));
            assert_eq!(decode(&many, cut), Err(SseTrouble::TooLong { limit: 64 }));
        }
        assert_eq!(decode(b"data: \xff\n", 3), Err(SseTrouble::NotUtf8));
    }
}
