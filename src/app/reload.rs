//! Reading the files again while requests run.
//!
//! In: a change in the rules folder, or a signal. Out: a new revision for the next request, or the old one and the reason. It must not
//! touch what only a restart changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::admin::{Admin, ReloadState};
use crate::config::{self, Loaded, Problems, Settings, World};
use crate::exchange::Exchange;
use crate::revision::Revision;
use crate::telemetry::Kind;

/// What a reload came to.
#[derive(Debug)]
pub enum Reloaded {
    /// The next request sees it.
    Applied,
    /// The files say what they said before.
    Unchanged,
    /// They are wrong; what ran before still runs.
    Refused(Problems),
}

/// Reads files again.
#[derive(Debug)]
pub struct Reloader {
    source: config::Source,
    world: World,
    exchange: Arc<Exchange>,
    admin: Arc<Admin>,
    /// As they were last read; one reload at a time.
    settings: Mutex<Settings>,
    rules: PathBuf,
}

impl Reloader {
    /// A reloader of what was read from `source` as `settings`.
    pub fn new(source: config::Source, world: World, settings: Settings, exchange: Arc<Exchange>, admin: Arc<Admin>) -> Self {
        let rules = settings.rules.clone();
        Self { source, world, exchange, admin, settings: Mutex::new(settings), rules }
    }

    /// The folder to watch.
    pub fn rules(&self) -> &Path {
        &self.rules
    }

    /// Reads the rules again; sites and their connections stay.
    pub fn reload_rules(&self) -> Reloaded {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let sites = self.exchange.revision.load().sites.clone();
        let read = config::load_rules(&settings, sites, &self.world);
        self.settle(read.map(|(revision, _warnings)| revision))
    }

    /// Reads all files again. Listeners, the admin port and the store stay as they are until a restart.
    pub fn reload_all(&self) -> Reloaded {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        settings.listeners.iter().filter_map(|listener| listener.tls.as_ref()).for_each(reload_certificates);
        let read = config::load(&self.source, &self.world);
        self.settle(read.map(|Loaded { settings: read, revision, .. }| {
            if settings.needs_restart(&read) {
                tracing::warn!("listen, admin, rules and store change with a restart only");
            }
            self.exchange.visitors.store(Arc::new(read.visitors.clone()));
            settings.visitors = read.visitors;
            revision
        }))
    }

    fn settle(&self, read: Result<Revision, Problems>) -> Reloaded {
        let (reloaded, state) = match read {
            Err(problems) => {
                tracing::error!("the rules were not reloaded, those from before still apply:\n{problems}");
                let state = ReloadState::Refused { problems: problems.to_string() };
                (Reloaded::Refused(problems), state)
            }
            Ok(revision) if revision.id == self.exchange.revision.load().id => {
                (Reloaded::Unchanged, ReloadState::Current)
            }
            Ok(revision) => {
                tracing::info!(revision = &*revision.id, rules = revision.book.rules().len(), "the rules were reloaded");
                self.exchange.revision.store(Arc::new(revision));
                (Reloaded::Applied, ReloadState::Current)
            }
        };
        let kind = match &reloaded {
            Reloaded::Applied => "applied",
            Reloaded::Unchanged => "unchanged",
            Reloaded::Refused(_) => "refused",
        };
        self.exchange.metrics.reloads.get_or_create(&Kind { kind: kind.to_owned() }).inc();
        self.admin.reload.store(Arc::new(state));
        reloaded
    }
}

fn reload_certificates(tls: &crate::server::tls::Tls) {
    match tls.reload() {
        Ok(()) => tracing::info!("the certificates were reloaded"),
        Err(error) => tracing::error!(%error, "the certificates were not reloaded, those from before still serve"),
    }
}
