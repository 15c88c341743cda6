//! Security groups and network ACLs.

use phonehome_network::{AclEntry, Rule, RulePeer, SecurityGroup};
use phonehome_planner::{Action, Direction};

use crate::call::{Call, Refused};
use crate::region::{CallResult, Region, dependency, missing};
use crate::shared::Shared;
use crate::vpc::all_traffic;

/// AWS's default quota, for each direction; IPv4 and IPv6 count apart.
const RULES_MAX: usize = 60;

impl Region {
    pub(crate) fn guard_call(&mut self, shared: &mut Shared, call: &Call<'_>, action: &Action) -> CallResult {
        match action {
            Action::CreateSecurityGroup { vpc, name, .. } => {
                self.create_group(shared, call, call.id(vpc)?, name).map(Some)
            }
            Action::FindDefaultSecurityGroup { vpc } => {
                let vpc_id = call.id(vpc)?;
                let mut groups = self.world.security_groups.iter();
                let found = groups.find(|it| it.name == "default" && it.vpc_id == vpc_id);
                Ok(Some(found.ok_or_else(|| missing("InvalidGroup.NotFound", "vpc", &vpc_id))?.id.clone()))
            }
            Action::AuthorizeRules { group, direction, rules } => {
                self.authorize(&call.id(group)?, *direction, rules).map(|()| None)
            }
            Action::RevokeRules { group, direction, rules } => {
                self.revoke(&call.id(group)?, *direction, rules).map(|()| None)
            }
            Action::FindDefaultNetworkAcl { vpc } => {
                let vpc_id = call.id(vpc)?;
                let found = self.world.network_acls.iter().find(|it| it.is_default && it.vpc_id == vpc_id);
                let found = found.ok_or_else(|| missing("InvalidNetworkAclID.NotFound", "vpc", &vpc_id))?;
                Ok(Some(found.id.clone()))
            }
            Action::CreateAclEntry { acl, entry } => self.create_entry(&call.id(acl)?, entry).map(|()| None),
            Action::ReplaceAclEntry { acl, entry } => {
                self.replace_entry(&call.id(acl)?, entry).map(|()| None)
            }
            _ => Ok(None),
        }
    }

    fn create_group(
        &mut self,
        shared: &mut Shared,
        call: &Call<'_>,
        vpc_id: String,
        name: &str,
    ) -> Result<String, Refused> {
        self.vpc(&vpc_id)?;
        if name == "default" {
            return Err(Refused::new("InvalidGroup.Reserved", "The name 'default' is reserved."));
        }
        if self.world.security_groups.iter().any(|it| it.vpc_id == vpc_id && it.name == name) {
            let message = format!("The security group '{name}' already exists for VPC '{vpc_id}'");
            return Err(Refused::new("InvalidGroup.Duplicate", message));
        }
        let id = shared.mint("sg");
        self.world.security_groups.push(SecurityGroup {
            id: id.clone(),
            tags: call.spec.tags_of(call.address),
            name: name.to_owned(),
            vpc_id,
            ingress: vec![],
            egress: vec![all_traffic(RulePeer::Cidr(ipnet::Ipv4Net::default()))],
        });
        Ok(id)
    }

    /// All of them, or none.
    fn authorize(&mut self, id: &str, direction: Direction, rules: &[Rule]) -> Result<(), Refused> {
        if rules.is_empty() {
            return Err(Refused::new(
                "MissingParameter",
                "The request must contain the parameter ipPermissions",
            ));
        }
        let rules = rules.iter().map(|rule| of_group(id, rule));
        let current = rules_of(self.group(id)?, direction);
        let mut all = current.clone();
        for rule in rules {
            if all.contains(&rule) {
                let message = format!("the specified rule \"{rule:?}\" already exists");
                return Err(Refused::new("InvalidPermission.Duplicate", message));
            }
            all.push(rule);
        }
        let counts = |rule: &&Rule| !matches!(rule.peer, RulePeer::Ipv6(_));
        if all.iter().filter(counts).count() > RULES_MAX {
            let code = "RulesPerSecurityGroupLimitExceeded";
            return Err(Refused::new(
                code,
                "The maximum number of rules per security group has been reached.",
            ));
        }
        *current = all;
        Ok(())
    }

    /// All of them, or none.
    fn revoke(&mut self, id: &str, direction: Direction, rules: &[Rule]) -> Result<(), Refused> {
        if rules.is_empty() {
            return Err(Refused::new(
                "MissingParameter",
                "The request must contain the parameter ipPermissions",
            ));
        }
        let rules: Vec<Rule> = rules.iter().map(|rule| of_group(id, rule)).collect();
        let current = rules_of(self.group(id)?, direction);
        if let Some(rule) = rules.iter().find(|rule| !current.contains(rule)) {
            let message = format!("The specified rule \"{rule:?}\" does not exist in this security group.");
            return Err(Refused::new("InvalidPermission.NotFound", message));
        }
        current.retain(|rule| !rules.contains(rule));
        Ok(())
    }

    pub(crate) fn delete_group(&mut self, id: &str) -> Result<(), Refused> {
        if self.group(id)?.name == "default" {
            let message =
                format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
            return Err(Refused::new("CannotDelete", message));
        }
        let named = |rule: &Rule| rule.peer == RulePeer::Group(id.to_owned());
        let mut others = self.world.security_groups.iter().filter(|it| it.id != id);
        if let Some(other) = others.find(|it| it.ingress.iter().chain(&it.egress).any(named)) {
            return Err(dependency("resource", id, &format!("a rule of {} names it", other.id)));
        }
        let id_of = id.to_owned();
        if let Some(user) = self.world.functions.iter().find(|it| it.security_group_ids.contains(&id_of)) {
            return Err(dependency("resource", id, &format!("the function {} has it", user.name)));
        }
        self.world.security_groups.retain(|it| it.id != id);
        Ok(())
    }

    fn create_entry(&mut self, acl_id: &str, entry: &AclEntry) -> Result<(), Refused> {
        let acl = self.acl(acl_id)?;
        if !(1..=32_766).contains(&entry.number) {
            let message = format!("Value ({}) for parameter ruleNumber is invalid.", entry.number);
            return Err(Refused::new("InvalidParameterValue", message));
        }
        if acl.entries.iter().any(|it| (it.number, it.egress) == (entry.number, entry.egress)) {
            let message = format!("The network acl entry identified by {} already exists.", entry.number);
            return Err(Refused::new("NetworkAclEntryAlreadyExists", message));
        }
        acl.entries.push(entry.clone());
        Ok(())
    }

    fn replace_entry(&mut self, acl_id: &str, entry: &AclEntry) -> Result<(), Refused> {
        let mut entries = self.acl(acl_id)?.entries.iter_mut();
        let found = entries.find(|it| (it.number, it.egress) == (entry.number, entry.egress));
        *found.ok_or_else(|| no_entry(entry.number))? = entry.clone();
        Ok(())
    }

    pub(crate) fn delete_entry(&mut self, acl_id: &str, number: i32, egress: bool) -> Result<(), Refused> {
        let entries = &mut self.acl(acl_id)?.entries;
        let at = entries.iter().position(|it| (it.number, it.egress) == (number, egress));
        entries.remove(at.ok_or_else(|| no_entry(number))?);
        Ok(())
    }

    pub(crate) fn delete_acl(&mut self, id: &str) -> Result<(), Refused> {
        let acl = self.acl(id)?;
        if acl.is_default {
            return Err(Refused::new(
                "InvalidParameterValue",
                format!("cannot delete default network ACL {id}"),
            ));
        }
        if let Some(used) = acl.associations.first() {
            return Err(dependency("networkAcl", id, &format!("{} uses it", used.subnet_id)));
        }
        self.world.network_acls.retain(|it| it.id != id);
        Ok(())
    }
}

fn no_entry(number: i32) -> Refused {
    let message = format!("The network acl entry identified by {number} does not exist.");
    Refused::new("InvalidNetworkAclEntry.NotFound", message)
}

fn rules_of(group: &mut SecurityGroup, direction: Direction) -> &mut Vec<Rule> {
    match direction {
        Direction::Ingress => &mut group.ingress,
        Direction::Egress => &mut group.egress,
    }
}

/// A rule that names the group's own id is one from itself.
fn of_group(id: &str, rule: &Rule) -> Rule {
    let peer = match &rule.peer {
        RulePeer::Group(named) if named == id => RulePeer::Itself,
        other => other.clone(),
    };
    Rule { peer, ..rule.clone() }
}
