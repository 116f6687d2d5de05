//! What readers get, whenever they come and however fast they are.

use http_body::Body as _;
use http_body_util::BodyExt;
use proptest::prelude::*;

use super::*;

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
            let content = Content::arriving(None);
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
    let content = Content::arriving(Some(10));
    let mut early = content.read(None).unwrap();
    content.push(Bytes::from_static(b"half"));
    content.break_off();
    assert_eq!(early.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    assert!(early.frame().await.unwrap().is_err());
    assert!(content.read(None).is_none());
}

#[tokio::test]
async fn what_is_not_kept_follows_the_fastest_reader() {
    let content = Content::arriving(None);
    let (mut fast, mut slow) = (content.read(None).unwrap(), content.read(None).unwrap());
    let piece = Bytes::from(vec![7; 64 * 1024]);
    content.push(piece.clone());
    content.keep_no_longer();
    let pieces = usize::try_from(CACHE_WINDOW_BYTES).unwrap() / piece.len();
    let room = || std::future::poll_fn(|cx| Poll::Ready(content.poll_room(cx).is_ready()));
    for _ in 0..3 * pieces {
        assert!(room().await, "the fast reader has taken all");
        content.push(piece.clone());
        while unread(&content) {
            fast.frame().await.unwrap().unwrap();
        }
        assert!(content.held() <= CACHE_WINDOW_BYTES + 2 * piece.len() as u64);
    }
    assert!(slow.frame().await.unwrap().is_err(), "it fell behind");
    drop(slow);
    for _ in 0..pieces {
        content.push(piece.clone());
    }
    assert!(!room().await, "the origin waits for the only reader");
    drop(fast);
    assert!(std::future::poll_fn(|cx| content.poll_room(cx)).await.is_none(), "nobody reads any more");
}

#[tokio::test]
async fn trailers_come_last_and_stay() {
    let content = Content::arriving(None);
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
