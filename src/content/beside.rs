//! Room beside a kept result, for what others make of it: compressed forms.
//!
//! In: something made of the result. Out: the same again, for whoever gets that result. It goes with the result. It must not know what
//! it holds.

use std::any::Any;
use std::sync::{Arc, OnceLock};

/// The room. Cheap to clone; all clones are the same room.
#[derive(Clone, Debug, Default)]
pub struct Beside(Arc<OnceLock<Arc<dyn Any + Send + Sync>>>);

impl Beside {
    /// What stands here, made if nothing does. `None` if it is of another type: one kind of thing is kept beside a result.
    pub fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<Arc<T>> {
        self.0.get_or_init(|| Arc::new(make())).clone().downcast().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_first_stays() {
        let beside = Beside::default();
        assert_eq!(*beside.get_or_make(|| 1_u32).unwrap(), 1);
        assert_eq!(*beside.clone().get_or_make(|| 2_u32).unwrap(), 1);
        assert_eq!(beside.get_or_make(|| "other"), None);
    }
}
