//! What is remembered, in the store itself, while no process has it open.
//!
//! In: the file that names the store. Out: the same as the admin port gives, done here. It must not stay open longer than a command.

use std::cell::OnceCell;
use std::io::Write;

use futures_util::{StreamExt, pin_mut};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use super::{Lined, RememberedError};
use crate::app::{Predecessor, open_store};
use crate::cli::feed::BadLine;
use crate::cli::feed::import::Line;
use crate::config::settings::Settings;
use crate::config::{self, ConfigSource};
use crate::decide::audience::{Audience, Audiences};
use crate::limits::STORE_CLOSE_WAIT;
use crate::profile::line::{Line as Said, LineError};
use crate::profile::{Keep, Name, ProfileId};
use crate::store::{Bulk, Profiles, walk};
use crate::telemetry::ProfileFigures;

/// A store that this process has opened.
pub struct Folder {
    pub(super) runtime: Runtime,
    pub(super) profiles: Profiles,
    source: ConfigSource,
    /// The audiences of the rule files, once somebody has asked.
    defined: OnceCell<Audiences>,
}

impl Folder {
    /// Opens the store that the settings name.
    ///
    /// # Errors
    /// [`RememberedError`]: it can't be opened, another process has it open.
    pub fn open(source: ConfigSource, settings: &Settings) -> Result<Self, RememberedError> {
        let runtime = Runtime::new().map_err(RememberedError::Start)?;
        let keep = settings.profiles.keep;
        let store = runtime.block_on(async { open_store(settings, Predecessor::Nobody) })?;
        Ok(Self {
            runtime,
            profiles: Profiles::new(store, keep, ProfileFigures::default()),
            source,
            defined: OnceCell::new(),
        })
    }

    pub fn known(&self, id: &ProfileId) -> Result<Option<Json>, RememberedError> {
        let found = self.runtime.block_on(self.profiles.store().load(id))?;
        Ok((!found.profile.is_blank()).then(|| {
            let mut known = found.profile.document();
            known["id"] = found.id.text().into();
            known
        }))
    }

    pub fn erase(&self, id: &ProfileId) -> Result<Json, RememberedError> {
        Ok(self.runtime.block_on(self.profiles.erase(id))?.document())
    }

    pub fn take(&self, lined: &Lined, batch: &[Line]) -> Result<Vec<BadLine>, RememberedError> {
        let (list, now) = (self.list(lined)?, Timestamp::now());
        let mut refused = Vec::new();
        self.runtime.block_on(async {
            let mut bulk = Bulk::new(self.profiles.clone());
            for line in batch {
                match said(line, list.as_ref(), self.profiles.keep(), now) {
                    Ok(Said { id, changes }) => bulk.hand_over(&id, changes, line.json.len()).await?,
                    Err(error) => refused.push(BadLine { line: line.number, why: error.to_string() }),
                }
            }
            bulk.settle().await
        })?;
        Ok(refused)
    }

    pub fn export(&self, lined: &Lined, out: &mut dyn Write) -> Result<(), RememberedError> {
        let (store, list) = (self.profiles.store().clone(), self.list(lined)?);
        let lines = match list {
            None => {
                let line = |found: &crate::store::Found| format!("{}\n", found.profile.line(&found.id));
                walk::profiles(store).map(move |batch| Ok(batch?.iter().map(line).collect::<String>())).boxed()
            }
            Some(list) => {
                let line = |id: &ProfileId| format!("{}\n", json!({ "id": id.text() }));
                walk::members(store, list).map(move |batch| Ok(batch?.iter().map(line).collect::<String>())).boxed()
            }
        };
        self.runtime.block_on(async {
            pin_mut!(lines);
            while let Some(text) = lines.next().await {
                let text = text.map_err(RememberedError::Store)?;
                out.write_all(text.as_bytes()).map_err(RememberedError::Write)?;
            }
            Ok(())
        })
    }

    /// Who was met is known to processes that run; here are the members of lists.
    pub fn audiences(&self) -> Result<Json, RememberedError> {
        let mut told = Vec::new();
        for (name, audience) in self.defined()? {
            told.push(match audience {
                Audience::When(when) => json!({ "name": &**name, "when": &*when.source }),
                Audience::List(list) => {
                    let members = self.runtime.block_on(self.profiles.store().member_count(list))?;
                    json!({ "name": &**name, "members": members })
                }
            });
        }
        Ok(told.into())
    }

    pub fn close(self: Box<Self>) -> Result<(), RememberedError> {
        self.runtime.block_on(self.profiles.close(STORE_CLOSE_WAIT))?;
        Ok(())
    }

    /// The list that lines are of; it must be defined, so that no name is misspelt.
    fn list(&self, lined: &Lined) -> Result<Option<Name>, RememberedError> {
        let Lined::Members(audience) = lined else { return Ok(None) };
        match self.defined()?.get(audience.as_str()) {
            Some(Audience::List(list)) => Ok(Some(list.clone())),
            Some(Audience::When(_)) | None => Err(RememberedError::NoList(audience.clone())),
        }
    }

    fn defined(&self) -> Result<&Audiences, RememberedError> {
        if let Some(defined) = self.defined.get() {
            return Ok(defined);
        }
        let read = config::load(&self.source, Timestamp::now())?.rules.audiences;
        Ok(self.defined.get_or_init(|| read))
    }
}

fn said(line: &Line, list: Option<&Name>, keep: &Keep, now: Timestamp) -> Result<Said, LineError> {
    let json: Json = serde_json::from_str(&line.json).map_err(|error| LineError::NotJson(error.to_string()))?;
    match list {
        Some(list) => Said::read_member(&json, list, now),
        None => Said::read(json, keep, now),
    }
}
