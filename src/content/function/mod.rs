//! Functions: fragments written in JavaScript, each call in an engine of its own.
//!
//! In: sources, once per revision; then calls with the scope that they read. Out: what a call returned, with the ledger of what it
//! read, or why it returned nothing. A function has no file, no socket and no memory of the call before; what it may use is
//! bounded, and past that it is cut off. It must not know slots, nor which content asked.

mod allowance;
mod bytecode;
mod call;
mod cell;
mod engine;
mod error;
mod functions;
mod load;
mod meter;
mod natives;
mod pool;
mod prelude;
mod specifier;
mod text;
mod thread;
mod turns;
mod worker;

pub use allowance::Allowance;
pub use call::{Line, Output, nonce_mark};
pub use engine::{Engine, Errand, Ran};
pub use error::{FunctionError, Place};
pub use functions::Functions;
pub use load::{FunctionProblem, Source, compile};

/// The folder of functions, below the folder of rules.
pub const FOLDER: &str = "functions/";
