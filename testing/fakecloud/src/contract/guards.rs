//! Security groups and network ACLs.

use std::sync::Arc;

use ipnet::Ipv4Net;
use phonehome_cloud::Class;
use phonehome_network::{AclEntry, Rule, RulePeer};
use phonehome_planner::{Action, Direction};

use super::harness::{Harness, check, id};
use super::subject::{Accounts, Judgement};

fn https(peer: RulePeer) -> Rule {
    Rule { protocol: "tcp".into(), ports: Some((443, 443)), peer }
}

pub(super) async fn a_security_group_name_is_given_once<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let make = || Action::CreateSecurityGroup {
        vpc: id(&vpc),
        name: "phonehome-probe".into(),
        description: "phonehome probes".into(),
    };
    harness.make("security-group/probe", make()).await?;
    harness.refused(make(), Class::EventuallyConsistent, &["InvalidGroup.Duplicate"]).await
}

pub(super) async fn rules_are_added_once_and_taken_away_once<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let group =
        harness.make("security-group/default", Action::FindDefaultSecurityGroup { vpc: id(&vpc) }).await?;
    let from = RulePeer::Cidr(Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 0, 0, 0), 8));
    let add =
        |rules: Vec<Rule>| Action::AuthorizeRules { group: id(&group), direction: Direction::Ingress, rules };
    let take = |direction, rules: Vec<Rule>| Action::RevokeRules { group: id(&group), direction, rules };
    harness.done("rules", add(vec![https(from.clone())])).await?;
    harness
        .refused(add(vec![https(from.clone())]), Class::AlreadyDone, &["InvalidPermission.Duplicate"])
        .await?;
    harness.done("rules", take(Direction::Ingress, vec![https(from.clone())])).await?;
    let gone = ["InvalidPermission.NotFound"];
    harness.refused(take(Direction::Ingress, vec![https(from)]), Class::AlreadyDone, &gone).await?;
    let all = |peer| Rule { protocol: "-1".into(), ports: None, peer };
    // AWS has this one from the beginning, moto has not.
    harness.so("rules", add(vec![all(RulePeer::Itself)])).await?;
    harness.done("rules", take(Direction::Ingress, vec![all(RulePeer::Itself)])).await?;
    harness.done("rules", take(Direction::Egress, vec![all(RulePeer::Cidr(Ipv4Net::default()))])).await?;
    let seen = harness.see().await?;
    let seen = seen.security_groups.iter().find(|it| it.id == group).ok_or("the group is not seen")?;
    check(seen.ingress.is_empty() && seen.egress.is_empty(), || format!("must be empty: {seen:?}"))
}

pub(super) async fn a_default_group_lets_itself_in<A: Accounts>(accounts: Arc<A>, number: u32) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let seen = harness.see().await?;
    let group = seen.security_groups.iter().find(|it| it.vpc_id == vpc).ok_or("no default group")?;
    let wanted = Rule { protocol: "-1".into(), ports: None, peer: RulePeer::Itself };
    check(group.ingress == [wanted], || format!("{group:?}"))
}

pub(super) async fn acl_entries_are_made_once_and_replaced<A: Accounts>(
    accounts: Arc<A>,
    number: u32,
) -> Judgement {
    let harness = Harness::open(&*accounts, number, false).await?;
    let vpc = harness.vpc().await?;
    let acl = harness.make("network-acl/default", Action::FindDefaultNetworkAcl { vpc: id(&vpc) }).await?;
    let mut entry = AclEntry {
        number: 20,
        egress: false,
        allow: false,
        protocol: "6".into(),
        ports: Some((22, 22)),
        cidr: Some(Ipv4Net::default()),
    };
    let make = |entry: &AclEntry| Action::CreateAclEntry { acl: id(&acl), entry: entry.clone() };
    harness.done("network-acl/default/20", make(&entry)).await?;
    harness.refused(make(&entry), Class::AlreadyDone, &["NetworkAclEntryAlreadyExists"]).await?;
    entry.ports = Some((3389, 3389));
    harness
        .done("network-acl/default/20", Action::ReplaceAclEntry { acl: id(&acl), entry: entry.clone() })
        .await?;
    let seen = harness.see().await?;
    let seen = seen.network_acls.iter().find(|it| it.id == acl).ok_or("the ACL is not seen")?;
    let found: Vec<_> = seen.entries.iter().filter(|it| it.number == 20).collect();
    check(found == [&entry] && seen.entries.len() == 3, || format!("{seen:?}"))
}
