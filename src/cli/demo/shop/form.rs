//! What visitors send: forms and queries.
//!
//! In: a body, or a request's query. Out: its fields. Nothing is believed of them here.

use http::StatusCode;
use http::request::Parts;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::limits::SHOP_FORM_BYTES;

/// The fields of a form, in order.
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

/// Why a form could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    #[error("the form is longer than this shop reads")]
    TooLong,
    #[error("the form did not arrive whole")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl FormError {
    /// The status that answers it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl Form {
    /// The first field of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a form (`application/x-www-form-urlencoded`) of at most [`SHOP_FORM_BYTES`].
pub async fn read<B>(body: B) -> Result<Form, FormError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = Limited::new(body, SHOP_FORM_BYTES).collect().await;
    let bytes = collected
        .map_err(|error| match error.is::<LengthLimitError>() {
            true => FormError::TooLong,
            false => FormError::Broken(error),
        })?
        .to_bytes();
    Ok(Form(fields(&bytes)))
}

/// The first value of a name in a request's query.
pub fn query(head: &Parts, name: &str) -> Option<String> {
    let query = head.uri.query()?.as_bytes();
    fields(query).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn fields(bytes: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
