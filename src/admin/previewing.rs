//! What the API is asked to sign a preview link for.
//!
//! In: the body of `POST /api/v1/preview`. Out: the link, or what is wrong with the order. It must not show the page.

use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Admin, document, read};
use crate::exchange::explain::Inquiry;
use crate::http::Body;
use crate::http::problem::problem;

/// What is to be signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    inquiry: Inquiry,
    /// For how long.
    seconds: u64,
}

impl Admin {
    /// Signs a link.
    ///
    /// # Errors
    /// The answer that says what is wrong with the order.
    pub(super) async fn preview(&self, body: Body) -> Result<Response<Body>, Response<Body>> {
        let wrong = |error: &dyn std::error::Error| problem(StatusCode::BAD_REQUEST, &error.to_string());
        let body = read(body).await?;
        let order: Order = serde_json::from_slice(&body).map_err(|error| wrong(&error))?;
        let life = std::time::Duration::from_secs(order.seconds);
        let link = self.exchange.preview_link(&order.inquiry, life).map_err(|error| wrong(&error))?;
        tracing::info!(url = order.inquiry.url, "a preview link was signed for the admin API");
        Ok(document(&json!({ "link": link })))
    }
}
