//! Facts made of data: trees, lazily computed ones, the time, chance.
//!
//! In: JSON, closures, an instant. Out: [`Facts`] to build a [`Scope`](super::Scope) of. It must not ask the clock: the
//! instant is handed in.

use std::sync::Arc;

use jiff::ZonedDateTime;
use serde_json::Value as Json;

use super::{Answer, Facts, Key};

/// Facts that are a JSON tree, fixed for the exchange.
#[derive(Debug)]
pub struct Tree {}

impl Tree {
    /// Facts that do not depend on who asks: the site's data, a path's captures.
    pub fn of_site(json: Json) -> Self {
        todo!("{json}")
    }
    /// Facts of the one who asks: cookies, traits.
    pub fn of_visitor(json: Json) -> Self {
        todo!("{json}")
    }
}

impl Facts for Tree {
    fn get(&self, path: &[Key]) -> Answer {
        todo!("{path:?}")
    }
    fn keys(&self, path: &[Key]) -> Answer {
        todo!("{path:?}")
    }
}

/// Computes facts when they are first asked for.
pub struct Memo {}

impl Memo {
    pub fn new(make: impl Fn() -> Arc<dyn Facts> + Send + Sync + 'static) -> Self {
        let _ = make;
        todo!()
    }
}

/// The site's time, as `now`.
#[derive(Debug)]
pub struct Now {}

impl Now {
    /// `at` carries the site's time zone.
    pub fn new(at: ZonedDateTime) -> Self {
        todo!("{at}")
    }
}

/// A number from 0 to below 1, the same during one exchange, as `random`.
#[derive(Debug)]
pub struct Random {}

impl Random {
    pub fn new() -> Self {
        todo!()
    }
}
