//! What the rules said, each with its reason, and which audiences the visitor is in.
//!
//! In: an exchange's context, and the rules of its path as they were decided. Out: plain data. It must not decide anew what was
//! decided: rules of other paths are decided here, because nobody did, and they ask nothing of anybody.

use crate::context::Context;
use crate::decide::audience::Audience;
use crate::decide::bucket;
use crate::exchange::explanation::{
    AudienceExplained, ConditionExplained, Explanation, RuleExplained, ShareExplained, condition, moment, reads,
};
use crate::exchange::plan::decided::Decided;
use crate::rule::action::Actions;
use crate::rule::{Reason, Rule, Verdict};
use crate::scope::ledger::Reader;
use crate::scope::{Key, Question, Scope, Seen};

/// Tells what was decided of a request; `decided` are the rules of its path.
pub fn decisions(context: &Context, decided: &[Decided], explanation: &mut Explanation) {
    let book = &context.revision.book;
    for (number, rule) in book.rules().iter().enumerate() {
        let told = match decided.iter().find(|decided| decided.number == number) {
            Some(decided) => match decided.verdict() {
                Some(said) => RuleExplained {
                    conditions: conditions(context, rule, decided, said),
                    ..verdict(context, rule, said)
                },
                None => unanswered(rule),
            },
            None => elsewhere(context, rule),
        };
        let actions = actions(&context.revision.actions[number]);
        explanation.rules.push(RuleExplained { actions, ..told });
    }
    let scope = decided.first().map_or_else(|| context.scope(), |decided| decided.scope.clone());
    explanation.audiences = audiences(context, &scope);
}

fn verdict(context: &Context, rule: &Rule, verdict: &Verdict) -> RuleExplained {
    let (applies, word, reason) = match &verdict.outcome {
        Ok(_) => (true, "applies", String::new()),
        Err(reason) => (false, reason.word(), reason.to_string()),
    };
    RuleExplained {
        name: rule.name.to_string(),
        applies,
        verdict: word.to_owned(),
        reason,
        until: verdict.until.map(moment),
        share: rule.share.map(|share| ShareExplained {
            share,
            place: context.visitor.id().map(|visitor| bucket::place(&rule.name, visitor.text())),
        }),
        ..RuleExplained::default()
    }
}

/// A rule of which nobody asked, because it has another path, or is stopped, or nothing was to be decided.
fn elsewhere(context: &Context, rule: &Rule) -> RuleExplained {
    let mut asked = false;
    let decided = rule.decide(&context.asking(), &mut |_| {
        asked = true;
        Ok(false)
    });
    let told = verdict(context, rule, &decided);
    match asked || told.applies {
        // It would have come to its conditions, had it been decided.
        true => RuleExplained {
            applies: false,
            verdict: "not_asked".to_owned(),
            reason: "nothing was decided for this request".to_owned(),
            ..told
        },
        false => told,
    }
}

/// A rule whose conditions wait for sources yet.
fn unanswered(rule: &Rule) -> RuleExplained {
    let waits = Reason::Unanswered;
    let (name, verdict, reason) = (rule.name.to_string(), waits.word().to_owned(), waits.to_string());
    RuleExplained { name, verdict, reason, ..RuleExplained::default() }
}

/// The conditions that were asked, with what they read.
fn conditions(context: &Context, rule: &Rule, decided: &Decided, said: &Verdict) -> Vec<ConditionExplained> {
    let supposed = context.supposed.rules.contains(&*rule.name);
    let came_so_far = match &said.outcome {
        Ok(_) => !supposed,
        Err(Reason::When(_) | Reason::WhenFailed(..)) => true,
        Err(Reason::Campaign(_, reason)) => matches!(**reason, Reason::When(_) | Reason::WhenFailed(..)),
        Err(_) => false,
    };
    if !came_so_far {
        return Vec::new();
    }
    let campaigns = rule.campaigns.iter().filter_map(|campaign| {
        let when = campaign.when.as_ref()?;
        Some((format!("campaign {}", campaign.name), when))
    });
    let own = rule.when.iter().map(|when| ("when".to_owned(), when));
    let mut asked = Vec::new();
    for (of, when) in campaigns.chain(own) {
        let told = condition(of, when, &context.revision.language, &decided.scope);
        let goes_on = told.holds;
        asked.push(told);
        if !goes_on {
            break;
        }
    }
    asked
}

fn audiences(context: &Context, scope: &Scope) -> Vec<AudienceExplained> {
    let language = &context.revision.language;
    let audience = |name: &Key, definition: &Audience| {
        let settled = scope.ask(&Question::Get([Key::from("audiences"), name.clone()].into()));
        let inside = matches!(&settled.seen, Seen::Scalar(inside) if inside.is_true());
        let mut told = AudienceExplained {
            name: name.to_string(),
            inside,
            source: definition.source().to_string(),
            ..AudienceExplained::default()
        };
        if !context.supposed.audiences.contains_key(&**name) {
            let reader = Reader::new(scope.clone());
            told.error = definition.holds(language, &reader).err().map(|error| error.to_string());
            told.reads = reads(&reader.ledger());
        }
        told
    };
    let definitions = context.revision.audiences.iter();
    definitions.map(|(name, definition)| audience(name, definition)).collect()
}

fn actions(actions: &Actions) -> Vec<String> {
    let headers = !actions.request.is_empty() || !actions.response.is_empty();
    let kinds = [(actions.redirect.is_some(), "redirect"), (actions.serve.is_some(), "serve"), (headers, "headers")];
    kinds.into_iter().filter(|(there, _)| *there).map(|(_, kind)| kind.to_owned()).collect()
}
