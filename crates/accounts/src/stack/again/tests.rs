//! How many calls leave the SDK when a stack is as declared, and what is found with them.

mod account;

use phonehome_executor::StackApi as _;
use phonehome_planner::known_probes;

use super::*;
use account::Account;

/// Long after the schedules of these tests were changed; milliseconds since the Unix epoch.
const NOW_MS: u64 = 2_000_000_000_000;

fn count(requests: &[String], what: &str) -> usize {
    requests.iter().filter(|it| it.contains(what)).count()
}

/// What is known after everything was read, where reports still come.
async fn known(account: &Account) -> KnownProbes {
    let stack = account.stack().await;
    let seen = stack.observe(&account.kinds()).await.unwrap();
    let mut known = known_probes(&stack.spec, &seen, None, NOW_MS);
    assert_eq!(known.functions.len(), stack.spec.zones.len(), "{known:?}");
    known.functions.values_mut().for_each(|function| function.still_reports = true);
    account.cloud.take_requests();
    known
}

#[tokio::test]
async fn a_stack_as_declared_takes_fifteen_calls_however_many_zones_and_parts_and_their_role_is_one_of_them()
{
    for zones in 1..=3 {
        for parts in 1..=3 {
            for foreign in [0, 47] {
                let account = Account::new(zones, parts, foreign).await;
                let known = known(&account).await;
                let stack = account.assumed().await;
                let (seen, lists) = stack.observe_again(&account.kinds(), &known).await.unwrap();
                let requests = account.cloud.take_requests();
                let case = format!("{zones} zones, {parts} parts, {foreign} others: {requests:#?}");
                assert_eq!(requests.len(), 15, "{case}");
                let [sts, ec2] = ["Action=AssumeRole", "Action=Describe"].map(|it| count(&requests, it));
                let [lambda, scheduler] =
                    ["GET /2015-03-31/functions", "GET /schedules?"].map(|it| count(&requests, it));
                assert_eq!((sts, ec2, lambda, scheduler), (1, 12, 1, 1), "{case}");
                assert_eq!(lists, Lists::default());
                assert_eq!((seen.functions.len(), seen.schedules.len()), (zones, 0), "{case}");
                assert_eq!(seen.unchanged_schedules.len(), zones * parts, "{case}");
                assert!(seen.unseen.iter().all(|kind| *kind == Kind::NetworkInterface), "{:?}", seen.unseen);
            }
        }
    }
}

/// How many calls to Lambda two looks take in a row, and whether its list is still of use after each.
async fn two_looks(zones: usize, foreign: usize) -> [(usize, bool); 2] {
    let account = Account::new(zones, 1, foreign).await;
    let (mut known, mut found) = (known(&account).await, [(0, true); 2]);
    for look in &mut found {
        let (seen, lists) = account.stack().await.observe_again(&account.kinds(), &known).await.unwrap();
        assert_eq!(seen.functions.len(), zones);
        *look = (count(&account.cloud.take_requests(), "/functions"), lists.functions);
        known.lists = lists;
    }
    found
}

#[tokio::test]
async fn what_is_not_on_the_first_page_of_functions_is_asked_for_by_itself_and_never_takes_more_than_before()
{
    for (zones, foreign, expected) in [
        (3, 0, [(1, true), (1, true)]),
        (3, 47, [(1, true), (1, true)]),
        // The others come first, and one or all of the probes are on the second page.
        (3, 49, [(3, true), (3, true)]),
        (3, 50, [(4, false), (3, false)]),
        (3, 500, [(4, false), (3, false)]),
        (1, 49, [(1, true), (1, true)]),
        (1, 500, [(2, false), (1, false)]),
    ] {
        let looks = two_looks(zones, foreign).await;
        assert_eq!(looks, expected, "{zones} zones, {foreign} others");
        assert!(looks.iter().all(|(calls, _)| *calls <= 2 * zones), "{looks:?}");
    }
}

#[tokio::test]
async fn an_older_role_is_asked_for_a_list_once_and_then_for_each_thing_as_ever() {
    let account = Account::new(3, 1, 0).await;
    let mut known = known(&account).await;
    account.probes().lists_denied = true;
    for (expected, is_first) in [((4, 4), true), ((3, 3), false)] {
        let (seen, lists) = account.stack().await.observe_again(&account.kinds(), &known).await.unwrap();
        let requests = account.cloud.take_requests();
        assert_eq!(
            (count(&requests, "/functions"), count(&requests, "GET /schedules")),
            expected,
            "{requests:#?}"
        );
        assert_eq!(lists, Lists { functions: false, schedules: false });
        assert_eq!((seen.functions.len(), seen.schedules.len(), seen.unseen.len()), (3, 3, 1), "{is_first}");
        known.lists = lists;
    }
    // Two denied, and twelve to EC2 with the role: not more than the 23 of a look that spares nothing.
    account.probes().functions_denied = true;
    let (seen, _) = account.stack().await.observe_again(&account.kinds(), &known).await.unwrap();
    assert!(!seen.has_seen(Kind::Function) && seen.has_seen(Kind::Schedule), "{:?}", seen.unseen);
}

#[tokio::test]
async fn a_list_that_cannot_be_had_for_another_reason_fails_the_look() {
    let account = Account::new(1, 1, 0).await;
    let known = known(&account).await;
    account.probes().lists_broken = true;
    let error = account.stack().await.observe_again(&account.kinds(), &known).await.unwrap_err();
    assert!(["lambda:ListFunctions", "scheduler:ListSchedules"].contains(&error.operation), "{error}");
}

#[tokio::test]
async fn every_change_of_a_probe_is_seen_at_once_but_for_its_destination_while_it_reports() {
    type Change = fn(&mut account::Probes);
    let changes: [(&str, Change, bool); 14] = [
        ("code", |it| it.set_function("CodeSha256", "other".into()), true),
        ("role", |it| it.set_function("Role", "other".into()), true),
        ("VPC", |it| it.set_function("VpcConfig", serde_json::json!({"SubnetIds": ["subnet-x"]})), true),
        (
            "environment",
            |it| it.set_function("Environment", serde_json::json!({"Variables": {"A": "b"}})),
            true,
        ),
        ("time limit", |it| it.set_function("Timeout", 3.into()), true),
        ("memory", |it| it.set_function("MemorySize", 3_008.into()), true),
        ("no function", |it| it.functions.clear(), true),
        ("expression", |it| it.set_schedule("ScheduleExpression", "rate(1 day)".into()), true),
        ("state", |it| it.set_schedule("State", "DISABLED".into()), true),
        ("target", |it| it.set_target("Arn", "arn:aws:lambda:us-east-1:1:function:x".into()), true),
        ("input", |it| it.set_target("Input", "{}".into()), true),
        ("role of the schedule", |it| it.set_target("RoleArn", "other".into()), true),
        ("no schedule", |it| it.schedules.clear(), true),
        ("destination or retries", |it| it.retries = 2, false),
    ];
    for (what, change, at_once) in changes {
        let account = Account::new(2, 2, 5).await;
        let known = known(&account).await;
        let kinds = account.kinds();
        let whole = account.stack().await.observe(&kinds).await.unwrap();
        change(&mut account.probes());
        let look = async |known: &KnownProbes| {
            let (seen, _) = account.stack().await.observe_again(&kinds, known).await.unwrap();
            let is_same = |it: &Function| whole.functions.contains(it);
            seen.unchanged_schedules.len() != 4
                || seen.functions.len() != 2
                || !seen.functions.iter().all(is_same)
        };
        assert_eq!(look(&known).await, at_once, "{what}");
        let mut silent = known.clone();
        silent.functions.values_mut().for_each(|function| function.still_reports = false);
        assert!(look(&silent).await, "{what}: a probe that does not report is read");
    }
}

#[tokio::test]
async fn a_function_that_was_changed_is_read_with_its_destination_and_so_is_a_schedule_of_another_date() {
    let account = Account::new(3, 2, 0).await;
    let known = known(&account).await;
    account.probes().set_function("Timeout", 3.into());
    account.probes().set_schedule("ScheduleExpression", "rate(1 day)".into());
    let (seen, _) = account.stack().await.observe_again(&account.kinds(), &known).await.unwrap();
    let requests = account.cloud.take_requests();
    for (path, expected) in [("/configuration", 1), ("/event-invoke-config", 1), ("GET /schedules/", 1)] {
        assert_eq!(count(&requests, path), expected, "{path}: {requests:#?}");
    }
    assert_eq!((seen.schedules[0].expression.as_str(), seen.unchanged_schedules.len()), ("rate(1 day)", 5));
}

#[tokio::test]
async fn of_a_schedule_the_list_is_believed_only_where_all_it_says_is_as_it_was() {
    let summary = |state: ScheduleState, arn: &str, at_s: i64| {
        let target = aws_sdk_scheduler::types::TargetSummary::builder().arn(arn).build().unwrap();
        let at = aws_sdk_scheduler::primitives::DateTime::from_secs(at_s);
        ScheduleSummary::builder().state(state).target(target).last_modification_date(at).build()
    };
    use ScheduleState::{Disabled, Enabled};
    for (listed, expected) in [
        (summary(Enabled, "arn", 7), true),
        (summary(Disabled, "arn", 7), false),
        (summary(Enabled, "other", 7), false),
        (summary(Enabled, "arn", 8), false),
        (summary(Enabled, "arn", 6), false),
        (ScheduleSummary::builder().build(), false),
    ] {
        assert_eq!(is_unchanged(&listed, 7_000, "arn"), expected, "{listed:?}");
    }
}

#[tokio::test]
async fn addresses_are_asked_for_where_the_nat_gateways_do_not_say_which_they_have() {
    for (state, asked) in [("available", 0), ("pending", 1), ("failed", 1)] {
        let account = Account::new(1, 1, 0).await.with_nat_gateway(state).await;
        let known = known(&account).await;
        let stack = account.stack().await;
        let (seen, _) = stack.observe_again(&account.kinds(), &known).await.unwrap();
        assert_eq!(count(&account.cloud.take_requests(), "DescribeAddresses"), asked, "{state}");
        let ids: Vec<&str> = seen.elastic_ips.iter().map(|ip| ip.allocation_id.as_str()).collect();
        assert_eq!(ids, if asked == 0 { vec!["eipalloc-1"] } else { vec![] }, "{state}");
        assert!(seen.has_seen(Kind::ElasticIp));
    }
}
