//! The end of a server: whoever is connected is asked to come back, by the code that says so.

use super::apps::{self, MAIN};
use super::wire::Wire;
use crate::node::Node;
use crate::server::{Kind, Server};

#[test]
fn a_server_that_is_told_to_stop_closes_with_4200_for_soketi() {
    closes(Kind::Soketi);
}

#[test]
fn a_server_that_is_told_to_stop_closes_with_4200_for_the_relay() {
    closes(Kind::Relay);
}

fn closes(kind: Kind) {
    let Some(node) = Node::find() else { return };
    let settings = match kind {
        Kind::Soketi => apps::soketi(None),
        Kind::Relay => apps::relay(None),
    };
    let server = Server::start_with(kind, node, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut wires = Vec::new();
        for _ in 0..5 {
            let mut wire = Wire::open(server.port, &MAIN).await;
            wire.subscribe("drained").await;
            wires.push(wire);
        }
        server.terminate();
        for wire in &mut wires {
            assert_eq!(wire.close_code().await, 4200);
        }
    });
}
