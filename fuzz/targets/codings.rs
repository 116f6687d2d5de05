//! Content codings: what was encoded is decoded to itself at any chunking, and damaged bytes end in an error, within bounds.
#![no_main]

use bytes::Bytes;
use inlay::http::coding::{Coding, CodingError, Decoder, Effort, Encoder};
use inlay::limits;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    /// Up to [`limits::CODINGS_STACKED`] are used.
    codings: [u8; 3],
    stacked: u8,
    size: u8,
    what: What,
    bytes: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum What {
    /// The bytes, so many times over, are encoded and decoded.
    RoundTrip { times: u8, flush_every: u8 },
    /// Encoded, then cut off here: never taken for whole.
    Cut { at: u16 },
    /// Encoded, then one byte is another.
    Damaged { at: u16, by: u8 },
    /// The bytes are decoded as they are.
    Garbage,
}

/// Of decoded bytes: a bomb is drained only so far.
const DECODED_BYTES: usize = 1 << 20;

fuzz_target!(|case: Case| {
    let codings: Vec<Coding> = case.codings.iter().map(|number| Coding::ALL[usize::from(*number) % 4]).collect();
    let codings = &codings[..usize::from(case.stacked) % (limits::CODINGS_STACKED.min(3) + 1)];
    let size = usize::from(case.size).max(1);
    match case.what {
        What::RoundTrip { times, flush_every } => {
            let plain = case.bytes.repeat(1 + usize::from(times) % 64);
            let coded = codings.iter().fold(plain.clone(), |bytes, coding| encoded(*coding, &bytes, size, flush_every));
            let decoded = decoded(codings, &coded, size * 7);
            assert!(matches!(decoded, Ok(Some(decoded)) if decoded == plain), "not what was encoded");
        }
        What::Cut { at } => {
            let Some(coding) = codings.first() else { return };
            let coded = encoded(*coding, case.bytes, size, 3);
            let cut = 1 + usize::from(at) % (coded.len() - 1).max(1);
            if cut < coded.len() {
                let decoded = decoded(&[*coding], &coded[..cut], size);
                assert!(matches!(decoded, Err(CodingError::Truncated(_))), "cut at {cut}: {decoded:?}");
            }
        }
        What::Damaged { at, by } => {
            let mut coded = codings.iter().fold(case.bytes.to_vec(), |bytes, coding| encoded(*coding, &bytes, size, 3));
            let at = usize::from(at) % coded.len().max(1);
            if let Some(byte) = coded.get_mut(at) {
                *byte ^= by;
            }
            let _ = decoded(codings, &coded, size);
        }
        What::Garbage => {
            let whole = decoded(codings, case.bytes, case.bytes.len().max(1)).ok();
            assert!(whole == decoded(codings, case.bytes, size).ok(), "the pieces matter");
        }
    }
});

fn encoded(coding: Coding, plain: &[u8], size: usize, flush_every: u8) -> Vec<u8> {
    let mut encoder = Encoder::new(coding, Effort::default()).expect("an encoder");
    let mut coded = Vec::new();
    // A flush costs bytes, so a piece of each byte is only of short texts.
    for (number, piece) in plain.chunks(size.max(plain.len() / 256)).enumerate() {
        coded.extend(encoder.write(piece).expect("bytes"));
        if flush_every != 0 && number % usize::from(flush_every) == 0 {
            coded.extend(encoder.flush().expect("bytes"));
        }
    }
    coded.extend(encoder.finish().expect("bytes"));
    coded
}

/// `None`: there was more than [`DECODED_BYTES`].
fn decoded(codings: &[Coding], coded: &[u8], size: usize) -> Result<Option<Vec<u8>>, CodingError> {
    let mut decoder = Decoder::new(codings);
    let mut plain = Vec::new();
    for piece in coded.chunks(size) {
        decoder.push(Bytes::copy_from_slice(piece));
        while let Some(step) = decoder.pull()? {
            assert!(!step.is_empty(), "an empty step");
            assert!(codings.is_empty() || step.len() <= limits::CODING_STEP_BYTES, "a step of {}", step.len());
            plain.extend_from_slice(&step);
            if plain.len() > DECODED_BYTES {
                return Ok(None);
            }
        }
    }
    decoder.finish()?;
    Ok(Some(plain))
}
