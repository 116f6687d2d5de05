//! What one client does in one visit, and whether it was answered as it must be.
//!
//! In: a kind of visit, Inlay's address. Out: nothing, or what was wrong. Every answer is compared.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::site::{self, BIG, Tier};
use crate::{Chance, Failure};

/// What a client comes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// A page that no rule has.
    Plain,
    /// One that is not kept by any cache.
    Missed,
    /// A page that a rule has, as it is, in gzip, in brotli.
    Page,
    Gzip,
    Brotli,
    /// A body of megabytes.
    Big,
    /// A body is sent, and comes back.
    Echo,
    /// The head comes a few bytes at a time.
    SlowHead,
    /// A body is sent a little at a time.
    SlowSender,
    /// A big body is read a little at a time.
    SlowReader,
    /// Goes away while the answer comes.
    Leaver,
    /// Goes away while it sends.
    LeavingSender,
    /// Messages there and back over a WebSocket.
    Socket,
    /// The origin does not listen, sends nonsense, dies in mid-body, never answers.
    Refused,
    Garbage,
    Dies,
    Hangs,
}

impl Visit {
    /// With how many of each hundred visits.
    pub const MIX: [(Self, u32); 17] = [
        (Self::Plain, 18),
        (Self::Missed, 10),
        (Self::Page, 20),
        (Self::Gzip, 12),
        (Self::Brotli, 8),
        (Self::Big, 3),
        (Self::Echo, 6),
        (Self::SlowHead, 2),
        (Self::SlowSender, 2),
        (Self::SlowReader, 2),
        (Self::Leaver, 4),
        (Self::LeavingSender, 3),
        (Self::Socket, 3),
        (Self::Refused, 2),
        (Self::Garbage, 2),
        (Self::Dies, 2),
        (Self::Hangs, 1),
    ];

    pub fn any(chance: &mut Chance) -> Self {
        let all: u32 = Self::MIX.iter().map(|(_, share)| share).sum();
        let mut drawn = chance.below(all as usize) as u32;
        for (visit, share) in Self::MIX {
            match drawn.checked_sub(share) {
                Some(left) => drawn = left,
                None => return visit,
            }
        }
        Self::Plain
    }
}

/// No answer takes longer, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// When a client of an origin that never answers gives up.
const GIVEN_UP: Duration = Duration::from_millis(150);
/// Between the pieces of slow clients.
const PAUSE: Duration = Duration::from_millis(5);
/// A revision is live a little after it was written: an answer may be of one of so many before.
const REVISIONS_BEHIND: u64 = 10;

type Sent = UnsyncBoxBody<Bytes, Failure>;
type Http = Client<HttpConnector, Sent>;

/// Clients of either version, with their connections.
#[derive(Clone)]
pub struct Clients {
    address: SocketAddr,
    http1: Http,
    http2: Http,
    /// The revision of the rules that was written last.
    revision: Arc<AtomicU64>,
}

impl Clients {
    pub fn new(address: SocketAddr, revision: Arc<AtomicU64>) -> Self {
        let client = |http2| Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
        Self { address, http1: client(false), http2: client(true), revision }
    }

    /// Comes once.
    ///
    /// # Errors
    /// What was not as it must be.
    pub async fn visit(&self, visit: Visit, chance: &mut Chance) -> Result<(), Failure> {
        let done = tokio::time::timeout(PATIENCE, self.go(visit, chance)).await;
        let done = done.unwrap_or_else(|_| Err(format!("nothing for {PATIENCE:?}").into()));
        done.map_err(|error| format!("{visit:?}: {error}").into())
    }

    async fn go(&self, visit: Visit, chance: &mut Chance) -> Result<(), Failure> {
        let (number, client) =
            (chance.below(site::PAGES), if chance.below(3) == 0 { &self.http2 } else { &self.http1 });
        match visit {
            Visit::Plain => same(&self.get(client, &format!("/plain/{number}"), &[]).await?, &site::page(number)),
            Visit::Missed => {
                let path = format!("/plain/{number}?{}", chance.below(usize::MAX));
                same(&self.get(client, &path, &[("accept-encoding", "gzip")]).await?, &site::page(number))
            }
            Visit::Page => self.page(client, number, "identity", chance).await,
            Visit::Gzip => self.page(client, number, "gzip", chance).await,
            Visit::Brotli => self.page(client, number, "br", chance).await,
            Visit::Big => {
                same(&self.get(client, &format!("/big/{}", number % BIG), &[]).await?, &site::big(number % BIG))
            }
            Visit::Echo => self.echo(client, site::big(number % BIG).slice(..chance.below(200_000)), None).await,
            Visit::SlowSender => self.echo(client, site::page(number % 8), Some(PAUSE)).await,
            Visit::SlowHead => self.slow_head(number).await,
            Visit::SlowReader => self.slow_reader(client, number % BIG).await,
            Visit::Leaver => self.leave(client, number % BIG).await,
            Visit::LeavingSender => self.leave_sending().await,
            Visit::Socket => self.socket(number).await,
            Visit::Refused => self.fails(client, "/refused/").await,
            Visit::Garbage => self.fails(client, "/garbage/").await,
            Visit::Dies => self.dies(client).await,
            Visit::Hangs => self.hangs(client).await,
        }
    }

    async fn begin(&self, client: &Http, path: &str, fields: &[(&str, &str)]) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::get(format!("http://{}{path}", self.address));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        Ok(client.request(request.body(empty())?).await?)
    }

    /// A whole answer, decoded.
    async fn get(&self, client: &Http, path: &str, fields: &[(&str, &str)]) -> Result<Bytes, Failure> {
        let response = self.begin(client, path, fields).await?;
        let (status, coding) = (response.status(), response.headers().get(header::CONTENT_ENCODING).cloned());
        let body = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("{path} gave {status}: {}", String::from_utf8_lossy(&body)).into());
        }
        let mut plain = Vec::new();
        match coding.as_ref().map(|coding| coding.as_bytes()) {
            None => return Ok(body),
            Some(b"gzip") => flate2::read::MultiGzDecoder::new(&body[..]).read_to_end(&mut plain)?,
            Some(b"br") => brotli::Decompressor::new(&body[..], 4096).read_to_end(&mut plain)?,
            Some(other) => return Err(format!("{path} came in {other:?}").into()),
        };
        Ok(plain.into())
    }

    /// A page with what is laid into it, by a revision that is live now or was a moment ago.
    async fn page(&self, client: &Http, number: usize, coding: &str, chance: &mut Chance) -> Result<(), Failure> {
        let tier = if chance.below(2) == 0 { Tier::Gold } else { Tier::Plain };
        let oldest = self.revision.load(Ordering::Acquire).saturating_sub(REVISIONS_BEHIND);
        let cookie = format!("tier={}", tier.name());
        let fields = [("accept-encoding", coding), ("cookie", &cookie)];
        let page = self.get(client, &format!("/page/{number}"), &fields).await?;
        let text = std::str::from_utf8(&page)?;
        let said = text.split_once("data-revision=\"").and_then(|(_, rest)| rest.split('"').next());
        let revision: u64 = said.ok_or("nothing was laid in")?.parse()?;
        if !(oldest..=self.revision.load(Ordering::Acquire)).contains(&revision) {
            return Err(format!("revision {revision} of the rules, which should be past {oldest}").into());
        }
        same(&page, &site::laid(number, tier, revision))
    }

    async fn echo(&self, client: &Http, bytes: Bytes, pause: Option<Duration>) -> Result<(), Failure> {
        let body = match pause {
            None => Full::new(bytes.clone()).map_err(|never| match never {}).boxed_unsync(),
            Some(pause) => slowly(bytes.clone(), pause),
        };
        let request = Request::post(format!("http://{}/echo", self.address)).body(body)?;
        let echoed = client.request(request).await?.into_body().collect().await?.to_bytes();
        same(&echoed, &bytes)
    }

    async fn slow_head(&self, number: usize) -> Result<(), Failure> {
        let mut stream = TcpStream::connect(self.address).await?;
        let head = format!("GET /plain/{number} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        for piece in head.as_bytes().chunks(7) {
            stream.write_all(piece).await?;
            tokio::time::sleep(PAUSE).await;
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let page = site::page(number);
        let begins = answer.starts_with(b"HTTP/1.1 200 ");
        if begins && answer.ends_with(&page) { Ok(()) } else { Err("another answer to a slow head".into()) }
    }

    async fn slow_reader(&self, client: &Http, number: usize) -> Result<(), Failure> {
        let mut body = self.begin(client, &format!("/big/{number}"), &[]).await?.into_body();
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            read.extend_from_slice(frame?.data_ref().map_or(&[], |data| data));
            tokio::time::sleep(PAUSE).await;
        }
        same(&read, &site::big(number))
    }

    async fn leave(&self, client: &Http, number: usize) -> Result<(), Failure> {
        let mut body = self.begin(client, &format!("/big/{number}"), &[]).await?.into_body();
        let first = body.frame().await.ok_or("no body")??;
        let first = first.data_ref().ok_or("no content")?;
        same(first, &site::big(number).slice(..first.len()))
    }

    async fn leave_sending(&self) -> Result<(), Failure> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n").await?;
        stream.write_all(&[b'x'; 5000]).await?;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    async fn socket(&self, number: usize) -> Result<(), Failure> {
        let stream = TcpStream::connect(self.address).await?;
        let url = format!("ws://{}/socket", self.address);
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
        for turn in 0..4 {
            let message = Message::text(format!("{turn} of {number}"));
            socket.send(message.clone()).await?;
            let echoed = socket.next().await.ok_or("the socket was closed")??;
            if echoed != message {
                return Err(format!("{message} came back as {echoed}").into());
            }
        }
        // The peer may be gone before it has read this.
        let _ = socket.close(None).await;
        Ok(())
    }

    /// An origin that cannot be asked is told of as such.
    async fn fails(&self, client: &Http, path: &str) -> Result<(), Failure> {
        let response = self.begin(client, path, &[]).await?;
        let status = response.status();
        response.into_body().collect().await?;
        if is_failure(status) { Ok(()) } else { Err(format!("{path} gave {status}").into()) }
    }

    /// What broke off must not look whole.
    async fn dies(&self, client: &Http) -> Result<(), Failure> {
        let response = self.begin(client, "/dies", &[]).await?;
        let status = response.status();
        match response.into_body().collect().await {
            Err(_) => Ok(()),
            Ok(_) if is_failure(status) => Ok(()),
            Ok(body) => Err(format!("{status}, and {} bytes look whole", body.to_bytes().len()).into()),
        }
    }

    async fn hangs(&self, client: &Http) -> Result<(), Failure> {
        match tokio::time::timeout(GIVEN_UP, self.begin(client, "/hang", &[])).await {
            Err(_) => Ok(()),
            Ok(Ok(response)) => Err(format!("an origin that never answers answered {}", response.status()).into()),
            Ok(Err(error)) => Err(error),
        }
    }
}

fn is_failure(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

fn empty() -> Sent {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// `bytes` in twenty pieces.
fn slowly(bytes: Bytes, pause: Duration) -> Sent {
    let size = bytes.len().div_ceil(20).max(1);
    let pieces: Vec<Bytes> = bytes.chunks(size).map(|piece| bytes.slice_ref(piece)).collect();
    let pieces = futures_util::stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(Frame::data(piece))
    });
    StreamBody::new(pieces).boxed_unsync()
}

fn same(got: &[u8], expected: &[u8]) -> Result<(), Failure> {
    if got == expected {
        return Ok(());
    }
    let at = got.iter().zip(expected).take_while(|(got, expected)| got == expected).count();
    let around = String::from_utf8_lossy(&got[at.saturating_sub(40)..got.len().min(at + 80)]).into_owned();
    Err(format!("{} bytes instead of {}, from byte {at}: …{around}…", got.len(), expected.len()).into())
}
