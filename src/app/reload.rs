//! Reading the files again while requests run.
//!
//! In: a change in the rules folder, or a signal. Out: a new revision for the next request, or the old one and the
//! reason. It must not touch what only a restart changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::build::{self, BuildError};
use crate::admin::{Admin, ReloadState};
use crate::config::{self, ConfigSource, Loaded, Problems, Settings};
use crate::content::Cache;
use crate::exchange::Exchange;
use crate::http::headers::Pseudonym;
use crate::revision::Revision;
use crate::server::tls::Tls;
use crate::shutdown::Shutdown;
use crate::telemetry::Kind;

/// What a reload came to.
#[derive(Debug)]
pub enum Reloaded {
    /// The next request sees it.
    Applied,
    /// The files say what they said before.
    Unchanged,
    /// They are wrong; what ran before still runs.
    Refused(Refusal),
}

/// Why files were not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Config(Problems),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// What is reloaded into.
#[derive(Debug)]
pub struct Held {
    pub exchange: Arc<Exchange>,
    pub admin: Arc<Admin>,
    /// Fragments survive a reload where their code did not change.
    pub cache: Cache,
    /// Of the listeners that have certificates.
    pub tls: Vec<Tls>,
}

/// Reads files again.
#[derive(Debug)]
pub struct Reloader {
    source: ConfigSource,
    held: Held,
    /// For connections to origins that a reload makes.
    connecting: (Pseudonym, Shutdown),
    /// As they were last taken over; its lock lets one reload run at a time.
    settings: Mutex<Settings>,
}

impl Reloader {
    /// A reloader of what was read from `source` as `settings`.
    pub fn new(source: ConfigSource, settings: Settings, held: Held, connecting: (Pseudonym, Shutdown)) -> Self {
        Self { source, held, connecting, settings: Mutex::new(settings) }
    }

    /// The folders to watch.
    pub fn rules(&self) -> Vec<PathBuf> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).rules.clone()
    }

    /// Reads the rules again; sites and their connections stay.
    pub fn reload_rules(&self) -> Reloaded {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let exchange = &self.held.exchange;
        let before = exchange.revision.load_full();
        let read = config::load_rules(&settings, exchange.clock.now()).map_err(Refusal::Config);
        self.settle(read.map(|(rules, _warnings)| {
            let changed = rules.id != before.id;
            changed.then(|| rules.revision(before.sites.clone(), self.held.cache.clone()))
        }))
    }

    /// Reads all files again. Listeners, the admin port, the folders of rules and the store stay until a restart.
    pub fn reload_all(&self) -> Reloaded {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        self.held.tls.iter().for_each(reload_certificates);
        let read = config::load(&self.source, self.held.exchange.clock.now()).map_err(Refusal::Config);
        self.settle(read.and_then(|Loaded { settings: fresh, rules, .. }| {
            let (pseudonym, shutdown) = &self.connecting;
            let sites = build::sites(&fresh, pseudonym, shutdown)?;
            if settings.needs_restart(&fresh) {
                tracing::warn!(
                    "`listen`, `admin`, `rules`, `store`, `cache` and `trusted_proxies` change with a restart only"
                );
            }
            self.held.exchange.visitors.store(Arc::new(build::visitors(&fresh)));
            let revision = rules.revision(sites, self.held.cache.clone());
            *settings = Settings { rules: settings.rules.clone(), ..fresh };
            Ok(Some(revision))
        }))
    }

    /// Takes a revision over, or tells why there is none. `None`: nothing changed.
    fn settle(&self, read: Result<Option<Revision>, Refusal>) -> Reloaded {
        let Held { exchange, admin, .. } = &self.held;
        let (reloaded, state, kind) = match read {
            Err(refusal) => {
                tracing::error!("the files were not taken over, those from before still apply:\n{refusal}");
                let state = ReloadState::Refused { problems: refusal.to_string() };
                (Reloaded::Refused(refusal), state, "refused")
            }
            Ok(None) => (Reloaded::Unchanged, ReloadState::Current, "unchanged"),
            Ok(Some(revision)) => {
                tracing::info!(
                    revision = &*revision.id,
                    rules = revision.book.rules().len(),
                    "the rules were reloaded"
                );
                exchange.revision.store(Arc::new(revision));
                (Reloaded::Applied, ReloadState::Current, "applied")
            }
        };
        exchange.metrics.reloads.get_or_create(&Kind { kind: kind.to_owned() }).inc();
        admin.reload.store(Arc::new(state));
        reloaded
    }
}

fn reload_certificates(tls: &Tls) {
    match tls.reload() {
        Ok(()) => tracing::info!("the certificates were reloaded"),
        Err(error) => tracing::error!(%error, "the certificates were not reloaded, those from before still serve"),
    }
}
