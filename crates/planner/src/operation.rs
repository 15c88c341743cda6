//! Which API operation each action is.

use crate::{Action, Direction};
use phonehome_network::RemovalTarget;

impl Action {
    /// The API operation behind it, as in `ec2:CreateVpc`: in errors, and for AWS's limits.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::CreateVpc { .. } => "ec2:CreateVpc",
            Self::EnableDnsSupport { .. } | Self::EnableDnsHostNames { .. } => "ec2:ModifyVpcAttribute",
            Self::CreateInternetGateway => "ec2:CreateInternetGateway",
            Self::AttachInternetGateway { .. } => "ec2:AttachInternetGateway",
            Self::AllocateElasticIp => "ec2:AllocateAddress",
            Self::CreateSubnet { .. } => "ec2:CreateSubnet",
            Self::DisablePublicIpOnLaunch { .. } => "ec2:ModifySubnetAttribute",
            Self::CreateRouteTable { .. } => "ec2:CreateRouteTable",
            Self::CreateRoute { .. } => "ec2:CreateRoute",
            Self::ReplaceRoute { .. } => "ec2:ReplaceRoute",
            Self::AssociateRouteTable { .. } => "ec2:AssociateRouteTable",
            Self::ReplaceAssociation { .. } => "ec2:ReplaceRouteTableAssociation",
            Self::CreateNatGateway { .. } | Self::CreateRegionalNatGateway { .. } => "ec2:CreateNatGateway",
            Self::CreateSecurityGroup { .. } => "ec2:CreateSecurityGroup",
            Self::FindDefaultSecurityGroup { .. } => "ec2:DescribeSecurityGroups",
            Self::AuthorizeRules { direction: Direction::Ingress, .. } => "ec2:AuthorizeSecurityGroupIngress",
            Self::AuthorizeRules { direction: Direction::Egress, .. } => "ec2:AuthorizeSecurityGroupEgress",
            Self::RevokeRules { direction: Direction::Ingress, .. } => "ec2:RevokeSecurityGroupIngress",
            Self::RevokeRules { direction: Direction::Egress, .. } => "ec2:RevokeSecurityGroupEgress",
            Self::FindDefaultNetworkAcl { .. } => "ec2:DescribeNetworkAcls",
            Self::CreateAclEntry { .. } => "ec2:CreateNetworkAclEntry",
            Self::ReplaceAclEntry { .. } => "ec2:ReplaceNetworkAclEntry",
            Self::FindMainRouteTable { .. } => "ec2:DescribeRouteTables",
            Self::CreateGatewayEndpoint { .. } => "ec2:CreateVpcEndpoint",
            Self::AddEndpointTables { .. } => "ec2:ModifyVpcEndpoint",
            Self::CreateFlowLog { .. } => "ec2:CreateFlowLogs",
            Self::CreatePeering { .. } => "ec2:CreateVpcPeeringConnection",
            Self::AcceptPeering { .. } => "ec2:AcceptVpcPeeringConnection",
            Self::Tag { .. } => "ec2:CreateTags",
            Self::Untag { .. } => "ec2:DeleteTags",
            Self::CreateFunction { .. } => "lambda:CreateFunction",
            Self::UpdateFunctionCode { .. } => "lambda:UpdateFunctionCode",
            Self::UpdateFunctionConfiguration { .. } => "lambda:UpdateFunctionConfiguration",
            Self::PutDestination { .. } => "lambda:PutFunctionEventInvokeConfig",
            Self::CreateSchedule { .. } => "scheduler:CreateSchedule",
            Self::UpdateSchedule { .. } => "scheduler:UpdateSchedule",
            Self::Remove(removal) => of_removal(removal.what()),
        }
    }
}

fn of_removal(target: &RemovalTarget) -> &'static str {
    match target {
        RemovalTarget::Vpc { .. } => "ec2:DeleteVpc",
        RemovalTarget::Subnet { .. } => "ec2:DeleteSubnet",
        RemovalTarget::InternetGatewayAttachment { .. } => "ec2:DetachInternetGateway",
        RemovalTarget::InternetGateway { .. } => "ec2:DeleteInternetGateway",
        RemovalTarget::RouteTable { .. } => "ec2:DeleteRouteTable",
        RemovalTarget::Route { .. } => "ec2:DeleteRoute",
        RemovalTarget::NatGateway { .. } => "ec2:DeleteNatGateway",
        RemovalTarget::ElasticIp { .. } => "ec2:ReleaseAddress",
        RemovalTarget::SecurityGroup { .. } => "ec2:DeleteSecurityGroup",
        RemovalTarget::NetworkAcl { .. } => "ec2:DeleteNetworkAcl",
        RemovalTarget::AclEntry { .. } => "ec2:DeleteNetworkAclEntry",
        RemovalTarget::Endpoint { .. } => "ec2:DeleteVpcEndpoints",
        RemovalTarget::FlowLog { .. } => "ec2:DeleteFlowLogs",
        RemovalTarget::Peering { .. } => "ec2:DeleteVpcPeeringConnection",
        RemovalTarget::Function { .. } => "lambda:DeleteFunction",
        RemovalTarget::Schedule { .. } => "scheduler:DeleteSchedule",
    }
}
