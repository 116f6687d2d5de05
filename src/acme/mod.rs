//! Certificates from an authority that issues them by itself (ACME, RFC 8555): fetched, kept, and renewed ahead of time.
//!
//! In: for which domains, from whom, and a folder. Out: PEM files there, which listeners read like any others; answers to
//! the authority's challenges. It must not listen anywhere.

mod challenges;
mod order;
mod schedule;
mod storage;
mod transport;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use challenges::{ALPN, CHALLENGE_PATH, Challenges};
pub use order::OrderError;
pub use storage::StorageError;

use crate::clock::Clock;
use crate::http::client::{HttpClient, TrustError};
use crate::ids;
use crate::limits::{ACME_BUSY_WAIT, ACME_LOOK};
use crate::shutdown::Shutdown;
use crate::telemetry::{Causes, Kind, Metrics, Name, NameLabel};
use storage::{Storage, Stored};

/// One certificate that is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// At least one; the first names the file.
    pub domains: Vec<String>,
    /// A `mailto:` URL by which the authority can reach somebody.
    pub contact: Option<String>,
    /// The URL of the authority's directory.
    pub directory: String,
    /// PEM: who signed the authority's own certificate, besides those that the platform knows.
    pub ca: Option<PathBuf>,
    pub storage: PathBuf,
    pub challenge: Challenge,
}

/// How it is proved that a domain is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// By a file on port 80 (RFC 8555 section 8.3).
    Http01,
    /// By a certificate of its own on port 443 (RFC 8737).
    TlsAlpn01,
}

impl Wanted {
    /// Where the certificate lies with its key, once it has been issued.
    pub fn file(&self) -> PathBuf {
        Storage::file_of(&self.storage, &self.directory, &self.domains[0])
    }
}

/// Keeps one certificate fresh.
pub struct Keeper {
    wanted: Wanted,
    client: HttpClient,
    challenges: Challenges,
    metrics: Arc<Metrics>,
    clock: Clock,
}

/// Why there is no fresh certificate.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Order(#[from] OrderError),
}

/// What a look came to.
enum Step {
    /// The certificate is good until it is due for renewal, then.
    Fresh(Timestamp),
    /// There is a new one.
    Issued,
    /// Another process is at it.
    Busy,
}

impl Keeper {
    /// A keeper that has not looked yet.
    ///
    /// # Errors
    /// [`TrustError`] if `ca` is of no use.
    pub fn new(
        wanted: Wanted,
        challenges: Challenges,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Result<Self, TrustError> {
        let client = HttpClient::new(wanted.ca.as_deref())?;
        Ok(Self { wanted, client, challenges, metrics, clock })
    }

    /// Looks, fetches and renews until the shutdown. What fails is told and tried again, ever more seldom; what was good stays.
    pub async fn keep(self, shutdown: Shutdown) {
        let mut failures = 0;
        loop {
            let step = tokio::select! {
                step = self.step() => step,
                () = shutdown.draining() => return,
            };
            let wait = match &step {
                Ok(Step::Issued) => Duration::ZERO,
                Ok(Step::Busy) => ACME_BUSY_WAIT,
                Ok(Step::Fresh(due)) => self.until(*due).min(ACME_LOOK),
                Err(_) => schedule::pause(failures, jitter()),
            };
            failures = if step.is_err() { failures + 1 } else { 0 };
            self.tell(&step, wait);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.draining() => return,
            }
        }
    }

    async fn step(&self) -> Result<Step, KeepError> {
        let storage = Storage::open(&self.wanted.storage, &self.wanted.directory)?;
        if let Some(due) = self.due(&storage)? {
            return Ok(Step::Fresh(due));
        }
        let Some(_lock) = storage.lock()? else { return Ok(Step::Busy) };
        // Another process may have had the lock until now, and a new certificate with it.
        if let Some(due) = self.due(&storage)? {
            return Ok(Step::Fresh(due));
        }
        tracing::info!(domains = self.wanted.domains.join(" "), "a certificate is ordered");
        let pem = order::issue(&self.wanted, &storage, &self.client, &self.challenges).await?;
        storage.save_certificate(&self.wanted.domains[0], &pem)?;
        Ok(Step::Issued)
    }

    /// When the certificate that is there is due for renewal; `None`: now.
    fn due(&self, storage: &Storage) -> Result<Option<Timestamp>, KeepError> {
        let stored = storage.certificate(&self.wanted.domains[0])?;
        let Some(Stored { names, validity }) = stored else { return Ok(None) };
        let name = NameLabel { name: Name(self.wanted.domains[0].as_str().into()) };
        self.metrics.certificate_expiry.get_or_create(&name).set(validity.until.as_second());
        let covered = self.wanted.domains.iter().all(|domain| names.contains(domain));
        let due = schedule::due(&validity);
        Ok(Some(due).filter(|due| covered && *due > self.clock.now()))
    }

    fn until(&self, due: Timestamp) -> Duration {
        Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default()
    }

    fn tell(&self, step: &Result<Step, KeepError>, wait: Duration) {
        let domains = self.wanted.domains.join(" ");
        let count = |kind| self.metrics.certificate_renewals.get_or_create(&Kind { kind }).inc();
        match step {
            Ok(Step::Fresh(due)) => tracing::debug!(domains, %due, "the certificate is fresh"),
            Ok(Step::Busy) => tracing::debug!(domains, "another process orders the certificate"),
            Ok(Step::Issued) => {
                count("issued");
                tracing::info!(domains, "the certificate was issued");
            }
            Err(error) => {
                count("failed");
                let seconds = wait.as_secs();
                tracing::error!(domains, error = %Causes(error), seconds, "no certificate; it is tried again");
            }
        }
    }
}

/// From 0 to 1, so that many processes that failed at once do not come back at once.
fn jitter() -> f64 {
    let [a, b, ..] = ids::random_128();
    f64::from(u16::from_be_bytes([a, b])) / f64::from(u16::MAX)
}

/// A name for a folder that tells one authority from another.
fn slug(directory: &str) -> String {
    let rest = directory.split_once("://").map_or(directory, |(_, rest)| rest);
    rest.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

/// Where the account and the certificates of one authority lie.
fn folder_of(storage: &Path, directory: &str) -> PathBuf {
    storage.join(slug(directory))
}
