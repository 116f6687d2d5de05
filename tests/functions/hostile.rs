//! Functions that are broken or hostile: each is cut off, says why, and holds up nobody.
//!
//! The cases lie in `tests/corpus/functions`: the first line of each says what becomes of it, `// threw: …` for instance, or
//! `// shows: …`, or several such between ` | `; adding a case is adding a file.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inlay::content::function::{Allowance, Engine, Errand};

use super::house::{Fake, functions, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_ends_as_it_says() {
    let engine = Engine::new(2);
    let mut cases: Vec<_> =
        fs::read_dir("tests/corpus/functions").unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 40, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let text = fs::read_to_string(&case).unwrap();
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        let (first, _) = text.split_once('\n').unwrap();
        let expected = first.strip_prefix("// ").unwrap_or_else(|| panic!("{name} does not say what becomes of it"));
        let functions = Arc::new(functions(&[("functions/f.js", &text)]));
        let errand = Errand {
            functions,
            function: "f".into(),
            with: "null".into(),
            scope: Fake::default().scope(),
            allowance: Allowance::default(),
        };
        let begun = Instant::now();
        let ran = tokio::time::timeout(Duration::from_secs(20), engine.run(errand)).await;
        let took = begun.elapsed();
        let became = match ran {
            Err(_) => "(it never ended)".to_owned(),
            Ok(ran) => match told(ran.result.map(|output| output.html)) {
                failed if failed.contains(": ") && !expected.starts_with("shows: ") => failed,
                html => format!("shows: {html}"),
            },
        };
        println!("{name}: {took:?} {became:.100}");
        if !expected.split(" | ").any(|way| became.starts_with(way)) {
            wrong.push(format!("{name}: {became:.300}\n  expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_one_call_spoils_the_next_one_does_not_see() {
    let spoils = "globalThis.seen = (globalThis.seen ?? 0) + 1;
        export default () => {
          const before = [({}).spoilt, Math.spoilt, globalThis.seen, [].at === undefined, format.spoilt].join();
          Object.prototype.spoilt = 1; Math.spoilt = 1; globalThis.seen = 9; Array.prototype.at = undefined;
          globalThis.html = globalThis.escapeHtml = Promise.prototype.then = () => 'spoilt';
          return before;
        }";
    let functions = Arc::new(functions(&[("functions/f.js", spoils), ("functions/g.js", spoils)]));
    let engine = Engine::new(1);
    for function in ["f", "f", "g", "f"] {
        let errand = Errand {
            functions: functions.clone(),
            function: function.into(),
            with: "null".into(),
            scope: Fake::default().scope(),
            allowance: Allowance::default(),
        };
        let shown = told(engine.run(errand).await.result.map(|output| output.html));
        assert_eq!(shown, ",,1,false,", "{function}");
    }
}
