//! Codings under test: round trips at any chunking, damage, bombs, and streams that must not be held back.

use std::collections::VecDeque;
use std::io::Write;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http_body_util::BodyExt;
use proptest::prelude::*;

use super::*;
use crate::http::{Body, BodyError};
use crate::limits::CODING_STEP_BYTES;

/// Deals `bytes` out in pieces whose lengths are taken from `cuts` in turn.
fn pieces(bytes: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(bytes);
    let mut cuts = cuts.iter().cycle();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        pieces.push(rest.split_to(rest.len().min(*cuts.next().unwrap())));
    }
    pieces
}

fn encode(coding: Coding, plain: &[Bytes]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding, Effort::default()).unwrap();
    let mut coded = Vec::new();
    for (number, piece) in plain.iter().enumerate() {
        coded.extend(encoder.write(piece).unwrap());
        if number % 3 == 2 {
            coded.extend(encoder.flush().unwrap());
        }
    }
    coded.extend(encoder.finish().unwrap());
    coded
}

fn decode(codings: &[Coding], coded: impl IntoIterator<Item = Bytes>) -> Result<Vec<u8>, CodingError> {
    let mut decoder = Decoder::new(codings);
    let mut plain = Vec::new();
    for piece in coded {
        decoder.push(piece);
        while let Some(step) = decoder.pull()? {
            assert!(!step.is_empty() && (codings.is_empty() || step.len() <= CODING_STEP_BYTES));
            plain.extend(step);
        }
    }
    decoder.finish()?;
    Ok(plain)
}

fn codings() -> impl Strategy<Value = Vec<Coding>> {
    prop::collection::vec(prop::sample::select(&Coding::ALL[..]), 0..=3)
}

fn plain() -> impl Strategy<Value = Vec<u8>> {
    // A page repeats itself: half of the cases compress, the others do not.
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3000),
        ("[a-e<>/ ]{0,40}", 0..3000usize).prop_map(|(text, times)| text.repeat(times).into_bytes()),
    ]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1..8usize, 1..5000usize], 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_encoded_is_decoded_at_any_chunking(
        plain in plain(), codings in codings(), into in cuts(), outof in cuts(),
    ) {
        let coded = codings.iter().fold(plain.clone(), |bytes, coding| encode(*coding, &pieces(&bytes, &into)));
        prop_assert_eq!(decode(&codings, pieces(&coded, &outof)).unwrap(), plain);
    }

    #[test]
    fn a_body_cut_short_is_never_taken_for_whole(
        plain in plain(), coding in prop::sample::select(&Coding::ALL[..]), at in any::<prop::sample::Index>(),
    ) {
        let coded = encode(coding, &pieces(&plain, &[1000]));
        prop_assume!(coded.len() > 1);
        let cut = 1 + at.index(coded.len() - 1);
        let result = decode(&[coding], [Bytes::copy_from_slice(&coded[..cut])]);
        prop_assert!(matches!(result, Err(CodingError::Truncated(of)) if of == coding), "{:?}", result.map(|_| cut));
    }

    #[test]
    fn damage_is_an_error_and_nothing_worse(
        junk in prop::collection::vec(any::<u8>(), 0..500), codings in codings(), outof in cuts(),
    ) {
        let _ = decode(&codings, pieces(&junk, &outof));
    }
}

#[test]
fn an_empty_body_is_whole_in_every_coding() {
    for coding in Coding::ALL {
        assert_eq!(decode(&[coding], []).unwrap(), b"");
    }
}

#[test]
fn pieces_that_bring_nothing_are_no_damage() {
    let plain = (0..400).map(|number| format!("line {number};")).collect::<String>().into_bytes();
    for inner in Coding::ALL {
        // Flushed often, so that it has begun long before it ends.
        let coded = encode(inner, &pieces(&plain, &[20]));
        let (first, second) = coded.split_at(coded.len() / 2);
        let empty = std::iter::repeat_n(Bytes::new(), 100);
        let halves = [first, second].map(Bytes::copy_from_slice);
        let [first, second] = halves.map(|half| empty.clone().chain([half]).chain(empty.clone()));
        assert_eq!(decode(&[inner], first.chain(second)).unwrap(), plain, "{inner:?} with empty pieces");
        for outer in Coding::ALL {
            // Of the outer coding, several pieces may make nothing for the inner one.
            let coded = encode(outer, &pieces(&coded, &[1500]));
            assert_eq!(decode(&[inner, outer], pieces(&coded, &[1])).unwrap(), plain, "{inner:?} in {outer:?}");
        }
    }
}

#[test]
fn deflate_is_read_as_zlib_and_as_raw() {
    let plain = b"one body, two formats of the same name".repeat(9);
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    raw.write_all(&plain).unwrap();
    let raw = raw.finish().unwrap();
    for cut in [1, 2, 3, 1000] {
        assert_eq!(decode(&[Coding::Deflate], pieces(&raw, &[cut])).unwrap(), plain);
    }
}

#[test]
fn members_follow_each_other_and_padding_is_dropped() {
    for coding in [Coding::Gzip, Coding::Zstd] {
        let mut coded = encode(coding, &[Bytes::from_static(b"one ")]);
        coded.extend(encode(coding, &[Bytes::from_static(b"two")]));
        assert_eq!(decode(&[coding], pieces(&coded, &[5])).unwrap(), b"one two");
        // The second member cut short is damage, not an end.
        assert!(matches!(
            decode(&[coding], [Bytes::copy_from_slice(&coded[..coded.len() - 2])]),
            Err(CodingError::Truncated(_))
        ));
    }
    let mut padded = encode(Coding::Gzip, &[Bytes::from_static(b"one")]);
    padded.extend([0; 64]);
    assert_eq!(decode(&[Coding::Gzip], [padded.into()]).unwrap(), b"one");
}

#[test]
fn a_flipped_byte_is_damage() {
    let mut coded = encode(Coding::Gzip, &[Bytes::from(vec![b'x'; 5000])]);
    let checksum = coded.len() - 8;
    coded[checksum] ^= 1;
    assert!(matches!(decode(&[Coding::Gzip], [coded.into()]), Err(CodingError::Damaged { coding: Coding::Gzip, .. })));
}

#[test]
fn a_bomb_gives_one_step_at_a_time() {
    for coding in Coding::ALL {
        let bomb = encode(coding, &pieces(&vec![0; 64 << 20], &[1 << 20]));
        assert!(bomb.len() < 100_000, "{} bytes are no bomb", bomb.len());
        // Coded twice it is smaller still, and both layers are bounded.
        let bomb = encode(coding, &[bomb.into()]);
        let mut decoder = Decoder::new(&[coding, coding]);
        decoder.push(bomb.into());
        let mut total = 0;
        while let Some(step) = decoder.pull().unwrap() {
            assert!(step.len() <= CODING_STEP_BYTES);
            total += step.len();
        }
        assert_eq!(total, 64 << 20);
    }
}

#[test]
fn windows_beyond_what_the_rfc_allows_are_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&[7; 1000]).unwrap();
    encoder.flush().unwrap();
    let coded = encoder.finish().unwrap();
    assert!(matches!(decode(&[Coding::Zstd], [coded.into()]), Err(CodingError::Damaged { .. })));
}

#[test]
fn the_header_tells_what_can_be_undone() {
    let read = |lines: &[&str]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CONTENT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        Codings::of(&headers)
    };
    assert_eq!(read(&[]), Codings::Known(vec![]));
    assert_eq!(read(&["identity, ,"]), Codings::Known(vec![]));
    assert_eq!(read(&["X-GZIP", "br, zstd"]), Codings::Known(vec![Coding::Gzip, Coding::Brotli, Coding::Zstd]));
    assert_eq!(read(&["gzip, compress"]), Codings::Undecodable);
    assert_eq!(read(&["gzip, gzip, gzip, gzip"]), Codings::Undecodable);
}

/// A body that gives what it is fed, and is pending in between.
fn fed() -> (tokio::sync::mpsc::UnboundedSender<&'static str>, Body) {
    let (feed, fed) = tokio::sync::mpsc::unbounded_channel();
    let stream = futures_util::stream::unfold(fed, |mut fed| async move {
        fed.recv().await.map(|text: &'static str| (Ok::<_, BodyError>(Bytes::from_static(text.as_bytes())), fed))
    });
    (feed, Body::stream(stream))
}

#[tokio::test]
async fn what_the_origin_sent_is_not_held_back() {
    for coding in Coding::ALL {
        let (feed, body) = fed();
        let encoded = Body::wrap(EncodedBody::new(body, Encoder::new(coding, Effort::default()).unwrap()));
        let mut decoded = DecodedBody::new(encoded, &[coding]).into_data_stream();
        assert!(decoded.next().now_or_never().is_none(), "nothing was sent yet");
        for event in ["data: one\n\n", "data: two\n\n"] {
            feed.send(event).unwrap();
            let mut seen = Vec::new();
            while let Some(piece) = decoded.next().now_or_never() {
                seen.extend(piece.unwrap().unwrap());
            }
            assert_eq!(seen, event.as_bytes(), "{coding:?} held the event back");
        }
        drop(feed);
        assert!(decoded.next().now_or_never().unwrap().is_none());
    }
}

#[tokio::test]
async fn trailers_pass_and_errors_end_the_body() {
    use http_body::Frame;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("1"));
    let frames: VecDeque<Result<Frame<Bytes>, BodyError>> =
        [Ok(Frame::data(Bytes::from_static(b"text"))), Ok(Frame::trailers(trailers.clone()))].into();
    let body = Body::wrap(http_body_util::StreamBody::new(futures_util::stream::iter(frames)));
    let encoded = Body::wrap(EncodedBody::new(body, Encoder::new(Coding::Gzip, Effort::default()).unwrap()));
    let whole = DecodedBody::new(encoded, &[Coding::Gzip]).collect().await.unwrap();
    assert_eq!(whole.trailers(), Some(&trailers));
    assert_eq!(whole.to_bytes(), "text");

    let cut = encode(Coding::Brotli, &[Bytes::from(vec![b'a'; 999])]);
    let mut body = DecodedBody::new(Body::full(cut[..cut.len() - 1].to_vec()), &[Coding::Brotli]).into_data_stream();
    let last = loop {
        match body.next().await {
            Some(Ok(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(last, Some(Err(BodyError::Coding(CodingError::Truncated(Coding::Brotli))))));
    assert!(body.next().await.is_none());
}
