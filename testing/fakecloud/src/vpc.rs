//! VPCs, subnets, internet gateways.

use ipnet::Ipv4Net;
use phonehome_network::{
    AclEntry, InternetGateway, NetworkAcl, Route, RouteTable, RouteTarget, Rule, RulePeer, SecurityGroup,
    Subnet, Tags, Vpc,
};
use phonehome_planner::Action;

use crate::call::{Call, Refused};
use crate::region::{CallResult, Region};
use crate::shared::Shared;

impl Region {
    pub(crate) fn vpc_call(&mut self, shared: &mut Shared, call: &Call<'_>, action: &Action) -> CallResult {
        match action {
            Action::CreateVpc { cidr } => {
                let tags = call.spec.tags_of(call.address);
                self.create_vpc(shared, *cidr, tags).map(Some)
            }
            Action::EnableDnsSupport { vpc } => {
                self.vpc(&call.id(vpc)?)?.dns_support = Some(true);
                Ok(None)
            }
            Action::EnableDnsHostNames { vpc } => {
                let vpc = self.vpc(&call.id(vpc)?)?;
                if vpc.dns_support != Some(true) {
                    return Err(Refused::new("InvalidParameterValue", "DNS host names need DNS support"));
                }
                vpc.dns_host_names = Some(true);
                Ok(None)
            }
            Action::CreateInternetGateway => {
                if self.world.internet_gateways.len() >= shared.options.vpcs_max {
                    return Err(limit("InternetGatewayLimitExceeded", "internet gateways"));
                }
                let (id, tags) = (shared.mint("igw"), call.spec.tags_of(call.address));
                self.world.internet_gateways.push(InternetGateway { id: id.clone(), tags, vpc_id: None });
                Ok(Some(id))
            }
            Action::AttachInternetGateway { gateway, vpc } => {
                self.attach(&call.id(gateway)?, call.id(vpc)?)?;
                Ok(None)
            }
            Action::CreateSubnet { vpc, cidr, az_id } => {
                let vpc_id = call.id(vpc)?;
                let tags = call.spec.tags_of(call.address);
                self.create_subnet(shared, vpc_id, *cidr, az_id, tags).map(Some)
            }
            Action::DisablePublicIpOnLaunch { subnet } => {
                self.subnet(&call.id(subnet)?)?.public_ip_on_launch = false;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// With what AWS makes along: a main route table, a security group and a network ACL.
    fn create_vpc(&mut self, shared: &mut Shared, cidr: Ipv4Net, tags: Tags) -> Result<String, Refused> {
        if !(16..=28).contains(&cidr.prefix_len()) {
            return Err(Refused::new("InvalidVpc.Range", format!("The CIDR '{cidr}' is invalid.")));
        }
        if self.world.vpcs.len() >= shared.options.vpcs_max {
            return Err(limit("VpcLimitExceeded", "VPCs"));
        }
        let id = shared.mint("vpc");
        self.world.vpcs.push(Vpc {
            id: id.clone(),
            tags,
            owner: Some(self.account.clone()),
            cidrs: vec![cidr],
            is_default: false,
            dns_support: Some(true),
            dns_host_names: Some(false),
        });
        self.world.route_tables.push(RouteTable {
            id: shared.mint("rtb"),
            tags: Tags::new(),
            vpc_id: id.clone(),
            main: true,
            routes: vec![],
            associations: vec![],
        });
        self.world.security_groups.push(SecurityGroup {
            id: shared.mint("sg"),
            tags: Tags::new(),
            name: "default".into(),
            vpc_id: id.clone(),
            ingress: vec![all_traffic(RulePeer::Itself)],
            egress: vec![all_traffic(RulePeer::Cidr(Ipv4Net::default()))],
        });
        self.world.network_acls.push(NetworkAcl {
            id: shared.mint("acl"),
            tags: Tags::new(),
            vpc_id: id.clone(),
            is_default: true,
            entries: [false, true].map(allow_all).to_vec(),
            associations: vec![],
        });
        Ok(id)
    }

    fn attach(&mut self, gateway_id: &str, vpc_id: String) -> Result<(), Refused> {
        self.vpc(&vpc_id)?;
        let gateway = self.gateway(gateway_id)?;
        if let Some(attached) = &gateway.vpc_id {
            let message = format!("resource {gateway_id} is already attached to network {attached}");
            return Err(Refused::new("Resource.AlreadyAssociated", message));
        }
        if let Some(other) = self.gateway_of(&vpc_id) {
            let message = format!("Network {vpc_id} already has an internet gateway attached: {other}");
            return Err(Refused::new("InvalidParameterValue", message));
        }
        self.gateway(gateway_id)?.vpc_id = Some(vpc_id);
        Ok(())
    }

    /// The internet gateway that is attached to a VPC.
    pub(crate) fn gateway_of(&self, vpc_id: &str) -> Option<String> {
        let mut gateways = self.world.internet_gateways.iter();
        gateways.find(|it| it.vpc_id.as_deref() == Some(vpc_id)).map(|it| it.id.clone())
    }

    fn create_subnet(
        &mut self,
        shared: &mut Shared,
        vpc_id: String,
        cidr: Ipv4Net,
        az_id: &str,
        tags: Tags,
    ) -> Result<String, Refused> {
        let vpc = self.vpc(&vpc_id)?;
        if !vpc.cidrs.iter().any(|it| it.contains(&cidr)) || !(16..=28).contains(&cidr.prefix_len()) {
            return Err(Refused::new("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid.")));
        }
        let zones = az_ids(&self.name);
        if !zones.iter().any(|it| it == az_id) {
            let message = format!("Value ({az_id}) for parameter availabilityZoneId is invalid.");
            return Err(Refused::new("InvalidParameterValue", message));
        }
        let overlaps =
            |it: &&Subnet| it.vpc_id == vpc_id && (it.cidr.contains(&cidr) || cidr.contains(&it.cidr));
        if let Some(other) = self.world.subnets.iter().find(overlaps) {
            let message = format!("The CIDR '{cidr}' conflicts with another subnet: {}", other.id);
            return Err(Refused::new("InvalidSubnet.Conflict", message));
        }
        let id = shared.mint("subnet");
        let associated =
            phonehome_network::AclAssociation { id: shared.mint("aclassoc"), subnet_id: id.clone() };
        let mut acls = self.world.network_acls.iter_mut();
        if let Some(acl) = acls.find(|acl| acl.is_default && acl.vpc_id == vpc_id) {
            acl.associations.push(associated);
        }
        self.world.subnets.push(Subnet {
            id: id.clone(),
            tags,
            vpc_id,
            cidr,
            az_id: az_id.to_owned(),
            public_ip_on_launch: false,
        });
        Ok(id)
    }

    pub(crate) fn default_vpc(&mut self, shared: &mut Shared) -> Result<String, Refused> {
        let block = Ipv4Net::new_assert(std::net::Ipv4Addr::new(172, 31, 0, 0), 16);
        let vpc_id = self.create_vpc(shared, block, Tags::new())?;
        let vpc = self.vpc(&vpc_id)?;
        (vpc.is_default, vpc.dns_host_names) = (true, Some(true));
        let gateway_id = shared.mint("igw");
        self.world.internet_gateways.push(InternetGateway {
            id: gateway_id.clone(),
            tags: Tags::new(),
            vpc_id: Some(vpc_id.clone()),
        });
        for table in self.world.route_tables.iter_mut().filter(|it| it.vpc_id == vpc_id) {
            let target = RouteTarget::InternetGateway(gateway_id.clone());
            table.routes.push(Route { destination: Ipv4Net::default(), target });
        }
        let cidrs = block.subnets(20).into_iter().flatten();
        for (az_id, cidr) in az_ids(&self.name).iter().zip(cidrs) {
            let id = self.create_subnet(shared, vpc_id.clone(), cidr, az_id, Tags::new())?;
            self.subnet(&id)?.public_ip_on_launch = true;
        }
        Ok(vpc_id)
    }
}

pub(crate) fn all_traffic(peer: RulePeer) -> Rule {
    Rule { protocol: "-1".to_owned(), ports: None, peer }
}

fn allow_all(egress: bool) -> AclEntry {
    let protocol = "-1".to_owned();
    AclEntry { number: 100, egress, allow: true, protocol, ports: None, cidr: Some(Ipv4Net::default()) }
}

pub(crate) fn limit(code: &str, what: &str) -> Refused {
    Refused::new(code, format!("The maximum number of {what} has been reached."))
}

/// The AZ IDs of a Region: six in us-east-1, else three. `eu-west-1` gives `euw1-az1`.
fn az_ids(region: &str) -> Vec<String> {
    let prefix: String = region
        .split('-')
        .enumerate()
        .map(|(part, word)| match (part, word) {
            (0, word) => word.to_owned(),
            (_, "northeast") => "ne".to_owned(),
            (_, "northwest") => "nw".to_owned(),
            (_, "southeast") => "se".to_owned(),
            (_, "southwest") => "sw".to_owned(),
            (_, word) => word.chars().take(1).collect(),
        })
        .collect();
    let count = if region == "us-east-1" { 6 } else { 3 };
    (1..=count).map(|number| format!("{prefix}-az{number}")).collect()
}
