//! Two files at once, while one is rolled out: what some accounts have, and others not yet.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Binding, Bindings, Fleet, Link, Member, Mixed};
use phonehome_wire::{AccountId, Check};
use proptest::prelude::*;

const ENVIRONMENTS: [&str; 3] = ["dev", "stage", "prod"];
const DOMAINS: [&str; 3] = ["a", "b", "c"];

/// A file of three domains with three environments each, and these further sections.
fn file(sections: &str) -> String {
    let mut text = String::from(
        "version: 1\n\
         organization: { id: o-a1b2c3d4e5, management_account: \"111111111111\", hub_account: \"222222222222\" }\n\
         regions: [{ name: us-east-1, availability_zones: [use1-az1] }]\n\
         address_pools: [{ name: all, region: us-east-1, cidr: 10.0.0.0/12, block: 18 }]\n\
         alert_routes: [{ slack_channel: \"#net\" }]\n\
         probing: { egress: [{ host: example.com, port: 443 }] }\n\
         environments: [{ name: dev, pools: [all] }, { name: stage, pools: [all] }, { name: prod, pools: [all] }]\n\
         domains:\n",
    );
    for name in DOMAINS {
        text.push_str(&format!("  - {{ name: {name}, owner: x, environments: [dev, stage, prod] }}\n"));
    }
    text + sections
}

fn fleet(sections: &str) -> Fleet {
    phonehome_fleet::read(&file(sections)).unwrap_or_else(|problems| panic!("{problems}")).fleet
}

fn account(domain: usize, environment: usize) -> AccountId {
    format!("{:012}", 100 + 10 * domain + environment).parse().unwrap()
}

/// Every line is an account.
fn bindings(fleet: &Fleet) -> Bindings {
    let bound = fleet.members().into_iter().map(|member| Binding {
        line: member.line(),
        account: id_of(&member),
        account_name: member.account_name,
        bound_at_ms: 0,
    });
    Bindings::new(bound, [])
}

fn id_of(member: &Member) -> AccountId {
    let number = |names: &[&str], name: &str| names.iter().position(|it| *it == name).unwrap_or(7);
    account(number(&DOMAINS, &member.domain), number(&ENVIRONMENTS, &member.environment))
}

fn of<'m>(mixed: &'m Mixed, turned: &BTreeSet<AccountId>, member: &Member) -> &'m Fleet {
    if turned.contains(&id_of(member)) { &mixed.target } else { &mixed.base }
}

fn mixed(base: &Fleet, target: &Fleet, turned: &BTreeSet<AccountId>) -> Mixed {
    Mixed::of(base, target, turned, &bindings(base))
}

/// Who opens which port at whom, as a file declares it.
fn ways(fleet: &Fleet, member: &Member) -> BTreeSet<(String, u16)> {
    let open = |link: Link| {
        let name = link.peer.account_name;
        link.outbound.into_iter().map(move |port| (name.clone(), port)).collect::<Vec<_>>()
    };
    fleet.links_of(member).into_iter().flat_map(open).collect()
}

/// Who may open which port here, as a file declares it.
fn inbound(fleet: &Fleet, member: &Member) -> BTreeSet<(String, u16)> {
    let open = |link: Link| {
        let name = link.peer.account_name;
        link.inbound.into_iter().map(move |port| (name.clone(), port)).collect::<Vec<_>>()
    };
    fleet.links_of(member).into_iter().flat_map(open).collect()
}

fn checks(fleet: &Fleet, account_name: &str) -> Vec<Check> {
    fleet.checks_for(&fleet.member(account_name).unwrap(), "us-east-1")
}

fn ids(fleet: &Fleet, account_name: &str) -> Vec<String> {
    checks(fleet, account_name).into_iter().map(|check| check.id.0).collect()
}

/// The connections of a random file: from, to, the target's environment, the only source, the port.
type Random = Vec<(usize, usize, Option<usize>, Option<usize>, u16)>;

fn random() -> impl Strategy<Value = Random> {
    let one = (0..3usize, 0..3usize, prop::option::of(0..3usize), prop::option::of(0..3usize), 1..4u16);
    prop::collection::vec(one, 0..7)
}

fn of_random(random: &Random, pair: bool) -> Fleet {
    let mut text = String::new();
    if pair {
        text.push_str("forbidden_environments: [{ from: dev, to: prod }]\n");
    }
    text.push_str("connections:\n");
    let mut seen = BTreeSet::new();
    for (from, to, to_environment, source, port) in random {
        // Each way once: the same twice is refused.
        let sources = (0..3).filter(|it| source.is_none_or(|only| only == *it));
        let joined = sources.map(|it| (*from, it, *to, to_environment.unwrap_or(it), *port));
        let joined: Vec<_> = joined.filter(|(f, a, t, b, _)| (f, a) != (t, b)).collect();
        if joined.is_empty()
            || (from == to && to_environment.is_none())
            || joined.iter().any(|it| seen.contains(it))
        {
            continue;
        }
        let environments: Vec<&str> = joined.iter().map(|it| ENVIRONMENTS[it.1]).collect();
        seen.extend(joined.iter().copied());
        let target =
            to_environment.map(|it| format!("to_environment: {}, ", ENVIRONMENTS[it])).unwrap_or_default();
        text.push_str(&format!(
            "  - {{ from: {}, to: {}, {target}environments: [{}], ports: [{port}], check: {{ host: x }} }}\n",
            DOMAINS[*from],
            DOMAINS[*to],
            environments.join(", ")
        ));
    }
    if seen.is_empty() {
        text = text.replace("connections:\n", "");
    }
    fleet(&text)
}

fn turned_of(numbers: &BTreeSet<usize>) -> BTreeSet<AccountId> {
    numbers.iter().map(|number| account(number / 3, number % 3)).collect()
}

/// Whether some account of dev reaches one of prod, or the other way round, by these ways.
fn joins_dev_and_prod(ways: &BTreeMap<String, BTreeSet<String>>) -> bool {
    let reaches = |from: &str, to: &str| {
        let mut seen: BTreeSet<&str> =
            ways.keys().map(String::as_str).filter(|it| it.ends_with(from)).collect();
        loop {
            let next: BTreeSet<&str> =
                seen.iter().filter_map(|it| ways.get(*it)).flatten().map(String::as_str).collect();
            let before = seen.len();
            seen.extend(next);
            if seen.len() == before {
                return seen.iter().any(|it| it.ends_with(to));
            }
        }
    };
    reaches("-dev", "-prod") || reaches("-prod", "-dev")
}

fn all_ways(
    of: impl Fn(&Member) -> BTreeSet<(String, u16)>,
    fleet: &Fleet,
) -> BTreeMap<String, BTreeSet<String>> {
    let members = fleet.members().into_iter();
    members.map(|it| (it.account_name.clone(), of(&it).into_iter().map(|(name, _)| name).collect())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn with_nobodys_turn_all_is_as_before_and_with_everybodys_all_is_as_published(
        (base, target) in (random(), random()),
    ) {
        let (base, target) = (of_random(&base, false), of_random(&target, false));
        prop_assert_eq!(&mixed(&base, &target, &BTreeSet::new()).base, &base);
        let all = turned_of(&(0..9).collect());
        prop_assert_eq!(&mixed(&base, &target, &all).target, &target);
    }

    #[test]
    fn both_ends_agree_on_every_way_and_nothing_is_open_that_a_version_of_an_end_does_not_declare(
        (base, target) in (random(), random()),
        turned in prop::collection::btree_set(0..9usize, 0..9),
    ) {
        let (base, target, turned) = (of_random(&base, false), of_random(&target, false), turned_of(&turned));
        let mixed = mixed(&base, &target, &turned);
        let declares = |fleet: &Fleet, from: &Member, way: &(String, u16)| ways(fleet, from).contains(way);
        for from in base.members() {
            let own = of(&mixed, &turned, &from);
            let tested = own.checks_for(&from, "us-east-1").into_iter().filter(|it| it.target.account.is_some());
            let tested: BTreeSet<(String, String)> =
                tested.map(|it| (it.target.account.unwrap(), it.target.endpoint)).collect();
            let open = ways(own, &from);
            let named = open.iter().map(|(name, port)| (name.clone(), format!("x:{port}")));
            prop_assert_eq!(&tested, &named.collect::<BTreeSet<_>>(), "what is open is tested, and nothing else");
            for to in base.members() {
                for port in 1..4u16 {
                    let way = (to.account_name.clone(), port);
                    let back = (from.account_name.clone(), port);
                    let is_open = open.contains(&way);
                    prop_assert_eq!(is_open, inbound(of(&mixed, &turned, &to), &to).contains(&back));
                    let versions = [&from, &to].map(|it| turned.contains(&id_of(it)));
                    let declared = versions.map(|is_target| {
                        declares(if is_target { &target } else { &base }, &from, &way)
                    });
                    prop_assert_eq!(is_open, declared == [true, true], "{} to {:?}", from.account_name, way);
                }
            }
        }
    }

    #[test]
    fn no_mixture_leads_between_environments_that_both_versions_keep_apart(
        (base, target) in (random(), random()),
        turned in prop::collection::btree_set(0..9usize, 0..9),
    ) {
        let (base, target, turned) = (of_random(&base, true), of_random(&target, true), turned_of(&turned));
        prop_assume!([&base, &target].iter().all(|it| !joins_dev_and_prod(&all_ways(|member| ways(it, member), it))));
        let mixed = mixed(&base, &target, &turned);
        let open = all_ways(|member| ways(of(&mixed, &turned, member), member), &base);
        prop_assert!(!joins_dev_and_prod(&open), "{open:?}");
    }
}

#[test]
fn two_harmless_files_would_join_what_both_keep_apart_and_the_new_connection_waits() {
    let pair = "forbidden_environments: [{ from: dev, to: prod }]\n";
    let way = |from: &str, source: &str, to: &str, target: &str| {
        format!(
            "  - {{ from: {from}, to: {to}, to_environment: {target}, environments: [{source}], ports: [1], \
             check: {{ host: x }} }}\n"
        )
    };
    let both = way("b", "stage", "c", "stage");
    let base = fleet(&format!("{pair}connections:\n{both}{}", way("c", "stage", "a", "prod")));
    let target = fleet(&format!("{pair}connections:\n{both}{}", way("a", "dev", "b", "stage")));
    let turned = BTreeSet::from([account(0, 0), account(1, 1)]);
    let mixture = mixed(&base, &target, &turned);
    assert!(
        ways(&mixture.target, &target.member("a-dev").unwrap()).is_empty(),
        "b-stage reaches a-prod by c-stage"
    );
    let later = BTreeSet::from([account(0, 0), account(1, 1), account(2, 1)]);
    let later = mixed(&base, &target, &later);
    assert_eq!(
        ways(&later.target, &target.member("a-dev").unwrap()),
        BTreeSet::from([("b-stage".to_owned(), 1)])
    );
}

const CONNECTION: &str =
    "connections:\n  - { from: a, to: b, ports: [443, 8443], check: { host: \"b.{environment}\" } }\n";

#[test]
fn of_a_connection_the_ports_and_environments_are_left_that_both_ends_have() {
    let base = fleet(CONNECTION);
    let target = fleet(&CONNECTION.replace("443, 8443", "443, 9443"));
    let turned = BTreeSet::from([account(0, 0), account(1, 1)]);
    let mixed = mixed(&base, &target, &turned);
    let connections = |fleet: &Fleet, name: &str| -> Vec<String> {
        ids(fleet, name).into_iter().filter(|id| id.starts_with("connection")).collect()
    };
    assert_eq!(connections(&mixed.target, "a-dev"), ["connection/a-to-b/443"], "its peer has the other file");
    assert_eq!(connections(&mixed.base, "a-stage"), ["connection/a-to-b/443"], "and here, too");
    assert_eq!(connections(&mixed.base, "a-prod"), ["connection/a-to-b/443", "connection/a-to-b/8443"]);
}

#[test]
fn a_line_without_an_account_has_the_version_in_force() {
    let base = fleet(CONNECTION);
    let target = fleet(&CONNECTION.replace("443, 8443", "443, 9443"));
    // Nobody is b-dev yet.
    let bound = base.members().into_iter().filter(|it| it.account_name != "b-dev").map(|member| Binding {
        line: member.line(),
        account: id_of(&member),
        account_name: member.account_name.clone(),
        bound_at_ms: 0,
    });
    let turned = turned_of(&(0..9).collect());
    let mixed = Mixed::of(&base, &target, &turned, &Bindings::new(bound, []));
    assert!(ids(&mixed.target, "a-dev").contains(&"connection/a-to-b/443".to_owned()));
    assert!(!ids(&mixed.target, "a-dev").contains(&"connection/a-to-b/9443".to_owned()));
    assert!(ids(&mixed.target, "a-prod").contains(&"connection/a-to-b/9443".to_owned()));
}

const ISOLATION: &str = "isolations:\n  - { from: a, to: c, host: \"c.{environment}\", port: 443, control: connection/a-to-b/443 }\n";
const REACHED: &str = "  - { from: b, to: c, ports: [443], check: { host: \"c.{environment}\" } }\n";

fn isolation(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.id.0.starts_with("isolation/"))
}

#[test]
fn an_isolation_whose_control_is_left_out_has_another_and_is_tested_all_the_same() {
    let base = fleet(&format!("{CONNECTION}{REACHED}{ISOLATION}"));
    let target = fleet(&format!("{}{REACHED}", CONNECTION.replace("443, 8443", "8443")));
    // b no longer has what a is to reach there.
    let mixed = mixed(&base, &target, &BTreeSet::from([account(1, 0)]));
    let checks = checks(&mixed.base, "a-dev");
    let control = isolation(&checks).unwrap().control.clone().unwrap();
    assert_eq!(control.0, "connection/a-to-b/8443");
    assert!(checks.iter().any(|check| check.id == control));
}

#[test]
fn a_new_isolation_waits_while_the_other_end_has_the_file_that_lets_it_in() {
    let open = "  - { from: a, to: c, ports: [443], check: { host: \"c.{environment}\" } }\n";
    let base = fleet(&format!("{CONNECTION}{REACHED}{open}"));
    let target = fleet(&format!("{CONNECTION}{REACHED}{ISOLATION}"));
    let of = |turned: &[AccountId]| {
        let checks = checks(&mixed(&base, &target, &turned.iter().cloned().collect()).target, "a-dev");
        isolation(&checks).is_some()
    };
    let (a, b, c) = (account(0, 0), account(1, 0), account(2, 0));
    assert!(!of(&[a.clone(), b.clone()]), "c-dev lets it in as long as it has the version before");
    assert!(of(&[a, b, c]));
}

#[test]
fn a_new_isolation_waits_until_somebody_reaches_what_is_to_be_closed() {
    let base = fleet(CONNECTION);
    let target = fleet(&format!("{CONNECTION}{REACHED}{ISOLATION}"));
    let of = |turned: &[AccountId]| {
        let checks = checks(&mixed(&base, &target, &turned.iter().cloned().collect()).target, "a-dev");
        isolation(&checks).is_some()
    };
    let (a, b, c) = (account(0, 0), account(1, 0), account(2, 0));
    assert!(!of(&[a.clone(), c.clone()]), "nobody reaches c-dev yet: its silence would prove nothing");
    assert!(of(&[a, b, c]));
}

#[test]
fn an_isolation_that_an_account_had_before_stays_whatever_the_others_have() {
    let with = fleet(&format!("{CONNECTION}{REACHED}{ISOLATION}"));
    let without = fleet(&format!("{CONNECTION}{ISOLATION}"));
    let accounts = [account(0, 0), account(1, 0), account(2, 0)];
    for (base, target) in [(&with, &without), (&without, &with)] {
        for number in 0..8u32 {
            let bits = accounts.iter().enumerate().filter(|(bit, _)| number & (1 << bit) != 0);
            let turned: BTreeSet<AccountId> = bits.map(|(_, account)| account.clone()).collect();
            let mixed = mixed(base, target, &turned);
            let own = if turned.contains(&accounts[0]) { &mixed.target } else { &mixed.base };
            assert!(isolation(&checks(own, "a-dev")).is_some(), "{turned:?}");
        }
    }
}
