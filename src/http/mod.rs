//! Parts of HTTP that know nothing of us.

pub mod path;
