//! Keys of logins that are fetched: at the start, again and again, and when one is missed.
//!
//! In: how visitors are recognised now. Out: the same with fresh keys. What can't be fetched or read changes nothing. It must not judge tokens.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Request, header};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::exchange::Exchange;
use crate::http::Body;
use crate::http::client::{HttpClient, Needs};
use crate::limits::{JWKS_BYTES, JWKS_LOOK, JWKS_WAIT};
use crate::shutdown::Shutdown;

/// Looks after the keys until the drain begins.
pub async fn keep(exchange: Arc<Exchange>, shutdown: Shutdown) {
    let mut client: Option<HttpClient> = None;
    loop {
        let token = exchange.visitors.load().token.clone();
        let due = token.as_ref().and_then(|token| Some((token, token.keys.due(Instant::now())?.clone())));
        if let Some((token, url)) = due {
            let fetched = match fetch(&mut client, &url).await {
                Ok(text) => token.keys.take(&text).map_err(Into::into),
                Err(error) => Err(error),
            };
            if let Err(error) = fetched {
                tracing::warn!(%url, %error, "the keys of logins could not be fetched; those from before hold");
            }
        }
        tokio::select! {
            () = shutdown.draining() => return,
            () = sleep(JWKS_LOOK) => {}
        }
    }
}

/// The key set, as text. Redirects are not followed: the file names where keys are.
async fn fetch(client: &mut Option<HttpClient>, url: &Url) -> Result<bytes::Bytes, Box<dyn StdError + Send + Sync>> {
    let client = match client {
        Some(client) => client,
        none => none.insert(HttpClient::new(None)?),
    };
    let mut request = Request::builder().uri(url.as_str()).body(Body::empty())?;
    request
        .headers_mut()
        .insert(header::ACCEPT, HeaderValue::from_static("application/jwk-set+json, application/json"));
    let text = timeout(JWKS_WAIT, async {
        let answer = client.send(request, Needs::Nothing).await?;
        match answer.status().is_success() {
            true => Ok(answer.into_body().collect_at_most(JWKS_BYTES).await?),
            false => Err(format!("the answer was {}", answer.status()).into()),
        }
    });
    text.await.map_err(|_| "it took too long")?
}
