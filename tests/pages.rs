//! The corpus of pages: one file, one case. Each runs in chunks of 1, of 7 and whole, with fills that come at once and late;
//! the page that leaves, the outcomes and the proof must be the same each time, and with nothing to show, the page itself.
//!
//! A file holds lines before `--- page`: `# comment`, `charset: LABEL` (what the header says; the page is written in it),
//! `bytes: LABEL` (the page is written in it, no header), `mark: yes` (begins with a byte order mark), `broken: words`, and
//! one JSON object per slot: `select`, `each`, `which`, one of `place`, `attribute` and `class`, then `show` (absent: keep;
//! `{tag}`, `{id}`, `{each.id}`, `{context}` are filled in) and the expected `outcomes`. Then come `--- page` and
//! `--- expected`.

mod page;

use std::path::Path;
use std::sync::Arc;

use encoding_rs::Encoding;
use inlay::page::{Charset, Fill, Marker, Markers, Outcome, Place, Slot, Target, Which, escape};
use page::{Arrival, Ran, run};
use serde_json::Value;

struct Case {
    name: String,
    header: Option<String>,
    broken: Option<String>,
    slots: Vec<Value>,
    page: Vec<u8>,
    expected: Vec<u8>,
}

#[test]
fn every_case_of_the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/pages");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 30, "the corpus is there");
    let failures: Vec<String> = paths.iter().flat_map(|path| failures(&Case::read(path))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn failures(case: &Case) -> Vec<String> {
    let markers = Arc::new(Markers::compile(case.slots.iter().map(marker).collect()).unwrap());
    let charset = Charset::settle(case.header.as_deref(), &case.page, true).unwrap();
    let mut failures = Vec::new();
    for chunk in [1, 7, case.page.len().max(1)] {
        for arrival in [Arrival::Now, Arrival::Later(0), Arrival::Later(3)] {
            let ran = run(&markers, charset, &case.page, chunk, move |_| arrival, |slot| case.fill(slot));
            failures.extend(case.compare(&ran).map(|what| format!("{} ({chunk}, {arrival:?}): {what}", case.name)));
            let kept = run(&markers, charset, &case.page, chunk, move |_| arrival, |_| Fill::Keep);
            if kept.output != case.page {
                failures.push(format!("{} ({chunk}, {arrival:?}): nothing shown, and yet changed", case.name));
            }
        }
    }
    failures.truncate(1);
    failures
}

impl Case {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let (head, rest) = text.split_once("--- page\n").expect("`--- page` in the file");
        let (page, expected) = rest.split_once("\n--- expected\n").expect("`--- expected` in the file");
        let setting = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let label = setting("charset").or(setting("bytes")).unwrap_or("utf-8");
        let encoding = Encoding::for_label(label.as_bytes()).unwrap();
        let mark = if setting("mark").is_some() { "\u{FEFF}" } else { "" };
        let encode = |text: &str| encode(encoding, &format!("{mark}{text}"));
        Self {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            header: match (setting("charset"), setting("bytes")) {
                (Some(label), _) => Some(format!("text/html; charset={label}")),
                (None, Some(_)) => None,
                (None, None) => Some("text/html; charset=utf-8".into()),
            },
            broken: setting("broken").map(str::to_owned),
            slots: head
                .lines()
                .filter(|line| line.starts_with('{'))
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
            page: encode(page),
            expected: encode(expected),
        }
    }

    fn fill(&self, slot: &Slot) -> Fill {
        let Some(text) = self.slots[slot.marker]["show"].as_str() else {
            return Fill::Keep;
        };
        let id = |element: Option<&Arc<inlay::page::Element>>| {
            let attribute = element.and_then(|element| element.attributes.iter().find(|(name, _)| name == "id"));
            escape(attribute.map_or("?", |(_, value)| value), slot.context).into_owned()
        };
        let tag = slot.element.as_ref().map_or("?", |element| &element.tag);
        let text = text
            .replace("{tag}", tag)
            .replace("{id}", &id(slot.element.as_ref()))
            .replace("{each.id}", &id(slot.each.as_ref()))
            .replace("{context}", &format!("{:?}", slot.context));
        page::show(text)
    }

    fn compare(&self, ran: &Ran) -> Option<String> {
        if ran.output != self.expected {
            let (left, expected) = (ran.output.escape_ascii(), self.expected.escape_ascii());
            return Some(format!("the page\n  {left}\nshould have been\n  {expected}"));
        }
        for (marker, slot) in self.slots.iter().enumerate() {
            let expected: Vec<&str> =
                slot["outcomes"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            let found: Vec<&str> = ran.outcomes(marker).into_iter().map(Outcome::word).collect();
            if found != expected {
                return Some(format!("slot {marker} ended {found:?}, not {expected:?}"));
            }
        }
        let said = ran.broken.as_deref().unwrap_or_default();
        match &self.broken {
            Some(words) if !said.contains(words) => Some(format!("not broken by {words}, but {said:?}")),
            None if !said.is_empty() => Some(format!("broken: {said}")),
            _ => None,
        }
    }
}

/// Bytes in any encoding, UTF-16 too, which browsers read but never write.
fn encode(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    match encoding.name() {
        "UTF-16LE" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "UTF-16BE" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => {
            let (bytes, _, lossy) = encoding.encode(text);
            assert!(!lossy, "{text} can't be written in {}", encoding.name());
            bytes.into_owned()
        }
    }
}

fn marker(slot: &Value) -> Marker {
    let tokens =
        |list: &Value| list.as_array().into_iter().flatten().map(|token| token.as_str().unwrap().into()).collect();
    let target = match (slot["place"].as_str(), slot["attribute"].as_str()) {
        (Some(place), _) => Target::Place(match place {
            "before" => Place::Before,
            "prepend" => Place::Prepend,
            "append" => Place::Append,
            "after" => Place::After,
            "inner" => Place::Inner,
            "replace" => Place::Replace,
            "remove" => Place::Remove,
            other => panic!("{other} is no place"),
        }),
        (None, Some(name)) => Target::Attribute(name.into()),
        (None, None) => Target::Class { add: tokens(&slot["class"]["add"]), remove: tokens(&slot["class"]["remove"]) },
    };
    Marker {
        select: slot["select"].as_str().unwrap().into(),
        each: slot["each"].as_str().map(Into::into),
        which: if slot["which"] == "first" { Which::First } else { Which::All },
        target,
        wants_element: slot["show"].as_str().is_some_and(|show| show.contains('{')),
    }
}

/// A page with more matches than anyone expects: all are filled, in chunks of any size.
#[test]
fn five_hundred_matches() {
    let page = "<li class=card><b>x</b>".repeat(500);
    let slot = |select: &str, place: Place| Marker {
        select: select.into(),
        each: None,
        which: Which::All,
        target: Target::Place(place),
        wants_element: false,
    };
    let markers = Arc::new(Markers::compile(vec![slot("b", Place::Inner), slot(".card", Place::Prepend)]).unwrap());
    for chunk in [1, 7, page.len()] {
        let charset = Charset::Known(encoding_rs::UTF_8);
        let later = |slot: &Slot| {
            if slot.number.is_multiple_of(3) { Arrival::Later(2) } else { Arrival::Now }
        };
        let ran =
            run(&markers, charset, page.as_bytes(), chunk, later, |slot| page::show(format!("[{}]", slot.marker)));
        assert_eq!(String::from_utf8(ran.output).unwrap(), "<li class=card>[1]<b>[0]</b>".repeat(500));
        assert_eq!(ran.settled.len(), 1000);
    }
}
