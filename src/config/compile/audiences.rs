//! Audiences as written → what makes somebody a member.
//!
//! In: every definition. Out: conditions among the units, lists by their names. It must not look whether names exist: the units do.

use std::sync::Arc;

use super::purpose::Purpose;
use super::units::Units;
use super::world::World;
use crate::config::raw::audiences::{AudienceForm, RawAudience};
use crate::config::read::At;
use crate::config::report::Report;
use crate::config::yaml::Text;
use crate::decide::audience::{Audience, Audiences};
use crate::profile::Name;

/// All audiences; what is wrong with one is noted.
pub fn audiences(world: &World<'_>, units: &mut Units, report: &mut Report) -> Audiences {
    let mut audiences = Audiences::new();
    for (name, definition) in &world.audiences {
        let Some(defined) = defined(definition, report) else { continue };
        let audience = match defined {
            Defined::When(when) => {
                Audience::When(units.condition(format!("audiences.{name}"), when, Purpose::Audience))
            }
            Defined::List => match Name::parse(name) {
                Ok(list) => Audience::List(list),
                Err(error) => {
                    report.error(
                        definition.key,
                        format!("`{name}` can't be the name of a list: {error}"),
                        "shorten it",
                    );
                    continue;
                }
            },
        };
        audiences.insert(Arc::from(name.as_str()), audience);
    }
    audiences
}

enum Defined<'a> {
    When(&'a Text),
    List,
}

fn defined<'a>(definition: &'a At<RawAudience>, report: &mut Report) -> Option<Defined<'a>> {
    let AudienceForm { when, list, unreadable } = match &definition.value {
        RawAudience::When(when) => return Some(Defined::When(when)),
        RawAudience::Form(form) => form,
    };
    match (when, list) {
        (Some(when), None) => Some(Defined::When(&when.value)),
        (None, Some(list)) if list.value => Some(Defined::List),
        (None, Some(list)) => {
            report.error(
                list.span,
                "an audience that is no list needs a condition",
                "write `list: true` or `when: CONDITION`",
            );
            None
        }
        (Some(_), Some(list)) => {
            let remedy = "keep one; for both define two audiences, and a third: `audiences.a and audiences.b`";
            report.error(list.key, "an audience has a condition or is a list, not both", remedy);
            None
        }
        (None, None) => {
            if !unreadable.any(&["when", "list"]) {
                report.error(
                    definition.span,
                    "this does not say who is in the audience",
                    "write a condition, or `list: true`",
                );
            }
            None
        }
    }
}
