//! Inlay: an edge proxy that lays personalised fragments into a website's HTML as it streams by.
//!
//! This file is the map. The rooms stand in reading order: each may use those below it, never those above it, and
//! `tests/layers.rs` holds them to that.

/// The command line.
pub mod cli;
/// Wiring: files → handles → servers; reload; the order of the drain.
pub mod app;
/// Bytes ↔ HTTP.
pub mod server;
/// The second port: health, metrics, API.
pub mod admin;
/// The life of one request.
pub mod exchange;
/// Answers that are not pages.
pub mod surface;
/// Files → settings and revisions, or all problems.
pub mod config;
/// What one exchange carries.
pub mod context;
/// The compiled world of one version.
pub mod revision;
/// Fragments.
pub mod content;
/// Bytes of HTML in, pieces out.
pub mod page;
/// The site behind.
pub mod origin;
/// How often somebody may ask.
pub mod throttle;
/// Which rules have a request.
pub mod rule;
/// Audiences and shares.
pub mod decide;
/// Where profiles, items and timers live.
pub mod store;
/// What is remembered of one visitor or customer.
pub mod profile;
/// Something that happened.
pub mod event;
/// Who asks.
pub mod visitor;
/// What code may read, and the record that it read it.
pub mod scope;
/// Certificates that are fetched and renewed by themselves.
pub mod acme;
/// Parts of HTTP that know nothing of us.
pub mod http;
/// Logs and metrics.
pub mod telemetry;
/// Stopping.
pub mod shutdown;
/// What time it is.
pub mod clock;
/// Random and derived identifiers.
pub mod ids;
/// Every bound of the house.
pub mod limits;
