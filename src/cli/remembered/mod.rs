//! What is remembered, as commands reach it: over the admin port of the running process, or in the store itself where none runs.
//!
//! In: where the process or its file is. Out: calls that do the same either way. It must not open a store that a process has open: the
//! store refuses that.
//!
//! ```text
//! port  → calls of the admin API         folder → the same, done here
//! lines → what an import hands over
//! ```

mod folder;
mod items;
pub mod lines;
mod port;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use http::StatusCode;
use serde_json::Value as Json;
use thiserror::Error;

use super::admin_port::{AdminPort, CallError, Caller};
use super::feed::BadLine;
use super::feed::import::Line;
use super::flags::FILE;
use crate::config::settings::Settings;
use crate::config::{self, ConfigSource, Problems};
use crate::http::client::SendError;
use crate::profile::{NameError, ProfileId};
use crate::store::StoreError;
use folder::Folder;
use port::Port;

/// What lines are of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lined {
    Profiles,
    /// Who is on the list of this audience, and who is not any more.
    Members(String),
}

/// Why it can't be reached, or says no.
#[derive(Debug, Error)]
pub enum RememberedError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Config(#[from] Problems),
    #[error("cannot start")]
    Start(#[source] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no process answers, and {0} names no `store` that outlives it: nothing is remembered")]
    NoStore(PathBuf),
    #[error(
        "there is no audience `{0}` that is a list: define `{0}: {{ list: true }}` below `audiences` in a rule file"
    )]
    NoList(String),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("cannot write")]
    Write(#[source] io::Error),
    #[error("the answer of the admin port is not understood")]
    Answer(#[source] serde_json::Error),
}

/// What is remembered, within reach.
pub enum Remembered {
    Port(Box<Port>),
    Folder(Box<Folder>),
}

impl Remembered {
    /// Reaches for it: over the admin port, if a process answers there; else in the store that the file names.
    ///
    /// # Errors
    /// [`RememberedError`].
    pub fn reach(at: &AdminPort) -> Result<Self, RememberedError> {
        let here = Path::new(FILE);
        let file = at.config.clone().or_else(|| (at.admin.is_none() && here.is_file()).then(|| here.to_owned()));
        let Some(file) = file else { return Self::over_port(at) };
        let named = AdminPort { config: Some(file.clone()), admin: at.admin, token: at.token.clone() };
        let source = ConfigSource::file(&file);
        let settings = config::settings(&source)?;
        if named.admin.is_none() && settings.admin.is_none() {
            return Self::in_store(source, settings, file);
        }
        match Self::over_port(&named) {
            Err(RememberedError::Call(CallError::Unreachable(address, error))) if nobody_is_there(&error) => {
                if named.admin.is_none() && settings.store.is_some() {
                    eprintln!("no process answers at {address}: its store is used");
                    return Self::in_store(source, settings, file);
                }
                Err(CallError::Unreachable(address, error).into())
            }
            reached => reached,
        }
    }

    fn over_port(at: &AdminPort) -> Result<Self, RememberedError> {
        let (address, token) = at.aim()?;
        let caller = Caller::new(address, token)?;
        caller.call(http::Method::GET, "/healthz", "")?;
        Ok(Self::Port(Box::new(Port::new(caller))))
    }

    fn in_store(source: ConfigSource, settings: Settings, file: PathBuf) -> Result<Self, RememberedError> {
        match settings.store {
            Some(_) => Ok(Self::Folder(Box::new(Folder::open(source, &settings)?))),
            None => Err(RememberedError::NoStore(file)),
        }
    }

    /// What is known under an id; `None`: nothing.
    ///
    /// # Errors
    /// [`RememberedError`].
    pub fn known(&self, id: &ProfileId) -> Result<Option<Json>, RememberedError> {
        match self {
            Self::Port(port) => port.known(id),
            Self::Folder(folder) => folder.known(id),
        }
    }

    /// Forgets everything of somebody, and tells what that was.
    ///
    /// # Errors
    /// [`RememberedError`].
    pub fn erase(&self, id: &ProfileId) -> Result<Json, RememberedError> {
        match self {
            Self::Port(port) => port.erase(id),
            Self::Folder(folder) => folder.erase(id),
        }
    }

    /// Hands lines over. Out: those that were refused; the others are safe.
    ///
    /// # Errors
    /// [`RememberedError`]; some may be safe.
    pub fn take(&mut self, lined: &Lined, batch: &[Line]) -> Result<Vec<BadLine>, RememberedError> {
        match self {
            Self::Port(port) => port.take(lined, batch),
            Self::Folder(folder) => folder.take(lined, batch),
        }
    }

    /// Writes all of it as lines.
    ///
    /// # Errors
    /// [`RememberedError`]; what was written is not whole then.
    pub fn export(&self, lined: &Lined, out: &mut dyn Write) -> Result<(), RememberedError> {
        match self {
            Self::Port(port) => port.export(lined, out),
            Self::Folder(folder) => folder.export(lined, out),
        }
    }

    /// All audiences with their sizes.
    ///
    /// # Errors
    /// [`RememberedError`].
    pub fn audiences(&self) -> Result<Json, RememberedError> {
        match self {
            Self::Port(port) => port.audiences(),
            Self::Folder(folder) => folder.audiences(),
        }
    }

    /// Writes what waits, and lets go.
    ///
    /// # Errors
    /// [`RememberedError`].
    pub fn close(self) -> Result<(), RememberedError> {
        match self {
            Self::Port(_) => Ok(()),
            Self::Folder(folder) => folder.close(),
        }
    }
}

/// Whether nobody listens there at all, as opposed to somebody who is slow or says no.
fn nobody_is_there(error: &SendError) -> bool {
    matches!(error, SendError::Unreachable(_))
}

/// Whether an answer says that nothing is there.
fn is_not_found(error: &CallError) -> bool {
    matches!(error, CallError::Refused(StatusCode::NOT_FOUND, _))
}
