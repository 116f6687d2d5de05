//! Journals as they lie on the disk before they are opened.
//!
//! In: the folder of a store that nobody has open. Out: its newest journal ends behind its last whole batch, and what was behind it
//! is put aside. The library ends a journal at the first thing that it can't read, and says so or not; so it is never given one. Whether
//! anything is missing that had been promised is `acknowledged`'s to tell. It must not touch a journal that is whole.
//!
//! A batch, as fjall 3 writes it, is `1`, the number of entries (4 bytes) and a sequence number (8); entries; `3`, an XXH3 of the
//! entries' bytes (8) and `FJL\x03`. An entry is `2`, its kind (1), its compression (1), the keyspace (8), the lengths of the key (2), of
//! the value (4) and of the value as it stands there (4), key, value; or `4` and a keyspace (8). Numbers are little-endian. Room for
//! batches to come is zeros.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

/// What was put aside.
#[derive(Debug)]
pub struct Torn {
    /// Where it is now.
    pub file: PathBuf,
    pub bytes: usize,
}

/// Puts aside what is behind the last whole batch of the newest journal. `None`: there is nothing; or nothing is whole, which is
/// nothing that this understands; or somebody has the store open.
///
/// # Errors
/// What the system says.
pub fn mend(folder: &Path) -> io::Result<Option<Torn>> {
    // Held as the library holds it, until this is done.
    let Ok(lock) = OpenOptions::new().read(true).write(true).open(folder.join("lock")) else { return Ok(None) };
    if lock.try_lock().is_err() {
        return Ok(None);
    }
    let Some(journal) = newest(folder)? else { return Ok(None) };
    let bytes = fs::read(&journal)?;
    let written = written(&bytes);
    let sound = sound(&bytes);
    if sound == 0 || sound >= written {
        return Ok(None);
    }
    let file = journal.with_extension("torn");
    fs::write(&file, &bytes[sound..written])?;
    let journal = OpenOptions::new().write(true).open(&journal)?;
    journal.set_len(sound as u64)?;
    journal.sync_all()?;
    Ok(Some(Torn { file, bytes: written - sound }))
}

fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).filter(|_| is_journal);
        if number > newest.as_ref().map(|(most, _)| *most) {
            newest = number.map(|number| (number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// How long a journal is without the room for batches to come, which is most of it: looked at page by page.
fn written(bytes: &[u8]) -> usize {
    const ZEROS: [u8; 4096] = [0; 4096];
    let room: usize =
        bytes.rchunks(ZEROS.len()).take_while(|page| **page == ZEROS[..page.len()]).map(<[u8]>::len).sum();
    let rest = &bytes[..bytes.len() - room];
    rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// How many bytes whole batches have, from the first on without a gap.
fn sound(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some(behind) = batch(rest) {
        rest = behind;
    }
    bytes.len() - rest.len()
}

/// What is behind a whole batch.
fn batch(bytes: &[u8]) -> Option<&[u8]> {
    let (head, mut rest) = bytes.split_first_chunk::<13>()?;
    let [1, a, b, c, d, ..] = *head else { return None };
    let entries = rest;
    for _ in 0..u32::from_le_bytes([a, b, c, d]) {
        rest = entry(rest)?;
    }
    let entries = &entries[..entries.len() - rest.len()];
    let (end, behind) = rest.split_first_chunk::<13>()?;
    let mut hasher = Xxh3::new();
    hasher.update(entries);
    let is_whole = end[0] == 3 && end[1..9] == hasher.digest().to_le_bytes() && end[9..] == *b"FJL\x03";
    is_whole.then_some(behind)
}

/// What is behind an entry.
fn entry(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.first()? {
        2 => {
            let (head, rest) = bytes.split_first_chunk::<21>()?;
            let key = usize::from(u16::from_le_bytes([head[11], head[12]]));
            let value = u32::from_le_bytes([head[17], head[18], head[19], head[20]]);
            rest.get(key.checked_add(usize::try_from(value).ok()?)?..)
        }
        4 => bytes.get(9..),
        _ => None,
    }
}
