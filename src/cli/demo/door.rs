//! The demo's front door: one port, and behind it the stage, the shop, and Inlay for three visitors.
//!
//! In: a request from whoever runs the demo. Out: what stands where it is bound for ([`Aim`]). It must not change what
//! Inlay answers, but in the copy for a frame.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, REFERER};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::aim::{Aim, PARTS, Side, Told, Visit, aim, for_the_site};
use super::controls::control;
use super::edge::{Body, BoxError, Edge, boxed};
use super::follow::{is_for_a_frame, kept_on_one_host, navigates, plain, text, told_again};
use super::frame::{self, framed, is_page};
use super::mark::marked;
use super::persona::{Errand, Persona};
use super::proof::prove;
use super::report::Record;
use super::shop::Shop;
use super::stage::Stage;
use super::visitors::{self, Visitors};
use super::waterfall::{Waterfall, counted, timed};
use super::world::World;
use crate::clock::Clock;
use crate::decide::supposed::Supposed;
use crate::exchange::Unserved;
use crate::exchange::trace::{Recorded, TraceSink, Traced};
use crate::limits::TRACE_PAGE_BYTES;

const ELSEWHERE: &str = "This is the demo of Inlay. It knows localhost, ann.localhost, bob.localhost, eve.localhost, \
    the same before .shop.localhost, and shop.localhost.\n";

/// Everything behind the demo's one port.
pub struct Door {
    edge: Arc<dyn Edge>,
    shop: Arc<Shop>,
    stage: Stage,
    visitors: Visitors,
    world: World,
}

/// Why a visitor could not be made ready.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be made ready: {path} was answered with {status}, and set no cookie `{cookie}`", persona.name())]
pub struct ErrandFailed {
    persona: Persona,
    path: &'static str,
    cookie: &'static str,
    status: StatusCode,
}

impl Door {
    /// A door before this Inlay and this shop; its visitors have been nowhere yet.
    pub fn new(edge: Arc<dyn Edge>, shop: Arc<Shop>, world: World, clock: Clock) -> Self {
        Self { edge, shop, stage: Stage::default(), visitors: Visitors::new(clock), world }
    }

    /// Sends a visitor, with an empty jar, on their errands through Inlay: Ann logs in, Bob consents, Eve does not.
    pub async fn make_ready(&self, persona: Persona) -> Result<(), ErrandFailed> {
        self.visitors.forget(persona);
        for errand in persona.errands() {
            self.run(persona, errand).await?;
        }
        if persona.has_been_here() {
            self.look(persona).await;
        }
        Ok(())
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (headers, uri) = (request.headers(), request.uri());
        let host = text(headers, HOST).or(uri.host()).unwrap_or_default();
        match aim(host, uri, text(headers, REFERER)) {
            Aim::Stage => {
                let (head, body) = request.into_parts();
                let part = head.uri.path().strip_prefix(PARTS).unwrap_or_default();
                match control(&self.edge, &self.world, &head, body, part).await {
                    Some(answer) => answer,
                    None => self.stage(&head.method, head.uri.path()).await,
                }
            }
            Aim::Shop => self.shop.answer(request).await.map(boxed),
            Aim::Visit(visit) => self.visit(&visit, request).await,
            Aim::Elsewhere => plain(StatusCode::MISDIRECTED_REQUEST, ELSEWHERE),
        }
    }

    /// The stage's parts, and the one thing that it does: it lets a visitor start over.
    async fn stage(&self, method: &Method, path: &str) -> Response<Body> {
        let starts_over =
            path.strip_prefix("/_stage/restart/").filter(|_| method == Method::POST).and_then(Persona::of);
        match starts_over {
            None => self.stage.answer(path),
            Some(persona) => match self.make_ready(persona).await {
                Ok(()) => plain(StatusCode::OK, "ready\n"),
                Err(error) => plain(StatusCode::BAD_GATEWAY, &format!("{error}\n")),
            },
        }
    }

    async fn visit(&self, visit: &Visit, request: Request<Body>) -> Response<Body> {
        if visit.told == Told::ByReferer && navigates(&request) {
            return told_again(visit, request.uri());
        }
        let is_framed = is_for_a_frame(visit, &request);
        let (mut head, body) = request.into_parts();
        head.uri = for_the_site(&head.uri);
        if is_framed && let Some(copy) = self.recorded(visit, &head) {
            return copy;
        }
        self.visitors.dress(visit.persona, visit.side, &mut head);
        let response = match is_framed {
            true => self.framed(visit, head, body).await,
            false => self.exchange(visit, Request::from_parts(head, body)).await,
        };
        match visit.told {
            Told::ByHost => response,
            Told::ByQuery | Told::ByReferer => kept_on_one_host(visit, response),
        }
    }

    /// The origin's side of a page that was traced on Inlay's: the very same response, not another one like it.
    fn recorded(&self, visit: &Visit, head: &Parts) -> Option<Response<Body>> {
        let number = visit.of.filter(|_| visit.side == Side::Origin)?;
        let record = self.stage.record(number)?;
        if record.persona != visit.persona || record.place != place(head) {
            return None;
        }
        let page = marked(&record.traced.origin, &record.traced.slots, Side::Origin);
        let told = told_to_frame(visit, &record.place, Some(number));
        Some(framed(record.status, &record.headers, &page, told))
    }

    /// One exchange on either side; what it sets goes into the visitor's jar.
    async fn exchange(&self, visit: &Visit, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let response = match visit.side {
            Side::Inlay => self.edge.serve(request).await,
            Side::Origin => self.shop.answer(request).await.map(boxed),
        };
        self.visitors.keep(visit.persona, response.headers(), &path);
        response
    }

    /// An exchange whose page is looked at: traced, proven, marked.
    async fn framed(&self, visit: &Visit, mut head: Parts, body: Body) -> Response<Body> {
        let started = Instant::now();
        let sink = TraceSink::default();
        let place = place(&head).to_owned();
        ask_for_the_whole_page(&mut head.headers);
        head.extensions.insert(sink.clone());
        if let Some(at) = self.world.at() {
            let supposed = Supposed { at: Some(at), ..Supposed::default() };
            head.extensions.insert(Unserved { supposed });
        }
        let calls = self.world.apis.calls();
        let response = self.exchange(visit, Request::from_parts(head, body)).await;
        if !is_page(response.headers()) {
            return response;
        }
        let (parts, body) = response.into_parts();
        let (served, timeline) = match timed(body, started).await {
            Ok(timed) => timed,
            Err(error) => return unframeable(&error),
        };
        let Recorded::Whole { origin, slots } = sink.take() else {
            let told = told_to_frame(visit, &place, None);
            return framed(parts.status, &parts.headers, &served, told);
        };
        let traced = Traced { slots, origin, served };
        self.told_of(Record {
            persona: visit.persona,
            place,
            status: parts.status,
            headers: parts.headers,
            proof: prove(&traced),
            waterfall: Waterfall::of(started, timeline, &traced.slots, sink.witness()),
            calls: counted(calls, self.world.apis.calls()),
            traced,
        })
    }

    /// Inlay's side of a traced page, once its record is kept.
    fn told_of(&self, record: Record) -> Response<Body> {
        let (number, record) = self.stage.keep(record);
        let page = marked(&record.traced.served, &record.traced.slots, Side::Inlay);
        let told =
            frame::Told { persona: record.persona, side: Side::Inlay, place: &record.place, trace: Some(number) };
        framed(record.status, &record.headers, &page, told)
    }

    async fn run(&self, persona: Persona, errand: &Errand) -> Result<(), ErrandFailed> {
        let response = self.send(persona, visitors::errand(persona, errand)).await;
        match self.visitors.has(persona, errand.cookie) {
            true => Ok(()),
            false => Err(ErrandFailed { persona, path: errand.path, cookie: errand.cookie, status: response.status() }),
        }
    }

    /// An earlier visit: one look at the home page. What it shows does not matter, so neither does how it ends.
    async fn look(&self, persona: Persona) {
        let response = self.send(persona, visitors::look(persona)).await;
        if let Err(error) = collected(response.into_body()).await {
            tracing::debug!(%error, "an earlier visit ended early");
        }
    }

    /// A request that the visitor sends of their own accord, through Inlay.
    async fn send(&self, persona: Persona, request: Request<Body>) -> Response<Body> {
        let visit = Visit { persona, side: Side::Inlay, told: Told::ByHost, of: None };
        let (mut head, body) = request.into_parts();
        self.visitors.dress(persona, visit.side, &mut head);
        self.exchange(&visit, Request::from_parts(head, body)).await
    }
}

/// A frame's page is read and compared: never a part of it, never a "not modified", never a coding.
fn ask_for_the_whole_page(headers: &mut HeaderMap) {
    for conditional in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
        headers.remove(conditional);
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

async fn collected(body: Body) -> Result<Bytes, BoxError> {
    let whole = Limited::new(body, TRACE_PAGE_BYTES).collect().await?;
    Ok(whole.to_bytes())
}

fn unframeable(error: &BoxError) -> Response<Body> {
    let words = format!("This page does not fit into the stage's frame: {error}\n");
    plain(StatusCode::BAD_GATEWAY, &words)
}

fn told_to_frame<'a>(visit: &Visit, place: &'a str, trace: Option<u64>) -> frame::Told<'a> {
    frame::Told { persona: visit.persona, side: visit.side, place, trace }
}

fn place(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/", |place| place.as_str())
}
