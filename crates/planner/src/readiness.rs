//! What a stack can do already, while something of it is still to be done.

use crate::{Change, ChangeKind, Plan, Readiness, Step, Withheld};
use phonehome_network::{Address, Part, Resource};

impl Plan {
    /// The network itself is there, with its probes: nothing of it is to be done or waited for.
    pub fn network_ready(&self) -> bool {
        self.is_ready(Readiness::Network)
    }

    /// The network is there, and so is the way out.
    pub fn egress_ready(&self) -> bool {
        self.network_ready() && self.is_ready(Readiness::Egress)
    }

    /// Every declared connection is made: nothing of one is to be done or waited for, and no peering,
    /// route or rule of one is withheld.
    pub fn connections_ready(&self) -> bool {
        let is_missing = |held: &Withheld| {
            let is_taken_away = held.kind == ChangeKind::Delete || is_of_undeclared(&held.address);
            !is_taken_away && held_up_by(&held.address) == Some(Readiness::Connections)
        };
        self.is_ready(Readiness::Connections) && !self.withheld.iter().any(is_missing)
    }

    /// What waits for a newer template is yet to be made, as a step is.
    fn is_ready(&self, readiness: Readiness) -> bool {
        let holds_up = |step: &Step| {
            // What goes, or is only given up, was needed by nothing.
            let makes = !matches!(step.change, Change::Delete { .. } | Change::Forget { .. });
            makes && held_up_by(&step.address) == Some(readiness)
        };
        let is_to_come = |held: &Withheld| {
            let makes = !matches!(held.kind, ChangeKind::Delete | ChangeKind::Forget);
            makes && held_up_by(&held.address) == Some(readiness) && held.needed_template().is_some()
        };
        !self.steps.iter().any(holds_up)
            && !self.withheld.iter().any(is_to_come)
            && self.waits.iter().all(|wait| wait.holds_up != readiness)
    }
}

/// Whether it is about what should not be there.
fn is_of_undeclared(address: &Address) -> bool {
    matches!(address.part, Part::UndeclaredInboundRules | Part::FormerlyDeclaredRules)
}

/// What cannot work before something at this address is done; `None`: all of it can. What is not known
/// here holds up the network, so that nothing is called ready too early.
fn held_up_by(address: &Address) -> Option<Readiness> {
    match (&address.resource, address.part) {
        // Who it belongs to, what it logs, what it saves, what it closes.
        (_, Part::Tags | Part::PublicIpOnLaunch)
        | (
            Resource::FlowLog
            | Resource::Endpoint { .. }
            | Resource::DefaultNetworkAcl
            | Resource::MainRouteTable
            | Resource::DefaultSecurityGroup
            | Resource::ProbeSecurityGroup,
            _,
        ) => None,
        (Resource::Peering { .. } | Resource::InboundSecurityGroup, _)
        | (Resource::PublicRouteTable | Resource::PrivateRouteTable { .. }, Part::Route(_)) => {
            Some(Readiness::Connections)
        }
        (
            Resource::PublicRouteTable
            | Resource::PrivateRouteTable { .. }
            | Resource::NatGateway { .. }
            | Resource::RegionalNatGateway
            | Resource::ElasticIp { .. },
            _,
        ) => Some(Readiness::Egress),
        _ => Some(Readiness::Network),
    }
}
