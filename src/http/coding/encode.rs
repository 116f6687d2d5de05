//! Encoding as a body streams by.
//!
//! In: plain bytes. Out: coded bytes, whenever the compressor has some, is flushed, or is finished. It must not decide
//! when to flush.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::{Coding, CodingError, Effort};
use crate::limits::{BROTLI_WINDOW_LOG, CODING_STEP_BYTES};

/// One compressor. [`write`](Self::write) any number of times, [`flush`](Self::flush) where the reader is to see all
/// that was written so far, [`finish`](Self::finish) once.
pub struct Encoder {
    coding: Coding,
    sink: Sink,
}

enum Sink {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    /// A compressor that makes this much effort.
    ///
    /// # Errors
    /// [`CodingError::Encoder`], for want of memory.
    pub fn new(coding: Coding, effort: Effort) -> Result<Self, CodingError> {
        let level = effort.level(coding);
        let deflate = Compression::new(level);
        let sink = match coding {
            Coding::Gzip => Sink::Gzip(GzEncoder::new(Vec::new(), deflate)),
            Coding::Deflate => Sink::Deflate(ZlibEncoder::new(Vec::new(), deflate)),
            Coding::Brotli => Sink::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                CODING_STEP_BYTES,
                level,
                BROTLI_WINDOW_LOG,
            ))),
            Coding::Zstd => Sink::Zstd(
                zstd::stream::write::Encoder::new(Vec::new(), level.cast_signed())
                    .map_err(|source| CodingError::Encoder { coding, source })?,
            ),
        };
        Ok(Self { coding, sink })
    }

    /// Takes `plain` in; gives what the compressor lets go of, which may be nothing.
    ///
    /// # Errors
    /// [`CodingError::Encoder`]; the encoder is of no use after it.
    pub fn write(&mut self, plain: &[u8]) -> Result<Bytes, CodingError> {
        let written = self.sink.write_all(plain);
        self.taken(written)
    }

    /// Gives everything that was written so far in a form that can be decoded up to here.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn flush(&mut self) -> Result<Bytes, CodingError> {
        let flushed = self.sink.flush();
        self.taken(flushed)
    }

    /// Gives the rest and the format's end.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn finish(self) -> Result<Bytes, CodingError> {
        let rest = match self.sink {
            Sink::Gzip(sink) => sink.finish(),
            Sink::Deflate(sink) => sink.finish(),
            Sink::Brotli(sink) => Ok(sink.into_inner()),
            Sink::Zstd(sink) => sink.finish(),
        };
        rest.map(Bytes::from).map_err(|source| CodingError::Encoder { coding: self.coding, source })
    }

    fn taken(&mut self, done: io::Result<()>) -> Result<Bytes, CodingError> {
        done.map_err(|source| CodingError::Encoder { coding: self.coding, source })?;
        let made = match &mut self.sink {
            Sink::Gzip(sink) => sink.get_mut(),
            Sink::Deflate(sink) => sink.get_mut(),
            Sink::Brotli(sink) => sink.get_mut(),
            Sink::Zstd(sink) => sink.get_mut(),
        };
        Ok(std::mem::take(made).into())
    }
}

impl Write for Sink {
    fn write(&mut self, plain: &[u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(sink) => sink.write(plain),
            Self::Deflate(sink) => sink.write(plain),
            Self::Brotli(sink) => sink.write(plain),
            Self::Zstd(sink) => sink.write(plain),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(sink) => sink.flush(),
            Self::Deflate(sink) => sink.flush(),
            Self::Brotli(sink) => sink.flush(),
            Self::Zstd(sink) => sink.flush(),
        }
    }
}
