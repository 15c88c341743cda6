//! One account's resources in one Region.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_network::{
    FunctionState, InternetGateway, Inventory, Kind, NatState, NetworkAcl, RouteTable, SecurityGroup, Subnet,
    Vpc,
};
use phonehome_planner::Action;

use crate::call::{Call, Recorded, Refused};
use crate::shared::Shared;
use crate::stale::{Replica, Staleness};

/// How long AWS lists what is deleted or has failed, in milliseconds: about an hour.
const LISTED_MS: u64 = 3_600_000;

/// What a call answers.
pub(crate) type CallResult = Result<Option<String>, Refused>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Region {
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) world: Inventory,
    pub(crate) calls: Vec<Recorded>,
    /// What becomes of NAT gateways by themselves, and when; `None`: they are no longer listed.
    pub(crate) nats_due: BTreeMap<String, (u64, Option<NatState>)>,
    /// How many observations still find a function pending.
    pub(crate) pending_observations: BTreeMap<String, u32>,
    replica: Replica,
}

impl Region {
    /// Nothing is in it yet. `home` is its account and its name.
    pub(crate) fn new((account, name): &(String, String)) -> Self {
        Self { account: account.clone(), name: name.clone(), ..Self::default() }
    }

    /// Everything that changes the world goes through here, so that looks can lag behind.
    pub(crate) fn write(
        &mut self,
        shared: &mut Shared,
        change: impl FnOnce(&mut Self, &mut Shared) -> CallResult,
    ) -> CallResult {
        self.converge(shared);
        if shared.options.staleness == Staleness::None {
            return change(self, shared);
        }
        let before = self.world.clone();
        let answer = change(self, shared);
        self.replica.note(&before, &self.world, shared.options.staleness, shared.now_ms);
        answer
    }

    pub(crate) fn call(&mut self, shared: &mut Shared, call: &Call<'_>, action: &Action) -> CallResult {
        self.write(shared, |region, shared| region.dispatch(shared, call, action))
    }

    fn dispatch(&mut self, shared: &mut Shared, call: &Call<'_>, action: &Action) -> CallResult {
        match action {
            Action::CreateVpc { .. }
            | Action::EnableDnsSupport { .. }
            | Action::EnableDnsHostNames { .. }
            | Action::CreateInternetGateway
            | Action::AttachInternetGateway { .. }
            | Action::CreateSubnet { .. }
            | Action::DisablePublicIpOnLaunch { .. } => self.vpc_call(shared, call, action),
            Action::AllocateElasticIp
            | Action::CreateNatGateway { .. }
            | Action::CreateRegionalNatGateway { .. } => self.nat_call(shared, call, action),
            Action::CreateRouteTable { .. }
            | Action::CreateRoute { .. }
            | Action::ReplaceRoute { .. }
            | Action::AssociateRouteTable { .. }
            | Action::ReplaceAssociation { .. }
            | Action::FindMainRouteTable { .. } => self.route_call(shared, call, action),
            Action::CreateSecurityGroup { .. }
            | Action::FindDefaultSecurityGroup { .. }
            | Action::AuthorizeRules { .. }
            | Action::RevokeRules { .. }
            | Action::FindDefaultNetworkAcl { .. }
            | Action::CreateAclEntry { .. }
            | Action::ReplaceAclEntry { .. } => self.guard_call(shared, call, action),
            Action::CreateGatewayEndpoint { .. }
            | Action::AddEndpointTables { .. }
            | Action::CreateFlowLog { .. }
            | Action::Tag { .. }
            | Action::Untag { .. } => self.extra_call(shared, call, action),
            Action::CreateFunction { .. }
            | Action::UpdateFunctionCode { .. }
            | Action::UpdateFunctionConfiguration { .. }
            | Action::PutDestination { .. }
            | Action::CreateSchedule { .. }
            | Action::UpdateSchedule { .. } => self.probe_call(shared, call, action),
            Action::Remove(removal) => self.remove(shared, removal.what()),
            Action::CreatePeering { .. } | Action::AcceptPeering { .. } => {
                Err(Refused::new("InternalError", "peerings concern two accounts"))
            }
        }
    }

    /// What happens by itself until now: NAT gateways become available, fail, go.
    pub(crate) fn converge(&mut self, shared: &mut Shared) {
        while let Some((id, at_ms, state)) = self.next_nat(shared.now_ms) {
            let before = self.world.clone();
            self.nats_due.remove(&id);
            match state {
                Some(state) => {
                    self.nat_becomes(&id, state);
                    if matches!(state, NatState::Failed | NatState::Gone) {
                        self.nats_due.insert(id, (at_ms + LISTED_MS, None));
                    }
                }
                None => self.world.nat_gateways.retain(|nat| nat.id != id),
            }
            if shared.options.staleness != Staleness::None {
                self.replica.note(&before, &self.world, shared.options.staleness, at_ms);
            }
        }
    }

    fn next_nat(&self, now_ms: u64) -> Option<(String, u64, Option<NatState>)> {
        let due = self.nats_due.iter().filter(|(_, (at_ms, _))| *at_ms <= now_ms);
        let (id, (at_ms, state)) = due.min_by_key(|(_, (at_ms, _))| *at_ms)?;
        Some((id.clone(), *at_ms, *state))
    }

    pub(crate) fn inventory(&mut self, shared: &mut Shared, kinds: &[Kind]) -> Inventory {
        if kinds.contains(&Kind::Function) {
            self.write(shared, |region, _| {
                region.observe_functions();
                Ok(None)
            })
            .ok();
        } else {
            self.converge(shared);
        }
        let mut seen = match shared.options.staleness {
            Staleness::None => self.world.clone(),
            _ => self.replica.at(shared.now_ms, &self.world),
        };
        for kind in Kind::ALL.into_iter().filter(|kind| !kinds.contains(kind)) {
            hide(&mut seen, kind);
        }
        seen
    }

    fn observe_functions(&mut self) {
        let ready: BTreeSet<String> = self
            .pending_observations
            .iter()
            .filter(|(_, left)| **left == 0)
            .map(|(name, _)| name.clone())
            .collect();
        self.pending_observations.retain(|_, left| *left > 0);
        self.pending_observations.values_mut().for_each(|left| *left -= 1);
        for function in self.world.functions.iter_mut().filter(|it| ready.contains(&it.name)) {
            function.state = FunctionState::Active;
        }
    }
}

/// A kind that is not asked for is not in the answer.
fn hide(seen: &mut Inventory, kind: Kind) {
    seen.unseen.insert(kind);
    match kind {
        Kind::Vpc => seen.vpcs.clear(),
        Kind::VpcAttribute => seen.vpcs.iter_mut().for_each(|vpc| {
            vpc.dns_support = None;
            vpc.dns_host_names = None;
        }),
        Kind::Subnet => seen.subnets.clear(),
        Kind::InternetGateway => seen.internet_gateways.clear(),
        Kind::ElasticIp => seen.elastic_ips.clear(),
        Kind::NatGateway => seen.nat_gateways.clear(),
        Kind::RouteTable => seen.route_tables.clear(),
        Kind::SecurityGroup => seen.security_groups.clear(),
        Kind::NetworkAcl => seen.network_acls.clear(),
        Kind::Endpoint => seen.endpoints.clear(),
        Kind::FlowLog => seen.flow_logs.clear(),
        Kind::Peering => seen.peerings.clear(),
        Kind::NetworkInterface => seen.network_interfaces.clear(),
        Kind::Function => seen.functions.clear(),
        Kind::Schedule => seen.schedules.clear(),
    }
}

macro_rules! lookups {
    ($($one:ident, $list:ident: $kind:ty, $code:literal, $what:literal;)*) => {
        impl Region {$(
            /// The one with this id, to be changed.
            pub(crate) fn $one(&mut self, id: &str) -> Result<&mut $kind, Refused> {
                let found = self.world.$list.iter_mut().find(|it| it.id == id);
                found.ok_or_else(|| missing($code, $what, id))
            }
        )*}
    };
}

lookups! {
    vpc, vpcs: Vpc, "InvalidVpcID.NotFound", "vpc";
    subnet, subnets: Subnet, "InvalidSubnetID.NotFound", "subnet";
    gateway, internet_gateways: InternetGateway, "InvalidInternetGatewayID.NotFound", "internet gateway";
    table, route_tables: RouteTable, "InvalidRouteTableID.NotFound", "route table";
    group, security_groups: SecurityGroup, "InvalidGroup.NotFound", "security group";
    acl, network_acls: NetworkAcl, "InvalidNetworkAclID.NotFound", "network ACL";
}

pub(crate) fn missing(code: &str, what: &str, id: &str) -> Refused {
    Refused::new(code, format!("The {what} ID '{id}' does not exist"))
}

pub(crate) fn dependency(what: &str, id: &str, because: &str) -> Refused {
    Refused::new(
        "DependencyViolation",
        format!("The {what} '{id}' has dependencies and cannot be deleted: {because}"),
    )
}
