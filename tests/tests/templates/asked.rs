//! What IAM is asked when a call of a plan is made: every action, with every resource of the call and its tags.

use phonehome_network::{AclEntry, RemovalTarget, Tags};
use phonehome_planner::{Action, Direction, Ref, RefTarget};
use phonehome_wire::ProbeInput;
use serde_json::json;

use crate::iam::Request;
use crate::template::{ACCOUNT, REGION};

/// The questions of one call.
pub(crate) struct Asked {
    /// For whoever reads a test that failed.
    pub(crate) what: String,
    /// `ec2:CreateVpc`
    pub(crate) operation: &'static str,
    pub(crate) requests: Vec<Request>,
}

const OWNER: (&str, &str) = ("phonehome:managed-by", "phonehome");
const PROBE: &str = "phonehome-probe-use1-az1";
const LAMBDA: &str = "lambda.amazonaws.com";
const SCHEDULER: &str = "scheduler.amazonaws.com";

fn arn(kind: &str) -> String {
    format!("arn:aws:ec2:{REGION}:{ACCOUNT}:{kind}/x-1")
}

/// On what carries phonehome's tags, at this address.
fn at(action: &str, kind: &str, address: &str) -> Request {
    Request::new(action, &arn(kind)).tagged(&[OWNER, ("phonehome:address", address)])
}

fn on(action: &str, kind: &str) -> Request {
    at(action, kind, "somewhere")
}

/// What is made, with its tags in the same call.
fn made(action: &str, kind: &str) -> Vec<Request> {
    let tags = [OWNER, ("phonehome:address", "somewhere")];
    let verb = action.trim_start_matches("ec2:");
    let tag = Request::new("ec2:CreateTags", &arn(kind)).tagging(&tags).with("ec2:CreateAction", &[verb]);
    vec![Request::new(action, &arn(kind)).tagging(&tags), tag]
}

fn made_in(action: &str, kind: &str, places: &[&str]) -> Vec<Request> {
    made(action, kind).into_iter().chain(places.iter().map(|place| on(action, place))).collect()
}

fn function(action: &str) -> Request {
    Request::new(action, &format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{PROBE}"))
}

fn schedule(action: &str) -> Request {
    Request::new(action, &format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{PROBE}"))
}

fn passed(role: &str, service: &str) -> Request {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
    Request::new("iam:PassRole", &role).with("iam:PassedToService", &[service])
}

/// EC2 makes this role in the caller's name.
fn linked_role() -> Request {
    let service = "ec2-nat-gateway.amazonaws.com";
    let role = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/AWSServiceRoleForNATGateway");
    Request::new("iam:CreateServiceLinkedRole", &role).with("iam:AWSServiceName", &[service])
}

impl Asked {
    /// The one that has a probe run, which is no call of a plan.
    pub(crate) fn to_rerun() -> Self {
        let operation = "lambda:InvokeFunction";
        Self { what: "a probe runs again".to_owned(), operation, requests: vec![function(operation)] }
    }

    /// Those that tighten settings of the account.
    pub(crate) fn to_tighten() -> Vec<Self> {
        let of = |operation: &'static str, request: Request| Self {
            what: format!("settings: {operation}"),
            operation,
            requests: vec![request],
        };
        let plain = |operation: &'static str| of(operation, Request::new(operation, "*"));
        let tokens = "ec2:ModifyInstanceMetadataDefaults";
        vec![
            plain("s3:PutAccountPublicAccessBlock"),
            plain("ec2:EnableEbsEncryptionByDefault"),
            plain("ec2:ModifyEbsDefaultKmsKeyId"),
            of(tokens, Request::new(tokens, "*").with("ec2:Attribute/HttpTokens", &["required"])),
        ]
    }

    /// Of a call that takes nothing away.
    pub(crate) fn by(action: &Action) -> Self {
        let operation = action.operation();
        Self { what: format!("{action:?}"), operation, requests: asked_by(action, operation) }
    }

    /// Of the call that takes this away.
    pub(crate) fn to_remove(target: &RemovalTarget) -> Self {
        let (operation, kinds): (_, &[&str]) = match target {
            RemovalTarget::Vpc { .. } => ("ec2:DeleteVpc", &["vpc"]),
            RemovalTarget::Subnet { .. } => ("ec2:DeleteSubnet", &["subnet"]),
            RemovalTarget::InternetGatewayAttachment { .. } => {
                ("ec2:DetachInternetGateway", &["internet-gateway", "vpc"])
            }
            RemovalTarget::InternetGateway { .. } => ("ec2:DeleteInternetGateway", &["internet-gateway"]),
            RemovalTarget::RouteTable { .. } => ("ec2:DeleteRouteTable", &["route-table"]),
            RemovalTarget::Route { .. } => ("ec2:DeleteRoute", &["route-table"]),
            RemovalTarget::NatGateway { .. } => ("ec2:DeleteNatGateway", &["natgateway"]),
            RemovalTarget::ElasticIp { .. } => ("ec2:ReleaseAddress", &["elastic-ip"]),
            RemovalTarget::SecurityGroup { .. } => ("ec2:DeleteSecurityGroup", &["security-group"]),
            // Only of a default VPC, which carries no tags.
            RemovalTarget::NetworkAcl { .. } => ("ec2:DeleteNetworkAcl", &[]),
            RemovalTarget::AclEntry { .. } => ("ec2:DeleteNetworkAclEntry", &["network-acl"]),
            RemovalTarget::Endpoint { .. } => ("ec2:DeleteVpcEndpoints", &["vpc-endpoint"]),
            RemovalTarget::FlowLog { .. } => ("ec2:DeleteFlowLogs", &["vpc-flow-log"]),
            RemovalTarget::Peering { .. } => ("ec2:DeleteVpcPeeringConnection", &["vpc-peering-connection"]),
            RemovalTarget::Function { .. } => ("lambda:DeleteFunction", &[]),
            RemovalTarget::Schedule { .. } => ("scheduler:DeleteSchedule", &[]),
        };
        let mut requests: Vec<Request> = kinds.iter().map(|kind| on(operation, kind)).collect();
        match target {
            RemovalTarget::NetworkAcl { .. } => requests.push(Request::new(operation, &arn("network-acl"))),
            RemovalTarget::FlowLog { .. } => requests.push(Request::new("logs:DeleteLogDelivery", "*")),
            RemovalTarget::Function { .. } => requests.push(function(operation)),
            RemovalTarget::Schedule { .. } => requests.push(schedule(operation)),
            _ => {}
        }
        Self { what: format!("{target:?}"), operation, requests }
    }
}

fn asked_by(action: &Action, operation: &str) -> Vec<Request> {
    match action {
        Action::CreateVpc { .. } => made(operation, "vpc"),
        Action::EnableDnsSupport { .. } | Action::EnableDnsHostNames { .. } => vec![on(operation, "vpc")],
        Action::CreateInternetGateway => made(operation, "internet-gateway"),
        Action::AttachInternetGateway { .. } => vec![on(operation, "internet-gateway"), on(operation, "vpc")],
        Action::AllocateElasticIp => made(operation, "elastic-ip"),
        Action::CreateSubnet { .. } => made_in(operation, "subnet", &["vpc"]),
        Action::DisablePublicIpOnLaunch { .. } => vec![on(operation, "subnet")],
        Action::CreateRouteTable { .. } => made_in(operation, "route-table", &["vpc"]),
        Action::CreateRoute { .. } | Action::ReplaceRoute { .. } => vec![on(operation, "route-table")],
        Action::AssociateRouteTable { .. } | Action::ReplaceAssociation { .. } => {
            vec![on(operation, "route-table"), on(operation, "subnet")]
        }
        Action::CreateNatGateway { .. } => made_in(operation, "natgateway", &["subnet", "elastic-ip"]),
        Action::CreateRegionalNatGateway { .. } => {
            let made = made_in(operation, "natgateway", &["vpc"]);
            made.into_iter().chain([linked_role()]).collect()
        }
        Action::CreateSecurityGroup { .. } => made_in(operation, "security-group", &["vpc"]),
        Action::FindDefaultSecurityGroup { .. }
        | Action::FindDefaultNetworkAcl { .. }
        | Action::FindMainRouteTable { .. } => vec![Request::new(operation, "*")],
        Action::AuthorizeRules { .. } => vec![on(operation, "security-group")],
        Action::RevokeRules { .. } => {
            vec![at(operation, "security-group", "security-group/default"), on(operation, "security-group")]
        }
        Action::CreateAclEntry { .. } | Action::ReplaceAclEntry { .. } => {
            vec![at(operation, "network-acl", "network-acl/default")]
        }
        Action::CreateGatewayEndpoint { .. } => made_in(operation, "vpc-endpoint", &["vpc", "route-table"]),
        Action::AddEndpointTables { .. } => vec![on(operation, "vpc-endpoint"), on(operation, "route-table")],
        Action::CreateFlowLog { .. } => {
            let made = made_in(operation, "vpc-flow-log", &["vpc"]);
            made.into_iter().chain([Request::new("logs:CreateLogDelivery", "*")]).collect()
        }
        Action::CreatePeering { .. } => made_in(operation, "vpc-peering-connection", &["vpc"]),
        Action::AcceptPeering { .. } => {
            vec![on(operation, "vpc"), Request::new(operation, &arn("vpc-peering-connection"))]
        }
        Action::Tag { .. } | Action::Untag { .. } => tags(operation),
        Action::CreateFunction { .. } => {
            vec![function(operation), function("lambda:TagResource"), passed("phonehome-probe", LAMBDA)]
        }
        Action::UpdateFunctionConfiguration { .. } => {
            vec![function(operation), passed("phonehome-probe", LAMBDA)]
        }
        Action::UpdateFunctionCode { .. } | Action::PutDestination { .. } => vec![function(operation)],
        Action::CreateSchedule { .. } | Action::UpdateSchedule { .. } => {
            vec![schedule(operation), passed("phonehome-schedule", SCHEDULER)]
        }
        Action::Remove(removal) => Asked::to_remove(removal.what()).requests,
    }
}

/// What has lost some of its tags, what AWS made, a peering, what is adopted; and what is given up.
fn tags(operation: &str) -> Vec<Request> {
    let address = ("phonehome:address", "subnet/public/use1-az1");
    if operation == "ec2:DeleteTags" {
        let keys = ["phonehome:managed-by", "phonehome:address"];
        return vec![on(operation, "vpc").with("aws:TagKeys", &keys)];
    }
    let untagged = |kind: &str, address: &str| {
        Request::new(operation, &arn(kind)).tagging(&[OWNER, ("phonehome:address", address)])
    };
    vec![
        on(operation, "subnet").tagging(&[("Name", "shop-prod")]),
        Request::new(operation, &arn("subnet")).tagged(&[address]).tagging(&[OWNER]),
        untagged("security-group", "security-group/default"),
        untagged("network-acl", "network-acl/default"),
        untagged("route-table", "route-table/main"),
        untagged("vpc-peering-connection", "peering/payments-prod"),
        Request::new(operation, &arn("vpc")).tagging(&[OWNER, ("phonehome:adopted", "true")]),
    ]
}

fn id() -> Ref {
    Ref::Id("x-1".to_owned())
}

/// One of each call but for removals.
pub(crate) fn actions() -> Vec<Action> {
    let text = || "x".to_owned();
    let net = || "10.0.0.0/16".parse().expect("a network");
    let (zone, name) = ("use1-az1".parse().expect("a zone"), PROBE.to_owned());
    let entry = AclEntry {
        number: 1,
        egress: false,
        allow: false,
        protocol: "6".to_owned(),
        ports: None,
        cidr: None,
    };
    let rules = |direction| {
        [
            Action::AuthorizeRules { group: id(), direction, rules: vec![] },
            Action::RevokeRules { group: id(), direction, rules: vec![] },
        ]
    };
    let mut all = vec![
        Action::CreateVpc { cidr: net() },
        Action::EnableDnsSupport { vpc: id() },
        Action::EnableDnsHostNames { vpc: id() },
        Action::CreateInternetGateway,
        Action::AttachInternetGateway { gateway: id(), vpc: id() },
        Action::AllocateElasticIp,
        Action::CreateSubnet { vpc: id(), cidr: net(), az_id: zone },
        Action::DisablePublicIpOnLaunch { subnet: id() },
        Action::CreateRouteTable { vpc: id() },
        Action::CreateRoute { table: id(), destination: net(), target: RefTarget::NatGateway(id()) },
        Action::ReplaceRoute { table: id(), destination: net(), target: RefTarget::Peering(id()) },
        Action::AssociateRouteTable { table: id(), subnet: id() },
        Action::ReplaceAssociation { association_id: text(), table: id() },
        Action::CreateNatGateway { subnet: id(), allocation: id() },
        Action::CreateRegionalNatGateway { vpc: id() },
        Action::CreateSecurityGroup { vpc: id(), name: text(), description: text() },
        Action::FindDefaultSecurityGroup { vpc: id() },
        Action::FindDefaultNetworkAcl { vpc: id() },
        Action::FindMainRouteTable { vpc: id() },
        Action::CreateAclEntry { acl: id(), entry: entry.clone() },
        Action::ReplaceAclEntry { acl: id(), entry },
        Action::CreateGatewayEndpoint { vpc: id(), service: text(), tables: vec![id()] },
        Action::AddEndpointTables { endpoint: text(), tables: vec![id()] },
        Action::CreateFlowLog { vpc: id(), destination: text() },
    ];
    all.extend([Direction::Ingress, Direction::Egress].into_iter().flat_map(rules));
    all.extend([
        Action::CreatePeering {
            vpc: id(),
            peer_account: "999999999999".parse().expect("an account"),
            peer_region: REGION.parse().expect("a Region"),
            peer_vpc: text(),
        },
        Action::AcceptPeering { peering: text() },
        Action::Tag { resource: id(), tags: Tags::new() },
        Action::Untag { resource: text(), keys: vec![] },
        Action::CreateFunction { name: name.clone(), subnet: id(), security_group: id() },
        Action::UpdateFunctionCode { name: name.clone() },
        Action::UpdateFunctionConfiguration { name: name.clone(), subnet: id(), security_group: id() },
        Action::PutDestination { name: name.clone() },
        Action::CreateSchedule { name: name.clone(), function_arn: text(), input: input() },
        Action::UpdateSchedule { name, function_arn: text(), input: input() },
    ]);
    all
}

fn input() -> ProbeInput {
    let zone = json!({"version": 1, "generation": 1, "region": REGION, "availability_zone": "use1-az1", "checks": []});
    serde_json::from_value(zone).expect("an input")
}

/// One of everything that can be taken away.
pub(crate) fn removals() -> Vec<RemovalTarget> {
    let id = || "x-1".to_owned();
    let name = || PROBE.to_owned();
    vec![
        RemovalTarget::Vpc { id: id() },
        RemovalTarget::Subnet { id: id() },
        RemovalTarget::InternetGatewayAttachment { id: id(), vpc_id: id() },
        RemovalTarget::InternetGateway { id: id() },
        RemovalTarget::RouteTable { id: id() },
        RemovalTarget::Route { table_id: id(), destination: "10.0.0.0/16".parse().expect("a network") },
        RemovalTarget::NatGateway { id: id() },
        RemovalTarget::ElasticIp { id: id() },
        RemovalTarget::SecurityGroup { id: id() },
        RemovalTarget::NetworkAcl { id: id() },
        RemovalTarget::AclEntry { acl_id: id(), number: 1, egress: false },
        RemovalTarget::Endpoint { id: id() },
        RemovalTarget::FlowLog { id: id() },
        RemovalTarget::Peering { id: id() },
        RemovalTarget::Function { name: name() },
        RemovalTarget::Schedule { name: name() },
    ]
}
