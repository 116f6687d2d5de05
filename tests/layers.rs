//! Holds the rooms to their order: a room may use those below it in `src/lib.rs`, never those above it; and to what must never be.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in the order of the map.
fn rooms() -> Vec<String> {
    let map = fs::read_to_string("src/lib.rs").expect("the map");
    let modules = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    modules.map(str::to_owned).collect()
}

/// Every source file with its room.
fn files() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false if entry.extension().is_some_and(|extension| extension == "rs") => {
                    found.push((room(&entry), entry))
                }
                false => {}
            }
        }
    }
    found
}

fn room(file: &Path) -> String {
    let below = file.strip_prefix("src").expect("below src");
    let first = below.components().next().expect("a component").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The code of a file, without comments and without its tests, which may look around.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a source file");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms that a piece of code names: `crate::room`.
fn named(code: &str) -> Vec<String> {
    let uses = code.split("crate::").skip(1);
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    uses.map(word).filter(|name| !name.is_empty()).collect()
}

#[test]
fn no_room_uses_one_above_it() {
    let rooms = rooms();
    let place = |name: &str| rooms.iter().position(|room| room == name);
    let mut broken = Vec::new();
    let mut looked_at = 0;
    for (room, file) in files() {
        let Some(own) = place(&room) else { continue };
        looked_at += 1;
        for used in named(&code(&file)) {
            match place(&used) {
                Some(other) if other < own => {
                    broken.push(format!("{} uses {used}, which stands above {room}", file.display()))
                }
                Some(_) => {}
                None => broken.push(format!("{} uses crate::{used}, which is not on the map", file.display())),
            }
        }
    }
    assert!(looked_at > 50, "only {looked_at} files were found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let rooms = rooms();
    for (room, file) in files() {
        assert!(rooms.contains(&room) || room == "lib" || room == "main", "{} is in no room", file.display());
    }
}

/// Which words may stand in which rooms only.
#[test]
fn what_must_never_be() {
    let only = [("lol_html", &["page"][..]), ("config", &["cli", "app", "config"])];
    let pure = ["decide", "rule", "profile", "event"];
    let mut broken = Vec::new();
    for (room, file) in files() {
        let code = code(&file);
        for (word, allowed) in only {
            let used = code.contains(&format!("use {word}::")) || named(&code).iter().any(|name| name == word);
            if used && !allowed.contains(&room.as_str()) {
                broken.push(format!("{} uses {word}", file.display()));
            }
        }
        for word in ["tokio", "hyper", "moka", "lol_html", "Clock"] {
            if pure.contains(&room.as_str()) && code.contains(word) {
                broken.push(format!("{} is of a pure room and uses {word}", file.display()));
            }
        }
        // Plan is the one part of the exchange that sees both rules and pages.
        let sees_both =
            named(&code).iter().any(|name| name == "page") && named(&code).iter().any(|name| name == "content");
        if room == "exchange" && sees_both && !file.starts_with("src/exchange/plan") {
            broken.push(format!("{} sees both pages and content", file.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    for (_, file) in files() {
        let text = fs::read_to_string(&file).expect("a source file");
        assert!(text.starts_with("//! "), "{} does not open with its job", file.display());
    }
}
