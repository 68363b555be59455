//! However an answer is cut into events, it folds into the same whole.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Random, Seed};

fn text() -> impl Strategy<Value = String> {
    "[ -~äß€😀]{1,12}"
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        text().prop_map(|text| Part::Text { text }),
        text().prop_map(|text| Part::Refusal { text }),
        ("[ -~]{0,8}", "[a-z]{1,8}")
            .prop_map(|(text, signature)| Part::Thinking { text, signature: Some(signature) }),
        text().prop_map(|data| Part::RedactedThinking { data }),
        ("[a-z]{1,6}", "[a-z]{1,6}", "[ -~é]{0,20}", proptest::option::of("[a-z]{3}")).prop_map(
            |(id, name, arguments, signature)| {
                Part::ToolUse(ToolUse { id, name, arguments, signature })
            }
        ),
    ]
}

/// Neighbours that would flow together are not in the normal form.
fn parts() -> impl Strategy<Value = Vec<Part>> {
    vec(part(), 0..6).prop_map(|mut parts| {
        parts.dedup_by_key(|it| std::mem::discriminant(it));
        parts
    })
}

fn reason() -> impl Strategy<Value = StopReason> {
    prop_oneof![
        Just(StopReason::EndTurn),
        Just(StopReason::MaxTokens),
        Just(StopReason::ToolCalls),
        proptest::option::of(text()).prop_map(|sequence| StopReason::StopSequence { sequence }),
    ]
}

fn logprob() -> impl Strategy<Value = TokenLogProb> {
    (text(), -20.0..0.0f64).prop_map(|(token, logprob)| TokenLogProb {
        token,
        logprob,
        bytes: None,
        top: Vec::new(),
    })
}

fn answer() -> impl Strategy<Value = ChatAnswer> {
    let choice = (parts(), reason(), vec(logprob(), 0..4));
    let usage = proptest::option::of((0u64..1000, 0u64..1000));
    (vec(choice, 1..4), usage, any::<bool>()).prop_map(|(choices, usage, extra)| {
        let mut extras = Extras::new();
        if extra {
            extras.insert(Protocol::OpenAi, "system_fingerprint", json!("fp"));
        }
        let choices = choices
            .into_iter()
            .zip(0..)
            .map(|((parts, reason, logprobs), index)| Choice { index, parts, reason, logprobs });
        ChatAnswer {
            id: "a".to_owned(),
            model: "m".to_owned(),
            ignored: vec!["seed".to_owned()],
            choices: choices.collect(),
            usage: usage.map(|(input_tokens, output_tokens)| Usage {
                input_tokens,
                output_tokens,
                ..Usage::default()
            }),
            extras,
        }
    })
}

fn fold(events: Vec<ChatEvent>) -> Result<ChatAnswer, BadSequence> {
    let mut accumulator = Accumulator::new();
    events.into_iter().try_for_each(|event| accumulator.push(event))?;
    accumulator.finish()
}

/// Cuts texts and arguments into characters.
fn shred(event: ChatEvent) -> Vec<ChatEvent> {
    let cut = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
    match event {
        ChatEvent::TextDelta { choice, text } => {
            cut(&text).into_iter().map(|text| ChatEvent::TextDelta { choice, text }).collect()
        }
        ChatEvent::ToolCallArguments { choice, call, fragment } => cut(&fragment)
            .into_iter()
            .map(|fragment| ChatEvent::ToolCallArguments { choice, call, fragment })
            .collect(),
        ChatEvent::LogProbs { choice, tokens } => {
            tokens.into_iter().map(|it| ChatEvent::LogProbs { choice, tokens: vec![it] }).collect()
        }
        other => vec![other],
    }
}

fn choice_of(event: &ChatEvent) -> Option<u32> {
    match event {
        ChatEvent::TextDelta { choice, .. }
        | ChatEvent::RefusalDelta { choice, .. }
        | ChatEvent::ThinkingDelta { choice, .. }
        | ChatEvent::ThinkingSigned { choice, .. }
        | ChatEvent::ThinkingRedacted { choice, .. }
        | ChatEvent::ToolCallStarted { choice, .. }
        | ChatEvent::ToolCallArguments { choice, .. }
        | ChatEvent::ToolCallEnded { choice, .. }
        | ChatEvent::LogProbs { choice, .. }
        | ChatEvent::Finished { choice, .. } => Some(*choice),
        ChatEvent::Started { .. } | ChatEvent::Usage(_) | ChatEvent::Extra { .. } => None,
    }
}

/// Mixes the choices as a server with `n` > 1 does: each keeps its own order.
fn interleave(events: Vec<ChatEvent>, seed: u64) -> Vec<ChatEvent> {
    let (started, rest) = events.split_first().expect("an answer begins");
    let mut queues: std::collections::BTreeMap<_, std::collections::VecDeque<_>> =
        std::collections::BTreeMap::new();
    for event in rest {
        queues.entry(choice_of(event)).or_default().push_back(event.clone());
    }
    let mut queues: Vec<_> = queues.into_values().collect();
    let mut random = Random::new(Seed(seed));
    let mut mixed = vec![started.clone()];
    while !queues.is_empty() {
        let at = random.below(queues.len());
        mixed.extend(queues[at].pop_front());
        queues.retain(|it| !it.is_empty());
    }
    mixed
}

proptest! {
    #[test]
    fn streamed_is_whole(answer in answer(), seed in any::<u64>()) {
        prop_assert_eq!(&fold(answer.events()).unwrap(), &answer);
        let shredded: Vec<_> = answer.events().into_iter().flat_map(shred).collect();
        prop_assert_eq!(&fold(shredded.clone()).unwrap(), &answer);
        prop_assert_eq!(&fold(interleave(shredded, seed)).unwrap(), &answer);
    }

    #[test]
    fn a_cut_stream_is_never_a_whole_answer(answer in answer(), cut in any::<prop::sample::Index>()) {
        let events = answer.events();
        // Only tokens may be missing at the end: they come after the last choice is done.
        let done = events.iter().rposition(|it| matches!(it, ChatEvent::Finished { .. })).unwrap();
        let first = answer.choices.len() == 1;
        let kept = cut.index(done + 1);
        let cut = fold(events[..kept].to_vec());
        prop_assert!(cut.is_err() || !first, "{:?}", cut);
    }

    #[test]
    fn answers_survive_json(answer in answer()) {
        let text = serde_json::to_string(&answer).unwrap();
        prop_assert_eq!(serde_json::from_str::<ChatAnswer>(&text).unwrap(), answer);
    }
}

#[track_caller]
fn refused(events: &[ChatEvent], expected: &BadSequence) {
    let mut accumulator = Accumulator::new();
    let said = events.iter().cloned().try_for_each(|it| accumulator.push(it));
    let said = said.and_then(|()| accumulator.finish().map(drop));
    assert_eq!(said.as_ref(), Err(expected), "{events:?}");
}

#[test]
fn events_that_no_answer_has_are_refused() {
    let started =
        ChatEvent::Started { id: String::new(), model: String::new(), ignored: Vec::new() };
    let text = ChatEvent::TextDelta { choice: 0, text: "a".to_owned() };
    let end = ChatEvent::Finished { choice: 0, reason: StopReason::EndTurn };
    let call = |call| ChatEvent::ToolCallStarted {
        choice: 0,
        call,
        id: "i".to_owned(),
        name: "f".to_owned(),
        signature: None,
    };
    let more = ChatEvent::ToolCallArguments { choice: 0, call: 0, fragment: "{".to_owned() };
    refused(&[], &BadSequence::NotStarted);
    refused(std::slice::from_ref(&text), &BadSequence::NotStarted);
    refused(&[started.clone(), started.clone()], &BadSequence::StartedTwice);
    refused(std::slice::from_ref(&started), &BadSequence::Unfinished);
    refused(&[started.clone(), text.clone()], &BadSequence::Unfinished);
    refused(&[started.clone(), end.clone(), text], &BadSequence::AfterTheEnd { choice: 0 });
    refused(&[started.clone(), more], &BadSequence::NoSuchCall { choice: 0, call: 0 });
    refused(&[started.clone(), call(1)], &BadSequence::NoSuchCall { choice: 0, call: 1 });
    refused(&[started, call(0), end], &BadSequence::OpenCall { choice: 0 });
}

#[test]
fn texts_hide_nowhere() {
    let mut request = ChatRequest { user: Some("u".to_owned()), ..ChatRequest::default() };
    request.system.push(Part::text("s"));
    let arguments = "{\"a\":1}".to_owned();
    let tool = ToolUse { id: "1".to_owned(), name: "f".to_owned(), arguments, signature: None };
    let foreign = json!({ "type": "document", "key": ["deep"] });
    request.messages.push(Message {
        role: Role::Assistant,
        parts: vec![
            Part::ToolUse(tool),
            Part::ToolResult {
                id: "1".to_owned(),
                content: vec![Part::text("r")],
                is_error: false,
            },
            Part::Foreign { protocol: Protocol::Anthropic, value: foreign },
        ],
        name: None,
    });
    let mut seen = Vec::new();
    request.each_text(&mut |it| seen.push(it.to_owned()));
    for expected in ["u", "s", "{\"a\":1}", "r", "key", "deep", "document"] {
        assert!(seen.iter().any(|it| it == expected), "{expected} in {seen:?}");
    }
}
