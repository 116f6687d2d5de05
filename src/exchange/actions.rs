//! What rules do with an exchange itself, settled before the origin is asked: redirect, serve, headers.
//!
//! In: the rules of the path, decided, and the URL that was asked for. Out: a redirect, or what is changed in the request
//! and in the response, with what all of it rests on. It must not ask the origin, nor touch a body.

use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use http::{Request, Response, StatusCode};
use url::Url;

use super::plan::Plan;
use super::plan::decided::Decided;
use super::respond;
use crate::context::Context;
use crate::http::Body;
use crate::http::alike::remove_alike;
use crate::http::headers::remove_conditions;
use crate::http::peer::TrueClient;
use crate::origin::Origin;
use crate::origin::cache::{Asserted, NOTHING};
use crate::rule::action::{Actions, Edits, Redirect, Serve};
use crate::rule::target::{self, TargetError};
use crate::scope::Question;
use crate::scope::language::{Escape, RenderError};
use crate::scope::ledger::{Bounds, Reader};
use crate::telemetry::{ActionLabels, Metrics, Name};

/// What the rules of a path do with one exchange; by default nothing.
#[derive(Debug, Default)]
pub struct Acting {
    redirect: Option<(StatusCode, HeaderValue)>,
    serve: Option<Served>,
    request: Vec<Change>,
    response: Vec<Change>,
    /// What all of it rests on: also the rules that said no.
    bounds: Bounds,
    /// What came of each action, to be told once it is final.
    told: Vec<Told>,
    /// What sources must answer before it is.
    missing: Vec<Question>,
}

/// What came of one action.
#[derive(Debug)]
struct Told {
    rule: Arc<str>,
    action: &'static str,
    undone: Option<Undone>,
}

/// Who is asked instead, and what for.
#[derive(Debug, Default)]
struct Served {
    origin: Option<Arc<Origin>>,
    path: Option<PathAndQuery>,
}

/// One change of a head; without a value the field goes.
#[derive(Debug)]
struct Change {
    name: HeaderName,
    value: Option<HeaderValue>,
}

/// Why an action is not done.
#[derive(Debug, thiserror::Error)]
enum Undone {
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("it leads to `{target}`: {reason}")]
    Target { target: String, reason: TargetError },
    #[error("it is no value of a field: one line of text is")]
    Value,
    #[error("there is no origin `{0}`")]
    Origin(Arc<str>),
    #[error("what it asks of sources was not known in time")]
    Late,
}

impl Undone {
    fn word(&self) -> &'static str {
        match self {
            Self::Target { reason: TargetError::Loop, .. } => "loop",
            Self::Render(_) => "failed",
            Self::Late => "late",
            Self::Target { .. } | Self::Value | Self::Origin(_) => "refused",
        }
    }
}

impl Acting {
    /// Settles what the rules of `plan` do, as far as what their templates ask of sources is known.
    pub fn of(plan: &Plan, context: &Context, client: &TrueClient) -> Self {
        let actions = &context.revision.actions;
        let acting = plan.rules().iter().filter(|rule| !actions[rule.number].is_empty());
        let acting: Vec<(&Decided, &Actions)> = acting.map(|rule| (rule, &actions[rule.number])).collect();
        let mut settling =
            Settling { context, client, bounds: Bounds::default(), told: Vec::new(), missing: Vec::new() };
        acting.iter().for_each(|(rule, _)| settling.bounds.merge(rule.bounds()));
        let applying: Vec<(&Decided, &Actions)> = acting.into_iter().filter(|(rule, _)| rule.applies()).collect();
        let redirect = settling.redirect(&applying);
        let goes_on = redirect.is_none();
        let serve = if goes_on { settling.serve(&applying) } else { None };
        let request = if goes_on { settling.changes(&applying, Way::Request) } else { Vec::new() };
        let response = settling.changes(&applying, Way::Response);
        let Settling { bounds, told, missing, .. } = settling;
        Self { redirect, serve, request, response, bounds, told, missing }
    }

    /// What sources must answer first; then all of it is to be settled anew. Empty if it is final.
    pub fn missing(&self) -> &[Question] {
        &self.missing
    }

    /// Counts what came of each action; what is not done is logged.
    pub fn tell(&self, metrics: &Metrics) {
        for Told { rule, action, undone } in &self.told {
            let outcome = undone.as_ref().map_or("done", Undone::word);
            metrics.actions.get_or_create(&ActionLabels { rule: Name(rule.clone()), action, outcome }).inc();
            if let Some(error) = undone {
                tracing::warn!(rule = &**rule, action, %error, "an action of a rule is not done");
            }
        }
    }

    /// What all of it rests on.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The redirect, if there is one.
    pub fn redirected(&self, context: &Context) -> Option<Response<Body>> {
        let (status, location) = self.redirect.clone()?;
        let mut response = Response::new(Body::full(""));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, location);
        self.change_response(headers);
        let permanent = matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT);
        if permanent && self.bounds.until.is_some() && !headers.contains_key(header::CACHE_CONTROL) {
            // Such a redirect is kept for as long as a cache likes: only a lifetime can be cut.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=31536000"));
        }
        respond::limit(headers, self.bounds, context);
        Some(response)
    }

    /// Changes the request on its way to the origin. What is shared among visitors before the origin must look at the
    /// request as it is then, and keep no answer to one whose fields were set by what the [bounds](Self::bounds) call the visitor's.
    pub fn change_request(&self, request: &mut Request<Body>) {
        for Change { name, .. } in &self.request {
            // Also what a server may take for it: a client must not say it under another name.
            remove_alike(request.headers_mut(), name);
        }
        change(request.headers_mut(), &self.request);
        let Some(serve) = &self.serve else { return };
        if self.bounds != Bounds::default() {
            // What the client has may be from the other origin or path, whose validators say nothing here.
            remove_conditions(request.headers_mut());
        }
        if let Some(path) = &serve.path {
            *request.uri_mut() = Uri::from(path.clone());
        }
    }

    /// Who is asked, and what the route asserts of the answer. It says nothing of what is served from elsewhere.
    pub fn origin<'a>(&'a self, context: &'a Context) -> (&'a Arc<Origin>, &'a Asserted) {
        let (origin, asserted) = context.site.answers(context.request.path());
        match &self.serve {
            None => (origin, asserted),
            Some(served) => (served.origin.as_ref().unwrap_or(origin), &NOTHING),
        }
    }

    /// What rules wrote into the request, as one text: equal texts, equal changes.
    pub fn written(&self) -> Vec<u8> {
        let mut written = Vec::new();
        for Change { name, value } in &self.request {
            written.extend_from_slice(name.as_str().as_bytes());
            written.extend(value.iter().flat_map(|value| [b": ", value.as_bytes()]).flatten());
            written.push(b'\n');
        }
        written
    }

    /// Changes the head of a response, before anything is read from it.
    pub fn change_response(&self, headers: &mut HeaderMap) {
        change(headers, &self.response);
    }

    /// Makes the head of a response that is no page tell what it rests on.
    pub fn tell_what_it_rests_on(&self, headers: &mut HeaderMap, context: &Context) {
        if self.bounds != Bounds::default() {
            respond::limit(headers, self.bounds, context);
        }
    }
}

fn change(headers: &mut HeaderMap, changes: &[Change]) {
    for Change { name, value } in changes {
        match value {
            Some(value) => drop(headers.insert(name, value.clone())),
            None => drop(headers.remove(name)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Request,
    Response,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// Actions being settled.
struct Settling<'a> {
    context: &'a Context,
    client: &'a TrueClient,
    bounds: Bounds,
    told: Vec<Told>,
    missing: Vec<Question>,
}

impl Settling<'_> {
    /// The first redirect that can be done. One that leads to where the visitor is ends the search: a lower one would lead
    /// away from there again.
    fn redirect(&mut self, rules: &[(&Decided, &Actions)]) -> Option<(StatusCode, HeaderValue)> {
        for (rule, actions) in rules {
            let Some(redirect) = &actions.redirect else { continue };
            let location = self.location(rule, redirect);
            let is_loop = matches!(location, Err(Undone::Target { reason: TargetError::Loop, .. }));
            match self.noted(rule, "redirect", location) {
                Some(location) => return Some((redirect.status, location)),
                None if is_loop => return None,
                None => {}
            }
        }
        None
    }

    fn location(&mut self, rule: &Decided, redirect: &Redirect) -> Result<HeaderValue, Undone> {
        let target = self.render(rule, &redirect.to, Escape::Url)?;
        let own = |host: &str| self.context.revision.sites.names(host);
        let asked = asked_url(self.context, self.client).ok_or(TargetError::Relative);
        let location = asked.and_then(|asked| target::location(&target, &asked, redirect.query, own));
        location.map_err(|reason| Undone::Target { target, reason })
    }

    /// The first `serve` that can be done.
    fn serve(&mut self, rules: &[(&Decided, &Actions)]) -> Option<Served> {
        rules.iter().find_map(|(rule, actions)| {
            let served = self.served(rule, actions.serve.as_ref()?);
            self.noted(rule, "serve", served)
        })
    }

    fn served(&mut self, rule: &Decided, serve: &Serve) -> Result<Served, Undone> {
        let origins = &self.context.revision.sites.origins;
        let origin = serve.origin.as_ref().map(|name| origins.get(name).cloned().ok_or(Undone::Origin(name.clone())));
        let origin = origin.transpose()?;
        let Some(template) = &serve.path else { return Ok(Served { origin, path: None }) };
        let target = self.render(rule, template, Escape::Url)?;
        let path = target::served(&target, self.context.request.head.uri.query());
        Ok(Served { origin, path: Some(path.map_err(|reason| Undone::Target { target, reason })?) })
    }

    /// All changes of a head, those of the highest rule last, so that they count.
    fn changes(&mut self, rules: &[(&Decided, &Actions)], way: Way) -> Vec<Change> {
        let mut changes = Vec::new();
        for (rule, actions) in rules.iter().rev() {
            let edits = if way == Way::Request { &actions.request } else { &actions.response };
            self.edit(rule, edits, way, &mut changes);
        }
        changes
    }

    fn edit(&mut self, rule: &Decided, edits: &Edits, way: Way, changes: &mut Vec<Change>) {
        changes.extend(edits.remove.iter().map(|name| Change { name: name.clone(), value: None }));
        for (name, template) in &edits.set {
            let value = self.value(rule, template);
            let value = self.noted(rule, way.word(), value);
            // What the client says under this name must not reach an origin that takes it for ours. What the origin says
            // stays, as its content does.
            if value.is_some() || way == Way::Request {
                changes.push(Change { name: name.clone(), value });
            }
        }
    }

    fn value(&mut self, rule: &Decided, template: &str) -> Result<HeaderValue, Undone> {
        let text = self.render(rule, template, Escape::Field)?;
        HeaderValue::from_bytes(text.as_bytes()).ok().filter(|value| !value.is_empty()).ok_or(Undone::Value)
    }

    fn render(&mut self, rule: &Decided, template: &str, escape: Escape) -> Result<String, Undone> {
        let reader = Reader::new(rule.scope.clone());
        let text = self.context.revision.language.line(template, &reader, escape);
        let ledger = reader.take();
        self.bounds.merge(ledger.bounds());
        if !ledger.missing().is_empty() {
            self.missing.extend_from_slice(ledger.missing());
            return Err(Undone::Late);
        }
        Ok(text?)
    }

    /// Notes what came of an action.
    fn noted<T>(&mut self, rule: &Decided, action: &'static str, made: Result<T, Undone>) -> Option<T> {
        let name = &self.context.revision.book.rule(rule.number).name;
        let (made, undone) = match made {
            Ok(made) => (Some(made), None),
            Err(undone) => (None, Some(undone)),
        };
        self.told.push(Told { rule: name.clone(), action, undone });
        made
    }
}

/// The URL that the client asked for, as it used it.
fn asked_url(context: &Context, client: &TrueClient) -> Option<Url> {
    let authority = client.host.as_ref()?;
    let target = context.request.head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    Url::parse(&format!("{}://{authority}{target}", client.scheme)).ok()
}
