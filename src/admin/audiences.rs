//! Audiences over the API: how large they are, and who is on those that are lists.
//!
//! In: `GET /api/v1/audiences`, calls below `/api/v1/audiences/NAME/members`. Out: sizes; members; what became of a change once it
//! is safe. It must not evaluate a condition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::bulk::{self, Lined};
use super::profiles::{Refused, change, profile_id};
use super::{Admin, document, exporting};
use crate::decide::audience::{Audience, Audiences};
use crate::http::Body;
use crate::limits::{AUDIENCE_COUNT_AGE, AUDIENCE_COUNT_WAIT};
use crate::profile::{Change, Name, Op};
use crate::store::Profiles;
use crate::telemetry::AudienceFigures;

/// How many were on each list, and when that was counted.
pub type Counted = Mutex<Option<(Instant, BTreeMap<Arc<str>, u64>)>>;

impl Admin {
    /// The sizes of all audiences: members of lists, counted now, and visitors that were met in each.
    ///
    /// # Errors
    /// The store does not answer.
    pub(super) async fn audiences(&self) -> Result<Response<Body>, Response<Body>> {
        let (audiences, now) = (self.exchange.revision.load().audiences.clone(), self.exchange.clock.now());
        let members = self.count(&audiences).await?;
        let told = |(name, audience): (&Arc<str>, &Audience)| {
            let met = self.exchange.metrics.audiences.met(name, now);
            let mut told = json!({ "name": &**name, "met": met });
            match audience {
                Audience::When(condition) => told["when"] = (&*condition.source).into(),
                Audience::List(_) => told["members"] = members.get(name).copied().into(),
            }
            told
        };
        Ok(document(&Json::from(audiences.iter().map(told).collect::<Vec<_>>())))
    }

    /// The same for the metrics, where members were counted a while ago.
    pub(super) async fn audience_figures(&self) -> Vec<AudienceFigures> {
        let (audiences, now) = (self.exchange.revision.load().audiences.clone(), self.exchange.clock.now());
        let sizes = &self.exchange.metrics.audiences;
        sizes.retain(|name| audiences.contains_key(name));
        let members = self.counted(&audiences).await;
        let figures = |name: &Arc<str>| AudienceFigures {
            name: name.to_string(),
            members: members.get(name).copied(),
            met: sizes.met(name, now),
        };
        audiences.keys().map(figures).collect()
    }

    /// Who is on each list as it was counted not long ago; if the store is slow, longer ago.
    async fn counted(&self, audiences: &Audiences) -> BTreeMap<Arc<str>, u64> {
        let counted = self.members.lock().await.clone();
        match counted {
            Some((at, members)) if at.elapsed() < AUDIENCE_COUNT_AGE => members,
            counted => match timeout(AUDIENCE_COUNT_WAIT, self.count(audiences)).await {
                Ok(Ok(members)) => members,
                Ok(Err(_)) | Err(_) => counted.map(|(_, members)| members).unwrap_or_default(),
            },
        }
    }

    async fn count(&self, audiences: &Audiences) -> Result<BTreeMap<Arc<str>, u64>, Refused> {
        let store = self.exchange.profiles.store();
        let mut members = BTreeMap::new();
        for (name, audience) in audiences {
            if let Audience::List(list) = audience {
                let count = store.member_count(list).await.map_err(|error| Refused::failed(&error))?;
                members.insert(name.clone(), count);
            }
        }
        *self.members.lock().await = Some((Instant::now(), members.clone()));
        Ok(members)
    }

    /// Answers a call below `/api/v1/audiences/`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) async fn members(&self, request: Request<Body>, rest: &str) -> Result<Response<Body>, Response<Body>> {
        let (list, id) = self.listed(rest)?;
        let (profiles, now) = (&self.exchange.profiles, self.exchange.clock.now());
        let (head, body) = request.into_parts();
        match (head.method, id) {
            (Method::GET, None) => Ok(exporting::members(profiles.store(), &list)),
            (Method::POST, None) => bulk::take(profiles, &Lined::Members(list), body, now).await,
            (method, Some(id)) => Ok(member(profiles, &method, id, &list, now).await?),
            _ => Err(Refused(StatusCode::METHOD_NOT_ALLOWED, WHAT.to_owned()).into()),
        }
    }

    /// The list that a path names, and whom of it.
    fn listed<'a>(&self, rest: &'a str) -> Result<(Name, Option<&'a str>), Refused> {
        let mut parts = rest.splitn(3, '/');
        let (name, members, id) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        match self.exchange.revision.load().audiences.get(name) {
            _ if members != Some("members") => Err(Refused(StatusCode::NOT_FOUND, WHAT.to_owned())),
            Some(Audience::List(list)) => Ok((list.clone(), id)),
            Some(Audience::When(_)) => {
                let told = format!("The audience `{name}` is a condition: who is in it is found out when it is asked.");
                Err(Refused(StatusCode::CONFLICT, told))
            }
            None => {
                let told =
                    "There is no such audience: define it in a rule file as `NAME: { list: true }` below `audiences`.";
                Err(Refused(StatusCode::NOT_FOUND, told.to_owned()))
            }
        }
    }
}

const WHAT: &str = "An audience has `members`, which take GET and POST; `members/ID` takes GET, PUT and DELETE.";

/// Whether somebody is on a list; that they are from now on; that they are not.
async fn member(
    profiles: &Profiles,
    method: &Method,
    id: &str,
    list: &Name,
    now: Timestamp,
) -> Result<Response<Body>, Refused> {
    let id = profile_id(id)?;
    let member = match *method {
        Method::GET => {
            let found = profiles.store().load(&id).await.map_err(|error| Refused::failed(&error))?;
            found.profile.lists().contains(list)
        }
        Method::PUT => {
            change(profiles, &id, vec![Change::new(Op::Join(list.clone()), now)]).await?;
            true
        }
        Method::DELETE => {
            change(profiles, &id, vec![Change::new(Op::Leave(list.clone()), now)]).await?;
            false
        }
        _ => return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, WHAT.to_owned())),
    };
    Ok(document(&json!({ "id": id.text(), "member": member })))
}
