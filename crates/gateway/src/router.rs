//! Every route, and the layers around them. A route is one line here and one file.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, post};

use crate::app::{App, shown};
use crate::error::ApiError;
use crate::layers::{auth, in_flight, observe, rescue, told};
use crate::{anthropic, caches, feedback, openai, probes, systemone, tasks};

/// One route of the API.
#[derive(Debug)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    guard: Guard,
    endpoint: fn() -> MethodRouter<App>,
}

/// What stands before a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// Probes must answer when the server is full, and without a key.
    None,
    /// A key, but no place among the requests in flight: monitoring must see an overload.
    Key,
    /// A key, and a place among the requests in flight.
    KeyAndPlace,
}

use Guard::{Key, KeyAndPlace, None};

/// Every route, in the order of the documentation.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    Route { method: "post", path: "/v1/tasks/{task}/predict", guard: KeyAndPlace, endpoint: || post(tasks::predict::handler) },
    Route { method: "post", path: "/v1/systemone", guard: KeyAndPlace, endpoint: || post(systemone::decide::handler) },
    Route { method: "post", path: "/v1/chat/completions", guard: KeyAndPlace, endpoint: || post(openai::chat::handler) },
    Route { method: "post", path: "/v1/completions", guard: KeyAndPlace, endpoint: || post(openai::completions::handler) },
    Route { method: "post", path: "/v1/embeddings", guard: KeyAndPlace, endpoint: || post(openai::embeddings::handler) },
    Route { method: "post", path: "/v1/responses", guard: KeyAndPlace, endpoint: || post(openai::responses::handler) },
    Route { method: "get", path: "/v1/responses/{id}", guard: KeyAndPlace, endpoint: || get(openai::responses::show::handler) },
    Route { method: "delete", path: "/v1/responses/{id}", guard: KeyAndPlace, endpoint: || delete(openai::responses::delete::handler) },
    Route { method: "get", path: "/v1/responses/{id}/input_items", guard: KeyAndPlace, endpoint: || get(openai::responses::input_items::handler) },
    Route { method: "post", path: "/v1/moderations", guard: KeyAndPlace, endpoint: || post(openai::moderations::handler) },
    Route { method: "post", path: "/v1/files", guard: KeyAndPlace, endpoint: || post(openai::files::create::handler).layer(DefaultBodyLimit::disable()) },
    Route { method: "get", path: "/v1/files", guard: KeyAndPlace, endpoint: || get(openai::files::list::handler) },
    Route { method: "get", path: "/v1/files/{id}", guard: KeyAndPlace, endpoint: || get(openai::files::show::handler) },
    Route { method: "delete", path: "/v1/files/{id}", guard: KeyAndPlace, endpoint: || delete(openai::files::delete::handler) },
    Route { method: "get", path: "/v1/files/{id}/content", guard: KeyAndPlace, endpoint: || get(openai::files::content::handler) },
    Route { method: "post", path: "/v1/batches", guard: KeyAndPlace, endpoint: || post(openai::batches::create::handler) },
    Route { method: "get", path: "/v1/batches", guard: KeyAndPlace, endpoint: || get(openai::batches::list::handler) },
    Route { method: "get", path: "/v1/batches/{id}", guard: KeyAndPlace, endpoint: || get(openai::batches::show::handler) },
    Route { method: "post", path: "/v1/batches/{id}/cancel", guard: KeyAndPlace, endpoint: || post(openai::batches::cancel::handler) },
    Route { method: "post", path: "/v1/messages", guard: KeyAndPlace, endpoint: || post(anthropic::messages::handler) },
    Route { method: "post", path: "/v1/messages/count_tokens", guard: KeyAndPlace, endpoint: || post(anthropic::count_tokens::handler) },
    Route { method: "get", path: "/v1/models", guard: KeyAndPlace, endpoint: || get(openai::models::list) },
    Route { method: "get", path: "/v1/models/{id}", guard: KeyAndPlace, endpoint: || get(openai::models::show) },
    Route { method: "post", path: "/v1/feedback", guard: KeyAndPlace, endpoint: || post(feedback::handler) },
    Route { method: "get", path: "/metrics", guard: Key, endpoint: || get(probes::metrics::handler) },
    Route { method: "get", path: "/healthz", guard: None, endpoint: || get(probes::healthz::handler) },
    Route { method: "get", path: "/readyz", guard: None, endpoint: || get(probes::readyz::handler) },
    Route { method: "get", path: "/openapi.json", guard: None, endpoint: || get(probes::openapi::handler) },
];

fn guarded(guard: Guard) -> Router<App> {
    let routes = ROUTES.iter().filter(move |it| it.guard == guard);
    routes.fold(Router::new(), |router, it| router.route(it.path, (it.endpoint)()))
}

/// The endpoints as whoever works for a caller reaches them: the caller is known already and
/// stands in the request's extensions, and takes no place among the requests in flight.
pub(crate) fn inside(app: App) -> Router {
    guarded(KeyAndPlace)
        .layer(from_fn(rescue::layer))
        .layer(from_fn_with_state(app.clone(), observe::layer))
        .with_state(app)
}

/// The whole API as one service.
pub fn router(app: App) -> Router {
    let authenticate = from_fn_with_state(app.clone(), auth::layer);
    let answering = guarded(KeyAndPlace)
        // Who asks, and may they?
        .route_layer(authenticate.clone())
        // What the caller wishes of the cache, and what it did.
        .route_layer(from_fn(caches::layer))
        // Beyond the limit, refuse before any work is done.
        .route_layer(from_fn_with_state(app.clone(), in_flight::layer));
    let monitoring = guarded(Key).route_layer(authenticate);
    answering
        .merge(monitoring)
        .merge(guarded(None))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        // Turn errors and panics into the caller's protocol.
        .layer(from_fn(rescue::layer))
        // Say which way the answer took.
        .layer(from_fn(told::layer))
        // Count and name everything, also what the layers inside refuse.
        .layer(from_fn_with_state(app.clone(), observe::layer))
        .with_state(app)
}

async fn unknown_route(request: Request) -> ApiError {
    ApiError::UnknownRoute { path: shown(request.uri().path()) }
}

async fn wrong_method(request: Request) -> ApiError {
    let path = shown(request.uri().path());
    ApiError::Method { method: shown(request.method().as_str()), path }
}
