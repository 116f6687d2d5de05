//! Whose connection it is that a balancer passes on: reads the header of the PROXY protocol before anything else.
//!
//! In: a connection as it was accepted. Out: the client's address; not a byte beyond the header is taken. It must not answer:
//! whoever gets this wrong is not a browser.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::terms::Terms;
use crate::http::proxy_protocol::{self, Malformed};
use crate::limits;

/// Bytes that are looked at in one go: any header of version 1, and most of version 2.
const LOOK_BYTES: usize = 256;

/// Why a connection is closed without a word.
#[derive(Debug, thiserror::Error)]
pub enum ProxiedError {
    /// It could claim to be anybody, and what is to come from balancers only came from elsewhere.
    #[error("a connection from no trusted proxy where the PROXY protocol is required")]
    Untrusted,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the header of the PROXY protocol did not come in time")]
    TooSlow,
    /// Also what balancers do that only look whether somebody listens.
    #[error("the connection ended before its header of the PROXY protocol")]
    Ended(#[from] io::Error),
}

impl ProxiedError {
    /// What it is called in metrics; `None` for what is nobody's fault.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Untrusted => Some("proxy_untrusted"),
            Self::Malformed(_) => Some("proxy_header"),
            Self::TooSlow => Some("proxy_header_too_slow"),
            Self::Ended(_) => None,
        }
    }
}

/// The client behind `sender`, which is the sender itself where it speaks for nobody.
///
/// # Errors
/// [`ProxiedError`]; the connection must not be served then.
pub async fn client(stream: &mut TcpStream, sender: SocketAddr, terms: &Terms) -> Result<SocketAddr, ProxiedError> {
    if terms.is_client(sender.ip()) {
        return Err(ProxiedError::Untrusted);
    }
    let header = timeout(limits::PROXY_HEADER_WAIT, header(stream)).await.map_err(|_| ProxiedError::TooSlow)??;
    Ok(proxy_protocol::client(&header)?.unwrap_or(sender))
}

/// Takes the header, and no more, from the stream. What is seen of it is taken at once, so that waiting for the rest waits.
async fn header(stream: &mut TcpStream) -> Result<Vec<u8>, ProxiedError> {
    let mut header = Vec::new();
    loop {
        let taken = header.len();
        header.resize(taken + LOOK_BYTES, 0);
        let seen = taken + stream.peek(&mut header[taken..]).await?;
        if seen == taken {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let length = proxy_protocol::length(&header[..seen])?;
        let own = length.map_or(seen, |length| length.min(seen));
        header.truncate(own);
        stream.read_exact(&mut header[taken..]).await?;
        if length == Some(own) {
            return Ok(header);
        }
    }
}
