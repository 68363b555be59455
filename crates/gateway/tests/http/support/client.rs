//! A client that keeps one connection.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

pub struct Client {
    sender: SendRequest<Body>,
    key: Option<String>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Client {
    pub async fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).await.unwrap()
    }

    pub async fn try_connect(addr: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(addr).await.map_err(|cause| cause.to_string())?;
        let made = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|cause| cause.to_string())?;
        tokio::spawn(connection);
        Ok(Self { sender, key: None })
    }

    /// Presents this key with every request.
    pub fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Reply {
        self.try_post(path, body).await.unwrap()
    }

    pub async fn try_post(&mut self, path: &str, body: &str) -> Result<Reply, String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.try_send(request).await
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// Uploads a file; `fields` come before it.
    pub async fn upload(&mut self, fields: &[(&str, &str)], content: Option<&str>) -> Reply {
        let mut form = String::new();
        for (name, value) in fields {
            form += &format!(
                "--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        if let Some(content) = content {
            form += &format!(
                "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n{content}\r\n"
            );
        }
        form += "--edge--\r\n";
        let request = Request::post("/v1/files")
            .header("content-type", "multipart/form-data; boundary=edge")
            .body(Body::from(form));
        self.send(request.unwrap()).await
    }

    pub async fn delete(&mut self, path: &str) -> Reply {
        let request = Request::builder().method(Method::DELETE).uri(path).body(Body::empty());
        self.send(request.unwrap()).await
    }

    pub async fn send(&mut self, request: Request<Body>) -> Reply {
        self.try_send(request).await.unwrap()
    }

    async fn try_send(&mut self, mut request: Request<Body>) -> Result<Reply, String> {
        let headers = request.headers_mut();
        headers.insert("host", "localhost".parse().unwrap());
        if let Some(key) = &self.key {
            headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
        }
        self.sender.ready().await.map_err(|cause| cause.to_string())?;
        let sent = self.sender.send_request(request).await;
        let (parts, body) = sent.map_err(|cause| cause.to_string())?.into_parts();
        let bytes = axum::body::to_bytes(Body::new(body), 64 << 20).await;
        let bytes = bytes.map_err(|cause| cause.to_string())?;
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Ok(Reply { status: parts.status, headers: parts.headers, text })
    }
}

impl Reply {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// The body of a good answer, for snapshots.
    #[track_caller]
    pub fn steady(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&steady(&self.text)).unwrap()
    }

    /// The message of an error with this status and code.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> String {
        let body = self.json();
        assert_eq!(
            (self.status.as_u16(), body["error"]["code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
        body["error"]["message"].as_str().unwrap().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Cuts fractions after six digits: the last ones differ between mathematics libraries.
pub fn steady(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut digits = None;
    for letter in text.chars() {
        digits = match digits {
            _ if letter == '.' => Some(0),
            Some(n) if letter.is_ascii_digit() => Some(n + 1),
            _ => None,
        };
        if digits.is_none_or(|n| n <= 6) {
            kept.push(letter);
        }
    }
    kept
}
