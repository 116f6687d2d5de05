//! Whether a selector still finds what it used to find: sites change, and nobody tells their proxy.
//!
//! In: of each page, how many elements a selector found. Out: figures, and news when a selector that used to match stops, or is back. The
//! state machine is pure; it counts pages, not time, so that a quiet night is no news. It must not judge a selector that never matched:
//! that is for `inlay check --against`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::{MATCH_WINDOW_PAGES, MATCH_WINDOW_USED};

/// What changed about a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It used to match, and found nothing in a whole window of pages.
    Stopped,
    /// After that it matches again.
    Back,
}

/// How a selector stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// It did not match often enough for its silence to mean anything.
    #[default]
    Unknown,
    /// It matched in enough pages of a window.
    Used,
    Stopped,
}

/// The record of one selector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    standing: Standing,
    /// Of the window that runs.
    pages: u32,
    matched: u32,
    /// Of all windows.
    pub all_pages: u64,
    pub all_found: u64,
}

impl Record {
    /// Notes one page, and how many elements were found in it.
    pub fn page(&mut self, found: u64) -> Option<News> {
        self.all_pages += 1;
        self.all_found += found;
        self.pages += 1;
        self.matched += u32::from(found > 0);
        if found > 0 && self.standing == Standing::Stopped {
            self.standing = Standing::Used;
            return Some(News::Back);
        }
        if self.matched >= MATCH_WINDOW_USED {
            self.standing = Standing::Used;
        }
        if self.pages < MATCH_WINDOW_PAGES {
            return None;
        }
        let silent = std::mem::take(&mut self.matched) == 0;
        self.pages = 0;
        if silent && self.standing == Standing::Used {
            self.standing = Standing::Stopped;
            return Some(News::Stopped);
        }
        None
    }

    /// Whether it used to match and does not.
    pub fn is_stopped(&self) -> bool {
        self.standing == Standing::Stopped
    }
}

/// The records of a layout's selectors, by the marker's index.
#[derive(Debug)]
pub struct Lookout(Mutex<Vec<Record>>);

impl Lookout {
    /// Empty records for so many markers.
    pub fn new(markers: usize) -> Self {
        Self(Mutex::new(vec![Record::default(); markers]))
    }

    /// Notes one page. Out: the markers of which there are news.
    pub fn page(&self, found: &[u64]) -> Vec<(usize, News)> {
        let mut records = self.records();
        let news = records.iter_mut().zip(found).enumerate();
        news.filter_map(|(marker, (record, found))| Some((marker, record.page(*found)?))).collect()
    }

    /// The records as they are.
    pub fn all(&self) -> Vec<Record> {
        self.records().clone()
    }

    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages in turn, of which every `each`th matches; the news among them.
    fn pages(record: &mut Record, count: u32, each: u32) -> Vec<News> {
        (0..count).filter_map(|page| record.page(u64::from(each > 0 && page % each == 0))).collect()
    }

    #[test]
    fn a_selector_that_used_to_match_and_stops_is_news_once() {
        let mut record = Record::default();
        assert_eq!(pages(&mut record, 5 * MATCH_WINDOW_PAGES, 4), []);
        assert_eq!(pages(&mut record, 5 * MATCH_WINDOW_PAGES, 0), [News::Stopped]);
        assert!(record.is_stopped());
        assert_eq!(pages(&mut record, 5 * MATCH_WINDOW_PAGES, 4), [News::Back]);
        assert!(!record.is_stopped());
    }

    #[test]
    fn what_matches_seldom_or_never_is_no_news() {
        let mut never = Record::default();
        assert_eq!(pages(&mut never, 9 * MATCH_WINDOW_PAGES, 0), []);
        let mut seldom = Record::default();
        pages(&mut seldom, 9 * MATCH_WINDOW_PAGES, 2 * MATCH_WINDOW_PAGES / MATCH_WINDOW_USED);
        assert_eq!(pages(&mut seldom, 9 * MATCH_WINDOW_PAGES, 0), []);
        assert_eq!(never.all_pages, u64::from(9 * MATCH_WINDOW_PAGES));
    }
}
