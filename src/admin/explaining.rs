//! What the API is asked to explain.
//!
//! In: the body of `POST /api/v1/explain`, an [`Inquiry`]. Out: the explanation as JSON, or what is wrong with the inquiry. It must not
//! show the page to anybody.

use http::{Response, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::{Admin, document, read};
use crate::exchange::explain::{Inquiry, InquiryError};
use crate::http::Body;
use crate::http::problem::problem;
use crate::limits::EXPLAIN_WAIT;

impl Admin {
    /// Walks a request that nobody sent, and tells all of it.
    ///
    /// # Errors
    /// The answer that says what is wrong with the inquiry.
    pub(super) async fn explain(&self, body: Body) -> Result<Response<Body>, Response<Body>> {
        let body = read(body).await?;
        let inquiry: Inquiry = serde_json::from_slice(&body).map_err(|error| wrong(&error.into()))?;
        match timeout(EXPLAIN_WAIT, self.exchange.inquire(&inquiry)).await {
            Ok(Ok(walked)) => Ok(document(&json!(walked.explanation))),
            Ok(Err(error)) => Err(wrong(&error)),
            Err(_) => Err(problem(StatusCode::GATEWAY_TIMEOUT, "The page did not come to its end in time.")),
        }
    }
}

fn wrong(error: &InquiryError) -> Response<Body> {
    problem(StatusCode::BAD_REQUEST, &error.to_string())
}
