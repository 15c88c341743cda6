//! What of its limits a plan uses up.

use phonehome_network::RemovalTarget;

use crate::{Action, Change, Limits, Step};

impl Limits {
    /// What these steps use up.
    pub fn used<'s>(steps: impl Iterator<Item = &'s Step>) -> Self {
        let mut used = Self::NONE;
        for step in steps {
            match (&step.change, &step.action) {
                (Change::Replace(_), _) => used.replacements += 1,
                (Change::Delete { .. }, Action::Remove(removal)) => match removal.what() {
                    RemovalTarget::Peering { .. } => used.peerings += 1,
                    RemovalTarget::AclEntry { .. } => used.closings += 1,
                    RemovalTarget::Route { .. } if removal.is_of_peering() => {}
                    RemovalTarget::Route { .. } if removal.is_repair() => used.dead_routes += 1,
                    _ => used.deletions += 1,
                },
                _ => {}
            }
        }
        used
    }
}
