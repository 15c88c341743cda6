//! docs/costs.md.

use std::fmt::Write as _;

use super::prices::{KEY, LIST, METRIC_UPDATE, READ, SECRET};
use super::work::{LOG_BYTES, PART_CHECKS, batch_size, collectors, report_bytes};
use super::{Bill, Deployment, FleetSize, MetricCalls, monthly, reruns, watcher};

/// The fleets that the document shows.
const FLEETS: [u32; 4] = [10, 130, 1_000, 10_000];
/// Lines that nothing but fewer reports makes smaller: each report is started, carried, queued, and noted.
const OF_EACH_REPORT: [&str; 3] = ["starting", "carrying", "queueing"];

/// docs/costs.md as it should be.
pub fn document() -> String {
    let deployment = Deployment::default();
    let bills = FLEETS.map(|accounts| monthly(&FleetSize::of(accounts), &deployment));
    let mut text = String::new();
    let _ = writeln!(text, "{HEAD}");
    heads(&mut text, "what");
    for (index, line) in bills[0].lines.iter().enumerate() {
        row(&mut text, line.what, bills.each_ref().map(|bill| bill.lines[index].dollars));
    }
    row(&mut text, "**phonehome itself**", bills.each_ref().map(Bill::total));
    let totals = bills.iter().zip(FLEETS).map(|(bill, accounts)| bill.total() / f64::from(accounts));
    row(&mut text, "for each account", totals);
    row(&mut text, "less, where nothing else uses the free tiers", bills.each_ref().map(|bill| bill.free));
    let _ = writeln!(text, "\n{}", why(&bills[1]));
    let _ = writeln!(text, "{}", metrics(&deployment));
    let _ = writeln!(text, "{}", levers(&deployment));
    let _ = writeln!(text, "{}", figures(&deployment));
    let _ = writeln!(text, "{}", networks());
    let _ = writeln!(text, "{}", packs(&deployment));
    let _ = write!(text, "{}", prices());
    text
}

fn heads(text: &mut String, what: &str) {
    let fleets = FLEETS.map(|accounts| format!("{} accounts", number(accounts.into())));
    let _ = writeln!(text, "| {what} | {} |\n|---|{}", fleets.join(" | "), "---:|".repeat(FLEETS.len()));
}

const HEAD: &str = "# Costs

For whoever has to say what phonehome adds to the bill.

US dollars a month, from `testing/localcloud/src/cost.rs`: list prices of `us-east-1`, arm64, on demand, read in \
November 2026 ([below](#prices)), without free tiers, data transfer and what changes networks. Each account has three \
zones, and each zone a probe with ten connections, three isolations that are tested every five minutes, and two ways \
out. The sheet counts what so many accounts would do; it does not say that one hub carries them.
";

fn row(text: &mut String, what: &str, dollars: impl IntoIterator<Item = f64>) {
    let bold = what.starts_with("**");
    let cell = |dollars| if bold { format!("**{}**", money(dollars)) } else { money(dollars) };
    let cells: Vec<String> = dollars.into_iter().map(cell).collect();
    let _ = writeln!(text, "| {what} | {} |", cells.join(" | "));
}

fn money(dollars: f64) -> String {
    let plain = format!("{dollars:.2}");
    let (whole, cents) = plain.split_once('.').unwrap_or((&plain, "00"));
    format!("{}.{cents}", thousands(whole))
}

fn number(number: u64) -> String {
    thousands(&number.to_string())
}

/// Digits with a comma between thousands.
fn thousands(digits: &str) -> String {
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    String::from_utf8_lossy(&groups.join(&b","[..])).into_owned()
}

fn why(bill: &Bill) -> String {
    let each: f64 = bill
        .lines
        .iter()
        .filter(|line| OF_EACH_REPORT.iter().any(|part| line.what.starts_with(part)))
        .map(|line| line.dollars)
        .sum();
    format!(
        "AWS's permanent free tiers hold once for an organization with consolidated billing, not once for each \
         account, and other things in it use them too.\n\nEach report is started, published, delivered to the hub and \
         queued, which nothing but fewer reports makes cheaper: at 130 accounts that alone is {:.2} for each, of {:.2}, \
         with a report every minute from each of three zones.\n",
        each / 130.0,
        bill.total() / 130.0,
    )
}

/// The two that metrics can make expensive.
fn metrics(deployment: &Deployment) -> String {
    let every =
        |metric_calls| monthly(&FleetSize::of(130), &Deployment { metric_calls, ..*deployment }).total();
    let calls = deployment.metric_calls;
    let through_calls = every(MetricCalls { collector: 1, provisioner: 1, ..calls });
    let alone = Deployment { collector_window_s: 0, ..*deployment };
    let alone = |metric_calls| monthly(&FleetSize::of(130), &Deployment { metric_calls, ..alone }).total();
    let no_window = alone(MetricCalls { collector: 1, ..calls }) - alone(calls);
    format!(
        "Metrics are few, and none has an account or a path as a dimension. What could make them expensive is \
         sending them: a call for each report would be {} a month at 130 accounts. So the collector and the \
         provisioner write theirs into the log, {} less than a call for each of their invocations; alerter and \
         notifier, which run once a minute, send theirs with one call each. The outside watcher, where there is \
         one, adds {} for its metric, its alarm and a call for each decision.\n",
        money(no_window),
        money(through_calls - every(calls)),
        money(watcher(deployment)),
    )
}

fn levers(deployment: &Deployment) -> String {
    let fleet = FleetSize::of(130);
    let per_account = |fleet: &FleetSize, deployment: &Deployment| monthly(fleet, deployment).total() / 130.0;
    let mut text =
        "What changes it, for each of 130 accounts:\n\n| with | dollars |\n|---|---:|\n".to_owned();
    for (what, dollars) in [
        ("as above", per_account(&fleet, deployment)),
        (
            "`isolations_every_minutes: 15`",
            per_account(&FleetSize { isolations_every_minutes: 15, ..fleet }, deployment),
        ),
        (
            "`isolations_every_minutes: 1`",
            per_account(&FleetSize { isolations_every_minutes: 1, ..fleet }, deployment),
        ),
        (
            "`ReportRetentionDays: 0`: no reports are kept",
            per_account(&fleet, &Deployment { kept_days: 0, ..*deployment }),
        ),
        ("two zones", per_account(&FleetSize { zones: 2, ..fleet }, deployment)),
        (
            "500 checks a zone, in three parts",
            per_account(
                &FleetSize { connections: 500 - fleet.isolations - fleet.egress_checks, ..fleet },
                deployment,
            ),
        ),
        (
            "reports that wait for no others",
            per_account(&fleet, &Deployment { collector_window_s: 0, ..*deployment }),
        ),
        (
            "a run every two minutes (which no setting does)",
            per_account(&fleet, &Deployment { probe_every_minutes: 2, ..*deployment }),
        ),
        (
            "1 % of all results wrong by chance: some 31 reruns a minute",
            per_account(&fleet, deployment) + reruns(&fleet, deployment, 31.0) / 130.0,
        ),
        (
            "5 %: 120 a minute, which is the most there are",
            per_account(&fleet, deployment) + reruns(&fleet, deployment, 120.0) / 130.0,
        ),
    ] {
        row(&mut text, what, [dollars]);
    }
    text
}

fn figures(deployment: &Deployment) -> String {
    let fleet = FleetSize::of(130);
    format!(
        "How it is counted, and where that comes from:\n\n\
         | figure | value | from |\n|---|---|---|\n\
         | runs of a probe | every minute, {} MB; one for each {} checks begun | the code that deploys it |\n\
         | how long one takes | 0.2 s; 2.1 s on the turn of isolations, whose silence is waited for | derived, not \
         measured on Lambda |\n\
         | input and report of a run | {:.0} KB at most; each 64 KB begun is billed | sizes are held by a test |\n\
         | events | published in the member account, and delivered to the hub's bus; a rule's delivery to a queue is \
         free | AWS's price list |\n\
         | reports in a batch | up to {}, which wait {} s for each other: {:.1} at 10 accounts, {:.1} at 130 | the \
         template; five receivers, each with a batch of its own, as AWS documents |\n\
         | queue requests | a report is sent and received alone, and deleted with up to nine others | derived: whoever \
         waits gets a message at once |\n\
         | state | for a report one read at half the price and one write; what is remembered is read again after \
         {} s to {} min, in each collector: {}, at 10,000 accounts {:.0} | counted by a test; twice those that are busy |\n\
         | witnesses of an isolation | {} heartbeats, at half the price | counted by a test |\n\
         | a decision | every minute: each partition as a whole, the ledger every ten minutes, and paths that changed | the code |\n\
         | metrics and alarms | {} and {}, however large the fleet is; metrics that were never counted \
         cost nothing | the code and the template |\n\
         | calls that send metrics | one for each invocation of alerter and notifier | counted by tests |\n\
         | logs | {} bytes for each invocation in the hub; a probe writes when something fails | held by a test |\n\
         | waiting at queues | {} queues, five receivers each, 20 s a request | the template; as AWS documents |\n\
         | kept reports | for {} days, without the input; each counts as the next 5 KB, packed to an eighth | the \
         template; sizes as above, the eighth derived |\n\
         | a sweep | every {} min, 2.5 s for each account | the template; derived |\n\
         | a rerun | 6.2 s of the probe, 0.6 s of the provisioner, a decision, nine queue requests | derived; how many \
         there are `bench localisation --only quiet` counts |\n",
        deployment.probe_memory_mb,
        PART_CHECKS,
        report_bytes(&fleet) / 1024.0,
        deployment.collector_batch,
        deployment.collector_window_s,
        batch_size(30.0 / 60.0, deployment),
        batch_size(390.0 / 60.0, deployment),
        deployment.fleet_kept_s,
        deployment.paths_kept_s / 60,
        deployment.collectors,
        collectors(&FleetSize::of(10_000), deployment),
        deployment.witnesses,
        deployment.metrics,
        deployment.alarms,
        LOG_BYTES,
        deployment.quiet_queues,
        deployment.kept_days,
        deployment.sweep_every_minutes,
    )
}

fn networks() -> String {
    let gateways = |each: u32| {
        FLEETS.map(|accounts| {
            let fleet = FleetSize { nat_gateways: accounts * each, ..FleetSize::of(accounts) };
            monthly(&fleet, &Deployment::default()).network.dollars
        })
    };
    let mut text = String::from(
        "The networks cost the same whoever makes them. A NAT gateway with its address is 36.00 a month, without \
         data:\n\n",
    );
    heads(&mut text, "NAT gateways");
    row(&mut text, "`nat: per-az`", gateways(3));
    row(&mut text, "`nat: regional`, while every zone is in use", gateways(3));
    row(&mut text, "`nat: single`", gateways(1));
    row(&mut text, "`nat: none`", gateways(0));
    text
}

/// A record's size, in reads of 4 KB: a pack's template has some 10 KB.
const PACK_READS: f64 = 3.0;

/// What accounts get beside their networks.
fn packs(deployment: &Deployment) -> String {
    let of = |dollars: f64| FLEETS.map(|accounts| f64::from(accounts) * dollars);
    let minutes = 30.0 * 24.0 * 60.0;
    let sweeps = minutes / f64::from(deployment.sweep_every_minutes);
    let mut text = String::from(
        "A starter pack in each account costs this, and as much again for each further Region; what lies in buckets and \
         tables and is asked of keys comes on top. Its key is rotated once a year. `phonehome plan` says what a change of the \
         fleet file adds:\n\n",
    );
    heads(&mut text, "starter packs");
    row(&mut text, "`key: true`, in its first year", of(KEY));
    row(&mut text, "the same in its second year", of(2.0 * KEY));
    row(&mut text, "the same from its third year on", of(3.0 * KEY));
    row(&mut text, "`state_bucket`, `log_bucket`, `lock_table` with nothing in them", of(0.0));
    row(&mut text, "roles and the identity provider", of(0.0));
    row(&mut text, "a secret, where a pack has one", of(SECRET));
    let streamed = "`metric_stream`, for each metric that is written once a minute, without Firehose";
    row(&mut text, streamed, of(minutes * METRIC_UPDATE));
    row(&mut text, "what phonehome reads of it in sweeps (DynamoDB)", of(2.0 * PACK_READS * sweeps * READ));
    text
}

fn prices() -> String {
    let mut text =
        "## Prices\n\nAWS's list prices for `us-east-1`, in US dollars, read in November 2026. What \
                    has no other unit is for a month:\n\n\
                    | what | dollars | from |\n|---|---:|---|\n"
            .to_owned();
    for (what, dollars, page) in LIST {
        let page = if page.contains('/') { page.to_owned() } else { format!("{page}/pricing") };
        let _ =
            writeln!(text, "| {what} | {} | [{page}](https://aws.amazon.com/{page}/) |", precise(dollars));
    }
    text
}

/// With as many digits as the price has, at least cents.
fn precise(dollars: f64) -> String {
    let text = format!("{dollars:.4}");
    let short = text.trim_end_matches('0');
    let decimals = short.split_once('.').map_or(0, |(_, decimals)| decimals.len()).max(2);
    format!("{dollars:.decimals$}")
}
