//! The checks of a probe, which the probes of a stack have in common.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use phonehome_wire::Check;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Checks, in the order of the input. A copy takes no memory until it is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks(Arc<Vec<Check>>);

impl Checks {
    /// Whether they are one list, which nobody need compare.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Vec<Check>> for Checks {
    fn from(checks: Vec<Check>) -> Self {
        Self(Arc::new(checks))
    }
}

impl FromIterator<Check> for Checks {
    fn from_iter<I: IntoIterator<Item = Check>>(checks: I) -> Self {
        Vec::from_iter(checks).into()
    }
}

impl Deref for Checks {
    type Target = Vec<Check>;

    fn deref(&self) -> &Vec<Check> {
        &self.0
    }
}

impl DerefMut for Checks {
    fn deref_mut(&mut self) -> &mut Vec<Check> {
        Arc::make_mut(&mut self.0)
    }
}

impl<'c> IntoIterator for &'c Checks {
    type Item = &'c Check;
    type IntoIter = std::slice::Iter<'c, Check>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'c> IntoIterator for &'c mut Checks {
    type Item = &'c mut Check;
    type IntoIter = std::slice::IterMut<'c, Check>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl Serialize for Checks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Checks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
