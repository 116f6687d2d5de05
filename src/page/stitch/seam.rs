//! The pieces of one response, put together.
//!
//! In: pieces that are compressed already, and what is this one response's own. Out: the response in one coding, as a list of
//! slices, with their length. Nothing is compressed here, and only what is the response's own is copied.

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Coded, Form, gzip};

/// A page in a content coding, whole.
#[derive(Clone, Debug)]
pub struct Stitched {
    /// To be written as one vector.
    pub pieces: SmallVec<[Bytes; 16]>,
    /// Their bytes: the `Content-Length`.
    pub length: usize,
    pub prepared: Prepared,
}

/// Whether all that is kept was compressed beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    Wholly,
    /// Some content was stored as it is: [`Assembled::prepare`](crate::page::Assembled::prepare) makes the next response smaller.
    InPart,
}

/// A response being put together.
pub struct Seam {
    form: Form,
    pieces: SmallVec<[Bytes; 16]>,
    /// What is this response's own: stored content, and the end. Pieces of it are named by their place until it is complete.
    own: Vec<u8>,
    owned: SmallVec<[(usize, Range<usize>); 8]>,
    crc: u32,
}

impl Seam {
    /// `parts`: how many pieces there will be; `own`: bytes of plain ones among them. `leads`: the first piece brings what stands
    /// before all.
    pub fn new(form: Form, parts: usize, own: usize, leads: bool) -> Self {
        let mut pieces = SmallVec::with_capacity(parts + 2);
        if !leads {
            pieces.push(Bytes::from_static(form.header()));
        }
        Self { form, pieces, own: Vec::with_capacity(own + gzip::END_BYTES), owned: SmallVec::new(), crc: 0 }
    }

    /// The next piece is kept in this form.
    pub fn join(&mut self, coded: &Coded) {
        self.pieces.push(coded.bytes.clone());
        self.append(coded.sum);
    }

    /// The next piece is this response's own.
    pub fn store(&mut self, plain: &[u8]) {
        let from = self.own.len();
        self.form.store(plain, &mut self.own);
        self.take_own(from);
        if self.form == Form::Gzip {
            self.crc = gzip::go_on(self.crc, plain);
        }
    }

    /// The page, which has `length` bytes when plain.
    pub fn end(mut self, length: usize, prepared: Prepared) -> Stitched {
        let from = self.own.len();
        match self.form {
            Form::Gzip => gzip::end(self.crc, length, &mut self.own),
            Form::Brotli => self.own.push(super::brotli::END),
        }
        self.take_own(from);
        let own = Bytes::from(self.own);
        for (at, range) in self.owned {
            self.pieces[at] = own.slice(range);
        }
        let length = self.pieces.iter().map(Bytes::len).sum();
        Stitched { pieces: self.pieces, length, prepared }
    }

    /// What was written into `own` since `from` is the next piece.
    fn take_own(&mut self, from: usize) {
        self.owned.push((self.pieces.len(), from..self.own.len()));
        self.pieces.push(Bytes::new());
    }

    fn append(&mut self, sum: gzip::Checksum) {
        if self.form == Form::Gzip {
            self.crc = sum.behind(self.crc);
        }
    }
}
