//! AWS, as far as a stack needs it: does what a plan's actions say, and refuses what AWS refuses.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use phonehome_network::{
    Action, Address, Change, ElasticIp, Function, FunctionState, InternetGateway, Inventory, NatGateway,
    NatState, Plan, Ref, RefTarget, Route, RouteTable, RouteTarget, Schedule, SecurityGroup, StackSpec,
    Subnet, Vpc,
};

/// Applies every step in the list's order. What takes time on AWS is done at once.
pub(crate) fn apply(plan: &Plan, spec: &StackSpec, world: &mut Inventory) {
    let mut aws = Aws { spec, world, made: BTreeMap::new() };
    for step in &plan.steps {
        let id = aws.network(&step.address, &step.action).or_else(|| aws.probes(&step.action));
        assert!(step.change != Change::Create || !aws.made.contains_key(&step.address), "made twice");
        if let Some(id) = id {
            aws.made.insert(step.address.clone(), id);
        }
    }
}

struct Aws<'a> {
    spec: &'a StackSpec,
    world: &'a mut Inventory,
    made: BTreeMap<Address, String>,
}

/// An id that no resource of its kind has, and none had that a route still leads to.
fn new_id<'a>(kind: &str, world: &Inventory, ids: impl Iterator<Item = &'a String>) -> String {
    let routes = world.route_tables.iter().flat_map(|table| &table.routes);
    let routed = routes.map(|route| route.target.to_string()).filter(|id| id.starts_with(kind));
    let numbers = ids.cloned().chain(routed).filter_map(|id| id.rsplit('-').next()?.parse::<u32>().ok());
    format!("{kind}-{:02}", numbers.max().unwrap_or_default() + 1)
}

impl Aws<'_> {
    fn id(&self, reference: &Ref) -> String {
        match reference {
            Ref::Id(id) => id.clone(),
            Ref::Output(address) => {
                self.made.get(address).unwrap_or_else(|| panic!("{address} is not made yet")).clone()
            }
        }
    }

    fn network(&mut self, address: &Address, action: &Action) -> Option<String> {
        let address = address.clone();
        match action {
            Action::CreateVpc { cidr } => Some(self.create_vpc(address, *cidr)),
            Action::CreateInternetGateway => {
                let id =
                    new_id("igw", self.world, self.world.internet_gateways.iter().map(|gateway| &gateway.id));
                self.world.internet_gateways.push(InternetGateway { id: id.clone(), address, vpc_id: None });
                Some(id)
            }
            Action::AllocateElasticIp => {
                let id =
                    new_id("eipalloc", self.world, self.world.elastic_ips.iter().map(|ip| &ip.allocation_id));
                let ip = ElasticIp { allocation_id: id.clone(), address, public_ip: "192.0.2.1".into() };
                self.world.elastic_ips.push(ip);
                Some(id)
            }
            Action::CreateSubnet { vpc, cidr, az_id } => Some(self.create_subnet(address, vpc, *cidr, az_id)),
            Action::CreateRouteTable { vpc } => {
                let id = new_id("rtb", self.world, self.world.route_tables.iter().map(|table| &table.id));
                let vpc_id = self.id(vpc);
                let table =
                    RouteTable { id: id.clone(), address, vpc_id, routes: vec![], subnet_ids: vec![] };
                self.world.route_tables.push(table);
                Some(id)
            }
            Action::CreateNatGateway { subnet, allocation } => {
                Some(self.create_nat_gateway(address, subnet, allocation))
            }
            Action::CreateSecurityGroup { vpc, name, .. } => {
                let vpc = self.id(vpc);
                Some(self.create_group(Some(address), name, &vpc, 0))
            }
            _ => {
                self.connect(action);
                None
            }
        }
    }

    fn create_vpc(&mut self, address: Address, cidr: Ipv4Net) -> String {
        let id = new_id("vpc", self.world, self.world.vpcs.iter().map(|vpc| &vpc.id));
        self.world.vpcs.push(Vpc { id: id.clone(), address, cidr });
        self.create_group(None, "default", &id, 1);
        id
    }

    fn create_group(
        &mut self,
        address: Option<Address>,
        name: &str,
        vpc_id: &str,
        ingress_rules: usize,
    ) -> String {
        let groups = &self.world.security_groups;
        assert!(!groups.iter().any(|group| group.name == name && group.vpc_id == vpc_id), "duplicate");
        let id = new_id("sg", self.world, groups.iter().map(|group| &group.id));
        self.world.security_groups.push(SecurityGroup {
            id: id.clone(),
            address,
            name: name.to_owned(),
            vpc_id: vpc_id.to_owned(),
            ingress_rules,
            egress_rules: 1,
        });
        id
    }

    fn create_subnet(&mut self, address: Address, vpc: &Ref, cidr: Ipv4Net, az_id: &str) -> String {
        let vpc_id = self.id(vpc);
        let vpc = self.world.vpcs.iter().find(|vpc| vpc.id == vpc_id).expect("its VPC");
        assert!(vpc.cidr.contains(&cidr), "outside the VPC");
        for other in self.world.subnets.iter().filter(|other| other.vpc_id == vpc_id) {
            assert!(!other.cidr.contains(&cidr) && !cidr.contains(&other.cidr), "overlaps {}", other.id);
        }
        let id = new_id("subnet", self.world, self.world.subnets.iter().map(|subnet| &subnet.id));
        self.world.subnets.push(Subnet { id: id.clone(), address, vpc_id, cidr, az_id: az_id.to_owned() });
        id
    }

    fn create_nat_gateway(&mut self, address: Address, subnet: &Ref, allocation: &Ref) -> String {
        let (subnet_id, allocation) = (self.id(subnet), self.id(allocation));
        let subnet = self.world.subnets.iter().find(|subnet| subnet.id == subnet_id).expect("its subnet");
        let vpc = Some(&subnet.vpc_id);
        assert!(self.world.internet_gateways.iter().any(|gateway| gateway.vpc_id.as_ref() == vpc));
        assert!(self.world.elastic_ips.iter().any(|ip| ip.allocation_id == allocation));
        let id = new_id("nat", self.world, self.world.nat_gateways.iter().map(|nat| &nat.id));
        let nat = NatGateway { id: id.clone(), address, subnet_id, state: NatState::Available };
        self.world.nat_gateways.push(nat);
        id
    }

    fn connect(&mut self, action: &Action) {
        match action {
            Action::AttachInternetGateway { gateway, vpc } => {
                let (gateway, vpc) = (self.id(gateway), self.id(vpc));
                let mut gateways = self.world.internet_gateways.iter_mut();
                let gateway = gateways.find(|seen| seen.id == gateway).expect("the gateway");
                assert_eq!(gateway.vpc_id.replace(vpc), None);
            }
            Action::CreateRoute { table, destination, target } => {
                let target = self.target(target);
                let table = self.table(table);
                assert!(!table.routes.iter().any(|route| route.destination == *destination), "exists");
                table.routes.push(Route { destination: *destination, target });
            }
            Action::ReplaceRoute { table, destination, target } => {
                let target = self.target(target);
                let mut routes = self.table(table).routes.iter_mut();
                routes.find(|route| route.destination == *destination).expect("the route").target = target;
            }
            Action::AssociateRouteTable { table, subnet } => {
                let subnet = self.id(subnet);
                let taken = self.world.route_tables.iter().any(|table| table.subnet_ids.contains(&subnet));
                assert!(!taken, "{subnet} has a route table already");
                self.table(table).subnet_ids.push(subnet);
            }
            Action::EmptyDefaultSecurityGroup { vpc } => {
                let vpc = self.id(vpc);
                let mut groups = self.world.security_groups.iter_mut();
                let group = groups.find(|seen| seen.name == "default" && seen.vpc_id == vpc);
                let group = group.expect("the default group");
                (group.ingress_rules, group.egress_rules) = (0, 0);
            }
            _ => {}
        }
    }

    fn target(&self, target: &RefTarget) -> RouteTarget {
        let id = self.id(target.reference());
        match target {
            RefTarget::InternetGateway(_) => {
                let mut gateways = self.world.internet_gateways.iter();
                assert!(gateways.any(|gateway| gateway.id == id && gateway.vpc_id.is_some()));
                RouteTarget::InternetGateway(id)
            }
            RefTarget::NatGateway(_) => {
                assert!(
                    self.world.nat_gateways.iter().any(|nat| nat.id == id && nat.state != NatState::Gone)
                );
                RouteTarget::NatGateway(id)
            }
        }
    }

    fn table(&mut self, table: &Ref) -> &mut RouteTable {
        let id = self.id(table);
        self.world.route_tables.iter_mut().find(|table| table.id == id).expect("the route table")
    }

    fn probes(&mut self, action: &Action) -> Option<String> {
        let probe = &self.spec.probe;
        match action {
            Action::CreateFunction { name, subnet, security_group } => {
                assert!(!self.world.functions.iter().any(|function| function.name == *name), "exists");
                let function = Function {
                    name: name.clone(),
                    code_sha256: probe.code_sha256.clone(),
                    subnet_ids: vec![self.id(subnet)],
                    security_group_ids: vec![self.id(security_group)],
                    role_arn: probe.role_arn.clone(),
                    memory_mb: probe.memory_mb,
                    timeout_s: probe.timeout_s,
                    state: FunctionState::Active,
                    destination: None,
                };
                self.world.functions.push(function);
            }
            Action::UpdateFunctionCode { name } => {
                self.function(name).code_sha256.clone_from(&probe.code_sha256);
            }
            Action::UpdateFunctionConfiguration { name, subnet, security_group } => {
                let (subnet, group) = (self.id(subnet), self.id(security_group));
                let function = self.function(name);
                (function.subnet_ids, function.security_group_ids) = (vec![subnet], vec![group]);
                (function.memory_mb, function.timeout_s) = (probe.memory_mb, probe.timeout_s);
                function.role_arn.clone_from(&probe.role_arn);
                function.state = FunctionState::Active;
            }
            Action::PutDestination { name } => {
                self.function(name).destination = Some(probe.bus_arn.clone());
            }
            _ => self.schedule(action),
        }
        None
    }

    fn function(&mut self, name: &str) -> &mut Function {
        let function = self.world.functions.iter_mut().find(|function| function.name == name);
        let function = function.expect("the function");
        assert_ne!(function.state, FunctionState::Pending, "Lambda refuses changes meanwhile");
        function
    }

    fn schedule(&mut self, action: &Action) {
        let schedules = &mut self.world.schedules;
        let (name, function_arn, input) = match action {
            Action::CreateSchedule { name, function_arn, input } => {
                assert!(!schedules.iter().any(|schedule| schedule.name == *name), "exists");
                (name, function_arn, input)
            }
            Action::UpdateSchedule { name, function_arn, input } => {
                schedules.remove(schedules.iter().position(|seen| seen.name == *name).expect("the schedule"));
                (name, function_arn, input)
            }
            _ => return,
        };
        schedules.push(Schedule {
            name: name.clone(),
            expression: "rate(1 minute)".into(),
            enabled: true,
            target_arn: function_arn.clone(),
            role_arn: self.spec.probe.schedule_role_arn.clone(),
            input: Some(input.clone()),
        });
    }
}
