//! What making something of what a rule file says needs.
//!
//! In: all that is defined, and the lists that grow. Out: itself, handed down. It must not decide anything.

use super::purpose::Purpose;
use super::units::Units;
use super::world::World;
use crate::config::report::Report;

/// What making a content needs.
pub struct Making<'a, 'w> {
    pub world: &'a World<'w>,
    pub units: &'a mut Units,
    pub report: &'a mut Report,
    /// Of the templates.
    pub purpose: Purpose,
}
