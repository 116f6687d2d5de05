//! Restarts of the real program: no connection is refused, reset or cut off while one process takes over from another.

mod house;
mod handing_over;
