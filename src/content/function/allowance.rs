//! What one call of a function may use.
//!
//! In: numbers from the file, or the house's own. Out: an [`Allowance`]. It must not measure anything.

use std::time::Duration;

use crate::limits;

/// What one call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Time of computing; waiting for sources is not counted.
    pub cpu: Duration,
    /// Bytes that its engine may hold.
    pub memory: usize,
    /// Bytes that it may return.
    pub output: usize,
    /// How often it may ask sources.
    pub asks: usize,
    /// Lines that it may write to the console; the rest is not looked at.
    pub console: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            cpu: limits::FUNCTION_CPU,
            memory: limits::FUNCTION_MEMORY_BYTES,
            output: limits::FUNCTION_OUTPUT_BYTES,
            asks: limits::FUNCTION_ASKS,
            console: limits::FUNCTION_CONSOLE_LINES,
        }
    }
}
