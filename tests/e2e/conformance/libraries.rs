//! The field's own libraries, unmodified: pusher-js, laravel-echo, npm's `pusher` and its `webhook()`, in one Node
//! process for each server. The cases are in `run.mjs`'s files; each is a line here, asserted by its name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::apps;
use crate::node::Node;
use crate::process::{Process, Stream};
use crate::server::{Kind, Server};

#[test]
fn the_libraries_hold_for_soketi() {
    hold(Kind::Soketi);
}

#[test]
fn the_libraries_hold_for_the_relay() {
    hold(Kind::Relay);
}

fn hold(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let mut runner = Process::start("the libraries", node.script("conformance/run.mjs", &json!({})));
    // The hook is there before the server, whose settings name it.
    let hook = runner
        .until(Stream::Out, "address of the hook", |line| Some(parse(line)?["hook"].as_str()?.to_owned()));
    let (name, settings) = match kind {
        Kind::Soketi => ("soketi", apps::soketi(Some(&hook))),
        Kind::Relay => ("relay", apps::relay(Some(&hook))),
    };
    let server = Server::start_with(kind, node, &settings);
    runner.say(&json!({"kind": name, "port": server.port, "apps": apps::as_json()}).to_string());

    let mut names = BTreeSet::new();
    let mut failed = Vec::new();
    runner.until(Stream::Out, "end of the cases", |line| {
        let told = parse(line)?;
        if let Some(name) = told["case"].as_str() {
            assert!(names.insert(name.to_owned()), "two cases are called {name}");
            if told["holds"] != true {
                failed.push(format!("\n- {name}: {}", told["why"].as_str().unwrap_or_default()));
            }
        }
        told["done"].as_u64()
    });
    assert!(!names.is_empty());
    assert!(failed.is_empty(), "{} do not hold for {kind:?}:{}", failed.len(), failed.concat());
}

fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}
