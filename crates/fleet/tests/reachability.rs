//! Environments that must not reach each other do not, by any way.

mod support;

use std::collections::BTreeSet;

use phonehome_fleet::{Diagnostics, Fleet};
use proptest::prelude::*;
use support::{EXAMPLE, SMALL, fleet, only_problem, problems, with};

const ENVIRONMENTS: [&str; 4] = ["dev", "stage", "prod", "common"];
const DOMAINS: [&str; 4] = ["a", "b", "c", "d"];

/// A connection of a small file.
#[derive(Debug, Clone)]
struct Way {
    from: usize,
    to: usize,
    to_environment: Option<usize>,
    /// The one environment it is declared for; none for all.
    environment: Option<usize>,
}

/// A fleet of four domains with all four environments each. Every connection stands on a line of
/// its own and has a port of its own, so that none is declared twice.
fn file(ways: &[Way], pairs: &[(usize, usize)]) -> String {
    let mut text = String::from(
        "version: 1\n\
         organization: { id: o-a1b2c3d4e5, management_account: \"111111111111\", hub_account: \"222222222222\" }\n\
         regions: [{ name: us-east-1, availability_zones: [use1-az1] }]\n\
         address_pools: [{ name: all, region: us-east-1, cidr: 10.0.0.0/12, block: 18 }]\n\
         alert_routes: [{ slack_channel: \"#net\" }]\n\
         environments:\n",
    );
    for name in ENVIRONMENTS {
        text.push_str(&format!("  - {{ name: {name}, pools: [all] }}\n"));
    }
    text.push_str("domains:\n");
    for name in DOMAINS {
        let environments = ENVIRONMENTS.join(", ");
        text.push_str(&format!("  - {{ name: {name}, owner: x, environments: [{environments}] }}\n"));
    }
    text.push_str("forbidden_environments:\n");
    for (from, to) in pairs {
        text.push_str(&format!("  - {{ from: {}, to: {} }}\n", ENVIRONMENTS[*from], ENVIRONMENTS[*to]));
    }
    text.push_str("connections:\n");
    for (index, way) in ways.iter().enumerate() {
        let Way { from, to, to_environment, environment } = way;
        let (from, to, port) = (DOMAINS[*from], DOMAINS[*to], index + 1);
        let mut keys = format!("from: {from}, to: {to}, ports: [{port}], check: {{ host: x }}");
        if let Some(target) = to_environment {
            keys.push_str(&format!(", to_environment: {}", ENVIRONMENTS[*target]));
        }
        if let Some(source) = environment {
            keys.push_str(&format!(", environments: [{}]", ENVIRONMENTS[*source]));
        }
        text.push_str(&format!("  - {{ {keys} }}\n"));
    }
    if ways.is_empty() {
        text.push_str("  []\n");
    }
    if pairs.is_empty() { text.replace("forbidden_environments:\n", "") } else { text }
}

/// An account as a number: four for each domain.
fn account(domain: usize, environment: usize) -> usize {
    domain * ENVIRONMENTS.len() + environment
}

fn account_name(account: usize) -> String {
    format!("{}-{}", DOMAINS[account / 4], ENVIRONMENTS[account % 4])
}

/// The accounts a connection joins.
fn joined(way: &Way) -> Vec<(usize, usize)> {
    let sources = (0..ENVIRONMENTS.len()).filter(|source| way.environment.is_none_or(|only| only == *source));
    sources
        .map(|source| (account(way.from, source), account(way.to, way.to_environment.unwrap_or(source))))
        .filter(|(from, to)| from != to)
        .collect()
}

/// How many steps it is from each account to each, by Floyd and Warshall.
fn distances(ways: &[Way]) -> Vec<Vec<Option<usize>>> {
    let count = DOMAINS.len() * ENVIRONMENTS.len();
    let mut steps = vec![vec![None; count]; count];
    for (from, to) in ways.iter().flat_map(joined) {
        steps[from][to] = Some(1);
    }
    for by in 0..count {
        for from in 0..count {
            for to in 0..count {
                let Some(detour) = steps[from][by].zip(steps[by][to]).map(|(a, b): (usize, usize)| a + b)
                else {
                    continue;
                };
                steps[from][to] = Some(steps[from][to].map_or(detour, |known: usize| known.min(detour)));
            }
        }
    }
    steps
}

/// The shortest way from any account of an environment to any of another.
fn distance(ways: &[Way], from: usize, to: usize) -> Option<usize> {
    let steps = distances(ways);
    let domains = || 0..DOMAINS.len();
    domains()
        .flat_map(|a| domains().map(move |b| (a, b)))
        .filter_map(|(a, b)| steps[account(a, from)][account(b, to)])
        .min()
}

/// What a message says: the pair, its line, and the path as account names and lines.
#[derive(Debug)]
struct Reported {
    pair: (String, String),
    pair_line: usize,
    start: String,
    steps: Vec<(String, usize)>,
    line: usize,
    /// Whether the way leads from the second environment of the pair to the first.
    is_back: bool,
}

impl Reported {
    /// The pair as the file has it.
    fn declared(&self) -> (String, String) {
        let (from, to) = self.pair.clone();
        if self.is_back { (to, from) } else { (from, to) }
    }
}

fn reported(problems: &Diagnostics) -> Vec<Reported> {
    let read = |problem: &phonehome_fleet::Diagnostic| {
        let (pair, rest) = problem.message.split_once(", which `forbidden_environments` (line ")?;
        let back = pair.strip_suffix(", and a peering is two-way");
        let (from, to) = back.unwrap_or(pair).split_once(" can reach ")?;
        let (pair_line, path) = rest.split_once(") rules out: ")?;
        let mut names = path.split(" → ");
        let start = names.next()?.to_owned();
        let step = |text: &str| {
            let (name, line) = text.strip_suffix(')')?.split_once(" (line ")?;
            Some((name.to_owned(), line.parse().ok()?))
        };
        Some(Reported {
            pair: (from.to_owned(), to.to_owned()),
            is_back: back.is_some(),
            pair_line: pair_line.parse().ok()?,
            start,
            steps: names.map(step).collect::<Option<_>>()?,
            line: problem.line,
        })
    };
    problems.into_iter().map(|problem| read(problem).unwrap_or_else(|| panic!("{problem:?}"))).collect()
}

fn line_of(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).expect("the file has it") + 1
}

/// That the path is made of declared connections, and none is shorter.
fn assert_real(text: &str, ways: &[Way], found: &Reported) {
    let environment =
        |name: &str| ENVIRONMENTS.iter().position(|e| name.ends_with(&format!("-{e}"))).unwrap();
    let (from, to) = (environment(&found.start), environment(&found.steps.last().unwrap().0));
    assert_eq!((ENVIRONMENTS[from], ENVIRONMENTS[to]), (found.pair.0.as_str(), found.pair.1.as_str()));
    assert_eq!(
        found.pair_line,
        line_of(text, &format!("{{ from: {}, to: {} }}", found.declared().0, found.declared().1))
    );
    assert_eq!(Some(found.steps.len()), distance(ways, from, to), "{found:?} is the shortest");
    assert_eq!(found.line, found.steps.last().unwrap().1, "reported where the last connection is");
    let mut before = &found.start;
    for (name, line) in &found.steps {
        let way = &ways[line - 1 - line_of(text, "connections:")];
        let ends = (before.clone(), name.clone());
        assert!(
            joined(way).into_iter().any(|(a, b)| (account_name(a), account_name(b)) == ends),
            "{before} → {name} is not what line {line} says"
        );
        before = name;
    }
}

fn way() -> impl Strategy<Value = Way> {
    let environment = || proptest::option::of(0..ENVIRONMENTS.len());
    (0..DOMAINS.len(), 0..DOMAINS.len(), environment(), environment()).prop_filter_map(
        "no connection of an account to itself",
        |(from, to, to_environment, environment)| {
            let other = from != to || (to_environment.is_some() && to_environment != environment);
            other.then_some(Way { from, to, to_environment, environment })
        },
    )
}

fn pairs() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let pair = (0..ENVIRONMENTS.len(), 0..ENVIRONMENTS.len());
    let pair = pair.prop_filter("two environments", |(from, to)| from != to);
    proptest::collection::btree_set(pair, 1..4).prop_map(BTreeSet::into_iter).prop_map(Iterator::collect)
}

proptest! {
    #[test]
    fn a_file_is_refused_exactly_when_a_brute_force_search_finds_a_way_in_either_direction(
        ways in proptest::collection::vec(way(), 0..9),
        pairs in pairs(),
    ) {
        let text = file(&ways, &pairs);
        let reachable: BTreeSet<(String, String)> = pairs
            .iter()
            .filter(|(from, to)| distance(&ways, *from, *to).or(distance(&ways, *to, *from)).is_some())
            .map(|(from, to)| (ENVIRONMENTS[*from].to_owned(), ENVIRONMENTS[*to].to_owned()))
            .collect();
        match phonehome_fleet::parse(&text) {
            Ok(_) => prop_assert!(reachable.is_empty(), "{reachable:?} was not found in\n{text}"),
            Err(problems) => {
                let found = reported(&problems);
                prop_assert_eq!(found.len(), reachable.len(), "each pair once: {}", problems);
                for path in &found {
                    assert_real(&text, &ways, path);
                }
                prop_assert_eq!(found.iter().map(Reported::declared).collect::<BTreeSet<_>>(), reachable);
            }
        }
    }

    #[test]
    fn a_link_seen_from_the_other_end_is_the_same_link(ways in proptest::collection::vec(way(), 0..9)) {
        let fleet: Fleet = fleet(&file(&ways, &[]));
        let mut ports = 0;
        for member in fleet.members() {
            let links = fleet.links_of(&member);
            prop_assert!(links.is_sorted_by_key(|link| link.peer.account_name.clone()));
            for link in links {
                prop_assert_ne!(&link.peer, &member);
                prop_assert!(link.outbound.is_sorted_by(|a, b| a < b) && link.inbound.is_sorted_by(|a, b| a < b));
                let back = fleet.links_of(&link.peer).into_iter().find(|back| back.peer == member);
                let back = back.expect("the peer has the link as well");
                prop_assert_eq!((&link.outbound, &link.inbound), (&back.inbound, &back.outbound));
                ports += link.outbound.len();
            }
        }
        // Each connection has one port of its own.
        prop_assert_eq!(ports, ways.iter().flat_map(joined).count());
    }
}

#[test]
fn a_way_by_way_of_others_is_shown_with_its_accounts_and_lines() {
    let way = |from, to, to_environment, environment| Way { from, to, to_environment, environment };
    // a-dev → b-common → c-stage → d-prod; and a longer way that begins the same.
    let ways = [
        way(0, 1, Some(3), Some(0)),
        way(1, 3, None, Some(3)),
        way(3, 2, Some(1), Some(3)),
        way(1, 2, Some(1), Some(3)),
        way(2, 3, Some(2), Some(1)),
    ];
    assert_eq!(
        only_problem(&file(&ways, &[(0, 2)])),
        "connections[4]: dev can reach prod, which `forbidden_environments` (line 17) rules out: a-dev → b-common \
         (line 19) → c-stage (line 22) → d-prod (line 23) (remove a connection of this path, or the pair if it may \
         be so)"
    );
    fleet(&file(&ways[..4], &[(0, 2)]));
}

#[test]
fn a_connection_out_of_a_forbidden_environment_is_refused_as_well_as_a_peering_routes_both_ways() {
    let prod_to_dev = Way { from: 0, to: 1, to_environment: Some(0), environment: Some(2) };
    assert_eq!(
        only_problem(&file(&[prod_to_dev], &[(0, 2)])),
        "connections[0]: prod can reach dev, and a peering is two-way, which `forbidden_environments` (line 17) \
         rules out: a-prod → b-dev (line 19) (remove a connection of this path, or the pair if it may be so)"
    );
}

#[test]
fn two_environments_that_both_reach_a_third_do_not_reach_each_other() {
    let to_common = |from, environment| Way { from, to: 2, to_environment: Some(3), environment };
    fleet(&file(&[to_common(0, Some(0)), to_common(1, Some(2))], &[(0, 2), (2, 0)]));
}

#[test]
fn accounts_are_shown_by_the_names_they_are_given() {
    let text = with(SMALL, "account_id: \"333333333333\"", "account_name: Payments");
    let connection = "  - { from: shop, to: payments, to_environment: prod, environments: [dev], ports: [80], check: { host: x } }\n\
                      forbidden_environments: [{ from: dev, to: prod }]\nisolations:\n";
    let text = with(&text, "isolations:\n", connection);
    let problem = only_problem(&text);
    assert!(problem.contains("(line 25) rules out: shop-dev → Payments (line 24)"), "{problem}");
    assert_eq!(problems(&text).as_slice()[0].line, 24);
}

#[test]
fn the_example_keeps_dev_out_of_prod() {
    let example = fleet(EXAMPLE);
    let [pair] = example.forbidden_environments.as_slice() else { panic!("one pair") };
    assert_eq!((pair.from.as_str(), pair.to.as_str()), ("dev", "prod"));
    let text =
        with(EXAMPLE, "    environments: [prod] # by default", "    to_environment: prod # by default");
    let shown = problems(&text).to_string();
    assert!(shown.contains("rules out: payments-dev → ledger-prod (line "), "{shown}");
}

#[test]
fn pairs_that_forbid_nothing_are_reported() {
    let cases = [
        (
            "{ from: dev, to: prd }",
            "forbidden_environments[0].to: unknown environment `prd` (did you mean `prod`?)",
        ),
        (
            "{ from: test, to: prod }",
            "forbidden_environments[0].from: unknown environment `test` (declared: `dev`, `prod`)",
        ),
        (
            "{ from: dev, to: dev }",
            "forbidden_environments[0].to: an environment cannot be forbidden to reach itself (what must not \
             connect within one is an isolation)",
        ),
        (
            "{ from: dev, to: prod }, { from: prod, to: dev }, { from: dev, to: prod }",
            "forbidden_environments[2]: the pair dev to prod stands here twice (the first is on line 39)",
        ),
        ("{ from: dev }", "forbidden_environments[0]: the key `to` is missing"),
    ];
    for (entries, expected) in cases {
        let text = format!("{SMALL}forbidden_environments: [{entries}]\n");
        assert_eq!(only_problem(&text), expected, "{entries}");
    }
}
