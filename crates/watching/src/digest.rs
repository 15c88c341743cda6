//! Short names for what is long.

use std::hash::{DefaultHasher, Hash, Hasher as _};

/// What tells a value from any other, within this process.
pub(crate) fn digest(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
