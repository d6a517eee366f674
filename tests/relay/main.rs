//! The relay's promises, kept to over real sockets.

mod auth;
mod catchup;
mod connection;
mod idle;
mod publish;
mod subscribe;
mod support;
