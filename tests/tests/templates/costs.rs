//! The cost sheet counts what the templates and the code do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use phonehome_alerting::{
    Connects, Heartbeat, LOOKED_THROUGH_EVERY_MS, PATHS_KEPT_MS, PathState, PathStatus, ProbeKey, RUNS_KEPT,
    WITNESS_ACCOUNTS_MAX, WITNESS_ZONES_MAX, endpoints,
};
use phonehome_fleet::{Fleet, Parts};
use phonehome_localcloud::cost::{
    Deployment, FleetSize, HEARTBEAT_BYTES, INPUT_BYTES, MetricCalls, NOTED_BYTES, PART_CHECKS, PATH_BYTES,
    RESULT_BYTES, document,
};
use phonehome_planner::SCHEDULE_EXPRESSION;
use phonehome_provision::PROBE_MEMORY_MB;
use phonehome_starter_pack::{KEY_CENTS, KEY_ROTATED_CENTS, SECRET_CENTS};
use phonehome_wire::{Attempt, Certificate, Check, CheckId, CheckResult, Detail, Verdict};
use serde::Serialize;
use serde_json::Value;

use crate::member::member;
use crate::template::{Template, list, load, repository};

fn hub() -> Result<Template> {
    load("hub", &[("OrganizationId", "o-a1b2c3d4e5"), ("ManagementAccountId", "111111111111")])
}

/// The metrics that a function counts, by what its code says.
pub(crate) fn metrics_of(function: &str) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let sources = repository().join("functions").join(function).join("src");
    for path in files(&sources)? {
        let text = fs::read_to_string(&path)?;
        found.extend(counted(&text));
        if text.contains("each_record") {
            found.extend(counted(&fs::read_to_string(repository().join("crates/runtime/src/batch.rs"))?));
        }
    }
    Ok(found)
}

fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|it| it == "rs")).collect())
}

fn counted(text: &str) -> impl Iterator<Item = String> {
    let parts = [".count(\"", ".duration(\""].into_iter().flat_map(|call| text.split(call).skip(1));
    parts.filter_map(|part| part.split_once('"')).map(|(name, _)| name.to_owned())
}

/// How often a function calls CloudWatch for one invocation: by how its `main` makes its metrics, and by where it
/// flushes them. That an invocation comes by there once, its own tests count.
fn metric_calls(function: &str) -> Result<u32> {
    let sources = repository().join("functions").join(function).join("src");
    let texts =
        files(&sources)?.iter().map(|path| Ok(fs::read_to_string(path)?)).collect::<Result<Vec<_>>>()?;
    let count = |part: &str| texts.iter().map(|text| text.matches(part).count()).sum::<usize>();
    let flushes = count("metrics.flush()");
    anyhow::ensure!(flushes == 1, "{function} flushes its metrics in {flushes} places");
    match (count("Metrics::new("), count("Metrics::in_log(")) {
        (1, 0) => Ok(1),
        (0, 1) => Ok(0),
        other => anyhow::bail!("{function} makes its metrics in {other:?} places"),
    }
}

/// What is in a rate, in minutes: `rate(30 minutes)`.
fn minutes(expression: &str) -> Result<u32> {
    let inner = expression.strip_prefix("rate(").and_then(|it| it.strip_suffix(')')).context("no rate")?;
    let (number, unit) = inner.split_once(' ').context("no unit")?;
    anyhow::ensure!(unit.starts_with("minute"), "{expression}: {unit}");
    Ok(number.parse()?)
}

fn number(value: &Value) -> Result<u32> {
    Ok(u32::try_from(value.as_u64().with_context(|| format!("no number: {value}"))?)?)
}

/// A function's memory, which is that of all where it has none of its own.
fn memory_mb(hub: &Template, function: &str) -> Result<u32> {
    let own = hub.properties(function)?["MemorySize"].clone();
    let globals = hub.section("Globals").find(|(name, _)| *name == "Function").context("no globals")?;
    number(if own.is_null() { &globals.1["MemorySize"] } else { &own })
}

fn schedule(hub: &Template, function: &str) -> Result<u32> {
    let events = hub.properties(function)?["Events"].clone();
    let rates: Vec<&str> = events
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, event)| event["Properties"]["ScheduleExpression"].as_str())
        .collect();
    let [rate] = rates[..] else { anyhow::bail!("{function} has {} schedules", rates.len()) };
    minutes(rate)
}

/// How often a report is billed as an event: published by Lambda's destination, and once for each bus of another
/// account that a rule delivers it to.
fn hops() -> Result<u32> {
    let member = member(&[])?;
    let mut hops = 1;
    for template in [&member, &hub()?] {
        for rule in template.of_type("AWS::Events::Rule")? {
            let rule = template.properties(&rule)?;
            if !list(&rule["EventPattern"]["source"]).contains(&"lambda".to_owned()) {
                continue;
            }
            let targets = rule["Targets"].as_array().into_iter().flatten();
            let buses =
                targets.filter(|it| it["Arn"].as_str().is_some_and(|arn| arn.contains(":event-bus/")));
            hops += u32::try_from(buses.count())?;
        }
    }
    Ok(hops)
}

#[test]
fn the_cost_sheet_counts_what_the_templates_and_the_code_say() -> Result<()> {
    let hub = hub()?;
    let reports = hub.properties("Collector")?["Events"]["Reports"]["Properties"].clone();
    let sweep = hub.properties("SweepSchedule")?;
    let functions = hub.of_type("AWS::Serverless::Function")?;
    let metrics = functions.iter().map(|function| Ok(metrics_of(&function.to_lowercase())?.len()));
    let metrics: usize = metrics.collect::<Result<Vec<_>>>()?.into_iter().sum();
    let count = |kind: &str| -> Result<u32> { Ok(u32::try_from(hub.of_type(kind)?.len())?) };
    let sources = functions.iter().map(|function| Ok(hub.properties(function)?["Events"].clone()));
    let sources = sources.collect::<Result<Vec<Value>>>()?;
    let sources = sources.iter().filter_map(Value::as_object).flatten();
    let queues = sources.filter(|(_, event)| event["Type"] == "SQS").count();
    let concurrency = reports["ScalingConfig"]["MaximumConcurrency"].clone();
    let sheet = Deployment::default();
    let deployed = Deployment {
        probe_every_minutes: minutes(SCHEDULE_EXPRESSION)?,
        probe_memory_mb: u32::try_from(PROBE_MEMORY_MB)?,
        hops: hops()?,
        collector_memory_mb: memory_mb(&hub, "Collector")?,
        collector_batch: number(&reports["BatchSize"])?,
        collector_window_s: number(&reports["MaximumBatchingWindowInSeconds"])?,
        collectors: concurrency.as_str().context("not resolved")?.parse()?,
        // What the collector itself remembers its own tests compare.
        fleet_kept_s: sheet.fleet_kept_s,
        stack_kept_s: sheet.stack_kept_s,
        paths_kept_s: u32::try_from(PATHS_KEPT_MS / 1000)?,
        looked_through_every_s: u32::try_from(LOOKED_THROUGH_EVERY_MS / 1000)?,
        witnesses: u32::try_from(WITNESS_ACCOUNTS_MAX * WITNESS_ZONES_MAX)?,
        alerter_every_minutes: schedule(&hub, "Alerter")?,
        alerter_memory_mb: memory_mb(&hub, "Alerter")?,
        notifier_every_minutes: schedule(&hub, "Notifier")?,
        notifier_memory_mb: memory_mb(&hub, "Notifier")?,
        rollouts_every_minutes: schedule(&hub, "Rollouts")?,
        rollouts_memory_mb: memory_mb(&hub, "Rollouts")?,
        vendor_every_minutes: schedule(&hub, "Vendor")?,
        vendor_memory_mb: memory_mb(&hub, "Vendor")?,
        sweep_every_minutes: minutes(sweep["ScheduleExpression"].as_str().context("no expression")?)?,
        provisioner_memory_mb: memory_mb(&hub, "Provisioner")?,
        // That of the reports is never quiet.
        quiet_queues: u32::try_from(queues - 1)?,
        metric_calls: MetricCalls {
            provisioner: metric_calls("provisioner")?,
            collector: metric_calls("collector")?,
            alerter: metric_calls("alerter")?,
            notifier: metric_calls("notifier")?,
        },
        kept_days: hub
            .section("Parameters")
            .find(|(name, _)| *name == "ReportRetentionDays")
            .map_or(Ok(0), |(_, parameter)| number(&parameter["Default"]))?,
        kept_every_s: number(
            &hub.properties("KeptReports")?["ExtendedS3DestinationConfiguration"]["BufferingHints"]["IntervalInSeconds"],
        )?,
        metrics: u32::try_from(metrics)?,
        alarms: count("AWS::CloudWatch::Alarm")?,
        dashboards: count("AWS::CloudWatch::Dashboard")?,
        secrets: count("AWS::SecretsManager::Secret")?,
    };
    assert_eq!(sheet, deployed, "testing/localcloud/src/cost.rs, left, counts something else");
    assert_eq!(FleetSize::of(1).isolations_every_minutes, example()?.probing.isolations_every_minutes);
    Ok(())
}

/// Metrics that a library counted would be missing in the sheet.
#[test]
fn only_functions_count_and_what_takes_their_batches_apart() -> Result<()> {
    let mut folders = vec![repository().join("crates")];
    let mut counting = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs")
                && counted(&fs::read_to_string(&path)?).next().is_some()
            {
                let path = path.strip_prefix(repository())?;
                counting.insert(path.to_string_lossy().into_owned());
            }
        }
    }
    let expected = ["crates/aws/src/metrics/tests.rs", "crates/runtime/src/batch.rs"];
    assert_eq!(counting.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    Ok(())
}

#[test]
fn a_report_waits_for_others_for_a_few_seconds_at_most() -> Result<()> {
    let reports = hub()?.properties("Collector")?["Events"]["Reports"]["Properties"].clone();
    assert!(number(&reports["MaximumBatchingWindowInSeconds"])? <= 5);
    Ok(())
}

#[test]
fn functions_write_into_their_logs_what_the_sheet_counts_and_nothing_of_lambdas_own() -> Result<()> {
    let hub = hub()?;
    for function in hub.of_type("AWS::Serverless::Function")? {
        let logs = hub.properties(&function)?["LoggingConfig"].clone();
        assert_eq!(
            (&logs["LogFormat"], &logs["SystemLogLevel"]),
            (&"JSON".into(), &"WARN".into()),
            "{function}"
        );
    }
    Ok(())
}

#[test]
fn the_document_of_costs_is_what_the_sheet_says() -> Result<()> {
    let written = fs::read_to_string(repository().join("docs/costs.md"))?;
    assert_eq!(written, document(), "cargo run --release -p phonehome-localcloud -- costs > docs/costs.md");
    Ok(())
}

#[test]
fn the_sheet_and_the_plan_have_the_same_prices_of_starter_packs() {
    let document = document();
    // Of ten accounts.
    for (what, cents) in [
        ("`key: true`, in its first year", KEY_CENTS),
        ("the same from its third year on", KEY_ROTATED_CENTS),
        ("a secret, where a pack has one", SECRET_CENTS),
    ] {
        let row = format!("| {what} | {}.{:02} |", cents / 10, cents % 10 * 10);
        assert!(document.contains(&row), "{row}");
    }
}

fn example() -> Result<Fleet> {
    let text = fs::read_to_string(repository().join("fleet.example.yaml"))?;
    phonehome_fleet::parse(&text).map_err(|problem| anyhow::anyhow!(problem.render("fleet.example.yaml")))
}

/// What each of these takes as JSON, the longest; and that the sheet counts neither less nor three times as much.
fn assert_counted<T: Serialize>(what: &str, all: impl IntoIterator<Item = T>, counted: u32) {
    let lengths = all.into_iter().map(|one| serde_json::to_string(&one).expect("it has text keys").len());
    let longest = u32::try_from(lengths.max().expect("there is one")).expect("it is short");
    assert!(longest <= counted && counted <= 3 * longest, "{what}: {longest} bytes, counted as {counted}");
}

/// A result with all that is measured where a name has two addresses.
fn result(check: &Check) -> CheckResult {
    let addresses = vec![[10, 16, 140, 101].into(), [10, 16, 150, 102].into()];
    let attempt = |address: &std::net::IpAddr| Attempt {
        address: *address,
        approach: phonehome_wire::Approach::First,
        connect_us: Some(1_234),
        tls_us: Some(12_345),
        first_byte_us: None,
        total_us: 13_579,
        retransmissions: 0,
        rtt_us: 1_200,
        miss: None,
    };
    let detail = Detail {
        resolve_us: Some(2_345),
        attempts: addresses.iter().map(attempt).collect(),
        certificate: Some(Certificate {
            days_left: 123,
            subject: "CN=api.payments.prod.example.internal".into(),
            issuer: "CN=Amazon RSA 2048 M03,O=Amazon,C=US".into(),
            chain: 3,
        }),
        ..Detail::default()
    };
    CheckResult {
        latency_ms: 14,
        addresses,
        detail: Box::new(detail),
        ..CheckResult::new(check.id.clone(), Verdict::Ok)
    }
}

fn path(check: &Check) -> PathState {
    PathState {
        status: PathStatus::Up,
        since_ms: 1_778_833_634_000,
        streak: 0,
        streak_since_ms: 0,
        last: Verdict::Ok,
        results: vec![],
        last_since_ms: 1_778_833_634_000,
        failure: None,
        ever_up: true,
        turns: phonehome_alerting::Turns::default(),
        addresses: vec![[10, 16, 140, 101].into(), [10, 16, 150, 102].into()],
        target: Some(check.target.endpoint.clone()),
    }
}

#[test]
fn sizes_are_those_of_the_example() -> Result<()> {
    let fleet = example()?;
    let member = fleet.member("shop-prod").context("no shop-prod")?;
    let checks = fleet.checks_for(&member, "us-east-1");
    assert_counted("a check in an input", &checks, INPUT_BYTES);
    assert_counted("a result", checks.iter().map(result), RESULT_BYTES);
    assert_counted("a path", checks.iter().map(|check| (&check.id, path(check))), PATH_BYTES);
    let noted = endpoints(&checks);
    assert_counted("a noted check", noted.iter(), NOTED_BYTES);
    let heartbeat = Heartbeat {
        key: ProbeKey {
            account: "444455556666".parse()?,
            region: "us-east-1".parse()?,
            availability_zone: "use1-az1".parse()?,
        },
        part: 0,
        last_started_at_ms: 1_778_833_634_000,
        last_received_at_ms: 1_778_833_634_000,
        run_id: "7f1c4a52-93a4-4b52-9e53-5d7e4a5ce0a1".into(),
        generation: 1_234,
        clock_ahead_ms: 0,
        heard_since_ms: 1_778_833_634_000,
        behind: None,
        connects: vec![Connects(12, 0, "0123456789AB".into()); RUNS_KEPT],
        turns: phonehome_alerting::Turns::default(),
        isolations_at_ms: 1_778_833_634_000,
        rerun_received_ms: 0,
        passed_again: None,
        paths_expire_at_ms: 1_778_833_634_000,
        paths_version: 12_345,
    };
    assert_counted("a heartbeat", [heartbeat], HEARTBEAT_BYTES);
    let many = |count: u32| {
        let check = |number| Check { id: CheckId(format!("check/{number}")), ..checks[0].clone() };
        Parts::of(&(0..count).map(check).collect::<Vec<_>>()).count()
    };
    assert_eq!((many(PART_CHECKS), many(PART_CHECKS + 1)), (1, 2), "checks in one input");
    Ok(())
}
