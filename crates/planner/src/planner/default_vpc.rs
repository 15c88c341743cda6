//! Takes away the default VPC of a new account.

use super::Planner;
use super::Taking;
use crate::WithheldReason;
use crate::permit::Grant;
use crate::{Limits, Plan, PlanError, StackSpec};
use phonehome_network::Part;
use phonehome_network::Resource;
use phonehome_network::{Address, Inventory, Kind, RemovalTarget, Tagged, Vpc};

const REASON: &str = "a new account's default VPC";
/// What has to be in view before anything of a default VPC is taken away.
const NEEDS: [Kind; 7] = [
    Kind::Vpc,
    Kind::Subnet,
    Kind::InternetGateway,
    Kind::RouteTable,
    Kind::SecurityGroup,
    Kind::NetworkAcl,
    Kind::NetworkInterface,
];

/// What has to be observed for [`plan_default_vpc_removal`].
pub fn default_vpc_kinds() -> &'static [Kind] {
    &NEEDS
}

/// The plan that takes away a Region's default VPC, with what AWS makes with it and what else is in it:
/// internet gateway, subnets, routes, network ACLs, security groups, in the order that AWS needs. Empty
/// when there is none.
///
/// It is withheld as a whole where a network interface exists, as something uses it then; where it or
/// anything in it carries a tag of phonehome's; where it is to be adopted; and where `limits` do not
/// allow all of it. Every resource counts as a deletion. A removal that stopped half way is gone on with;
/// only an internet gateway that was detached and not yet deleted is not found again.
///
/// # Errors
/// [`PlanError::Blind`] when anything that is to be taken away could not be seen.
pub fn plan_default_vpc_removal(
    spec: &StackSpec,
    inventory: &Inventory,
    limits: &Limits,
) -> Result<Plan, PlanError> {
    if let Some(kind) = NEEDS.into_iter().find(|kind| !inventory.has_seen(*kind)) {
        return Err(PlanError::Blind { kind });
    }
    let seen = inventory.own(&spec.account).in_order();
    let mut planner = Planner::new(spec, &seen, limits);
    planner.plan.unseen.clear();
    for vpc in seen.vpcs.iter().filter(|vpc| vpc.is_default) {
        planner.default_vpc(vpc);
    }
    Ok(planner.plan)
}

impl Planner<'_> {
    fn default_vpc(&mut self, vpc: &Vpc) {
        let address = of_default(vpc);
        if let Some(reason) = self.why_default_vpc_stays(vpc) {
            let reason = WithheldReason::Impossible(reason);
            return self.withhold_deletion(address, vpc.id.clone(), REASON.to_owned(), reason);
        }
        let mut before = self.default_gateways(vpc);
        before.extend(self.default_subnets(vpc));
        before.extend(self.default_tables(vpc));
        before.extend(self.default_guards(vpc));
        let target = RemovalTarget::Vpc { id: vpc.id.clone() };
        self.delete(address.clone(), target, before);
        self.all_or_nothing(address, &vpc.id, REASON);
    }

    fn why_default_vpc_stays(&self, vpc: &Vpc) -> Option<String> {
        let seen = self.seen;
        let in_use = seen.network_interfaces.iter().filter(|it| it.vpc_id == vpc.id);
        let in_use: Vec<&str> = in_use.map(|it| it.id.as_str()).collect();
        if !in_use.is_empty() {
            return Some(format!("something uses it: network interfaces {}", in_use.join(", ")));
        }
        if self.spec.adopt.as_ref() == Some(&vpc.id) {
            return Some("it is to be adopted (`adopt` in the fleet file)".to_owned());
        }
        let subnets = seen.subnets.iter().filter(|it| it.vpc_id == vpc.id);
        let tables = seen.route_tables.iter().filter(|it| it.vpc_id == vpc.id);
        let groups = seen.security_groups.iter().filter(|it| it.vpc_id == vpc.id);
        let ours = (vpc.is_half_tagged().then_some(&vpc.id)).into_iter();
        let ours = ours.chain(subnets.filter(|it| it.is_half_tagged()).map(|it| &it.id));
        let ours = ours.chain(tables.filter(|it| it.is_half_tagged()).map(|it| &it.id));
        let mut ours = ours.chain(groups.filter(|it| it.is_half_tagged()).map(|it| &it.id));
        ours.next().map(|id| format!("{id} carries a tag of phonehome's"))
    }

    /// Half of it would be the worst of both: where the limits do not allow every removal of the plan,
    /// the whole is withheld.
    pub(super) fn all_or_nothing(&mut self, address: Address, id: &str, reason: &str) {
        let needed = self.plan.steps.len() + self.plan.withheld.len();
        let Some(refused) = self.plan.withheld.first().cloned() else { return };
        self.plan.steps.clear();
        self.plan.withheld.clear();
        let why = WithheldReason::NotAll { needed, because: Box::new(refused.reason) };
        self.withhold_deletion(address, id.to_owned(), reason.to_owned(), why);
    }

    fn delete(&mut self, address: Address, target: RemovalTarget, after: Vec<Address>) -> Address {
        let before = target.id().to_owned();
        self.remove(address.clone(), before, target, (Taking::Alone(Grant::Deletion), &NEEDS), REASON, after);
        address
    }

    fn default_gateways(&mut self, vpc: &Vpc) -> Vec<Address> {
        let attached = self.seen.internet_gateways.iter().filter(|it| it.vpc_id.as_ref() == Some(&vpc.id));
        let mut addresses = Vec::new();
        for gateway in attached {
            let (id, vpc_id) = (gateway.id.clone(), vpc.id.clone());
            let address = inside(vpc, &id);
            let detached = address.part(Part::Attachment);
            let target = RemovalTarget::InternetGatewayAttachment { id: id.clone(), vpc_id };
            let detached = self.delete(detached, target, vec![]);
            addresses.push(self.delete(
                address,
                RemovalTarget::InternetGateway { id },
                vec![detached.clone()],
            ));
            addresses.push(detached);
        }
        addresses
    }

    fn default_subnets(&mut self, vpc: &Vpc) -> Vec<Address> {
        let subnets = self.seen.subnets.iter().filter(|it| it.vpc_id == vpc.id);
        let ids = subnets.map(|it| it.id.clone());
        ids.map(|id| self.delete(inside(vpc, &id), RemovalTarget::Subnet { id }, vec![])).collect()
    }

    fn default_tables(&mut self, vpc: &Vpc) -> Vec<Address> {
        let tables = self.seen.route_tables.iter().filter(|it| it.vpc_id == vpc.id);
        let subnets: Vec<Address> =
            self.seen.subnets.iter().filter(|it| it.vpc_id == vpc.id).map(|it| inside(vpc, &it.id)).collect();
        let mut addresses = Vec::new();
        for table in tables {
            // The main table goes with the VPC, its routes have to go before.
            if table.main {
                for route in &table.routes {
                    let (table_id, destination) = (table.id.clone(), route.destination);
                    let address = Address::route(&inside(vpc, &table.id), &destination);
                    addresses.push(self.delete(
                        address,
                        RemovalTarget::Route { table_id, destination },
                        vec![],
                    ));
                }
            } else {
                let target = RemovalTarget::RouteTable { id: table.id.clone() };
                addresses.push(self.delete(inside(vpc, &table.id), target, subnets.clone()));
            }
        }
        addresses
    }

    fn default_guards(&mut self, vpc: &Vpc) -> Vec<Address> {
        let subnets: Vec<Address> =
            self.seen.subnets.iter().filter(|it| it.vpc_id == vpc.id).map(|it| inside(vpc, &it.id)).collect();
        let mut addresses = Vec::new();
        for acl in self.seen.network_acls.iter().filter(|it| it.vpc_id == vpc.id && !it.is_default) {
            let target = RemovalTarget::NetworkAcl { id: acl.id.clone() };
            addresses.push(self.delete(inside(vpc, &acl.id), target, subnets.clone()));
        }
        for group in self.seen.security_groups.iter().filter(|it| it.vpc_id == vpc.id && it.name != "default")
        {
            let target = RemovalTarget::SecurityGroup { id: group.id.clone() };
            addresses.push(self.delete(inside(vpc, &group.id), target, vec![]));
        }
        addresses
    }
}

fn of_default(vpc: &Vpc) -> Address {
    Address::of(Resource::DefaultVpc { vpc_id: vpc.id.clone() })
}

fn inside(vpc: &Vpc, id: &str) -> Address {
    of_default(vpc).with_id(id)
}
