//! Compiled modules, kept for the life of the process: what an engine gets is theirs for ever, so that a call needs no copy.
//!
//! In: what the compiler wrote. Out: a [`Module`] that any engine can load. Equal ones are kept once, and all of them
//! are bounded together. It must not compile.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use rquickjs::loader::Loader;
use rquickjs::loader::bundle::{Bundle, HasByteCode};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Module as Loaded};
use sha2::{Digest, Sha256};

use crate::limits;

/// A compiled module. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Module {
    bundle: Bundle<&'static [(&'static str, Code)]>,
    digest: [u8; 32],
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("name", &self.name()).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
struct Code(&'static [u8]);

impl HasByteCode<'static> for Code {
    fn get_bytecode(&self) -> &'static [u8] {
        self.0
    }
}

/// So much compiled code was kept since the process began that no more is taken.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this process has kept {} bytes of compiled functions; start it anew", limits::FUNCTION_CODE_BYTES)]
pub(super) struct Full;

#[derive(Default)]
struct Shelf {
    modules: HashMap<[u8; 32], Module>,
    bytes: usize,
}

static SHELF: LazyLock<Mutex<Shelf>> = LazyLock::new(Mutex::default);

impl Module {
    /// Keeps what the compiler wrote of the module `name`.
    ///
    /// # Errors
    /// [`Full`]: too many different ones were kept before.
    pub fn keep(name: &str, code: Vec<u8>) -> Result<Self, Full> {
        let digest: [u8; 32] = Sha256::new().chain_update(name).chain_update([0]).chain_update(&code).finalize().into();
        let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = shelf.modules.get(&digest) {
            return Ok(*kept);
        }
        shelf.bytes += code.len() + name.len();
        if shelf.bytes > limits::FUNCTION_CODE_BYTES {
            shelf.bytes -= code.len() + name.len();
            return Err(Full);
        }
        let entry = (&*name.to_owned().leak(), Code(code.leak()));
        let module = Self { bundle: Bundle(Box::leak(Box::new([entry]))), digest };
        shelf.modules.insert(digest, module);
        Ok(module)
    }

    /// The name under which it was compiled.
    pub fn name(&self) -> &'static str {
        self.bundle.0[0].0
    }

    /// What tells it from every other.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Loads it into an engine.
    pub fn load<'js>(mut self, ctx: &Ctx<'js>) -> rquickjs::Result<Loaded<'js, Declared>> {
        let name = self.name();
        self.bundle.load(ctx, name, None)
    }
}
