//! What may be to blame.

use crate::component::Component;
use crate::topology::PathId;

/// What may be to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suspect {
    /// A component.
    Component(Component),
    /// Something that only this path depends on, as far as is known.
    Path(PathId),
}
