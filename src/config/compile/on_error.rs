//! `on_error` of a rule: what stands in, when the rule is switched off, who is told.
//!
//! In: it as written. Out: the rule's part of it, and the content that stands in. It must not know how failures are counted.

use std::sync::Arc;

use super::making::Making;
use crate::config::raw::on_error::{RawFuse, RawOnError};
use crate::config::read::At;
use crate::config::yaml::Text;
use crate::content::{Blank, Content, Fallback, Kind};
use crate::limits;
use crate::rule::fuse::{OnError, Threshold};

/// What the rule does.
pub fn rule(at: &Option<At<RawOnError>>, making: &mut Making<'_, '_>) -> OnError {
    let Some(at) = at else { return OnError::default() };
    let off = at.off.as_ref().and_then(|off| threshold(off, making));
    let tell = at.tell.as_ref().and_then(|tell| told(tell, making));
    if let (None, Some(tell)) = (&at.off, &at.tell) {
        making.report.warn(tell.key, "the rule is never switched off, so nobody is told", "add `off`, or remove it");
    }
    OnError { off, tell }
}

/// When it is switched off.
fn threshold(off: &At<RawFuse>, making: &mut Making<'_, '_>) -> Option<Threshold> {
    let share = off.above.as_ref()?;
    if share.value.0 <= 0.0 {
        making.report.error(share.span, "the rule would be off before anything failed", "write a share such as `50%`");
        return None;
    }
    let least = match &off.at_least {
        None => limits::FUSE_LEAST,
        Some(at) => match u32::try_from(at.value.0).ok().filter(|least| *least > 0) {
            Some(least) => least,
            None => {
                let what = format!("`{}` is no number of pages", at.value.0);
                making.report.error(at.span, what, "write 1 or more");
                return None;
            }
        },
    };
    Some(Threshold {
        share: share.value.0,
        window: off.window.as_ref().map_or(limits::FUSE_WINDOW, |at| at.value.0),
        least,
        length: off.length.as_ref().map_or(limits::FUSE_OFF, |at| at.value.0),
    })
}

/// The source that is told, which must take what it is told.
fn told(at: &At<Text>, making: &mut Making<'_, '_>) -> Option<Arc<str>> {
    let name = at.value.value.as_str();
    let source = making.world.find("source", &making.world.sources, name, at.span, making.report)?;
    let params = source.params.iter().flat_map(|at| &at.value.0);
    let mut names: Vec<&str> = params.map(|text| text.value.value.as_str()).collect();
    names.sort_unstable();
    if names != ["rule", "state"] {
        let what = format!("the source `{name}` is called with `rule` and `state`");
        making.report.error(at.span, what, "give it `params: [rule, state]`");
        return None;
    }
    Some(name.into())
}

/// What stands in for the rule's contents that failed.
pub fn content(at: &Option<At<RawOnError>>, rule: &str, making: &mut Making<'_, '_>) -> Option<Box<Content>> {
    let at = at.as_ref()?.fragment.as_ref()?;
    let fragment = at.value.value.as_str();
    making.world.find("fragment", &making.world.fragments, fragment, at.span, making.report)?;
    Some(Box::new(Content {
        kind: Kind::Fragment(fragment.into()),
        fallback: Fallback::Keep,
        on_error: None,
        deadline: limits::SLOT_DEADLINE,
        blank: Blank::Keep,
        name: format!("{rule}.on_error").into(),
    }))
}
