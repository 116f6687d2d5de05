//! What code read, in words.
//!
//! In: a ledger. Out: its reads as plain data. It must not ask anything again.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{ConditionExplained, ReadExplained};
use crate::scope::condition::Condition;
use crate::scope::language::Language;
use crate::scope::ledger::{Ledger, Read, Reader};
use crate::scope::{Question, Scope, Seen};

/// The reads of a ledger, in order. That something on the way is a map is left out: it says no more than what was found in it.
pub fn reads(ledger: &Ledger) -> Vec<ReadExplained> {
    ledger.reads().iter().filter(|read| !matches!(read.answer.seen, Seen::Map)).map(read).collect()
}

/// One read.
pub fn read(read: &Read) -> ReadExplained {
    let Read { question, answer } = read;
    ReadExplained {
        asked: asked(question),
        answer: seen(&answer.seen),
        of_visitor: answer.of_visitor,
        until: answer.until.map(moment),
        kept: answer.storable,
    }
}

/// Evaluates a condition once more, to tell what it reads. It is of this exchange's scope, so it reads the same.
pub fn condition(of: String, condition: &Condition, language: &Language, scope: &Scope) -> ConditionExplained {
    let reader = Reader::new(scope.clone());
    let held = language.holds(&condition.name, &reader);
    let reads = reads(&reader.ledger());
    ConditionExplained {
        of,
        source: condition.source.to_string(),
        holds: matches!(held, Ok(true)),
        error: held.err().map(|error| error.to_string()),
        reads,
    }
}

/// A moment as people and programs read it.
pub fn moment(at: Timestamp) -> String {
    at.to_string()
}

/// As an author would write it, with its arguments.
fn asked(question: &Question) -> String {
    let Question::Call(path, arguments) = question else { return question.to_string() };
    let called: Result<(Vec<Json>, serde_json::Map<String, Json>), _> = serde_json::from_str(arguments);
    let (positional, named) = called.unwrap_or_default();
    let positional = positional.iter().map(Json::to_string);
    let named = named.iter().map(|(name, value)| format!("{name}={value}"));
    let arguments: Vec<String> = positional.chain(named).collect();
    format!("{}({})", path.join("."), arguments.join(", "))
}

fn seen(seen: &Seen) -> Json {
    match seen {
        Seen::Scalar(value) => serde_json::to_value(value).unwrap_or_else(|_| value.to_string().into()),
        Seen::Map => json!({}),
        Seen::List => json!([]),
        Seen::Keys(keys) => keys.iter().map(|key| key.to_string()).collect(),
        Seen::Refused(message) => json!({ "refused": &**message }),
        Seen::Absent => Json::Null,
        Seen::Awaited(_) => json!({ "awaited": true }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Answer;

    #[test]
    fn reads_are_told_as_their_author_wrote_them() {
        let mut ledger = Ledger::new();
        let path = |path: &[&str]| path.iter().map(|key| (*key).into()).collect();
        ledger.record(Question::Get(path(&["request"])), Answer::map());
        ledger.record(Question::Get(path(&["request", "cookies", "tier"])), Answer::scalar("gold").private());
        ledger.record(Question::Get(path(&["request", "cookies", "x"])), Answer::absent());
        let after = Question::Call(path(&["now", "after"]), r#"[["2026-12-01"],{"n":1}]"#.into());
        ledger.record(after, Answer::scalar(false));
        let told: Vec<(String, Json, bool)> =
            reads(&ledger).into_iter().map(|read| (read.asked, read.answer, read.of_visitor)).collect();
        let expected = [
            ("request.cookies.tier".to_owned(), json!("gold"), true),
            ("request.cookies.x".to_owned(), Json::Null, false),
            ("now.after(\"2026-12-01\", n=1)".to_owned(), json!(false), false),
        ];
        assert_eq!(told, expected);
    }
}
