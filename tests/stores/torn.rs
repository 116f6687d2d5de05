//! A journal that was torn, cut or garbled: what was acknowledged is there, or it is said that it is not. And a folder of an older
//! version, which becomes one of this.

use std::fs;
use std::path::{Path, PathBuf};

use inlay::profile::Change;
use inlay::store::{EmbeddedStore, Store, StoreError};
use serde_json::json;

use crate::contract::{happened, keep, visitor};

const EVENTS: i64 = 24;
/// Events that were promised where the rest is torn.
const PROMISED: i64 = 12;
/// Places at which each kind of damage is done.
const PLACES: usize = 8;

fn event(number: i64) -> Vec<Change> {
    vec![happened(&format!("e{number}"), "page.view", number, json!({ "text": format!("{number:0>120}") }))]
}

/// A folder in memory where there is such a thing: hundreds of stores are opened, and none is to survive a power cut.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// A store with events, each acknowledged by itself.
struct Written {
    folder: tempfile::TempDir,
    /// How long the journal was, and what had been promised, after each event.
    after: Vec<(usize, Vec<u8>)>,
}

async fn written() -> Written {
    let folder = folder();
    let store = EmbeddedStore::open(folder.path(), keep()).expect("a store");
    let mut after = Vec::new();
    for number in 0..EVENTS {
        store.apply(&visitor(&format!("v{}", number % 3)), event(number)).await.expect("applied");
        let promised = fs::read(folder.path().join("acknowledged")).expect("a promise");
        after.push((content(&journal(folder.path())).len(), promised));
    }
    store.close().await.expect("closed");
    Written { folder, after }
}

fn journal(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut journals: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|is| is == "jnl")).collect();
    journals.sort();
    journals.pop().expect("a journal")
}

/// A journal without the room for what is to come.
fn content(journal: &Path) -> Vec<u8> {
    let mut bytes = fs::read(journal).expect("a journal");
    // Page by page, because most of it is room.
    while bytes.len() > 4096 && bytes[bytes.len() - 4096..] == [0; 4096] {
        bytes.truncate(bytes.len() - 4096);
    }
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    bytes
}

/// Copies a folder; one that would be empty is kept by a file `.keep`.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().expect("a name");
        match entry.is_dir() {
            true => copied(&entry, &to.join(name)),
            false if name == ".keep" => {}
            // Room for what is to come is not copied: it would be most of the work.
            false if entry.extension().is_some_and(|is| is == "jnl") => {
                fs::write(to.join(name), content(&entry)).expect("written");
            }
            false => drop(fs::copy(&entry, to.join(name)).expect("copied")),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    /// It ends here.
    Cut,
    /// From here on it is zeros, as far as it went: pages that never reached the disk.
    Zeros,
    /// One page of it is zeros, and what follows is there.
    Hole,
    /// One byte is another.
    Flipped,
    /// From here on it is something else.
    Noise,
}

impl Damage {
    const ALL: [Self; 5] = [Self::Cut, Self::Zeros, Self::Hole, Self::Flipped, Self::Noise];

    fn done(self, bytes: &mut Vec<u8>, at: usize) {
        let end = bytes.len();
        match self {
            Self::Cut => bytes.truncate(at),
            Self::Zeros => bytes[at..].fill(0),
            Self::Hole => bytes[at..end.min(at + 64)].fill(0),
            Self::Flipped => bytes[at] ^= 0x55,
            Self::Noise => bytes[at..].iter_mut().enumerate().for_each(|(index, byte)| *byte = (index * 37 + at) as u8),
        }
    }
}

/// Which events are there, or what is said.
async fn found(folder: &Path) -> Result<Vec<i64>, StoreError> {
    let store = EmbeddedStore::open(folder, keep())?;
    let mut numbers = Vec::new();
    for profile in 0..3 {
        let profile = store.load(&visitor(&format!("v{profile}"))).await?.profile;
        numbers.extend(profile.events().iter().filter_map(|event| event.id.text()[1..].parse::<i64>().ok()));
    }
    // It goes on from there.
    store.apply(&visitor("v0"), event(1_000)).await?;
    store.close().await?;
    numbers.sort_unstable();
    Ok(numbers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_nobody_was_told_of_is_torn_and_forgotten() {
    let written = written().await;
    let (begin, promise) = &written.after[PROMISED as usize - 1];
    let end = written.after.last().expect("the last").0;
    for damage in Damage::ALL {
        for place in 0..PLACES {
            let at = begin + (end - begin) * place / PLACES;
            let folder = folder();
            copied(written.folder.path(), folder.path());
            let journal = journal(folder.path());
            let mut bytes = content(&journal);
            damage.done(&mut bytes, at);
            fs::write(journal, bytes).expect("written");
            fs::write(folder.path().join("acknowledged"), promise).expect("written");
            let found = found(folder.path()).await.unwrap_or_else(|error| panic!("{damage:?} at {at}: {error}"));
            // All that was promised, and of the rest none without those before it.
            let whole: Vec<i64> = (0..found.len() as i64).collect();
            assert!(found.len() >= PROMISED as usize && found == whole, "{damage:?} at {at}: {found:?}");
            assert!(self::found(folder.path()).await.is_ok(), "{damage:?} at {at}: it opens again");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_to_what_was_acknowledged_is_said() {
    let written = written().await;
    let end = written.after.last().expect("the last").0;
    let (mut told, mut whole) = (0, 0);
    for damage in Damage::ALL {
        for place in 0..PLACES {
            // From somewhere within the first event to the very last byte.
            let at = 200 + (end - 201) * place / (PLACES - 1);
            let folder = folder();
            copied(written.folder.path(), folder.path());
            let journal = journal(folder.path());
            let mut bytes = content(&journal);
            let before = bytes.clone();
            damage.done(&mut bytes, at);
            let is_same = bytes == before;
            fs::write(journal, bytes).expect("written");
            match found(folder.path()).await {
                Ok(found) => {
                    assert_eq!(found, (0..EVENTS).collect::<Vec<_>>(), "{damage:?} at {at}: lost without a word");
                    whole += usize::from(!is_same);
                }
                Err(StoreError::Unusable(why)) => {
                    assert!(why.contains("damaged") && why.contains("backup"), "{damage:?} at {at}: {why}");
                    told += 1;
                }
                Err(error) => panic!("{damage:?} at {at}: {error}"),
            }
        }
    }
    assert!(told > PLACES, "only {told} were told, {whole} did no harm");
}

#[tokio::test]
async fn a_folder_of_an_older_version_becomes_one_of_this() {
    let folder = folder();
    copied(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/stores/format-1"), folder.path());
    for _ in 0..2 {
        let store = EmbeddedStore::open(folder.path(), keep()).expect("a store");
        let ann = store.load(&crate::contract::customer("42")).await.expect("a profile").profile;
        assert_eq!(ann.traits().map()["loyalty"], json!({ "tier": "gold", "points": 9_007_199_254_740_993_i64 }));
        assert_eq!(ann.counters()[&crate::contract::name("order.placed")].total(), 40);
        assert_eq!(ann.events().len(), keep().events);
        let phone = store.load(&visitor("phone")).await.expect("a profile").profile;
        let ids: Vec<&str> = phone.events().iter().map(|event| event.id.text()).collect();
        assert_eq!(ids, ["v0", "v1", "v2"]);
        store.close().await.expect("closed");
    }
}
