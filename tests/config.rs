//! Configuration from files: a corpus of mistakes with what is said of each, and properties of all of it.
//!
//! A case is a folder below `tests/corpus/config`: an `inlay.yaml` or a folder `rules` or both, perhaps `env` (a
//! variable a line), and `expected.txt`. `INLAY_BLESS=1` writes what is said now; look at the difference before it is
//! committed.

use std::fs;
use std::path::{Path, PathBuf};

use inlay::cli::check::{Args, answer};
use inlay::config::compile::Surroundings;
use inlay::config::print::{self, Style};
use inlay::config::problem::Severity;
use inlay::config::problems::Problems;
use inlay::config::schema::{Kind, schema};
use inlay::config::settings::StoreSettings;
use inlay::config::variables::Environment;
use inlay::config::{self, ConfigSource, Loaded, Overrides, Rules};
use jiff::Timestamp;
use proptest::prelude::*;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().expect("timestamp")
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/config")
}

fn environment(folder: &Path) -> Environment {
    let text = fs::read_to_string(folder.join("env")).unwrap_or_default();
    Environment::Fixed(
        text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect(),
    )
}

fn deployment(folder: &Path) -> ConfigSource {
    ConfigSource { environment: environment(folder), ..ConfigSource::file(folder.join("inlay.yaml")) }
}

fn rules(folder: &Path) -> Result<(Rules, Problems), Problems> {
    let around = Surroundings { deployment: None, environment: &environment(folder), now: now() };
    config::rules(&[folder.join("rules")], around)
}

/// What is said of the files in `folder`.
fn said(folder: &Path) -> String {
    let result = match folder.join("inlay.yaml").is_file() {
        true => config::load(&deployment(folder), now()).map(|Loaded { rules, warnings, .. }| (rules, warnings)),
        false => rules(folder),
    };
    let text = match result {
        Ok((rules, warnings)) => {
            let counts = (rules.rules.len(), rules.fragments.len(), rules.audiences.len(), rules.files);
            format!("{warnings}fine: {counts:?} rules, fragments, audiences, files\n")
        }
        Err(problems) => problems.to_string(),
    };
    text.replace(&format!("{}/", folder.display()), "")
}

#[test]
fn every_mistake_is_told_as_expected() {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(corpus()).expect("corpus").map(|entry| entry.expect("entry").path()).collect();
    cases.sort();
    assert!(cases.len() > 20, "the corpus is there");
    let mut different = Vec::new();
    for case in &cases {
        let (said, path) = (said(case), case.join("expected.txt"));
        if std::env::var_os("INLAY_BLESS").is_some() {
            fs::write(&path, &said).expect("bless");
        } else if fs::read_to_string(&path).unwrap_or_default() != said {
            different.push(format!("== {}\n{said}", case.display()));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn problems_are_sorted_and_each_has_a_place_and_a_remedy() {
    let problems = config::load(&deployment(&corpus().join("twenty_in_three_files")), now()).expect_err("problems");
    assert!(problems.count(Severity::Error) >= 20, "{problems}");
    for problem in &problems.0 {
        assert!(!problem.remedy.is_empty(), "{}", problem.headline());
    }
    let places: Vec<_> = problems.0.iter().map(|p| (p.place.file().to_owned(), p.place.position())).collect();
    let mut sorted = places.clone();
    sorted.sort();
    assert_eq!(places, sorted);
    let files: std::collections::BTreeSet<_> = places.into_iter().map(|(file, _)| file).collect();
    assert_eq!(files.len(), 3);
}

fn check(folder: &Path, json: bool) -> (String, u8) {
    let args = Args { rules: vec![folder.join("rules")], json, ..Args::default() };
    answer(&args, Style::Plain).expect("something to check")
}

#[test]
fn check_counts_prints_and_speaks_json() {
    let (text, code) = check(&corpus().join("warnings"), false);
    assert_eq!(code, 0, "{text}");
    assert!(text.ends_with("Fine: 7 rules, 0 fragments, 0 audiences in 1 file, 2 warnings.\n"), "{text}");
    let (text, code) = check(&corpus().join("duplicate_name"), true);
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(code, 1);
    assert_eq!((&json[0]["line"], &json[0]["column"], &json[0]["severity"]), (&2.into(), &3.into(), &"error".into()));
    assert!(json[0]["related"][0]["file"].as_str().is_some_and(|file| file.ends_with("a.yaml")), "{text}");
    let coloured = print::problems(&rules(&corpus().join("contents")).expect_err("problems").0, Style::Coloured);
    assert!(coloured.contains("\u{1b}["));
}

#[test]
fn check_prints_one_schema_or_both() {
    let printed = |schema| {
        let (text, code) = answer(&Args { schema: Some(schema), ..Args::default() }, Style::Plain).expect("a schema");
        assert_eq!(code, 0);
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")
    };
    assert_eq!(printed(Some(Kind::Rules)), schema(Kind::Rules));
    let both = printed(None);
    assert_eq!((&both["inlay"], &both["rules"]), (&schema(Kind::Inlay), &schema(Kind::Rules)));
}

/// Every object in a schema that has properties.
fn records(schema: &serde_json::Value, found: &mut Vec<serde_json::Value>) {
    match schema {
        serde_json::Value::Object(map) => {
            if map.contains_key("properties") {
                found.push(schema.clone());
            }
            map.values().for_each(|value| records(value, found));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| records(value, found)),
        _ => {}
    }
}

#[test]
fn schemas_have_the_readers_keys_and_a_word_on_each() {
    for kind in [Kind::Inlay, Kind::Rules] {
        let schema = schema(kind);
        let keys: Vec<_> = schema["properties"].as_object().expect("properties").keys().cloned().collect();
        let mut accepted = config::accepted_keys(kind);
        accepted.sort_unstable();
        let mut sorted = keys.clone();
        sorted.sort();
        assert_eq!(sorted, accepted);
        let mut found = Vec::new();
        records(&schema, &mut found);
        assert!(found.len() > 5);
        for record in found {
            assert_eq!(record["additionalProperties"], false, "{record}");
            for (key, property) in record["properties"].as_object().expect("properties") {
                assert!(property["description"].as_str().is_some_and(|text| text.len() > 8), "{key}: {property}");
            }
        }
    }
}

/// Every key that a schema lists is accepted by the reader at its place: what it says of the key is about its value.
#[test]
fn the_reader_accepts_every_key_of_the_schema() {
    let folder = tempfile::tempdir().expect("folder");
    fs::create_dir(folder.path().join("rules")).expect("rules");
    let mut found = Vec::new();
    records(&schema(Kind::Rules), &mut found);
    let at_its_place = |record: &serde_json::Value, keys: &str| {
        let has = |key: &str| record["properties"].get(key).is_some();
        match () {
            () if has("rules") => keys.replace("      ", ""),
            () if has("max_size") => format!("sources:\n  s:\n{keys}"),
            () if has("basic") => format!("sources:\n  s:\n    auth:\n{keys}"),
            () if has("user") => format!("sources:\n  s:\n    auth:\n     basic:\n{keys}"),
            () if has("token_url") => format!("sources:\n  s:\n    auth:\n     oauth2:\n{keys}"),
            () if has("over") => format!("sources:\n  s:\n    auth:\n     hmac:\n{keys}"),
            () if has("name") && has("value") => format!("sources:\n  s:\n    auth:\n     header:\n{keys}"),
            () if has("follow") => format!("sources:\n  s:\n    redirects:\n{keys}"),
            () if has("failures") => format!("sources:\n  s:\n    breaker:\n{keys}"),
            () if has("ttl") => format!("sources:\n  s:\n    cache:\n{keys}"),
            () if has("param") => format!("sources:\n  s:\n    batch:\n{keys}"),
            () if has("required") => format!("sources:\n  s:\n    expect:\n{keys}"),
            () if has("server_name") => format!("sources:\n  s:\n    tls:\n{keys}"),
            () if has("tell") => format!("rules:\n  r:\n    on_error:\n{keys}"),
            () if has("above") => format!("rules:\n  r:\n    on_error:\n     off:\n{keys}"),
            () if has("extract") => format!("collect:\n  c:\n{keys}"),
            () if has("kind") && has("key") => format!("collect:\n  c:\n    item:\n{keys}"),
            () if has("as") && has("select") => format!("collect:\n  c:\n    extract:\n     x:\n{keys}"),
            () if has("inject") => format!("rules:\n  r:\n{keys}"),
            () if has("select") => format!("rules:\n  r:\n    inject:\n    -\n{keys}"),
            () if has("html") => format!("fragments:\n  f:\n{keys}"),
            () if has("source") => format!("fragments:\n  f:\n    fetch:\n{keys}"),
            () if has("from") => format!("rules:\n  r:\n    active:\n{keys}"),
            () if has("to") => format!("rules:\n  r:\n    redirect:\n{keys}"),
            () if has("origin") => format!("rules:\n  r:\n    serve:\n{keys}"),
            () if has("response") => format!("rules:\n  r:\n    headers:\n{keys}"),
            () if has("set") => {
                format!("rules:\n  r:\n    headers:\n     request:\n{keys}")
            }
            () if has("path") => format!("match:\n{keys}"),
            () if has("add") => {
                format!("rules:\n  r:\n    inject:\n    - class:\n{}", keys.replace("      ", "        "))
            }
            () if has("list") => format!("audiences:\n  a:\n{keys}"),
            () if has("cpu") => format!("fragments:\n  f:\n    bounds:\n{keys}"),
            () if has("file") => format!("fragments:\n  f:\n    template:\n{keys}"),
            () => format!("campaigns:\n  c:\n{keys}"),
        }
    };
    for record in found {
        let properties = record["properties"].as_object().expect("properties");
        let keys: String =
            properties.keys().chain([&"nonsense_key".to_owned()]).map(|key| format!("      {key}: []\n")).collect();
        let text = at_its_place(&record, &keys);
        fs::write(folder.path().join("rules/a.yaml"), &text).expect("file");
        let problems = rules(folder.path()).expect_err("problems").to_string();
        let unknown = problems.matches("unknown key").count() + problems.matches("does not have").count();
        assert_eq!(unknown, 1, "{text}\n{problems}");
        assert!(problems.contains("unknown key `nonsense_key`"), "{problems}");
    }
}

#[test]
fn flags_stand_above_the_file_and_need_none() {
    let overrides = |origin: &str, listen: &[&str]| Overrides {
        origin: Some(origin.into()),
        listen: listen.iter().map(|text| (*text).into()).collect(),
        rules: vec![corpus().join("fine/rules").display().to_string()],
        ..Overrides::default()
    };
    let source =
        |overrides| ConfigSource { overrides, environment: Environment::Fixed([].into()), ..ConfigSource::default() };
    let problems =
        config::load(&source(overrides("www.example.com", &["8080"])), now()).expect_err("problems").to_string();
    assert!(problems.starts_with("command line: warning: `visitor.consent` is unset"), "{problems}");
    assert!(problems.contains("\n--origin: error: `www.example.com`"), "{problems}");
    assert!(problems.contains("\n--listen: error: `8080`") && !problems.contains("no origin"), "{problems}");
    assert!(!problems.contains(" | "), "a flag has no lines: {problems}");
    // The rules name a site that a run by flags does not have.
    let problems =
        config::load(&source(overrides("https://www.example.com", &[])), now()).expect_err("problems").to_string();
    assert!(problems.contains("there is no site `brand_a`; known: `default`"), "{problems}");

    let case = corpus().join("fine");
    let flags = Overrides {
        origin: Some("https://other.example".into()),
        listen: vec!["127.0.0.1:1".into()],
        ..Overrides::default()
    };
    let loaded = config::load(&ConfigSource { overrides: flags, ..deployment(&case) }, now()).expect("fine");
    assert_eq!(loaded.settings.listeners[0].address.to_string(), "127.0.0.1:1");
    assert!(loaded.settings.origins.iter().any(|origin| origin.servers[0].to_string() == "other.example"));
    assert_eq!(loaded.settings.store, Some(StoreSettings::Folder(case.join("data"))), "relative to the file");
}

#[test]
fn settings_inherit_and_resolve() {
    let Loaded { settings, rules, .. } = config::load(&deployment(&corpus().join("fine")), now()).expect("fine");
    let [a, b] = settings.sites.as_slice() else { panic!("two sites") };
    assert_eq!((&*a.origin, &*b.origin), ("shop", "b.example"));
    assert_eq!(a.facts["data"]["phone"], "+32 …");
    assert!(a.hosts[0].matches("www.brand-a.be") && b.hosts[0].matches("brand-b.be"));
    assert_eq!(b.protect[0].source(), "/checkout/**");
    assert_eq!(settings.visitor.secrets.len(), 1);
    assert!(!format!("{settings:?}").contains("0123456789abcdef"), "a secret does not show");
    let names: Vec<&str> = rules.rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["home_banner", "live_stock"], "by priority");
    let home = &rules.rules[0];
    assert_eq!((home.matches.len(), home.except.len(), home.share), (2, 1, Some(0.2)));
    assert_eq!(home.matches[1].methods, [http::Method::GET, http::Method::HEAD]);
    let named: Vec<&str> = rules.injections[0].iter().map(|injection| &*injection.name).collect();
    assert_eq!(named, ["home_banner.1", "home_banner.2", "home_banner.3"]);
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    fs::write(path, text).expect("file");
}

#[cfg(unix)]
#[test]
fn a_kubernetes_mount_is_read_once() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("folder");
    let rules_folder = folder.path().join("rules");
    let rule = "rules: { home: { inject: [{ select: main, place: append, text: a }] } }\n";
    write(&rules_folder.join("..2026_11_23/a.yaml"), rule);
    symlink("..2026_11_23", rules_folder.join("..data")).expect("link");
    symlink("..data/a.yaml", rules_folder.join("a.yaml")).expect("link");
    symlink("a.yaml", rules_folder.join("same.yaml")).expect("link");
    symlink(".", rules_folder.join("round")).expect("link");
    let (read, _) = rules(folder.path()).expect("fine");
    assert_eq!((read.rules.len(), read.files), (1, 1));

    let shared = folder.path().join("shared");
    write(&shared.join("b.yaml"), "audiences: { back: visitor.returning }\n");
    symlink(&shared, rules_folder.join("more")).expect("link");
    let (more, _) = rules(folder.path()).expect("fine");
    assert_eq!((more.audiences.len(), more.files), (1, 2));
    assert_ne!(read.id, more.id);
    assert_eq!(more.id, rules(folder.path()).expect("fine").0.id, "equal files, equal ids");
}

#[test]
fn a_variable_of_the_rules_is_a_part_of_their_id() {
    let folder = tempfile::tempdir().expect("folder");
    write(&folder.path().join("rules/a.yaml"), "fragments: { hello: { text: \"Hello, ${NAME:-you}\" } }\n");
    let id = |name: &str, value: &str| {
        let environment = Environment::Fixed([(name.to_owned(), value.to_owned())].into());
        let around = Surroundings { deployment: None, environment: &environment, now: now() };
        config::rules(&[folder.path().join("rules")], around).expect("fine").0.id
    };
    assert_eq!(id("NAME", "Ann"), id("NAME", "Ann"));
    assert_ne!(id("NAME", "Ann"), id("NAME", "Bob"));
    assert_eq!(id("NAME", "you"), id("OTHER", "Bob"), "what the rules do not use does not matter");
}

#[test]
fn ten_thousand_rules_are_read() {
    let folder = tempfile::tempdir().expect("folder");
    for file in 0..100 {
        let rules: String = (0..100)
            .map(|n| {
                format!(
                    "  r{file}_{n}:\n    match: {{ path: /shop/{file}/{n}/** }}\n    when: visitor.returning\n    inject:\n      - \
                     {{ select: main, place: prepend, template: \"<p>{{{{ request.path }}}}</p>\" }}\n"
                )
            })
            .collect();
        write(&folder.path().join(format!("rules/{file}.yaml")), &format!("rules:\n{rules}"));
    }
    let started = std::time::Instant::now();
    let (read, warnings) = rules(folder.path()).expect("fine");
    let took = started.elapsed();
    println!("10,000 rules in {took:?}");
    assert_eq!((read.rules.len(), warnings.is_empty()), (10_000, true));
    // The promise is a second in a release build on a machine of its own; a busy one gets two, debug builds promise nothing.
    assert!(cfg!(debug_assertions) || took.as_secs() < 2, "{took:?}");
}

/// Puts `text` into both kinds of file and looks at all that is said.
fn survives(text: &[u8]) {
    let folder = tempfile::tempdir().expect("folder");
    fs::create_dir(folder.path().join("rules")).expect("folder");
    for path in ["inlay.yaml", "rules/a.yaml"] {
        fs::write(folder.path().join(path), text).expect("file");
    }
    let said = match config::load(&deployment(folder.path()), now()) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    let lines = String::from_utf8_lossy(text).matches('\n').count() + 1;
    for problem in &said.0 {
        let Some((line, column)) = problem.place.position() else { continue };
        assert!(line >= 1 && column >= 1 && line <= lines, "{}", problem.headline());
    }
    print::problems(&said.0, Style::Plain);
}

fn valid() -> impl Strategy<Value = String> {
    let cases =
        ["fine/inlay.yaml", "fine/rules/a.yaml", "twenty_in_three_files/rules/a.yaml", "template_syntax/rules/a.yaml"];
    proptest::sample::select(cases.to_vec()).prop_map(|case| fs::read_to_string(corpus().join(case)).expect("case"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }

    #[test]
    fn mutilated_files_are_read_or_refused(
        text in valid(),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..4, "[\\[\\]{}:,#&*!|>'\"%@`é\t \n-]{0,3}"), 1..6),
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, remove, insert) in cuts {
            let at = at.index(characters.len() + 1);
            let end = (at + remove).min(characters.len());
            characters.splice(at..end, insert.chars());
        }
        survives(characters.into_iter().collect::<String>().as_bytes());
    }
}
