//! Measures the recognisers: time per 1,000 tokens on real text, and growth on hostile text.
//!
//! ```text
//! cargo run --release -p freehold-deidentification --example recognisers -- FILE...
//! ```
//!
//! A file is any text (JSON and CSV count as such). It is cut into pieces of 1,000 tokens, taken
//! as 5 bytes each; every piece is searched once after one warm-up round. Printed are n, mean
//! with its 95 % interval, median and 99th percentile. Hostile texts of doubling length show
//! that the time grows as the length does.

use std::sync::Arc;
use std::time::Instant;

use freehold_deidentification::detection::Detector;
use freehold_deidentification::redaction::{Policy, Redactor};
use freehold_deidentification::requests::RequestDetector;
use freehold_vocabulary::chat::{ChatRequest, Leaves as _, Message, Part, Role};
use freehold_vocabulary::ports::{Identifiers as _, Within};

/// 1,000 tokens of 5 bytes; English text has 4 to 5 bytes a token.
const PIECE_BYTES: usize = 5000;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let begun = Instant::now();
    let detector = Arc::new(Detector::default());
    println!("compiled in {:.1} ms", 1e3 * begun.elapsed().as_secs_f64());
    for path in std::env::args().skip(1) {
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        measure(&path, &detector, &pieces(&text))?;
    }
    for hostile in HOSTILE {
        growth(&detector, hostile)?;
    }
    Ok(())
}

fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while rest.len() >= PIECE_BYTES {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn measure(path: &str, detector: &Arc<Detector>, pieces: &[&str]) -> Result<(), Failure> {
    let (mut micros, mut findings) = (Vec::new(), 0);
    for round in 0..2 {
        for piece in pieces {
            let begun = Instant::now();
            let found = detector.find(piece)?.len();
            if round == 1 {
                micros.push(1e6 * begun.elapsed().as_secs_f64());
                findings += found;
            }
        }
    }
    let mut redacting = Vec::new();
    for piece in pieces {
        let mut redactor = Redactor::new(Arc::clone(detector), Arc::new(Policy::default()), None)?;
        let begun = Instant::now();
        let safe = redactor.redact(piece)?;
        std::hint::black_box(redactor.restore(&safe));
        redacting.push(1e6 * begun.elapsed().as_secs_f64());
    }
    println!("{path}: n = {}, {findings} findings", pieces.len());
    print("find", &mut micros);
    print("redact and restore", &mut redacting);
    requests(pieces)
}

/// What the gateway does to a request of one piece, in processor time, which other work on the
/// machine does not lengthen.
fn requests(pieces: &[&str]) -> Result<(), Failure> {
    let identifiers = RequestDetector::default();
    let asked = |text: &str| ChatRequest {
        messages: vec![Message::text(Role::User, text)],
        ..ChatRequest::default()
    };
    let n = pieces.len() as f64;
    let begun = cpu_us()?;
    for piece in pieces {
        std::hint::black_box(identifiers.inspect(&asked(piece).leaves())?);
    }
    let searched = cpu_us()?;
    for piece in pieces {
        let mut request = asked(piece);
        std::hint::black_box(identifiers.inspect(&request.leaves())?);
        let mut redaction = identifiers.redaction();
        redaction.redact(&mut request.leaves())?;
        std::hint::black_box(identifiers.inspect(&request.leaves())?);
        let mut restoring = redaction.restoring(Within::Text);
        for part in request.messages.iter().flat_map(|it| &it.parts) {
            if let Part::Text { text } = part {
                std::hint::black_box(restoring.push(text));
            }
        }
    }
    let redacted = cpu_us()?;
    println!(
        "  of a request, processor time per 1,000 tokens: searched {:.0} us; searched, redacted, searched again and restored {:.0} us",
        (searched - begun) / n,
        (redacted - searched) / n
    );
    Ok(())
}

/// Processor time of this thread so far, as Linux counts it.
fn cpu_us() -> Result<f64, Failure> {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: f64 = counted.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos / 1e3)
}

fn print(what: &str, micros: &mut [f64]) {
    let n = micros.len() as f64;
    let mean = micros.iter().sum::<f64>() / n;
    let variance = micros.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = 1.96 * (variance / n).sqrt();
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((n - 1.0) * share) as usize];
    println!(
        "  {what}: {mean:.0} us per 1,000 tokens [{:.0}, {:.0}], median {:.0}, p99 {:.0}",
        mean - half,
        mean + half,
        at(0.5),
        at(0.99)
    );
}

/// Pieces that make a careless expression try again at every place.
const HOSTILE: &[&str] = &[
    "eyJ-",
    "1 ",
    "1-",
    "1.",
    "12 ",
    "a@",
    "a.a@a.",
    "sk-",
    "http://",
    "ab:",
    "1a",
    "password:",
    "AKIA",
    "4111 ",
    "-----BEGIN PRIVATE KEY-----",
    "x://a:",
    "www.",
    "<A_1",
    "é1",
    "０",
    "a9_",
    "+1 (",
    "QUJD",
    "bearer a1",
];

fn growth(detector: &Detector, hostile: &str) -> Result<(), Failure> {
    let mut line = format!("{hostile:?}:");
    for bytes in [1 << 17, 1 << 18, 1 << 19] {
        let text = hostile.repeat(bytes / hostile.len());
        let begun = Instant::now();
        detector.find(&text)?;
        line += &format!(" {} KiB {:.1} ms,", bytes >> 10, 1e3 * begun.elapsed().as_secs_f64());
    }
    println!("{}", line.trim_end_matches(','));
    Ok(())
}
