//! How the time that checking a fleet file takes grows with the file.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// What a file is made of; one of them is as long as asked for.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// How many there may be.
    max: usize,
    text: fn(usize) -> String,
}

const CASES: [Case; 14] = [
    Case { name: "unknown keys, one map", max: 20_000, text: unknown_keys },
    Case { name: "unknown keys, many maps", max: 100_000, text: unknown_keys_in_many_maps },
    Case { name: "one long key", max: 500_000, text: long_key },
    Case { name: "domains", max: 1_000, text: |n| file(n, "", "") },
    Case { name: "connections", max: 5_000, text: |n| connections(n, "d1", "") },
    Case { name: "connections to nobody", max: 5_000, text: |n| connections(n, "nobody", "") },
    Case { name: "connections of many ports", max: 250, text: many_ports },
    Case { name: "isolations", max: 5_000, text: |n| isolations(n, "egress/example.com/443") },
    Case {
        name: "isolations without a control",
        max: 5_000,
        text: |n| isolations(n, "egress/exmaple.com/443"),
    },
    Case { name: "alert routes", max: 200, text: alert_routes },
    Case { name: "names of alert routes", max: 100_000, text: names_of_routes },
    Case { name: "accounts of waves", max: 5_000, text: waves },
    Case { name: "a long chain, forbidden", max: 900, text: chain },
    Case { name: "invisible characters", max: 100_000, text: invisible },
];

/// Prints a table.
pub(crate) fn run() {
    println!("Checking a fleet file; n is the most that it may have, or much more than that");
    println!("  {:<30}{:>8} {:>10} {:>10} {:>10} {:>8}", "", "n", "bytes", "n/2: ms", "n: ms", "growth");
    for Case { name, max, text } in CASES {
        let (half, whole) = (text(max / 2), text(max));
        let (half_time, time) = (measure(&half), measure(&whole));
        println!(
            "  {name:<30}{max:>8} {:>10} {:>10.1} {:>10.1} {:>8.1}",
            whole.len(),
            half_time.as_secs_f64() * 1e3,
            time.as_secs_f64() * 1e3,
            time.as_secs_f64() / half_time.as_secs_f64()
        );
    }
}

/// The quickest of three.
fn measure(text: &str) -> Duration {
    let once = || {
        let begin = Instant::now();
        let shown =
            phonehome_fleet::check(text).map_or_else(|errors| errors.render("fleet.yaml").len(), |_| 0);
        std::hint::black_box(shown);
        begin.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

/// A valid file of so many domains, with more behind the domains and within the top level.
fn file(domains: usize, alert_routes: &str, rest: &str) -> String {
    let mut text = "version: 1
organization: { id: o-a1b2c3d4e5, management_account: \"111111111111\", hub_account: \"222222222222\" }
regions: [{ name: us-east-1, availability_zones: [use1-az1, use1-az2] }]
address_pools: [{ name: all, region: us-east-1, cidr: 10.0.0.0/8, block: 23 }]
environments: [{ name: dev, pools: [all] }, { name: prod, pools: [all], paging: true }]
probing: { egress: [{ host: example.com, port: 443 }] }
domains:
"
    .to_owned();
    for index in 0..domains {
        let _ = writeln!(text, "  - {{ name: d{index}, owner: team-{index}, environments: [dev, prod] }}");
    }
    let _ =
        writeln!(text, "alert_routes:\n{alert_routes}  - {{ slack_channel: \"#net\", page: true }}\n{rest}");
    text
}

fn unknown_keys(n: usize) -> String {
    let mut rest = String::new();
    for index in 0..n {
        let _ = writeln!(rest, "unknown_{index}: 1");
    }
    file(2, "", &rest)
}

fn unknown_keys_in_many_maps(n: usize) -> String {
    let mut rest = "connections:\n".to_owned();
    for index in 0..n / 90 {
        let keys: Vec<String> = (0..90).map(|key| format!("k{key}: 1")).collect();
        let _ = writeln!(rest, "  - {{ from: d{index}, {} }}", keys.join(", "));
    }
    file(2, "", &rest)
}

fn long_key(n: usize) -> String {
    file(2, "", &format!("{}: 1\n", "k".repeat(n)))
}

fn connections(n: usize, to: &str, more: &str) -> String {
    let mut rest = "connections:\n".to_owned();
    for index in 0..n {
        let (from, port) = (index % 900 + 2, index / 900 + 1);
        let _ = writeln!(
            rest,
            "  - {{ from: d{from}, to: {to}, ports: [{port}], check: {{ host: h{index}.example.com }}{more} }}"
        );
    }
    file(1_000, "", &rest)
}

fn many_ports(n: usize) -> String {
    let mut rest = "connections:\n".to_owned();
    let ports: Vec<String> = (1..=198).map(|port| port.to_string()).collect();
    for index in 0..n {
        let ports = ports.join(", ");
        let _ = writeln!(
            rest,
            "  - {{ from: d{}, to: d0, ports: [{ports}], check: {{ host: h.example.com }} }}",
            index + 1
        );
    }
    file(1_000, "", &rest)
}

fn isolations(n: usize, control: &str) -> String {
    let mut rest = "isolations:\n".to_owned();
    for index in 0..n {
        let from = index % 900 + 2;
        let _ = writeln!(
            rest,
            "  - {{ from: d{from}, to: d1, host: h{index}.example.com, port: 5432, control: {control} }}"
        );
    }
    file(1_000, "", &rest)
}

fn alert_routes(n: usize) -> String {
    let mut routes = String::new();
    for index in 0..n - 1 {
        let _ = writeln!(
            routes,
            "  - {{ domains: [d{index}], environments: [prod], slack_channel: \"#c{index}\" }}"
        );
    }
    file(1_000, &routes, "")
}

fn names_of_routes(n: usize) -> String {
    let mut routes = String::new();
    for index in 0..n / 900 {
        let names: Vec<String> = (0..900).map(|name| format!("d{name}")).collect();
        let _ = writeln!(routes, "  - {{ domains: [{}], slack_channel: \"#c{index}\" }}", names.join(", "));
    }
    file(1_000, &routes, "")
}

fn waves(n: usize) -> String {
    let mut rest = "rollout:\n  waves:\n".to_owned();
    for wave in 0..50 {
        let accounts: Vec<String> =
            (0..n / 50).map(|account| format!("d{}-dev", wave * n / 50 + account)).collect();
        let _ = writeln!(rest, "    - {{ name: w{wave}, accounts: [{}] }}", accounts.join(", "));
    }
    rest.push_str("    - { name: rest }\n");
    file(1_000, "", &rest)
}

fn chain(n: usize) -> String {
    let mut rest = "forbidden_environments: [{ from: dev, to: prod }]\nconnections:\n".to_owned();
    for index in 0..n {
        let _ = writeln!(
            rest,
            "  - {{ from: d{index}, to: d{}, ports: [1], check: {{ host: h.example.com }} }}",
            index + 1
        );
    }
    let last = format!(
        "  - {{ from: d{n}, to: d0, to_environment: prod, environments: [dev], ports: [2], check: {{ host: h.example.com }} }}"
    );
    file(1_000, "", &format!("{rest}{last}\n"))
}

fn invisible(n: usize) -> String {
    file(2, "", &format!("# {}\nowner: {}\n", "\u{a0}".repeat(n / 2), "\u{200b}".repeat(n / 2)))
}
