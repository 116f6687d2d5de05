//! Bodies of answers that are laid in as they come: held against what is expected before any of it is used.
//!
//! In: an ask. Out: a [`Flow`] of HTML in UTF-8, as soon as status, type and announced length are found to be as expected and something
//! to be shown has come; or why there is none. It must not know where it is laid in, nor what becomes of it there.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use encoding_rs::{CoderResult, Decoder, UTF_8};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, ready};
use http::header;
use http_body::Body as _;
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value as Json;
use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};

use super::ask::Ask;
use super::call::Taking;
use super::exchange::Begun;
use super::failure::SourceError;
use super::keep::Window;
use super::reading;
use super::request;
use super::running::{Entry, Said, Source};
use crate::http::flow::{Flow, Inflow};
use crate::http::policy::age::Received;
use crate::http::{Body, BodyError};
use crate::scope::ledger::Fingerprint;

/// A body on its way, for all who ask for it.
pub(super) type Opening = Shared<BoxFuture<'static, Result<Opened, Arc<SourceError>>>>;

/// A body that may be used.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub flow: Flow,
    /// Until when what is made of it holds (exclusive).
    pub until: Timestamp,
}

/// A body as far as it has come.
struct Coming {
    window: Option<Window>,
    /// More than white space, unless that is all there is.
    first: String,
    rest: Option<Rest>,
}

/// What is still to come.
struct Rest {
    body: Body,
    decoder: Decoder,
    /// Bytes that may still come.
    left: usize,
    bound: usize,
}

impl Source {
    /// The body of the answer; all who ask the same meanwhile get the same one. It is read on when nobody waits for it any more, so
    /// that it is there for the next.
    pub fn open(self: &Arc<Self>, ask: &Ask) -> Opening {
        let key = Fingerprint::of(("body", ask.key));
        if let Some((entry, _)) = self.look(key, || drop(self.begin_opening(ask, key)))
            && let Some(opened) = self.opened(&entry)
        {
            return ready(Ok(opened)).boxed().shared();
        }
        self.begin_opening(ask, key)
    }

    fn begin_opening(self: &Arc<Self>, ask: &Ask, key: Fingerprint) -> Opening {
        if !self.definition.idempotent {
            return self.pumped(ask.clone(), key);
        }
        let mut openings = self.openings();
        openings.entry(key).or_insert_with(|| self.pumped(ask.clone(), key)).clone()
    }

    fn pumped(self: &Arc<Self>, ask: Ask, key: Fingerprint) -> Opening {
        let (told, opened) = oneshot::channel();
        let source = self.clone();
        tokio::spawn(async move {
            source.pump(&ask, key, told).await;
            source.openings().remove(&key);
        });
        opened.map(|opened| opened.unwrap_or_else(|_| Err(Arc::new(SourceError::Broken)))).boxed().shared()
    }

    /// Calls the source, tells who waits as soon as its body may be used, and goes on to the body's end. All of it takes at most the
    /// source's `timeout`.
    async fn pump(
        self: &Arc<Self>,
        ask: &Ask,
        key: Fingerprint,
        told: oneshot::Sender<Result<Opened, Arc<SourceError>>>,
    ) {
        let (begun, bound) = (Instant::now(), self.definition.timeout);
        let said = request::Said { arguments: &ask.arguments, forwarded: &ask.forwarded, accept: Some("text/html") };
        let called = timeout(bound, self.call_in_turn::<Coming>(said)).await;
        let (coming, _room) = match called.unwrap_or(Err(SourceError::Timeout(bound))) {
            Ok(called) => called,
            Err(error) => {
                self.note(Some(&error), begun);
                let _ = told.send(self.body_in_place_of(key, error));
                return;
            }
        };
        let Coming { window, first, rest } = coming;
        let until = window.as_ref().map_or(self.clock.now(), |window| self.until(window));
        let (inflow, flow) = Flow::new();
        inflow.push(first.into());
        let Some(rest) = rest else {
            inflow.end();
            self.note(None, begun);
            self.hold_body(key, window, &flow);
            let _ = told.send(Ok(Opened { flow, until }));
            return;
        };
        let _ = told.send(Ok(Opened { flow: flow.clone(), until }));
        let poured = timeout_at((begun + bound).into(), rest.pour(inflow)).await;
        let poured = poured.unwrap_or(Err(SourceError::Timeout(bound)));
        self.note(poured.as_ref().err(), begun);
        self.hold_body(key, window, &flow);
    }

    /// Keeps a body that is whole.
    fn hold_body(&self, key: Fingerprint, window: Option<Window>, flow: &Flow) {
        if let (Some(window), Some(pieces)) = (window, flow.whole()) {
            let body: Bytes = pieces.concat().into();
            let length = body.len();
            self.hold(key, Arc::new(Entry { said: Said::Body(body), window, length }));
        }
    }

    fn opened(&self, entry: &Entry) -> Option<Opened> {
        let Said::Body(body) = &entry.said else { return None };
        Some(Opened { flow: Flow::whole_of(body.clone()), until: self.until(&entry.window) })
    }

    /// What is laid in where no body comes: what came before, or what the author says.
    fn body_in_place_of(&self, key: Fingerprint, error: SourceError) -> Result<Opened, Arc<SourceError>> {
        if let Some(opened) = self.stopgap(key).and_then(|entry| self.opened(&entry)) {
            return Ok(opened);
        }
        match self.fallback(&error).as_deref() {
            Some(Json::String(html)) => {
                Ok(Opened { flow: Flow::whole_of(html.clone().into()), until: self.clock.now() })
            }
            _ => Err(Arc::new(error)),
        }
    }
}

/// The type that a body has which is laid in, unless the author expects another.
const HTML: &str = "text/html";

impl Taking for Coming {
    async fn take(source: &Source, begun: Begun, received: Received) -> Result<Self, SourceError> {
        let (definition, Begun { head, body }) = (&source.definition, begun);
        let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        definition.expect.check_type(content_type).map_err(SourceError::Unexpected)?;
        let expects_any = definition.expect.content_type.is_empty();
        if expects_any && !reading::essence(content_type).eq_ignore_ascii_case(HTML) {
            return Err(SourceError::Unexpected("it is not HTML".to_owned()));
        }
        let bound = definition.max_size;
        if body.size_hint().lower() > bound as u64 {
            return Err(SourceError::Body(BodyError::TooLong(bound)));
        }
        let decoder = reading::charset(content_type).unwrap_or(UTF_8).new_decoder();
        let mut rest = Some(Rest { body, decoder, left: bound, bound });
        let mut first = String::new();
        while first.trim().is_empty()
            && let Some(coming) = &mut rest
        {
            if !coming.read(&mut first).await? {
                rest = None;
            }
        }
        let window =
            definition.cache.as_ref().and_then(|terms| Window::of(terms, head.status, &head.headers, received));
        Ok(Self { window, first, rest })
    }
}

impl Rest {
    /// Reads on into `text`; whether there may be more.
    async fn read(&mut self, text: &mut String) -> Result<bool, SourceError> {
        let Some(frame) = self.body.frame().await else {
            self.decode(&[], text, true);
            return Ok(false);
        };
        let Ok(bytes) = frame.map_err(SourceError::Body)?.into_data() else { return Ok(true) };
        self.left = self.left.checked_sub(bytes.len()).ok_or(SourceError::Body(BodyError::TooLong(self.bound)))?;
        self.decode(&bytes, text, false);
        Ok(true)
    }

    fn decode(&mut self, mut bytes: &[u8], text: &mut String, last: bool) {
        loop {
            text.reserve(self.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len()));
            let (result, read, _) = self.decoder.decode_to_string(bytes, text, last);
            bytes = &bytes[read..];
            if result == CoderResult::InputEmpty {
                return;
            }
        }
    }

    /// Pours all that is still to come into a flow.
    async fn pour(mut self, inflow: Inflow) -> Result<(), SourceError> {
        loop {
            let mut text = String::new();
            let more = self.read(&mut text).await?;
            inflow.push(text.into());
            if !more {
                inflow.end();
                return Ok(());
            }
        }
    }
}
