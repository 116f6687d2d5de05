//! Why a function gave no result, and where in the author's source.
//!
//! In: what an engine threw, or how it was cut off. Out: reasons in words for the author. It must not decide what is shown
//! instead.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A place in a function's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Below the folder of rules: `functions/price.js`.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Place {
    /// The innermost place of a stack trace that is the author's; each line of one ends with `file:line:column`, in brackets or not.
    pub(super) fn in_stack(stack: &str) -> Option<Self> {
        stack.lines().find_map(|line| {
            let at = line.find(super::FOLDER)?;
            let mut parts = line[at..].trim_end().trim_end_matches(')').rsplitn(3, ':');
            let (column, line) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Some(Self { file: parts.next()?.into(), line, column })
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Why a call of a function gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// No file of this name was there when the rules were read.
    #[error("there is no function `{0}`")]
    Missing(Arc<str>),
    /// It threw, or returned what can't be shown.
    #[error("{what}{}", told(at))]
    Threw { what: Arc<str>, at: Option<Place> },
    /// It computed for longer than it may, waiting not counted.
    #[error("it computed for more than {}{}", milliseconds(*cpu), told(at))]
    Cpu { cpu: Duration, at: Option<Place> },
    /// It held more memory than it may.
    #[error("it needs more than {bytes} bytes of memory{}", told(at))]
    Memory { bytes: usize, at: Option<Place> },
    /// It returned more text than it may.
    #[error("it returned more than {bytes} bytes")]
    TooMuch { bytes: usize },
    /// It said itself that it failed.
    #[error("it returned the status {0}")]
    Status(u16),
    /// It waits for a promise that nothing will ever settle.
    #[error("it waits for a promise that is never settled")]
    Unsettled,
    /// More calls of it, or of all functions together, are under way than may be.
    #[error("too many calls of functions are under way")]
    Busy,
    /// An earlier call could not be ended from outside; a while after it has ended by itself others begin.
    #[error("an earlier call of it could not be ended, so it rests")]
    Stuck,
    /// The engine itself failed.
    #[error("the engine failed: {0}")]
    Engine(Arc<str>),
}

fn told(at: &Option<Place>) -> String {
    at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default()
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

impl FunctionError {
    /// Where in the author's source, if that is known.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Threw { at, .. } | Self::Cpu { at, .. } | Self::Memory { at, .. } => at.as_ref(),
            _ => None,
        }
    }

    /// One word for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::Threw { .. } => "threw",
            Self::Cpu { .. } => "cpu",
            Self::Memory { .. } => "memory",
            Self::TooMuch { .. } => "output",
            Self::Status(_) => "status",
            Self::Unsettled => "unsettled",
            Self::Busy => "busy",
            Self::Stuck => "stuck",
            Self::Engine(_) => "engine",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_place_of_the_author_is_found() {
        let stack = "    at parse (native)\n    at price (functions/lib/money.js:3:14)\n    at <anonymous> (functions/a.js:9:1)\n";
        assert_eq!(Place::in_stack(stack).unwrap().to_string(), "functions/lib/money.js:3:14");
        assert_eq!(Place::in_stack("    at functions/a.js:3:9\n").unwrap().to_string(), "functions/a.js:3:9");
        assert_eq!(Place::in_stack("    at start (inlay:core:3:9)\n"), None);
        assert_eq!(Place::in_stack("functions/:x:"), None);
    }
}
