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
mod limiting;
mod link;
mod open;
pub mod pages;
mod plan;
mod preview;
mod respond;
mod rewriting;
mod serving;
mod tag;
pub mod trace;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use futures_util::future::join;
use http::{Request, Response};
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;
use crate::context::Context;
use crate::http::Body;
use crate::http::coding::Effort;
use crate::http::nonce::{csp_nonce, exchange_nonce};
use crate::http::peer::{TrueClient, TrustedProxies};
use crate::limits::{ACTION_DEADLINE, SOURCE_ROUNDS};
use crate::origin::cache::{CacheSettings, EntryId, ResponseCache};
use crate::profile::Keep;
use crate::revision::Revision;
use crate::store::{MemoryStore, Profiles, Store};
use crate::telemetry::{Metrics, SelectorFigures};
use crate::visitor::VisitorPolicy;
use account::{Account, Answered, Observers};
use actions::Acting;
use failure::{Failure, Told};
use fetch::{Answer, Asked, Asker, SURROGATE_CONTROL};
use includes::Includes;
use open::Arrival;
pub use open::Unserved;
use pages::{Pages, Wanted};
use plan::{Fuses, Gate, Layouts, Plan};
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
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    /// Origin responses that are shared.
    pub responses: ResponseCache,
    /// Pages that are compiled.
    pub pages: Pages,
    trusted: TrustedProxies,
    /// For what is compressed as it streams.
    effort: Effort,
    layouts: Layouts,
    /// Of rules that fail.
    pub fuses: Arc<Fuses>,
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
        Self {
            profiles: Profiles::new(Arc::new(MemoryStore::new(keep)), keep, metrics.profiles.clone()),
            pages: Pages::new(pages, metrics.clone()),
            responses: ResponseCache::new(cache, clock.clone(), metrics.cache.clone()),
            revision: ArcSwap::new(revision),
            visitors: ArcSwap::from_pointee(visitors),
            clock,
            metrics,
            trusted,
            effort: Effort::default(),
            layouts: Layouts::default(),
            fuses,
            off: AtomicBool::new(false),
        }
    }

    /// The same, which remembers visitors in this store.
    #[must_use]
    pub fn remembering(self, store: Arc<dyn Store>, keep: Keep) -> Self {
        Self { profiles: Profiles::new(store, keep, self.metrics.profiles.clone()), ..self }
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

    /// The walk: let it pass, decide, act on the request, ask the origin, and lay what was decided into what came.
    async fn walk(&self, context: &Arc<Context>, arrival: Arrival) -> Result<Answered, Failure> {
        if arrival.limited {
            self.limit(context)?;
        }
        let Arrival { mut request, peer, client, trace, metrics, .. } = arrival;
        let mut plan = self.decide(context, self.gate(context, trace.as_ref()));
        if let Some(plan) = plan.as_mut().filter(|_| trace.as_ref().is_some_and(TraceSink::explains)) {
            // Who explains waits for all decisions.
            plan.settle(|_| true, Instant::from_std(context.started + ACTION_DEADLINE)).await;
        }
        if let Some(trace) = trace.as_ref().filter(|trace| trace.explains()) {
            self.tell_decisions(context, plan.as_ref(), trace);
        }
        let acting = act(context, plan.as_mut(), &client, &metrics).await;
        if let Some(redirect) = acting.redirected(context) {
            return Ok(Answered::redirected(redirect, applied(plan.as_ref())));
        }
        acting.change_request(&mut request);
        let asked = Asked::new(request, context.policy.keys.cookie_name(), plan.as_ref());
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
        let observers = Observers { metrics, trace };
        let (method, accepted, held) = (asked.method(), asked.accepted, asked.held.clone());
        let rewrite = Rewrite { method, accepted, effort: self.effort, held, observers };

        // The request leaves first; fragments are filled while the origin works.
        let filling = async { plan.and_then(|plan| guard::filled(plan, Plan::fill_ahead)) };
        let (answer, plan) = join(asked.send(&asker), filling).await;
        let Answer { mut response, came } = answer?;

        origin.speak_as(response.headers_mut(), &client);
        acting.change_response(response.headers_mut());
        Ok(match self.laid_in(response, came.entry, plan, rewrite, context) {
            Laid::Personalised(response, rules) => Answered::personalised(response, came, rules),
            Laid::Unchanged(response) => Answered::passed(response, came),
            Laid::NoPage(mut response) => {
                acting.tell_what_it_rests_on(response.headers_mut(), context);
                Answered::passed(response, came)
            }
        })
    }

    /// What is to be laid in; `None` leaves the exchange a pure pass-through.
    fn decide(&self, context: &Arc<Context>, gate: Gate) -> Option<Plan> {
        if context.site.protects(context.request.path()) {
            return None;
        }
        if self.is_off() {
            return guard::decided(|| Plan::without_rules(context, &self.layouts, gate));
        }
        guard::decided(|| Plan::decide(context, &self.layouts, gate))
    }

    /// How this exchange looks at the fuses of rules.
    fn gate(&self, context: &Context, trace: Option<&TraceSink>) -> Gate {
        match trace {
            _ if !context.supposed.is_nothing() => Gate::Open,
            Some(trace) if trace.explains() => Gate::Looking(self.fuses.clone()),
            _ => Gate::Serving(self.fuses.clone()),
        }
    }

    /// Lays the plan into the response, where that is a page. `entry`: the stored response that it is.
    fn laid_in(
        &self,
        mut response: Response<Body>,
        entry: Option<EntryId>,
        plan: Option<Plan>,
        rewrite: Rewrite,
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
        self.layouts.figures(revision)
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
async fn act(context: &Context, plan: Option<&mut Plan>, client: &TrueClient, metrics: &Metrics) -> Acting {
    let Some(plan) = plan else { return Acting::default() };
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

/// What became of the origin's response.
enum Laid {
    /// The names of the rules that applied.
    Personalised(Response<Body>, Vec<Arc<str>>),
    /// A page of which no rule wants anything now; its head tells what that rests on.
    Unchanged(Response<Body>),
    NoPage(Response<Body>),
}

/// The names of the rules that apply, highest first.
fn applied(plan: Option<&Plan>) -> Vec<Arc<str>> {
    plan.iter().flat_map(|plan| plan.applied()).cloned().collect()
}
