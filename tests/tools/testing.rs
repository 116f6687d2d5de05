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

const SOURCED: &str = "sources:\n  stock:\n    url: \"https://stock.example/?skus={{ sku | join(',') }}\"\n    params: [sku]\n    batch: { param: sku, key: sku }\n  sky: { url: https://sky.example/, fallback: { is: grey } }\nrules:\n  live:\n    match: { path: / }\n    inject:\n      - { each: '[data-sku]', select: b, place: inner, deadline: 200ms, template: \"{{ sources.stock(sku=each.attr('data-sku')).left }} left\" }\n      - { select: h1, place: inner, template: \"{{ sources.sky().is }}\" }\n";

fn sourced(tests: &str) -> tempfile::TempDir {
    let page = "page: { html: '<h1>?</h1><p data-sku=A><b>some</b></p><p data-sku=B><b>some</b></p>' }\n";
    let folder = folder(&format!("{page}{tests}"));
    std::fs::write(folder.path().join("rules/site.yaml"), SOURCED).expect("a file");
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_say_what_the_test_says() {
    let tests = "sources:\n  sky: { json: { is: blue } }\n  stock: { json: [{ sku: A, left: 3 }, { sku: B, left: 4 }] }\ntests:\n  both:\n    expect:\n      elements: [{ select: h1, text: blue }, { select: b, text: 3 left }, { select: b, nth: 2, text: 4 left }]\n      sources: { stock: 1, sky: 1 }\n  fails:\n    sources: { stock: { status: 503 }, sky: { error: unreachable } }\n    expect: { elements: [{ select: h1, text: grey }, { select: b, text: some }] }\n  wrong:\n    sources: { stock: { body: '<h1>Bad gateway</h1>' }, sky: { error: broken } }\n    expect: { elements: [{ select: h1, text: grey }, { select: b, text: some }] }\n  late:\n    sources: { stock: { json: [], delay: 700ms } }\n    expect: { elements: [{ select: h1, text: blue }, { select: b, text: some }] }\n  after:\n    expect: { elements: [{ select: b, text: 3 left }] }\n";
    let ran = inlay(sourced(tests).path(), &["test"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("5 tests, 5 passed"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_which_a_test_says_nothing_is_not_asked() {
    // Its fallback would hide that.
    let tests = "tests:\n  forgets:\n    sources: { stock: { json: [] } }\n    expect: { sources: { stock: 3 } }\n";
    let ran = inlay(sourced(tests).path(), &["test"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    for told in [
        "home.yaml:3:3: source `sky` is asked, and the test does not say what it answers",
        "`sky: real` to ask it",
        "source `stock` was called another number of times",
    ] {
        assert!(ran.out.contains(told), "{told} in {}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fakes_that_are_none_are_told() {
    for (tests, told) in [
        ("tests: { a: { sources: { sto: real }, expect: { status: 200 } } }", "there is no source `sto`"),
        ("tests: { a: { sources: { sky: { jsn: 1 } }, expect: { status: 200 } } }", "unknown key `jsn`"),
        ("tests: { a: { sources: { sky: { json: 1, body: x } }, expect: { status: 200 } } }", "it is not clear what"),
        ("tests: { a: { sources: { sky: {} }, expect: { status: 200 } } }", "it is not clear what source `sky` says"),
        ("tests: { a: { sources: { sky: { error: gone } }, expect: { status: 200 } } }", "is not a failure"),
        ("tests: { a: { sources: { sky: { status: 9999 } }, expect: { status: 200 } } }", "`9999` is no status"),
    ] {
        let ran = inlay(sourced(tests).path(), &["test"]).await;
        assert!(ran.code == 1 && ran.err.contains(told), "{told} in {}", ran.err);
    }
}

/// A run that watches; it ends with this.
struct Watching {
    child: std::process::Child,
    said: std::sync::mpsc::Receiver<String>,
}

impl Watching {
    fn start(folder: &Path) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_inlay"));
        command.args(["test", "--watch"]).current_dir(folder).env("NO_COLOR", "1");
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("it runs");
        let out = std::io::BufReader::new(child.stdout.take().expect("output"));
        let (tell, said) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let lines = std::io::BufRead::lines(out).map_while(Result::ok);
            lines.take_while(|line| tell.send(line.clone()).is_ok()).for_each(drop);
        });
        Self { child, said }
    }

    /// Reads until a line that holds `text`.
    fn until(&self, text: &str) {
        let wait = std::time::Duration::from_secs(60);
        while !self.said.recv_timeout(wait).expect(text).contains(text) {}
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn watching_runs_again_when_a_file_changes_and_survives_a_wrong_one() {
    let folder = folder(
        "page: { html: '<h1>Shop</h1>' }\ntests:\n  greets:\n    cookies: { tier: gold, name: Ann }\n    expect: { elements: { select: .hello, text: Hello Ann } }\n",
    );
    let watching = Watching::start(folder.path());
    watching.until("1 tests, 1 passed");
    watching.until("Waiting for a change");
    let site = folder.path().join("rules/site.yaml");
    for (rules, told) in [
        (RULES.replace("Hello {{", "Hi {{"), "1 tests, 0 passed, 1 failed"),
        (RULES.replace("inject:", "injekt:"), "Waiting for a change"),
        (RULES.to_owned(), "1 tests, 1 passed"),
    ] {
        std::fs::write(&site, rules).expect("a file");
        watching.until(told);
        if told != "Waiting for a change" {
            watching.until("Waiting for a change");
        }
    }
}
