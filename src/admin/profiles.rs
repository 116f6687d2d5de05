//! Profiles over the API: what is known of somebody, traits and events from servers, erasing.
//!
//! In: `GET PUT DELETE /api/v1/profiles/ID`, `POST /api/v1/profiles/ID/events`. Out: what is there, or what became of it once it
//! is safe. It must not be asked without the admin's token.

use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value as Json, json};
use tokio::time::timeout;

use super::{document, read};
use crate::event::{Direction, Event};
use crate::http::Body;
use crate::http::problem::problem;
use crate::limits::{ADMIN_EVENTS, ADMIN_WRITE_WAIT};
use crate::profile::{Change, Op, ProfileId, Traits};
use crate::store::{Profiles, StoreError};

/// What is asked of one profile.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Get,
    SetTraits,
    Erase,
    AddEvents,
}

/// Why a call is not done, in words for whoever made it.
#[derive(Debug)]
pub(super) struct Refused(pub StatusCode, pub String);

impl Refused {
    fn wrong(error: &impl ToString) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }

    pub fn failed(error: &StoreError) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl From<Refused> for Response<Body> {
    fn from(Refused(status, told): Refused) -> Self {
        problem(status, &told)
    }
}

/// Answers a call below `/api/v1/profiles/`; as an error, what is wrong with it.
pub async fn answer(
    profiles: &Profiles,
    method: &Method,
    rest: &str,
    body: Body,
    now: Timestamp,
) -> Result<Response<Body>, Response<Body>> {
    let (id, call) = call(method, rest)?;
    match call {
        Call::Get => {
            let profile = profiles.store().load(&id).await.map_err(|error| Refused::failed(&error))?;
            if profile.profile.is_blank() {
                return Err(problem(StatusCode::NOT_FOUND, "Nothing is known under this id."));
            }
            let mut known = profile.profile.document();
            known["id"] = profile.id.text().into();
            Ok(document(&known))
        }
        Call::SetTraits => {
            let traits = serde_json::from_slice(&read(body).await?).map_err(|error| Refused::wrong(&error))?;
            let traits = Traits::new(traits).map_err(|error| Refused::wrong(&error))?;
            change(profiles, &id, vec![Change::new(Op::SetTraits(traits), now)]).await?;
            Ok(document(&json!({ "id": id.text() })))
        }
        Call::Erase => {
            let erased = profiles.erase(&id).await.map_err(|error| Refused::failed(&error))?;
            tracing::info!(?id, events = erased.events, "a profile was erased by the admin API");
            Ok(document(&erased.document()))
        }
        Call::AddEvents => {
            let changes = events(&read(body).await?, now)?;
            let accepted = changes.len();
            change(profiles, &id, changes).await?;
            Ok(document(&json!({ "accepted": accepted })))
        }
    }
}

fn call(method: &Method, rest: &str) -> Result<(ProfileId, Call), Refused> {
    let (id, part) = match rest.split_once('/') {
        None => (rest, None),
        Some((id, part)) => (id, Some(part)),
    };
    let call = match (method, part) {
        (&Method::GET, None) => Call::Get,
        (&Method::PUT, None) => Call::SetTraits,
        (&Method::DELETE, None) => Call::Erase,
        (&Method::POST, Some("events")) => Call::AddEvents,
        (_, None | Some("events")) => {
            let told = "A profile takes GET, PUT and DELETE; its `events` take POST.";
            return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, told.to_owned()));
        }
        _ => {
            let told = "A profile has `events`, and nothing else below it.";
            return Err(Refused(StatusCode::NOT_FOUND, told.to_owned()));
        }
    };
    Ok((profile_id(id)?, call))
}

/// The id that a part of a path is.
pub(super) fn profile_id(part: &str) -> Result<ProfileId, Refused> {
    let id = percent_decode_str(part).decode_utf8().map_err(|error| Refused::wrong(&error))?;
    ProfileId::parse(&id).map_err(|error| Refused::wrong(&error))
}

/// One event, or a list of them.
fn events(body: &[u8], now: Timestamp) -> Result<Vec<Change>, Refused> {
    let sent: Json = serde_json::from_slice(body).map_err(|error| Refused::wrong(&error))?;
    let events = Event::read_some(sent, ADMIN_EVENTS, Direction::Api, now).map_err(|error| Refused::wrong(&error))?;
    Ok(events.into_iter().map(|event| Change::append(event, now)).collect())
}

/// Changes a profile, and waits until that is safe.
pub(super) async fn change(profiles: &Profiles, id: &ProfileId, changes: Vec<Change>) -> Result<(), Refused> {
    let written = profiles.change(id, changes).durably();
    match timeout(ADMIN_WRITE_WAIT, written).await {
        Ok(written) => written.map_err(|error| Refused::failed(&error)),
        Err(_) => {
            let told = "The store does not take it now; it will be written when it does.";
            Err(Refused(StatusCode::SERVICE_UNAVAILABLE, told.to_owned()))
        }
    }
}
