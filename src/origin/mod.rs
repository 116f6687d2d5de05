//! (being built)

#[derive(Debug)]
pub struct Origin;
