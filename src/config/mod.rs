//! Files → [`Settings`] and [`Revision`], or all problems with file, line and column.
pub mod print;
pub mod problem;
mod raw;
mod read;
pub mod settings;
pub mod source;
pub mod variables;
mod yaml;
