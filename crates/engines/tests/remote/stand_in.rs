//! A server on loopback that answers like a provider. The last word of the conversation says
//! how, so that every provider meets the same scenarios.

pub mod anthropic;
pub mod bedrock;
pub mod gemini;
pub mod openai;
pub mod sigv4;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use freehold_engines::remote::{
    AwsAccess, AwsKeys, AwsSource, Network, Provider, RemoteEngine, RemoteLimits, RemoteOptions,
    Secret, Speaks, Timeouts,
};
use freehold_vocabulary::chat::{ChatRequest, Delivery, Message, Role};
use freehold_vocabulary::egress::{
    Allow, Classified, Cleared, EgressPolicy, EngineClearance, Origin, Place,
};
use freehold_vocabulary::ports::ChatEngine as _;
use freehold_vocabulary::{DataClass, EngineName, FixedClock, Timestamp};
use futures::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// The key of every engine here; it must turn up in no message.
pub const KEY: &str = "sk-secret-of-the-house";
/// What signs requests to AWS; it is not even sent.
pub const SECRET_KEY: &str = "sk-secret-of-the-house/that+signs";

/// What is sent, and what happens then.
#[derive(Debug, Clone)]
pub enum Step {
    Send(String),
    Bytes(Vec<u8>),
    /// Nothing more, and the connection stays open.
    Stall,
    /// The connection breaks.
    Cut,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub steps: Vec<Step>,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, steps: vec![Step::Send(body.to_string())] }
    }

    pub fn events(steps: Vec<Step>) -> Self {
        let headers = vec![("content-type", "text/event-stream; charset=utf-8".to_owned())];
        Self { status: 200, headers, steps }
    }
}

/// What a client sent.
#[derive(Debug, Clone)]
pub struct Seen {
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

/// How a server answers: from the path with its query, and the body.
pub type Script = Arc<dyn Fn(&str, &Value) -> Reply + Send + Sync>;

/// A running server.
pub struct StandIn {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    /// Told when a client leaves before the end of its answer.
    pub left: Arc<Notify>,
}

#[derive(Clone)]
struct Shared {
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
    left: Arc<Notify>,
}

impl StandIn {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, left) = (Arc::default(), Arc::new(Notify::new()));
        let shared = Shared { script, seen: Arc::clone(&seen), left: Arc::clone(&left) };
        let app = Router::new().fallback(answer).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen, left }
    }

    pub fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().cloned().expect("a request came")
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let path = parts.uri.to_string();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, it)| (name.to_string(), it.to_str().unwrap().to_owned()));
    let headers: Vec<(String, String)> = headers.collect();
    let reply = match sigv4::verify(parts.method.as_str(), &path, &headers, &bytes, SECRET_KEY) {
        Err(reason) => Reply::json(403, &serde_json::json!({ "message": reason })),
        Ok(()) => (shared.script)(&path, &body),
    };
    let seen = Seen { headers, body };
    shared.seen.lock().unwrap().push(seen);
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let guard = Guard { left: shared.left, complete: false };
    let steps = futures::stream::unfold((reply.steps.into_iter(), guard), step);
    response.body(Body::from_stream(steps)).unwrap()
}

/// Notices that the answer was not wanted to its end.
struct Guard {
    left: Arc<Notify>,
    complete: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.complete {
            self.left.notify_one();
        }
    }
}

type Steps = (std::vec::IntoIter<Step>, Guard);

async fn step((mut steps, mut guard): Steps) -> Option<(Result<Bytes, std::io::Error>, Steps)> {
    match steps.next() {
        None => {
            guard.complete = true;
            None
        }
        Some(Step::Send(text)) => Some((Ok(Bytes::from(text)), (steps, guard))),
        Some(Step::Bytes(bytes)) => Some((Ok(Bytes::from(bytes)), (steps, guard))),
        Some(Step::Cut) => {
            // What was sent before goes out while we wait for our turn.
            tokio::task::yield_now().await;
            Some((Err(std::io::ErrorKind::ConnectionReset.into()), (steps, guard)))
        }
        Some(Step::Stall) => {
            std::future::pending::<()>().await;
            None
        }
    }
}

/// The wire format of a provider.
pub fn script(provider: &'static Provider) -> Script {
    match provider.speaks {
        Speaks::OpenAi(_) => Arc::new(openai::reply),
        Speaks::Anthropic => Arc::new(anthropic::reply),
        Speaks::Bedrock => Arc::new(bedrock::reply),
        Speaks::Gemini => Arc::new(gemini::reply),
    }
}

/// An engine of that provider at that server, and the policy that lets public data go there.
pub struct Connected {
    pub engine: RemoteEngine,
    policy: EgressPolicy,
}

pub fn connect(provider: &'static Provider, server: &StandIn) -> Connected {
    connect_with(provider, server, Timeouts::default())
}

pub fn connect_with(
    provider: &'static Provider,
    server: &StandIn,
    timeouts: Timeouts,
) -> Connected {
    let options = options(provider, server, timeouts);
    let policy = EgressPolicy { allow: vec![Allow::to_engine(&options.clearance)], limits: vec![] };
    Connected { engine: RemoteEngine::new(&options).unwrap(), policy }
}

pub fn options(provider: &'static Provider, server: &StandIn, timeouts: Timeouts) -> RemoteOptions {
    RemoteOptions {
        clearance: EngineClearance {
            engine: EngineName::parse(provider.name).unwrap(),
            clearance: DataClass::Internal,
            region: None,
            owner: None,
            place: Place::Remote,
        },
        provider,
        url: Some(format!("http://{}/v1", server.address)),
        key: (provider.name != "bedrock").then(|| Secret::new(KEY)),
        aws: (provider.name == "bedrock").then(|| access(SECRET_KEY)),
        network: Network::Own,
        timeouts,
        limits: RemoteLimits { event_bytes_max: 64 << 10, ..RemoteLimits::default() },
    }
}

/// Temporary keys, whose token is the secret that goes along.
pub fn access(secret_key: &str) -> AwsAccess {
    let keys = AwsKeys {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_key: Secret::new(secret_key),
        session_token: Some(Secret::new(KEY)),
    };
    let at = Timestamp::parse("2026-11-24T18:30:00Z").unwrap();
    AwsAccess::new("eu-central-1", AwsSource::Keys(keys), Arc::new(FixedClock::at(at)))
}

impl Connected {
    pub fn clear<T>(&self, request: T) -> Cleared<T> {
        let request = Classified::new(request, DataClass::Public, Origin::Task);
        self.policy.clear(&request, &self.engine.card().clearance).unwrap()
    }

    /// The answer folded, or the error wherever it came.
    pub async fn ask(
        &self,
        request: ChatRequest,
    ) -> Result<freehold_vocabulary::chat::ChatAnswer, freehold_vocabulary::chat::ChatError> {
        let mut stream = self.engine.chat(self.clear(request)).await?;
        let mut answer = freehold_vocabulary::chat::Accumulator::new();
        while let Some(event) = stream.next().await {
            answer.push(event?).expect("engines keep the order of events");
        }
        Ok(answer.finish().expect("a stream that ends well is whole"))
    }
}

/// A request whose last word is the scenario.
pub fn request(scenario: &str, delivery: Delivery) -> ChatRequest {
    ChatRequest {
        model: "m-1".to_owned(),
        messages: vec![Message::text(Role::User, scenario)],
        delivery,
        ..ChatRequest::default()
    }
}

/// Short enough for a test, long enough for a busy machine to send what is not stalled.
pub fn impatient() -> Timeouts {
    Timeouts {
        first_token: Duration::from_millis(1500),
        between_tokens: Duration::from_millis(1500),
        ..Timeouts::default()
    }
}

/// Errors and broken streams, the same for every protocol: `None` for scenarios of its own.
pub fn misfortune(scenario: &str, first: String, error: impl Fn(&str) -> Value) -> Option<Reply> {
    let send = |text: &str| Step::Send(text.to_owned());
    let echo = format!("no such key {KEY}");
    Some(match scenario {
        "400" => Reply::json(400, &error("mend the request")),
        "401" => Reply::json(401, &error(&echo)),
        "404" => Reply::json(404, &error("no such model")),
        "429" => {
            let mut reply = Reply::json(429, &error("slow down"));
            reply.headers.push(("retry-after", "7".to_owned()));
            reply
        }
        "500" => Reply::json(500, &error("out of order")),
        "503" => Reply { status: 503, headers: vec![], steps: vec![send("<html>busy</html>")] },
        "302" => {
            let to = "http://169.254.169.254/latest".to_owned();
            Reply { status: 302, headers: vec![("location", to)], steps: vec![] }
        }
        "stall-before" => Reply::events(vec![send(": keep-alive\n\n"), Step::Stall]),
        "stall-between" => Reply::events(vec![Step::Send(first), Step::Stall]),
        "cut" => Reply::events(vec![Step::Send(first), Step::Cut]),
        "short" => Reply::events(vec![Step::Send(first)]),
        "garbage" => Reply::events(vec![Step::Send(first), send("data: {\"broken\n\n")]),
        "bytes" => Reply::events(vec![send("\u{0}\u{1}\u{2}data: ]]]\r\rdata: [[[\n\n")]),
        "huge" => {
            let steps = vec![Step::Send(first), Step::Send("data: ".to_owned())];
            let flood = std::iter::repeat_n(Step::Send("x".repeat(8 << 10)), 64);
            Reply::events(steps.into_iter().chain(flood).collect())
        }
        "empty" => Reply::events(vec![]),
        "html" => {
            let headers = vec![("content-type", "text/html".to_owned())];
            Reply { status: 200, headers, steps: vec![send("<html>hello</html>")] }
        }
        _ => return None,
    })
}

/// Server-sent events of JSON.
pub fn sse(pieces: &[Value]) -> String {
    pieces.iter().map(|it| format!("data: {it}\n\n")).collect()
}
