//! Why a page goes through as it is.
//!
//! In: what the rewriter says, or the page's charset. Out: the reason. It must not decide what becomes of the page.

use lol_html::errors::RewritingError;
use thiserror::Error;

use super::charset::Charset;

/// Why a page, or the rest of it, went through as it was.
#[derive(Debug, Error)]
pub enum Broken {
    #[error("the page is in {0}, which can't be rewritten")]
    Charset(&'static str),
    #[error("the page needs more memory to be understood than it may take")]
    Memory(#[source] RewritingError),
    #[error("the page could not be understood")]
    Markup(#[source] RewritingError),
}

impl Broken {
    /// Whether a page in this charset can't be rewritten from the start.
    pub(super) fn of_charset(charset: Charset) -> Option<Self> {
        match charset {
            Charset::Foreign(_) => Some(Self::Charset(charset.name())),
            Charset::Known(_) | Charset::Unknown => None,
        }
    }
}

impl From<RewritingError> for Broken {
    fn from(error: RewritingError) -> Self {
        match error {
            RewritingError::MemoryLimitExceeded(_) => Self::Memory(error),
            error => Self::Markup(error),
        }
    }
}
