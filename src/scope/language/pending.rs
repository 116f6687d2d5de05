//! Values that are not known yet, in a render that goes on without them.
//!
//! In: an answer that is awaited. Out: a value that gives itself for whatever is looked up in it, so that one render finds
//! all that is missing. It must not let anything be asked for that hangs on it.
//!
//! What is made of it as text carries a mark, by which an argument made of it is recognised. Where the *way* through the
//! template hangs on it (a comparison, a test for truth, a loop), what comes after may never be reached or mean something
//! else, so from there on no source is asked in this round.

use std::cmp;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, State};

use super::super::Key;
use super::render::Render;

/// A value that is awaited.
pub(super) struct Pending(Arc<Render>);

impl Pending {
    pub fn value(render: &Arc<Render>) -> Value {
        Value::from_object(Self(render.clone()))
    }

    fn note_use(&self) {
        self.0.in_doubt.store(true, Ordering::Relaxed);
    }
}

/// Whether this is a value that is awaited.
pub(super) fn is_pending(value: &Value) -> bool {
    value.downcast_object_ref::<Pending>().is_some()
}

/// Notes that something was decided by `value`.
pub(super) fn note_use(value: &Value) {
    if let Some(pending) = value.downcast_object_ref::<Pending>() {
        pending.note_use();
    }
}

/// Whether a call must wait for another round: its arguments hang on something that is missing, or, if it asks a source,
/// the way to it does.
pub(super) fn holds_back(render: &Render, path: &[Key], arguments: &str) -> bool {
    let asks = || path.first().is_some_and(|name| **name == *"sources");
    arguments.contains(mark()) || (render.in_doubt.load(Ordering::Relaxed) && asks())
}

/// What stands in texts for what is awaited. Of digits, so that no change of case hides it; random, so that nothing else
/// is taken for it.
fn mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| {
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("invariant: the operating system has random bytes");
        format!("{:039}", u128::from_be_bytes(random))
    })
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(mark())
    }
}

impl Object for Pending {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Self::value(&self.0))
    }

    /// True, so that `sources.a().name or 'none'` hangs on the answer too.
    fn is_true(self: &Arc<Self>) -> bool {
        self.note_use();
        true
    }

    /// Nothing can be done without its parts: a loop over it ends the round.
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn custom_cmp(self: &Arc<Self>, _: &DynObject) -> Option<cmp::Ordering> {
        self.note_use();
        None
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Ok(Self::value(&self.0))
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, _: &str, _: &[Value]) -> Result<Value, Error> {
        Ok(Self::value(&self.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(mark())
    }
}
