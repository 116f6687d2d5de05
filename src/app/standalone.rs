//! Inlay without ports: an exchange of the files, for tools that ask it from within the process.
//!
//! In: a configuration that was read. Out: an exchange, with all that it needs to ask origins. It must not listen, nor watch
//! files.

use std::sync::Arc;

use super::build::{self, BuildError, Connecting};
use crate::clock::Clock;
use crate::config::{Rules, Settings};
use crate::content::source::House;
use crate::content::{Cache, Lasting};
use crate::exchange::Exchange;
use crate::http::client::Names;
use crate::shutdown::{Trigger, shutdown};

/// An exchange that nobody serves.
#[derive(Debug)]
pub struct Standalone {
    pub exchange: Arc<Exchange>,
    /// What runs beside it (checks of origins, tunnels) ends with this.
    _trigger: Trigger,
}

impl Standalone {
    /// Builds it. Must be called within the runtime.
    ///
    /// # Errors
    /// Certificate authorities that can't be read.
    pub fn new(settings: &Settings, rules: Rules, clock: &Clock) -> Result<Self, BuildError> {
        Self::among(settings, rules, clock, House::new(clock.clone(), Names::platform()))
    }

    /// The same, with these sources.
    ///
    /// # Errors
    /// Certificate authorities that can't be read.
    pub fn among(settings: &Settings, rules: Rules, clock: &Clock, sources: House) -> Result<Self, BuildError> {
        let (trigger, handle) = shutdown();
        let cache = Cache::new(settings.cache.fragments);
        let sites = build::sites(settings, &Connecting::new(handle), None, clock)?;
        let revision = rules.revision(sites, Lasting { cache, ..Lasting::default() }, &sources);
        Ok(Self { exchange: build::exchange(settings, revision, None, clock)?, _trigger: trigger })
    }
}
