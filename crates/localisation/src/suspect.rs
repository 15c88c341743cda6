//! What may be to blame.

use crate::component::Component;
use crate::topology::{PathId, Topology};

/// What may be to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suspect {
    /// A component.
    Component(Component),
    /// Something that only this path depends on, as far as is known.
    Path(PathId),
}

impl Topology {
    /// The number of what may be broken: of a component where it is, of a path by itself behind all of these.
    pub(crate) fn number_of(&self, suspect: Suspect) -> Option<u32> {
        match suspect {
            Suspect::Component(component) => self.number(component),
            Suspect::Path(path) => Some(self.first_path() + path.0),
        }
    }

    /// What has this number.
    pub(crate) fn suspect(&self, number: u32) -> Suspect {
        match self.components.get(number as usize) {
            Some(component) => Suspect::Component(*component),
            None => Suspect::Path(PathId(number - self.first_path())),
        }
    }
}
