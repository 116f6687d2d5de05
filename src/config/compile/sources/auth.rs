//! How a source knows us, as written → what proves it; and the certificates of TLS.
//!
//! In: `auth` and `tls`. Out: [`Auth`], [`TrustSettings`]. It must not show a secret.

use http::HeaderName;
use url::Url;

use super::Compiling;
use crate::config::raw::sources::{RawAuth, RawHmac, RawOauth};
use crate::config::read::At;
use crate::content::source::auth::{Auth, Credentials, SIGNED, Signature};
use crate::content::source::phrase::Phrase;
use crate::http::client::{Identity, TrustSettings};
use crate::http::trust;
use crate::scope::language::LanguageBuilder;

impl Compiling<'_> {
    /// How it knows us; `None` after noting what is wrong.
    pub(super) fn auth(&mut self, at: &At<RawAuth>) -> Option<Auth> {
        let raw = &at.value;
        let keys = [
            raw.basic.as_ref().map(|at| at.key),
            raw.bearer.as_ref().map(|at| at.key),
            raw.header.as_ref().map(|at| at.key),
            raw.oauth2.as_ref().map(|at| at.key),
            raw.hmac.as_ref().map(|at| at.key),
        ];
        let keys: Vec<_> = keys.into_iter().flatten().collect();
        match keys[..] {
            [] => {
                if !raw.unreadable.any(&["basic", "bearer", "header", "oauth2", "hmac"]) {
                    let remedy = "write one of `basic`, `bearer`, `header`, `oauth2` and `hmac`";
                    self.report.error(at.span, "this does not say how it knows us", remedy);
                }
                return None;
            }
            [_] => {}
            [first, second, ..] => {
                self.report.error(second, "a source knows us in one way", "keep one").see(first, "the first");
            }
        }
        if let Some(basic) = &raw.basic {
            let password = basic.password.as_ref().and_then(|at| self.secret(at));
            return Some(Auth::Basic { user: self.text(&basic.user)?, password: password? });
        }
        if let Some(bearer) = &raw.bearer {
            return self.secret(bearer).map(Auth::Bearer);
        }
        if let Some(header) = &raw.header {
            let header = &header.value;
            let value = header.value.as_ref().and_then(|at| self.secret(at));
            let name = HeaderName::try_from(&header.name.as_ref()?.value.0).ok()?;
            return Some(Auth::Header { name, value: value? });
        }
        match (&raw.oauth2, &raw.hmac) {
            (Some(oauth), _) => self.token(&oauth.value),
            (None, Some(hmac)) => self.signature(&hmac.value),
            (None, None) => None,
        }
    }

    fn token(&mut self, raw: &RawOauth) -> Option<Auth> {
        let secret = raw.client_secret.as_ref().and_then(|at| self.secret(at));
        let at = raw.token_url.as_ref()?;
        let url = Url::parse(at.value.value.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
        let Some(url) = url.filter(Url::has_host) else {
            let remedy = "write it out: `https://login.example.com/oauth2/token`";
            self.report.error(at.span, "this is no URL of a token endpoint", remedy);
            return None;
        };
        Some(Auth::Token(Credentials {
            url,
            client: self.text(&raw.client_id)?,
            secret: secret?,
            scope: self.text(&raw.scope),
            audience: self.text(&raw.audience),
            place: raw.credentials.as_ref().map(|at| at.value).unwrap_or_default(),
        }))
    }

    fn signature(&mut self, raw: &RawHmac) -> Option<Auth> {
        let secret = raw.secret.as_ref().and_then(|at| self.secret(at))?;
        let name = |at: &Option<At<crate::config::read::scalars::HeaderName>>, usual: &'static str| match at {
            Some(at) => HeaderName::try_from(&at.value.0).ok(),
            None => Some(HeaderName::from_static(usual)),
        };
        let over = match &raw.over {
            Some(_) => self.phrase("auth.hmac.over"),
            None => usual_phrase(),
        };
        Some(Auth::Signature(Signature {
            secret,
            hash: raw.hash.as_ref().map(|at| at.value).unwrap_or_default(),
            encoding: raw.encoding.as_ref().map(|at| at.value).unwrap_or_default(),
            header: name(&raw.header, "x-signature")?,
            prefix: self.text(&raw.prefix).unwrap_or_default(),
            timestamp: name(&raw.timestamp, "x-timestamp"),
            over,
        }))
    }

    /// The certificates; `None` after noting what is wrong with them.
    pub(super) fn trust(&mut self) -> Option<TrustSettings> {
        let Some(at) = &self.raw.tls else { return Some(TrustSettings::default()) };
        let path =
            |this: &Self, text: &Option<At<crate::config::yaml::Text>>| text.as_ref().map(|at| this.beside(&at.value));
        let settings = TrustSettings {
            ca: path(self, &at.ca),
            identity: match (path(self, &at.certificate), path(self, &at.private_key)) {
                (Some(certificate), Some(private_key)) => Some(Identity { certificate, private_key }),
                (None, None) => None,
                _ => {
                    let what = "a certificate and its key belong together";
                    self.report.error(at.span, what, "write both `certificate` and `private_key`");
                    return None;
                }
            },
            server_name: at.server_name.as_ref().map(|at| at.value.value.clone()),
        };
        match trust::config(rustls::RootCertStore::empty(), &settings) {
            Ok(_) => Some(settings),
            Err(error) => {
                let what = format!("these certificates can't be used: {}", crate::telemetry::Causes(&error));
                self.report.error(at.span, what, "name PEM files; paths are relative to this file");
                None
            }
        }
    }
}

/// What is signed unless the author says otherwise.
fn usual_phrase() -> Phrase {
    let name = "signed";
    let unit = crate::scope::language::Unit::Template(name.into());
    let mut builder = LanguageBuilder::new();
    builder.template(name, SIGNED).printed_in_lines(unit.clone());
    builder.declare(&unit, crate::content::source::auth::SIGNED_NAMES.map(str::to_owned));
    let (language, _) = builder.build().expect("invariant: the house's own phrase is sound");
    Phrase { language, name: name.into() }
}
