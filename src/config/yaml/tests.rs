//! Trees, traps and the way back to the file.

use proptest::prelude::*;

use super::*;
use crate::config::source::Source;
use crate::config::variables::{Environment, exchange};

fn read(text: &str) -> (Report, Option<Rc<Node>>) {
    let mut report = Report::default();
    let id = report.add(Source::new("t.yaml", text));
    let root = parse(id, &mut report);
    (report, root)
}

fn headlines(text: &str) -> Vec<String> {
    read(text).0.finish().iter().map(|problem| problem.headline()).collect()
}

fn scalar(node: &Node) -> Text {
    match &node.value {
        Value::Scalar(scalar) => Text::new(scalar.text.as_ref(), scalar.style, node.span),
        other => panic!("no scalar: {other:?}"),
    }
}

fn value(root: &Node, key: &str) -> Rc<Node> {
    let Value::Map(entries) = &root.value else { panic!("no map") };
    entries.iter().find(|entry| &*entry.key == key).expect("key").node.clone()
}

#[test]
fn every_trap_says_what_to_do_and_does_not_hide_the_next() {
    let text = "a: *.shop.be\nb: {{ x }} left\nc: @home\nd: x: y\ne: e\ne: f\ng: {% if a %}b\nh: !important\n";
    let lines = headlines(text);
    for (index, expected) in [
        "t.yaml:1:4: error: `*.shop.be` is an alias",
        "t.yaml:2:4: error: `{{` without quotes",
        "t.yaml:3:4: error: text cannot begin with `@`",
        "t.yaml:4:5: error: a second `:`",
        "t.yaml:6:1: error: `e` stands twice",
        "t.yaml:7:4: error: `{%` without quotes",
        "t.yaml:8:4: error: YAML tags",
    ]
    .iter()
    .enumerate()
    {
        assert!(lines.get(index).is_some_and(|line| line.starts_with(expected)), "{expected}\n{lines:#?}");
    }
    assert_eq!(lines.len(), 7, "{lines:#?}");
}

#[test]
fn bombs_depth_and_second_documents_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    assert!(headlines(&bomb)[0].contains("aliases written out"), "{:?}", headlines(&bomb));
    assert!(headlines(&"[".repeat(500))[0].contains("nested deeper"));
    assert!(headlines("a: &a [*a]\n")[0].contains("inside the value"));
    assert!(headlines("a: 1\n---\nb: 2\n")[0].starts_with("t.yaml:2:1: error: a second document"));
    assert!(headlines("a: 1\n<<: {b: 1}\n")[0].contains("merge keys"));
    assert!(headlines("a:\n\tb: 1\n")[0].starts_with("t.yaml:2:1: error: a tab"), "{:?}", headlines("a:\n\tb: 1\n"));
    assert!(headlines("# nothing\n").is_empty());
}

#[test]
fn text_leads_back_to_where_it_was_written() {
    let table = [
        ("k: |\n    one\n      two ÄX\n", (3, 12)),
        ("k: >\n  folded\n  line X\n", (3, 8)),
        ("k: \"a\\tb\\u00e9 \\\n   X\"\n", (2, 4)),
        ("k: 'it''s X'\n", (1, 11)),
        ("k: plain\n  more X\n", (2, 8)),
        ("# é\nk: ${A}${LONG} X $${ é\n", (2, 16)),
        ("k: |-\n\n  ${LONG}\n\n  X\n", (5, 3)),
    ];
    let variables = [("A", "a"), ("LONG", "a very long value")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let environment = Environment::Fixed(variables.into());
    for (text, position) in table {
        let (report, root) = read(text);
        let mut found = scalar(&value(&root.expect("tree"), "k"));
        if let Some(exchanged) = exchange(&found.value.clone(), &environment) {
            found = found.exchange(exchanged.value, exchanged.swaps);
        }
        let at = found.value.find('X').expect("X");
        let span = found.place(&report.sources, at..at + 1);
        assert_eq!(report.sources.get(span.source).position(span.start as usize), position, "{text}");
        assert_eq!(report.sources.text(span), "X", "{text}");
    }
}

proptest! {
    /// Any text gives a tree or a problem, never a panic, and every problem has a position in the text.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-c{}\\[\\]:,&*!|>'\"%@`#\\-\\?~$ \t\n\réÄ\u{feff}\u{0}\u{1F600}]{0,60}") {
        let (report, root) = read(&text);
        let failed = report.failed();
        prop_assert!(root.is_some() || failed);
        for problem in report.finish() {
            let (line, column) = problem.place.position().expect("lines");
            prop_assert!(line >= 1 && column >= 1 && line <= text.matches('\n').count() + 1);
        }
    }

    /// Every character of a block, quoted or plain text that is no white space leads to itself.
    #[test]
    fn characters_lead_to_themselves(
        words in proptest::collection::vec("[a-zé]{1,5}", 1..8),
        breaks in proptest::collection::vec(0usize..3, 8),
        style in 0usize..5,
    ) {
        let gap = |index: usize| if breaks[index] == 0 { "\n  ".to_owned() } else { " ".repeat(breaks[index]) };
        let body: String = words.iter().enumerate().map(|(index, word)| format!("{word}{}", gap(index))).collect();
        let text = match style {
            0 => format!("k: |\n  {body}\n"),
            1 => format!("k: >-\n  {body}\n"),
            2 => format!("k: \"{body}\"\n"),
            3 => format!("k: '{body}'\n"),
            _ => format!("k: {body}\n"),
        };
        let (report, root) = read(&text);
        let found = scalar(&value(&root.expect("tree"), "k"));
        for (at, c) in found.value.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            let span = found.place(&report.sources, at..at + c.len_utf8());
            prop_assert_eq!(report.sources.text(span), c.to_string(), "{}", text);
        }
    }
}
