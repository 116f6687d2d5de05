//! Items within reach: over the admin port, or in the store itself.
//!
//! In: keys, lines. Out: what is known of them. It must not judge what pages tell.

use std::io::Write;

use futures_util::{StreamExt, pin_mut};
use http::Method;
use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;
use serde_json::Value as Json;

use super::folder::Folder;
use super::port::{IN_PATH, Port, document, taken};
use super::{Remembered, RememberedError, is_not_found};
use crate::cli::feed::BadLine;
use crate::cli::feed::import::Line;
use crate::profile::Name;
use crate::store::{Item, ItemKey, walk};

impl Remembered {
    /// What is known of an item; `None`: there is none.
    ///
    /// # Errors
    /// [`RememberedError`].
    pub fn item(&self, key: &ItemKey) -> Result<Option<Json>, RememberedError> {
        match self {
            Self::Port(port) => match port.0.call(Method::GET, &path(key), "") {
                Ok(answer) => document(&answer).map(Some),
                Err(error) if is_not_found(&error) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Folder(folder) => {
                let found = folder.runtime.block_on(folder.profiles.store().items(std::slice::from_ref(key)))?;
                Ok(found.into_iter().flatten().next().map(|item| item.document()))
            }
        }
    }

    /// Takes an item away. Whether it was there.
    ///
    /// # Errors
    /// [`RememberedError`].
    pub fn remove_item(&self, key: &ItemKey) -> Result<bool, RememberedError> {
        match self {
            Self::Port(port) => {
                let told = document(&port.0.call(Method::DELETE, &path(key), "")?)?;
                Ok(told["removed"].as_u64().is_some_and(|removed| removed > 0))
            }
            Self::Folder(folder) => {
                Ok(folder.runtime.block_on(folder.profiles.store().remove_items(vec![key.clone()]))? > 0)
            }
        }
    }

    /// Hands items over. Out: those that were refused; the others are safe.
    ///
    /// # Errors
    /// [`RememberedError`]; some may be safe.
    pub fn take_items(&self, batch: &[Line]) -> Result<Vec<BadLine>, RememberedError> {
        match self {
            Self::Port(port) => port.take_items(batch),
            Self::Folder(folder) => folder.take_items(batch),
        }
    }

    /// Writes the items of a kind as lines.
    ///
    /// # Errors
    /// [`RememberedError`]; what was written is not whole then.
    pub fn list_items(&self, kind: &Name, out: &mut dyn Write) -> Result<(), RememberedError> {
        match self {
            Self::Port(port) => {
                let path = format!("/api/v1/items/{}", kind.text());
                port.0.read(&path, |piece| out.write_all(piece).map_err(RememberedError::Write))
            }
            Self::Folder(folder) => folder.list_items(kind, out),
        }
    }
}

impl Port {
    fn take_items(&self, batch: &[Line]) -> Result<Vec<BadLine>, RememberedError> {
        let body: String = batch.iter().flat_map(|line| [line.json.as_str(), "\n"]).collect();
        taken(&self.0.call(Method::POST, "/api/v1/items", body)?, batch)
    }
}

impl Folder {
    fn take_items(&self, batch: &[Line]) -> Result<Vec<BadLine>, RememberedError> {
        let (mut items, mut refused) = (Vec::with_capacity(batch.len()), Vec::new());
        for line in batch {
            let json = serde_json::from_str(&line.json).map_err(RememberedError::Answer)?;
            match Item::read(json, Timestamp::now()) {
                Ok(item) => items.push(item),
                Err(error) => refused.push(BadLine { line: line.number, why: error.to_string() }),
            }
        }
        self.runtime.block_on(self.profiles.store().put_items(items))?;
        Ok(refused)
    }

    fn list_items(&self, kind: &Name, out: &mut dyn Write) -> Result<(), RememberedError> {
        let batches = walk::items(self.profiles.store().clone(), kind.clone());
        self.runtime.block_on(async {
            pin_mut!(batches);
            while let Some(items) = batches.next().await {
                for item in items? {
                    writeln!(out, "{}", item.document()).map_err(RememberedError::Write)?;
                }
            }
            Ok(())
        })
    }
}

fn path(key: &ItemKey) -> String {
    format!("/api/v1/items/{}/{}", key.kind().text(), utf8_percent_encode(key.key(), IN_PATH))
}
