//! Amazon Bedrock: `Converse` and `ConverseStream`, which are the same for every vendor's model.

mod embeddings;
mod reader;
mod request;

use freehold_vocabulary::chat::{ChatRequest, EmbeddingsAnswer, EmbeddingsRequest, Protocol};
use freehold_vocabulary::ports::OfferedModel;
use serde::Deserialize;

use super::wire::{Call, Door, Reader, Said, Trouble, Unfit, Wire, json};

/// The protocol.
#[derive(Debug)]
pub(super) struct Bedrock;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    model_summaries: Vec<Model>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    model_id: String,
}

impl Wire for Bedrock {
    fn protocol(&self) -> Protocol {
        Protocol::Bedrock
    }

    fn chat(&self, request: &ChatRequest) -> Result<Call, Unfit> {
        request::chat(request)
    }

    fn reader(&self, request: &ChatRequest, ignored: Vec<String>) -> Box<dyn Reader> {
        Box::new(reader::BedrockReader::new(&request.model, ignored))
    }

    fn embed(&self, request: &EmbeddingsRequest) -> Result<Call, Unfit> {
        embeddings::call(request)
    }

    fn embedded(
        &self,
        request: &EmbeddingsRequest,
        ignored: Vec<String>,
        body: &[u8],
    ) -> Result<EmbeddingsAnswer, Trouble> {
        embeddings::answer(request, ignored, body)
    }

    fn list_models(&self) -> Call {
        Call { door: Door::Control, ..Call::get("/foundation-models") }
    }

    fn models(&self, body: &[u8]) -> Result<Vec<OfferedModel>, Trouble> {
        let List { model_summaries } = json(body, "a list of models")?;
        let offered = model_summaries.into_iter().map(|it| OfferedModel {
            id: it.model_id,
            parent: None,
            context_tokens: None,
        });
        Ok(offered.collect())
    }

    fn said(&self, status: u16, body: &[u8]) -> Said {
        reader::said(status, body)
    }
}

/// A model's name, which may be an ARN with colons and slashes, becomes one segment of the path.
fn model_path(model: &str, action: &str) -> Result<String, Unfit> {
    if model.is_empty() || model == "." || model == ".." {
        return Err(Unfit::new("a model of that name"));
    }
    let mut path = "/model/".to_owned();
    for byte in model.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(format!("{path}/{action}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(model: &str, expected: Option<&str>) {
        let expected = expected.map(|it| format!("/model/{it}/converse"));
        assert_eq!(model_path(model, "converse").ok(), expected, "{model}");
    }

    #[test]
    fn a_model_is_one_segment_of_the_path() {
        check("amazon.nova-lite-v1:0", Some("amazon.nova-lite-v1%3A0"));
        check("../admin?x#y", Some("..%2Fadmin%3Fx%23y"));
        check("arn:aws:bedrock:eu:1:p/x", Some("arn%3Aaws%3Abedrock%3Aeu%3A1%3Ap%2Fx"));
        check("..", None);
        check("", None);
    }
}
