//! Reading the files again while requests run.
//!
//! In: a change in the rules folder, or a signal. Out: a new revision for the next request, or the old one and the
//! reason. It must not touch what only a restart changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::build::{self, BuildError, Connecting};
use crate::admin::{Admin, ReloadState};
use crate::config::{self, ConfigSource, Loaded, Problems, Settings};
use crate::content::Lasting;
use crate::content::source::House;
use crate::exchange::Exchange;
use crate::revision::Revision;
use crate::server::tls::Tls;
use crate::telemetry::{Causes, Kind};

/// What a reload came to.
#[derive(Debug)]
pub enum Reloaded {
    /// The next request sees it.
    Applied,
    /// The files say what they said before.
    Unchanged,
    /// They changed again while they were read, and are to be read anew.
    Overtaken,
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
    pub lasting: Lasting,
    /// Sources do where their definitions did not.
    pub sources: House,
    /// Of the listeners that have certificates.
    pub tls: Vec<Tls>,
}

/// Reads files again.
#[derive(Debug)]
pub struct Reloader {
    source: ConfigSource,
    held: Held,
    /// For connections to origins that a reload makes.
    connecting: Connecting,
    /// As they were last taken over; its lock lets one reload run at a time.
    settings: Mutex<Settings>,
}

impl Reloader {
    /// A reloader of what was read from `source` as `settings`.
    pub fn new(source: ConfigSource, settings: Settings, held: Held, connecting: Connecting) -> Self {
        Self { source, held, connecting, settings: Mutex::new(settings) }
    }

    /// The folders to watch.
    pub fn rules(&self) -> Vec<PathBuf> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).rules.clone()
    }

    /// The files of certificates to watch; they change with a restart only, what is in them at any time.
    pub fn certificate_files(&self) -> Vec<PathBuf> {
        certificate_files(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the certificates again. Wrong ones change nothing.
    pub fn reload_certificates(&self) {
        self.held.tls.iter().for_each(reload_certificates);
    }

    /// The geo database to watch, if there is one.
    pub fn geo_files(&self) -> Vec<PathBuf> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).geo.database.iter().cloned().collect()
    }

    /// Reads the geo database again. A wrong one changes nothing.
    pub fn reload_geo(&self) {
        let visitors = self.held.exchange.visitors.load();
        match visitors.geo.database.as_ref().map(|database| database.reload()) {
            None => {}
            Some(Ok(())) => tracing::info!("the geo database was reloaded"),
            Some(Err(error)) => {
                tracing::error!(error = %Causes(&error), "the geo database was not reloaded, the one from before still answers")
            }
        }
    }

    /// Reads the rules again; sites and their connections stay. What was read counts only if the files are still the same
    /// afterwards, as `settled` says: else it may be the half of a change.
    pub fn reload_rules(&self, settled: impl Fn() -> bool) -> Reloaded {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let exchange = &self.held.exchange;
        let before = exchange.revision.load_full();
        let read = config::load_rules(&settings, exchange.clock.now()).map_err(Refusal::Config);
        if !settled() {
            return Reloaded::Overtaken;
        }
        self.settle(read.map(|(rules, _warnings)| {
            let changed = rules.id != before.id;
            changed.then(|| rules.revision(before.sites.clone(), self.held.lasting.clone(), &self.held.sources))
        }))
    }

    /// Reads all files again. Listeners, the admin port, the folders of rules and the store stay until a restart.
    pub fn reload_all(&self) -> Reloaded {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        self.reload_certificates();
        let read = config::load(&self.source, self.held.exchange.clock.now()).map_err(Refusal::Config);
        self.settle(read.and_then(|fresh| Ok(Some(self.take_over(&mut settings, fresh)?))))
    }

    /// Takes fresh settings over, as far as that goes without a restart. Out: the revision of the fresh rules.
    fn take_over(&self, settings: &mut Settings, fresh: Loaded) -> Result<Revision, BuildError> {
        let Loaded { settings: fresh, rules, .. } = fresh;
        let exchange = &self.held.exchange;
        let before = exchange.revision.load().sites.clone();
        let sites = build::sites(&fresh, &self.connecting, Some(&before), &exchange.clock)?;
        if settings.needs_restart(&fresh) {
            tracing::warn!(
                "`listen`, `admin`, `rules`, `store`, `cache`, `functions.threads`, `limits` and `trusted_proxies` change with a restart only"
            );
        }
        let visitors = &exchange.visitors;
        visitors.store(Arc::new(build::visitors(&fresh, Some(&visitors.load()))?));
        *settings = Settings { rules: settings.rules.clone(), ..fresh };
        Ok(rules.revision(sites, self.held.lasting.clone(), &self.held.sources))
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
        exchange.metrics.reloads.get_or_create(&Kind { kind }).inc();
        admin.reloaded(state);
        reloaded
    }
}

/// All files that TLS listeners read.
pub fn certificate_files(settings: &Settings) -> Vec<PathBuf> {
    let tls = settings.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    tls.flat_map(|tls| tls.paths().map(PathBuf::from)).collect()
}

fn reload_certificates(tls: &Tls) {
    match tls.reload() {
        Ok(()) => tracing::info!("the certificates were reloaded"),
        Err(error) => {
            tracing::error!(error = %Causes(&error), "the certificates were not reloaded, those from before still serve")
        }
    }
}
