//! Edge Side Includes: what stands in the place of `<esi:include>`, asked of the site's own origins, through the shared cache and never
//! through ourselves.
//!
//! In: an include as the page has it. Out: its content, as it comes. It must not know rules; what it may ask are the sites of this
//! deployment.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{self, HeaderMap};
use http::{Method, Request, Response};
use http_body::{Body as HttpBody, Frame};
use tokio::time::timeout;
use url::Url;

use crate::context::Context;
use crate::http::coding::{Codings, DecodedBody};
use crate::http::cookies::remove_cookie;
use crate::http::flow::{Flow, Inflow};
use crate::http::headers::{is_html, remove_conditions};
use crate::http::peer::{Peer, TrueClient};
use crate::http::{Body, BodyError};
use crate::limits::{ESI_BYTES, ESI_DEPTH, ESI_WAIT, PAGE_AHEAD_BYTES};
use crate::origin::cache::{Call, ResponseCache, UseCache};
use crate::origin::{Hop, OriginError, WantedCodings};
use crate::page::{Assembler, Charset, Element, Fill, Filling, Fills, Markers, Settled, Slot};
use crate::telemetry::{Kind, Metrics};

/// The includes of one page. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Includes {
    asking: Arc<Asking>,
    /// How many includes lead to this page: 0 for the page itself.
    depth: usize,
}

/// For whom includes are asked.
#[derive(Debug)]
struct Asking {
    responses: ResponseCache,
    context: Arc<Context>,
    peer: Peer,
    client: TrueClient,
    metrics: Arc<Metrics>,
    /// What an included page is read with.
    markers: Arc<Markers>,
    /// One of them failed without which the page is not to be had.
    failed: AtomicBool,
}

/// Why nothing is included.
#[derive(Debug, thiserror::Error)]
enum IncludeError {
    #[error("`src` is missing or no URL")]
    Url,
    #[error("it leads to a host that is no site of this deployment")]
    Elsewhere,
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is no text")]
    Type,
    #[error("its answer is coded in a way that is not undone here, or longer than {ESI_BYTES} bytes")]
    Body,
    #[error("it did not answer within {} ms", .0.as_millis())]
    Timeout(Duration),
}

/// Why a page ends early whose include failed.
#[derive(Debug, thiserror::Error)]
#[error("an include failed that the page can't do without")]
struct Missing;

impl Includes {
    /// For one page, whose origin was asked so.
    pub fn new(
        responses: &ResponseCache,
        context: &Arc<Context>,
        (peer, client): (&Peer, &TrueClient),
        metrics: &Arc<Metrics>,
    ) -> Self {
        let asking = Asking {
            responses: responses.clone(),
            context: context.clone(),
            peer: *peer,
            client: client.clone(),
            metrics: metrics.clone(),
            markers: Arc::new(Markers::default().with_esi()),
            failed: AtomicBool::new(false),
        };
        Self { asking: Arc::new(asking), depth: 0 }
    }

    /// What stands in the place of something that is ESI.
    pub fn open(&self, slot: &Slot) -> Filling {
        match &slot.element {
            Some(element) if element.tag == "esi:include" => {
                let task = tokio::spawn(self.clone().include(element.clone()));
                Filling::Later(task.map(|ended| ended.unwrap_or(Fill::Show(Vec::new()))).boxed())
            }
            _ => Filling::Now(Fill::Show(Vec::new())),
        }
    }

    /// The page, which ends early where an include fails that it can't do without, so that the client can tell.
    pub fn guard(&self, page: Body) -> Body {
        Body::wrap(Guarded { page, asking: self.asking.clone() })
    }

    /// `src`, then `alt`; then nothing if `onerror` says so.
    async fn include(self, element: Arc<Element>) -> Fill {
        let attribute =
            |name: &str| element.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let milliseconds = attribute("maxwait").and_then(|wait| wait.parse().ok()).map(Duration::from_millis);
        let wait = milliseconds.map_or(ESI_WAIT, |wait| wait.min(ESI_WAIT));
        for (url, kind) in [(attribute("src").or(Some("")), "src"), (attribute("alt"), "alt")] {
            let Some(url) = url else { continue };
            let asked = timeout(wait, Box::pin(self.ask(url))).await;
            match asked.unwrap_or(Err(IncludeError::Timeout(wait))) {
                Ok(flow) => {
                    self.count(kind);
                    return Fill::Flow(flow);
                }
                Err(error) => tracing::warn!(url, %error, "an include failed"),
            }
        }
        if attribute("onerror") == Some("continue") {
            self.count("continued");
        } else {
            self.count("failed");
            self.asking.failed.store(true, Ordering::Relaxed);
        }
        Fill::Show(Vec::new())
    }

    async fn ask(&self, url: &str) -> Result<Flow, IncludeError> {
        let Asking { responses, context, peer, client, .. } = &*self.asking;
        let target = self.target(url)?;
        let site = match target.host_str().map(str::to_ascii_lowercase) {
            Some(host) if host != context.request.host() => {
                let sites = &context.revision.sites;
                sites.of_host(&host).filter(|_| sites.names(&host)).ok_or(IncludeError::Elsewhere)?
            }
            _ => &context.site,
        };
        let (origin, asserted) = site.answers(&crate::http::path::normalise(target.path()));
        let hop = Hop { peer, client, codings: WantedCodings::Decodable };
        let use_cache = if context.supposed.is_nothing() { UseCache::Yes } else { UseCache::Bypass };
        let call = Call { hop, asserted, written: b"", use_cache, now: context.now };
        let fetched = responses.fetch(origin, self.request(&target)?, &call).await?;
        self.read(fetched.response)
    }

    /// The URL that an include means, seen from the page.
    fn target(&self, url: &str) -> Result<Url, IncludeError> {
        let Asking { context, client, .. } = &*self.asking;
        let authority = client.host.as_ref().ok_or(IncludeError::Url)?;
        let path = context.request.head.uri.path_and_query().map_or("/", |path| path.as_str());
        let page = Url::parse(&format!("{}://{authority}{path}", client.scheme)).map_err(|_| IncludeError::Url)?;
        let target = Some(url).filter(|url| !url.is_empty()).and_then(|url| page.join(url).ok());
        target.filter(|target| matches!(target.scheme(), "http" | "https")).ok_or(IncludeError::Url)
    }

    /// The visitor's request, for another URL: without our cookie, and without what is about the page's own bytes.
    fn request(&self, target: &Url) -> Result<Request<Body>, IncludeError> {
        let head = &self.asking.context.request.head;
        let mut request = Request::new(Body::empty());
        *request.method_mut() = Method::GET;
        let path = &target[url::Position::BeforePath..url::Position::AfterQuery];
        *request.uri_mut() = path.parse().map_err(|_| IncludeError::Url)?;
        let mut headers: HeaderMap = head.headers.clone();
        remove_cookie(&mut headers, &self.asking.context.request.expose.own_cookie);
        remove_conditions(&mut headers);
        for name in [header::RANGE, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::EXPECT, header::UPGRADE] {
            headers.remove(name);
        }
        if let Some(host) = target.host_str().filter(|host| !host.eq_ignore_ascii_case(&head.host)) {
            headers.insert(header::HOST, host.parse().map_err(|_| IncludeError::Url)?);
        }
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// The body of an answer that may be included, as it comes. What it includes itself is in it.
    fn read(&self, response: Response<Body>) -> Result<Flow, IncludeError> {
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return Err(IncludeError::Status(head.status.as_u16()));
        }
        let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_none_or(is_text) {
            return Err(IncludeError::Type);
        }
        let body = match Codings::of(&head.headers) {
            Codings::Known(codings) if codings.is_empty() => body,
            Codings::Known(codings) => Body::wrap(DecodedBody::new(body, &codings)),
            Codings::Undecodable => return Err(IncludeError::Body),
        };
        if body.size_hint().lower() > ESI_BYTES as u64 {
            return Err(IncludeError::Body);
        }
        let charset = content_type.and_then(|value| value.to_ascii_lowercase().split_once("charset=").map(label));
        let encoding = charset.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
        let encoding = encoding.unwrap_or(encoding_rs::UTF_8);
        let (inflow, flow) = Flow::new();
        let nests = is_html(&head.headers) && self.depth + 1 < ESI_DEPTH && encoding.is_ascii_compatible();
        let nested = nests.then(|| {
            let fills = Nested(Self { asking: self.asking.clone(), depth: self.depth + 1 });
            Assembler::new(self.asking.markers.clone(), Charset::Known(encoding), fills)
        });
        tokio::spawn(
            Pouring { body, nested, decoder: encoding.new_decoder(), left: ESI_BYTES, ended: false }.run(inflow),
        );
        Ok(flow)
    }

    fn count(&self, kind: &'static str) {
        self.asking.metrics.includes.get_or_create(&Kind { kind }).inc();
    }
}

fn label((_, charset): (&str, &str)) -> String {
    charset.split(';').next().unwrap_or_default().trim().trim_matches('"').to_owned()
}

/// Whether a type may stand in a page.
fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let structured = ["json", "xml", "javascript"].iter().any(|suffix| essence.ends_with(suffix));
    essence.starts_with("text/") || (essence.starts_with("application/") && structured)
}

/// The includes of an included page.
struct Nested(Includes);

impl Fills for Nested {
    fn open(&mut self, slot: &Slot) -> Filling {
        self.0.open(slot)
    }

    fn settled(&mut self, _: Settled) {}
}

/// An included body on its way into the page.
struct Pouring {
    body: Body,
    /// What includes in its turn; else it is taken as it is.
    nested: Option<Assembler<Nested>>,
    decoder: encoding_rs::Decoder,
    /// Bytes that may still come.
    left: usize,
    ended: bool,
}

/// What comes next.
enum Next {
    Read(Option<Result<Frame<Bytes>, BodyError>>),
    Piece(Bytes),
    End,
}

impl Pouring {
    /// Runs to the body's end; where it breaks off, so does the flow.
    async fn run(mut self, inflow: Inflow) {
        loop {
            match poll_fn(|cx| self.poll_next(cx)).await {
                Next::Piece(bytes) => self.pour(&bytes, false, &inflow),
                Next::End => {
                    self.pour(&[], true, &inflow);
                    return inflow.end();
                }
                Next::Read(None) => {
                    self.ended = true;
                    self.nested.iter_mut().for_each(Assembler::end);
                }
                Next::Read(Some(Err(_))) => return,
                Next::Read(Some(Ok(frame))) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    let Some(left) = self.left.checked_sub(bytes.len()) else { return };
                    self.left = left;
                    match &mut self.nested {
                        Some(assembler) if !bytes.is_empty() => assembler.write(bytes),
                        Some(_) => {}
                        None => self.pour(&bytes, false, &inflow),
                    }
                }
            }
        }
    }

    fn poll_next(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Next> {
        let mut may_read = !self.ended;
        match &mut self.nested {
            None if self.ended => return Poll::Ready(Next::End),
            None => {}
            Some(assembler) => match assembler.poll_next(cx) {
                Poll::Ready(Some(bytes)) => return Poll::Ready(Next::Piece(bytes)),
                Poll::Ready(None) if self.ended => return Poll::Ready(Next::End),
                Poll::Ready(None) => {}
                Poll::Pending => may_read &= assembler.queued() < PAGE_AHEAD_BYTES,
            },
        }
        if !may_read {
            return Poll::Pending;
        }
        Pin::new(&mut self.body).poll_frame(cx).map(Next::Read)
    }

    fn pour(&mut self, mut bytes: &[u8], last: bool, inflow: &Inflow) {
        let mut text = String::new();
        loop {
            text.reserve(self.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len()));
            let (result, read, _) = self.decoder.decode_to_string(bytes, &mut text, last);
            bytes = &bytes[read..];
            if result == encoding_rs::CoderResult::InputEmpty {
                return inflow.push(text.into());
            }
        }
    }
}

/// A page with includes.
struct Guarded {
    page: Body,
    asking: Arc<Asking>,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.page).poll_frame(cx);
        if self.asking.failed.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(BodyError::Source(Box::new(Missing)))));
        }
        polled
    }
}
