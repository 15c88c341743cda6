//! Spec and inventory in, plan out.

use ipnet::Ipv4Net;
use phonehome_wire::{ProbeInput, WIRE_VERSION};

use crate::{
    Action, Address, Change, Function, FunctionState, Inventory, NatState, Plan, PlanError, Ref, RefTarget,
    RouteTable, RouteTarget, StackSpec, Step, Tier, Wait, ZoneSpec,
};

/// How often a probe runs; the heartbeat's clock.
const SCHEDULE_EXPRESSION: &str = "rate(1 minute)";

/// Makes the plan that turns what is seen into what is declared.
///
/// The same arguments always give the same plan, in the same order. A stack that is as declared
/// gives an empty one.
///
/// # Errors
/// [`PlanError`] when what is seen leaves no safe way: then nothing is planned at all.
pub fn plan(spec: &StackSpec, inventory: &Inventory) -> Result<Plan, PlanError> {
    let mut planner = Planner { spec, seen: inventory, plan: Plan::default() };
    planner.vpc()?;
    planner.internet_gateway()?;
    planner.subnets()?;
    planner.nat_gateways()?;
    planner.public_route_table()?;
    planner.private_route_tables()?;
    planner.security_groups()?;
    planner.probes()?;
    Ok(planner.plan)
}

struct Planner<'a> {
    spec: &'a StackSpec,
    seen: &'a Inventory,
    plan: Plan,
}

/// The one resource with this address, or none.
fn only<'a, T>(
    address: &Address,
    all: &'a [T],
    key: impl Fn(&T) -> (Option<&Address>, &str),
) -> Result<Option<&'a T>, PlanError> {
    let found: Vec<&T> = all.iter().filter(|item| key(item).0 == Some(address)).collect();
    if found.len() > 1 {
        let mut ids: Vec<String> = found.iter().map(|item| key(item).1.to_owned()).collect();
        ids.sort();
        return Err(PlanError::Ambiguous { address: address.clone(), ids });
    }
    Ok(found.first().copied())
}

fn immutable(address: Address, id: &str, found: impl ToString, declared: impl ToString) -> PlanError {
    PlanError::Immutable {
        address,
        id: id.to_owned(),
        found: found.to_string(),
        declared: declared.to_string(),
    }
}

impl<'a> Planner<'a> {
    fn zones(&self) -> &'a [ZoneSpec] {
        &self.spec.zones
    }

    fn create(&mut self, address: Address, action: Action, after: Vec<Address>) {
        self.push(address, Change::Create, action, "not there", after);
    }

    fn push(&mut self, address: Address, change: Change, action: Action, reason: &str, after: Vec<Address>) {
        let planned = |wanted: &Address| self.plan.steps.iter().any(|step| &step.address == wanted);
        let mut after: Vec<Address> =
            after.into_iter().chain(action.outputs().into_iter().cloned()).filter(planned).collect();
        after.sort();
        after.dedup();
        self.plan.steps.push(Step { address, change, action, reason: reason.to_owned(), after });
    }

    fn vpc(&mut self) -> Result<(), PlanError> {
        let address = Address::vpc();
        match only(&address, &self.seen.vpcs, |vpc| (Some(&vpc.address), &vpc.id))? {
            Some(vpc) if vpc.cidr != self.spec.cidr => {
                Err(immutable(address, &vpc.id, vpc.cidr, self.spec.cidr))
            }
            Some(_) => Ok(()),
            None => {
                self.create(address, Action::CreateVpc { cidr: self.spec.cidr }, vec![]);
                Ok(())
            }
        }
    }

    fn vpc_ref(&self) -> Ref {
        let address = Address::vpc();
        let seen = self.seen.vpcs.iter().find(|vpc| vpc.address == address);
        seen.map_or(Ref::Output(address), |vpc| Ref::Id(vpc.id.clone()))
    }

    fn internet_gateway(&mut self) -> Result<(), PlanError> {
        let address = Address::internet_gateway();
        let seen =
            only(&address, &self.seen.internet_gateways, |gateway| (Some(&gateway.address), &gateway.id))?;
        if seen.is_none() {
            self.create(address, Action::CreateInternetGateway, vec![]);
        }
        match seen.and_then(|gateway| gateway.vpc_id.as_deref().map(|vpc| (gateway, vpc))) {
            Some((_, attached)) if self.vpc_ref() == Ref::Id(attached.to_owned()) => Ok(()),
            Some((gateway, attached)) => Err(immutable(
                Address::internet_gateway_attachment(),
                &gateway.id,
                attached,
                "the stack's VPC",
            )),
            None => {
                let action =
                    Action::AttachInternetGateway { gateway: self.gateway_ref(), vpc: self.vpc_ref() };
                self.create(Address::internet_gateway_attachment(), action, vec![]);
                Ok(())
            }
        }
    }

    fn gateway_ref(&self) -> Ref {
        let address = Address::internet_gateway();
        let seen = self.seen.internet_gateways.iter().find(|gateway| gateway.address == address);
        seen.map_or(Ref::Output(address), |gateway| Ref::Id(gateway.id.clone()))
    }

    fn subnets(&mut self) -> Result<(), PlanError> {
        for zone in self.zones() {
            self.subnet(Tier::Public, zone, zone.public)?;
            self.subnet(Tier::Private, zone, zone.private)?;
        }
        Ok(())
    }

    fn subnet(&mut self, tier: Tier, zone: &ZoneSpec, cidr: Ipv4Net) -> Result<(), PlanError> {
        let address = Address::subnet(tier, &zone.az_id);
        let seen = only(&address, &self.seen.subnets, |subnet| (Some(&subnet.address), &subnet.id))?;
        match seen {
            Some(subnet) if subnet.cidr != cidr => Err(immutable(address, &subnet.id, subnet.cidr, cidr)),
            Some(subnet) if subnet.az_id != zone.az_id => {
                Err(immutable(address, &subnet.id, &subnet.az_id, &zone.az_id))
            }
            Some(_) => Ok(()),
            None => {
                let vpc = self.vpc_ref();
                self.create(address, Action::CreateSubnet { vpc, cidr, az_id: zone.az_id.clone() }, vec![]);
                Ok(())
            }
        }
    }

    fn subnet_ref(&self, tier: Tier, az_id: &str) -> Ref {
        let address = Address::subnet(tier, az_id);
        let seen = self.seen.subnets.iter().find(|subnet| subnet.address == address);
        seen.map_or(Ref::Output(address), |subnet| Ref::Id(subnet.id.clone()))
    }

    fn nat_gateways(&mut self) -> Result<(), PlanError> {
        for zone in self.zones() {
            self.nat_gateway(&zone.az_id)?;
        }
        Ok(())
    }

    fn nat_gateway(&mut self, az_id: &str) -> Result<(), PlanError> {
        let eip = Address::elastic_ip(az_id);
        let seen_eip =
            only(&eip, &self.seen.elastic_ips, |found| (Some(&found.address), &found.allocation_id))?;
        let allocation = match seen_eip {
            Some(found) => Ref::Id(found.allocation_id.clone()),
            None => {
                self.create(eip.clone(), Action::AllocateElasticIp, vec![]);
                Ref::Output(eip)
            }
        };
        let address = Address::nat_gateway(az_id);
        match self.live_nat_gateway(az_id)? {
            Some((id, NatState::Pending)) => self.plan.waits.push(Wait {
                address,
                id,
                what: "the NAT gateway is pending (AWS takes about two minutes)".into(),
                egress_only: true,
            }),
            Some(_) => {}
            None => {
                let subnet = self.subnet_ref(Tier::Public, az_id);
                let action = Action::CreateNatGateway { subnet, allocation };
                // AWS refuses a public NAT gateway in a VPC without an attached internet gateway.
                self.create(address, action, vec![Address::internet_gateway_attachment()]);
            }
        }
        Ok(())
    }

    fn live_nat_gateway(&self, az_id: &str) -> Result<Option<(String, NatState)>, PlanError> {
        let live: Vec<_> =
            self.seen.nat_gateways.iter().filter(|nat| nat.state != NatState::Gone).cloned().collect();
        let found = only(&Address::nat_gateway(az_id), &live, |nat| (Some(&nat.address), &nat.id))?;
        Ok(found.map(|nat| (nat.id.clone(), nat.state)))
    }

    fn nat_ref(&self, az_id: &str) -> Ref {
        match self.live_nat_gateway(az_id) {
            Ok(Some((id, _))) => Ref::Id(id),
            _ => Ref::Output(Address::nat_gateway(az_id)),
        }
    }

    fn public_route_table(&mut self) -> Result<(), PlanError> {
        let address = Address::public_route_table();
        let target = RefTarget::InternetGateway(self.gateway_ref());
        self.route_table(&address, target, vec![Address::internet_gateway_attachment()])?;
        for zone in self.zones() {
            self.association(&address, Tier::Public, &zone.az_id);
        }
        Ok(())
    }

    fn private_route_tables(&mut self) -> Result<(), PlanError> {
        for zone in self.zones() {
            let address = Address::private_route_table(&zone.az_id);
            self.route_table(&address, RefTarget::NatGateway(self.nat_ref(&zone.az_id)), vec![])?;
            self.association(&address, Tier::Private, &zone.az_id);
        }
        Ok(())
    }

    fn seen_table(&self, address: &Address) -> Option<&'a RouteTable> {
        self.seen.route_tables.iter().find(|table| &table.address == address)
    }

    fn table_ref(&self, address: &Address) -> Ref {
        self.seen_table(address).map_or(Ref::Output(address.clone()), |table| Ref::Id(table.id.clone()))
    }

    /// A route table with a default route. Routes to anywhere else are not ours and stay.
    fn route_table(
        &mut self,
        address: &Address,
        target: RefTarget,
        after: Vec<Address>,
    ) -> Result<(), PlanError> {
        let seen = only(address, &self.seen.route_tables, |table| (Some(&table.address), &table.id))?;
        if seen.is_none() {
            let vpc = self.vpc_ref();
            self.create(address.clone(), Action::CreateRouteTable { vpc }, vec![]);
        }
        let (table, destination) = (self.table_ref(address), Ipv4Net::default());
        let route = seen.and_then(|table| table.routes.iter().find(|route| route.destination == destination));
        match route {
            Some(route) if target.is(&route.target) => {}
            Some(route) => {
                let change = Change::Update { before: route.target.to_string(), after: target.to_string() };
                let action = Action::ReplaceRoute { table, destination, target };
                self.push(Address::default_route(address), change, action, "leads elsewhere", after);
            }
            None => {
                let action = Action::CreateRoute { table, destination, target };
                self.create(Address::default_route(address), action, after);
            }
        }
        Ok(())
    }

    fn association(&mut self, table: &Address, tier: Tier, az_id: &str) {
        let subnet = self.subnet_ref(tier, az_id);
        let associated = self
            .seen_table(table)
            .is_some_and(|table| table.subnet_ids.iter().any(|seen| subnet == Ref::Id(seen.clone())));
        if !associated {
            let action = Action::AssociateRouteTable { table: self.table_ref(table), subnet };
            self.create(Address::association(tier, az_id), action, vec![]);
        }
    }

    fn security_groups(&mut self) -> Result<(), PlanError> {
        let vpc = self.vpc_ref();
        let default = self
            .seen
            .security_groups
            .iter()
            .find(|group| group.name == "default" && vpc == Ref::Id(group.vpc_id.clone()));
        let rules = default.map(|group| group.ingress_rules + group.egress_rules);
        if rules != Some(0) {
            let change = Change::Update {
                before: rules.map_or("as AWS made it".to_owned(), |count| format!("{count} rules")),
                after: "no rules".into(),
            };
            let action = Action::EmptyDefaultSecurityGroup { vpc: vpc.clone() };
            self.push(Address::default_security_group(), change, action, "must let nothing through", vec![]);
        }
        let address = Address::probe_security_group();
        let seen = only(&address, &self.seen.security_groups, |group| (group.address.as_ref(), &group.id))?;
        if seen.is_none() {
            let action = Action::CreateSecurityGroup {
                vpc,
                name: "phonehome-probe".into(),
                description: "phonehome probes: no way in, any way out".into(),
            };
            self.create(address, action, vec![]);
        }
        Ok(())
    }

    fn probe_group_ref(&self) -> Ref {
        let address = Address::probe_security_group();
        let seen = self.seen.security_groups.iter().find(|group| group.address.as_ref() == Some(&address));
        seen.map_or(Ref::Output(address), |group| Ref::Id(group.id.clone()))
    }

    fn probes(&mut self) -> Result<(), PlanError> {
        for zone in self.zones() {
            self.function(&zone.az_id);
            self.schedule(&zone.az_id);
        }
        Ok(())
    }

    fn function(&mut self, az_id: &str) {
        let address = Address::probe(az_id);
        let name = StackSpec::probe_name(az_id);
        let (subnet, security_group) = (self.subnet_ref(Tier::Private, az_id), self.probe_group_ref());
        let seen = self.seen.functions.iter().find(|function| function.name == name);
        match seen {
            None => {
                let action = Action::CreateFunction { name: name.clone(), subnet, security_group };
                self.create(address.clone(), action, vec![]);
            }
            Some(function) if function.state == FunctionState::Pending => {
                self.plan.waits.push(Wait {
                    address,
                    id: name,
                    what: "Lambda is still attaching the function to the VPC".into(),
                    egress_only: false,
                });
                return;
            }
            Some(function) => self.function_update(&address, function, subnet, security_group),
        }
        if seen.and_then(|function| function.destination.as_deref()) != Some(&self.spec.probe.bus_arn) {
            // After every other call on the function: Lambda refuses concurrent updates.
            let action = Action::PutDestination { name };
            self.create(Address::probe_destination(az_id), action, vec![address]);
        }
    }

    /// At most one update a plan: Lambda refuses a second one while the first is under way, and
    /// the next plan sees what is left.
    fn function_update(&mut self, address: &Address, seen: &Function, subnet: Ref, security_group: Ref) {
        let probe = &self.spec.probe;
        let placed = seen.subnet_ids.iter().all(|id| subnet == Ref::Id(id.clone()))
            && seen.security_group_ids.iter().all(|id| security_group == Ref::Id(id.clone()));
        let sized = (seen.memory_mb, seen.timeout_s) == (probe.memory_mb, probe.timeout_s)
            && seen.role_arn == probe.role_arn;
        let name = seen.name.clone();
        if !placed || !sized {
            let change = Change::Update {
                before: format!(
                    "{} MB, {} s, {}",
                    seen.memory_mb,
                    seen.timeout_s,
                    seen.subnet_ids.join(", ")
                ),
                after: format!("{} MB, {} s, its zone's private subnet", probe.memory_mb, probe.timeout_s),
            };
            let action = Action::UpdateFunctionConfiguration { name, subnet, security_group };
            self.push(address.clone(), change, action, "configuration differs", vec![]);
        } else if seen.code_sha256 != probe.code_sha256 {
            let change =
                Change::Update { before: seen.code_sha256.clone(), after: probe.code_sha256.clone() };
            let action = Action::UpdateFunctionCode { name };
            self.push(address.clone(), change, action, "another version of the probe", vec![]);
        }
    }

    fn schedule(&mut self, az_id: &str) {
        let address = Address::probe_schedule(az_id);
        let name = StackSpec::probe_name(az_id);
        let function_arn = self.spec.probe_arn(az_id);
        let input = self.probe_input(az_id);
        let Some(seen) = self.seen.schedules.iter().find(|schedule| schedule.name == name) else {
            let action = Action::CreateSchedule { name, function_arn, input };
            return self.create(address, action, vec![Address::probe(az_id)]);
        };
        let same_checks = seen
            .input
            .as_ref()
            .is_some_and(|old| ProbeInput { generation: input.generation, ..old.clone() } == input);
        let same_rest = seen.enabled
            && seen.expression == SCHEDULE_EXPRESSION
            && seen.target_arn == function_arn
            && seen.role_arn == self.spec.probe.schedule_role_arn;
        if !same_checks || !same_rest {
            let reason = if same_checks { "its settings differ" } else { "other checks" };
            let before = seen.input.as_ref().map_or(0, |input| input.checks.len());
            let change = Change::Update {
                before: format!("{before} checks, {}", seen.expression),
                after: format!("{} checks, {SCHEDULE_EXPRESSION}", input.checks.len()),
            };
            let action = Action::UpdateSchedule { name, function_arn, input };
            self.push(address, change, action, reason, vec![]);
        }
    }

    fn probe_input(&self, az_id: &str) -> ProbeInput {
        ProbeInput {
            version: WIRE_VERSION,
            generation: self.spec.probe.generation,
            region: self.spec.region.clone(),
            availability_zone: az_id.to_owned(),
            checks: self.spec.probe.checks.clone(),
        }
    }
}

impl RefTarget {
    fn is(&self, seen: &RouteTarget) -> bool {
        match (self, seen) {
            (Self::InternetGateway(Ref::Id(id)), RouteTarget::InternetGateway(seen))
            | (Self::NatGateway(Ref::Id(id)), RouteTarget::NatGateway(seen)) => id == seen,
            _ => false,
        }
    }
}
