//! Inlay: an edge proxy that lays personalised fragments into a website's HTML as it streams by.
//!
//! This file is the map. Each line may use those below it, never those above; `tests/layers.rs` holds it to that.

pub mod cli;
// ---
pub mod app;
// ---
pub mod server;
// ---
pub mod admin;
// ---
pub mod exchange;
// ---
pub mod config;
// ---
pub mod context;
// ---
pub mod revision;
// ---
pub mod content;
// ---
pub mod page;
// ---
pub mod origin;
// ---
pub mod decide;
// ---
pub mod rule;
// ---
pub mod visitor;
// ---
pub mod scope;
// ---
pub mod http;
// ---
pub mod clock;
pub mod ids;
pub mod limits;
pub mod shutdown;
pub mod telemetry;
