//! Removals for tests. Only the planner makes them, so it is asked to give up a stack that has one of
//! everything, and a default VPC.

use phonehome_network::{
    AclEntry, Association, ElasticIp, Endpoint, FlowLog, Function, FunctionState, InternetGateway, Inventory,
    NatGateway, NatState, NetworkAcl, Peering, PeeringState, PeeringVpc, RemovalTarget, Route, RouteTable,
    RouteTarget, Schedule, SecurityGroup, Subnet, Tags, Vpc,
};
use phonehome_planner::{Action, Decommission, Limits, plan_decommission, plan_default_vpc_removal};

use super::test_cloud::spec;

/// Every removal that there is a plan for, and what its call must say.
pub(super) fn removals() -> Vec<(Action, &'static [&'static str])> {
    let released = plan_decommission(&spec(), &stack(), &Limits::DECOMMISSION, Decommission::Remove).unwrap();
    let emptied = plan_default_vpc_removal(&spec(), &default_vpc(), &Limits::DECOMMISSION).unwrap();
    let steps = released.steps.into_iter().chain(emptied.steps);
    let actions: Vec<Action> = steps.map(|step| step.action).collect();
    let removed = actions.iter().filter(|action| matches!(action, Action::Remove(_))).count();
    assert!(removed >= 15 && removed == actions.len(), "{actions:?}");
    actions.into_iter().map(|action| (action.clone(), parts(&action))).collect()
}

fn parts(action: &Action) -> &'static [&'static str] {
    let Action::Remove(removal) = action else { return &[] };
    match removal.what() {
        RemovalTarget::Vpc { .. } => &["VpcId=vpc-"],
        RemovalTarget::Subnet { .. } => &["SubnetId=subnet-1"],
        RemovalTarget::InternetGatewayAttachment { .. } => &["InternetGatewayId=igw-1", "VpcId=vpc-1"],
        RemovalTarget::InternetGateway { .. } => &["InternetGatewayId=igw-1"],
        RemovalTarget::RouteTable { .. } => &["RouteTableId=rtb-1"],
        RemovalTarget::Route { .. } => &["RouteTableId=rtb-1", "DestinationCidrBlock=10.9.0.0%2F16"],
        RemovalTarget::NatGateway { .. } => &["NatGatewayId=nat-1"],
        RemovalTarget::ElasticIp { .. } => &["AllocationId=eipalloc-1"],
        RemovalTarget::SecurityGroup { .. } => &["GroupId=sg-1"],
        RemovalTarget::NetworkAcl { .. } => &["NetworkAclId=acl-1"],
        RemovalTarget::AclEntry { .. } => &["RuleNumber="],
        RemovalTarget::Endpoint { .. } => &["VpcEndpointId.1=vpce-1"],
        RemovalTarget::FlowLog { .. } => &["FlowLogId.1=fl-1"],
        RemovalTarget::Peering { .. } => &["VpcPeeringConnectionId=pcx-1"],
        RemovalTarget::Function { .. } => &["DELETE", "/functions/phonehome-probe-use1-az1 "],
        RemovalTarget::Schedule { .. } => &["DELETE", "/schedules/phonehome-probe-use1-az1"],
    }
}

fn tags(address: &str) -> Tags {
    let pairs = [("phonehome:managed-by", "phonehome"), ("phonehome:address", address)];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn vpc(id: &str, tags: Tags, is_default: bool) -> Vpc {
    let cidrs = vec!["10.0.0.0/16".parse().unwrap()];
    Vpc { id: id.into(), tags, owner: None, cidrs, is_default, dns_support: None, dns_host_names: None }
}

fn side(account: &str, vpc_id: &str) -> PeeringVpc {
    let (account, region, vpc_id) = (account.to_owned(), "us-east-1".to_owned(), vpc_id.to_owned());
    PeeringVpc { account, region, vpc_id, cidrs: vec![] }
}

fn stack() -> Inventory {
    let route =
        Route { destination: "10.9.0.0/16".parse().unwrap(), target: RouteTarget::Peering("pcx-1".into()) };
    let association = Association { id: "rtbassoc-1".into(), subnet_id: "subnet-1".into() };
    let name = "phonehome-probe-use1-az1".to_owned();
    Inventory {
        route_tables: vec![RouteTable {
            id: "rtb-1".into(),
            tags: tags("route-table/private/use1-az1"),
            vpc_id: "vpc-1".into(),
            main: false,
            routes: vec![route],
            associations: vec![association],
        }],
        peerings: vec![Peering {
            id: "pcx-1".into(),
            tags: tags("peering/pay-prod"),
            state: PeeringState::Active,
            requester: side("123456789012", "vpc-1"),
            accepter: side("210987654321", "vpc-2"),
        }],
        functions: vec![Function {
            name: name.clone(),
            code_sha256: "hash".into(),
            subnet_ids: vec![],
            security_group_ids: vec![],
            role_arn: "role".into(),
            memory_mb: 128,
            timeout_s: 30,
            environment: vec![],
            revision: None,
            state: FunctionState::Active,
            destination: None,
        }],
        schedules: vec![Schedule {
            name,
            expression: "rate(1 minute)".into(),
            enabled: true,
            target_arn: "arn".into(),
            role_arn: "role".into(),
            input: None,
            modified_ms: None,
        }],
        ..gateways_and_guards()
    }
}

fn gateways_and_guards() -> Inventory {
    Inventory {
        vpcs: vec![vpc("vpc-1", tags("vpc"), false)],
        subnets: vec![Subnet {
            id: "subnet-1".into(),
            tags: tags("subnet/private/use1-az1"),
            vpc_id: "vpc-1".into(),
            cidr: "10.0.1.0/24".parse().unwrap(),
            az_id: "use1-az1".into(),
            public_ip_on_launch: false,
        }],
        internet_gateways: vec![InternetGateway {
            id: "igw-1".into(),
            tags: tags("internet-gateway"),
            vpc_id: Some("vpc-1".into()),
        }],
        elastic_ips: vec![ElasticIp {
            allocation_id: "eipalloc-1".into(),
            tags: tags("elastic-ip/use1-az1"),
            public_ip: "192.0.2.1".into(),
            association_id: None,
        }],
        nat_gateways: vec![NatGateway {
            id: "nat-1".into(),
            tags: tags("nat-gateway/use1-az1"),
            public_ips: vec![],
            route_table_id: None,
            vpc_id: "vpc-1".into(),
            subnet_id: Some("subnet-1".into()),
            allocation_ids: vec!["eipalloc-1".into()],
            state: NatState::Available,
        }],
        security_groups: vec![SecurityGroup {
            id: "sg-1".into(),
            tags: tags("security-group/probe"),
            name: "phonehome-probe".into(),
            vpc_id: "vpc-1".into(),
            ingress: vec![],
            egress: vec![],
        }],
        endpoints: vec![Endpoint {
            id: "vpce-1".into(),
            tags: tags("endpoint/s3"),
            vpc_id: "vpc-1".into(),
            service: "com.amazonaws.us-east-1.s3".into(),
            route_table_ids: vec![],
            is_gone: false,
        }],
        flow_logs: vec![FlowLog {
            id: "fl-1".into(),
            tags: tags("flow-log"),
            resource_id: "vpc-1".into(),
            destination: "arn:aws:s3:::logs".into(),
        }],
        ..Inventory::default()
    }
}

fn default_vpc() -> Inventory {
    let entries: Vec<AclEntry> = vec![];
    let acl = NetworkAcl {
        id: "acl-1".into(),
        tags: Tags::new(),
        vpc_id: "vpc-default".into(),
        is_default: false,
        entries,
        associations: vec![],
    };
    Inventory {
        vpcs: vec![vpc("vpc-default", Tags::new(), true)],
        network_acls: vec![acl],
        ..Inventory::default()
    }
}
