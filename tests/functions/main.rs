//! Functions: what they may do, what they must not, what it costs them, and that what they read is recorded.

mod formatting;
mod hostile;
mod house;
mod recording;
mod running;
