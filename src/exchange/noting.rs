//! What an exchange leaves in the visitor's profile: what the origin said in its answer's head, and that a page was viewed.
//!
//! In: the context and the answer. Out: changes of the profile, which the visitor's next request sees, and this one does not. It must not make a page that
//! others may share one visitor's own only to remember something; where the origin speaks of a visitor, it is theirs already.
//!
//! | field | what |
//! |---|---|
//! | `Inlay-Identify: 42` | from now on the visitor is this customer; without a value nobody again |
//! | `Inlay-Profile: {"tier": "gold"}` | traits, merged as RFC 7396 says |
//! | `Inlay-Event: cart.add;{"sku":"A1"}` | an event and its data |

use http::header::HeaderMap;
use http::{HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::time::timeout;

use super::Exchange;
use super::respond;
use crate::context::{Context, whose};
use crate::event::{Data, Direction, Event, EventError, EventId, EventType};
use crate::http::Body;
use crate::http::headers::is_html;
use crate::limits::LOGIN_WAIT;
use crate::origin::for_us::ForUs;
use crate::profile::{Change, IdError, Op, ProfileId, Traits, TraitsError};
use crate::scope::ledger::Bounds;
use crate::store::Profiles;
use crate::visitor::session::Landing;
use crate::visitor::{Identity, Purpose};

/// Why what the origin said is of no use.
#[derive(Debug, thiserror::Error)]
enum Misspoken {
    #[error("it is no text in UTF-8")]
    NoText,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    Traits(#[from] TraitsError),
    #[error(transparent)]
    Customer(#[from] IdError),
}

/// What one field says.
enum Said {
    Identify(ProfileId),
    /// Nobody is logged in any more.
    Nobody,
    Change(Change),
}

impl Exchange {
    /// Takes to heart what the origin said of the visitor, before anything of its answer leaves: the next request knows it.
    pub(super) async fn hear(&self, context: &Context, said: &ForUs, headers: &mut HeaderMap) {
        // It was said to one visitor: no cache may give the answer to another, and a cookie that is owed can be set.
        respond::limit(headers, Bounds { of_visitor: true, ..Bounds::default() }, context);
        let Some(id) = whose(&context.visitor).filter(|_| remembers(context)) else { return };
        // This page is of before it was said, also where its code has yet to ask.
        context.remembered.bring().await;
        let mut changes = Vec::new();
        for (name, value) in &said.0 {
            match read(name.as_str(), value, context) {
                Ok(None) => {}
                Ok(Some(Said::Change(change))) => changes.push(change),
                Ok(Some(Said::Identify(customer))) => self.login(context, Some(&customer)).await,
                Ok(Some(Said::Nobody)) => self.login(context, None).await,
                Err(error) => {
                    self.metrics.profiles.misspoken.inc();
                    tracing::warn!(field = name.as_str(), path = context.request.path(), %error, "the origin said something that can't be understood");
                }
            }
        }
        if !changes.is_empty() {
            self.profiles.change(&id, changes);
        }
    }

    /// Who the visitor is from now on; `None`: nobody whom the site knows.
    async fn login(&self, context: &Context, customer: Option<&ProfileId>) {
        let Some(visitor) = context.visitor.id().and_then(|id| ProfileId::visitor(id.text()).ok()) else { return };
        let joining = async {
            match customer {
                Some(customer) => self.profiles.identify(&visitor, customer, context.now).await.map(drop),
                None => self.profiles.part(&visitor).await,
            }
        };
        match timeout(LOGIN_WAIT, joining).await {
            Ok(Ok(())) => tracing::debug!(?visitor, ?customer, "a login or a logout is remembered"),
            Ok(Err(error)) => tracing::error!(%error, "a login or a logout was not remembered"),
            Err(_) => {
                tracing::error!(waited = ?LOGIN_WAIT, "a login or a logout was not remembered: the store is slow")
            }
        }
    }

    /// That a page is viewed, if it is: by a visitor who can be known again, and not ahead of a visit that may never come.
    pub(super) fn view(&self, context: &Context, response: &Response<Body>) -> Option<Noted> {
        let request = &context.request;
        let is_wanted = *request.method() == Method::GET
            && is_page(response, context)
            && remembers(context)
            && is_known_again(context, response.headers())
            && !request.is_unseen()
            && !context.site.protects(request.path());
        let id = whose(&context.visitor).filter(|_| is_wanted)?;
        let landing = serde_json::to_value(Landing::of(request)).ok().and_then(|landing| Data::new(landing).ok());
        let mut changes = vec![Change::new(Op::Visit(landing.unwrap_or_else(Data::none)), context.now)];
        if context.revision.sites.noting.page_views {
            let data = Data::new(json!({ "path": request.path() })).unwrap_or_else(|_| Data::none());
            let event = event(PAGE_VIEW, data, Direction::Traffic, context.now);
            changes.push(Change::append(event, context.now));
        }
        Some(Noted { profiles: self.profiles.clone(), id, changes })
    }
}

/// What is to be remembered as soon as the answer has left.
#[derive(Debug)]
pub struct Noted {
    profiles: Profiles,
    id: ProfileId,
    changes: Vec<Change>,
}

impl Noted {
    /// Remembers it: the visitor's next request sees it. Must be called within the runtime.
    pub fn apply(self) {
        self.profiles.change(&self.id, self.changes);
    }
}

const PAGE_VIEW: &str = "page.view";

fn event(kind: &str, data: Data, from: Direction, now: Timestamp) -> Event {
    let kind = EventType::parse(kind).expect("invariant: a type of our own is well-formed");
    Event { id: EventId::random(), kind, at: now, from, data }
}

/// Whether anything may be remembered of who asks. A page that is only supposed was never seen.
fn remembers(context: &Context) -> bool {
    context.supposed.is_nothing() && context.visitor.consent.allows(Purpose::Store)
}

/// Whether it is a page that somebody looks at, and not a piece that a script fetched.
fn is_page(response: &Response<Body>, context: &Context) -> bool {
    let said = |name: &str| context.request.header_values(name).next();
    let is_document = said("sec-fetch-dest").is_none_or(|wanted| wanted == "document");
    let is_whole = response.status().is_success() && is_html(response.headers());
    let is_unchanged = response.status() == StatusCode::NOT_MODIFIED
        && said("accept").is_some_and(|accepted| accepted.contains("text/html"));
    is_document && (is_whole || is_unchanged)
}

/// Whether the visitor has our cookie, or gets it with this response.
fn is_known_again(context: &Context, headers: &HeaderMap) -> bool {
    match &context.visitor.identity {
        Identity::Known(_) | Identity::Renewed(_) => true,
        Identity::New(_) | Identity::Replaced(_) => {
            let begin = context.policy.keys.cookie_name();
            let mut lines = headers.get_all(http::header::SET_COOKIE).into_iter().map(HeaderValue::as_bytes);
            lines.any(|line| line.strip_prefix(begin.as_bytes()).is_some_and(|rest| rest.starts_with(b"=")))
        }
        Identity::Nobody | Identity::Withdrawn(_) => false,
    }
}

/// What a field says; `None` for those that are none of these, and for events on paths that have none.
fn read(name: &str, value: &HeaderValue, context: &Context) -> Result<Option<Said>, Misspoken> {
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Misspoken::NoText)?.trim();
    Ok(match name {
        "inlay-identify" if text.is_empty() => Some(Said::Nobody),
        "inlay-identify" => Some(Said::Identify(ProfileId::customer(text)?)),
        "inlay-profile" => {
            let traits = Traits::new(serde_json::from_str(text)?)?;
            Some(Said::Change(Change::new(Op::MergeTraits(traits), context.now)))
        }
        "inlay-event" if !context.site.protects(context.request.path()) => {
            let (kind, data) = text.split_once(';').unwrap_or((text, "{}"));
            let data: Json = serde_json::from_str(data)?;
            let kind = EventType::parse(kind.trim())?;
            let event = Event { kind, ..event(PAGE_VIEW, Data::new(data)?, Direction::Origin, context.now) };
            Some(Said::Change(Change::append(event, context.now)))
        }
        _ => None,
    })
}
