//! The checks of a probe, which the probes of a stack have in common.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use phonehome_wire::Check;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Aim;

/// Checks, in the order of the input. A copy takes no memory until it is changed.
///
/// Those of a probe with which nothing is wrong are made when somebody looks at them, and hardly anybody does: what they
/// aim at says enough ([`Checks::aims`]).
#[derive(Clone, Default)]
pub struct Checks(Arc<Listed>);

/// A list of checks that can be made again, and what it aims at.
pub trait Declared: fmt::Debug + Send + Sync {
    /// How many checks there are.
    fn count(&self) -> usize;
    /// What they aim at, in their order.
    fn aims(&self) -> Box<dyn Iterator<Item = Aim<'_>> + '_>;
    /// The checks: the same each time.
    fn checks(&self) -> Vec<Check>;
}

#[derive(Default)]
struct Listed {
    whole: OnceLock<Vec<Check>>,
    declared: Option<Arc<dyn Declared>>,
}

impl Checks {
    /// Those that are declared, made when they are looked at.
    #[must_use]
    pub fn declared(declared: Arc<dyn Declared>) -> Self {
        Self(Arc::new(Listed { whole: OnceLock::new(), declared: Some(declared) }))
    }

    /// Whether they are one list, which nobody need compare.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What they aim at, in their order. Asking for it makes none of them.
    pub fn aims(&self) -> impl Iterator<Item = Aim<'_>> {
        let later = self.0.declared.as_ref().filter(|_| self.0.whole.get().is_none());
        let whole = later.is_none().then(|| self.iter().map(Aim::of));
        later.map(|it| it.aims()).into_iter().flatten().chain(whole.into_iter().flatten())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match (&self.0.declared, self.0.whole.get()) {
            (_, Some(whole)) => whole.len(),
            (Some(declared), None) => declared.count(),
            (None, None) => 0,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for Checks {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || **self == **other
    }
}

impl Eq for Checks {}

impl From<Vec<Check>> for Checks {
    fn from(checks: Vec<Check>) -> Self {
        Self(Arc::new(Listed { whole: checks.into(), declared: None }))
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
        let make = || self.0.declared.as_ref().map(|it| it.checks()).unwrap_or_default();
        self.0.whole.get_or_init(make)
    }
}

impl DerefMut for Checks {
    fn deref_mut(&mut self) -> &mut Vec<Check> {
        if Arc::get_mut(&mut self.0).is_none_or(|it| it.declared.is_some() || it.whole.get().is_none()) {
            *self = Self::from(self.to_vec());
        }
        #[allow(clippy::expect_used, reason = "whatever is not this one's alone was copied above")]
        Arc::get_mut(&mut self.0).and_then(|it| it.whole.get_mut()).expect("a list of its own")
    }
}

impl<'c> IntoIterator for &'c Checks {
    type Item = &'c Check;
    type IntoIter = std::slice::Iter<'c, Check>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
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
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Checks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
