//! Profiles and changes as bytes, the same in every store.
//!
//! In: a profile, some changes. Out: bytes, and the other way. The fields here are what is on people's disks: one that changes its
//! meaning, its order or its kind is another format, with a new number. It must not judge: what is read was judged when it was written.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Data, Direction, Event, EventId, EventType};
use crate::profile::{Change, ChangeId, Counter, Name, Op, Parts, Profile, Seen, Session, Traits};

/// The number of this format. 2 knows the change that restores an export, and the numbers of groups of writes.
pub const FORMAT: u32 = 2;

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("its bytes are not as this version writes them")]
    Bytes(#[from] postcard::Error),
    #[error("it holds what no profile can hold")]
    Content,
}

#[derive(Serialize, Deserialize)]
struct ProfileRecord<'a> {
    traits: &'a str,
    #[serde(borrow)]
    counters: Vec<CounterRecord<'a>>,
    #[serde(borrow)]
    events: Vec<EventRecord<'a>>,
    #[serde(borrow)]
    lists: Vec<&'a str>,
    customer: Option<&'a str>,
    seen: Option<(i64, i64)>,
    #[serde(borrow)]
    session: Option<SessionRecord<'a>>,
    known: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct CounterRecord<'a> {
    name: &'a str,
    total: i64,
    days: Vec<(i32, i64)>,
}

#[derive(Serialize, Deserialize)]
struct EventRecord<'a> {
    id: &'a str,
    kind: &'a str,
    at: i64,
    from: u8,
    data: &'a str,
}

#[derive(Serialize, Deserialize)]
struct SessionRecord<'a> {
    began: i64,
    last: i64,
    data: &'a str,
    before: u64,
}

#[derive(Serialize, Deserialize)]
struct ChangeRecord<'a> {
    id: u64,
    at: i64,
    #[serde(borrow)]
    op: OpRecord<'a>,
}

#[derive(Serialize, Deserialize)]
enum OpRecord<'a> {
    Append(#[serde(borrow)] EventRecord<'a>),
    Increment(&'a str, i64),
    SetTraits(std::borrow::Cow<'a, str>),
    MergeTraits(std::borrow::Cow<'a, str>),
    Visit(&'a str),
    Identify(&'a str),
    Join(&'a str),
    Leave(&'a str),
    Forget,
    /// The bytes of a profile.
    Restore(Vec<u8>),
}

/// A profile's bytes.
pub fn of_profile(profile: &Profile) -> Vec<u8> {
    let traits = profile.traits().text();
    let counter = |(name, counter): (&'_ Name, &Counter)| (name.text().to_owned(), counter.clone());
    let counters: Vec<(String, Counter)> = profile.counters().iter().map(counter).collect();
    let record = ProfileRecord {
        traits: &traits,
        counters: counters
            .iter()
            .map(|(name, counter)| CounterRecord { name, total: counter.total(), days: counter.days().to_vec() })
            .collect(),
        events: profile.events().iter().map(|event| event_record(event)).collect(),
        lists: profile.lists().iter().map(Name::text).collect(),
        customer: profile.customer().map(|customer| &**customer),
        seen: profile.seen().map(|seen| (seen.first.as_microsecond(), seen.last.as_microsecond())),
        session: profile.session().map(|session| SessionRecord {
            began: session.began.as_microsecond(),
            last: session.last.as_microsecond(),
            data: session.data.text(),
            before: session.before,
        }),
        known: profile.known().map(|id| id.0).collect(),
    };
    bytes(&record)
}

/// The profile that bytes hold.
///
/// # Errors
/// [`RecordError`].
pub fn profile(bytes: &[u8]) -> Result<Profile, RecordError> {
    let record: ProfileRecord<'_> = postcard::from_bytes(bytes)?;
    let counter = |one: CounterRecord<'_>| Ok::<_, RecordError>((name(one.name)?, Counter::kept(one.total, one.days)));
    let seen = |(first, last): (i64, i64)| Ok::<_, RecordError>(Seen { first: time(first)?, last: time(last)? });
    Ok(Profile::from_parts(Parts {
        traits: Traits::kept(record.traits),
        counters: record.counters.into_iter().map(counter).collect::<Result<_, _>>()?,
        events: record.events.into_iter().map(|one| event(one).map(Arc::new)).collect::<Result<_, _>>()?,
        lists: record.lists.into_iter().map(name).collect::<Result<_, _>>()?,
        customer: record.customer.map(Arc::from),
        seen: record.seen.map(seen).transpose()?,
        session: record.session.map(session).transpose()?,
        known: record.known.into_iter().map(ChangeId).collect(),
    }))
}

/// The bytes of some changes.
pub fn of_changes(changes: &[Change]) -> Vec<u8> {
    let records: Vec<ChangeRecord<'_>> = changes
        .iter()
        .map(|change| ChangeRecord { id: change.id.0, at: change.at.as_microsecond(), op: op_record(&change.op) })
        .collect();
    bytes(&records)
}

/// The changes that bytes hold.
///
/// # Errors
/// [`RecordError`].
pub fn changes(bytes: &[u8]) -> Result<Vec<Change>, RecordError> {
    let records: Vec<ChangeRecord<'_>> = postcard::from_bytes(bytes)?;
    records
        .into_iter()
        .map(|record| Ok(Change { id: ChangeId(record.id), at: time(record.at)?, op: op(record.op)? }))
        .collect()
}

fn bytes(record: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(record).expect("invariant: a vector takes all that is written")
}

fn event_record(event: &Event) -> EventRecord<'_> {
    let from = match event.from {
        Direction::Traffic => 0,
        Direction::Browser => 1,
        Direction::Origin => 2,
        Direction::Api => 3,
    };
    let (id, kind, data) = (event.id.text(), event.kind.text(), event.data.text());
    EventRecord { id, kind, at: event.at.as_microsecond(), from, data }
}

fn op_record(op: &Op) -> OpRecord<'_> {
    match op {
        Op::Append(event) => OpRecord::Append(event_record(event)),
        Op::Increment { counter, by } => OpRecord::Increment(counter.text(), *by),
        Op::SetTraits(traits) => OpRecord::SetTraits(traits.text().into()),
        Op::MergeTraits(patch) => OpRecord::MergeTraits(patch.text().into()),
        Op::Visit(data) => OpRecord::Visit(data.text()),
        Op::Identify(customer) => OpRecord::Identify(customer),
        Op::Join(list) => OpRecord::Join(list.text()),
        Op::Leave(list) => OpRecord::Leave(list.text()),
        Op::Forget => OpRecord::Forget,
        Op::Restore(export) => OpRecord::Restore(of_profile(export)),
    }
}

fn op(record: OpRecord<'_>) -> Result<Op, RecordError> {
    Ok(match record {
        OpRecord::Append(record) => Op::Append(Arc::new(event(record)?)),
        OpRecord::Increment(counter, by) => Op::Increment { counter: name(counter)?, by },
        OpRecord::SetTraits(traits) => Op::SetTraits(Traits::kept(&traits)),
        OpRecord::MergeTraits(patch) => Op::MergeTraits(Traits::kept(&patch)),
        OpRecord::Visit(data) => Op::Visit(Data::kept(data)),
        OpRecord::Identify(customer) => Op::Identify(customer.into()),
        OpRecord::Join(list) => Op::Join(name(list)?),
        OpRecord::Leave(list) => Op::Leave(name(list)?),
        OpRecord::Forget => Op::Forget,
        OpRecord::Restore(bytes) => Op::Restore(Arc::new(profile(&bytes)?)),
    })
}

fn event(record: EventRecord<'_>) -> Result<Event, RecordError> {
    let from = match record.from {
        0 => Direction::Traffic,
        1 => Direction::Browser,
        2 => Direction::Origin,
        3 => Direction::Api,
        _ => return Err(RecordError::Content),
    };
    let id = EventId::parse(record.id).map_err(|_| RecordError::Content)?;
    let kind = EventType::parse(record.kind).map_err(|_| RecordError::Content)?;
    Ok(Event { id, kind, at: time(record.at)?, from, data: Data::kept(record.data) })
}

fn session(record: SessionRecord<'_>) -> Result<Session, RecordError> {
    let (began, last) = (time(record.began)?, time(record.last)?);
    Ok(Session { began, last, data: Data::kept(record.data), before: record.before })
}

fn name(text: &str) -> Result<Name, RecordError> {
    Name::parse(text).map_err(|_| RecordError::Content)
}

fn time(micros: i64) -> Result<Timestamp, RecordError> {
    Timestamp::from_microsecond(micros).map_err(|_| RecordError::Content)
}
