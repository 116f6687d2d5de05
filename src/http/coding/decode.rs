//! Decoding, one bounded step at a time.
//!
//! In: coded bytes at any chunking. Out: at most [`CODING_STEP_BYTES`](limits::CODING_STEP_BYTES) decoded bytes per
//! step and coding, so that a bomb is only as big as its reader lets it get. It must not decide what to do on errors.

use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

use super::{Coding, CodingError};
use crate::limits::{CODING_STEP_BYTES, ZSTD_WINDOW_LOG};

/// Undoes a stack of codings. Push coded bytes, pull until there is no more, push again; then [`finish`](Self::finish).
pub struct Decoder {
    /// The last applied first. Each holds what it was given and has not decoded yet.
    layers: Vec<Layer>,
    /// Input of a decoder without layers.
    plain: Bytes,
    /// Room for one step's output, so that what leaves is no bigger than it is.
    room: Box<[u8]>,
}

impl Decoder {
    /// A decoder for what had `codings` applied in that order.
    pub fn new(codings: &[Coding]) -> Self {
        let layers: Vec<_> = codings.iter().rev().map(|coding| Layer::new(*coding)).collect();
        let room = if layers.is_empty() { 0 } else { CODING_STEP_BYTES };
        Self { layers, plain: Bytes::new(), room: vec![0; room].into() }
    }

    /// Gives the next coded bytes. [`pull`](Self::pull) until `None` first: what is given is added in the place of
    /// what was there before.
    pub fn push(&mut self, input: Bytes) {
        match self.layers.first_mut() {
            Some(layer) => layer.input = input,
            None => self.plain = input,
        }
    }

    /// The next decoded bytes, never empty; `None` when more must be pushed.
    ///
    /// # Errors
    /// [`CodingError::Damaged`]. The decoder is of no use after it.
    pub fn pull(&mut self) -> Result<Option<Bytes>, CodingError> {
        let Some(last) = self.layers.len().checked_sub(1) else {
            let plain = std::mem::take(&mut self.plain);
            return Ok((!plain.is_empty()).then_some(plain));
        };
        // From the outermost layer that can give something, forward to the innermost.
        let mut at = last;
        loop {
            match self.layers[at].step(&mut self.room)? {
                Some(output) if at == last => return Ok(Some(output)),
                Some(output) => {
                    at += 1;
                    self.layers[at].input = output;
                }
                None if at == 0 => return Ok(None),
                None => at -= 1,
            }
        }
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// [`CodingError::Truncated`] if a format has not come to its end. A body without any bytes is whole.
    pub fn finish(&self) -> Result<(), CodingError> {
        self.layers.iter().try_for_each(Layer::finish)
    }
}

/// One coding and the input it has not used.
struct Layer {
    coding: Coding,
    format: Format,
    input: Bytes,
    place: Place,
    appetite: Appetite,
}

/// Whether a format can go on without more input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Appetite {
    /// It may hold output still.
    Unknown,
    /// It can't. It is not asked again until there is input: zstd takes being asked in vain several times for damage.
    Hungry,
}

/// Where in its format a layer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing came yet.
    Start,
    Within,
    /// At an end at which the body may stop.
    End,
}

/// What one step of a format did.
struct Step {
    used: usize,
    made: usize,
    ended: bool,
}

impl Layer {
    fn new(coding: Coding) -> Self {
        Self {
            coding,
            format: Format::new(coding),
            input: Bytes::new(),
            place: Place::Start,
            appetite: Appetite::Unknown,
        }
    }

    /// Decodes until there is output or no way on without more input.
    fn step(&mut self, room: &mut [u8]) -> Result<Option<Bytes>, CodingError> {
        loop {
            if self.place == Place::End && !self.begin_again() {
                return Ok(None);
            }
            let may_give = self.place != Place::Start && self.appetite == Appetite::Unknown;
            if self.input.is_empty() && !may_give {
                return Ok(None);
            }
            self.appetite = Appetite::Unknown;
            let step = self
                .format
                .decode(&self.input, room)
                .map_err(|source| CodingError::Damaged { coding: self.coding, source })?;
            self.input.advance(step.used);
            self.place = if step.ended { Place::End } else { Place::Within };
            if step.made > 0 {
                return Ok(Some(Bytes::copy_from_slice(&room[..step.made])));
            }
            if step.used == 0 && !step.ended {
                self.appetite = Appetite::Hungry;
                return Ok(None);
            }
        }
    }

    /// After an end: whether a further member or frame begins. What follows and is none is dropped, as browsers do.
    fn begin_again(&mut self) -> bool {
        let another = match self.coding {
            Coding::Gzip => self.input.first() == Some(&0x1f),
            Coding::Zstd => !self.input.is_empty(),
            Coding::Brotli | Coding::Deflate => false,
        };
        if another {
            self.format = Format::new(self.coding);
            self.place = Place::Start;
        } else {
            self.input.clear();
        }
        another
    }

    fn finish(&self) -> Result<(), CodingError> {
        if self.place == Place::Within { Err(CodingError::Truncated(self.coding)) } else { Ok(()) }
    }
}

enum Format {
    Flate(Decompress),
    /// `deflate` whose first bytes have not told yet whether it is zlib's format or raw.
    Undecided(Option<u8>),
    Brotli(Box<BrotliState>),
    Zstd(zstd::stream::raw::Decoder<'static>),
    /// zstd's decoder could not be made; told at the first use.
    Unmade,
}

type BrotliState =
    brotli::BrotliState<brotli::enc::StandardAlloc, brotli::enc::StandardAlloc, brotli::enc::StandardAlloc>;

type Decoded = Result<Step, Option<std::io::Error>>;

impl Format {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Flate(Decompress::new_gzip(15)),
            Coding::Deflate => Self::Undecided(None),
            Coding::Brotli => {
                let alloc = brotli::enc::StandardAlloc::default;
                Self::Brotli(Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())))
            }
            Coding::Zstd => zstd_decoder().map_or(Self::Unmade, Self::Zstd),
        }
    }

    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        match self {
            Self::Flate(state) => flate(state, input, output),
            Self::Undecided(first) => match settle_deflate(first, input)? {
                None => Ok(Step { used: input.len(), made: 0, ended: false }),
                Some(mut settled) => {
                    let step = flate(&mut settled, input, output)?;
                    *self = Self::Flate(settled);
                    Ok(step)
                }
            },
            Self::Brotli(state) => brotli_step(state, input, output),
            Self::Zstd(state) => zstd_step(state, input, output),
            Self::Unmade => Err(None),
        }
    }
}

/// Tells zlib's format from raw deflate by the two bytes of zlib's header (RFC 1950), as browsers do. `None` while they
/// have not both come; the first is kept in `first` and counts as used.
fn settle_deflate(first: &mut Option<u8>, input: &[u8]) -> Result<Option<Decompress>, Option<std::io::Error>> {
    let (held, next) = match (*first, input) {
        (_, []) => return Ok(None),
        (None, [only]) => {
            *first = Some(*only);
            return Ok(None);
        }
        (None, [one, two, ..]) => return Ok(Some(Decompress::new(is_zlib_header(*one, *two)))),
        (Some(held), [next, ..]) => (held, *next),
    };
    let mut settled = Decompress::new(is_zlib_header(held, next));
    // One byte is too short for any output in either format.
    flate(&mut settled, &[held], &mut [])?;
    Ok(Some(settled))
}

/// Method 8, and a check value that makes both bytes a multiple of 31.
fn is_zlib_header(one: u8, two: u8) -> bool {
    one & 0x0f == 8 && u16::from_be_bytes([one, two]).is_multiple_of(31)
}

fn flate(state: &mut Decompress, input: &[u8], output: &mut [u8]) -> Decoded {
    let before = (state.total_in(), state.total_out());
    let status =
        state.decompress(input, output, FlushDecompress::None).map_err(|error| Some(std::io::Error::other(error)))?;
    // Neither difference can exceed the length of a slice that was given.
    let since = |now: u64, then: u64| usize::try_from(now - then).unwrap_or(usize::MAX);
    Ok(Step {
        used: since(state.total_in(), before.0),
        made: since(state.total_out(), before.1),
        ended: status == Status::StreamEnd,
    })
}

fn brotli_step(state: &mut BrotliState, input: &[u8], output: &mut [u8]) -> Decoded {
    let (mut left, mut used, mut room, mut made, mut total) = (input.len(), 0, output.len(), 0, 0);
    let result =
        brotli::BrotliDecompressStream(&mut left, &mut used, input, &mut room, &mut made, output, &mut total, state);
    match result {
        brotli::BrotliResult::ResultFailure => Err(None),
        result => Ok(Step { used, made, ended: matches!(result, brotli::BrotliResult::ResultSuccess) }),
    }
}

fn zstd_decoder() -> Option<zstd::stream::raw::Decoder<'static>> {
    let mut decoder = zstd::stream::raw::Decoder::new().ok()?;
    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG)).ok()?;
    Some(decoder)
}

fn zstd_step(state: &mut zstd::stream::raw::Decoder<'static>, input: &[u8], output: &mut [u8]) -> Decoded {
    let mut input = InBuffer::around(input);
    let mut output = OutBuffer::around(output);
    let left = state.run(&mut input, &mut output).map_err(Some)?;
    Ok(Step { used: input.pos(), made: output.pos(), ended: left == 0 })
}
