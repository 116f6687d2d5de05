//! The life of one request: the walk, on one screen.
//!
//! In: a request. Out: its response. It must not know sockets, files or how anything below it works.

mod account;
mod actions;
pub mod explain;
pub mod explanation;
mod failure;
mod fetch;
mod following;
mod guard;
mod includes;
mod joining;
mod learning;
mod limiting;
mod link;
mod observers;
mod open;
pub mod pages;
mod plan;
mod preview;
mod reading;
mod respond;
mod rewriting;
mod serving;
mod tag;
pub mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use futures_util::future::join;
use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response};
use quick_cache::sync::Cache;
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;
use crate::context::Context;
use crate::http::Body;
use crate::http::coding::Effort;
use crate::http::nonce::{csp_nonce, exchange_nonce};
use crate::http::peer::{TrueClient, TrustedProxies};
use crate::limits::{ACTION_DEADLINE, READ_RESPONSES, SOURCE_ROUNDS};
use crate::origin::cache::{CacheSettings, EntryId, ResponseCache, Whose};
use crate::profile::Keep;
use crate::revision::Revision;
use crate::scope::Scope;
use crate::scope::ledger::Fingerprint;
use crate::store::items::Items;
use crate::store::{MemoryStore, Profiles, Store};
use crate::telemetry::{Metrics, SelectorFigures};
use crate::visitor::VisitorPolicy;
use account::{Account, Answered};
use actions::Acting;
use failure::{Failure, Told};
use fetch::{Answer, Asked, Asker, Came, Outlook, SURROGATE_CONTROL};
use includes::Includes;
use joining::Joining;
use learning::Learner;
use observers::Observers;
use open::Arrival;
pub use open::Unserved;
use pages::{Pages, Wanted, last_content_type};
use plan::known::{KnownPlans, Met};
use plan::paths::{OnPath, Paths};
use plan::{Fuses, Gate, Plan};
use reading::{ReadBody, Reading};
use serving::{Rewrite, Source};
use trace::TraceSink;

/// What every exchange needs. One for the process.
#[derive(Debug)]
pub struct Exchange {
    /// Replaced as a whole by a reload; an exchange takes it once.
    pub revision: ArcSwap<Revision>,
    pub visitors: ArcSwap<VisitorPolicy>,
    /// What is remembered of visitors; in memory, unless it was told of a store.
    pub profiles: Profiles,
    /// What is known of what the site sells or publishes; beside the profiles.
    pub items: Items,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    /// Origin responses that are shared.
    pub responses: ResponseCache,
    /// Pages that are compiled.
    pub pages: Pages,
    trusted: TrustedProxies,
    /// For what is compressed as it streams.
    effort: Effort,
    /// What paths bring.
    paths: Paths,
    /// Plans that came out before.
    known: KnownPlans,
    /// Stored responses that were passed on, and read beside that.
    responses_read: Cache<Fingerprint, ()>,
    /// Of rules that fail.
    pub fuses: Arc<Fuses>,
    /// Logins, and consent that is withdrawn.
    joining: Joining,
    off: AtomicBool,
}

/// Whether pages are personalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    On,
    /// Every request is passed through untouched.
    Off,
}

impl Exchange {
    /// An exchange that begins with `revision`; compiled pages may take `pages` bytes.
    pub fn new(
        revision: Arc<Revision>,
        visitors: VisitorPolicy,
        trusted: TrustedProxies,
        cache: CacheSettings,
        pages: u64,
        clock: Clock,
    ) -> Self {
        let metrics = Arc::new(Metrics::with(revision.sources.figures()));
        let keep = Keep::default();
        let fuses = Arc::new(Fuses::new(metrics.clone()));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(keep));
        Self {
            items: Items::new(store.clone(), metrics.items.clone()),
            profiles: Profiles::new(store, keep, metrics.profiles.clone()),
            pages: Pages::new(pages, metrics.clone()),
            responses: ResponseCache::new(cache, clock.clone(), metrics.cache.clone()),
            revision: ArcSwap::new(revision),
            visitors: ArcSwap::from_pointee(visitors),
            clock,
            metrics,
            trusted,
            effort: Effort::default(),
            paths: Paths::default(),
            known: KnownPlans::default(),
            responses_read: Cache::new(READ_RESPONSES),
            fuses,
            joining: Joining::default(),
            off: AtomicBool::new(false),
        }
    }

    /// The same, which remembers visitors in this store.
    #[must_use]
    pub fn remembering(self, store: Arc<dyn Store>, keep: Keep) -> Self {
        let items = Items::new(store.clone(), self.metrics.items.clone());
        Self { items, profiles: Profiles::new(store, keep, self.metrics.profiles.clone()), ..self }
    }

    /// The same, which makes this much effort for what is compressed as it streams.
    #[must_use]
    pub fn compressing(self, effort: Effort) -> Self {
        Self { effort, ..self }
    }

    /// Answers one request. It never fails: what goes wrong is in the response.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let mut arrival = Arrival::of(request, &self.trusted, &self.metrics);
        if let Some(presented) = arrival.preview.take() {
            return Box::pin(self.preview(arrival, presented)).await;
        }
        let account = Account::open(&arrival);
        let (context, answered) = match self.open(&arrival) {
            Ok(context) => {
                if arrival.limited && !self.is_off() {
                    self.joining.follow(&context, &self.profiles).await;
                }
                let answered = self.walk(&context, arrival).await;
                let failed = |failure| Answered::failed(&failure, &Told::visitor(&context), &self.metrics);
                let answered = answered.unwrap_or_else(failed);
                (Some(context), answered)
            }
            Err(failure) => {
                let sites = &self.revision.load().sites;
                let told = Told::stranger(&arrival.request, sites);
                (None, Answered::failed(&failure, &told, &self.metrics))
            }
        };
        account.close(context, answered, &self.metrics)
    }

    /// Opens the exchange of a request.
    ///
    /// # Errors
    /// As for [`Arrival::open`].
    fn open(&self, arrival: &Arrival) -> Result<Arc<Context>, Failure> {
        let remembering = (&self.profiles, &self.items);
        arrival.open(self.revision.load_full(), self.visitors.load_full(), remembering, &self.clock)
    }

    /// The walk: let it pass, decide, act on the request, ask the origin, and lay what was decided into what came.
    async fn walk(&self, context: &Arc<Context>, arrival: Arrival) -> Result<Answered, Failure> {
        if arrival.limited {
            self.limit(context)?;
        }
        let Arrival { mut request, peer, client, trace, metrics, .. } = arrival;
        let found = self.path(context);
        let path = found.clone().filter(|path| path.lays_in);
        let scope = path.as_ref().map(|_| context.scope()).unwrap_or_default();
        let (listening, gate) = (trace.is_some(), self.gate(context, trace.as_ref()));
        let met = path.as_ref().filter(|_| !listening).and_then(|path| self.meet(context, path, &scope));
        let anew = path.as_ref().filter(|_| met.is_none());
        let mut plan = anew.and_then(|path| decide(context, path, scope.clone(), gate.clone()));
        if let Some(plan) = plan.as_mut().filter(|_| trace.as_ref().is_some_and(TraceSink::explains)) {
            // Who explains waits for all decisions.
            Box::pin(plan.settle(|_| true, Instant::from_std(context.started + ACTION_DEADLINE))).await;
        }
        if let Some(trace) = trace.as_ref().filter(|trace| trace.explains()) {
            self.tell_decisions(context, plan.as_ref(), trace);
        }
        let acting = match plan.as_mut().filter(|_| path.as_ref().is_some_and(|path| path.acts)) {
            // Boxed, because few paths have it: the others need not carry it.
            Some(plan) => Box::pin(act(context, plan, &client, &metrics)).await,
            None => Acting::default(),
        };
        if let Some(redirect) = acting.redirected(context) {
            return Ok(Answered::redirected(redirect, applied(plan.as_ref())));
        }
        acting.change_request(&mut request);
        let outlook = outlook(plan.as_ref(), met.as_ref());
        let asked = Asked::new(request, context.policy.keys.cookie_name(), outlook);
        let (origin, asserted) = acting.origin(context);
        let written = acting.written();
        let asker = Asker {
            responses: &self.responses,
            origin,
            asserted,
            written: &written,
            context,
            peer: &peer,
            client: &client,
        };
        if let Some(plan) = plan.as_mut().filter(|plan| plan.includes()) {
            plan.include_by(Includes::new(&self.responses, context, (&peer, &client), &metrics));
        }
        let observers = Observers { metrics, trace, learner: None };
        let (method, accepted, held) = (asked.method(), asked.accepted, asked.held.clone());
        let mut rewrite = Rewrite { method, accepted, effort: self.effort, held, observers };

        // The request leaves first; fragments are filled while the origin works.
        let filling = async { plan.and_then(|plan| guard::filled(plan, Plan::fill_ahead)) };
        let (answer, plan) = join(asked.send(&asker), filling).await;
        let Answer { mut response, came } = answer?;

        origin.speak_as(response.headers_mut(), &client);
        acting.change_response(response.headers_mut());
        rewrite.observers.learner = found.as_ref().and_then(|path| self.learner(context, path, &came));
        let known = match &met {
            Some(met) => self.laid_out(response, came.entry, met, &rewrite, context),
            None => Err(response),
        };
        let laid = match known {
            Ok(laid) => laid,
            Err(response) => {
                // It was known, but this page is not laid out for it.
                let again = path.as_ref().filter(|_| met.is_some()).and_then(|path| decide(context, path, scope, gate));
                let again = again.and_then(|plan| guard::filled(plan, Plan::fill_ahead));
                let keeps = path.as_ref().filter(|_| met.is_none() && !listening);
                self.laid_in(response, came.entry, plan.or(again), keeps, &rewrite, context)
            }
        };
        Ok(match laid {
            Laid::Personalised(response, rules) => Answered::personalised(response, came, rules),
            Laid::Unchanged(response) => Answered::passed(self.read(response, found.as_deref(), &came, &rewrite), came),
            Laid::NoPage(mut response) => {
                acting.tell_what_it_rests_on(response.headers_mut(), context);
                Answered::passed(self.read(response, found.as_deref(), &came, &rewrite), came)
            }
        })
    }

    /// Who learns from this answer: nobody, if it may be the client's own.
    fn learner(&self, context: &Context, path: &OnPath, came: &Came) -> Option<Arc<Learner>> {
        let learns =
            !path.collects.is_empty() && came.whose == Whose::Anybodys && *context.request.method() == Method::GET;
        learns.then(|| Learner::of(context, &path.collects, &self.clock, &self.metrics)).flatten()
    }

    /// Has a page that is passed on read, unless that was done.
    fn read(&self, response: Response<Body>, path: Option<&OnPath>, came: &Came, rewrite: &Rewrite) -> Response<Body> {
        let learner = rewrite.observers.learner.clone();
        let Some((learner, layout)) = learner.zip(path.and_then(|path| path.layout.as_ref())) else { return response };
        let Ok(codings) = respond::page_codings(&response) else { return response };
        let is_read = |entry| {
            let name = Fingerprint::of((entry, layout.digest));
            let is_read = self.responses_read.get(&name).is_some();
            self.responses_read.insert(name, ());
            is_read
        };
        if came.entry.is_some_and(is_read) {
            return response;
        }
        let content_type = last_content_type(response.headers());
        let reading = Reading { markers: layout.markers.clone(), codings, content_type, learner };
        let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        response.map(|body| Body::wrap(ReadBody::new(body, length, reading)))
    }

    /// What the path brings; `None` leaves the exchange a pure pass-through.
    fn path(&self, context: &Context) -> Option<Arc<OnPath>> {
        if context.site.protects(context.request.path()) {
            return None;
        }
        let found = || if self.is_off() { self.paths.without_rules(context) } else { self.paths.of(context) };
        guard::decided(|| Some(found())).filter(|path| path.layout.is_some())
    }

    /// How this exchange looks at the fuses of rules.
    fn gate(&self, context: &Context, trace: Option<&TraceSink>) -> Gate {
        match trace {
            _ if !context.supposed.is_nothing() => Gate::Open,
            Some(trace) if trace.explains() => Gate::Looking(self.fuses.clone()),
            _ => Gate::Serving(self.fuses.clone()),
        }
    }

    /// The plan of this exchange, if it came out before.
    fn meet(&self, context: &Context, path: &OnPath, scope: &Scope) -> Option<Met> {
        guard::decided(|| self.known.meet(context, path, scope))
    }

    /// Lays a plan that is known into the response, where that is a page that was laid out so before, or can be.
    ///
    /// # Errors
    /// The response, if it can't.
    #[expect(
        clippy::result_large_err,
        reason = "it goes on at once, and a box would cost every page that is not known"
    )]
    fn laid_out(
        &self,
        mut response: Response<Body>,
        entry: Option<EntryId>,
        met: &Met,
        rewrite: &Rewrite,
        context: &Context,
    ) -> Result<Laid, Response<Body>> {
        let Ok(codings) = respond::page_codings(&response) else { return Ok(Laid::NoPage(response)) };
        if !met.lays_in() {
            respond::tell_what_known_rests_on(response.headers_mut(), met, context);
            return Ok(Laid::Unchanged(response));
        }
        let (known, headers) = (&met.known, response.headers());
        let wanted = entry.filter(|_| rewrite.method == Method::GET);
        let wanted = wanted.and_then(|entry| Wanted::of(entry, headers, &codings, known.markers(), known.digest()));
        let Some(Wanted { key, .. }) = wanted else { return Err(response) };
        let laying = guard::decided(|| self.pages.laid_out(key, known));
        let Some(laying) = laying else { return Err(response) };
        respond::tell_what_known_rests_on(response.headers_mut(), met, context);
        laying.tell(known);
        let response = serving::lay_out(response, key, &laying, rewrite, &self.pages);
        Ok(Laid::Personalised(response, known.applied.clone()))
    }

    /// Lays the plan into the response, where that is a page. `entry`: the stored response that it is. `keeps`: the path for which what
    /// came out is kept, if it may be.
    fn laid_in(
        &self,
        mut response: Response<Body>,
        entry: Option<EntryId>,
        plan: Option<Plan>,
        keeps: Option<&Arc<OnPath>>,
        rewrite: &Rewrite,
        context: &Context,
    ) -> Laid {
        let Some(plan) = plan else { return Laid::NoPage(response) };
        let codings = match respond::page_codings(&response) {
            Ok(codings) => codings,
            Err(reason) => {
                tracing::debug!(?reason, path = context.request.path(), "passed on untouched");
                rewrite.observers.tell(|explanation| explanation.untouched = Some(reason.to_string()));
                return Laid::NoPage(response);
            }
        };
        let wanted = entry.filter(|_| plan.applies());
        let wanted =
            wanted.and_then(|entry| Wanted::of(entry, response.headers(), &codings, plan.markers(), plan.digest()));
        let source = Source::of(wanted, &self.pages, &rewrite.observers);
        let own = csp_nonce(response.headers()).map(str::to_owned);
        // What content shows is the nonce of scripts, where the page has one; it is exchanged like any other.
        let shown = own.as_deref().map(|own| source.nonces().map_or(own, |(_, new)| new));
        let carried = source.nonces().map(|(own, _)| own);
        let Some(plan) = guard::filled(plan, |plan| plan.fill_at_head(shown, carried)) else {
            return Laid::NoPage(response);
        };
        if rewrite.observers.explains() {
            let slots = plan.explain();
            rewrite.observers.tell(|explanation| explanation.slots = slots);
        }
        if let Some(path) = keeps.filter(|_| matches!(source, Source::Kept(_)) || !plan.applies()) {
            self.known.keep(context, path, &plan);
        }
        respond::tell_what_it_rests_on(response.headers_mut(), &plan, context);
        if plan.includes() {
            response.headers_mut().remove(SURROGATE_CONTROL);
        }
        if !plan.applies() {
            return Laid::Unchanged(response);
        }
        if let Some((own, new)) = source.nonces() {
            exchange_nonce(response.headers_mut(), own, new);
        }
        let rules = applied(Some(&plan));
        Laid::Personalised(serving::rewrite(response, &codings, source, plan, rewrite, &self.pages), rules)
    }

    /// What the selectors of a revision found so far.
    pub fn selector_figures(&self, revision: &Revision) -> Vec<SelectorFigures> {
        self.paths.layouts.figures(revision)
    }

    /// Switches personalisation, at once.
    pub fn switch(&self, to: Switch) {
        let off = to == Switch::Off;
        self.off.store(off, Ordering::Relaxed);
        self.metrics.off.set(i64::from(off));
    }

    /// Whether personalisation is switched off.
    pub fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }
}

/// What rules do with the exchange itself; the page will rest on it too. What their conditions and templates ask of
/// sources is waited for, since the origin can't be asked before.
async fn act(context: &Context, plan: &mut Plan, client: &TrueClient, metrics: &Metrics) -> Acting {
    let deadline = Instant::from_std(context.started + ACTION_DEADLINE);
    let actions = &context.revision.actions;
    plan.settle(|rule| !actions[rule].is_empty(), deadline).await;
    let mut acting = guard::acting(|| Acting::of(plan, context, client));
    for _ in 0..SOURCE_ROUNDS {
        if acting.missing().is_empty() || timeout_at(deadline, plan.bring(acting.missing())).await.is_err() {
            break;
        }
        acting = guard::acting(|| Acting::of(plan, context, client));
    }
    acting.tell(metrics);
    plan.rests_on(acting.bounds());
    acting
}

/// What is to be laid in, decided anew; `None` leaves the exchange a pure pass-through.
fn decide(context: &Arc<Context>, path: &OnPath, scope: Scope, gate: Gate) -> Option<Plan> {
    guard::decided(|| Plan::decide(context, path, scope, gate))
}

/// What may become of the page.
fn outlook(plan: Option<&Plan>, met: Option<&Met>) -> Outlook {
    let decided =
        |plan: &Plan| Outlook { rewriting: plan.applies(), may_differ: plan.may_differ(), includes: plan.includes() };
    let known = |met: &Met| Outlook { rewriting: met.lays_in(), may_differ: met.may_differ(), includes: false };
    met.map(known).or(plan.map(decided)).unwrap_or_default()
}

/// What became of the origin's response.
enum Laid {
    /// The names of the rules that applied.
    Personalised(Response<Body>, Arc<[Arc<str>]>),
    /// A page of which no rule wants anything now; its head tells what that rests on.
    Unchanged(Response<Body>),
    NoPage(Response<Body>),
}

/// The names of the rules that apply, highest first.
fn applied(plan: Option<&Plan>) -> Arc<[Arc<str>]> {
    plan.iter().flat_map(|plan| plan.applied()).cloned().collect()
}
