//! The admin port of the running process, as commands call it.
//!
//! In: where it is, and a call. Out: what it answers. It must not start anything.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use thiserror::Error;
use tokio::runtime::Runtime;

use crate::config::problems::Problems;
use crate::config::{self, ConfigSource};
use crate::http::Body;
use crate::http::body::BodyError;
use crate::http::client::{HttpClient, Needs, SendError, TrustError};
use crate::limits::ADMIN_ANSWER_BYTES;

/// Where the admin port is unless something says otherwise.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9900);

/// Where the running process is reached.
#[derive(Debug, clap::Args)]
pub struct AdminPort {
    /// The inlay.yaml of the running process, for its `admin` address and token.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The admin address of the running process [default: that of the file, else 127.0.0.1:9900].
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,
    /// The token of `admin.token`.
    #[arg(long, env = "INLAY_ADMIN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
}

/// Why a call came to nothing.
#[derive(Debug, Error)]
pub enum CallError {
    #[error("cannot start")]
    Start(#[source] std::io::Error),
    #[error("cannot make a client")]
    Client(#[from] TrustError),
    #[error("no answer from the admin port at {0}: is Inlay running with `--admin {0}`, or `admin:` in its file?")]
    Unreachable(SocketAddr, #[source] SendError),
    #[error("the admin port answered {0}: {1}")]
    Refused(StatusCode, String),
    #[error("the admin port's answer broke off")]
    Answer(#[from] BodyError),
    #[error(transparent)]
    Config(#[from] Problems),
    #[error("{0} has no `admin` port: add `admin: {{ address: 127.0.0.1:9900 }}` and start Inlay anew")]
    NoAdmin(String),
}

impl AdminPort {
    /// Makes one call, and waits for its answer.
    ///
    /// # Errors
    /// Why there is none, or what it says is wrong.
    pub fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<Bytes, CallError> {
        let (address, token) = self.aim()?;
        Caller::new(address, token)?.call(method, path, body)
    }

    /// Where to go, and with which token: flags count before the file.
    pub fn aim(&self) -> Result<(SocketAddr, Option<String>), CallError> {
        let Some(file) = &self.config else {
            return Ok((self.admin.unwrap_or(DEFAULT), self.token.clone()));
        };
        let settings = config::settings(&ConfigSource::file(file))?;
        let Some(admin) = settings.admin else {
            return Err(CallError::NoAdmin(file.display().to_string()));
        };
        let token = self.token.clone().or(admin.token.map(|token| token.expose().to_owned()));
        Ok((self.admin.unwrap_or(admin.address), token))
    }
}

/// Who makes many calls, over the same connection.
pub struct Caller {
    runtime: Runtime,
    client: HttpClient,
    address: SocketAddr,
    token: Option<HeaderValue>,
}

impl Caller {
    /// Who calls the port at `address`.
    ///
    /// # Errors
    /// This machine has no means for it.
    pub fn new(address: SocketAddr, token: Option<String>) -> Result<Self, CallError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CallError::Start)?;
        let token = token.and_then(|token| format!("Bearer {token}").try_into().ok());
        Ok(Self { runtime, client: HttpClient::new(None)?, address, token })
    }

    /// Makes one call, and waits for its answer.
    ///
    /// # Errors
    /// Why there is none, or what it says is wrong.
    pub fn call(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Result<Bytes, CallError> {
        self.runtime.block_on(async {
            let answer = self.ask(method, path, body.into()).await?;
            Ok(answer.collect_at_most(ADMIN_ANSWER_BYTES).await?)
        })
    }

    /// Makes one call whose answer is of any length: `piece` gets each piece of it.
    ///
    /// # Errors
    /// Why there is none, or what it says is wrong; what `piece` says.
    pub fn read<E: From<CallError>>(&self, path: &str, mut piece: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.runtime.block_on(async {
            let mut answer = self.ask(Method::GET, path, Bytes::new()).await?;
            while let Some(frame) = answer.frame().await {
                let frame = frame.map_err(|error| E::from(CallError::Answer(error)))?;
                if let Ok(data) = frame.into_data() {
                    piece(&data)?;
                }
            }
            Ok(())
        })
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Body, CallError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .body(Body::full(body))
            .expect("invariant: a socket address and a path of ours make a URL");
        if let Some(token) = &self.token {
            request.headers_mut().insert(header::AUTHORIZATION, token.clone());
        }
        let sent = self.client.send(request, Needs::Http1).await;
        let answer = sent.map_err(|error| CallError::Unreachable(self.address, error))?;
        let (head, body) = answer.into_parts();
        match head.status.is_success() {
            true => Ok(body),
            false => Err(CallError::Refused(head.status, detail(&body.collect_at_most(ADMIN_ANSWER_BYTES).await?))),
        }
    }
}

/// The `detail` of a problem document, or all of the answer.
fn detail(answer: &[u8]) -> String {
    let document: Option<serde_json::Value> = serde_json::from_slice(answer).ok();
    let detail = document.as_ref().and_then(|document| document.get("detail")?.as_str());
    detail.map_or_else(|| String::from_utf8_lossy(answer).into_owned(), str::to_owned)
}
