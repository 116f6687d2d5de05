//! Sources as written → what runs: phrases, URLs, secrets, and how each source is spared and kept.
//!
//! In: sources as read. Out: [`Definition`]s, with their phrases in a language of their own. Everything is looked at before
//! anything is refused. It must not ask a source.

mod auth;
mod manners;

use std::path::Path;
use std::sync::Arc;

use http::{HeaderName, Method};
use url::Url;

use super::units::Units;
use super::world::World;
use crate::config::raw::sources::{RawSecret, RawSource};
use crate::config::read::At;
use crate::config::report::Report;
use crate::config::yaml::Text;
use crate::content::source::auth::{SIGNED_NAMES, Secret};
use crate::content::source::definition::{Definition, Payload, Select};
use crate::content::source::phrase::Phrase;
use crate::limits;
use crate::scope::language::Language;

/// Gives the phrases of all sources to `units`, which hold nothing else.
pub fn phrases(world: &World<'_>, units: &mut Units) {
    for (name, at) in &world.sources {
        let params: Vec<String> = params(&at.value).iter().map(|text| text.value.value.clone()).collect();
        let mut add = |key: String, text: &Text, names: &[String]| {
            units.phrase(format!("sources.{name}.{key}"), text, names);
        };
        if let Some(url) = &at.url {
            add("url".into(), &url.value, &params);
        }
        if let Some(body) = &at.body {
            add("body".into(), &body.value, &params);
        }
        for (header, value) in at.headers.iter().flat_map(|at| &at.value.0) {
            add(format!("headers.{}", header.0), &value.value, &params);
        }
        let over = at.auth.as_ref().and_then(|auth| auth.hmac.as_ref()?.over.as_ref());
        if let Some(over) = over {
            add("auth.hmac.over".into(), &over.value, &SIGNED_NAMES.map(str::to_owned));
        }
    }
}

/// All sources whose phrases are in `language`. Those with problems are left out.
pub fn definitions(world: &World<'_>, language: &Arc<Language>, report: &mut Report) -> Vec<Definition> {
    let one =
        |(name, at): (&String, &&At<RawSource>)| Compiling { name, raw: &at.value, language, report }.definition();
    world.sources.iter().filter_map(one).collect()
}

fn params(raw: &RawSource) -> &[At<Text>] {
    raw.params.as_ref().map_or(&[], |at| &at.value.0)
}

/// One source being compiled.
struct Compiling<'a> {
    name: &'a str,
    raw: &'a RawSource,
    language: &'a Arc<Language>,
    report: &'a mut Report,
}

impl Compiling<'_> {
    fn definition(&mut self) -> Option<Definition> {
        let raw = self.raw;
        self.check_params();
        let base = self.base();
        let auth = raw.auth.as_ref().map(|auth| self.auth(auth));
        let trust = self.trust();
        let redirects = self.redirects();
        let sparing = self.sparing();
        let (cache, batch, expect, select) = (self.cache(), self.batch(), self.expect(), self.select());
        if let (None, Some(key)) = (&raw.body, raw.content_type.as_ref().map(|at| at.key)) {
            self.report.warn(key, "there is no `body`, so `content_type` has no effect", "remove it, or add `body`");
        }
        let method = self.method();
        let idempotent = raw.idempotent.as_ref().map_or(method.is_idempotent(), |at| at.value);
        if let (false, Some(key)) = (idempotent, raw.retries.as_ref().map(|at| at.key)) {
            let what = "what is not idempotent is not tried again, so this has no effect";
            self.report.warn(key, what, "write `idempotent: true` if asking twice is as good as asking once");
        }
        let base = base?;
        let allow_private = raw.allow_private.as_ref().is_some_and(|at| at.value);
        self.check_reach(&base, allow_private);
        Some(Definition {
            name: self.name.into(),
            params: params(raw).iter().map(|text| text.value.value.as_str().into()).collect(),
            method,
            url: self.phrase("url"),
            base,
            headers: self.headers(),
            forward: self.forward(),
            body: raw.body.as_ref().map(|_| Payload {
                phrase: self.phrase("body"),
                content_type: self.text(&raw.content_type).unwrap_or_else(|| "application/json".into()),
            }),
            auth: match auth {
                Some(auth) => Some(auth?),
                None => None,
            },
            trust: trust?,
            allow_private,
            redirects,
            idempotent,
            timeout: raw.timeout.as_ref().map_or(limits::SOURCE_TIMEOUT, |at| at.value.0),
            sparing,
            cache,
            batch: batch?,
            format: raw.format.as_ref().map(|at| at.value).unwrap_or_default(),
            expect,
            select: select?,
            max_size: raw
                .max_size
                .as_ref()
                .map_or(limits::SOURCE_BYTES, |at| usize::try_from(at.value.0).unwrap_or(usize::MAX)),
            fallback: raw.fallback.as_ref().map(|at| Arc::new(at.value.0.clone())),
        })
    }

    fn phrase(&self, key: &str) -> Phrase {
        Phrase { language: self.language.clone(), name: format!("sources.{}.{key}", self.name).into() }
    }

    fn text(&self, at: &Option<At<Text>>) -> Option<Arc<str>> {
        at.as_ref().map(|at| at.value.value.as_str().into())
    }

    fn method(&self) -> Method {
        let usual = if self.raw.body.is_some() { Method::POST } else { Method::GET };
        self.raw.method.as_ref().map_or(usual, |at| at.value.0.clone())
    }

    fn headers(&self) -> Vec<(HeaderName, Phrase)> {
        let written = self.raw.headers.iter().flat_map(|at| &at.value.0);
        let name = |name: &str| HeaderName::try_from(name).ok();
        written
            .filter_map(|(header, _)| Some((name(&header.0)?, self.phrase(&format!("headers.{}", header.0)))))
            .collect()
    }

    fn check_params(&mut self) {
        let mut seen: Vec<&str> = Vec::new();
        for text in params(self.raw) {
            let name = text.value.value.as_str();
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name {
                let what = format!("`{name}` is no name of a param");
                self.report.error(text.span, what, "use letters, digits and `_`, a letter first");
            } else if seen.contains(&name) {
                self.report.error(text.span, format!("the param `{name}` stands here twice"), "remove one of them");
            }
            seen.push(name);
        }
    }

    /// Scheme, host and port, which must be the same for every call: they are what the source may reach.
    fn base(&mut self) -> Option<Url> {
        let at = self.raw.url.as_ref()?;
        let text = at.value.value.trim();
        let remedy = "write it out: `https://api.example.com/v1/stock?sku={{ sku }}`";
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let Some(rest) = rest else {
            self.report.error(at.span, "a source's URL begins with `https://` or `http://`", remedy);
            return None;
        };
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        if authority.contains(['{', '}']) {
            let what = "scheme, host and port of a source are the same for every call";
            self.report.error(at.span, what, remedy);
            return None;
        }
        if authority.contains('@') {
            let what = "a user or password in a URL is shown wherever the URL is";
            self.report.error(at.span, what, "write them under `auth: { basic: { user: …, password: … } }`");
            return None;
        }
        let base = Url::parse(&text[..text.len() - rest.len() + authority.len()]);
        match base.ok().filter(Url::has_host) {
            Some(base) => Some(base),
            None => {
                self.report.error(at.span, format!("`{authority}` is no host"), remedy);
                None
            }
        }
    }

    /// A host that is an address inside is refused by the connection; here it is told before.
    fn check_reach(&mut self, base: &Url, allow_private: bool) {
        let host = base.host_str().unwrap_or_default();
        let inside = crate::http::client::Reach::Public.check_literal(host).is_err() || host == "localhost";
        if let Some(at) = self.raw.url.as_ref().filter(|_| inside && !allow_private) {
            let what = format!("`{host}` is an address inside, so every call will be refused");
            self.report.warn(at.span, what, "write `allow_private: true` if it is meant");
        }
    }

    fn select(&mut self) -> Option<Option<Select>> {
        let Some(at) = &self.raw.select else { return Some(None) };
        match serde_json_path::JsonPath::parse(at.value.value.trim()) {
            Ok(path) => Some(Some(Select(path))),
            Err(error) => {
                let what = format!("this is no JSONPath: {error}");
                self.report.error(at.span, what, "write it as RFC 9535 has it, such as `$.data.items[0]`");
                None
            }
        }
    }

    /// A secret, from where it is.
    fn secret(&mut self, at: &At<RawSecret>) -> Option<Secret> {
        let secret = match &at.value {
            RawSecret::Written(secret) => secret.expose().to_owned(),
            RawSecret::File(form) => {
                let file = form.file.as_ref()?;
                let path = self.beside(&file.value);
                match std::fs::read_to_string(&path) {
                    Ok(text) => text.trim().to_owned(),
                    Err(error) => {
                        let what = format!("the secret in `{}` can't be read: {error}", path.display());
                        self.report.error(file.span, what, "put it there; paths are relative to this file");
                        return None;
                    }
                }
            }
        };
        if secret.is_empty() {
            self.report.error(at.span, "this secret is empty", "write `\"${API_KEY}\"`, and set the variable");
            return None;
        }
        Some(Secret::new(secret))
    }

    /// A path from the folder of the file that it stands in.
    fn beside(&self, text: &Text) -> std::path::PathBuf {
        let file = self.report.sources.get(text.span.source);
        Path::new(file.name()).parent().unwrap_or(Path::new("")).join(&text.value)
    }
}
