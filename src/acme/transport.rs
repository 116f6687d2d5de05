//! The ACME library's requests over our own client: our bounds, our trust, no second TLS stack.
//!
//! In: requests of the library. Out: responses, their bodies bounded. It must not read either.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Limited};
use instant_acme::{BodyWrapper, BytesResponse, Error};

use crate::http::client::{HttpClient, Needs};
use crate::http::{Body, BodyError};
use crate::limits::ACME_ANSWER_BYTES;

/// Sends what the library asks.
pub struct Transport(pub HttpClient);

impl instant_acme::HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let response = client.send(request.map(whole), Needs::Nothing).await;
            let response = response.map_err(|error| Error::Other(Box::new(error)))?;
            Ok(response.map(|body| Limited::new(body, ACME_ANSWER_BYTES)).into())
        })
    }
}

/// The library's body, which can't fail.
fn whole(body: BodyWrapper<Bytes>) -> Body {
    Body::wrap(body.map_err(|never| -> BodyError { match never {} }))
}
