//! All sources of a revision, and what outlives it: those whose definitions stay go on with what they keep and know.
//!
//! In: definitions. Out: sources that run, by name. It must not know what is made of their answers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::FutureExt;
use http::HeaderMap;
use rustls::RootCertStore;
use tokio::time::{Instant, timeout_at};

use super::ask::{Ask, AskError};
use super::client::Connecting;
use super::definition::Definition;
use super::failure::SourceError;
use super::fakes::{Fakes, forgetful};
use super::opening::Opening;
use super::running::{Kept, Known, Landed, Source, Tools};
use crate::clock::Clock;
use crate::http::client::Names;
use crate::http::trust;
use crate::limits;
use crate::telemetry::SourceFigures;

/// The sources of one revision, by name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    all: Arc<BTreeMap<Arc<str>, Arc<Source>>>,
    figures: SourceFigures,
}

impl Sources {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What is counted of them, in all revisions.
    pub fn figures(&self) -> SourceFigures {
        self.figures.clone()
    }

    /// The question that a call of code puts; its arguments are JSON, `[[positional…], {named…}]`. `fields` are those of the
    /// visitor's request.
    ///
    /// # Errors
    /// [`AskError`]: there is no such source, or it is not called so.
    pub fn ask(&self, name: &str, arguments: &str, fields: &HeaderMap) -> Result<Ask, AskError> {
        let source = self.all.get(name).ok_or_else(|| AskError::NoSource(name.to_owned()))?;
        Ask::of(&source.definition, arguments, fields)
    }

    /// What is known without waiting. Must be called within the runtime.
    pub fn peek(&self, ask: &Ask) -> Option<Known> {
        self.all.get(&ask.source)?.peek(ask)
    }

    /// What the source says, by `deadline`. The call goes on after it, for whoever asks next.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn read(&self, ask: &Ask, deadline: Instant) -> Result<Known, Arc<SourceError>> {
        let source = self.all.get(&ask.source);
        let source = source.ok_or_else(|| SourceError::Ask(AskError::NoSource(ask.source.to_string())))?;
        if let Some(known) = source.peek(ask) {
            return Ok(known);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let landed = timeout_at(deadline, source.fly(ask)).await;
        landed.map_or_else(|_| Err(Arc::new(SourceError::Timeout(left))), |landed| landed.answer)
    }

    /// Whether anything of the visitor's request goes on to it.
    pub fn forwards(&self, name: &str) -> bool {
        self.all.get(name).is_some_and(|source| !source.definition.forward.is_empty())
    }

    /// The body of what the source says, as soon as its head is found to be as expected.
    ///
    /// # Errors
    /// [`SourceError`].
    pub(super) fn open(&self, ask: &Ask) -> Opening {
        match self.all.get(&ask.source) {
            Some(source) => source.open(ask),
            None => {
                let error = SourceError::Ask(AskError::NoSource(ask.source.to_string()));
                std::future::ready(Err(Arc::new(error))).boxed().shared()
            }
        }
    }

    /// Whether asking twice is as good as asking once.
    pub fn is_idempotent(&self, ask: &Ask) -> bool {
        self.all.get(&ask.source).is_none_or(|source| source.definition.idempotent)
    }

    /// What the source says, as soon as it says it or its own time is over. `None`: there is no such source.
    pub(super) async fn wait(&self, ask: &Ask) -> Option<Landed> {
        Some(self.all.get(&ask.source)?.fly(ask).await)
    }
}

/// What outlives revisions: kept answers, connections, what is known of each source.
pub struct House {
    clock: Clock,
    names: Names,
    figures: SourceFigures,
    kept: Kept,
    roots: OnceLock<RootCertStore>,
    fakes: Option<Fakes>,
    /// Those of the newest revision.
    current: Mutex<Sources>,
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("House").field(&self.current).finish()
    }
}

impl House {
    /// A house without sources. `names` tells the addresses of their hosts.
    pub fn new(clock: Clock, names: Names) -> Self {
        let kept = Kept::builder().max_capacity(limits::SOURCE_CACHE_BYTES).weigher(|_, entry| entry.weight()).build();
        let (figures, roots) = (SourceFigures::default(), OnceLock::new());
        Self { clock, names, figures, kept, roots, fakes: None, current: Mutex::default() }
    }

    /// The same for tests: answers come from `fakes`, and nothing is left of one test for the next.
    pub fn faked(self, fakes: Fakes) -> Self {
        Self { fakes: Some(fakes), ..self }
    }

    /// The sources of a new revision; those that are defined as before are the same.
    pub fn furnish(&self, definitions: Vec<Definition>) -> Sources {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let sources = definitions.into_iter().map(|definition| {
            let definition = if self.fakes.is_some() { forgetful(definition) } else { definition };
            let before = current.all.get(&definition.name).filter(|source| source.definition == definition);
            let source = before.cloned().unwrap_or_else(|| Arc::new(Source::new(definition, self.tools())));
            (source.definition.name.clone(), source)
        });
        let sources = Sources { all: Arc::new(sources.collect()), figures: self.figures.clone() };
        *current = sources.clone();
        sources
    }

    fn tools(&self) -> Tools {
        let roots = self.roots.get_or_init(trust::platform).clone();
        Tools {
            kept: self.kept.clone(),
            connecting: Connecting { roots, names: self.names.clone() },
            clock: self.clock.clone(),
            figures: self.figures.clone(),
            fakes: self.fakes.clone(),
        }
    }
}
