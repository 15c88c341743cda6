//! The calls that join, set and find. A second attempt changes nothing that the first one did, or is
//! refused with an error that says so; hence the SDK may try them again.

use aws_sdk_ec2::types::{AttributeBooleanValue, Filter, PortRange, RuleAction, Tag};
use ipnet::Ipv4Net;
use phonehome_network::{AclEntry, Rule, Tags};
use phonehome_planner::{Direction, Ref, RefTarget};

use super::call::{Call, Made, to_tags};
use super::rules::permissions;

impl Call<'_> {
    pub(super) async fn enable_dns_support(&self, vpc: &Ref) -> Made {
        let request = self.stack.ec2.modify_vpc_attribute().vpc_id(self.id(vpc)?);
        request.enable_dns_support(set_to(true)).send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn enable_dns_host_names(&self, vpc: &Ref) -> Made {
        let request = self.stack.ec2.modify_vpc_attribute().vpc_id(self.id(vpc)?);
        request.enable_dns_hostnames(set_to(true)).send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn attach_internet_gateway(&self, gateway: &Ref, vpc: &Ref) -> Made {
        let request = self.stack.ec2.attach_internet_gateway();
        let request = request.internet_gateway_id(self.id(gateway)?).vpc_id(self.id(vpc)?);
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn disable_public_ip_on_launch(&self, subnet: &Ref) -> Made {
        let request = self.stack.ec2.modify_subnet_attribute().subnet_id(self.id(subnet)?);
        request.map_public_ip_on_launch(set_to(false)).send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn create_route(&self, table: &Ref, destination: Ipv4Net, target: &RefTarget) -> Made {
        let request = self.stack.ec2.create_route().route_table_id(self.id(table)?);
        let request = request.destination_cidr_block(destination.to_string());
        let id = self.id(target.reference())?;
        let request = match target {
            RefTarget::InternetGateway(_) => request.gateway_id(id),
            RefTarget::NatGateway(_) => request.nat_gateway_id(id),
            RefTarget::Peering(_) => request.vpc_peering_connection_id(id),
        };
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn replace_route(&self, table: &Ref, destination: Ipv4Net, target: &RefTarget) -> Made {
        let request = self.stack.ec2.replace_route().route_table_id(self.id(table)?);
        let request = request.destination_cidr_block(destination.to_string());
        let id = self.id(target.reference())?;
        let request = match target {
            RefTarget::InternetGateway(_) => request.gateway_id(id),
            RefTarget::NatGateway(_) => request.nat_gateway_id(id),
            RefTarget::Peering(_) => request.vpc_peering_connection_id(id),
        };
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn associate_route_table(&self, table: &Ref, subnet: &Ref) -> Made {
        let request = self.stack.ec2.associate_route_table();
        let request = request.route_table_id(self.id(table)?).subnet_id(self.id(subnet)?);
        let answer = request.send().await.map_err(|e| self.error(&e))?;
        Ok(answer.association_id)
    }

    pub(super) async fn replace_association(&self, association_id: &str, table: &Ref) -> Made {
        let request = self.stack.ec2.replace_route_table_association();
        let request = request.association_id(association_id).route_table_id(self.id(table)?);
        let answer = request.send().await.map_err(|e| self.error(&e))?;
        Ok(answer.new_association_id)
    }

    pub(super) async fn find_default_security_group(&self, vpc: &Ref) -> Made {
        let request = self.stack.ec2.describe_security_groups();
        let request = request.filters(is("vpc-id", self.id(vpc)?)).filters(is("group-name", "default"));
        let answer = request.send().await.map_err(|e| self.error(&e))?;
        let group = answer.security_groups.unwrap_or_default().into_iter().next();
        self.found(group.and_then(|group| group.group_id), "InvalidGroup.NotFound")
    }

    pub(super) async fn find_default_network_acl(&self, vpc: &Ref) -> Made {
        let request = self.stack.ec2.describe_network_acls();
        let request = request.filters(is("vpc-id", self.id(vpc)?)).filters(is("default", "true"));
        let answer = request.send().await.map_err(|e| self.error(&e))?;
        let acl = answer.network_acls.unwrap_or_default().into_iter().next();
        self.found(acl.and_then(|acl| acl.network_acl_id), "InvalidNetworkAclID.NotFound")
    }

    pub(super) async fn find_main_route_table(&self, vpc: &Ref) -> Made {
        let request = self.stack.ec2.describe_route_tables();
        let request = request.filters(is("vpc-id", self.id(vpc)?)).filters(is("association.main", "true"));
        let answer = request.send().await.map_err(|e| self.error(&e))?;
        let table = answer.route_tables.unwrap_or_default().into_iter().next();
        self.found(table.and_then(|table| table.route_table_id), "InvalidRouteTableID.NotFound")
    }

    pub(super) async fn authorize_rules(&self, group: &Ref, direction: Direction, rules: &[Rule]) -> Made {
        let (ec2, id) = (&self.stack.ec2, self.id(group)?);
        let rules = Some(permissions(&id, rules));
        match direction {
            Direction::Ingress => {
                let request = ec2.authorize_security_group_ingress().group_id(id).set_ip_permissions(rules);
                request.send().await.map_err(|e| self.error(&e))?;
            }
            Direction::Egress => {
                let request = ec2.authorize_security_group_egress().group_id(id).set_ip_permissions(rules);
                request.send().await.map_err(|e| self.error(&e))?;
            }
        }
        Ok(None)
    }

    pub(super) async fn revoke_rules(&self, group: &Ref, direction: Direction, rules: &[Rule]) -> Made {
        let (ec2, id) = (&self.stack.ec2, self.id(group)?);
        let rules = Some(permissions(&id, rules));
        match direction {
            Direction::Ingress => {
                let request = ec2.revoke_security_group_ingress().group_id(id).set_ip_permissions(rules);
                request.send().await.map_err(|e| self.error(&e))?;
            }
            Direction::Egress => {
                let request = ec2.revoke_security_group_egress().group_id(id).set_ip_permissions(rules);
                request.send().await.map_err(|e| self.error(&e))?;
            }
        }
        Ok(None)
    }

    pub(super) async fn create_acl_entry(&self, acl: &Ref, entry: &AclEntry) -> Made {
        let request = self
            .stack
            .ec2
            .create_network_acl_entry()
            .network_acl_id(self.id(acl)?)
            .rule_number(entry.number)
            .egress(entry.egress)
            .rule_action(action_of(entry))
            .protocol(&entry.protocol)
            .set_port_range(ports_of(entry))
            .set_cidr_block(entry.cidr.map(|cidr| cidr.to_string()));
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn replace_acl_entry(&self, acl: &Ref, entry: &AclEntry) -> Made {
        let request = self
            .stack
            .ec2
            .replace_network_acl_entry()
            .network_acl_id(self.id(acl)?)
            .rule_number(entry.number)
            .egress(entry.egress)
            .rule_action(action_of(entry))
            .protocol(&entry.protocol)
            .set_port_range(ports_of(entry))
            .set_cidr_block(entry.cidr.map(|cidr| cidr.to_string()));
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn add_endpoint_tables(&self, endpoint: &str, tables: &[Ref]) -> Made {
        let request = self.stack.ec2.modify_vpc_endpoint().vpc_endpoint_id(endpoint);
        let request = request.set_add_route_table_ids(Some(self.all_ids(tables)?));
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn accept_peering(&self, peering: &str) -> Made {
        let request = self.stack.ec2.accept_vpc_peering_connection().vpc_peering_connection_id(peering);
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    pub(super) async fn tag(&self, resource: &Ref, tags: &Tags) -> Made {
        let request = self.stack.ec2.create_tags().resources(self.id(resource)?);
        request.set_tags(Some(to_tags(tags))).send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }

    /// By key, whatever the value.
    pub(super) async fn untag(&self, resource: &str, keys: &[String]) -> Made {
        let keys = keys.iter().map(|key| Tag::builder().key(key).build()).collect();
        let request = self.stack.ec2.delete_tags().resources(resource).set_tags(Some(keys));
        request.send().await.map_err(|e| self.error(&e))?;
        Ok(None)
    }
}

fn set_to(value: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(value).build()
}

fn is(name: &str, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn action_of(entry: &AclEntry) -> RuleAction {
    if entry.allow { RuleAction::Allow } else { RuleAction::Deny }
}

fn ports_of(entry: &AclEntry) -> Option<PortRange> {
    entry.ports.map(|(first, last)| PortRange::builder().from(first).to(last).build())
}
