//! The first steps of an exchange: who asks, for which site, under which revision.
//!
//! In: a request as the server hands it over. Out: its [`Context`], in which everything is taken that must not change
//! under way. It must not decide rules, nor ask the origin.

use std::sync::Arc;
use std::time::Instant;

use http::Request;
use http::uri::PathAndQuery;

use super::explanation::Explanation;
use super::failure::Failure;
use super::link::{self, Presented};
use super::trace::TraceSink;
use crate::clock::Clock;
use crate::context::{Context, Remembered};
use crate::decide::supposed::Supposed;
use crate::http::Body;
use crate::http::peer::{Peer, TrueClient, TrustedProxies};
use crate::limits::OWN_PATHS;
use crate::revision::Revision;
use crate::store::Profiles;
use crate::store::items::Items;
use crate::telemetry::Metrics;
use crate::visitor::facts::{Head, RequestFacts};
use crate::visitor::{Purpose, VisitorPolicy};

/// Stands among the extensions of a request that nobody sent: it is walked, but neither counted nor limited.
#[derive(Clone, Debug, Default)]
pub struct Unserved {
    /// What is to be supposed of it.
    pub supposed: Supposed,
}

/// A request that has just come in.
pub struct Arrival {
    pub request: Request<Body>,
    /// The other end of the connection.
    pub peer: Peer,
    /// The client behind it.
    pub client: TrueClient,
    /// Where somebody listens in.
    pub trace: Option<TraceSink>,
    /// What is to be supposed of the exchange.
    pub supposed: Supposed,
    /// Where it is counted: with all others, unless nobody is served.
    pub metrics: Arc<Metrics>,
    /// Whether it counts against the limits of clients.
    pub limited: bool,
    /// The preview link that it shows; the request itself does not have it any more.
    pub preview: Option<Presented>,
    pub started: Instant,
}

impl Arrival {
    /// Notes when a request came, and from whom.
    pub fn of(request: Request<Body>, trusted: &TrustedProxies, metrics: &Arc<Metrics>) -> Self {
        let started = Instant::now();
        let (mut head, body) = request.into_parts();
        let preview = link::take(&mut head);
        let peer = head.extensions.get::<Peer>().copied().unwrap_or_else(Peer::in_process);
        let client = trusted.client(&peer, &head);
        let trace = head.extensions.get::<TraceSink>().cloned();
        let (unserved, metrics) = match head.extensions.get::<Unserved>() {
            Some(unserved) => (Some(unserved), Arc::default()),
            None => (None, metrics.clone()),
        };
        let limited = unserved.is_none();
        let supposed = unserved.map(|unserved| unserved.supposed.clone()).unwrap_or_default();
        Self {
            request: Request::from_parts(head, body),
            peer,
            client,
            trace,
            supposed,
            metrics,
            limited,
            preview,
            started,
        }
    }

    /// Tells what was asked.
    pub fn tell(&self, explanation: &mut Explanation) {
        let host = self.client.host.as_ref().map_or("", |host| host.as_str());
        explanation.method = self.request.method().to_string();
        let target = self.request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        explanation.url = format!("{}://{host}{target}", self.client.scheme);
    }

    /// The head, in the words of the client.
    fn head(&self, host: String) -> Head {
        Head {
            method: self.request.method().clone(),
            uri: self.request.uri().clone(),
            headers: self.request.headers().clone(),
            host,
            scheme: self.client.scheme.clone(),
            client: self.client.address,
            peer: self.client.peer,
        }
    }
}

impl Arrival {
    /// Opens the exchange of the request, under what holds now.
    ///
    /// # Errors
    /// The request names no site of ours, or a path that this version keeps for itself.
    pub fn open(
        &self,
        revision: Arc<Revision>,
        policy: Arc<VisitorPolicy>,
        (profiles, items): (&Profiles, &Items),
        clock: &Clock,
    ) -> Result<Arc<Context>, Failure> {
        let host = self.client.host.as_ref().map(|host| host.host().to_ascii_lowercase()).unwrap_or_default();
        let Some(site) = revision.sites.of_host(&host).cloned() else {
            return Err(Failure::UnknownHost(host));
        };
        let facts = RequestFacts::new(self.head(host), site.expose.clone(), site.languages.clone());
        if facts.path().starts_with(OWN_PATHS) {
            return Err(Failure::UnknownEndpoint(facts.path().to_owned()));
        }
        let supposed = self.supposed.clone();
        let now = supposed.at.unwrap_or_else(|| clock.now());
        let visitor = Arc::new(policy.recognise(&facts, now));
        let remembered = match revision.recalls {
            true => Remembered::of(&visitor, profiles, now),
            false => Remembered::nothing(),
        };
        let (started, witness) = (self.started, self.trace.as_ref().map(|trace| trace.witness().clone()));
        let request = Arc::new(facts);
        let counted = visitor.id().filter(|_| supposed.is_nothing() && visitor.consent.allows(Purpose::Measure));
        let census = counted.map(|id| self.metrics.audiences.census(id.text(), now));
        let items = items.clone();
        Ok(Arc::new(Context {
            revision,
            site,
            request,
            visitor,
            remembered,
            policy,
            items,
            supposed,
            now,
            started,
            witness,
            census,
        }))
    }
}
