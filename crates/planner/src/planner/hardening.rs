//! What AWS makes with a VPC, and leaves open: it is closed, and tagged.

use super::Taking;
use ipnet::Ipv4Net;

use super::Planner;
use crate::Disruption;
use crate::permit::Grant;
use crate::{Action, Change, Direction, Ref};
use phonehome_network::{
    AclEntry, Address, Kind, NetworkAcl, RemovalTarget, Rule, RulePeer, SecurityGroup, Tagged, Tags,
};
use phonehome_text::joined;

/// Remote administration: SSH and RDP.
const CLOSED_PORTS: [i32; 2] = [22, 3389];
/// TCP's protocol number.
const TCP: &str = "6";
/// From where administration stays possible: private addresses (RFC 1918).
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

impl<'a> Planner<'a> {
    pub(super) fn hardening(&mut self) {
        if !self.spec.features.hardening {
            return;
        }
        if self.sees(Kind::SecurityGroup) {
            self.default_security_group();
        }
        if self.sees(Kind::NetworkAcl) {
            self.default_network_acl();
        }
        self.main_route_table();
    }

    /// Something that AWS made with the VPC: it is found first where the VPC is only being made.
    fn made_by_aws(&mut self, address: &Address, seen: Option<(&str, &Tags)>, find: Action) -> Ref {
        match seen {
            Some((id, tags)) => {
                self.found.insert(id.to_owned());
                self.keep_tags(address, id, tags);
                Ref::Id(id.to_owned())
            }
            None => {
                let found = Ref::Output(address.clone());
                let change = || Change::Adopt { id: String::new() };
                let reason = "AWS makes it with the VPC: looked up";
                self.push(address.clone(), change(), Disruption::None, find, reason, vec![]);
                let reason = "AWS makes it with the VPC: becomes phonehome's";
                let action = Action::Tag { resource: found.clone(), tags: self.spec.tags_of(address) };
                self.push(Address::tags(address), change(), Disruption::None, action, reason, vec![]);
                found
            }
        }
    }

    /// It lets its members talk to each other, and out, until it is emptied.
    fn default_security_group(&mut self) {
        let address = Address::default_security_group();
        let seen = self.seen_default_group();
        let find = Action::FindDefaultSecurityGroup { vpc: self.vpc_ref() };
        let group = self.made_by_aws(&address, seen.map(|group| (group.id.as_str(), &group.tags)), find);
        let (ingress, egress) = match seen {
            Some(group) => (group.ingress.clone(), group.egress.clone()),
            None => {
                (vec![all_traffic(RulePeer::Itself)], vec![all_traffic(RulePeer::Cidr(Ipv4Net::default()))])
            }
        };
        let inbound = Address::inbound_rules(&address);
        self.revoke(inbound, group.clone(), Direction::Ingress, ingress, "must let nothing in", vec![]);
        let outbound = Address::outbound_rules(&address);
        self.revoke(outbound, group, Direction::Egress, egress, "must let nothing out", vec![]);
    }

    fn seen_default_group(&self) -> Option<&'a SecurityGroup> {
        let mut groups = self.seen.security_groups.iter();
        groups.find(|group| group.name == "default" && self.is_in_our_vpc(&group.vpc_id))
    }

    pub(super) fn revoke(
        &mut self,
        address: Address,
        group: Ref,
        direction: Direction,
        rules: Vec<Rule>,
        reason: &str,
        after: Vec<Address>,
    ) {
        if rules.is_empty() {
            return;
        }
        let before = joined(&rules);
        let change = Change::Update { before, after: "none".to_owned() };
        let disruption = self.disruption_in_vpc(Disruption::ResetsConnections);
        self.push(
            address,
            change,
            disruption,
            Action::RevokeRules { group, direction, rules },
            reason,
            after,
        );
    }

    /// Every subnet has this ACL. It lets everything through until it gets entries before AWS's own.
    fn default_network_acl(&mut self) {
        let address = Address::default_network_acl();
        let mut acls = self.seen.network_acls.iter();
        let seen = acls.find(|acl| acl.is_default && self.is_in_our_vpc(&acl.vpc_id));
        let find = Action::FindDefaultNetworkAcl { vpc: self.vpc_ref() };
        let acl = self.made_by_aws(&address, seen.map(|acl| (acl.id.as_str(), &acl.tags)), find);
        self.closing_entries(&address, &acl, seen);
        if let Some(seen) = seen {
            self.opening_entries(&address, seen);
        }
    }

    /// Those that are missing or other. What lets private addresses in comes before what closes, so
    /// that at no time they are shut out; and without what closes it has no use, and might let in what
    /// somebody shut out.
    fn closing_entries(&mut self, address: &Address, acl: &Ref, seen: Option<&NetworkAcl>) {
        let current = |entry: &AclEntry| {
            let mut entries = seen.into_iter().flat_map(|acl| &acl.entries);
            entries.find(|it| it.number == entry.number && it.egress == entry.egress)
        };
        let wrong: Vec<AclEntry> =
            closing_entries().into_iter().filter(|it| current(it) != Some(it)).collect();
        let closes = wrong.iter().any(|entry| !entry.allow) || wrong.iter().any(|it| current(it).is_some());
        let disruption = if closes { Disruption::ResetsConnections } else { Disruption::None };
        let disruption = self.disruption_if_adopted(self.disruption_in_vpc(disruption));
        let mut letting_in = Vec::new();
        for entry in wrong {
            let at = Address::acl_entry(address, entry.number);
            let after = if entry.allow || seen.is_none() { vec![] } else { letting_in.clone() };
            if entry.allow {
                letting_in.push(at.clone());
            }
            let acl = acl.clone();
            match current(&entry) {
                Some(current) => {
                    let change = Change::Update { before: current.to_string(), after: entry.to_string() };
                    let action = Action::ReplaceAclEntry { acl, entry };
                    self.push(at, change, disruption, action, "was changed", after);
                }
                None => {
                    let action = Action::CreateAclEntry { acl, entry };
                    self.push(at, Change::Create, disruption, action, "not there", after);
                }
            }
        }
    }

    /// Entries that somebody put before the closing ones and that open what they close.
    fn opening_entries(&mut self, address: &Address, acl: &NetworkAcl) {
        let first =
            closing_entries().iter().filter(|it| !it.allow).map(|it| it.number).min().unwrap_or_default();
        let ours: Vec<i32> = closing_entries().iter().map(|entry| entry.number).collect();
        for entry in acl.entries.iter().filter(|it| it.number < first && !ours.contains(&it.number)) {
            if opens_administration(entry) {
                let target =
                    RemovalTarget::AclEntry { acl_id: acl.id.clone(), number: entry.number, egress: false };
                let at = Address::acl_entry(address, entry.number);
                let grant = (Taking::Alone(Grant::Closing), [Kind::NetworkAcl].as_slice());
                let reason = "opens ports 22 or 3389 to the internet";
                self.remove(at.clone(), entry.to_string(), target, grant, reason, vec![]);
            }
        }
    }

    /// Nothing uses it: every subnet has a table of its own.
    fn main_route_table(&mut self) {
        let address = Address::main_route_table();
        let mut tables = self.seen.route_tables.iter();
        let seen = tables.find(|table| table.main && self.is_in_our_vpc(&table.vpc_id));
        // One that somebody uses as one of the stack's own tables is that one.
        if seen.is_some_and(|table| table.address().is_some_and(|other| other != address)) {
            return;
        }
        let find = Action::FindMainRouteTable { vpc: self.vpc_ref() };
        self.made_by_aws(&address, seen.map(|table| (table.id.as_str(), &table.tags)), find);
    }

    pub(super) fn probe_security_group(&mut self) -> Result<(), crate::PlanError> {
        if self.spec.probe.is_none() || !self.sees(Kind::SecurityGroup) {
            return Ok(());
        }
        let address = Address::probe_security_group();
        let description = "phonehome probes: no way in, any way out";
        let seen = self.security_group(&address, "phonehome-probe", description)?;
        let Some(seen) = seen else { return Ok(()) };
        let group = Ref::Id(seen.id.clone());
        let inbound = Address::undeclared_inbound_rules(&address);
        self.revoke(
            inbound,
            group.clone(),
            Direction::Ingress,
            seen.ingress.clone(),
            "must let nothing in",
            vec![],
        );
        let out = all_traffic(RulePeer::Cidr(Ipv4Net::default()));
        if !seen.egress.contains(&out) {
            let words = ("none to everywhere".to_owned(), out.to_string());
            let action = Action::AuthorizeRules { group, direction: Direction::Egress, rules: vec![out] };
            let address = Address::outbound_rules(&address);
            self.update(address, words, Disruption::None, action, "must let everything out");
        }
        Ok(())
    }

    /// A security group of the stack; names are unique in a VPC.
    pub(super) fn security_group(
        &mut self,
        address: &Address,
        name: &str,
        description: &str,
    ) -> Result<Option<&'a SecurityGroup>, crate::PlanError> {
        let ours = self.our_vpc().map(|vpc| vpc.id.clone());
        let seen = self.seen;
        let looks_like = |it: &SecurityGroup| it.name == name && ours.as_ref() == Some(&it.vpc_id);
        let located = self.locate(address, &seen.security_groups, looks_like)?;
        match located.item {
            Some(group) => self.must_be_in_our_vpc(address, &group.id, &group.vpc_id)?,
            None => {
                let (vpc, name, description) = (self.vpc_ref(), name.to_owned(), description.to_owned());
                let action = Action::CreateSecurityGroup { vpc, name, description };
                self.create(address.clone(), action, vec![]);
            }
        }
        Ok(located.item)
    }
}

pub(super) fn all_traffic(peer: RulePeer) -> Rule {
    Rule { protocol: "-1".to_owned(), ports: None, peer }
}

/// What comes before AWS's own entry 100, which lets everything in: private addresses may do what
/// they like, and from elsewhere nobody gets at SSH or RDP.
fn closing_entries() -> Vec<AclEntry> {
    let entry = |number, allow, protocol: &str, ports, cidr| AclEntry {
        number,
        egress: false,
        allow,
        protocol: protocol.to_owned(),
        ports,
        cidr: Some(cidr),
    };
    let private = (10..).zip(private()).map(|(number, cidr)| entry(number, true, "-1", None, cidr));
    let hardening = (20..).zip(CLOSED_PORTS);
    let hardening =
        hardening.map(|(number, port)| entry(number, false, TCP, Some((port, port)), Ipv4Net::default()));
    private.chain(hardening).collect()
}

fn private() -> impl Iterator<Item = Ipv4Net> {
    PRIVATE.into_iter().filter_map(|cidr| cidr.parse().ok())
}

/// Whether an inbound entry lets the internet at a closed port.
fn opens_administration(entry: &AclEntry) -> bool {
    let tcp = entry.protocol == TCP || entry.protocol == "-1";
    let covers = |port: &i32| entry.ports.is_none_or(|(first, last)| (first..=last).contains(port));
    // An entry without an IPv4 CIDR is one for IPv6, where there are no private addresses to spare.
    let public = entry.cidr.is_none_or(|cidr| !private().any(|net| net.contains(&cidr)));
    !entry.egress && entry.allow && tcp && public && CLOSED_PORTS.iter().any(covers)
}
