//! Holds the examples true: what README.md, `deploy/` and `rules/` show is read without a problem, and is valid by the JSON
//! Schemas that editors use.

use std::fs;
use std::path::{Path, PathBuf};

use inlay::config::compile::Surroundings;
use inlay::config::schema::{Kind, schema};
use inlay::config::variables::Environment;
use inlay::config::{self, ConfigSource, Loaded};
use jiff::Timestamp;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value as Json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The variables that the examples name.
fn documented() -> Environment {
    let secret = |name: &str| (name.to_owned(), "0123456789abcdef0123456789abcdef".to_owned());
    Environment::Fixed(["INLAY_SECRET", "INLAY_ADMIN_TOKEN", "STOCK_TOKEN"].map(secret).into())
}

/// Reads folders of rules; anything to say about them is too much.
fn check_rules(folder: &Path) {
    let around = Surroundings { deployment: None, environment: &documented(), now: Timestamp::UNIX_EPOCH };
    let (_, warnings) = config::rules(&[folder.to_owned()], around).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(warnings.is_empty(), "{warnings}");
}

/// Reads a deployment; a file that only its machine has may be missing.
fn check_deployment(file: &Path) {
    let source = ConfigSource { environment: documented(), ..ConfigSource::file(file) };
    let Loaded { warnings, .. } =
        config::load(&source, Timestamp::UNIX_EPOCH).unwrap_or_else(|problems| panic!("{problems}"));
    let missing_file = |what: &str| what.starts_with("there is no file `") && what.ends_with(".pem` here");
    assert!(warnings.0.iter().all(|warning| missing_file(&warning.what)), "{warnings}");
}

fn rule_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("rules").map(|entry| entry.expect("entry").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}

#[test]
fn the_rules_of_the_demo_are_fine() {
    check_rules(&root().join("rules"));
    let files = rule_files(&root().join("rules"));
    assert!(files.len() > 2);
    for file in files {
        validate(Kind::Rules, &fs::read_to_string(&file).expect("file"), &file.display().to_string());
    }
}

#[test]
fn the_tests_of_the_demo_are_as_editors_expect_them() {
    let files = rule_files(&root().join("rules/tests"));
    assert!(files.len() > 1);
    for file in files {
        validate(Kind::Tests, &fs::read_to_string(&file).expect("file"), &file.display().to_string());
    }
}

#[test]
fn the_deployment_to_copy_is_fine() {
    let file = root().join("deploy/inlay.yaml");
    check_deployment(&file);
    validate(Kind::Inlay, &fs::read_to_string(&file).expect("file"), "deploy/inlay.yaml");
}

#[test]
fn every_block_of_the_readme_is_fine() {
    every_block_is_fine("README.md");
}

#[test]
fn every_block_about_items_is_fine() {
    every_block_is_fine("docs/items.md");
}

fn every_block_is_fine(file: &str) {
    let text = fs::read_to_string(root().join(file)).expect("a file");
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let folder = tempfile::tempdir().expect("folder");
        let kind = if block.lines().any(|line| line.starts_with("origin")) { Kind::Inlay } else { Kind::Rules };
        validate(kind, block, block);
        fs::create_dir(folder.path().join("rules")).expect("folder");
        match kind {
            Kind::Inlay => {
                fs::write(folder.path().join("inlay.yaml"), block).expect("file");
                check_deployment(&folder.path().join("inlay.yaml"));
            }
            Kind::Rules | Kind::Tests => {
                fs::write(folder.path().join("rules/a.yaml"), block).expect("file");
                check_rules(&folder.path().join("rules"));
            }
        }
    }
}

#[test]
fn the_schemas_refuse_what_the_reader_refuses() {
    let wrong = [
        (Kind::Rules, "rules: { a: { inject: [{ place: append }] } }"),
        (Kind::Rules, "rules: { a: { inject: [{ select: a, place: nowhere }] } }"),
        (Kind::Rules, "fragments: { a: { htm: x } }"),
        (Kind::Inlay, "listen: { adress: 127.0.0.1:80 }"),
        (Kind::Inlay, "log: { format: xml }"),
    ];
    for (kind, text) in wrong {
        assert!(faults(kind, text).is_some(), "{text}");
    }
}

fn validate(kind: Kind, text: &str, name: &str) {
    assert_eq!(faults(kind, text), None, "{name}");
}

/// What the schema has against a text: the first fault.
fn faults(kind: Kind, text: &str) -> Option<String> {
    let schema = schema(kind);
    Validator { root: &schema }.check(&schema, &json(text)).err()
}

/// The keywords that our schemas use; any other is a panic, so that none is overlooked.
struct Validator<'a> {
    root: &'a Json,
}

impl Validator<'_> {
    fn check(&self, schema: &Json, value: &Json) -> Result<(), String> {
        for (keyword, wanted) in schema.as_object().expect("a schema") {
            let holds = match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" | "required" | "additionalProperties" => true,
                // Names and the forms of texts are the reader's: a validator of patterns is not worth a dependency here.
                "pattern" | "propertyNames" => true,
                "$ref" => {
                    let name = wanted.as_str().and_then(|name| name.strip_prefix("#/$defs/")).expect("a reference");
                    self.check(&self.root["$defs"][name], value)?;
                    true
                }
                "type" => {
                    wanted.as_array().map_or_else(|| is(wanted, value), |any| any.iter().any(|one| is(one, value)))
                }
                "enum" => wanted.as_array().is_some_and(|any| any.contains(value)),
                "const" => wanted == value,
                "anyOf" => wanted.as_array().is_some_and(|any| any.iter().any(|one| self.check(one, value).is_ok())),
                "items" => value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .try_for_each(|item| self.check(wanted, item))
                    .map(|()| true)?,
                "properties" => true,
                other => panic!("the schema says `{other}`, which this test does not know"),
            };
            if !holds {
                return Err(format!("{value} does not fit `{keyword}: {wanted}`"));
            }
        }
        value.as_object().map_or(Ok(()), |map| self.object(schema, map))
    }

    fn object(&self, schema: &Json, map: &Map<String, Json>) -> Result<(), String> {
        let missing = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .find(|key| !map.contains_key(*key));
        if let Some(key) = missing {
            return Err(format!("`{key}` is missing"));
        }
        for (key, value) in map {
            match (schema["properties"].get(key), schema.get("additionalProperties")) {
                (Some(property), _) => self.check(property, value)?,
                (None, Some(Json::Bool(false))) => return Err(format!("unknown key `{key}`")),
                (None, Some(others)) => self.check(others, value)?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

fn is(kind: &Json, value: &Json) -> bool {
    match kind.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the schema names the type `{other}`, which this test does not know"),
    }
}

/// YAML as an editor sees it: the core schema of YAML 1.2.
fn json(text: &str) -> Json {
    let mut open: Vec<Vec<Json>> = vec![Vec::new()];
    for event in Parser::new_from_str(text) {
        let done = match event.expect("YAML").0 {
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                open.push(Vec::new());
                continue;
            }
            Event::SequenceEnd => Json::Array(open.pop().expect("a list")),
            Event::MappingEnd => {
                let children = open.pop().expect("a map");
                let pairs =
                    children.chunks(2).map(|pair| (pair[0].as_str().expect("a key").to_owned(), pair[1].clone()));
                Json::Object(pairs.collect())
            }
            _ => continue,
        };
        open.last_mut().expect("the document").push(done);
    }
    open.remove(0).remove(0)
}

fn scalar(text: &str, style: ScalarStyle) -> Json {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null") => Json::Null,
        (ScalarStyle::Plain, "true") => true.into(),
        (ScalarStyle::Plain, "false") => false.into(),
        (ScalarStyle::Plain, number) if number.parse::<i64>().is_ok() => {
            number.parse::<i64>().expect("a number").into()
        }
        (_, text) => text.into(),
    }
}
