//! Which API operation each action is: in errors, and for AWS's limits.

use phonehome_network::{Action, Direction, Doomed};

/// The API operation behind an action.
pub(super) fn operation(action: &Action) -> &'static str {
    match action {
        Action::CreateVpc { .. } => "ec2:CreateVpc",
        Action::EnableDnsSupport { .. } | Action::EnableDnsHostNames { .. } => "ec2:ModifyVpcAttribute",
        Action::CreateInternetGateway => "ec2:CreateInternetGateway",
        Action::AttachInternetGateway { .. } => "ec2:AttachInternetGateway",
        Action::AllocateElasticIp => "ec2:AllocateAddress",
        Action::CreateSubnet { .. } => "ec2:CreateSubnet",
        Action::DisablePublicIpOnLaunch { .. } => "ec2:ModifySubnetAttribute",
        Action::CreateRouteTable { .. } => "ec2:CreateRouteTable",
        Action::CreateRoute { .. } => "ec2:CreateRoute",
        Action::ReplaceRoute { .. } => "ec2:ReplaceRoute",
        Action::AssociateRouteTable { .. } => "ec2:AssociateRouteTable",
        Action::ReplaceAssociation { .. } => "ec2:ReplaceRouteTableAssociation",
        Action::CreateNatGateway { .. } | Action::CreateRegionalNatGateway { .. } => "ec2:CreateNatGateway",
        Action::CreateSecurityGroup { .. } => "ec2:CreateSecurityGroup",
        Action::FindDefaultSecurityGroup { .. } => "ec2:DescribeSecurityGroups",
        Action::AuthorizeRules { direction: Direction::Ingress, .. } => "ec2:AuthorizeSecurityGroupIngress",
        Action::AuthorizeRules { direction: Direction::Egress, .. } => "ec2:AuthorizeSecurityGroupEgress",
        Action::RevokeRules { direction: Direction::Ingress, .. } => "ec2:RevokeSecurityGroupIngress",
        Action::RevokeRules { direction: Direction::Egress, .. } => "ec2:RevokeSecurityGroupEgress",
        Action::FindDefaultNetworkAcl { .. } => "ec2:DescribeNetworkAcls",
        Action::CreateAclEntry { .. } => "ec2:CreateNetworkAclEntry",
        Action::ReplaceAclEntry { .. } => "ec2:ReplaceNetworkAclEntry",
        Action::FindMainRouteTable { .. } => "ec2:DescribeRouteTables",
        Action::CreateGatewayEndpoint { .. } => "ec2:CreateVpcEndpoint",
        Action::AddEndpointTables { .. } => "ec2:ModifyVpcEndpoint",
        Action::CreateFlowLog { .. } => "ec2:CreateFlowLogs",
        Action::CreatePeering { .. } => "ec2:CreateVpcPeeringConnection",
        Action::AcceptPeering { .. } => "ec2:AcceptVpcPeeringConnection",
        Action::Tag { .. } => "ec2:CreateTags",
        Action::Untag { .. } => "ec2:DeleteTags",
        Action::CreateFunction { .. } => "lambda:CreateFunction",
        Action::UpdateFunctionCode { .. } => "lambda:UpdateFunctionCode",
        Action::UpdateFunctionConfiguration { .. } => "lambda:UpdateFunctionConfiguration",
        Action::PutDestination { .. } => "lambda:PutFunctionEventInvokeConfig",
        Action::CreateSchedule { .. } => "scheduler:CreateSchedule",
        Action::UpdateSchedule { .. } => "scheduler:UpdateSchedule",
        Action::Remove(removal) => of_removal(removal.what()),
    }
}

fn of_removal(doomed: &Doomed) -> &'static str {
    match doomed {
        Doomed::Vpc { .. } => "ec2:DeleteVpc",
        Doomed::Subnet { .. } => "ec2:DeleteSubnet",
        Doomed::InternetGatewayAttachment { .. } => "ec2:DetachInternetGateway",
        Doomed::InternetGateway { .. } => "ec2:DeleteInternetGateway",
        Doomed::RouteTable { .. } => "ec2:DeleteRouteTable",
        Doomed::Route { .. } => "ec2:DeleteRoute",
        Doomed::Association { .. } => "ec2:DisassociateRouteTable",
        Doomed::NatGateway { .. } => "ec2:DeleteNatGateway",
        Doomed::ElasticIp { .. } => "ec2:ReleaseAddress",
        Doomed::SecurityGroup { .. } => "ec2:DeleteSecurityGroup",
        Doomed::NetworkAcl { .. } => "ec2:DeleteNetworkAcl",
        Doomed::AclEntry { .. } => "ec2:DeleteNetworkAclEntry",
        Doomed::Endpoint { .. } => "ec2:DeleteVpcEndpoints",
        Doomed::FlowLog { .. } => "ec2:DeleteFlowLogs",
        Doomed::Peering { .. } => "ec2:DeleteVpcPeeringConnection",
        Doomed::Function { .. } => "lambda:DeleteFunction",
        Doomed::Schedule { .. } => "scheduler:DeleteSchedule",
    }
}
