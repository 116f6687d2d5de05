//! Batches: asks that come within a short time of one another become one call.
//!
//! In: asks of one source. Out: one call for many, and to each ask its own part of the answer. It must not keep anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;
use tokio::sync::oneshot;

use super::ask::{Arguments, Ask, Forwarded};
use super::call::Fetched;
use super::definition::Batch;
use super::failure::SourceError;
use super::request::Said;
use super::running::Source;
use super::witness::{Call, Calling};
use crate::limits;
use crate::scope::ledger::Fingerprint;

/// The asks that gather, by their other arguments: only those that differ in one become one call.
#[derive(Debug, Default)]
pub(super) struct Gathering(Mutex<HashMap<Fingerprint, Group>>);

/// Asks that will be one call.
#[derive(Debug)]
struct Group {
    /// Tells a group from the next one with the same arguments.
    number: u64,
    others: Arguments,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    value: Json,
    told: oneshot::Sender<(Result<Fetched, SourceError>, Call)>,
}

impl Source {
    /// The answer to one ask, as a part of that to many, with the call that was made for all of them.
    pub(super) async fn call_among_others(
        self: &Arc<Self>,
        ask: &Ask,
        batch: &Batch,
    ) -> (Result<Fetched, SourceError>, Option<Call>) {
        let mut others = (*ask.arguments).clone();
        let value = others.remove(&*batch.param).unwrap_or(Json::Null);
        let (told, answer) = oneshot::channel();
        self.join(others, Member { value, told }, batch);
        match answer.await {
            Ok((answer, call)) => (answer, Some(call)),
            Err(_) => (Err(SourceError::Broken), None),
        }
    }

    fn join(self: &Arc<Self>, others: Arguments, member: Member, batch: &Batch) {
        let key = Ask::new(self.definition.name.clone(), others.clone(), Forwarded::default()).key;
        let mut groups = self.gathering.groups();
        let number = self.next_number();
        let group = groups.entry(key).or_insert_with(|| {
            self.leave_later(key, number, batch);
            Group { number, others, members: Vec::new() }
        });
        group.members.push(member);
        if group.members.len() >= batch.max
            && let Some(full) = groups.remove(&key)
        {
            tokio::spawn(self.clone().leave(full));
        }
    }

    /// Has a group leave once nobody has joined it for a window, if it has not left full. The slots of one page ask one after
    /// another, as its tasks get their turns: on a busy machine they take longer than a window.
    fn leave_later(self: &Arc<Self>, key: Fingerprint, number: u64, batch: &Batch) {
        let (source, window) = (self.clone(), batch.window);
        tokio::spawn(async move {
            let mut joined = 0;
            for _ in 0..limits::SOURCE_BATCH_WINDOWS {
                tokio::time::sleep(window).await;
                match source.gathering.joined(key, number) {
                    None => return,
                    Some(still) if still == joined => break,
                    Some(more) => joined = more,
                }
            }
            if let Some(group) = source.gathering.take(key, number) {
                source.leave(group).await;
            }
        });
    }

    /// Calls for all members of a group, and tells each its part.
    async fn leave(self: Arc<Self>, group: Group) {
        let Some(batch) = &self.definition.batch else { return };
        let mut arguments = group.others;
        let values = group.members.iter().map(|member| member.value.clone()).collect();
        arguments.insert(batch.param.to_string(), Json::Array(values));
        let calling = Calling::begin(group.members.len());
        let called =
            match self.call(Said { arguments: &arguments, forwarded: &Forwarded::default(), accept: None }).await {
                Ok(fetched) => take_apart(&fetched.value, batch).map(|parts| (parts, fetched.window)),
                Err(error) => Err(error),
            };
        let call = calling.end();
        match called {
            Ok((mut parts, window)) => {
                for Member { value, told } in group.members {
                    // What the answer does not speak of is known not to be there.
                    let value = parts.get_mut(&plain(&value)).cloned().unwrap_or(Json::Null);
                    let length = value.to_string().len();
                    let _ = told.send((Ok(Fetched { value, window, length }), call));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for member in group.members {
                    let _ = member.told.send((Err(SourceError::Shared(error.clone())), call));
                }
            }
        }
    }
}

impl Gathering {
    fn groups(&self) -> MutexGuard<'_, HashMap<Fingerprint, Group>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many have joined this group; `None` if it has left.
    fn joined(&self, key: Fingerprint, number: u64) -> Option<usize> {
        self.groups().get(&key).filter(|group| group.number == number).map(|group| group.members.len())
    }

    /// The group, if it has not left.
    fn take(&self, key: Fingerprint, number: u64) -> Option<Group> {
        let mut groups = self.groups();
        groups.get(&key).is_some_and(|group| group.number == number).then(|| groups.remove(&key))?
    }
}

/// The parts of an answer to a batch, by their values as text.
fn take_apart(answer: &Json, batch: &Batch) -> Result<HashMap<String, Json>, SourceError> {
    match (answer, &batch.key) {
        (Json::Object(map), None) => Ok(map.iter().map(|(value, part)| (value.clone(), part.clone())).collect()),
        (Json::Array(list), Some(key)) => {
            let part = |part: &Json| Some((plain(part.get(&**key)?), part.clone()));
            list.iter().map(|item| part(item).ok_or(SourceError::Batch)).collect()
        }
        // A map by value is as good where a key is named.
        (Json::Object(map), Some(_)) => Ok(map.iter().map(|(value, part)| (value.clone(), part.clone())).collect()),
        _ => Err(SourceError::Batch),
    }
}

/// A value as text, so that `17` and `"17"` are the same one: keys of maps are always text.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_a_map_by_value_or_a_list_with_keys() {
        let batch = |key: Option<&str>| Batch {
            param: "sku".into(),
            max: 2,
            window: Duration::from_millis(2),
            key: key.map(Into::into),
        };
        let part =
            |answer: Json, key, value: &str| take_apart(&answer, &batch(key)).map(|parts| parts.get(value).cloned());
        assert_eq!(part(json!({ "A1": { "left": 1 } }), None, "A1").unwrap(), Some(json!({ "left": 1 })));
        let list = json!([{ "sku": 17, "left": 1 }, { "sku": "B", "left": 2 }]);
        assert_eq!(part(list.clone(), Some("sku"), "17").unwrap(), Some(json!({ "sku": 17, "left": 1 })));
        assert_eq!(part(list.clone(), Some("sku"), "C").unwrap(), None);
        for (broken, key) in [(list, None), (json!([{ "left": 1 }]), Some("sku")), (json!("x"), Some("sku"))] {
            assert!(matches!(part(broken, key, "x"), Err(SourceError::Batch)));
        }
    }
}
