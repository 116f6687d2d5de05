//! `redirect`, `serve` and `headers` of a rule: templates for the language, and what is certainly wrong with them.
//!
//! In: a rule as written. Out: its [`Actions`]; literal targets are judged at once, templates when they are rendered. It
//! must not look for loops: those show only when conditions are compiled.

use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use url::Url;

use super::fields::{Edit, Head, refusal};
use super::making::Making;
use super::purpose::Purpose;
use crate::config::raw::actions::{RawEdits, RawRedirect, RawServe};
use crate::config::raw::rules::RawRule;
use crate::config::read::At;
use crate::config::read::names::suggestion;
use crate::config::read::record::Field;
use crate::config::source::Span;
use crate::config::yaml::Text;
use crate::rule::action::{Actions, Edits, Redirect, Serve};
use crate::rule::target::{self, TargetError};

/// What a rule does. Parts with problems are left out.
pub fn compile(rule: &str, raw: &At<RawRule>, making: &mut Making<'_, '_>) -> Actions {
    refuse_idle(rule, raw, making);
    let headers = raw.headers.as_ref().map(|at| &at.value);
    if let (Some(at), Some(headers)) = (&raw.headers, headers)
        && headers.request.is_none()
        && headers.response.is_none()
        && !headers.unreadable.any(&["request", "response"])
    {
        making.report.error(
            at.span,
            "`headers` changes nothing",
            "add `request` or `response`, with `set` or `remove`",
        );
    }
    let mut edits = |head: Head, field: Option<&Field<RawEdits>>| match field {
        Some(Some(at)) => Changing { rule, head, making }.edits(at),
        _ => Edits::default(),
    };
    let request = edits(Head::Request, headers.map(|headers| &headers.request));
    let response = edits(Head::Response, headers.map(|headers| &headers.response));
    let redirect = raw.redirect.as_ref().and_then(|at| redirect(rule, at, making));
    let serve = raw.serve.as_ref().and_then(|at| serve(rule, at, making));
    Actions { redirect, serve, request, response }
}

/// A rule must do something, and a redirect leaves nothing to do for the rest of it.
fn refuse_idle(rule: &str, raw: &At<RawRule>, making: &mut Making<'_, '_>) {
    let inject = raw.inject.as_ref().map(|at| ("inject", at.key));
    let serve = raw.serve.as_ref().map(|at| ("serve", at.key));
    let idle = inject.is_none() && serve.is_none() && raw.redirect.is_none() && raw.headers.is_none();
    if idle && !raw.unreadable.any(&["inject", "redirect", "serve", "headers"]) {
        let what = format!("the rule `{rule}` does nothing");
        making.report.error(raw.span, what, "add `inject`, `redirect`, `serve` or `headers`");
    }
    let Some(redirect) = &raw.redirect else { return };
    for (key, span) in [inject, serve].into_iter().flatten() {
        let what = format!("the rule `{rule}` redirects, so its `{key}` does nothing");
        making.report.warn(span, what, "make a rule of each").see(redirect.key, "the redirect");
    }
}

/// Whether a text is the same for everybody.
pub fn is_literal(text: &str) -> bool {
    !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

fn redirect(rule: &str, at: &At<RawRedirect>, making: &mut Making<'_, '_>) -> Option<Redirect> {
    let to = at.to.as_ref()?;
    if is_literal(&to.value.value) {
        check_redirect(to, making);
    }
    Some(Redirect {
        to: making.units.template(format!("rules.{rule}.redirect.to"), &to.value, Purpose::Line),
        status: at.status.as_ref().map_or(StatusCode::FOUND, |at| at.value.0),
        query: at.query.as_ref().map(|at| at.value).unwrap_or_default(),
    })
}

fn check_redirect(to: &At<Text>, making: &mut Making<'_, '_>) {
    // Of its own host a path says nothing, so any base will do.
    let base = Url::parse("http://here.invalid/").expect("invariant: a URL");
    let target = match target::redirect_target(to.value.value.trim(), &base) {
        Ok(target) => target,
        Err(error) => return refuse(to.span, "this cannot be redirected to", &error, making),
    };
    let host = target.host_str().unwrap_or_default();
    let Some(known) = making.world.around.deployment.filter(|known| host != "here.invalid" && !known.names(host))
    else {
        return;
    };
    let what = format!("`{host}` is no host of a site here, so nobody would be redirected there");
    let remedy = "name it in `hosts` of a site in inlay.yaml, or write a path: `/nl/`";
    match known.any_host {
        // It may be the very host under which the site is asked for.
        true => making.report.warn(to.span, what.replace("so nobody", "so only who is there already"), remedy),
        false => making.report.error(to.span, what, remedy),
    };
}

fn serve(rule: &str, at: &At<RawServe>, making: &mut Making<'_, '_>) -> Option<Serve> {
    if at.origin.is_none() && at.path.is_none() {
        if !at.unreadable.any(&["origin", "path"]) {
            making.report.error(at.span, "`serve` says neither `origin` nor `path`", "write `serve: { origin: NAME }`");
        }
        return None;
    }
    if let (Some(origin), Some(known)) = (&at.origin, making.world.around.deployment) {
        let name = origin.value.value.as_str();
        if !known.origins.iter().any(|origin| **origin == *name) {
            let names = known.origins.iter().map(|origin| &**origin);
            let remedy = suggestion(name, names, "define it under `origins` in inlay.yaml");
            making.report.error(origin.span, format!("there is no origin `{name}`"), remedy);
        }
    }
    if let Some(path) = at.path.as_ref().filter(|path| is_literal(&path.value.value))
        && let Err(error) = target::served(path.value.value.trim(), None)
    {
        refuse(path.span, "this cannot be asked for", &error, making);
    }
    let path = at.path.as_ref();
    Some(Serve {
        origin: at.origin.as_ref().map(|at| at.value.value.as_str().into()),
        path: path.map(|at| making.units.template(format!("rules.{rule}.serve.path"), &at.value, Purpose::Line)),
    })
}

fn refuse(span: Span, what: &str, error: &TargetError, making: &mut Making<'_, '_>) {
    let remedy = match error {
        TargetError::Dots => "write the path without `.` and `..`",
        TargetError::NoPath => "write a path such as `/v2/shop`; `origin` says whom to ask",
        _ => "write a path such as `/nl/`, or a URL such as `https://www.example.com/nl/`",
    };
    making.report.error(span, format!("{what}: {error}"), remedy);
}

/// Changing a head.
struct Changing<'a, 'm, 'w> {
    rule: &'a str,
    head: Head,
    making: &'a mut Making<'m, 'w>,
}

impl Changing<'_, '_, '_> {
    fn edits(&mut self, at: &At<RawEdits>) -> Edits {
        if at.set.is_none() && at.remove.is_none() && !at.unreadable.any(&["set", "remove"]) {
            self.making.report.error(at.span, "nothing is changed here", "add `set` or `remove`");
        }
        let removed = at.remove.iter().flat_map(|at| &at.value.0);
        let remove = removed.filter_map(|name| self.name(&name.value.0, name.span, Edit::Remove)).collect();
        let fields = at.set.iter().flat_map(|at| &at.value.0);
        let set = fields
            .filter_map(|(name, value)| Some((self.name(&name.0, value.key, Edit::Set)?, self.value(&name.0, value))));
        Edits { set: set.collect(), remove }
    }

    fn name(&mut self, name: &str, span: Span, edit: Edit) -> Option<HeaderName> {
        let report = &mut self.making.report;
        if let Some(refused) = refusal(self.head, edit, name) {
            let verb = if edit == Edit::Set { "set" } else { "removed" };
            report.error(span, format!("`{name}` cannot be {verb}: {}", refused.reason), refused.remedy);
            return None;
        }
        HeaderName::try_from(name).ok()
    }

    fn value(&mut self, name: &str, value: &At<Text>) -> Arc<str> {
        let text = value.value.value.as_str();
        if is_literal(text) && (HeaderValue::from_str(text.trim()).is_err() || text.trim().is_empty()) {
            let what = format!("this cannot be the value of `{name}`");
            let report = &mut self.making.report;
            report.error(value.span, what, "write one line of text; to have no such field use `remove`");
        }
        let head = if self.head == Head::Request { "request" } else { "response" };
        self.making.units.template(format!("rules.{}.headers.{head}.{name}", self.rule), &value.value, Purpose::Line)
    }
}
