//! Files → [`Settings`] and [`Revision`], or all problems with file, line and column.
pub mod print;
pub mod problem;
pub mod source;
pub mod variables;
pub mod yaml;
