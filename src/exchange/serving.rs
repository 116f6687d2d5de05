//! A page that rules apply to, on its way to one visitor: from which source, in which coding, under which tag.
//!
//! In: the head that the page leaves with, its source, and what is laid in. Out: the response. A page that is compiled costs no parse, and
//! where its pieces are compressed no compression. It must not decide what is laid in, nor keep what it assembles.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use http::response::Parts;
use http::{Method, Response, StatusCode};

use super::following::FollowingBody;
use super::includes::Includes;
use super::observers::Observers;
use super::pages::{Laying, PageKey, Pages, Shelved, Wanted, last_content_type};
use super::plan::Plan;
use super::plan::fills::PageFills;
use super::rewriting::{Page, RewritingBody};
use super::tag;
use crate::http::Body;
use crate::http::coding::{Accepted, Coding, DecodedBody, Effort, EncodedBody, Encoder};
use crate::http::headers::{add_vary, remove_what_is_true_of_the_bytes};
use crate::http::nonce::fresh_nonce;
use crate::page::{Assembled, Form, Nonce, NotStitched, Prepared, Serving, Stitched};
use crate::telemetry::Kind;

/// What serving a page needs from the exchange.
pub struct Rewrite {
    pub method: Method,
    /// What the client accepts.
    pub accepted: Accepted,
    /// For what is compressed as it leaves.
    pub effort: Effort,
    /// The client's `If-None-Match` lines.
    pub held: Vec<HeaderValue>,
    pub observers: Observers,
}

/// Where a page comes from.
pub enum Source {
    /// It was compiled before.
    Kept(Kept),
    /// The origin's body, which others may share.
    Shared(Wanted),
    /// The origin's body, which is this visitor's.
    Own,
}

/// A compiled page, for one visitor.
pub struct Kept {
    pub key: PageKey,
    pub page: Arc<Shelved>,
    /// Stands in the place of the page's own, in the policy as in the page.
    pub nonce: Option<Nonce>,
}

impl Source {
    /// The best source of a page. A trace compares what came with what leaves: there the nonce stays.
    pub fn of(wanted: Option<Wanted>, pages: &Pages, observers: &Observers) -> Self {
        let Some(wanted) = wanted else { return Self::Own };
        let Some(page) = pages.find(wanted.key) else { return Self::Shared(wanted) };
        let fresh = page.page.nonce().is_some() && observers.trace.is_none();
        let nonce = fresh.then(fresh_nonce).and_then(|nonce| Nonce::of(&nonce));
        Self::Kept(Kept { key: wanted.key, page, nonce })
    }

    /// The page's own nonce, and the one that stands in its place.
    pub fn nonces(&self) -> Option<(&str, &str)> {
        match self {
            Self::Kept(kept) => Some((kept.page.page.nonce()?.text(), kept.nonce.as_ref()?.text())),
            Self::Shared(_) | Self::Own => None,
        }
    }
}

/// Makes the origin's page, coded by `codings`, a personalised one.
pub fn rewrite(
    response: Response<Body>,
    codings: &[Coding],
    source: Source,
    plan: Plan,
    how: &Rewrite,
    pages: &Pages,
) -> Response<Body> {
    let (head, body) = rewritten(response);
    let wanted = match source {
        Source::Kept(kept) => return Visit { head, how, pages }.serve(kept, plan),
        Source::Shared(wanted) => Some(Wanted { learner: how.observers.learner.clone(), ..wanted }),
        Source::Own => None,
    };
    let includes = plan.brings();
    let visit = Visit { head, how, pages };
    if visit.how.method == Method::HEAD {
        return visit.streamed(Body::empty());
    }
    let plain = if codings.is_empty() { body } else { Body::wrap(DecodedBody::new(body, codings)) };
    let joined = match wanted {
        Some(wanted) => pages.join(wanted, plain),
        None => Err(plain),
    };
    let observers = visit.how.observers.clone();
    let page = match joined {
        Ok(seat) => {
            let trace = observers.trace.clone();
            Body::wrap(FollowingBody::at(seat, PageFills::new(plan, observers), trace))
        }
        Err(origin) => {
            observers.metrics.pages.get_or_create(&Kind { kind: "streamed" }).inc();
            let content_type = last_content_type(&visit.head.headers);
            let markers = plan.markers();
            let fills = PageFills::new(plan, observers.clone());
            Body::wrap(RewritingBody::new(Page { origin, content_type, markers, fills }, observers))
        }
    };
    visit.streamed(guarded(page, includes))
}

/// The page, which ends early where it includes what can't be had.
fn guarded(page: Body, includes: Option<Includes>) -> Body {
    match includes {
        Some(includes) => includes.guard(page),
        None => page,
    }
}

/// Makes the origin's page one that was laid out before.
pub fn lay_out(
    response: Response<Body>,
    key: PageKey,
    laying: &Laying,
    how: &Rewrite,
    pages: &Pages,
) -> Response<Body> {
    let (head, _) = rewritten(response);
    let mut visit = Visit { head, how, pages };
    match visit.is_held(laying.tag.clone()) {
        true => not_modified(visit.head),
        false => visit.whole(key, laying),
    }
}

/// The head of a page that is rewritten, and the page as it came.
fn rewritten(response: Response<Body>) -> (Parts, Body) {
    let (mut head, body) = response.into_parts();
    remove_what_is_true_of_the_bytes(&mut head.headers);
    head.headers.remove(header::CONTENT_ENCODING);
    add_vary(&mut head.headers, &header::ACCEPT_ENCODING);
    (head, body)
}

/// A page that is laid out whole.
trait Whole {
    fn assembled(&self) -> &Assembled;

    /// All of it, plain.
    fn plain(&self) -> Body;

    /// The same in a form, with its length.
    fn stitched(&self, form: Form) -> Result<(Body, usize, Prepared), NotStitched>;
}

impl Whole for Assembled {
    fn assembled(&self) -> &Assembled {
        self
    }

    fn plain(&self) -> Body {
        Body::pieces(self.plain(), self.len())
    }

    fn stitched(&self, form: Form) -> Result<(Body, usize, Prepared), NotStitched> {
        let Stitched { pieces, length, prepared } = self.stitch(form)?;
        Ok((Body::pieces(pieces, length), length, prepared))
    }
}

impl Whole for Laying {
    fn assembled(&self) -> &Assembled {
        &self.assembled
    }

    fn plain(&self) -> Body {
        self.plain()
    }

    fn stitched(&self, form: Form) -> Result<(Body, usize, Prepared), NotStitched> {
        self.stitched(form)
    }
}

/// One response being made.
struct Visit<'a> {
    head: Parts,
    how: &'a Rewrite,
    pages: &'a Pages,
}

impl Visit<'_> {
    /// A page whose bytes are not all here, or not compressed: it is compressed as it leaves.
    fn streamed(mut self, page: Body) -> Response<Body> {
        let encoder =
            self.how.accepted.best().and_then(|coding| Some((coding, Encoder::new(coding, self.how.effort).ok()?)));
        let Some((coding, encoder)) = encoder else { return Response::from_parts(self.head, page) };
        self.head.headers.insert(header::CONTENT_ENCODING, coding.value());
        if self.how.method == Method::HEAD {
            return Response::from_parts(self.head, Body::empty());
        }
        self.count("live");
        Response::from_parts(self.head, Body::wrap(EncodedBody::new(page, encoder)))
    }

    /// A page that was compiled before.
    fn serve(mut self, kept: Kept, plan: Plan) -> Response<Body> {
        let Kept { key, page, nonce } = kept;
        let includes = plan.brings();
        let head_only = self.how.method == Method::HEAD;
        let fills = match head_only {
            true => PageFills::unseen(plan),
            false => PageFills::new(plan, self.how.observers.clone()),
        };
        if let Some(trace) = self.how.observers.trace.as_ref().filter(|_| !head_only) {
            trace.origin(page.page.whole());
        }
        let assembled = match page.page.serve(nonce, fills) {
            Serving::Whole(assembled, _) => assembled,
            Serving::Late(_) if head_only => return self.streamed(Body::empty()),
            Serving::Late(follower) => {
                return self.streamed(guarded(Body::wrap(FollowingBody::late(follower)), includes));
            }
        };
        // A nonce is good for one response: what carries one is not to be held against the next.
        if page.page.nonce().is_none() && self.is_held(tag::of(key, &assembled)) {
            return not_modified(self.head);
        }
        self.whole(key, &assembled)
    }

    /// Puts the tag into the head. Whether the client has that page already.
    fn is_held(&mut self, tag: HeaderValue) -> bool {
        let held = tag::is_held(&self.how.held, &tag);
        self.head.headers.insert(header::ETAG, tag);
        held
    }

    /// A page whose bytes are all here: in the best coding in which its pieces are kept compressed.
    fn whole(mut self, key: PageKey, page: &impl Whole) -> Response<Body> {
        let mut unprepared = None;
        for (form, coding) in stitchable(self.how.accepted) {
            match page.stitched(form) {
                Ok((body, length, prepared)) => {
                    if prepared == Prepared::InPart {
                        self.pages.prepare(key, page.assembled(), form);
                    }
                    self.head.headers.insert(header::CONTENT_ENCODING, coding.value());
                    self.count("stitched");
                    return self.complete(body, length);
                }
                Err(NotStitched::Unprepared) => unprepared = unprepared.or(Some(form)),
                Err(NotStitched::Bloated | NotStitched::NoRoom | NotStitched::Failed) => {}
            }
        }
        if let Some(form) = unprepared {
            self.pages.prepare(key, page.assembled(), form);
        }
        match self.how.accepted.best() {
            Some(_) => self.streamed(page.plain()),
            None => self.complete(page.plain(), page.assembled().len()),
        }
    }

    /// The whole response: its length is known, and it leaves as it is.
    fn complete(mut self, body: Body, length: usize) -> Response<Body> {
        self.head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        Response::from_parts(self.head, if self.how.method == Method::HEAD { Body::empty() } else { body })
    }

    fn count(&self, kind: &'static str) {
        if self.how.method != Method::HEAD {
            self.how.observers.metrics.compressed_pages.get_or_create(&Kind { kind }).inc();
        }
    }
}

/// The forms that may be sent: those of the client's heaviest coding or of one that is as heavy, the smaller first.
fn stitchable(accepted: Accepted) -> impl Iterator<Item = (Form, Coding)> {
    let best = accepted.best().map(|best| accepted.weight(best));
    let forms = [(Form::Brotli, Coding::Brotli), (Form::Gzip, Coding::Gzip)];
    forms.into_iter().filter(move |(_, coding)| best.is_some_and(|best| accepted.weight(*coding) == best))
}

/// The client has this page: the head without what is about its content (RFC 9110 section 15.4.5).
fn not_modified(mut head: Parts) -> Response<Body> {
    head.status = StatusCode::NOT_MODIFIED;
    remove_content_fields(&mut head.headers);
    Response::from_parts(head, Body::empty())
}

fn remove_content_fields(headers: &mut HeaderMap) {
    for name in [header::CONTENT_TYPE, header::CONTENT_LANGUAGE, header::CONTENT_LENGTH, header::TRAILER] {
        headers.remove(name);
    }
}
