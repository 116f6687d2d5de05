//! Tokens for our credentials (OAuth 2.0, RFC 6749 section 4.4): asked for once, kept, and asked for anew before they end.
//!
//! In: credentials. Out: a token that holds. It must not show one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::{HeaderMap, Method, StatusCode, header};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::auth::{Credentials, Place, Secret, Sight, basic};
use super::client::Clients;
use super::definition::Redirects;
use super::exchange::{Bounds, exchange};
use super::failure::SourceError;
use super::request::Wire;
use crate::limits::{TOKEN_BYTES, TOKEN_LIFETIME, TOKEN_MARGIN};

type Asked = Shared<BoxFuture<'static, Result<Token, Arc<SourceError>>>>;

/// The token of one source.
#[derive(Default)]
pub(super) struct Tokens(Mutex<State>);

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// The request for another that is under way.
    asked: Option<Asked>,
}

#[derive(Clone)]
struct Token {
    secret: Secret,
    until: Instant,
}

/// What a token endpoint answers (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<serde_json::Number>,
}

impl Tokens {
    /// A token that holds; all who want one while it is asked for wait for the same.
    ///
    /// # Errors
    /// [`SourceError::Token`].
    pub async fn get(&self, clients: &Arc<Clients>, credentials: &Credentials) -> Result<Secret, SourceError> {
        let asked = {
            let mut state = self.state();
            if let Some(token) = state.token.as_ref().filter(|token| Instant::now() < token.until) {
                return Ok(token.secret.clone());
            }
            let ask = || ask(clients.clone(), credentials.clone()).boxed().shared();
            state.asked.get_or_insert_with(ask).clone()
        };
        let granted = asked.clone().await;
        let mut state = self.state();
        if state.asked.as_ref().is_some_and(|current| current.ptr_eq(&asked)) {
            state.asked = None;
            state.token = granted.as_ref().ok().cloned();
        }
        granted.map(|token| token.secret).map_err(SourceError::Token)
    }

    /// The source did not take this token: another is to be asked for.
    pub fn forget(&self, refused: &Secret) {
        let mut state = self.state();
        if state.token.as_ref().is_some_and(|token| token.secret == *refused) {
            state.token = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(clients: Arc<Clients>, credentials: Credentials) -> Result<Token, Arc<SourceError>> {
    let asked = async {
        let bounds = Bounds { redirects: &Redirects::default(), bytes: TOKEN_BYTES };
        let ok = |status: StatusCode| status == StatusCode::OK;
        let body = exchange(&clients, request(&credentials)?, bounds, &ok).await?;
        let granted: Granted =
            serde_json::from_slice(&body).map_err(|error| SourceError::Unreadable("a token", Box::new(error)))?;
        let lasts = granted.expires_in.and_then(|seconds| seconds.as_f64()).filter(|seconds| *seconds > 0.0);
        let lasts = lasts.map_or(TOKEN_LIFETIME, |seconds| Duration::from_secs_f64(seconds.min(1e9)));
        // One that lasts hardly longer than the margin is used for half its time.
        let used = lasts.saturating_sub(TOKEN_MARGIN).max(lasts / 2);
        Ok(Token { secret: Secret::new(granted.access_token), until: Instant::now() + used })
    };
    asked.await.map_err(Arc::new)
}

fn request(credentials: &Credentials) -> Result<Wire, SourceError> {
    let Credentials { url, client, secret, scope, audience, place } = credentials;
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    for (name, value) in [("scope", scope), ("audience", audience)] {
        if let Some(value) = value {
            form.append_pair(name, value);
        }
    }
    if *place == Place::Body {
        form.append_pair("client_id", client).append_pair("client_secret", secret.expose());
    }
    let body = form.finish().into();
    let mut wire = Wire { method: Method::POST, url: url.clone(), headers: HeaderMap::new(), body };
    wire.set(header::CONTENT_TYPE, "application/x-www-form-urlencoded", Sight::Open)?;
    wire.set(header::ACCEPT, "application/json", Sight::Open)?;
    if *place == Place::Header {
        // Both are form-encoded first (RFC 6749 section 2.3.1).
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let proof = basic(&encode(client), &Secret::new(encode(secret.expose())));
        wire.set(header::AUTHORIZATION, &proof, Sight::Secret)?;
    }
    Ok(wire)
}
