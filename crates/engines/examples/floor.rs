//! The least that a proxy of axum and reqwest does: take a body, send it on, hand the answer back.
//!
//! `floor PORT UPSTREAM`: no key, no rule, no count, no trace. What a gateway costs beyond it is
//! what it does.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use axum::routing::post;

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let (port, upstream) = (args.next().expect("a port"), args.next().expect("an address"));
    let url = format!("{upstream}/v1/chat/completions");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the usual versions of TLS")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client =
        reqwest::Client::builder().tls_backend_preconfigured(tls).build().expect("a client");
    let pass = async move |body: Bytes| {
        let sent =
            client.post(&url).header(CONTENT_TYPE, "application/json").body(body).send().await;
        match sent {
            Ok(answer) => Response::from(answer).map(Body::new),
            Err(cause) => {
                let mut response = Response::new(Body::from(cause.to_string()));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    };
    let app = Router::new().route("/v1/chat/completions", post(pass));
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a free port");
    println!("listening on http://{}", listener.local_addr().expect("a bound socket"));
    axum::serve(listener, app).await.expect("a listener");
}
