//! `inlay test`.

use std::path::Path;

use crate::inlay;

const RULES: &str = "audiences: { gold: request.cookies.tier == 'gold' }\nrules:\n  hello:\n    match: { path: / }\n    when: audiences.gold\n    inject: { select: h1, place: after, template: \"<p class=hello>Hello {{ request.cookies.name }}</p>\", fallback: { html: '<p class=hello>Hello</p>' } }\n";

fn folder(tests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("rules/tests")).expect("a folder");
    std::fs::write(folder.path().join("rules/site.yaml"), RULES).expect("a file");
    std::fs::write(folder.path().join("rules/tests/home.yaml"), tests).expect("a file");
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tests_of_the_demo_pass() {
    let ran = inlay(Path::new(env!("CARGO_MANIFEST_DIR")), &["test", "--rules", "rules"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(" 0 failed"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_as_expected_is_told_with_its_line() {
    let tests = "page: { html: '<h1>Shop</h1>' }\ntests:\n  greets:\n    cookies: { tier: gold, name: Ann }\n    expect:\n      rules: { hello: applies }\n      elements:\n        - { select: .hello, text: Hello Bob }\n        - { select: .gone }\n        - { select: h1, count: 2 }\n      status: 404\n      headers: { cache-control: public* }\n  skips:\n    expect: { rules: { hello: campaign }, audiences: { gold: true } }\n  fine:\n    expect: { rules: { hello: when }, elements: { select: .hello, count: 0 } }\n";
    let folder = folder(tests);
    let ran = inlay(folder.path(), &["test", "--junit", "out.xml"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    for told in [
        "rules/tests/home.yaml:8:35: `.hello` has another text",
        "wanted  \"Hello Bob\"",
        "found   \"Hello Ann\"",
        "home.yaml:9:21: `.gone` finds nothing",
        "home.yaml:10:32: `h1` finds another number of elements",
        "home.yaml:11:15: another status",
        "the header `cache-control` is another",
        "found   \"private, no-cache\"",
        "rule `hello`",
        "wanted  \"campaign\"",
        "found   \"when: `when: audiences.gold` does not hold\"",
        "audiences.gold = false",
        "3 tests, 1 passed, 2 failed",
        "1 of 1 rules applied, 2 of 2 conditions both ways, 0 of 1 fallbacks taken",
    ] {
        assert!(ran.out.contains(told), "{told} in {}", ran.out);
    }
    let xml = std::fs::read_to_string(folder.path().join("out.xml")).expect("XML");
    assert!(xml.contains("<testsuites name=\"inlay\" tests=\"3\" failures=\"2\""), "{xml}");
    assert!(xml.contains("&quot;Hello Bob&quot;") && xml.contains("name=\"fine\""), "{xml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_written_on_demand_and_compared_after() {
    let tests = "page: { html: '<h1>Shop</h1>' }\ntests:\n  home:\n    cookies: { tier: gold }\n    expect: { snapshot: true }\n";
    let folder = folder(tests);
    let run = async |args: &[&str]| inlay(folder.path(), args).await;
    let first = run(&["test"]).await;
    assert!(first.code == 1 && first.out.contains("there is no snapshot"), "{first:?}");
    let update = run(&["test", "--update"]).await;
    assert!(update.code == 0 && update.out.contains("1 snapshots written"), "{update:?}");
    let kept = std::fs::read_to_string(folder.path().join("rules/tests/snapshots/home.home.html")).expect("a snapshot");
    assert_eq!(kept, "<h1>Shop</h1><p class=hello>Hello</p>");
    assert_eq!(run(&["test"]).await.code, 0);
    std::fs::write(folder.path().join("rules/site.yaml"), RULES.replace(">Hello<", ">Hi<")).expect("a file");
    let changed = run(&["test"]).await;
    assert_eq!(changed.code, 1);
    assert!(changed.out.contains("- <h1>Shop</h1><p class=hello>Hello</p>"), "{}", changed.out);
    assert!(changed.out.contains("+ <h1>Shop</h1><p class=hello>Hi</p>"), "{}", changed.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn misspelt_keys_and_names_are_told_as_in_all_files() {
    for (tests, told) in [
        ("tests: { a: { expct: {} } }", "unknown key `expct`"),
        ("tests: { a: { expect: { rules: { helo: applies } } } }", "there is no rule `helo`; did you mean `hello`?"),
        (
            "tests: { a: { expect: { rules: { hello: aplies } } } }",
            "`aplies` is not what becomes of a rule; did you mean `applies`?",
        ),
        (
            "tests: { a: { expect: { audiences: { golf: true } } } }",
            "there is no audience `golf`; did you mean `gold`?",
        ),
        ("tests: { a: { expect: { elements: { select: 'a > > b' } } } }", "is not a selector"),
        ("tests: { a: { expect: {} } }", "nothing is expected"),
        ("tests: { a: { page: { file: gone.html }, expect: { status: 200 } } }", "gone.html cannot be read"),
        ("tests: { a: { profile: { tier: gold }, expect: { status: 200 } } }", "does not have `profile` yet"),
    ] {
        let ran = inlay(folder(tests).path(), &["test"]).await;
        assert_eq!(ran.code, 1, "{tests}: {ran:?}");
        assert!(ran.err.contains(told) && ran.err.contains("home.yaml:1:"), "{told} in {}", ran.err);
    }
}
