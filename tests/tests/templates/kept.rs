//! The reports that the hub keeps.

use anyhow::{Context, Result};
use phonehome_replay::Kept;
use phonehome_watching::{Arrival, read_event};
use serde_json::{Value, json};

use crate::iam::{Request, allowed};
use crate::template::{Template, list, load, repository};

fn hub(more: &[(&str, &str)]) -> Result<Template> {
    let given = [("OrganizationId", "o-a1b2c3d4e5"), ("ManagementAccountId", "111111111111")];
    load("hub", &[&given, more].concat())
}

fn target(hub: &Template) -> Result<Value> {
    let rule = hub.properties("KeepReportsRule")?;
    let targets = rule["Targets"].as_array().context("targets")?;
    let [target] = targets.as_slice() else { anyhow::bail!("{targets:?}") };
    Ok(target.clone())
}

/// What is under a path, as EventBridge takes it: `$.detail.responsePayload`.
fn at<'e>(event: &'e Value, path: &str) -> &'e Value {
    path.trim_start_matches("$.").split('.').fold(event, |value, part| &value[part])
}

/// The record that EventBridge makes of an event by the rule's transformer: what is of a path is JSON, also in quotes.
fn transformed(target: &Value, event: &Value) -> Result<String> {
    let transformer = &target["InputTransformer"];
    let mut text = transformer["InputTemplate"].as_str().context("a template")?.to_owned();
    text = text.replace("<aws.events.event.ingestion-time>", "2026-11-25T02:00:03Z");
    for (name, path) in transformer["InputPathsMap"].as_object().context("paths")? {
        let path = path.as_str().context("a path")?;
        text = text.replace(&format!("<{name}>"), &at(event, path).to_string());
    }
    Ok(text)
}

/// The events of a sample, as they come out of the queue.
fn sample(name: &str) -> Result<Value> {
    let text = std::fs::read_to_string(repository().join("events/collector").join(name))?;
    let batch: Value = serde_json::from_str(&text)?;
    Ok(serde_json::from_str(batch["Records"][0]["body"].as_str().context("a body")?)?)
}

#[test]
fn what_the_hub_keeps_is_a_line_of_a_recording_and_the_report_that_the_collector_got() -> Result<()> {
    let target = target(&hub(&[])?)?;
    for name in ["report.json", "probe-crashed.json"] {
        let event = sample(name)?;
        let line = transformed(&target, &event)?;
        assert!(!line.contains('\n') && !line.contains("requestPayload"), "{line}");
        let kept: Kept = serde_json::from_str(&line).with_context(|| line.clone())?;
        assert_eq!(kept.at_ms(), 1_795_572_003_000);
        let collected = read_event(event).map_err(anyhow::Error::msg)?;
        assert_eq!(read_event(kept.event).map_err(anyhow::Error::msg)?, collected, "{name}");
        let is_right = match name {
            "report.json" => matches!(collected, Arrival::Report(_)),
            _ => matches!(collected, Arrival::Crashed { .. }),
        };
        assert!(is_right, "{name}: {collected:?}");
    }
    Ok(())
}

#[test]
fn what_is_kept_is_what_is_queued_and_each_goes_its_own_way() -> Result<()> {
    let hub = hub(&[])?;
    let (queued, kept) = (hub.properties("ReportsRule")?, hub.properties("KeepReportsRule")?);
    assert_eq!(queued["EventPattern"], kept["EventPattern"]);
    assert_eq!(target(&hub)?["Arn"], "<KeptReports.Arn>");
    assert_eq!(queued["Targets"].as_array().map(Vec::len), Some(1), "the queue's rule has the queue alone");
    // A letter here would say that alerts are in danger.
    assert_eq!(target(&hub)?["DeadLetterConfig"], Value::Null);
    Ok(())
}

#[test]
fn kept_reports_are_encrypted_nobodys_but_the_hubs_and_end() -> Result<()> {
    for (days, given) in [("7", vec![]), ("30", vec![("ReportRetentionDays", "30")])] {
        let hub = hub(&given)?;
        let bucket = hub.properties("Reports")?;
        let rule = &bucket["LifecycleConfiguration"]["Rules"][0];
        assert_eq!(
            (&rule["Status"], list(&rule["ExpirationInDays"])),
            (&json!("Enabled"), vec![days.to_owned()])
        );
        let encryption = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
        assert_eq!(encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256");
        let public = bucket["PublicAccessBlockConfiguration"].as_object().context("public access")?;
        assert!(public.len() == 4 && public.values().all(|it| *it == json!(true)), "{public:?}");
        assert_eq!(bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"], "BucketOwnerEnforced");
    }
    let policy = hub(&[])?.properties("ReportsPolicy")?;
    let statements = policy["PolicyDocument"]["Statement"].as_array().context("statements")?;
    assert!(statements.iter().all(|it| it["Effect"] == "Deny"), "the bucket's policy lets nobody in");
    let plain = &statements[0];
    assert_eq!(plain["Condition"]["Bool"]["aws:SecureTransport"], "false");
    assert_eq!(list(&plain["Resource"]).len(), 2, "the bucket and what is in it");
    Ok(())
}

#[test]
fn the_bus_may_only_hand_on_and_firehose_only_write() -> Result<()> {
    let hub = hub(&[])?;
    let hands_on = hub.statements("KeepReportsRole")?;
    assert!(allowed(&hands_on, &Request::new("firehose:PutRecord", "<KeptReports.Arn>")));
    assert!(!allowed(
        &hands_on,
        &Request::new("firehose:PutRecord", "arn:aws:firehose:us-east-1:1:deliverystream/x")
    ));
    let writes = hub.statements("KeptReportsRole")?;
    let bucket = "arn:aws:s3:::phonehome-reports-333333333333-us-east-1";
    assert!(allowed(&writes, &Request::new("s3:PutObject", &format!("{bucket}/reports/x"))));
    for (action, resource) in [
        ("s3:GetObject", format!("{bucket}/reports/x")),
        ("s3:DeleteObject", format!("{bucket}/reports/x")),
        ("s3:PutObject", "arn:aws:s3:::phonehome-flow-logs-333333333333-us-east-1/x".to_owned()),
    ] {
        assert!(!allowed(&writes, &Request::new(action, &resource)), "{action} {resource}");
    }
    for role in ["KeepReportsRole", "KeptReportsRole"] {
        let trust = hub.properties(role)?["AssumeRolePolicyDocument"]["Statement"][0].clone();
        assert_eq!(trust["Condition"]["StringEquals"]["aws:SourceAccount"], "333333333333", "{role}");
    }
    Ok(())
}

#[test]
fn where_none_are_kept_nothing_is_made_for_it() -> Result<()> {
    let hub = hub(&[("ReportRetentionDays", "0")])?;
    for (kind, name) in [
        ("AWS::KinesisFirehose::DeliveryStream", "KeptReports"),
        ("AWS::Events::Rule", "KeepReportsRule"),
        ("AWS::S3::Bucket", "Reports"),
        ("AWS::S3::BucketPolicy", "ReportsPolicy"),
        ("AWS::IAM::Role", "KeepReportsRole"),
        ("AWS::IAM::Role", "KeptReportsRole"),
        ("AWS::CloudWatch::Alarm", "ReportsAreNotKept"),
    ] {
        assert!(!hub.of_type(kind)?.contains(&name.to_owned()), "{name}");
    }
    Ok(())
}
