//! infra/hub.yaml and infra/management.yaml.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use phonehome_state::WRITERS;
use serde_json::{Value, json};

use crate::iam::{Request, allowed, conditions};
use crate::template::{Template, list, load, repository};

const ORGANIZATION: &str = "o-a1b2c3d4e5";
const MANAGEMENT: &str = "111111111111";
const FUNCTION: &str = "AWS::Serverless::Function";
const ALARM: &str = "AWS::CloudWatch::Alarm";

fn hub(more: &[(&str, &str)]) -> Result<Template> {
    load("hub", &[&[("OrganizationId", ORGANIZATION), ("ManagementAccountId", MANAGEMENT)], more].concat())
}

/// The alarms of a template: their name, and their properties.
fn alarms(hub: &Template) -> Result<BTreeMap<String, Value>> {
    hub.of_type(ALARM)?.into_iter().map(|name| Ok((name.clone(), hub.properties(&name)?))).collect()
}

#[test]
fn account_events_come_from_the_management_account_alone() -> Result<()> {
    let hub = hub(&[])?;
    let rule = hub.properties("AccountEventsRule")?;
    assert_eq!(rule["EventPattern"]["account"], json!([MANAGEMENT]));
    assert_eq!(rule["EventPattern"]["source"], json!(["aws.organizations", "aws.controltower"]));
    let variables = hub.properties("Provisioner")?["Environment"]["Variables"].clone();
    assert_eq!(variables["MANAGEMENT_ACCOUNT_ID"], MANAGEMENT, "the provisioner checks the envelope itself");
    Ok(())
}

#[test]
fn only_accounts_of_the_organization_may_send_events_and_nothing_else() -> Result<()> {
    let policy = hub(&[])?.properties("BusPolicy")?;
    let statements = [policy["Statement"].clone()];
    let send = |organization: Option<&str>| {
        let request = Request::new("events:PutEvents", "<Bus.Arn>");
        let request = organization.map_or(request.clone(), |id| request.with("aws:PrincipalOrgID", &[id]));
        allowed(&statements, &request)
    };
    assert!(send(Some(ORGANIZATION)));
    assert!(!send(Some("o-other12345")));
    assert!(!send(None));
    let other = Request::new("events:PutRule", "<Bus.Arn>").with("aws:PrincipalOrgID", &[ORGANIZATION]);
    assert!(!allowed(&statements, &other));
    Ok(())
}

#[test]
fn only_the_hubs_own_rules_may_put_events_into_its_queues() -> Result<()> {
    let policy = hub(&[])?.properties("QueuePolicy")?;
    let statements = policy["PolicyDocument"]["Statement"].as_array().context("statements")?.clone();
    for statement in &statements {
        let sources: Vec<_> = conditions(statement).filter(|(_, key, _)| *key == "aws:SourceArn").collect();
        assert_eq!(sources.len(), 1, "{statement}");
        assert!(
            sources[0].2.iter().all(|it| it.starts_with('<') && it.ends_with("Rule.Arn>")),
            "{statement}"
        );
    }
    let send = Request::new("sqs:SendMessage", "<ReconcileQueue.Arn>");
    assert!(allowed(&statements, &send.clone().with("aws:SourceArn", &["<AccountEventsRule.Arn>"])));
    assert!(!allowed(&statements, &send.with("aws:SourceArn", &["arn:aws:events:us-east-1:1:rule/x"])));
    Ok(())
}

#[test]
fn a_batch_of_accounts_is_all_worked_on_at_once_and_ends_within_the_functions_time() -> Result<()> {
    let provisioner = hub(&[])?.properties("Provisioner")?;
    let source = std::fs::read_to_string(repository().join("functions/provisioner/src/handler.rs"))?;
    let number = |after: &str| -> Result<u64> {
        let rest = source.split_once(after).with_context(|| format!("the handler says no {after}"))?.1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Ok(digits.parse()?)
    };
    let batch = provisioner["Events"]["Reconcile"]["Properties"]["BatchSize"].as_u64();
    assert_eq!(batch, Some(number("SideBySide { at_once: ")?));
    let (one, all) = (number("time_max: Duration::from_secs(")?, provisioner["Timeout"].as_u64());
    assert!(all.is_some_and(|all| one + 5 <= all), "one account takes {one} s, the function {all:?}");
    Ok(())
}

#[test]
fn a_sweep_that_ends_nowhere_or_leaves_accounts_waiting_is_noticed() -> Result<()> {
    let alarms = alarms(&hub(&[])?)?;
    let alarm = alarms.values().find(|alarm| alarm["MetricName"] == "SweepLate").context("no alarm")?;
    assert_eq!((&alarm["TreatMissingData"], &alarm["Threshold"]), (&json!("breaching"), &json!(0)));
    assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold");
    // A sweep begins every 30 minutes, so that one of two may be missing.
    assert_eq!((&alarm["Period"], &alarm["EvaluationPeriods"]), (&json!(3600), &json!(1)));
    Ok(())
}

#[test]
fn the_alerter_asks_in_the_queue_of_accounts_and_takes_nothing_out_of_it() -> Result<()> {
    let hub = hub(&[])?;
    let statements = hub.statements("AlerterRole")?;
    let may = |action: &str, queue: &str| {
        allowed(&statements, &Request::new(action, format!("<{queue}.Arn>").as_str()))
    };
    for queue in hub.of_type("AWS::SQS::Queue")? {
        let is_its = ["TransitionsQueue", "ReconcileQueue"].contains(&queue.as_str());
        assert_eq!(may("sqs:SendMessage", &queue), is_its, "{queue}");
        assert_eq!(may("sqs:ReceiveMessage", &queue), queue == "TransitionsQueue", "{queue}");
    }
    let variables = hub.properties("Alerter")?["Environment"]["Variables"].clone();
    assert_eq!(variables["RECONCILE_QUEUE_URL"], "<ReconcileQueue>");
    Ok(())
}

#[test]
fn only_the_provisioner_whose_patience_ends_it_may_run_in_a_loop() -> Result<()> {
    let hub = hub(&[])?;
    for function in hub.of_type(FUNCTION)? {
        let own = hub.properties(&function)?["RecursiveLoop"].clone();
        let expected = if function == "Provisioner" { json!("Allow") } else { Value::Null };
        assert_eq!(own, expected, "{function}");
    }
    Ok(())
}

/// A fresh account may have a concurrency of 10, and no reservation is possible in it then.
#[test]
fn by_default_the_queues_leave_room_for_schedules_and_stream_in_a_fresh_account() -> Result<()> {
    let (hub, mut sum) = (hub(&[])?, 0);
    for function in hub.of_type(FUNCTION)? {
        let properties = hub.properties(&function)?;
        assert_eq!(properties["ReservedConcurrentExecutions"], Value::Null, "{function}");
        for (name, event) in properties["Events"].as_object().into_iter().flatten() {
            if event["Type"] == "SQS" {
                let most = &event["Properties"]["ScalingConfig"]["MaximumConcurrency"];
                let most: i64 =
                    most.as_str().with_context(|| format!("{function}/{name}: no maximum"))?.parse()?;
                assert!(most >= 2, "{function}/{name}: SQS takes no less than 2");
                sum += most;
            }
        }
    }
    assert!(sum <= 6, "the queues let in {sum}");
    Ok(())
}

#[test]
fn concurrency_and_reservations_are_parameters() -> Result<()> {
    let given = [("ProvisionerConcurrency", "20"), ("AlerterReservation", "4"), ("NotifierReservation", "5")];
    let hub = hub(&given)?;
    let scaling = &hub.properties("Provisioner")?["Events"]["Reconcile"]["Properties"]["ScalingConfig"];
    assert_eq!(scaling["MaximumConcurrency"], "20");
    assert_eq!(hub.properties("Alerter")?["ReservedConcurrentExecutions"], "4");
    assert_eq!(hub.properties("Notifier")?["ReservedConcurrentExecutions"], "5");
    Ok(())
}

#[test]
fn every_function_has_alarms_for_errors_throttles_and_loops() -> Result<()> {
    let hub = hub(&[])?;
    let alarms = alarms(&hub)?;
    for function in hub.of_type(FUNCTION)? {
        let allowed_to_loop = hub.properties(&function)?["RecursiveLoop"] == "Allow";
        for metric in ["Errors", "Throttles", "RecursiveInvocationsDropped"] {
            let dimensions = json!([{"Name": "FunctionName", "Value": format!("<{function}>")}]);
            let found = alarms.values().find(|it| {
                it["Namespace"] == "AWS/Lambda"
                    && it["MetricName"] == metric
                    && it["Dimensions"] == dimensions
            });
            if metric == "RecursiveInvocationsDropped" && allowed_to_loop {
                assert!(found.is_none(), "{function} may loop: its alarm would never be raised");
                continue;
            }
            let alarm = found.with_context(|| format!("{function} has no alarm for {metric}"))?;
            assert_eq!(alarm["Threshold"], 0, "{function} {metric}");
            assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold", "{function} {metric}");
            assert_eq!(alarm["Statistic"], "Sum", "{function} {metric}");
            assert_eq!(list(&alarm["AlarmActions"]), ["<OperationsTopic>"], "{function} {metric}");
        }
    }
    Ok(())
}

#[test]
fn a_function_that_must_run_each_minute_pages_when_it_does_not() -> Result<()> {
    let hub = hub(&[])?;
    let alarms = alarms(&hub)?;
    let mut watched = 0;
    for function in hub.of_type(FUNCTION)? {
        let properties = hub.properties(&function)?;
        let mut events = properties["Events"].as_object().into_iter().flatten();
        if !events.any(|(_, event)| event["Type"] == "ScheduleV2") {
            continue;
        }
        let alarm =
            alarms.get(&format!("{function}HasNotRun")).with_context(|| format!("{function}: no alarm"))?;
        // A roll-out that stands still changes nothing, nor does an account that is made later.
        if ["Rollouts", "Vendor"].contains(&function.as_str()) {
            assert_eq!(
                (&alarm["MetricName"], &alarm["TreatMissingData"]),
                (&json!("Invocations"), &json!("breaching"))
            );
            assert_eq!(list(&alarm["AlarmActions"]), ["<OperationsTopic>"]);
            continue;
        }
        watched += 1;
        let dimensions = json!([{"Name": "Function", "Value": function.to_lowercase()}]);
        assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&json!("phonehome"), &json!("Runs")));
        assert_eq!(alarm["Dimensions"], dimensions, "{function}");
        assert_eq!(alarm["TreatMissingData"], "breaching", "{function}");
        assert_eq!(alarm["ComparisonOperator"], "LessThanThreshold", "{function}");
        assert!(list(&alarm["AlarmActions"]).contains(&"<PageTopic>".to_owned()), "{function}");
    }
    assert_eq!(watched, 2, "alerter and notifier");
    Ok(())
}

#[test]
fn who_counts_what_it_cannot_read_has_an_alarm_for_it() -> Result<()> {
    let hub = hub(&[])?;
    let alarms = alarms(&hub)?;
    let counts = |function: &str, metric: &str| -> Result<bool> {
        Ok(crate::costs::metrics_of(&function.to_lowercase())?.contains(metric))
    };
    let mut watched = BTreeSet::new();
    for function in hub.of_type(FUNCTION)? {
        for metric in ["UnreadableItems", "FleetFileUnreadable"] {
            if !counts(&function, metric)? {
                continue;
            }
            let dimensions = json!([{"Name": "Function", "Value": function.to_lowercase()}]);
            let watches = |it: &Value| it["MetricName"] == metric && it["Dimensions"] == dimensions;
            let found = alarms.values().find(|it| watches(it));
            let alarm = found.with_context(|| format!("{function}: no alarm for {metric}"))?;
            assert_eq!(list(&alarm["AlarmActions"]), ["<OperationsTopic>"], "{function} {metric}");
            watched.insert(metric);
        }
    }
    assert_eq!(watched.len(), 2, "{watched:?}");
    Ok(())
}

#[test]
fn every_dead_letter_queue_has_an_alarm() -> Result<()> {
    let hub = hub(&[])?;
    let alarms = alarms(&hub)?;
    for queue in hub.of_type("AWS::SQS::Queue")? {
        let Some(letters) =
            hub.properties(&queue)?["RedrivePolicy"]["deadLetterTargetArn"].as_str().map(str::to_owned)
        else {
            continue;
        };
        let name = letters.replace(".Arn>", ".QueueName>");
        let watches = |alarm: &Value| {
            alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
                && alarm["Dimensions"][0]["Value"] == name
        };
        assert!(alarms.values().any(watches), "{name}");
    }
    Ok(())
}

/// The partitions that a role's policy lets it write; every statement that writes has to name some.
pub(crate) fn written_by(statements: &[Value]) -> BTreeSet<String> {
    let mut partitions = BTreeSet::new();
    for statement in statements {
        let writes = |action: &String| {
            let verb = action.strip_prefix("dynamodb:").unwrap_or_default();
            !verb.is_empty()
                && ![
                    "GetItem",
                    "BatchGetItem",
                    "Query",
                    "DescribeStream",
                    "GetRecords",
                    "GetShardIterator",
                    "ListStreams",
                ]
                .contains(&verb)
        };
        if list(&statement["Action"]).iter().any(writes) {
            let keys: Vec<_> =
                conditions(statement).filter(|(_, key, _)| *key == "dynamodb:LeadingKeys").collect();
            assert_eq!(keys.len(), 1, "a role that may write any partition: {statement}");
            assert_eq!(keys[0].0, "ForAllValues:StringEquals", "{statement}");
            partitions.extend(keys[0].2.iter().cloned());
        }
    }
    partitions
}

/// The partitions that [`WRITERS`] gives to a role.
pub(crate) fn partitions_of(role: &str) -> BTreeSet<String> {
    let writers = WRITERS.iter().filter(|(_, roles)| roles.contains(&role));
    writers.map(|(partition, _)| (*partition).to_owned()).collect()
}

#[test]
fn each_role_writes_its_own_partitions_and_no_other() -> Result<()> {
    let hub = hub(&[])?;
    for role in ["Provisioner", "Collector", "Alerter", "Notifier", "Rollouts", "Vendor"] {
        let written = written_by(&hub.statements(&format!("{role}Role"))?);
        assert_eq!(written, partitions_of(&role.to_lowercase()), "{role}");
    }
    let statements = hub.statements("CollectorRole")?;
    let put = |partitions: &[&str]| {
        let table = "arn:aws:dynamodb:us-east-1:333333333333:table/phonehome";
        allowed(
            &statements,
            &Request::new("dynamodb:PutItem", table).with("dynamodb:LeadingKeys", partitions),
        )
    };
    assert!(put(&["heartbeats", "paths"]));
    for unmanaged in ["fleet", "silences", "ledger", "incidents", "outbox"] {
        assert!(!put(&[unmanaged]) && !put(&["paths", unmanaged]), "the collector writes {unmanaged}");
    }
    Ok(())
}

#[test]
fn no_role_of_the_hub_has_a_right_to_everything() -> Result<()> {
    let hub = hub(&[])?;
    for role in hub.of_type("AWS::IAM::Role")? {
        for statement in hub.statements(&role)? {
            for action in list(&statement["Action"]) {
                assert!(!action.contains('*'), "{role}: {action}");
            }
        }
    }
    Ok(())
}

/// As delivery.logs.amazonaws.com would write for an account.
fn delivers(hub: &Template, writer: &str, folder: &str, organization: Option<&str>) -> Result<bool> {
    let document = hub.properties("FlowLogsPolicy")?["PolicyDocument"]["Statement"].to_string();
    let statements: Vec<Value> = serde_json::from_str(&document.replace("${aws:SourceAccount}", writer))?;
    let bucket = "arn:aws:s3:::phonehome-flow-logs-333333333333-us-east-1";
    let request = Request::new("s3:PutObject", &format!("{bucket}/AWSLogs/{folder}/vpcflowlogs/x.gz"))
        .with("s3:x-amz-acl", &["bucket-owner-full-control"])
        .with("aws:SourceAccount", &[writer])
        .with("aws:SecureTransport", &["true"])
        .with("aws:SourceArn", &[&format!("arn:aws:logs:us-east-1:{writer}:*")]);
    let request = organization.map_or(request.clone(), |id| request.with("aws:SourceOrgID", &[id]));
    Ok(allowed(&statements, &request))
}

#[test]
fn flow_logs_are_taken_into_each_accounts_own_folder_and_from_no_other_organization() -> Result<()> {
    let (shop, other) = ("444455556666", "999999999999");
    let open = hub(&[])?;
    // Whether log delivery sends the organization is not documented: it must do without.
    assert!(delivers(&open, shop, shop, None)?);
    assert!(delivers(&open, shop, shop, Some(ORGANIZATION))?);
    assert!(!delivers(&open, other, other, Some("o-other12345"))?);
    assert!(!delivers(&open, other, shop, None)?, "into another account's folder");
    let named = hub(&[("FlowLogAccounts", "444455556666,555566667777")])?;
    assert!(delivers(&named, shop, shop, None)?);
    assert!(!delivers(&named, other, other, None)?);
    Ok(())
}

#[test]
fn what_is_kept_when_the_hub_is_deleted_is_taken_over_by_the_next_deployment() -> Result<()> {
    let first = hub(&[])?;
    for name in ["Table", "FlowLogs", "Reports"] {
        assert_eq!(first.attribute(name, "DeletionPolicy"), Some(&json!("Retain")), "{name}");
    }
    assert_eq!(first.properties("Table")?["TableName"], "phonehome");
    let stream = "arn:aws:dynamodb:us-east-1:333333333333:table/phonehome/stream/2026-11-25T00:00:00.000";
    let kept =
        [("KeptTableStreamArn", stream), ("KeptFlowLogsBucket", "true"), ("KeptReportsBucket", "true")];
    let next = hub(&kept)?;
    assert!(next.of_type("AWS::DynamoDB::Table")?.is_empty());
    assert!(next.of_type("AWS::S3::Bucket")?.is_empty());
    assert_eq!(next.properties("Notifier")?["Events"]["Outbox"]["Properties"]["Stream"], stream);
    let reads = |statement: &Value| list(&statement["Action"]).contains(&"dynamodb:GetRecords".to_owned());
    let statements = next.statements("NotifierRole")?;
    let reading = statements.iter().find(|it| reads(it)).context("the stream")?;
    assert_eq!(reading["Resource"], stream);
    Ok(())
}

#[test]
fn nothing_but_account_events_is_forwarded_by_the_management_account() -> Result<()> {
    let bus = "arn:aws:events:us-east-1:222222222222:event-bus/phonehome";
    let management = load("management", &[("HubBusArn", bus)])?;
    let rule = management.properties("AccountEvents")?;
    assert_eq!(rule["EventPattern"]["source"], json!(["aws.organizations", "aws.controltower"]));
    assert!(!list(&rule["EventPattern"]["detail"]["eventName"]).is_empty());
    let statements = management.statements("ForwardRole")?;
    assert!(allowed(&statements, &Request::new("events:PutEvents", bus)));
    assert!(!allowed(
        &statements,
        &Request::new("events:PutEvents", "arn:aws:events:us-east-1:1:event-bus/x")
    ));
    Ok(())
}
