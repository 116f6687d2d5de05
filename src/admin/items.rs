//! Items over the API: what is known of one, many at once, taking away.
//!
//! In: `GET PUT DELETE /api/v1/items/KIND/KEY`, `GET /api/v1/items/KIND`, `POST /api/v1/items` with lines of JSON:
//! `{"kind": "product", "key": "A1", "data": {…}}`. Out: what is there, or what became of it once it is safe. What is sent takes the
//! place of all that was known of an item. It must not hold a body of lines whole.

use std::fmt::Write;

use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value as Json, json};

use super::bulk::Told;
use super::{document, read};
use crate::http::lines::Lines;
use crate::http::problem::problem;
use crate::http::{Body, BodyError};
use crate::limits::{BULK_BODY_STALL, ITEM_LINE_BYTES, ITEM_WRITE_BATCH};
use crate::profile::Name;
use crate::store::items::Items;
use crate::store::{Item, ItemKey, StoreError, walk};

/// Why a call is not done, in words for whoever made it.
struct Refused(StatusCode, String);

impl From<Refused> for Response<Body> {
    fn from(Refused(status, told): Refused) -> Self {
        problem(status, &told)
    }
}

/// Answers a call below `/api/v1/items/`; as an error, what is wrong with it.
pub async fn answer(
    items: &Items,
    method: &Method,
    rest: &str,
    body: Body,
    now: Timestamp,
) -> Result<Response<Body>, Response<Body>> {
    let Some((kind, key)) = rest.split_once('/') else { return Ok(list(items, method, rest)?) };
    let key = key_of(kind, key)?;
    match *method {
        Method::GET => match items.store().items(std::slice::from_ref(&key)).await.map_err(failed)?.pop().flatten() {
            Some(item) => Ok(document(&item.document())),
            None => Err(problem(StatusCode::NOT_FOUND, "There is no such item.")),
        },
        Method::PUT => {
            let data = serde_json::from_slice(&read(body).await?).map_err(wrong)?;
            let item = Item::new(key, now, data).map_err(wrong)?;
            match items.put(vec![item.clone()]).await.map_err(failed)? {
                0 => Err(problem(StatusCode::CONFLICT, "A newer reading of it is kept.")),
                _ => Ok(document(&item.document())),
            }
        }
        Method::DELETE => {
            let removed = items.remove(vec![key]).await.map_err(failed)?;
            Ok(document(&json!({ "removed": removed })))
        }
        _ => Err(problem(StatusCode::METHOD_NOT_ALLOWED, "An item takes GET, PUT and DELETE.")),
    }
}

/// All items of a kind, as lines that leave as they are read.
fn list(items: &Items, method: &Method, kind: &str) -> Result<Response<Body>, Refused> {
    if *method != Method::GET {
        return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, "The items of a kind take GET.".to_owned()));
    }
    let kind = Name::parse(kind).map_err(wrong)?;
    let pieces = walk::items(items.store().clone(), kind).map(|batch| match batch {
        Ok(items) => {
            let mut text = String::new();
            for item in items {
                // A String takes all that is written.
                let _ = writeln!(text, "{}", item.document());
            }
            Ok(text.into())
        }
        Err(error) => Err(BodyError::Source(Box::new(error))),
    });
    let mut response = Response::new(Body::stream(pieces));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Takes lines in; as an error, why not all of them were looked at.
pub async fn take(items: &Items, body: Body, now: Timestamp) -> Result<Response<Body>, Response<Body>> {
    let mut lines = Lines::new(body.stalling_at_most(BULK_BODY_STALL), ITEM_LINE_BYTES);
    let mut told = Told::default();
    let mut batch = Vec::new();
    loop {
        let line = lines.next().await.map_err(|error| broken(&error, &told))?;
        let over = line.is_none();
        match line.map(|line| (line.number, line.text)) {
            Some((number, Some(text))) => match item(&text, now) {
                Ok(item) => batch.push(item),
                Err(why) => told.wrong(number, &why),
            },
            Some((number, None)) => told.wrong(number, &format!("it has more than {ITEM_LINE_BYTES} bytes")),
            None => {}
        }
        if over || batch.len() >= ITEM_WRITE_BATCH {
            let count = batch.len() as u64;
            items.put(std::mem::take(&mut batch)).await.map_err(failed)?;
            told.accepted += count;
        }
        if over {
            tracing::info!(accepted = told.accepted, "items came over the admin API");
            return Ok(told.document());
        }
    }
}

fn item(line: &Bytes, now: Timestamp) -> Result<Item, String> {
    let line: Json = serde_json::from_slice(line).map_err(|error| format!("it is no JSON: {error}"))?;
    Item::read(line, now).map_err(|error| error.to_string())
}

fn key_of(kind: &str, key: &str) -> Result<ItemKey, Refused> {
    let key = percent_decode_str(key).decode_utf8().map_err(wrong)?;
    ItemKey::new(kind, &key).map_err(wrong)
}

fn wrong(error: impl ToString) -> Refused {
    Refused(StatusCode::BAD_REQUEST, error.to_string())
}

fn failed(error: StoreError) -> Refused {
    Refused(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

fn broken(error: &BodyError, told: &Told) -> Response<Body> {
    let told = format!("The body broke off after {} items that are safe: {error}.", told.accepted);
    problem(StatusCode::BAD_REQUEST, &told)
}
