//! Which API operation an observation is.

use phonehome_network::Kind;

/// The describe call behind a kind.
pub(crate) fn describing(kind: Kind) -> &'static str {
    match kind {
        Kind::Vpc => "ec2:DescribeVpcs",
        Kind::VpcAttribute => "ec2:DescribeVpcAttribute",
        Kind::Subnet => "ec2:DescribeSubnets",
        Kind::InternetGateway => "ec2:DescribeInternetGateways",
        Kind::ElasticIp => "ec2:DescribeAddresses",
        Kind::NatGateway => "ec2:DescribeNatGateways",
        Kind::RouteTable => "ec2:DescribeRouteTables",
        Kind::SecurityGroup => "ec2:DescribeSecurityGroups",
        Kind::NetworkAcl => "ec2:DescribeNetworkAcls",
        Kind::Endpoint => "ec2:DescribeVpcEndpoints",
        Kind::FlowLog => "ec2:DescribeFlowLogs",
        Kind::Peering => "ec2:DescribeVpcPeeringConnections",
        Kind::NetworkInterface => "ec2:DescribeNetworkInterfaces",
        Kind::Function => "lambda:GetFunctionConfiguration",
        Kind::Schedule => "scheduler:GetSchedule",
    }
}
