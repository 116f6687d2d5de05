//! What the demo asks of Inlay: to answer a request as it would on its own listener.
//!
//! In: a request. Out: a response. Written as a trait, so that the demo's own tests need no origin and no rules. It must not
//! offer the demo what a visitor would not get.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use serde::Serialize;

/// Any error that a body can end in.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body in either direction.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body ended early. A type of its own, because the compiler cannot see through a bare `Box<dyn Error>` that handlers
/// over it are `Send`.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BodyError(BoxError);

/// Inlay, as the demo's door calls it.
pub trait Edge: Send + Sync + 'static {
    /// Answers one request. Where its extensions hold a [`TraceSink`](crate::exchange::trace::TraceSink), a page that is rewritten is recorded there: every
    /// piece of the origin's decoded page, and every slot as it settles; all of it before the response's body ends.
    fn serve(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>>;

    /// Reads the rules again, as it would by itself once they changed. It may take a while.
    fn reread(&self) -> Reread;
}

/// What came of reading the rules again.
#[derive(Debug)]
pub enum Reread {
    /// The next request sees them.
    Live,
    Unchanged,
    /// Those from before still apply.
    Refused(Vec<Wrong>),
}

/// What is wrong with a rule file.
#[derive(Clone, Debug, Serialize)]
pub struct Wrong {
    pub file: String,
    /// From 1; 0 where there is no line.
    pub line: usize,
    pub column: usize,
    pub what: String,
    pub remedy: String,
}

/// Any body as a [`Body`].
pub fn boxed<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(|error| BodyError(error.into())).boxed_unsync()
}

/// A body of these bytes.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    boxed(http_body_util::Full::new(bytes.into()))
}
