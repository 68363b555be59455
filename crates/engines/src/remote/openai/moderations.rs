//! Judgements about harm in OpenAI's words.

use std::collections::BTreeMap;

use freehold_vocabulary::chat::{
    ImageSource, ModerationAnswer, ModerationRequest, ModerationResult, Part,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Dialect;
use crate::remote::wire::{Call, Trouble, Unfit, json};

pub(super) fn call(dialect: &Dialect, request: &ModerationRequest) -> Result<Call, Unfit> {
    if !dialect.moderations {
        return Err(Unfit::new("moderations"));
    }
    let texts = request.inputs.iter().map(|parts| match parts.as_slice() {
        [Part::Text { text }] => Some(json!(text)),
        _ => None,
    });
    let input = match (texts.collect::<Option<Vec<Value>>>(), request.inputs.as_slice()) {
        (Some(texts), _) => texts,
        (None, [parts]) => parts.iter().map(part).collect::<Result<_, _>>()?,
        (None, _) => return Err(Unfit::new("several inputs with images in one request")),
    };
    let body = json!({ "model": request.model, "input": input });
    let (path, headers) = ("/moderations".to_owned(), Vec::new());
    Ok(Call { headers, body: Some(body), ..Call::get(path) })
}

fn part(part: &Part) -> Result<Value, Unfit> {
    match part {
        Part::Text { text } => Ok(json!({ "type": "text", "text": text })),
        Part::Image { source, .. } => {
            let url = match source {
                ImageSource::Url { url } => url.clone(),
                ImageSource::Base64 { media_type, data } => {
                    format!("data:{media_type};base64,{data}")
                }
            };
            Ok(json!({ "type": "image_url", "image_url": { "url": url } }))
        }
        _ => Err(Unfit::new("moderation of anything but texts and images")),
    }
}

#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    model: String,
    results: Vec<Judged>,
}

#[derive(Debug, Deserialize)]
struct Judged {
    flagged: bool,
    // A category that a model does not judge is null.
    categories: BTreeMap<String, Option<bool>>,
    category_scores: BTreeMap<String, Option<f64>>,
    #[serde(default)]
    category_applied_input_types: BTreeMap<String, Vec<String>>,
}

pub(super) fn answer(
    request: &ModerationRequest,
    body: &[u8],
) -> Result<ModerationAnswer, Trouble> {
    let Body { model, results } = json(body, "a list of moderation results")?;
    if results.len() != request.inputs.len() {
        let (came, asked) = (results.len(), request.inputs.len());
        return Err(Trouble::Unreadable(format!("{came} results came for {asked} inputs")));
    }
    let results = results.into_iter().map(|it| ModerationResult {
        flagged: it.flagged,
        categories: said(it.categories),
        scores: said(it.category_scores),
        found_in: it.category_applied_input_types,
    });
    Ok(ModerationAnswer { model, results: results.collect() })
}

fn said<T>(values: BTreeMap<String, Option<T>>) -> BTreeMap<String, T> {
    values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(inputs: Vec<Vec<Part>>) -> ModerationRequest {
        ModerationRequest { model: "m".to_owned(), inputs }
    }

    #[track_caller]
    fn check(inputs: Vec<Vec<Part>>, expected: Result<Value, &str>) {
        let dialect = Dialect { moderations: true, ..Dialect::OPENAI };
        match (call(&dialect, &request(inputs)), expected) {
            (Ok(call), Ok(input)) => {
                assert_eq!(call.body, Some(json!({ "model": "m", "input": input })));
            }
            (Err(unfit), Err(part)) => assert!(unfit.0.contains(part), "{}", unfit.0),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn texts_go_as_texts_and_images_as_parts() {
        let image = || Part::Image {
            source: ImageSource::Base64 { media_type: "image/png".into(), data: "AA".into() },
            detail: None,
        };
        check(vec![vec![Part::text("a")], vec![Part::text("b")]], Ok(json!(["a", "b"])));
        let url = json!({ "url": "data:image/png;base64,AA" });
        check(
            vec![vec![Part::text("a"), image()]],
            Ok(json!([{ "type": "text", "text": "a" }, { "type": "image_url", "image_url": url }])),
        );
        check(vec![vec![image()], vec![image()]], Err("several inputs"));
        let unfit = call(&Dialect::OPENAI, &request(vec![vec![Part::text("a")]])).unwrap_err();
        assert_eq!(unfit.0, "moderations");
    }

    #[test]
    fn a_result_for_every_input_or_none() {
        let body = json!({ "model": "m-1", "results": [{
            "flagged": true, "categories": { "hate": true, "illicit": null },
            "category_scores": { "hate": 0.9, "illicit": null },
        }] });
        let body = body.to_string();
        let answer = answer(&request(vec![vec![Part::text("a")]]), body.as_bytes()).unwrap();
        assert_eq!(answer.results[0].categories, BTreeMap::from([("hate".to_owned(), true)]));
        assert_eq!(answer.results[0].scores, BTreeMap::from([("hate".to_owned(), 0.9)]));
        assert!(super::answer(&request(Vec::new()), body.as_bytes()).is_err());
    }
}
