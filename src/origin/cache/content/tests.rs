//! What readers get, whenever they come and however fast they are.

use http_body::Body as _;
use http_body_util::BodyExt;
use proptest::prelude::*;

use super::*;
use crate::limits::CACHE_WINDOW_BYTES;
use crate::origin::cache::allowance::Allowance;

fn arriving(announced: Option<u64>) -> Arc<Content> {
    Content::arriving(announced, Allowance::new(u64::MAX).share())
}

/// Whether the first reader has something to take.
fn unread(content: &Content) -> bool {
    let arriving = content.lock();
    arriving.received > arriving.readers[0].position
}

async fn read_all(body: Body) -> Result<Bytes, BodyError> {
    Ok(body.collect().await?.to_bytes())
}

proptest! {
    /// At any chunking, whenever they come, all readers get all of it.
    #[test]
    fn every_reader_gets_every_byte(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1500), 0..12),
        joins in prop::collection::vec(0_usize..12, 0..6),
        part in (0_u64..4000, 0_u64..4000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let whole: Vec<u8> = pieces.concat();
        let (from, to) = (part.0.min(part.1).min(whole.len() as u64), part.0.max(part.1).min(whole.len() as u64));
        runtime.block_on(async {
            let content = arriving(None);
            let mut readers = Vec::new();
            for (number, piece) in pieces.iter().enumerate() {
                for _ in joins.iter().filter(|join| **join == number) {
                    readers.push((tokio::spawn(read_all(content.read(None).unwrap())), 0..whole.len()));
                    let range = usize::try_from(from).unwrap()..usize::try_from(to).unwrap();
                    readers.push((tokio::spawn(read_all(content.read(Some(from..to)).unwrap())), range));
                }
                content.push(Bytes::copy_from_slice(piece));
                tokio::task::yield_now().await;
            }
            content.complete(None);
            readers.push((tokio::spawn(read_all(content.read(None).unwrap())), 0..whole.len()));
            for (reader, range) in readers {
                assert_eq!(reader.await.unwrap().unwrap(), whole[range]);
            }
        });
        prop_assert!(true);
    }
}

#[tokio::test]
async fn a_body_that_breaks_is_broken_for_all() {
    let content = arriving(Some(10));
    let mut early = content.read(None).unwrap();
    content.push(Bytes::from_static(b"half"));
    content.break_off();
    assert_eq!(early.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    assert!(early.frame().await.unwrap().is_err());
    assert!(content.read(None).is_none());
}

const PIECE: usize = 64 * 1024;

/// Whether there is room, and for whom; `None`: there is none yet.
async fn room(content: &Content) -> Option<Option<Room>> {
    std::future::poll_fn(|cx| match content.poll_room(cx) {
        Poll::Ready(room) => Poll::Ready(Some(room)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn what_is_not_kept_waits_for_the_slow_until_they_are_left_behind() {
    let content = arriving(None);
    let (mut fast, mut slow) = (content.read(None).unwrap(), content.read(None).unwrap());
    let piece = Bytes::from(vec![7; PIECE]);
    content.push(piece.clone());
    content.keep_no_longer();
    let pieces = usize::try_from(CACHE_WINDOW_BYTES).unwrap() / PIECE;
    while room(&content).await == Some(Some(Room::ForAll)) {
        content.push(piece.clone());
    }
    assert_eq!(room(&content).await, None, "the origin waits for both");
    while unread(&content) {
        fast.frame().await.unwrap().unwrap();
    }
    assert_eq!(room(&content).await, Some(Some(Room::ForTheFastest)));
    slow.frame().await.unwrap().unwrap();
    assert_eq!(room(&content).await, Some(Some(Room::ForAll)), "the slow one goes on");

    for _ in 0..3 * pieces {
        content.push(piece.clone());
        while unread(&content) {
            fast.frame().await.unwrap().unwrap();
        }
        content.leave_behind();
        assert!(content.held() <= CACHE_WINDOW_BYTES + 2 * PIECE as u64);
    }
    assert_eq!(room(&content).await, Some(Some(Room::ForAll)), "nobody waits for who was left behind");
    assert!(slow.frame().await.unwrap().is_err());
    drop((fast, slow));
    assert_eq!(room(&content).await, Some(None), "nobody reads any more");
}

#[tokio::test]
async fn what_is_held_counts_for_as_long_as_it_is() {
    let allowance = Allowance::new(8 * CACHE_WINDOW_BYTES);
    let taken_up = || !allowance.share().grow(6 * CACHE_WINDOW_BYTES);
    let piece = Bytes::from(vec![7; PIECE]);
    for kept in [true, false] {
        let content = Content::arriving(None, allowance.share());
        let mut reader = content.read(None).unwrap();
        while content.held() < 4 * CACHE_WINDOW_BYTES {
            assert!(content.reserve(PIECE));
            content.push(piece.clone());
        }
        match kept {
            true => content.complete(None),
            false => content.keep_no_longer(),
        }
        drop(content);
        assert!(taken_up(), "{kept}: somebody still reads it");
        // What is whole is read at once.
        for _ in 0..if kept { 1 } else { 4 * CACHE_WINDOW_BYTES as usize / PIECE - 1 } {
            reader.frame().await.unwrap().unwrap();
        }
        drop(reader);
        assert!(!taken_up(), "{kept}");
    }
}

#[tokio::test]
async fn trailers_come_last_and_stay() {
    let content = arriving(None);
    let early = content.read(None).unwrap();
    content.push(Bytes::from_static(b"body"));
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    content.complete(Some(trailers));
    for body in [early, content.read(None).unwrap()] {
        assert_eq!(body.size_hint().exact(), None);
        let collected = body.collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["x-sum"], "1");
        assert_eq!(collected.to_bytes(), "body");
    }
}
