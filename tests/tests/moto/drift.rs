//! What somebody else changes in a stack.

use phonehome_executor::{Ids, StackApi as _};
use phonehome_network::{Address, NatState, Rule, RulePeer, TAG_ADDRESS, Tagged};
use phonehome_planner::{Action, Direction, Ref, StackSpec};

use crate::place;

/// Changes a stack that is as declared in many places at once.
pub(crate) async fn drift(spec: &StackSpec) {
    let proxy = place::proxy(&spec.account).await;
    proxy.record_as_exercise();
    let api = place::open(&proxy, spec).await;
    let mut seen = api.observe(&spec.kinds()).await.unwrap();
    // What went in an earlier drift is still shown.
    seen.nat_gateways.retain(|it| it.state != NatState::Gone);
    seen.endpoints.retain(|it| !it.is_gone);
    let vpc = id(&seen.vpcs, "vpc");
    let ec2 = async |form: String| {
        place::call(&spec.account, "ec2", &format!("{form}&Version=2016-11-15")).await;
    };
    ec2(format!("ModifyVpcAttribute&VpcId={vpc}&EnableDnsHostnames.Value=false")).await;
    ec2(format!("ModifyVpcAttribute&VpcId={vpc}&EnableDnsSupport.Value=false")).await;
    ec2(format!("DeleteFlowLogs&FlowLogId.1={}", id(&seen.flow_logs, "flow-log"))).await;
    ec2(format!("DeleteVpcEndpoints&VpcEndpointId.1={}", id(&seen.endpoints, "endpoint/dynamodb"))).await;
    let public = id(&seen.route_tables, "route-table/public");
    let first = id(&seen.route_tables, "route-table/private/use1-az1");
    let s3 = id(&seen.endpoints, "endpoint/s3");
    ec2(format!("ModifyVpcEndpoint&VpcEndpointId={s3}&RemoveRouteTableId.1={public}")).await;
    ec2(format!("DeleteRoute&RouteTableId={public}&DestinationCidrBlock=0.0.0.0%2F0")).await;
    let tables = seen.route_tables.iter().filter(|table| table.id == first);
    let association = tables.flat_map(|table| &table.associations).next().unwrap();
    ec2(format!("DisassociateRouteTable&AssociationId={}", association.id)).await;
    let acl = id(&seen.network_acls, "network-acl/default");
    ec2(format!("DeleteNetworkAclEntry&NetworkAclId={acl}&RuleNumber=20&Egress=false")).await;
    let private = id(&seen.subnets, "subnet/private/use1-az4");
    ec2(format!("ModifySubnetAttribute&SubnetId={private}&MapPublicIpOnLaunch.Value=true")).await;
    ec2(format!("DeleteNatGateway&NatGatewayId={}", id(&seen.nat_gateways, "nat-gateway/use1-az2"))).await;
    // AWS frees the address with it, moto does not.
    let freed = id(&seen.elastic_ips, "elastic-ip/use1-az2");
    let freed = seen.elastic_ips.iter().find(|it| it.allocation_id == freed);
    let association = freed.and_then(|it| it.association_id.as_ref()).unwrap();
    ec2(format!("DisassociateAddress&AssociationId={association}")).await;

    let perform = async |action: Action| {
        api.perform(&Address::from("drift"), &action, &Ids::default()).await.unwrap();
    };
    let group = Ref::Id(id(&seen.security_groups, "security-group/default").to_owned());
    let peer = RulePeer::Cidr("192.0.2.0/24".parse().unwrap());
    let rules = vec![Rule { protocol: "tcp".to_owned(), ports: Some((22, 22)), peer }];
    perform(Action::AuthorizeRules { group, direction: Direction::Ingress, rules }).await;
    let keys = vec!["phonehome:environment".to_owned()];
    perform(Action::Untag { resource: vpc.to_owned(), keys }).await;
    let resource = id(&seen.elastic_ips, "elastic-ip/use1-az4").to_owned();
    perform(Action::Untag { resource, keys: vec![TAG_ADDRESS.to_owned()] }).await;
}

fn id<'a, T: Tagged>(list: &'a [T], address: &str) -> &'a str {
    let found = list.iter().find(|it| it.address().is_some_and(|it| it.to_string() == address));
    found.map(Tagged::id).unwrap_or_else(|| panic!("no {address}"))
}
