//! The stage's controls: the world is looked at and changed, rules are read and written.
//!
//! In: requests of the stage's own page. Out: JSON and texts. It must not listen to any other page: what it does is asked by the
//! stage alone, which browsers vouch for.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value as Json, json};

use super::edge::{Body, Edge, Reread, whole};
use super::editor::EditError;
use super::follow::{plain, text};
use super::world::{Change, World};
use crate::limits::DEMO_RULE_BYTES;

/// Answers what is below `/_stage/` and no part of the page; `None`: it is none of these.
pub async fn control(
    edge: &Arc<dyn Edge>,
    world: &World,
    head: &Parts,
    body: Body,
    path: &str,
) -> Option<Response<Body>> {
    let file = path.strip_prefix("rules/");
    if path != "world" && file.is_none() {
        return None;
    }
    if !is_of_the_stage(head) {
        return Some(plain(StatusCode::FORBIDDEN, "Only the stage may ask for this.\n"));
    }
    Some(match (&head.method, file) {
        (&Method::GET, None) => told(&world.told()),
        (&Method::POST, None) => match read(body).await.and_then(|body| serde_json::from_slice(&body).ok()) {
            Some(change) => changed(edge, world, change).await,
            None => plain(StatusCode::BAD_REQUEST, "This is no change of the world.\n"),
        },
        (&Method::GET, Some(name)) => shown(world, name, head.uri.query() == Some("original")),
        (&Method::PUT, Some(name)) => match read(body).await.and_then(|body| String::from_utf8(body.to_vec()).ok()) {
            Some(text) => written(edge, world.editor.write(name, &text)).await,
            None => plain(StatusCode::PAYLOAD_TOO_LARGE, "This is no text, or too long.\n"),
        },
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "The stage does not do that.\n"),
    })
}

/// Whether a request comes from the stage's own page: other pages of this machine's browser may send it too, but not as that.
fn is_of_the_stage(head: &Parts) -> bool {
    let host = text(&head.headers, HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let own = ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    let origin = text(&head.headers, ORIGIN).is_none_or(|origin| origin.strip_prefix("http://") == Some(host));
    let site = head.headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
    own && origin && site
}

async fn changed(edge: &Arc<dyn Edge>, world: &World, change: Change) -> Response<Body> {
    match world.change(change) {
        Ok(true) => written(edge, Ok(())).await,
        Ok(false) => told(&world.told()),
        Err(error) => failed(&error),
    }
}

fn shown(world: &World, name: &str, original: bool) -> Response<Body> {
    let text = if original { world.editor.original(name).map(str::to_owned) } else { world.editor.read(name) };
    match text {
        Ok(text) => plain(StatusCode::OK, &text),
        Err(error) => failed(&error),
    }
}

/// What became of rules that were written.
async fn written(edge: &Arc<dyn Edge>, written: Result<(), EditError>) -> Response<Body> {
    if let Err(error) = written {
        return failed(&error);
    }
    let edge = edge.clone();
    // Reading and compiling takes longer than a worker thread should be held.
    let reread = tokio::task::spawn_blocking(move || edge.reread()).await;
    let (outcome, problems) = match reread {
        Ok(Reread::Live) => ("live", Vec::new()),
        Ok(Reread::Unchanged) => ("unchanged", Vec::new()),
        Ok(Reread::Refused(problems)) => ("refused", problems),
        Err(error) => {
            tracing::warn!(%error, "the rules could not be read again");
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "The rules could not be read again.\n");
        }
    };
    told(&json!({ "outcome": outcome, "problems": problems }))
}

fn failed(error: &EditError) -> Response<Body> {
    let problem = json!({ "file": "", "line": 0, "column": 0, "what": error.to_string(), "remedy": "" });
    let mut response = told(&json!({ "outcome": "refused", "problems": [problem] }));
    *response.status_mut() = match error {
        EditError::Unknown(_) => StatusCode::NOT_FOUND,
        EditError::Theirs | EditError::NoSale(_) => StatusCode::CONFLICT,
        EditError::Io(..) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    response
}

async fn read(body: Body) -> Option<Bytes> {
    Limited::new(body, DEMO_RULE_BYTES).collect().await.ok().map(http_body_util::Collected::to_bytes)
}

fn told(value: &Json) -> Response<Body> {
    let mut response = Response::new(whole(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
