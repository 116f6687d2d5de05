//! Inlay: an edge proxy that lays personalised fragments into a website's HTML as it streams by.
//!
//! This file is the map. The rooms stand in reading order: each may use those below it, never those above it, and
//! `tests/layers.rs` holds them to that.

/// The second port: health, metrics, API.
pub mod admin;
/// Wiring: files → handles → servers; reload; the order of the drain.
pub mod app;
/// The command line.
pub mod cli;
/// What time it is.
pub mod clock;
/// Files → settings and revisions, or all problems.
pub mod config;
/// Fragments.
pub mod content;
/// What one exchange carries.
pub mod context;
/// Audiences and shares.
pub mod decide;
/// The life of one request.
pub mod exchange;
/// Parts of HTTP that know nothing of us.
pub mod http;
/// Random and derived identifiers.
pub mod ids;
/// Every bound of the house.
pub mod limits;
/// The site behind.
pub mod origin;
/// Bytes of HTML in, pieces out.
pub mod page;
/// The compiled world of one version.
pub mod revision;
/// Which rules have a request.
pub mod rule;
/// What code may read, and the record that it read it.
pub mod scope;
/// Bytes ↔ HTTP.
pub mod server;
/// Stopping.
pub mod shutdown;
/// Logs and metrics.
pub mod telemetry;
/// Who asks.
pub mod visitor;
