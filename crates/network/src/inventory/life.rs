//! Where a resource is in its life.

use super::{NatGateway, NatState, Peering, PeeringState};

impl Peering {
    /// Whether it works or will.
    pub fn is_live(&self) -> bool {
        self.why_failed().is_none() && self.state != PeeringState::Gone
    }

    /// Why there will be nothing of it, for people.
    pub fn why_failed(&self) -> Option<&'static str> {
        match self.state {
            PeeringState::Failed => Some(
                "AWS could not make it: the two VPCs' addresses overlap, or the other VPC or account is not there",
            ),
            PeeringState::Rejected => Some("it was rejected in the other account"),
            PeeringState::Expired => Some("it was not accepted in the other account within 7 days"),
            _ => None,
        }
    }
}

impl NatGateway {
    /// Whether it works or will.
    pub fn is_live(&self) -> bool {
        matches!(self.state, NatState::Pending | NatState::Available)
    }
}
