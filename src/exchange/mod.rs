//! The life of one request: the walk, on one screen.
//!
//! In: a request. Out: its response. It must not know sockets, files or how anything below it works.

mod account;
pub mod failure;
mod fetch;
mod plan;
mod respond;
mod rewriting;
pub mod trace;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::future::join;
use http::{Method, Request, Response, Uri, request};

use crate::clock::Clock;
use crate::context::Context;
use crate::http::Body;
use crate::http::annotations::{CacheStatus, Forwarded, Timing, append_cache_status, append_server_timing};
use crate::http::headers::csp_nonce;
use crate::http::peer::{Peer, TrueClient, TrustedProxies};
use crate::limits::{OWN_NAME, OWN_PATHS};
use crate::revision::Revision;
use crate::telemetry::{Causes, Metrics, Name, RequestLabels, Treatment};
use crate::visitor::facts::{Head, RequestFacts};
use crate::visitor::{ConsentPolicy, IdentityKeys, Visitor};
use account::{AccountedBody, Line};
use failure::Failure;
use fetch::Asked;
use plan::{Layouts, Plan};
use respond::{Rewrite, Sharing};
use trace::TraceSink;

/// How visitors are recognised.
#[derive(Clone, Debug)]
pub struct VisitorPolicy {
    pub keys: IdentityKeys,
    pub consent: ConsentPolicy,
}

/// What every exchange needs. One for the process.
#[derive(Debug)]
pub struct Exchange {
    /// Replaced as a whole by a reload; an exchange takes it once.
    pub revision: ArcSwap<Revision>,
    pub visitors: ArcSwap<VisitorPolicy>,
    pub trusted: TrustedProxies,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    layouts: Layouts,
    off: AtomicBool,
}

/// An answer, with what the account of the request says of it.
struct Answered {
    response: Response<Body>,
    treatment: Treatment,
    origin_took: Duration,
    /// The names of the rules that applied.
    rules: Vec<Arc<str>>,
}

impl Exchange {
    /// An exchange that begins with `revision`.
    pub fn new(revision: Arc<Revision>, visitors: VisitorPolicy, trusted: TrustedProxies, clock: Clock) -> Self {
        Self {
            revision: ArcSwap::new(revision),
            visitors: ArcSwap::from_pointee(visitors),
            trusted,
            clock,
            metrics: Arc::new(Metrics::new()),
            layouts: Layouts::default(),
            off: AtomicBool::new(false),
        }
    }

    /// Switches personalisation off (pure pass-through, at once) or on.
    pub fn switch(&self, off: bool) {
        self.off.store(off, Ordering::Relaxed);
        self.metrics.off.set(i64::from(off));
    }

    /// Whether personalisation is switched off.
    pub fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// Answers one request. It never fails: what goes wrong is in the response.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let trace = head.extensions.get::<TraceSink>().cloned();
        let peer = head.extensions.get::<Peer>().copied().unwrap_or_else(Peer::in_process);
        let client = self.trusted.client(&peer, &head);
        let asked = (head.method.clone(), head.uri.clone(), started);
        let context = match self.open(&head, &client, started) {
            Ok(opened) => opened,
            Err(failure) => return self.account_for(asked, None, refused(&failure)),
        };
        let request = Request::from_parts(head, body);
        let answered = self.walk(&context, request, (&peer, &client), trace).await;
        let answered = answered.unwrap_or_else(|failure| self.failed(&failure));
        self.account_for(asked, Some(context), answered)
    }

    /// The walk: plan, ask, and lay what was planned into what came.
    async fn walk(
        &self,
        context: &Arc<Context>,
        request: Request<Body>,
        (peer, client): (&Peer, &TrueClient),
        trace: Option<TraceSink>,
    ) -> Result<Answered, Failure> {
        let method = request.method().clone();
        let mut plan = self.plan(context);
        let keys = self.visitors.load().keys.clone();
        let asked = Asked::new(request, keys.cookie_name(), plan.as_ref());
        let accepted = asked.accepted;

        // The request leaves first; fragments are filled while the origin works.
        let asking = Instant::now();
        let fill_ahead = async { guarded("filling fragments", || plan.as_mut().map(Plan::fill_ahead)) };
        let (answer, filled) = join(asked.send(fetch::origin_of(context), peer, client), fill_ahead).await;
        let mut response = answer?;
        let origin_took = asking.elapsed();

        let passed = |response| Ok(Answered { response, treatment: Treatment::Passed, origin_took, rules: Vec::new() });
        let (Some(mut plan), Some(_)) = (plan, filled) else { return passed(response) };
        let codings = match respond::page_codings(&response) {
            Ok(codings) => codings,
            Err(reason) => {
                tracing::debug!(?reason, path = context.request.path(), "passed on untouched");
                return passed(response);
            }
        };
        let nonce = csp_nonce(response.headers()).map(str::to_owned);
        if guarded("filling fragments", || plan.fill_at_head(nonce.as_deref())).is_none() {
            return passed(response);
        }
        if respond::limit_caching(response.headers_mut(), plan.bounds(), context.now) == Sharing::Private {
            respond::set_visitor_cookie(response.headers_mut(), context, &keys);
        }
        append_server_timing(response.headers_mut(), slot_timings(&plan));
        if !plan.applies() {
            return passed(response);
        }
        let rewrite = Rewrite { method: &method, accepted, metrics: self.metrics.clone(), trace };
        let rules = plan.applied().cloned().collect();
        let response = respond::rewrite(response, &codings, plan, rewrite);
        Ok(Answered { response, treatment: Treatment::Personalised, origin_took, rules })
    }

    /// The first steps: who asks, for which site, under which revision.
    fn open(&self, parts: &request::Parts, client: &TrueClient, started: Instant) -> Result<Arc<Context>, Failure> {
        let revision = self.revision.load_full();
        let host = client.host.as_ref().map(|host| host.host().to_ascii_lowercase()).unwrap_or_default();
        let Some(site) = revision.sites.of_host(&host).cloned() else {
            return Err(Failure::UnknownHost(host));
        };
        let head = Head {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            host,
            scheme: if client.scheme == http::uri::Scheme::HTTPS { "https" } else { "http" },
            client: client.address,
        };
        let facts = Arc::new(RequestFacts::new(head, site.expose.clone(), site.languages.clone()));
        if facts.path().starts_with(OWN_PATHS) {
            return Err(Failure::UnknownEndpoint(facts.path().to_owned()));
        }
        let now = self.clock.now();
        let visitor = Arc::new(self.recognise(&facts, now));
        let context = Context { revision, site, request: facts, visitor, now, started };
        Ok(Arc::new(context))
    }

    fn recognise(&self, facts: &RequestFacts, now: jiff::Timestamp) -> Visitor {
        let policy = self.visitors.load();
        let gpc = facts.header_values("sec-gpc").next();
        let consent = policy.consent.decide(|name| facts.cookie(name), gpc.as_deref());
        Visitor::recognise(&policy.keys, facts.cookie(policy.keys.cookie_name()), consent, now)
    }

    /// What is to be laid in; `None` leaves the exchange a pure pass-through.
    fn plan(&self, context: &Arc<Context>) -> Option<Plan> {
        if self.is_off() || context.site.protects(context.request.path()) {
            return None;
        }
        guarded("deciding rules", || Plan::decide(context, &self.layouts)).flatten()
    }

    fn failed(&self, failure: &Failure) -> Answered {
        if let Failure::Origin(error) = failure {
            let kind = error.proxy_error().to_owned();
            tracing::warn!(error = %Causes(error), "the origin gave no answer");
            self.metrics.origin_errors.get_or_create(&crate::telemetry::Kind { kind }).inc();
        }
        Answered { treatment: Treatment::Failed, ..refused(failure) }
    }

    /// Counts an answer, says in its head how it came to be, and has its end logged.
    fn account_for(
        &self,
        (method, uri, started): (Method, Uri, Instant),
        context: Option<Arc<Context>>,
        answered: Answered,
    ) -> Response<Body> {
        let Answered { mut response, treatment, origin_took, rules } = answered;
        if matches!(treatment, Treatment::Passed | Treatment::Personalised) {
            let status = CacheStatus::Forwarded { reason: Forwarded::Bypass, stored: false };
            append_cache_status(response.headers_mut(), OWN_NAME, &status, None);
            let own = started.elapsed().saturating_sub(origin_took);
            append_server_timing(response.headers_mut(), [timing("origin", origin_took), timing(OWN_NAME, own)]);
        }
        let status = response.status().as_u16();
        let site = Name(context.as_ref().map(|context| context.site.name.clone()).unwrap_or_default());
        self.metrics.requests.get_or_create(&RequestLabels { site, treatment, status }).inc();
        self.metrics.head_seconds.observe(started.elapsed().as_secs_f64());
        let line = Line { method, uri, context, status, treatment, rules, started };
        response.map(|body| AccountedBody::wrap(body, line))
    }
}

fn refused(failure: &Failure) -> Answered {
    Answered { response: failure.response(), treatment: Treatment::Own, origin_took: Duration::ZERO, rules: Vec::new() }
}

fn timing(name: &'static str, took: Duration) -> Timing<'static> {
    Timing { name: name.into(), duration: Some(took), description: None }
}

fn slot_timings(plan: &Plan) -> Vec<Timing<'static>> {
    let timings = plan.timings();
    timings
        .map(|slot| Timing {
            name: format!("slot-{}", slot.name).into(),
            duration: slot.took,
            description: Some(match slot.varies_by.is_empty() {
                true => slot.how.into(),
                false => format!("{}; varies by {}", slot.how, slot.varies_by.join(" ")).into(),
            }),
        })
        .collect()
}

/// Runs a part of the personalisation that must not take the page down with it. `None` if it panicked.
fn guarded<T>(what: &str, part: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(part))
        .inspect_err(|_| tracing::error!(what, "a part of the personalisation panicked"))
        .ok()
}
