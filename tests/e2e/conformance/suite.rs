//! Cases with names, run together against one server.
//!
//! A case is a promise of the protocol. It holds for every server, or it says why it is not asked of soketi.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;

use frontdesk::protocol::sign;
use frontdesk::time::Clock;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::apps::{self, App, MAIN};
use super::wire::{Http, Reply, Wire};
use crate::node::Node;
use crate::server::{Kind, Server};

/// Cases that run at a time.
const TOGETHER: usize = 24;

type Run = Box<dyn FnOnce(At) -> Pin<Box<dyn Future<Output = ()>>>>;

/// A file's name, and what names its cases.
pub(crate) type File = (&'static str, fn(&mut Suite));

/// The cases of all files.
pub(crate) struct Suite {
    kind: Kind,
    /// The file whose cases are named just now.
    file: &'static str,
    cases: Vec<(String, Run)>,
}

impl Suite {
    /// A promise that every server keeps.
    pub(crate) fn case<F: Future<Output = ()> + 'static>(
        &mut self,
        name: impl Into<String>,
        run: impl FnOnce(At) -> F + 'static,
    ) {
        let name = format!("{}: {}", self.file, name.into());
        self.cases.push((name, Box::new(|at| Box::pin(run(at)))));
    }

    /// A promise that soketi does not keep, and in which way.
    pub(crate) fn not_soketi<F: Future<Output = ()> + 'static>(
        &mut self,
        why: &str,
        name: impl Into<String>,
        run: impl FnOnce(At) -> F + 'static,
    ) {
        assert!(!why.is_empty());
        match self.kind {
            Kind::Relay => self.case(name, run),
            Kind::Soketi => {}
        }
    }
}

/// Where a case runs, with names of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    case: usize,
}

impl At {
    /// A channel of this case: a prefix and a name.
    pub(crate) fn channel(self, prefix: &str) -> String {
        format!("{prefix}case-{}", self.case)
    }

    /// A user of this case.
    pub(crate) fn user(self, name: &str) -> String {
        format!("{name}-{}", self.case)
    }

    /// A connection of the main app.
    pub(crate) async fn desk(self) -> Wire {
        Wire::open(self.port, &MAIN).await
    }

    pub(crate) async fn desk_of(self, app: &'static App) -> Wire {
        Wire::open(self.port, app).await
    }

    /// Upgrades at a target, and does not wait to be let in.
    pub(crate) async fn knock(self, target: &str) -> Wire {
        Wire::knock(self.port, &MAIN, target, "").await
    }

    /// A request as it is written, and its answer.
    pub(crate) async fn http(self, request: impl AsRef<[u8]>) -> Reply {
        Http::open(self.port).await.ask(request).await
    }

    /// The status that an answer means. soketi says 200 to everything, and the status in the body.
    pub(crate) fn status(self, reply: &Reply) -> u16 {
        match self.kind {
            Kind::Relay => reply.status,
            Kind::Soketi => serde_json::from_str::<Value>(&reply.body)
                .ok()
                .and_then(|body| body["code"].as_u64())
                .map_or(reply.status, |code| u16::try_from(code).unwrap()),
        }
    }

    /// A signed request to an app's part of the HTTP API.
    pub(crate) async fn api(
        self,
        app: &App,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let target = signed(app, method, path, query, body);
        self.http(request(method, &target, body)).await
    }

    pub(crate) async fn get(self, path: &str, query: &[(&str, &str)]) -> Reply {
        self.api(&MAIN, "GET", path, query, "").await
    }

    /// Posts an event to the main app.
    pub(crate) async fn post(self, event: &Value) -> Reply {
        self.api(&MAIN, "POST", "/events", &[], &event.to_string()).await
    }

    pub(crate) async fn publish(self, channel: &str, event: &str, data: &str) {
        self.publish_to(&MAIN, channel, event, data).await;
    }

    pub(crate) async fn publish_to(self, app: &App, channel: &str, event: &str, data: &str) {
        let body = json!({"name": event, "channel": channel, "data": data}).to_string();
        let reply = self.api(app, "POST", "/events", &[], &body).await;
        assert_eq!(reply.status, 200, "{event} on {channel}: {reply:?}");
    }
}

/// The target of a request to the HTTP API, signed now.
pub(crate) fn signed(app: &App, method: &str, path: &str, query: &[(&str, &str)], body: &str) -> String {
    signed_at(app, method, path, query, body, Clock::system().now().as_second())
}

/// The target of a request to the HTTP API, signed at this time.
pub(crate) fn signed_at(
    app: &App,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    body: &str,
    at: i64,
) -> String {
    let path = format!("/apps/{}{path}", app.id);
    let mut pairs: Vec<(String, String)> =
        query.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut add = |key: &str, value: String| pairs.push((key.to_owned(), value));
    add("auth_key", app.key.to_owned());
    add("auth_timestamp", at.to_string());
    add("auth_version", "1.0".to_owned());
    if !body.is_empty() {
        add("body_md5", sign::body_md5(body.as_bytes()));
    }
    let signature = sign::sign(app.secret, &sign::request_text(method, &path, &pairs));
    pairs.push(("auth_signature".to_owned(), signature));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    format!("{path}?{query}")
}

/// A whole request, after which the connection ends.
pub(crate) fn request(method: &str, target: &str, body: &str) -> String {
    let length = if method == "GET" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\n{length}\r\n{body}"
    )
}

/// Runs the cases of all files, by their names, and fails with the names of those that do not hold. `CASE` in the
/// environment picks those whose names have these words.
pub(crate) fn run(kind: Kind, files: &[File]) {
    let Some(node) = Node::find() else { return };
    let mut suite = Suite { kind, file: "", cases: Vec::new() };
    for (file, cases) in files {
        suite.file = file;
        cases(&mut suite);
    }
    let picked = std::env::var("CASE").unwrap_or_default();
    let cases = suite.cases.into_iter().filter(|(name, _)| name.contains(&picked)).collect();
    let settings = match kind {
        Kind::Soketi => apps::soketi(None),
        Kind::Relay => apps::relay(None),
    };
    let server = Server::start_with(kind, node, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let failed = tokio::task::LocalSet::new().block_on(&runtime, all(kind, server.port, cases));
    assert!(failed.is_empty(), "{} do not hold for {kind:?}:{}", failed.len(), told(&failed));
}

fn told(failed: &[(String, String)]) -> String {
    failed.iter().fold(String::new(), |mut text, (name, why)| {
        let _ = write!(text, "\n- {name}: {why}");
        text
    })
}

async fn all(kind: Kind, port: u16, cases: Vec<(String, Run)>) -> Vec<(String, String)> {
    let room = Arc::new(Semaphore::new(TOGETHER));
    let mut running = JoinSet::new();
    let mut names = HashMap::new();
    let known: HashSet<&String> = cases.iter().map(|(name, _)| name).collect();
    assert_eq!(known.len(), cases.len(), "two cases have one name");
    for (number, (name, run)) in cases.into_iter().enumerate() {
        let at = At { kind, port, case: number };
        let room = Arc::clone(&room);
        let handle = running.spawn_local(async move {
            let _seat = room.acquire().await.unwrap();
            run(at).await;
        });
        names.insert(handle.id(), name);
    }
    let mut failed = Vec::new();
    while let Some(ended) = running.join_next_with_id().await {
        if let Err(error) = ended {
            let name = names.remove(&error.id()).unwrap_or_default();
            failed.push((name, panic_text(error)));
        }
    }
    failed.sort();
    failed
}

fn panic_text(error: tokio::task::JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}
