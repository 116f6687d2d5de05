//! Rules and campaigns, in the order of precedence.
//!
//! In: rules as written, each with its file. Out: [`Rule`]s and what each lays in, higher priority first, then by
//! file and order. It must not decide whether a rule applies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions;
use super::injections;
use super::making::Making;
use super::matching;
use super::on_error;
use super::purpose::Purpose;
use super::units::Units;
use super::world::{File, World};
use crate::config::raw::rules::RawRule;
use crate::config::read::At;
use crate::config::report::Report;
use crate::config::yaml::Text;
use crate::revision::Injection;
use crate::rule::action::Actions;
use crate::rule::{Campaign, Rule, State};

/// All rules, with what each does, by the rule's number.
#[derive(Debug, Default)]
pub struct Compiled {
    pub rules: Vec<Rule>,
    pub injections: Vec<Vec<Injection>>,
    pub actions: Vec<Actions>,
}

/// All rules. What has problems is left out.
pub fn compile(world: &World<'_>, units: &mut Units, report: &mut Report) -> Compiled {
    let campaigns = campaigns(world, units, report);
    let mut made = Vec::with_capacity(world.rules.len());
    for (name, raw, file) in &world.rules {
        let rule = rule(name, raw, *file, &campaigns, &mut Making { world, units, report, purpose: Purpose::Shared });
        let injections = injections::compile(name, raw, &mut Making { world, units, report, purpose: Purpose::Shared });
        let actions = actions::compile(name, raw, &mut Making { world, units, report, purpose: Purpose::Line });
        made.push((rule, injections, actions));
    }
    // Stable: equal priorities stay in the order of the files.
    made.sort_by_key(|(rule, ..)| std::cmp::Reverse(rule.priority));
    let mut compiled = Compiled::default();
    for (rule, injections, actions) in made {
        compiled.rules.push(rule);
        compiled.injections.push(injections);
        compiled.actions.push(actions);
    }
    compiled
}

fn campaigns(world: &World<'_>, units: &mut Units, report: &mut Report) -> BTreeMap<String, Arc<Campaign>> {
    let one = |(name, at): (&String, &&At<crate::config::raw::rules::RawCampaign>)| {
        let campaign = Campaign {
            name: name.as_str().into(),
            state: at.state.as_ref().map(|at| at.value).unwrap_or_default(),
            active: matching::schedule(&at.active, world, report),
            when: at
                .when
                .as_ref()
                .map(|when| units.condition(format!("campaigns.{name}.when"), &when.value, Purpose::Rule)),
        };
        (name.clone(), Arc::new(campaign))
    };
    world.campaigns.iter().map(one).collect()
}

fn rule(
    name: &str,
    raw: &At<RawRule>,
    file: File<'_>,
    campaigns: &BTreeMap<String, Arc<Campaign>>,
    making: &mut Making<'_, '_>,
) -> Rule {
    let world = making.world;
    let file_when = file
        .head
        .when
        .as_ref()
        .map(|when| making.units.condition(format!("files.{}.when", file.number + 1), &when.value, Purpose::Rule));
    let own_when =
        raw.when.as_ref().map(|when| making.units.condition(format!("rules.{name}.when"), &when.value, Purpose::Rule));
    let named = [&file.head.campaign, &raw.campaign].into_iter().flatten();
    let found: Vec<_> = named.filter_map(|at| campaign(at, campaigns, making)).collect();
    let state = raw.state.as_ref().map(|at| at.value).unwrap_or_default();
    if let (State::Preview, Some(at)) = (state, &raw.state) {
        let what = format!("the rule `{name}` is in preview: only those with a signed link see it");
        making.report.warn(at.span, what, "write `state: live` to show it to all");
    }
    if let (None, Some(at)) = (&raw.inject, &raw.on_error) {
        let what = format!("the rule `{name}` lays nothing in, so `on_error` has no effect");
        making.report.warn(at.key, what, "remove it, or add `inject`");
    }
    Rule {
        name: name.into(),
        state,
        matches: matching::all(&file.head.matches, &raw.matches, world, making.report),
        except: raw
            .except
            .iter()
            .flat_map(|at| &at.value.0)
            .map(|at| matching::exception(at, world, making.report))
            .collect(),
        when: [file_when, own_when].into_iter().flatten().collect(),
        campaigns: found,
        active: matching::schedule(&raw.active, world, making.report),
        share: raw.share.as_ref().map(|at| at.value.0),
        priority: raw.priority.as_ref().map_or(0, |at| at.value.0),
        on_error: on_error::rule(&raw.on_error, making),
    }
}

fn campaign(
    at: &At<Text>,
    campaigns: &BTreeMap<String, Arc<Campaign>>,
    making: &mut Making<'_, '_>,
) -> Option<Arc<Campaign>> {
    let name = at.value.value.as_str();
    making.world.find("campaign", &making.world.campaigns, name, at.span, making.report)?;
    campaigns.get(name).cloned()
}
