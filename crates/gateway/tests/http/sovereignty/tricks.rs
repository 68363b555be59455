//! The ways in which an identifier may try to get past: where it stands, and how it is written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// One identifier in a sentence.
#[derive(Debug, Clone)]
pub struct Sample {
    pub before: String,
    pub identifier: String,
    pub after: String,
}

impl Sample {
    /// The sentence with the identifier written otherwise.
    fn with(&self, write: impl Fn(&str) -> String) -> String {
        format!("{}{}{}", self.before, write(&self.identifier), self.after)
    }

    fn plain(&self) -> String {
        self.with(str::to_owned)
    }
}

/// Where a request goes, and what it says.
pub type Asked = (&'static str, Value);

/// One way.
pub struct Trick {
    pub name: &'static str,
    pub asked: fn(&Sample) -> Asked,
}

const CHAT: &str = "/v1/chat/completions";
/// Too short to be taken for the beginning of a conversation.
const ASK: &str = "Look at this.";

/// Where it stands.
pub const PLACES: &[Trick] = &[
    Trick { name: "the user's text", asked: |it| said(&it.plain()) },
    Trick {
        name: "the system prompt",
        asked: |it| talk(json!([role("system", &it.plain()), user(ASK)])),
    },
    Trick {
        name: "an earlier answer",
        asked: |it| talk(json!([user(ASK), role("assistant", &it.plain()), user(ASK)])),
    },
    Trick {
        name: "the second of two parts",
        asked: |it| parts(json!([part(ASK), part(&it.plain())])),
    },
    Trick {
        name: "a tool's arguments",
        asked: |it| called(&json!({ "note": it.plain() }).to_string()),
    },
    Trick {
        name: "a key of a tool's arguments",
        asked: |it| called(&json!({ it.plain(): true }).to_string()),
    },
    Trick {
        name: "the first of two equal keys",
        asked: |it| called(&format!("{{\"a\":{},\"a\":1}}", json!(it.plain()))),
    },
    Trick {
        name: "arguments that are no JSON",
        asked: |it| called(&format!("note: {}", it.plain())),
    },
    Trick {
        name: "a tool's result",
        asked: |it| {
            let call = json!({ "role": "assistant", "content": null, "tool_calls": [call("{}")] });
            talk(
                json!([user(ASK), call, { "role": "tool", "tool_call_id": "c1", "content": it.plain() }]),
            )
        },
    },
    Trick {
        name: "a tool's description",
        asked: |it| with("tools", json!([tool(&it.plain(), json!({}))])),
    },
    Trick {
        name: "a tool's schema",
        asked: |it| {
            with(
                "tools",
                json!([tool(
                    "a",
                    json!({ "type": "object", "properties": { "x": { "enum": [it.plain()] } } })
                )]),
            )
        },
    },
    Trick {
        name: "a key of a tool's schema",
        asked: |it| {
            with(
                "tools",
                json!([tool("a", json!({ "type": "object", "properties": { it.plain(): {} } }))]),
            )
        },
    },
    Trick {
        name: "the schema of the answer",
        asked: |it| {
            let schema =
                json!({ "name": "a", "schema": { "type": "object", "description": it.plain() } });
            with("response_format", json!({ "type": "json_schema", "json_schema": schema }))
        },
    },
    Trick {
        name: "an image's address",
        asked: |it| {
            image(format!(
                "https://pictures.example/a.png?caption={}",
                it.plain().replace(' ', "%20")
            ))
        },
    },
    Trick {
        name: "an image's text field",
        asked: |it| {
            let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x20tEXtComment\0".to_vec();
            bytes.extend(it.plain().bytes());
            bytes.extend(b"\x9c\x12\0\0\0\0IEND\xae\x42\x60\x82");
            image(format!("data:image/png;base64,{}", STANDARD.encode(bytes)))
        },
    },
    Trick { name: "metadata", asked: |it| with("metadata", json!({ "note": it.plain() })) },
    Trick {
        name: "a key of metadata",
        asked: |it| with("metadata", json!({ it.plain(): "note" })),
    },
    Trick { name: "the user field", asked: |it| with("user", json!(it.plain())) },
    Trick { name: "a stop sequence", asked: |it| with("stop", json!([it.plain()])) },
    Trick {
        name: "an unknown parameter",
        asked: |it| with("x_note", json!({ "deep": [it.plain()] })),
    },
    Trick {
        name: "an embedding's input",
        asked: |it| ("/v1/embeddings", json!({ "model": "large", "input": it.plain() })),
    },
    Trick {
        name: "one of many inputs",
        asked: |it| {
            ("/v1/embeddings", json!({ "model": "large", "input": [ASK, it.plain(), ASK] }))
        },
    },
    Trick {
        name: "an old completion's prompt",
        asked: |it| ("/v1/completions", json!({ "model": "large", "prompt": it.plain() })),
    },
    Trick {
        name: "a text to be moderated",
        asked: |it| ("/v1/moderations", json!({ "model": "large", "input": [ASK, it.plain()] })),
    },
    Trick {
        name: "the input of a response",
        asked: |it| ("/v1/responses", json!({ "model": "large", "input": it.plain() })),
    },
    Trick {
        name: "Anthropic's system prompt",
        asked: |it| {
            (
                "/v1/messages",
                json!({ "model": "large", "max_tokens": 9, "system": it.plain(), "messages": [user(ASK)] }),
            )
        },
    },
    Trick {
        name: "a stream",
        asked: |it| {
            let (path, mut body) = said(&it.plain());
            body["stream"] = json!(true);
            (path, body)
        },
    },
];

/// How it is written.
pub const DISGUISES: &[Trick] = &[
    Trick {
        name: "zero-width characters inside",
        asked: |it| said(&it.with(|it| spread(it, "\u{200b}"))),
    },
    Trick { name: "soft hyphens inside", asked: |it| said(&it.with(|it| spread(it, "\u{ad}"))) },
    Trick { name: "full-width forms", asked: |it| said(&it.with(full_width)) },
    Trick { name: "Arabic digits", asked: |it| said(&it.with(arabic_digits)) },
    Trick { name: "mathematical digits", asked: |it| said(&it.with(mathematical)) },
    Trick { name: "Cyrillic look-alikes", asked: |it| said(&it.with(cyrillic)) },
    Trick {
        name: "a German sentence",
        asked: |it| said(&format!("Bitte vermerken Sie {} im Vorgang, danke.", it.identifier)),
    },
    Trick {
        name: "a Spanish sentence",
        asked: |it| said(&format!("Por favor anote {} en el expediente.", it.identifier)),
    },
    Trick {
        name: "a Chinese sentence",
        asked: |it| said(&format!("请记录 {} ，谢谢。", it.identifier)),
    },
    Trick {
        name: "an Arabic sentence",
        asked: |it| said(&format!("يرجى تسجيل {} في الملف", it.identifier)),
    },
    Trick {
        name: "cut between two messages",
        asked: |it| {
            let (left, right) = halves(it);
            talk(json!([user(&left), user(&right)]))
        },
    },
    Trick {
        name: "cut, with an answer between",
        asked: |it| {
            let (left, right) = halves(it);
            talk(json!([user(&left), role("assistant", "And then?"), user(&right)]))
        },
    },
    Trick {
        name: "cut between two parts",
        asked: |it| {
            let (left, right) = halves(it);
            parts(json!([part(&left), part(&right)]))
        },
    },
    Trick {
        name: "cut into pieces of three",
        asked: |it| {
            let pieces: Vec<char> = it.identifier.chars().collect();
            let mut messages = vec![user(it.before.trim_end())];
            for piece in pieces.chunks(3) {
                messages.push(user(&piece.iter().collect::<String>()));
                messages.push(role("assistant", "ok"));
            }
            messages.push(user(ASK));
            talk(json!(messages))
        },
    },
    Trick { name: "base 64", asked: |it| said(&STANDARD.encode(it.plain())) },
    Trick { name: "base 64 for URLs", asked: |it| said(&URL_SAFE_NO_PAD.encode(it.plain())) },
    Trick { name: "base 64 in lines", asked: |it| said(&lines(&STANDARD.encode(it.plain()), 20)) },
    Trick {
        name: "base 64 twice",
        asked: |it| said(&STANDARD.encode(STANDARD.encode(it.plain()))),
    },
    Trick { name: "hexadecimal", asked: |it| said(&hex(&it.plain())) },
    Trick { name: "percent-encoding", asked: |it| said(&percent(&it.plain())) },
    Trick { name: "HTML entities", asked: |it| said(&it.with(entities)) },
    Trick { name: "escapes of JSON", asked: |it| said(&it.with(escapes)) },
    Trick {
        name: "a space after each character",
        asked: |it| said(&it.with(|it| spread(it, " "))),
    },
    Trick {
        name: "written backwards",
        asked: |it| said(&it.plain().chars().rev().collect::<String>()),
    },
    Trick { name: "digits in words", asked: |it| said(&it.with(in_words)) },
    Trick { name: "ROT13", asked: |it| said(&it.plain().chars().map(rot13).collect::<String>()) },
];

fn role(role: &str, text: &str) -> Value {
    json!({ "role": role, "content": text })
}

fn user(text: &str) -> Value {
    role("user", text)
}

fn part(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn talk(messages: Value) -> Asked {
    (CHAT, json!({ "model": "large", "messages": messages }))
}

fn said(text: &str) -> Asked {
    talk(json!([user(text)]))
}

fn parts(parts: Value) -> Asked {
    talk(json!([{ "role": "user", "content": parts }]))
}

fn with(name: &str, value: Value) -> Asked {
    let (path, mut body) = said(ASK);
    body[name] = value;
    (path, body)
}

fn call(arguments: &str) -> Value {
    json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": arguments } })
}

fn called(arguments: &str) -> Asked {
    let call = json!({ "role": "assistant", "content": null, "tool_calls": [call(arguments)] });
    talk(json!([user(ASK), call, { "role": "tool", "tool_call_id": "c1", "content": "done" }]))
}

fn tool(description: &str, parameters: Value) -> Value {
    json!({ "type": "function", "function": { "name": "f", "description": description, "parameters": parameters } })
}

fn image(url: String) -> Asked {
    parts(json!([part(ASK), { "type": "image_url", "image_url": { "url": url } }]))
}

fn spread(text: &str, between: &str) -> String {
    let all: Vec<String> = text.chars().map(String::from).collect();
    all.join(between)
}

fn shifted(text: &str, shift: impl Fn(char) -> Option<u32>) -> String {
    let one = |c: char| shift(c).and_then(char::from_u32).unwrap_or(c);
    text.chars().map(one).collect()
}

fn full_width(text: &str) -> String {
    shifted(text, |c| c.is_ascii_graphic().then(|| u32::from(c) + 0xfee0))
}

fn arabic_digits(text: &str) -> String {
    shifted(text, |c| c.to_digit(10).map(|it| 0x660 + it))
}

fn mathematical(text: &str) -> String {
    shifted(text, |c| c.to_digit(10).map(|it| 0x1d7d8 + it))
}

fn cyrillic(text: &str) -> String {
    let pairs = [
        ('a', 'а'),
        ('e', 'е'),
        ('o', 'о'),
        ('p', 'р'),
        ('c', 'с'),
        ('x', 'х'),
        ('A', 'А'),
        ('B', 'В'),
        ('E', 'Е'),
        ('K', 'К'),
        ('M', 'М'),
        ('H', 'Н'),
        ('O', 'О'),
        ('P', 'Р'),
        ('C', 'С'),
        ('T', 'Т'),
        ('X', 'Х'),
    ];
    text.chars().map(|c| pairs.iter().find(|it| it.0 == c).map_or(c, |it| it.1)).collect()
}

fn halves(sample: &Sample) -> (String, String) {
    let middle = sample.identifier.floor_char_boundary(sample.identifier.len() / 2);
    let (left, right) = sample.identifier.split_at(middle);
    (format!("{}{left}", sample.before), format!("{right}{}", sample.after))
}

fn lines(text: &str, length: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    all.chunks(length).map(|it| it.iter().collect::<String>()).collect::<Vec<_>>().join("\n")
}

fn hex(text: &str) -> String {
    text.bytes().map(|it| format!("{it:02x}")).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|it| format!("%{it:02X}")).collect()
}

fn entities(text: &str) -> String {
    text.chars().map(|it| format!("&#{};", u32::from(it))).collect()
}

fn escapes(text: &str) -> String {
    text.encode_utf16().map(|it| format!("\\u{it:04x}")).collect()
}

fn in_words(text: &str) -> String {
    const WORDS: [&str; 10] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let one = |c: char| match c.to_digit(10) {
        Some(digit) => format!("{} ", WORDS[digit as usize]),
        None => c.to_string(),
    };
    text.chars().map(one).collect()
}

fn rot13(c: char) -> char {
    let turned = |base: u8| char::from((c as u8 - base + 13) % 26 + base);
    match c {
        'a'..='z' => turned(b'a'),
        'A'..='Z' => turned(b'A'),
        other => other,
    }
}
