//! What is sent to CloudFormation, and how its answers are read.

use phonehome_cloud::Class;
use phonehome_stacks::{
    ChangeSetState, Changed, DriftStatus, Kind, NewChangeSet, PackApi as _, PackStatus, PolicyAction,
    Replacement, Wanted,
};
use serde_json::json;

use super::AwsPack;
use crate::stand_in::{Texts, always};

const ROLE: &str = "arn:aws:iam::111111111111:role/phonehome-starter-pack";

/// A CloudFormation that answers each call with this status and body, and keeps the requests.
async fn answering(status: u16, body: &'static str) -> (AwsPack, Texts) {
    let (session, requests) = always(status, body).await;
    (AwsPack::new(&session, "phonehome-starter-pack"), requests)
}

const STACK: &str = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>\
    <StackId>arn:aws:cloudformation:eu-west-1:111111111111:stack/phonehome-starter-pack/1</StackId>\
    <StackName>phonehome-starter-pack</StackName><StackStatus>UPDATE_COMPLETE</StackStatus>\
    <CreationTime>2026-11-01T00:00:00Z</CreationTime><LastUpdatedTime>2026-11-02T00:00:00Z</LastUpdatedTime>\
    <RoleARN>arn:aws:iam::111111111111:role/phonehome-starter-pack</RoleARN>\
    <Tags><member><Key>phonehome:managed-by</Key><Value>phonehome</Value></member></Tags>\
    <Outputs><member><OutputKey>PhonehomeTemplate</OutputKey><OutputValue>abc</OutputValue></member></Outputs>\
    <DriftInformation><StackDriftStatus>DRIFTED</StackDriftStatus>\
    <LastCheckTimestamp>2026-11-03T00:00:00Z</LastCheckTimestamp></DriftInformation>\
    </member></Stacks></DescribeStacksResult></DescribeStacksResponse>";

#[tokio::test]
async fn a_stack_is_read_with_its_mark_its_owner_and_what_drifted() {
    let (pack, _) = answering(200, STACK).await;
    let stack = pack.stack().await.unwrap().unwrap();
    assert_eq!(
        (stack.status, stack.is_tagged, stack.mark.as_deref()),
        (PackStatus::UpdateComplete, true, Some("abc"))
    );
    assert_eq!(stack.role_arn.as_deref(), Some(ROLE));
    assert_eq!((stack.drift, stack.drift_checked_at_ms), (DriftStatus::Drifted, Some(1_793_664_000_000)));
    assert_eq!(stack.changed_at_ms, 1_793_577_600_000);
}

const NONE: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
    <Message>Stack with id phonehome-starter-pack does not exist</Message></Error></ErrorResponse>";

#[tokio::test]
async fn a_stack_that_is_not_there_is_none_and_one_that_may_not_be_seen_is_an_error() {
    let (pack, _) = answering(400, NONE).await;
    assert_eq!(pack.stack().await, Ok(None));
    let denied =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
    let (pack, _) = answering(403, denied).await;
    assert_eq!(pack.stack().await.unwrap_err().class(), Class::Denied);
    let missing =
        "<ErrorResponse><Error><Code>ChangeSetNotFound</Code><Message>no</Message></Error></ErrorResponse>";
    let (pack, _) = answering(404, missing).await;
    assert_eq!(pack.change_set("phonehome-1").await, Ok(None));
}

const CHANGE_SET: &str = "<DescribeChangeSetResponse><DescribeChangeSetResult><Status>CREATE_COMPLETE</Status>\
    <ExecutionStatus>AVAILABLE</ExecutionStatus><Changes>\
    <member><Type>Resource</Type><ResourceChange><Action>Modify</Action><LogicalResourceId>Key</LogicalResourceId>\
    <ResourceType>AWS::KMS::Key</ResourceType><Replacement>Conditional</Replacement>\
    <PolicyAction>ReplaceAndDelete</PolicyAction><Details><member><Evaluation>Dynamic</Evaluation>\
    <Target><Attribute>Properties</Attribute><Name>KeyPolicy</Name></Target></member></Details></ResourceChange></member>\
    <member><Type>Resource</Type><ResourceChange><Action>Import</Action><LogicalResourceId>Log</LogicalResourceId>\
    <ResourceType>AWS::S3::Bucket</ResourceType></ResourceChange></member>\
    </Changes></DescribeChangeSetResult></DescribeChangeSetResponse>";

#[tokio::test]
async fn of_a_change_set_what_is_not_known_counts_as_the_worst() {
    let (pack, _) = answering(200, CHANGE_SET).await;
    let set = pack.change_set("phonehome-1").await.unwrap().unwrap();
    assert_eq!(set.state, ChangeSetState::Available);
    let [key, log] = &set.changes[..] else { panic!("{set:?}") };
    assert_eq!((key.changed, key.replacement), (Changed::Modify, Replacement::Possible));
    assert_eq!(key.policy, Some(PolicyAction::Delete));
    assert!(key.attributes[0].is_dynamic && key.attributes[0].name == "Properties.KeyPolicy");
    assert_eq!(log.changed, Changed::Other);
}

#[tokio::test]
async fn a_change_set_is_asked_for_with_role_token_tag_and_capability_and_one_that_is_there_is_no_error() {
    let there = "<ErrorResponse><Error><Code>AlreadyExistsException</Code><Message>m</Message></Error></ErrorResponse>";
    let (pack, requests) = answering(400, there).await;
    let wanted = Wanted::of("phonehome-starter-pack", &json!({"Resources": {}}), ROLE, [].into()).unwrap();
    let new = NewChangeSet { kind: Kind::Create, name: "phonehome-abc-1", wanted: &wanted };
    assert_eq!(pack.create_change_set(&new).await, Ok(()));
    let request = requests.lock().unwrap()[0].clone();
    for part in [
        "ChangeSetType=CREATE",
        "ChangeSetName=phonehome-abc-1",
        "ClientToken=phonehome-abc-1",
        "RoleARN=arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fphonehome-starter-pack",
        "Capabilities.member.1=CAPABILITY_NAMED_IAM",
        "Tags.member.1.Key=phonehome%3Amanaged-by",
        "PhonehomeTemplate",
    ] {
        assert!(request.contains(part), "{part}: {request}");
    }
}

#[tokio::test]
async fn what_is_executed_leaves_nothing_of_a_creation_that_fails() {
    let (pack, requests) =
        answering(200, "<ExecuteChangeSetResponse><ExecuteChangeSetResult/></ExecuteChangeSetResponse>")
            .await;
    pack.execute("phonehome-abc-1").await.unwrap();
    let request = requests.lock().unwrap()[0].clone();
    assert!(
        request.contains("RetainExceptOnCreate=true")
            && request.contains("ClientRequestToken=phonehome-abc-1")
    );
}

const EVENTS: &str = "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents>\
    <member><StackId>s</StackId><PhysicalResourceId>s</PhysicalResourceId><LogicalResourceId>pack</LogicalResourceId>\
    <ResourceStatus>UPDATE_ROLLBACK_COMPLETE</ResourceStatus></member>\
    <member><StackId>s</StackId><PhysicalResourceId>b</PhysicalResourceId><LogicalResourceId>Later</LogicalResourceId>\
    <ResourceStatus>UPDATE_FAILED</ResourceStatus><ResourceStatusReason>cancelled</ResourceStatusReason></member>\
    <member><StackId>s</StackId><PhysicalResourceId>a</PhysicalResourceId><LogicalResourceId>First</LogicalResourceId>\
    <ResourceStatus>UPDATE_FAILED</ResourceStatus><ResourceStatusReason>taken</ResourceStatusReason></member>\
    <member><StackId>s</StackId><PhysicalResourceId>s</PhysicalResourceId><LogicalResourceId>pack</LogicalResourceId>\
    <ResourceStatus>UPDATE_IN_PROGRESS</ResourceStatus></member>\
    <member><StackId>s</StackId><PhysicalResourceId>c</PhysicalResourceId><LogicalResourceId>Long</LogicalResourceId>\
    <ResourceStatus>CREATE_FAILED</ResourceStatus></member>\
    </StackEvents></DescribeStackEventsResult></DescribeStackEventsResponse>";

#[tokio::test]
async fn what_failed_is_named_from_the_first_on_and_of_the_newest_operation_alone() {
    let (pack, _) = answering(200, EVENTS).await;
    let failures = pack.failures().await.unwrap();
    let named: Vec<(&str, &str)> =
        failures.iter().map(|note| (note.logical_id.as_str(), note.says.as_str())).collect();
    assert_eq!(named, [("First", "taken"), ("Later", "cancelled")]);
}

#[tokio::test]
async fn a_throttle_empties_the_bucket_and_the_next_call_is_not_made() {
    let throttled = "<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
    let (pack, requests) = answering(400, throttled).await;
    tokio::time::timeout(std::time::Duration::from_secs(60), pack.detect_drift()).await.unwrap().unwrap_err();
    let asked = requests.lock().unwrap().len();
    let error = pack.detect_drift().await.unwrap_err();
    assert_eq!((error.class(), requests.lock().unwrap().len()), (Class::Throttled, asked));
}
