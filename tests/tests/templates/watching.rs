//! Who watches phonehome itself: the outside watcher (infra/watcher.yaml), and the dashboard in infra/hub.yaml.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use phonehome_localcloud::cost::Deployment;
use serde_json::{Value, json};

use crate::costs::metrics_of;
use crate::iam::{Request, allowed};
use crate::template::{REGION, Template, list, load};

const ELSEWHERE: &str = "eu-west-1";
const ALARM: &str = "AWS::CloudWatch::Alarm";

fn hub(more: &[(&str, &str)]) -> Result<Template> {
    let given = [("OrganizationId", "o-a1b2c3d4e5"), ("ManagementAccountId", "111111111111")];
    load("hub", &[&given[..], more].concat())
}

/// The watcher's alarm.
fn alarm() -> Result<Value> {
    let watcher = load("watcher", &[])?;
    let alarms = watcher.of_type(ALARM)?;
    let [alarm] = &alarms[..] else { anyhow::bail!("{alarms:?}") };
    watcher.properties(alarm)
}

#[test]
fn the_watcher_waits_for_the_metric_that_the_alerter_sends() -> Result<()> {
    let alarm = alarm()?;
    let metrics = alarm["Metrics"].as_array().context("metrics")?;
    let [filled, runs] = &metrics[..] else { anyhow::bail!("{metrics:?}") };
    let metric = &runs["MetricStat"]["Metric"];
    assert_eq!(metric["Namespace"], phonehome_aws::NAMESPACE);
    let name = metric["MetricName"].as_str().context("a name")?;
    assert_eq!(name, phonehome_aws::RUNS, "what goes to the watcher's Region");
    assert!(metrics_of("alerter")?.contains(name), "the alerter counts no {name}");
    assert_eq!(metric["Dimensions"], json!([{"Name": "Function", "Value": "alerter"}]));
    assert_eq!(filled["Expression"], format!("FILL({}, 0)", runs["Id"].as_str().context("an id")?));
    assert_eq!((&filled["ReturnData"], &runs["ReturnData"]), (&json!(true), &json!(false)));
    Ok(())
}

/// CloudWatch's rule, for an alarm whose every period is filled: whether it is raised by these minutes.
fn is_raised(alarm: &Value, decided_in: &[bool]) -> bool {
    let number = |key: &str| usize::try_from(alarm[key].as_u64().expect(key)).expect(key);
    let (periods, needed) = (number("EvaluationPeriods"), number("DatapointsToAlarm"));
    let breaching =
        |decided: &&bool| f64::from(u8::from(**decided)) < alarm["Threshold"].as_f64().expect("a threshold");
    let newest = decided_in.iter().rev().take(periods);
    decided_in.len() >= periods && newest.filter(breaching).count() >= needed
}

#[test]
fn a_hub_that_is_silent_for_five_minutes_raises_the_alarm_and_one_that_lost_four_runs_does_not() -> Result<()>
{
    let alarm = alarm()?;
    assert_eq!(alarm["ComparisonOperator"], "LessThanThreshold");
    assert_eq!(alarm["Metrics"][1]["MetricStat"]["Period"], 60, "the alerter runs every minute");
    assert_eq!(alarm["Metrics"][1]["MetricStat"]["Stat"], "Sum");
    let silent_for = |minutes: usize| [vec![true; 10], vec![false; minutes]].concat();
    assert!(!is_raised(&alarm, &silent_for(0)));
    assert!(!is_raised(&alarm, &silent_for(4)));
    assert!(is_raised(&alarm, &silent_for(5)));
    assert!(!is_raised(&alarm, &[silent_for(5), vec![true]].concat()), "it ends with the first run");
    assert_eq!(
        alarm["TreatMissingData"], "breaching",
        "a metric that was never heard of is filled with nothing"
    );
    Ok(())
}

#[test]
fn the_watcher_tells_a_topic_of_its_own_and_needs_nothing_of_the_hub() -> Result<()> {
    let watcher = load("watcher", &[])?;
    let alarm = alarm()?;
    assert_eq!(watcher.properties("WatcherTopic")?["TopicName"], "phonehome-watcher");
    for actions in ["AlarmActions", "OKActions"] {
        assert_eq!(list(&alarm[actions]), ["<WatcherTopic>"], "{actions}");
    }
    // No function, no role, no bus: what is not there cannot fail with the hub.
    let kinds: BTreeSet<&str> =
        watcher.section("Resources").filter_map(|(_, resource)| resource["Type"].as_str()).collect();
    assert_eq!(kinds, BTreeSet::from([ALARM, "AWS::SNS::Topic"]));
    assert_eq!(watcher.section("Parameters").count(), 0);
    Ok(())
}

#[test]
fn the_watcher_is_what_the_cost_sheet_counts() -> Result<()> {
    let watcher = load("watcher", &[])?;
    assert_eq!(watcher.of_type(ALARM)?.len(), 1);
    let metrics = alarm()?["Metrics"].as_array().context("metrics")?.clone();
    assert_eq!(
        metrics.iter().filter(|it| it["MetricStat"].is_object()).count(),
        1,
        "an alarm costs by metric"
    );
    assert_eq!(Deployment::default().alerter_every_minutes, 1, "43,200 calls a month");
    Ok(())
}

#[test]
fn the_alerter_sends_metrics_to_the_watchers_region_only_where_there_is_one_and_nobody_else_does()
-> Result<()> {
    let puts = |hub: &Template, role: &str, namespace: &str, region: &str| -> Result<bool> {
        let request = Request::new("cloudwatch:PutMetricData", "*")
            .with("cloudwatch:namespace", &[namespace])
            .with("aws:RequestedRegion", &[region]);
        Ok(allowed(&hub.statements(role)?, &request))
    };
    let (alone, watched) = (hub(&[])?, hub(&[("WatcherRegion", ELSEWHERE)])?);
    for (hub, elsewhere) in [(&alone, false), (&watched, true)] {
        assert!(puts(hub, "AlerterRole", "phonehome", REGION)?);
        assert_eq!(puts(hub, "AlerterRole", "phonehome", ELSEWHERE)?, elsewhere);
        assert!(!puts(hub, "AlerterRole", "phonehome", "ap-south-1")?);
        assert!(!puts(hub, "AlerterRole", "AWS/Lambda", ELSEWHERE)?);
        assert!(!puts(hub, "CollectorRole", "phonehome", REGION)?, "its metrics go out in its log");
        assert!(!puts(hub, "ProvisionerRole", "phonehome", REGION)?, "its metrics go out in its log");
        let variables = hub.properties("Alerter")?["Environment"]["Variables"].clone();
        assert_eq!(variables["WATCHER_REGION"], if elsewhere { ELSEWHERE } else { "" });
    }
    Ok(())
}

/// The widgets of the dashboard, with their metrics written out.
fn widgets() -> Result<Vec<Value>> {
    let hub = hub(&[])?;
    let dashboards = hub.of_type("AWS::CloudWatch::Dashboard")?;
    let [dashboard] = &dashboards[..] else { anyhow::bail!("{dashboards:?}") };
    let body = hub.properties(dashboard)?["DashboardBody"].clone();
    let body: Value = serde_json::from_str(body.as_str().context("no text")?)?;
    body["widgets"].as_array().cloned().context("no widgets")
}

/// The metrics of a widget: namespace, name, and the value of their one dimension.
fn metrics(widget: &Value) -> Vec<[String; 3]> {
    let of = |metric: &Value| {
        let text = |index: usize| metric[index].as_str().unwrap_or_default().to_owned();
        [text(0), text(1), text(3)]
    };
    widget["properties"]["metrics"].as_array().into_iter().flatten().map(of).collect()
}

#[test]
fn the_dashboard_and_the_alarms_show_metrics_that_somebody_sends() -> Result<()> {
    let hub = hub(&[])?;
    let mut shown: Vec<[String; 3]> = widgets()?.iter().flat_map(metrics).collect();
    for alarm in hub.of_type(ALARM)? {
        let alarm = hub.properties(&alarm)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let dimension = text(&alarm["Dimensions"][0]["Value"]);
        shown.push([text(&alarm["Namespace"]), text(&alarm["MetricName"]), dimension]);
    }
    let queues: Vec<String> = hub.of_type("AWS::SQS::Queue")?.iter().map(|it| queue_name(&hub, it)).collect();
    for [namespace, name, of] in &shown {
        match namespace.as_str() {
            "phonehome" => assert!(metrics_of(of)?.contains(name), "{of} counts no {name}"),
            "AWS/SQS" => {
                let logical = of.trim_start_matches('<').trim_end_matches(".QueueName>");
                let is_there = queues.contains(of) || hub.attribute(logical, "Type").is_some();
                assert!(is_there, "{of}: no queue");
            }
            "AWS/Lambda" => {
                let logical = of.trim_start_matches('<').trim_end_matches('>');
                let named = of.strip_prefix("phonehome-").unwrap_or_default();
                let known = ["provisioner", "collector", "alerter", "notifier", "rollouts", "vendor"]
                    .contains(&named);
                assert!(known || hub.attribute(logical, "Type").is_some(), "{of}: no function");
            }
            "AWS/Firehose" => {
                let logical = of.trim_start_matches('<').trim_end_matches('>');
                assert!(hub.attribute(logical, "Type").is_some(), "{of}: no stream");
            }
            other => panic!("{other} {name} is not known here"),
        }
    }
    Ok(())
}

fn queue_name(hub: &Template, queue: &str) -> String {
    let properties = hub.properties(queue).unwrap_or_default();
    properties["QueueName"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_dashboard_shows_aggregates_of_what_phonehome_does_and_how_late_it_is() -> Result<()> {
    let widgets = widgets()?;
    let shown: BTreeSet<[String; 3]> = widgets.iter().flat_map(metrics).collect();
    for (name, of) in [
        ("Handled", "collector"),
        ("ReportsRefused", "collector"),
        ("Runs", "alerter"),
        ("OpenIncidents", "alerter"),
        ("IncidentsOpened", "alerter"),
        ("Messages", "alerter"),
        ("SlackDelivered", "notifier"),
        ("Paged", "notifier"),
        ("OutboxAge", "notifier"),
        ("DetectionLatency", "notifier"),
    ] {
        assert!(shown.contains(&["phonehome", name, of].map(str::to_owned)), "{of}: {name}");
    }
    let hub = hub(&[])?;
    for queue in hub.of_type("AWS::SQS::Queue")?.iter().filter(|it| it.ends_with("DeadLetterQueue")) {
        let depth = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", &queue_name(&hub, queue)];
        assert!(shown.contains(&depth.map(str::to_owned)), "{queue}");
    }
    for widget in &widgets {
        assert_eq!(widget["properties"]["region"], REGION, "{widget}");
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            let names = metric.as_array().context("a metric")?;
            let dimensions = names.iter().skip(2).step_by(2).filter_map(Value::as_str);
            for dimension in dimensions {
                assert!(["Function", "FunctionName", "QueueName"].contains(&dimension), "{dimension}");
            }
        }
    }
    assert!(shown.len() <= 50, "as many as the free tier allows a dashboard: {}", shown.len());
    Ok(())
}

#[test]
fn a_gauge_is_shown_as_its_maximum_and_a_latency_as_its_percentiles() -> Result<()> {
    for widget in widgets()? {
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            let name = metric[1].as_str().unwrap_or_default();
            let options = metric.as_array().and_then(|it| it.last()).filter(|it| it.is_object());
            let stat = options.and_then(|it| it["stat"].as_str());
            let stat = stat.or(widget["properties"]["stat"].as_str()).context("no stat")?;
            let expected: &[&str] = match name {
                "OpenIncidents" | "OutboxAge" | "Undelivered" => &["Maximum"],
                "DetectionLatency" => &["p50", "p95", "Maximum"],
                _ if name.starts_with("Approximate") => &["Maximum"],
                _ => &["Sum"],
            };
            assert!(expected.contains(&stat), "{name}: {stat}");
        }
    }
    Ok(())
}
