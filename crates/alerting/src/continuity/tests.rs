//! What a suspect explains, and which group an incident goes on as.

use std::collections::BTreeMap;

use phonehome_wire::{CheckId, CheckKind, Expect, Target, Verdict};

use crate::{
    Heartbeat, IncidentMember, MemberState, PathState, Policy, ProbeView, Reader, Route, Turns, Unreadable,
    Unseen, World, lifecycle,
};

use super::*;

const NOW_MS: u64 = 1_800_000_000_000;
const SHOP: &str = "111111111111";
const PAY: &str = "222222222222";

/// The probes: two zones of a shop, one of it in another Region, and one of who is paid.
const PROBES: [(&str, &str, &str, &str); 4] = [
    (SHOP, "shop-prod", "us-east-1", "use1-az1"),
    (SHOP, "shop-prod", "us-east-1", "use1-az2"),
    (SHOP, "shop-prod", "eu-west-1", "euw1-az1"),
    (PAY, "pay-prod", "us-east-1", "use1-az1"),
];

/// What each of them tests, by a letter: the internet, two ports of who is paid, the shop, and what it must not reach.
const CHECKS: [(char, &str, Option<&str>, Purpose); 5] = [
    ('o', "out.example.com:443", None, Purpose::Egress),
    ('p', "pay.internal:443", Some("pay-prod"), Purpose::Connection),
    ('q', "pay.internal:5432", Some("pay-prod"), Purpose::Connection),
    ('h', "shop.internal:443", Some("shop-prod"), Purpose::Connection),
    ('v', "vault.internal:443", Some("vault-prod"), Purpose::Isolation),
];

/// All that can be wrong with a probe: it is silent (`s`), cannot tell (`i`), and each of its checks.
const ALL: &str = "siopqhv";

fn check((letter, endpoint, owner, purpose): (char, &str, Option<&str>, Purpose)) -> Check {
    let (host, port) = endpoint.split_once(':').unwrap();
    let is_isolation = purpose == Purpose::Isolation;
    Check {
        id: CheckId(letter.to_string()),
        kind: CheckKind::Tcp { host: host.to_owned(), port: port.parse().unwrap() },
        expect: if is_isolation { Expect::Deny } else { Expect::Connect },
        purpose,
        target: Target { endpoint: endpoint.to_owned(), account: owner.map(str::to_owned) },
        timeout_ms: 1000,
        control: None,
        every_minutes: 1,
        tries: 3,
    }
}

fn probe(number: usize) -> ProbeKey {
    let (account, _, region, zone) = PROBES[number];
    ProbeKey {
        account: account.parse().unwrap(),
        region: region.parse().unwrap(),
        availability_zone: zone.parse().unwrap(),
    }
}

fn view(number: usize) -> ProbeView {
    let key = probe(number);
    let heartbeat = Heartbeat {
        key: key.clone(),
        part: 0,
        last_started_at_ms: NOW_MS,
        last_received_at_ms: NOW_MS,
        run_id: String::new(),
        generation: 1,
        clock_ahead_ms: 0,
        isolations_at_ms: NOW_MS,
        rerun_received_ms: 0,
        passed_again: None,
        paths_expire_at_ms: 0,
        paths_version: 1,
        heard_since_ms: 1,
        behind: None,
        connects: vec![],
        turns: Turns::default(),
    };
    let checks: Vec<Check> = CHECKS.map(check).into();
    let paths = checks.iter().map(|it| (it.id.clone(), PathState::unknown(&Verdict::Ok, NOW_MS))).collect();
    ProbeView {
        key,
        account_name: PROBES[number].1.to_owned(),
        domain: String::new(),
        environment: "prod".to_owned(),
        expected_since_ms: 1,
        nat_zone: None,
        calm: None,
        checks: checks.into(),
        heartbeat: Some(heartbeat),
        paths,
        crash: None,
        unreadable: Unreadable::default(),
        parts: vec![],
        route: Route::default().into(),
    }
}

fn world() -> World {
    let mut probes: Vec<ProbeView> = (0..PROBES.len()).map(view).collect();
    probes.sort_by(|a, b| a.key.cmp(&b.key));
    World {
        now_ms: NOW_MS,
        probes,
        owners: BTreeMap::new(),
        routes: BTreeMap::new(),
        open: vec![],
        silences: vec![],
        policy: Policy::default(),
        unseen: Unseen::default(),
        reader: Reader::default(),
        changes: vec![],
        findings: vec![],
    }
}

/// What is wrong with a probe, by its letter.
fn key(number: usize, letter: char) -> MemberKey {
    let symptom = match letter {
        's' => Symptom::Silent,
        'i' => Symptom::Inconclusive,
        check => Symptom::Down { check: CheckId(check.to_string()) },
    };
    MemberKey { probe: probe(number), symptom }
}

fn keys(all: &[(usize, char)]) -> BTreeSet<MemberKey> {
    all.iter().map(|(number, letter)| key(*number, *letter)).collect()
}

fn group(suspect: &Suspect, members: &[(usize, char)]) -> Group {
    Group { suspects: vec![suspect.clone()], members: keys(members), waits_until_ms: None }
}

fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

fn here() -> Region {
    "us-east-1".parse().unwrap()
}

fn zone(number: usize) -> AzId {
    probe(number).availability_zone
}

/// What each suspect is, and which letters it explains of each probe.
fn explained() -> Vec<(Suspect, [&'static str; 4])> {
    let (shop, pay) = (|| account(SHOP), || account(PAY));
    let (named, pay_name) = (|| "shop-prod".to_owned(), || "pay-prod".to_owned());
    let to =
        |endpoint: &str, owner: Option<String>| Suspect::Target { endpoint: endpoint.into(), account: owner };
    let connection = |endpoint: &str, to: Option<String>| Suspect::Connection {
        account: shop(),
        region: here(),
        endpoint: endpoint.into(),
        to,
    };
    let in_zone = |account, number| Suspect::AvailabilityZone { account, availability_zone: zone(number) };
    let resolver =
        |availability_zone| Suspect::Resolver { account: shop(), region: here(), availability_zone };
    let nat = |availability_zone| Suspect::NatGateway { account: shop(), region: here(), availability_zone };
    let route =
        |availability_zone| Suspect::PeerRoute { account: named(), availability_zone, to: pay_name() };
    let isolation =
        |endpoint: &str| Suspect::Isolation { account: shop(), region: here(), endpoint: endpoint.into() };
    vec![
        (Suspect::Collector, ["s", "s", "s", "s"]),
        (Suspect::Fleet, [ALL, ALL, ALL, ALL]),
        (Suspect::Region { region: here() }, [ALL, ALL, "", ALL]),
        (Suspect::Account { account: shop(), region: here() }, [ALL, ALL, "h", "h"]),
        (Suspect::Account { account: pay(), region: here() }, ["pq", "pq", "pq", ALL]),
        (in_zone(None, 0), [ALL, "", "", ALL]),
        (in_zone(Some(shop()), 0), [ALL, "", "", ""]),
        (in_zone(Some(pay()), 1), ["", "", "", ""]),
        (Suspect::Network { account: pay_name() }, ["pq", "pq", "pq", "pq"]),
        (Suspect::SecurityGroup { account: named() }, ["h", "h", "h", "h"]),
        (Suspect::Reporting { account: shop(), region: here() }, ["s", "s", "", ""]),
        (resolver(None), ["opqhv", "opqhv", "", ""]),
        (resolver(Some(zone(1))), ["", "opqhv", "", ""]),
        (Suspect::WayOut { account: shop(), region: here() }, ["o", "o", "", ""]),
        // Which zones it serves is not known by now.
        (nat(Some(zone(0))), ["o", "o", "", ""]),
        (
            Suspect::InternetRoute { account: shop(), region: here(), availability_zone: zone(1) },
            ["", "o", "", ""],
        ),
        (Suspect::Peering { accounts: [pay_name(), named()] }, ["pq", "pq", "pq", "h"]),
        (route(None), ["pq", "pq", "pq", "h"]),
        (route(Some(zone(0))), ["pq", "", "", "h"]),
        (connection("pay.internal", Some(pay_name())), ["pq", "pq", "", ""]),
        (connection("pay.internal:5432", Some(pay_name())), ["q", "q", "", ""]),
        (connection("pay.internal", None), ["", "", "", ""]),
        (to("pay.internal", Some(pay_name())), ["pq", "pq", "pq", "pq"]),
        (to("pay.internal:443", Some(pay_name())), ["p", "p", "p", "p"]),
        (to("pay.internal:443", None), ["", "", "", ""]),
        (to("out.example.com", None), ["o", "o", "o", "o"]),
        (isolation("vault.internal"), ["v", "v", "", ""]),
        (isolation("out.example.com:80"), ["", "", "", ""]),
        (Suspect::Path { probe: probe(0), check: CheckId("o".into()) }, ["", "", "", ""]),
        (Suspect::Probe { probe: probe(0) }, ["", "", "", ""]),
        (Suspect::Prober { account: shop(), region: here() }, ["", "", "", ""]),
    ]
}

#[test]
fn a_suspect_explains_what_fails_where_it_is_and_nothing_else() {
    let world = world();
    let evaluation = Evaluation::of(&world);
    for (suspect, expected) in explained() {
        let of_probe = |number: usize| -> String {
            ALL.chars().filter(|letter| explains(&evaluation, &suspect, &key(number, *letter))).collect()
        };
        assert_eq!([0, 1, 2, 3].map(of_probe), expected, "{suspect:?}");
    }
}

/// An incident about these, each as it is now.
fn incident(
    evaluation: &Evaluation<'_>,
    suspect: &Suspect,
    members: &[(usize, char, MemberState)],
) -> Incident {
    let about: Vec<(usize, char)> = members.iter().map(|(number, letter, _)| (*number, *letter)).collect();
    let mut incident = lifecycle::open(evaluation, &group(suspect, &about), &BTreeMap::new());
    let state = |it: &IncidentMember| {
        let is_it = |(number, letter, _): &&(usize, char, MemberState)| key(*number, *letter) == it.key();
        members.iter().find(is_it).unwrap().2
    };
    incident.members.iter_mut().for_each(|it| it.state = state(it));
    assert_eq!(incident.members.len(), members.len());
    incident
}

#[test]
fn what_failed_does_not_go_on_as_phonehomes_own_silence_and_what_was_only_silent_does() {
    let world = world();
    let evaluation = Evaluation::of(&world);
    let zone = Suspect::AvailabilityZone { account: Some(account(SHOP)), availability_zone: zone(0) };
    let silence = group(&Suspect::Collector, &[(0, 's'), (1, 's'), (3, 's')]);
    let one_silent = group(&Suspect::Probe { probe: probe(0) }, &[(0, 's')]);
    let groups = [silence.clone(), one_silent];
    let goes_on = |state: MemberState, groups: &[Group]| {
        let silent = |number| (number, 's', MemberState::Failing);
        let incident = incident(&evaluation, &zone, &[silent(0), silent(1), (0, 'o', state)]);
        successor(&evaluation, &incident, groups)
    };
    for state in [MemberState::Failing, MemberState::Stale] {
        assert_eq!(goes_on(state, &groups), Some(1), "{state:?}");
        assert_eq!(goes_on(state, &groups[..1]), None, "{state:?}");
    }
    for state in [MemberState::Recovered, MemberState::Undeclared] {
        assert_eq!(goes_on(state, &groups), Some(0), "{state:?}");
    }
}

#[test]
fn an_incident_goes_on_as_its_own_suspect_else_as_what_it_shares_most_with_and_has_nothing_else() {
    let world = world();
    let evaluation = Evaluation::of(&world);
    let out = Suspect::WayOut { account: account(SHOP), region: here() };
    let lost = |number: usize| (number, 'o', MemberState::Failing);
    let stored = incident(&evaluation, &out, &[lost(0), lost(1)]);
    let own = group(&out, &[(2, 'h')]);
    let one = group(&Suspect::Fleet, &[(0, 'o')]);
    let both = group(&Suspect::Region { region: here() }, &[(0, 'o'), (1, 'o'), (3, 'h')]);
    let both_alone = group(&Suspect::Fleet, &[(0, 'o'), (1, 'o')]);
    let nothing = group(&Suspect::Fleet, &[(3, 'h')]);
    let goes_on = |groups: &[&Group]| {
        let groups: Vec<Group> = groups.iter().map(|it| (*it).clone()).collect();
        successor(&evaluation, &stored, &groups)
    };
    assert_eq!(goes_on(&[&both, &own]), Some(1), "whatever else it shares");
    assert_eq!(goes_on(&[&one, &both]), Some(1));
    assert_eq!(goes_on(&[&both, &both_alone]), Some(1), "nothing of it is anything else");
    assert_eq!(goes_on(&[&both_alone, &both_alone]), Some(0), "of equal ones the first");
    assert_eq!(goes_on(&[&nothing]), None);
}

#[test]
fn what_is_left_stays_in_the_incident_that_had_it_and_explained_it() {
    let world = world();
    let evaluation = Evaluation::of(&world);
    let out = Suspect::WayOut { account: account(SHOP), region: here() };
    let stored =
        incident(&evaluation, &out, &[(0, 'o', MemberState::Failing), (1, 'o', MemberState::Failing)]);
    let omitting = Incident { omitted: 3, id: "omitting".to_owned(), ..stored.clone() };
    let left = |open: &Incident, members: &[(usize, char)]| {
        let group = group(&Suspect::Fleet, members);
        remainder_of(&evaluation, &[open], &group).map(|it| it.id.clone())
    };
    let is_it = |open: &Incident| Some(open.id.clone());
    assert_eq!(left(&stored, &[(0, 'o')]), is_it(&stored));
    assert_eq!(left(&stored, &[(0, 'o'), (0, 'h')]), None, "its suspect does not explain all of it");
    let other = Incident { members: stored.members[..1].to_vec(), ..stored.clone() };
    assert_eq!(left(&other, &[(1, 'o')]), None, "it never had that");
    let other = Incident { members: omitting.members[..1].to_vec(), ..omitting.clone() };
    assert_eq!(left(&other, &[(1, 'o')]), is_it(&omitting), "it may have had that: it is not stored");
}
