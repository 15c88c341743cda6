//! What declared connections open: one security group, that teams attach to what is to be reached.

use super::Planner;
use crate::ChangeKind;
use crate::Disruption;
use crate::Withheld;
use crate::WithheldReason;
use crate::permit::Grant;
use crate::{Action, Change, Direction, LinkSpec, PlanError};
use ipnet::Ipv4Net;
use phonehome_network::Part;
use phonehome_network::{Address, Ask, Kind, Peering, PeeringVpc, Rule, RulePeer, SecurityGroup, Tagged};
use phonehome_text::{count, joined};

/// How many inbound rules a security group takes: AWS's default quota ("Amazon VPC quotas", inbound or
/// outbound rules per security group; IPv4 and IPv6 count apart). A raised one is not known here.
const MAX_INBOUND_RULES: usize = 60;

impl<'a> Planner<'a> {
    /// The security group that lets declared connections in. Teams attach it to what is to be reached.
    pub(super) fn inbound(&mut self) -> Result<(), PlanError> {
        if !self.sees(Kind::Peering) || !self.sees(Kind::SecurityGroup) {
            return Ok(());
        }
        let declared = self.declared_rules();
        let address = Address::inbound_security_group();
        let is_there = |it: &SecurityGroup| it.address().as_ref() == Some(&address);
        if declared.is_empty() && !self.seen.security_groups.iter().any(is_there) {
            return Ok(());
        }
        let description = "phonehome: declared connections from other accounts";
        let seen = self.security_group(&address, "phonehome-inbound", description)?;
        self.nothing_out(&address, seen);
        let current = seen.map(|group| group.ingress.clone()).unwrap_or_default();
        let group = self.reference(&address, &self.seen.security_groups);
        let missing: Vec<Rule> = declared.iter().filter(|rule| !current.contains(rule)).cloned().collect();
        let missing = self.within_quota(&address, &current, missing);
        if !missing.is_empty() {
            let rules = |number| count(number, "rule");
            let (before, after) = (rules(current.len()), rules(current.len() + missing.len()));
            let change = Change::Update { before, after };
            let (direction, at) = (Direction::Ingress, Address::inbound_rules(&address));
            let action = Action::AuthorizeRules { group: group.clone(), direction, rules: missing };
            self.push(at, change, Disruption::None, action, "declared connections", vec![]);
        }
        let mut undeclared: Vec<Rule> = current.into_iter().filter(|rule| !declared.contains(rule)).collect();
        undeclared.retain(|rule| !self.is_kept(rule));
        let accepted = seen.map(|seen| self.close(&address, &seen.id, &mut undeclared)).unwrap_or_default();
        let at = Address::undeclared_inbound_rules(&address);
        let after = self.removed_routes();
        self.revoke(
            at.clone(),
            group,
            Direction::Ingress,
            undeclared,
            "no declared connection needs them",
            after,
        );
        if let Some(step) = self.plan.steps.iter_mut().find(|step| step.address == at) {
            step.asks.extend(accepted);
        }
        Ok(())
    }

    /// Takes out of `undeclared` what a declared connection once opened and may not be closed: whoever
    /// connects that way is cut off. Returns what is closed with permission.
    fn close(&mut self, group: &Address, group_id: &str, undeclared: &mut Vec<Rule>) -> Vec<Ask> {
        let (mut accepted, mut kept, mut asks, mut why) = (vec![], vec![], vec![], None);
        undeclared.retain(|rule| {
            if !self.is_in_use(rule) {
                return true;
            }
            let ask = Ask::Close { group_id: group_id.to_owned(), rule: rule.clone() };
            match self.budget.permit(Grant::Deletion, &ask, &[Kind::SecurityGroup, Kind::Peering]) {
                Ok(_) => {
                    accepted.push(ask);
                    true
                }
                Err(refusal) => {
                    let (reason, asked) = refusal.explain(ask);
                    asks.extend(asked);
                    kept.push(rule.clone());
                    why = Some(reason);
                    false
                }
            }
        });
        if let Some(reason) = why {
            let details = format!("{}, no longer declared", joined(&kept));
            self.withhold_deletion(group.part(Part::FormerlyDeclaredRules), String::new(), details, reason);
            self.asks_for(asks);
        }
        accepted
    }

    /// Whether a rule was opened for a declared connection that may still be in use: its peering is
    /// live, and stays. One for a subnet that the peer has no more lets nobody in.
    fn is_in_use(&self, rule: &Rule) -> bool {
        let RulePeer::Cidr(source) = rule.peer else { return false };
        let is_there = |side: &PeeringVpc| side.cidrs.iter().any(|cidr| cidr.contains(&source));
        let lets_in = |it: &Peering| it.is_live() && (is_there(&it.requester) || is_there(&it.accepter));
        let is_open = |link: &LinkSpec| link.inbound.iter().any(|port| rule.ports == Some(both(*port)));
        let is_gone = |link: &LinkSpec| {
            let address = Address::peering(&link.peer_name);
            let of_link = |it: &&Peering| it.address().as_ref() == Some(&address) && lets_in(it);
            !link.peer_subnets.is_empty()
                && !link.peer_subnets.contains(&source)
                && is_open(link)
                && self.seen.peerings.iter().any(|it| of_link(&it))
        };
        let was_opened = self.spec.history.opened.contains(rule);
        let ours = self.seen.peerings.iter().filter(|it| it.address().is_some());
        let mut undeclared = self.undeclared_peerings().into_iter();
        was_opened
            && ours.clone().any(&lets_in)
            // What goes along with its peering has that one's permission.
            && !undeclared.any(lets_in)
            && !self.spec.links.iter().any(is_gone)
    }

    /// What declared connections open here.
    fn declared_rules(&self) -> Vec<Rule> {
        let joined = self.spec.links.iter().filter(|link| self.cannot_be_joined(link).is_none());
        let mut declared: Vec<Rule> = joined.flat_map(inbound_rules).collect();
        declared.sort();
        declared.dedup();
        declared
    }

    /// What the inbound group lets in, or will, because phonehome opened it.
    pub(super) fn opened(&self) -> Vec<Rule> {
        let mut opened = self.declared_rules();
        let address = Address::inbound_security_group();
        let group = self.located(&address, &self.seen.security_groups);
        let is_there = |rule: &&Rule| match group {
            Some(group) => group.ingress.contains(rule),
            None => !self.sees(Kind::SecurityGroup),
        };
        opened.extend(self.spec.history.opened.iter().filter(is_there).cloned());
        opened.sort();
        opened.dedup();
        opened
    }

    /// As many of the rules as AWS takes. It takes all of a call or none, so that one too many would
    /// close every declared connection; the others are withheld.
    fn within_quota(&mut self, group: &Address, current: &[Rule], mut missing: Vec<Rule>) -> Vec<Rule> {
        let counts = |rule: &&Rule| !matches!(rule.peer, RulePeer::Ipv6(_));
        let free = MAX_INBOUND_RULES.saturating_sub(current.iter().filter(counts).count());
        let beyond = missing.split_off(free.min(missing.len()));
        if !beyond.is_empty() {
            let reason = format!(
                "beyond AWS's quota of {MAX_INBOUND_RULES} inbound rules per security group: declare fewer ports \
                 or connections to this account"
            );
            self.withhold(Withheld {
                address: group.part(Part::RulesBeyondQuota),
                id: String::new(),
                kind: ChangeKind::Update,
                details: format!("open {}", joined(&beyond)),
                reason: WithheldReason::BeyondQuota(reason),
                asks: vec![],
                call: None,
            });
        }
        missing
    }

    /// A security group that is for letting in lets nothing out: what has it keeps the way out that its
    /// other groups give it. AWS makes every group with a rule that lets everything out.
    fn nothing_out(&mut self, address: &Address, seen: Option<&SecurityGroup>) {
        let group = self.reference(address, &self.seen.security_groups);
        let (direction, at) = (Direction::Egress, Address::outbound_rules(address));
        let reason = "must let nothing out";
        match seen {
            Some(seen) => self.revoke(at, group, direction, seen.egress.clone(), reason, vec![]),
            None => {
                let everything = super::hardening::all_traffic(RulePeer::Cidr(Ipv4Net::default()));
                let change = Change::Update { before: everything.to_string(), after: "none".to_owned() };
                let action = Action::RevokeRules { group, direction, rules: vec![everything] };
                self.push(at, change, Disruption::None, action, reason, vec![]);
            }
        }
    }

    /// Whether a rule belongs to a peering that is no longer declared but may not be removed now, or to one
    /// with an account of which nothing is known now.
    fn is_kept(&mut self, rule: &Rule) -> bool {
        let RulePeer::Cidr(source) = rule.peer else { return false };
        let has_it = |side: &PeeringVpc| side.cidrs.iter().any(|cidr| cidr.contains(&source));
        let is_theirs = |it: &&Peering| has_it(&it.requester) || has_it(&it.accepter);
        let mut live = self.seen.peerings.iter().filter(|it| it.is_live());
        if live.any(|it| is_theirs(&it) && self.awaits_peer(it)) {
            return true;
        }
        let theirs: Vec<&Peering> = self.undeclared_peerings().into_iter().filter(is_theirs).collect();
        theirs.into_iter().any(|peering| !self.may_unpeer(&peering.id))
    }
}

/// A port as the range that a rule has.
fn both(port: u16) -> (i32, i32) {
    (i32::from(port), i32::from(port))
}

/// What a peer may open here.
fn inbound_rules(link: &LinkSpec) -> impl Iterator<Item = Rule> {
    link.inbound.iter().flat_map(move |port| {
        let ports = Some(both(*port));
        let rule =
            move |source: &Ipv4Net| Rule { protocol: "tcp".to_owned(), ports, peer: RulePeer::Cidr(*source) };
        link.peer_subnets.iter().map(rule)
    })
}
