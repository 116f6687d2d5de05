//! Health checks: each server is asked regularly, on a connection of its own, whether anybody visits or not.
//!
//! In: a server, and what to ask it. Out: the answers, told to the server. It must not decide what they mean.

use std::sync::Weak;
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::{Request, Uri};
use rustls::RootCertStore;

use super::health::Answer;
use super::server::{Server, reaching};
use super::settings::{HealthCheck, HostPolicy, OriginSettings, ServerUrl};
use crate::http::Body;
use crate::http::client::{Bounds, ClientSettings, Needs, ServerClient, Timeouts, TrustError};
use crate::limits::OWN_NAME;
use crate::shutdown::Shutdown;

/// Asks one server.
pub struct Probe {
    client: ServerClient,
    check: HealthCheck,
    url: Uri,
    host: Option<HeaderValue>,
}

impl Probe {
    /// `None` where the origin has no health check, or its path is none.
    ///
    /// # Errors
    /// [`TrustError`], as for the server itself.
    pub fn new(
        url: &ServerUrl,
        settings: &OriginSettings,
        roots: impl FnOnce() -> RootCertStore,
    ) -> Result<Option<Self>, TrustError> {
        let Some(check) = settings.health.clone() else { return Ok(None) };
        // Connections are not kept: whether there are new ones is part of the question.
        let timeouts = Timeouts {
            connect: check.timeout,
            first_byte: check.timeout,
            between_bytes: check.timeout,
            idle: Duration::ZERO,
        };
        let bounds = Bounds { connections: 1, pending: 1 };
        let client = ServerClient::new(&ClientSettings { timeouts, bounds, ..reaching(url, settings) }, roots)?;
        let host = match &settings.host {
            HostPolicy::Name(name) => HeaderValue::from_str(name.as_str()).ok(),
            HostPolicy::Origin | HostPolicy::Preserve => None,
        };
        let target = url.base().and_then(|base| {
            let mut parts = base.into_parts();
            parts.path_and_query = Some(check.path.parse().ok()?);
            Uri::from_parts(parts).ok()
        });
        Ok(target.map(|url| Self { client, check, url, host }))
    }

    /// Asks again and again, until the server is gone or the process stops.
    pub async fn run(self, server: Weak<Server>, shutdown: Shutdown) {
        loop {
            let answer = tokio::select! {
                answer = self.ask() => answer,
                () = shutdown.draining() => return,
            };
            let Some(server) = server.upgrade() else { return };
            server.probed(answer, &self.check);
            drop(server);
            tokio::select! {
                () = tokio::time::sleep(self.check.interval) => {}
                () = shutdown.draining() => return,
            }
        }
    }

    async fn ask(&self) -> Answer {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(OWN_NAME));
        if let Some(host) = &self.host {
            headers.insert(header::HOST, host.clone());
        }
        match tokio::time::timeout(self.check.timeout, self.client.send(request, Needs::Nothing)).await {
            Ok(Ok(response)) if self.is_good(response.status().as_u16()) => Answer::Good,
            Ok(Ok(response)) => {
                tracing::debug!(url = %self.url, status = response.status().as_u16(), "a health check was bad");
                Answer::Bad
            }
            Ok(Err(unanswered)) => {
                tracing::debug!(url = %self.url, error = %unanswered.error, "a health check failed");
                Answer::Bad
            }
            Err(_) => Answer::Bad,
        }
    }

    fn is_good(&self, status: u16) -> bool {
        self.check.status.iter().any(|range| range.contains(&status))
    }
}
