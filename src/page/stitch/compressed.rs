//! Content that is kept, with its compressed forms beside it.
//!
//! In: the bytes of a fragment. Out: pieces that can be laid between the compressed pieces of a page. It must not know pages.
//!
//! The exchange is to keep it in the fragment cache in the place of the bytes, to call [`Compressed::prepare`] off the request
//! path, and to lay it in as [`Fill::Compressed`](crate::page::Fill::Compressed).

use std::sync::OnceLock;

use bytes::Bytes;

use super::brotli::Standing;
use super::gzip::Checksum;
use super::{Coded, Form, brotli, gzip};
use crate::limits::STITCH_STORED_BYTES;

/// Bytes, and what they compress to.
#[derive(Debug)]
pub struct Compressed {
    plain: Bytes,
    /// By form.
    forms: [OnceLock<Coded>; 2],
}

impl Compressed {
    /// `plain` with no forms made yet.
    pub fn new(plain: Bytes) -> Self {
        Self { plain, forms: [OnceLock::new(), OnceLock::new()] }
    }

    /// The bytes themselves.
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// Makes a form, if that is not done. It takes the time of a compression: call it where that delays nobody.
    pub fn prepare(&self, form: Form) {
        self.forms[form as usize].get_or_init(|| Coded::of(&self.plain, form, Standing::Anywhere));
    }

    /// Bytes that it takes in memory, with the forms made so far.
    pub fn weight(&self) -> usize {
        let forms = self.forms.iter().filter_map(OnceLock::get).map(|coded| coded.bytes.len());
        size_of::<Self>() + self.plain.len() + forms.sum::<usize>()
    }

    /// A form; what is short is stored at once, which costs no more than copying it. `None`: it must be prepared.
    pub(in crate::page) fn form(&self, form: Form) -> Option<&Coded> {
        let made = &self.forms[form as usize];
        match self.plain.len() <= STITCH_STORED_BYTES {
            true => Some(made.get_or_init(|| Coded::stored(&self.plain, form))),
            false => made.get(),
        }
    }
}

impl PartialEq for Compressed {
    fn eq(&self, other: &Self) -> bool {
        self.plain == other.plain
    }
}

impl Eq for Compressed {}

impl Coded {
    /// `plain` compressed, or stored if that is smaller.
    pub(super) fn of(plain: &[u8], form: Form, standing: Standing) -> Self {
        let pressed = match form {
            _ if plain.len() <= STITCH_STORED_BYTES && standing == Standing::Anywhere => None,
            Form::Gzip => gzip::compress(plain, &[]),
            Form::Brotli => brotli::compress(plain, standing),
        };
        match pressed {
            Some(pressed) => Self { bytes: pressed.into(), sum: Checksum::of(plain) },
            None => Self::stored(plain, form),
        }
    }

    fn stored(plain: &[u8], form: Form) -> Self {
        let mut bytes = Vec::with_capacity(form.stored_bytes(plain.len()));
        form.store(plain, &mut bytes);
        Self { bytes: bytes.into(), sum: Checksum::of(plain) }
    }
}
