//! Going through all that a store holds of one kind, some at a time.
//!
//! In: a store. Out: a stream of batches, which asks for the next when the last was taken. It must not hold more than one.

use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::try_unfold;

use super::{Cursor, Found, Item, Store, StoreError};
use crate::limits::EXPORT_BATCH;
use crate::profile::{Name, ProfileId};

/// Where a walk goes on.
enum Place {
    At(Option<Cursor>),
    End,
}

impl Place {
    fn behind(next: Option<Cursor>) -> Self {
        next.map_or(Self::End, |cursor| Self::At(Some(cursor)))
    }
}

/// All profiles. Those that are there throughout come at least once.
pub fn profiles(store: Arc<dyn Store>) -> impl Stream<Item = Result<Vec<Found>, StoreError>> + Send + 'static {
    try_unfold(Place::At(None), move |place| {
        let store = store.clone();
        async move {
            let Place::At(from) = place else { return Ok(None) };
            let batch = store.export(from, EXPORT_BATCH).await?;
            Ok(Some((batch.entries, Place::behind(batch.next))))
        }
    })
}

/// All who are on a list.
pub fn members(
    store: Arc<dyn Store>,
    list: Name,
) -> impl Stream<Item = Result<Vec<ProfileId>, StoreError>> + Send + 'static {
    try_unfold(Place::At(None), move |place| {
        let (store, list) = (store.clone(), list.clone());
        async move {
            let Place::At(from) = place else { return Ok(None) };
            let batch = store.members(&list, from, EXPORT_BATCH).await?;
            Ok(Some((batch.entries, Place::behind(batch.next))))
        }
    })
}

/// All items of a kind.
pub fn items(store: Arc<dyn Store>, kind: Name) -> impl Stream<Item = Result<Vec<Item>, StoreError>> + Send + 'static {
    try_unfold(Place::At(None), move |place| {
        let (store, kind) = (store.clone(), kind.clone());
        async move {
            let Place::At(from) = place else { return Ok(None) };
            let batch = store.list_items(&kind, from, EXPORT_BATCH).await?;
            Ok(Some((batch.entries, Place::behind(batch.next))))
        }
    })
}
