//! Answers as EC2 gives them, built by hand.

use aws_sdk_ec2::types::{
    CidrBlock, InternetGatewayAttachment, NatGatewayAddress, NetworkAclEntry, PortRange,
    RouteTableAssociation, RouteTableAssociationState, State, Tag, VpcCidrBlockAssociation,
    VpcCidrBlockState, VpcEndpointType, VpcPeeringConnectionStateReason,
};
use phonehome_cloud::Cause;

use ipnet::Ipv4Net;
use phonehome_network::Tags;

use super::*;

fn net(cidr: &str) -> Ipv4Net {
    cidr.parse().unwrap()
}

#[test]
fn a_vpc_has_its_primary_cidr_first_and_no_cidr_that_is_on_its_way_out() {
    let block = |cidr: &str, state: &str| {
        let state = VpcCidrBlockState::builder().state(state.into()).build();
        VpcCidrBlockAssociation::builder().cidr_block(cidr).cidr_block_state(state).build()
    };
    let tag = Tag::builder().key("phonehome:address").value("vpc").build();
    let seen = ec2::Vpc::builder()
        .vpc_id("vpc-1")
        .cidr_block("10.1.0.0/16")
        .cidr_block_association_set(block("10.2.0.0/16", "associated"))
        .cidr_block_association_set(block("10.1.0.0/16", "associated"))
        .cidr_block_association_set(block("10.3.0.0/16", "disassociated"))
        .is_default(true)
        .tags(tag)
        .build();
    let vpc = vpc(&seen).unwrap().unwrap();
    assert_eq!(vpc.cidrs, [net("10.1.0.0/16"), net("10.2.0.0/16")]);
    assert_eq!(vpc.tags, Tags::from([("phonehome:address".to_owned(), "vpc".to_owned())]));
    assert!(vpc.is_default && vpc.dns_support.is_none());
}

#[test]
fn a_subnet_for_ipv6_only_is_left_out_and_one_without_readable_addresses_is_an_error() {
    let only_ipv6 = ec2::Subnet::builder().subnet_id("subnet-1").ipv6_native(true).build();
    assert_eq!(subnet(&only_ipv6), Ok(None));
    let odd = ec2::Subnet::builder().subnet_id("subnet-2").build();
    let error = subnet(&odd).unwrap_err().to_string();
    assert!(error.contains("subnet-2"), "{error}");
}

#[test]
fn an_item_without_an_id_is_an_error() {
    let error = internet_gateway(&ec2::InternetGateway::builder().build()).unwrap_err();
    assert_eq!(error.operation, "ec2:DescribeInternetGateways");
    assert!(matches!(error.cause, Cause::Response(_)), "{error}");
}

#[test]
fn an_internet_gateway_is_attached_to_a_vpc_or_to_none() {
    let attachment = InternetGatewayAttachment::builder().vpc_id("vpc-1").build();
    let gateway = ec2::InternetGateway::builder().internet_gateway_id("igw-1");
    assert_eq!(internet_gateway(&gateway.clone().build()).unwrap().unwrap().vpc_id, None);
    let seen = internet_gateway(&gateway.attachments(attachment).build()).unwrap().unwrap();
    assert_eq!(seen.vpc_id.as_deref(), Some("vpc-1"));
}

#[test]
fn each_state_of_a_nat_gateway_is_distinguished_and_an_unknown_one_counts_as_pending() {
    for (state, expected) in [
        ("pending", NatState::Pending),
        ("available", NatState::Available),
        ("failed", NatState::Failed),
        ("deleting", NatState::Deleting),
        ("deleted", NatState::Gone),
        ("hibernating", NatState::Pending),
    ] {
        let seen = ec2::NatGateway::builder().nat_gateway_id("nat-1").state(state.into()).build();
        assert_eq!(nat_gateway(&seen).unwrap().unwrap().state, expected, "{state}");
    }
}

#[test]
fn a_regional_nat_gateway_is_in_no_subnet() {
    let address = NatGatewayAddress::builder().allocation_id("eipalloc-1").build();
    let seen = ec2::NatGateway::builder()
        .nat_gateway_id("nat-1")
        .vpc_id("vpc-1")
        .subnet_id("subnet-1")
        .nat_gateway_addresses(address);
    let zonal = nat_gateway(&seen.clone().build()).unwrap().unwrap();
    assert_eq!(zonal.subnet_id.as_deref(), Some("subnet-1"));
    assert_eq!(zonal.allocation_ids, ["eipalloc-1"]);
    let regional = seen.availability_mode(AvailabilityMode::Regional).build();
    assert_eq!(nat_gateway(&regional).unwrap().unwrap().subnet_id, None);
}

#[test]
fn a_route_table_has_its_routes_to_ipv4_without_the_local_one_and_its_subnets_without_the_main_one() {
    let to = |destination: &str| ec2::Route::builder().destination_cidr_block(destination);
    let association = |id: &str| RouteTableAssociation::builder().route_table_association_id(id);
    let gone = RouteTableAssociationState::builder().state("disassociating".into()).build();
    let seen = ec2::RouteTable::builder()
        .route_table_id("rtb-1")
        .routes(to("10.0.0.0/16").gateway_id("local").build())
        .routes(to("0.0.0.0/0").nat_gateway_id("nat-1").build())
        .routes(to("10.1.0.0/16").vpc_peering_connection_id("pcx-1").build())
        .routes(to("10.2.0.0/16").gateway_id("igw-1").build())
        .routes(to("10.3.0.0/16").gateway_id("vgw-1").build())
        .routes(to("10.4.0.0/16").transit_gateway_id("tgw-1").build())
        .routes(to("10.5.0.0/16").network_interface_id("eni-1").instance_id("i-1").build())
        .routes(ec2::Route::builder().destination_prefix_list_id("pl-1").gateway_id("vpce-1").build())
        .routes(ec2::Route::builder().destination_ipv6_cidr_block("::/0").gateway_id("igw-1").build())
        .associations(association("rtbassoc-1").main(true).build())
        .associations(association("rtbassoc-2").main(false).subnet_id("subnet-2").build())
        .associations(association("rtbassoc-3").gateway_id("igw-1").build())
        .associations(association("rtbassoc-4").subnet_id("subnet-4").association_state(gone).build())
        .build();
    let table = route_table(&seen).unwrap().unwrap();
    let expected = [
        ("0.0.0.0/0", RouteTarget::NatGateway("nat-1".into())),
        ("10.1.0.0/16", RouteTarget::Peering("pcx-1".into())),
        ("10.2.0.0/16", RouteTarget::InternetGateway("igw-1".into())),
        ("10.3.0.0/16", RouteTarget::Other("vgw-1".into())),
        ("10.4.0.0/16", RouteTarget::Other("tgw-1".into())),
        ("10.5.0.0/16", RouteTarget::Other("eni-1".into())),
    ];
    assert_eq!(table.routes, expected.map(|(to, target)| Route { destination: net(to), target }));
    assert!(table.main);
    let association = Association { id: "rtbassoc-2".into(), subnet_id: "subnet-2".into() };
    assert_eq!(table.associations, [association]);
}

#[test]
fn a_network_acl_has_its_entries_but_those_that_nobody_can_change() {
    let entry = |number| NetworkAclEntry::builder().rule_number(number).protocol("6").egress(true);
    let ports = PortRange::builder().from(22).to(23).build();
    let seen = ec2::NetworkAcl::builder()
        .network_acl_id("acl-1")
        .is_default(true)
        .entries(entry(100).cidr_block("0.0.0.0/0").rule_action(RuleAction::Allow).port_range(ports).build())
        .entries(entry(101).ipv6_cidr_block("::/0").rule_action(RuleAction::Deny).build())
        .entries(entry(32767).cidr_block("0.0.0.0/0").build())
        .entries(entry(32768).ipv6_cidr_block("::/0").build())
        .build();
    let acl = network_acl(&seen).unwrap().unwrap();
    let numbers: Vec<_> = acl.entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [100, 101]);
    assert_eq!((acl.entries[0].ports, acl.entries[0].cidr), (Some((22, 23)), Some(net("0.0.0.0/0"))));
    assert!(acl.entries[0].allow && acl.entries[0].egress && !acl.entries[1].allow);
    assert_eq!(acl.entries[1].cidr, None);
}

#[test]
fn only_gateway_endpoints_are_seen_and_their_state_in_either_case() {
    let seen = |kind: VpcEndpointType, state: &str| {
        let seen = ec2::VpcEndpoint::builder().vpc_endpoint_id("vpce-1").vpc_endpoint_type(kind);
        endpoint(&seen.state(State::from(state)).build()).unwrap()
    };
    assert_eq!(seen(VpcEndpointType::Interface, "available"), None);
    for (state, is_gone) in
        [("available", false), ("Available", false), ("pending", false), ("deleting", true), ("Failed", true)]
    {
        assert_eq!(seen(VpcEndpointType::Gateway, state).unwrap().is_gone, is_gone, "{state}");
    }
}

#[test]
fn only_the_flow_logs_of_vpcs_are_seen() {
    let seen = |id: &str| ec2::FlowLog::builder().flow_log_id("fl-1").resource_id(id);
    assert_eq!(flow_log(&seen("eni-1").build()), Ok(None));
    let to_bucket = seen("vpc-1").log_destination("arn:aws:s3:::logs").build();
    assert_eq!(flow_log(&to_bucket).unwrap().unwrap().destination, "arn:aws:s3:::logs");
    let to_group = seen("vpc-1").log_group_name("group").build();
    assert_eq!(flow_log(&to_group).unwrap().unwrap().destination, "group");
}

#[test]
fn each_state_of_a_peering_is_distinguished_and_an_unknown_one_is_waited_for() {
    for (code, expected) in [
        ("initiating-request", PeeringState::Initiating),
        ("pending-acceptance", PeeringState::PendingAcceptance),
        ("provisioning", PeeringState::Provisioning),
        ("active", PeeringState::Active),
        ("deleted", PeeringState::Gone),
        ("deleting", PeeringState::Gone),
        ("expired", PeeringState::Expired),
        ("failed", PeeringState::Failed),
        ("rejected", PeeringState::Rejected),
        ("thinking", PeeringState::Provisioning),
    ] {
        let status = VpcPeeringConnectionStateReason::builder().code(code.into()).build();
        let seen = ec2::VpcPeeringConnection::builder().vpc_peering_connection_id("pcx-1").status(status);
        assert_eq!(peering(&seen.build()).unwrap().unwrap().state, expected, "{code}");
    }
}

#[test]
fn a_peerings_sides_have_all_their_cidrs_where_aws_tells_them() {
    let block = |cidr: &str| CidrBlock::builder().cidr_block(cidr).build();
    let full = VpcPeeringConnectionVpcInfo::builder()
        .owner_id("111111111111")
        .region("us-east-1")
        .vpc_id("vpc-1")
        .cidr_block("10.1.0.0/16")
        .cidr_block_set(block("10.1.0.0/16"))
        .cidr_block_set(block("10.2.0.0/16"))
        .build();
    let bare = VpcPeeringConnectionVpcInfo::builder().owner_id("222222222222").vpc_id("vpc-2").build();
    let seen = ec2::VpcPeeringConnection::builder().vpc_peering_connection_id("pcx-1");
    let seen = peering(&seen.requester_vpc_info(full).accepter_vpc_info(bare).build()).unwrap().unwrap();
    assert_eq!(seen.requester.cidrs, [net("10.1.0.0/16"), net("10.2.0.0/16")]);
    assert_eq!((seen.accepter.account.as_str(), seen.accepter.cidrs.len()), ("222222222222", 0));
}
