//! Every action against a listener on this machine that plays AWS: which call is made, how often, and
//! with which parameters.

use phonehome_network::{AclEntry, Address, Rule, RulePeer, Tags};
use phonehome_planner::{Action, Direction, Ref, RefTarget, StackSpec};
use phonehome_wire::ProbeInput;

use super::super::ProbeCode;
use super::super::test_cloud::{TestCloud, stack};
use super::super::test_removals::removals;
use super::*;
use phonehome_executor::{StackApi as _, StepError};

/// What every answer of EC2 carries here, so that each call finds its part.
const EC2_ANSWER: &str = "<requestId>r</requestId><return>true</return>
    <vpc><vpcId>made</vpcId></vpc> <subnet><subnetId>made</subnetId></subnet>
    <internetGateway><internetGatewayId>made</internetGatewayId></internetGateway>
    <allocationId>made</allocationId> <groupId>made</groupId> <associationId>made</associationId>
    <newAssociationId>made</newAssociationId> <routeTable><routeTableId>made</routeTableId></routeTable>
    <natGateway><natGatewayId>made</natGatewayId></natGateway>
    <vpcEndpoint><vpcEndpointId>made</vpcEndpointId></vpcEndpoint>
    <flowLogIdSet><item>made</item></flowLogIdSet>
    <vpcPeeringConnection><vpcPeeringConnectionId>made</vpcPeeringConnectionId></vpcPeeringConnection>
    <securityGroupInfo><item><groupId>found</groupId></item></securityGroupInfo>
    <networkAclSet><item><networkAclId>found</networkAclId></item></networkAclSet>
    <routeTableSet><item><routeTableId>found</routeTableId></item></routeTableSet>";

fn id(id: &str) -> Ref {
    Ref::Id(id.to_owned())
}

fn networks() -> Vec<(Action, &'static [&'static str])> {
    let (vpc, table, subnet) = (id("vpc-1"), id("rtb-1"), id("subnet-1"));
    let (cidr, anywhere) = ("10.0.0.0/16".parse().unwrap(), ipnet::Ipv4Net::default());
    let gateway = RefTarget::InternetGateway(id("igw-1"));
    let (nat, peering) = (RefTarget::NatGateway(id("nat-1")), RefTarget::Peering(id("pcx-1")));
    vec![
        (
            Action::CreateVpc { cidr },
            &["CidrBlock=10.0.0.0%2F16", "ResourceType=vpc&", "phonehome%3Aaddress"],
        ),
        (Action::EnableDnsSupport { vpc: vpc.clone() }, &["VpcId=vpc-1", "EnableDnsSupport.Value=true"]),
        (Action::EnableDnsHostNames { vpc: vpc.clone() }, &["EnableDnsHostnames.Value=true"]),
        (Action::CreateInternetGateway, &["ResourceType=internet-gateway"]),
        (
            Action::AttachInternetGateway { gateway: id("igw-1"), vpc: vpc.clone() },
            &["InternetGatewayId=igw-1", "VpcId=vpc-1"],
        ),
        (Action::AllocateElasticIp, &["Domain=vpc", "ResourceType=elastic-ip"]),
        (
            Action::CreateSubnet { vpc: vpc.clone(), cidr, az_id: "use1-az1".parse().unwrap() },
            &["AvailabilityZoneId=use1-az1", "ResourceType=subnet"],
        ),
        (
            Action::DisablePublicIpOnLaunch { subnet: subnet.clone() },
            &["SubnetId=subnet-1", "MapPublicIpOnLaunch.Value=false"],
        ),
        (Action::CreateRouteTable { vpc: vpc.clone() }, &["VpcId=vpc-1", "ResourceType=route-table"]),
        (
            Action::CreateRoute { table: table.clone(), destination: anywhere, target: gateway },
            &["RouteTableId=rtb-1", "DestinationCidrBlock=0.0.0.0%2F0", "GatewayId=igw-1"],
        ),
        (
            Action::CreateRoute { table: table.clone(), destination: cidr, target: peering },
            &["VpcPeeringConnectionId=pcx-1"],
        ),
        (
            Action::ReplaceRoute { table: table.clone(), destination: anywhere, target: nat },
            &["NatGatewayId=nat-1"],
        ),
        (
            Action::AssociateRouteTable { table: table.clone(), subnet: subnet.clone() },
            &["RouteTableId=rtb-1", "SubnetId=subnet-1"],
        ),
        (
            Action::ReplaceAssociation { association_id: "rtbassoc-1".into(), table: table.clone() },
            &["AssociationId=rtbassoc-1"],
        ),
        (
            Action::CreateNatGateway { subnet, allocation: id("eipalloc-1") },
            &["SubnetId=subnet-1", "AllocationId=eipalloc-1", "ResourceType=natgateway"],
        ),
        (
            Action::CreateRegionalNatGateway { vpc: vpc.clone() },
            &["AvailabilityMode=regional", "VpcId=vpc-1"],
        ),
        (Action::FindMainRouteTable { vpc }, &["Filter.1.Value.1=vpc-1", "Filter.2.Name=association.main"]),
    ]
}

fn guards_and_endpoints() -> Vec<(Action, &'static [&'static str])> {
    let (vpc, group, acl) = (id("vpc-1"), id("sg-1"), id("acl-1"));
    let rules = vec![Rule { protocol: "-1".into(), ports: None, peer: RulePeer::Itself }];
    let entry = AclEntry {
        number: 20,
        egress: false,
        allow: false,
        protocol: "6".into(),
        ports: Some((22, 22)),
        cidr: Some(ipnet::Ipv4Net::default()),
    };
    let entry_parts: &[&str] =
        &["RuleNumber=20", "Egress=false", "RuleAction=deny", "Protocol=6", "PortRange.From=22"];
    let (ingress, egress) = (Direction::Ingress, Direction::Egress);
    let rule_parts: &[&str] = &["GroupId=sg-1", "IpPermissions.1.Groups.1.GroupId=sg-1"];
    let tables = vec![id("rtb-1"), id("rtb-2")];
    let peer = ("210987654321".to_owned(), "eu-west-1".to_owned(), "vpc-2".to_owned());
    vec![
        (
            Action::CreateSecurityGroup { vpc: vpc.clone(), name: "n".into(), description: "d".into() },
            &["GroupName=n", "GroupDescription=d", "ResourceType=security-group"],
        ),
        (
            Action::FindDefaultSecurityGroup { vpc: vpc.clone() },
            &["Filter.1.Value.1=vpc-1", "Filter.2.Value.1=default"],
        ),
        (
            Action::AuthorizeRules { group: group.clone(), direction: ingress, rules: rules.clone() },
            rule_parts,
        ),
        (
            Action::AuthorizeRules { group: group.clone(), direction: egress, rules: rules.clone() },
            rule_parts,
        ),
        (Action::RevokeRules { group: group.clone(), direction: ingress, rules: rules.clone() }, rule_parts),
        (Action::RevokeRules { group, direction: egress, rules }, rule_parts),
        (
            Action::FindDefaultNetworkAcl { vpc: vpc.clone() },
            &["Filter.1.Value.1=vpc-1", "Filter.2.Name=default"],
        ),
        (Action::CreateAclEntry { acl: acl.clone(), entry: entry.clone() }, entry_parts),
        (Action::ReplaceAclEntry { acl, entry }, entry_parts),
        (
            Action::CreateGatewayEndpoint { vpc: vpc.clone(), service: "s3".into(), tables: tables.clone() },
            &["VpcEndpointType=Gateway", "RouteTableId.2=rtb-2", "ResourceType=vpc-endpoint"],
        ),
        (
            Action::AddEndpointTables { endpoint: "vpce-1".into(), tables },
            &["VpcEndpointId=vpce-1", "AddRouteTableId.2=rtb-2"],
        ),
        (
            Action::CreateFlowLog { vpc: vpc.clone(), destination: "arn:aws:s3:::logs".into() },
            &["LogDestinationType=s3", "TrafficType=ALL", "MaxAggregationInterval=600", "=plain-text"],
        ),
        (
            Action::CreatePeering {
                vpc,
                peer_account: peer.0.parse().unwrap(),
                peer_region: peer.1.parse().unwrap(),
                peer_vpc: peer.2,
            },
            &["PeerOwnerId=210987654321", "PeerRegion=eu-west-1", "PeerVpcId=vpc-2"],
        ),
        (Action::AcceptPeering { peering: "pcx-1".into() }, &["VpcPeeringConnectionId=pcx-1"]),
        (
            Action::Tag { resource: id("vpc-1"), tags: Tags::from([("k".into(), "v".into())]) },
            &["ResourceId.1=vpc-1", "Tag.1.Key=k", "Tag.1.Value=v"],
        ),
        (Action::Untag { resource: "vpc-1".into(), keys: vec!["k".into()] }, &["Tag.1.Key=k"]),
    ]
}

/// An old run's answer is worth nothing: the next run comes in a minute.
const NO_RETRIES: &str = "\"RetryPolicy\":{\"MaximumRetryAttempts\":0}";

fn probes() -> Vec<(Action, &'static [&'static str])> {
    let (name, function_arn) = (StackSpec::probe_name("use1-az1"), "arn:f".to_owned());
    let (subnet, security_group) = (id("subnet-1"), id("sg-1"));
    let input = ProbeInput {
        version: 1,
        generation: 7,
        report_version: 1,
        timeout_s: 0,
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        rerun: false,
        checks: vec![],
    };
    let (n, s, g) = (name.clone(), subnet.clone(), security_group.clone());
    vec![
        (
            Action::CreateFunction { name: n.clone(), subnet: s, security_group: g },
            &["POST /2015-03-31/functions ", "subnet-1", "\"phonehome:domain\":\"shop\"", "emlw"],
        ),
        (Action::UpdateFunctionCode { name: n.clone() }, &["PUT", "/phonehome-probe-use1-az1/code "]),
        (
            Action::UpdateFunctionConfiguration { name: n.clone(), subnet, security_group },
            &["PUT", "/phonehome-probe-use1-az1/configuration ", "sg-1"],
        ),
        (
            Action::PutDestination { name: n.clone() },
            &[
                "PUT",
                "event-invoke-config ",
                "event-bus/phonehome",
                "OnFailure",
                "\"MaximumRetryAttempts\":0",
            ],
        ),
        (
            Action::CreateSchedule { name: n, function_arn: function_arn.clone(), input: input.clone() },
            &[
                "POST /schedules/phonehome-probe-use1-az1 ",
                "rate(1 minute)",
                "\"StartDate\":",
                "arn:f",
                NO_RETRIES,
            ],
        ),
        (
            Action::UpdateSchedule { name, function_arn, input },
            &["PUT /schedules/phonehome-probe-use1-az1 ", "ENABLED", "\"StartDate\":", NO_RETRIES],
        ),
    ]
}

#[tokio::test]
async fn each_action_is_exactly_the_one_call_that_the_table_names() {
    let cloud = TestCloud::new(|_| EC2_ANSWER.to_owned()).await;
    let stack = stack(&cloud).await;
    let all = [networks(), guards_and_endpoints(), probes(), removals()].concat();
    for (action, parts) in all {
        let made = stack.perform(&Address::vpc(), &action, &Ids::default()).await;
        assert!(made.is_ok(), "{action:?}: {made:?}");
        let calls = cloud.take_requests();
        let [call] = calls.as_slice() else { panic!("{action:?} made {} calls: {calls:?}", calls.len()) };
        if let Some(verb) = stack.operation(&action).strip_prefix("ec2:") {
            assert!(call.contains(&format!("Action={verb}&")), "{action:?} is {verb}, and called {call}");
        }
        for part in parts {
            assert!(call.contains(part), "{action:?} called without {part}: {call}");
        }
        let makes = ["Create", "Allocate"].iter().any(|it| stack.operation(&action).contains(it));
        if makes && call.contains("TagSpecification") {
            assert_eq!(made, Ok(Some("made".to_owned())), "{action:?}");
        }
    }
}

#[tokio::test]
async fn a_step_whose_code_is_not_at_hand_makes_no_call() {
    let cloud = TestCloud::new(|_| EC2_ANSWER.to_owned()).await;
    let stack = AwsStack { code: ProbeCode::none(), ..stack(&cloud).await };
    let is_code =
        |action: &Action| matches!(action, Action::CreateFunction { .. } | Action::UpdateFunctionCode { .. });
    let uploads: Vec<Action> = probes().into_iter().map(|(action, _)| action).filter(is_code).collect();
    assert_eq!(uploads.len(), 2);
    for action in uploads {
        let made = stack.perform(&Address::vpc(), &action, &Ids::default()).await;
        assert!(matches!(made, Err(StepError::Plan(_))), "{made:?}");
        assert_eq!(cloud.take_requests(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_aws_lists_as_not_done_is_an_error_with_awss_reason() {
    const UNSUCCESSFUL: &str = "<unsuccessful><item><resourceId>vpc-1</resourceId><error>
        <code>FlowLogAlreadyExists</code><message>there is one</message></error></item></unsuccessful>";
    let cloud = TestCloud::new(|_| UNSUCCESSFUL.to_owned()).await;
    let action = Action::CreateFlowLog { vpc: id("vpc-1"), destination: "arn:aws:s3:::logs".into() };
    let made = stack(&cloud).await.perform(&Address::flow_log(), &action, &Ids::default()).await;
    let error = made.unwrap_err();
    assert_eq!(error.class(), phonehome_cloud::Class::AlreadyDone);
    assert!(error.to_string().contains("flow-log in account 123456789012, us-east-1"), "{error}");
}

#[tokio::test]
async fn what_aws_makes_with_a_vpc_may_not_be_visible_yet() {
    let cloud = TestCloud::new(|_| String::new()).await;
    let stack = stack(&cloud).await;
    let vpc = || id("vpc-1");
    for action in [
        Action::FindDefaultSecurityGroup { vpc: vpc() },
        Action::FindDefaultNetworkAcl { vpc: vpc() },
        Action::FindMainRouteTable { vpc: vpc() },
    ] {
        let error = stack.perform(&Address::vpc(), &action, &Ids::default()).await.unwrap_err();
        assert_eq!(error.class(), phonehome_cloud::Class::EventuallyConsistent, "{error}");
    }
}
