//! Lists in pages, as OpenAI's clients walk through them: newest first unless said otherwise.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::shown;
use crate::error::ApiError;

const LIMIT: usize = 20;
/// OpenAI's own bound for files; other lists have smaller ones there.
const LIMIT_MAX: usize = 10_000;

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Page {
    after: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    order: Order,
    pub(crate) purpose: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Asc,
    #[default]
    Desc,
}

/// The query of a list.
///
/// # Errors
/// When it has another form.
pub(crate) fn wanted(query: Result<Query<Page>, QueryRejection>) -> Result<Page, ApiError> {
    let Query(page) = query.map_err(|cause| ApiError::invalid(cause.body_text()))?;
    match page.limit {
        Some(limit) if !(1..=LIMIT_MAX).contains(&limit) => {
            let message = format!("`limit` is {limit}; it is 1 to {LIMIT_MAX}");
            Err(ApiError::invalid_field("limit", message))
        }
        _ => Ok(page),
    }
}

/// One page of items that stand in the order of their making.
///
/// # Errors
/// When the query has another form, or `after` is none of the items.
pub(crate) fn page(
    items: Vec<Value>,
    query: Result<Query<Page>, QueryRejection>,
) -> Result<Value, ApiError> {
    cut(items, &wanted(query)?)
}

/// As [`page`], for a query that was read already.
///
/// # Errors
/// When `after` is none of the items.
pub(crate) fn cut(mut items: Vec<Value>, page: &Page) -> Result<Value, ApiError> {
    if page.order == Order::Desc {
        items.reverse();
    }
    if let Some(after) = &page.after {
        let place = items.iter().position(|it| it["id"] == after.as_str()).ok_or_else(|| {
            let message = format!("`after` is `{}`, which is not in this list", shown(after));
            ApiError::invalid_field("after", message)
        })?;
        items.drain(..=place);
    }
    let limit = page.limit.unwrap_or(LIMIT);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let id = |item: Option<&Value>| item.map(|it| it["id"].clone());
    let (first, last) = (id(items.first()), id(items.last()));
    Ok(json!({
        "object": "list", "data": items, "first_id": first, "last_id": last, "has_more": has_more,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: Page, expected: &[u32], more: bool) {
        let items = (1..=4).map(|n| json!({ "id": n.to_string() })).collect();
        let cut = cut(items, &page).unwrap();
        let ids: Vec<String> = expected.iter().map(u32::to_string).collect();
        let found: Vec<&str> =
            cut["data"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(
            (found, cut["has_more"].as_bool()),
            (ids.iter().map(String::as_str).collect(), Some(more))
        );
        assert_eq!(cut["last_id"].as_str(), ids.last().map(String::as_str));
    }

    #[test]
    fn pages_follow_each_other() {
        check(Page::default(), &[4, 3, 2, 1], false);
        check(Page { limit: Some(3), ..Page::default() }, &[4, 3, 2], true);
        check(Page { after: Some("2".to_owned()), ..Page::default() }, &[1], false);
        check(
            Page { order: Order::Asc, limit: Some(1), after: Some("1".to_owned()), purpose: None },
            &[2],
            true,
        );
        check(Page { after: Some("1".to_owned()), ..Page::default() }, &[], false);
        assert!(cut(Vec::new(), &Page { after: Some("x".to_owned()), ..Page::default() }).is_err());
    }
}
