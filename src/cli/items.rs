//! `inlay items`: the catalogue of what the site sells or publishes.
//!
//! In: feeds, keys, and where the process or its store is. Out: what was imported, known or taken away. It must not read pages.

use std::error::Error as StdError;
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

use serde_json::{Map, Value as Json, json};

use super::admin_port::AdminPort;
use super::feed::import::{self, Destination, Line};
use super::feed::{BadLine, Row};
use super::profiles::told;
use super::remembered::{Remembered, RememberedError};
use super::{PROBLEMS, USAGE, failed};
use crate::page::{currency, number};
use crate::profile::Name;
use crate::store::{Item, ItemKey};

/// Fields by which feeds tell items apart, best first.
const KEYS: [&str; 3] = ["id", "sku", "key"];

/// Names of fields in feeds for merchants, with those that pages give the same.
const AS_PAGES_SAY: [(&str, &str); 3] = [("title", "name"), ("link", "url"), ("image_link", "image")];

/// Fields of such feeds that hold an amount with its currency: `1299.00 EUR`.
const AMOUNTS: [&str; 2] = ["price", "sale_price"];

/// What is done.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Take in a feed: CSV with a line of names, JSON lines, or XML as for merchant centres. An item takes the place of what was known
    /// of it.
    Import(ImportArgs),
    /// Show what is known of an item.
    Get(OneArgs),
    /// Write the items of a kind as lines of JSON.
    List(ListArgs),
    /// Take an item away, until a page tells of it again.
    Remove(OneArgs),
}

/// What is imported, and where to.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    #[command(flatten)]
    feed: import::Args,
    /// What the items are.
    #[arg(long, value_name = "KIND", default_value = "product")]
    kind: String,
    /// The field that tells an item from others [default: `id`, `sku` or `key`].
    #[arg(long, value_name = "FIELD")]
    key: Option<String>,
    #[command(flatten)]
    at: AdminPort,
}

/// Which item.
#[derive(Debug, clap::Args)]
pub struct OneArgs {
    /// What it is: `product`.
    #[arg(value_name = "KIND")]
    kind: String,
    /// What tells it from others: `A1`.
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    at: AdminPort,
}

/// Which items.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// What they are: `product`.
    #[arg(value_name = "KIND")]
    kind: String,
    #[command(flatten)]
    at: AdminPort,
}

struct HandOver<'a>(&'a Remembered);

impl Destination for HandOver<'_> {
    fn take(&mut self, batch: &[Line]) -> Result<Vec<BadLine>, Box<dyn StdError + Send + Sync>> {
        self.0.take_items(batch).map_err(Into::into)
    }
}

/// Does it.
pub fn run(command: &Command) -> ExitCode {
    match command {
        Command::Import(args) => import(args),
        Command::Get(args) => one(args, get),
        Command::Remove(args) => one(args, remove),
        Command::List(args) => match Name::parse(&args.kind) {
            Ok(kind) => list(&args.at, &kind),
            Err(error) => misused(&error),
        },
    }
}

fn import(args: &ImportArgs) -> ExitCode {
    let keys: Vec<&str> = args.key.as_deref().map_or(KEYS.to_vec(), |key| vec![key]);
    let into = |destination: Option<&mut dyn Destination>| {
        import::run(&args.feed, &keys, |row| item(row, &args.kind, &keys), destination)
    };
    if args.feed.dry_run {
        return told(into(None).map_err(Into::into), "item", "would be imported");
    }
    let imported = Remembered::reach(&args.at).map_err(Into::into).and_then(|remembered| {
        let told = into(Some(&mut HandOver(&remembered)));
        remembered.close()?;
        Ok(told?)
    });
    told(imported, "item", "imported")
}

/// The item of a row, judged here before any is sent; a line of `inlay items list` is one already.
fn item(row: Row, kind: &str, keys: &[&str]) -> Result<Json, String> {
    let fields = row.fields;
    let line = match fields.contains_key("data") && fields.contains_key("kind") {
        true => Json::Object(fields),
        false => {
            let key = keys.iter().find_map(|name| fields.get(*name).cloned());
            let key = key.ok_or_else(|| format!("it has no {}", keys.join(" or ")))?;
            json!({ "kind": kind, "key": key, "data": as_pages_say(fields) })
        }
    };
    let read = Item::read(line, jiff::Timestamp::now()).map_err(|error| error.to_string())?;
    Ok(read.document())
}

/// Fields of feeds for merchants under the names that pages give them; amounts with a currency become a number and that.
fn as_pages_say(mut fields: Map<String, Json>) -> Map<String, Json> {
    for (feed, page) in AS_PAGES_SAY {
        if !fields.contains_key(page)
            && let Some(value) = fields.shift_remove(feed)
        {
            fields.insert(page.to_owned(), value);
        }
    }
    for name in AMOUNTS {
        let Some(text) = fields.get(name).and_then(Json::as_str) else { continue };
        let (amount, code) = (number(text), currency(text).map(str::to_owned));
        let Some(amount) = amount else { continue };
        fields.insert(name.to_owned(), amount.into());
        code.map(|code| fields.entry("currency").or_insert_with(|| code.into()));
    }
    fields
}

fn one(args: &OneArgs, done: fn(&Remembered, &ItemKey) -> Result<ExitCode, RememberedError>) -> ExitCode {
    let key = match ItemKey::new(&args.kind, &args.key) {
        Ok(key) => key,
        Err(error) => return misused(&error),
    };
    let done = Remembered::reach(&args.at).and_then(|remembered| {
        let code = done(&remembered, &key)?;
        remembered.close()?;
        Ok(code)
    });
    done.unwrap_or_else(|error| failed(&error))
}

fn get(remembered: &Remembered, key: &ItemKey) -> Result<ExitCode, RememberedError> {
    match remembered.item(key)? {
        Some(item) => {
            println!("{item:#}");
            Ok(ExitCode::SUCCESS)
        }
        None => Ok(none(key)),
    }
}

fn remove(remembered: &Remembered, key: &ItemKey) -> Result<ExitCode, RememberedError> {
    match remembered.remove_item(key)? {
        true => {
            println!("removed {} {}", key.kind().text(), key.key());
            Ok(ExitCode::SUCCESS)
        }
        false => Ok(none(key)),
    }
}

fn none(key: &ItemKey) -> ExitCode {
    eprintln!("inlay: there is no {} `{}`", key.kind().text(), key.key());
    ExitCode::from(PROBLEMS)
}

fn list(at: &AdminPort, kind: &Name) -> ExitCode {
    let listed = Remembered::reach(at).and_then(|remembered| {
        let mut out = BufWriter::new(stdout().lock());
        remembered.list_items(kind, &mut out)?;
        out.flush().map_err(RememberedError::Write)?;
        remembered.close()
    });
    listed.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

fn misused(error: &dyn StdError) -> ExitCode {
    eprintln!("inlay: {error}");
    ExitCode::from(USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(fields: Json) -> Row {
        Row { line: 2, fields: fields.as_object().cloned().unwrap_or_default() }
    }

    #[test]
    fn rows_of_feeds_become_items() {
        let feed =
            json!({ "id": "07", "title": "Tent", "link": "https://x/07", "price": "1299.00 EUR", "brand": "Norda" });
        let made = item(row(feed), "product", &KEYS).expect("an item");
        assert_eq!((&made["kind"], &made["key"]), (&json!("product"), &json!("07")));
        let expected = json!({ "id": "07", "price": 1299, "brand": "Norda", "name": "Tent", "url": "https://x/07", "currency": "EUR" });
        assert_eq!(made["data"], expected);
        let listed = json!({ "kind": "article", "key": "x", "at": "2026-01-01T00:00:00Z", "data": { "a": 1 } });
        assert_eq!(item(row(listed.clone()), "product", &KEYS).expect("an item"), listed);
        assert!(item(row(json!({ "name": "none" })), "product", &KEYS).is_err());
    }
}
