//! Which version of `infra/member-role.yaml` each call needs, and a plan without what an account's is too old for.

use phonehome_network::{Address, RemovalTarget};

use crate::planner::uses;
use crate::{Action, NeededTemplate, Plan, Step, Withheld, WithheldReason};

/// The version of a template that bears no mark: release 0.1.0's.
pub const FIRST_TEMPLATE: u32 = 1;
/// The version of `infra/member-role.yaml`. Who changes the rights in it raises this
/// (docs/decisions/0027-member-template.md).
pub const MEMBER_TEMPLATE: u32 = 3;

/// The first version of the template whose member role may have a probe run (`lambda:InvokeFunction`): no call of a plan,
/// and where the role is older nothing waits for it.
pub const RERUN_TEMPLATE: u32 = 2;

/// The name of a schedule that nobody makes: whose role may ask for it has this version of the template, or a later
/// one. Version 1 has no mark.
pub fn template_mark(version: u32) -> String {
    format!("phonehome-member-template-{version}")
}

impl Action {
    /// The first version of the template whose member role allows the call.
    pub fn needs_template(&self) -> u32 {
        match self {
            Self::CreateVpc { .. }
            | Self::EnableDnsSupport { .. }
            | Self::EnableDnsHostNames { .. }
            | Self::CreateInternetGateway
            | Self::AttachInternetGateway { .. }
            | Self::AllocateElasticIp
            | Self::CreateSubnet { .. }
            | Self::DisablePublicIpOnLaunch { .. }
            | Self::CreateRouteTable { .. }
            | Self::CreateRoute { .. }
            | Self::ReplaceRoute { .. }
            | Self::AssociateRouteTable { .. }
            | Self::ReplaceAssociation { .. }
            | Self::CreateNatGateway { .. }
            | Self::CreateRegionalNatGateway { .. }
            | Self::CreateSecurityGroup { .. }
            | Self::FindDefaultSecurityGroup { .. }
            | Self::AuthorizeRules { .. }
            | Self::RevokeRules { .. }
            | Self::FindDefaultNetworkAcl { .. }
            | Self::CreateAclEntry { .. }
            | Self::ReplaceAclEntry { .. }
            | Self::FindMainRouteTable { .. }
            | Self::CreateGatewayEndpoint { .. }
            | Self::AddEndpointTables { .. }
            | Self::CreateFlowLog { .. }
            | Self::CreatePeering { .. }
            | Self::AcceptPeering { .. }
            | Self::Tag { .. }
            | Self::Untag { .. }
            | Self::CreateFunction { .. }
            | Self::UpdateFunctionCode { .. }
            | Self::UpdateFunctionConfiguration { .. }
            | Self::PutDestination { .. }
            | Self::CreateSchedule { .. }
            | Self::UpdateSchedule { .. } => 1,
            Self::Remove(removal) => removal_needs_template(removal.what()),
        }
    }
}

/// The same of the call that takes something away.
pub fn removal_needs_template(target: &RemovalTarget) -> u32 {
    match target {
        RemovalTarget::Vpc { .. }
        | RemovalTarget::Subnet { .. }
        | RemovalTarget::InternetGatewayAttachment { .. }
        | RemovalTarget::InternetGateway { .. }
        | RemovalTarget::RouteTable { .. }
        | RemovalTarget::Route { .. }
        | RemovalTarget::NatGateway { .. }
        | RemovalTarget::ElasticIp { .. }
        | RemovalTarget::SecurityGroup { .. }
        | RemovalTarget::NetworkAcl { .. }
        | RemovalTarget::AclEntry { .. }
        | RemovalTarget::Endpoint { .. }
        | RemovalTarget::FlowLog { .. }
        | RemovalTarget::Peering { .. }
        | RemovalTarget::Function { .. }
        | RemovalTarget::Schedule { .. } => 1,
    }
}

impl Plan {
    /// The version of the template that all of its steps together need. `needs`: as [`Action::needs_template`].
    pub fn needs_template(&self, needs: impl Fn(&Action) -> u32) -> u32 {
        self.steps.iter().map(|step| needs(&step.action)).max().unwrap_or(FIRST_TEMPLATE)
    }

    /// The plan for an account whose template has the version `there`: what needs a later one is withheld, and with it
    /// what comes after that and what only that would use. Nothing is added, and everything else is as before.
    pub fn within_template(mut self, there: u32, needs: impl Fn(&Action) -> u32) -> Self {
        while let Some(at) = self.steps.iter().position(|step| needs(&step.action) > there) {
            let needed = needs(&self.steps[at].action);
            self.hold_back(at, NeededTemplate { needed, there }, None);
        }
        while let Some((at, needed, user)) = self.made_for_withheld() {
            self.hold_back(at, needed, Some(user));
        }
        self
    }

    /// What the account's template is too old for: the latest version that a withheld step needs.
    pub fn needed_template(&self) -> Option<NeededTemplate> {
        self.withheld.iter().filter_map(Withheld::needed_template).max_by_key(|it| it.needed)
    }

    /// Withholds a step, all that comes after it, and all that one permission is for: a peering goes with its routes.
    fn hold_back(&mut self, at: usize, needed: NeededTemplate, through: Option<Address>) {
        let Step { address, change, action, asks, .. } = self.steps.remove(at);
        self.withheld.push(Withheld {
            address: address.clone(),
            id: change.id(),
            kind: change.kind(),
            details: change.details(&action),
            reason: WithheldReason::NeedsTemplate { needed, through },
            asks: vec![],
            call: Some(Box::new(action)),
        });
        let goes_with =
            |step: &Step| step.after.contains(&address) || step.asks.iter().any(|ask| asks.contains(ask));
        while let Some(at) = self.steps.iter().position(goes_with) {
            self.hold_back(at, needed, Some(address.clone()));
        }
    }

    /// A step whose outcome is used by what waits for a newer template, and by nothing that is planned: where it is, what
    /// is needed, and its user.
    fn made_for_withheld(&self) -> Option<(usize, NeededTemplate, Address)> {
        self.steps.iter().enumerate().find_map(|(at, step)| {
            if self.steps.iter().any(|other| uses(&other.action, &step.address)) {
                return None;
            }
            self.withheld.iter().find_map(|held| {
                let call = held.call.as_ref().filter(|call| uses(call, &step.address));
                Some((at, held.needed_template().filter(|_| call.is_some())?, held.address.clone()))
            })
        })
    }
}

impl Withheld {
    /// The version of the template with which the change is made without anything else; `None` where it is not the
    /// template that it waits for.
    pub fn needed_template(&self) -> Option<NeededTemplate> {
        match self.reason {
            WithheldReason::NeedsTemplate { needed, .. } => Some(needed),
            _ => None,
        }
    }
}
