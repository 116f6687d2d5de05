//! Every store keeps the same promises: `contract` says which, and each store is held to them here.

mod at_hand;
mod away;
mod bulk;
mod contract;
mod crash;
mod redis;
mod serving;
mod torn;

use inlay::profile::Keep;
use inlay::store::{EmbeddedStore, MemoryStore};

#[tokio::test]
async fn a_store_in_memory() {
    contract::hold(&MemoryStore::new(contract::keep())).await;
}

#[tokio::test]
async fn a_store_in_memory_keeps_the_newest_at_its_bound() {
    contract::stay_bounded(&MemoryStore::new(Keep::default())).await;
}

#[tokio::test]
async fn a_store_in_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    contract::hold(&EmbeddedStore::open(folder.path(), contract::keep()).expect("a store")).await;
}
