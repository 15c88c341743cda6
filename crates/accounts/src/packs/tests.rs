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
    <member><StackId>s</StackId><PhysicalResourceId>s</PhysicalResourceId><LogicalResourceId>pack</LogicalResourceId>\
    <ResourceStatus>UPDATE_ROLLBACK_FAILED</ResourceStatus></member>\
    <member><StackId>s</StackId><PhysicalResourceId>q</PhysicalResourceId><LogicalResourceId>Quiet</LogicalResourceId>\
    <ResourceStatus>UPDATE_COMPLETE</ResourceStatus></member>\
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

#[tokio::test]
async fn a_stack_of_somebody_elses_shows_no_tag_and_no_mark_and_one_never_changed_when_it_was_made() {
    let other = STACK
        .replace("<Value>phonehome</Value>", "<Value>somebody</Value>")
        .replace("PhonehomeTemplate", "Other")
        .replace("<LastUpdatedTime>2026-11-02T00:00:00Z</LastUpdatedTime>", "")
        .replace("DRIFTED", "IN_SYNC");
    let (pack, requests) = answering(200, other.leak()).await;
    let stack = pack.stack().await.unwrap().unwrap();
    assert_eq!((stack.is_tagged, stack.mark, stack.drift), (false, None, DriftStatus::InSync));
    assert_eq!(stack.changed_at_ms, 1_793_491_200_000);
    assert!(requests.lock().unwrap()[0].contains("StackName=phonehome-starter-pack"));
}

#[tokio::test]
async fn a_template_is_read_as_it_was_sent_and_what_is_no_json_is_a_text() {
    let answer = |body: &str| {
        let body = format!(
            "<GetTemplateResponse><GetTemplateResult><TemplateBody>{body}</TemplateBody></GetTemplateResult>\
             </GetTemplateResponse>"
        );
        &*body.leak()
    };
    let (pack, requests) = answering(200, answer("{\"Resources\":{}}")).await;
    assert_eq!(pack.template().await, Ok(json!({"Resources": {}})));
    assert!(requests.lock().unwrap()[0].contains("TemplateStage=Original"));
    let (pack, _) = answering(200, answer("Resources: {}")).await;
    assert_eq!(pack.template().await, Ok(json!("Resources: {}")));
}

const RESOURCES: &str = "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>\
    <member><LogicalResourceId>Kept</LogicalResourceId><PhysicalResourceId>b</PhysicalResourceId>\
    <ResourceType>AWS::S3::Bucket</ResourceType><ResourceStatus>DELETE_SKIPPED</ResourceStatus></member>\
    <member><LogicalResourceId>Gone</LogicalResourceId><PhysicalResourceId>g</PhysicalResourceId>\
    <ResourceType>AWS::S3::Bucket</ResourceType><ResourceStatus>DELETE_COMPLETE</ResourceStatus></member>\
    <member><LogicalResourceId>Never</LogicalResourceId><PhysicalResourceId></PhysicalResourceId>\
    <ResourceType>AWS::S3::Bucket</ResourceType><ResourceStatus>CREATE_FAILED</ResourceStatus></member>\
    </StackResourceSummaries></ListStackResourcesResult></ListStackResourcesResponse>";

#[tokio::test]
async fn what_remains_is_what_was_made_and_not_deleted() {
    let (pack, _) = answering(200, RESOURCES).await;
    let remains = pack.remains().await.unwrap();
    let [kept] = &remains[..] else { panic!("{remains:?}") };
    assert_eq!((kept.logical_id.as_str(), kept.physical_id.as_deref()), ("Kept", Some("b")));
    assert_eq!(kept.says, "DELETE_SKIPPED");
}

#[tokio::test]
async fn a_list_that_does_not_end_is_an_error_and_not_half_a_list() {
    let endless =
        |text: &str, end: &str| &*text.replace(end, &format!("<NextToken>n</NextToken>{end}")).leak();
    let (pack, requests) = answering(200, endless(RESOURCES, "</ListStackResourcesResult>")).await;
    assert!(pack.remains().await.unwrap_err().to_string().contains("more than 5 pages"));
    assert_eq!(requests.lock().unwrap().len(), 5);
    assert!(requests.lock().unwrap()[4].contains("NextToken=n"), "each page is asked for by the one before");
    let (pack, requests) = answering(200, endless(CHANGE_SET, "</DescribeChangeSetResult>")).await;
    assert!(pack.change_set("phonehome-1").await.unwrap_err().to_string().contains("more than 5 pages"));
    assert_eq!(requests.lock().unwrap().len(), 5);
    assert!(requests.lock().unwrap()[4].contains("NextToken=n"));
}

const DRIFTS: &str = "<DescribeStackResourceDriftsResponse><DescribeStackResourceDriftsResult><StackResourceDrifts>\
    <member><LogicalResourceId>Key</LogicalResourceId><PhysicalResourceId>k</PhysicalResourceId>\
    <ResourceType>AWS::KMS::Key</ResourceType><StackResourceDriftStatus>MODIFIED</StackResourceDriftStatus>\
    <PropertyDifferences><member><PropertyPath>/KeyPolicy</PropertyPath></member>\
    <member><PropertyPath>/Tags/0</PropertyPath></member></PropertyDifferences></member>\
    <member><LogicalResourceId>Log</LogicalResourceId><ResourceType>AWS::S3::Bucket</ResourceType>\
    <StackResourceDriftStatus>DELETED</StackResourceDriftStatus></member>\
    </StackResourceDrifts></DescribeStackResourceDriftsResult></DescribeStackResourceDriftsResponse>";

#[tokio::test]
async fn what_drifted_is_named_with_its_properties_or_that_it_is_gone() {
    let (pack, requests) = answering(200, DRIFTS).await;
    let drifts = pack.drifts().await.unwrap();
    let said: Vec<(&str, &str)> =
        drifts.iter().map(|it| (it.logical_id.as_str(), it.says.as_str())).collect();
    assert_eq!(said, [("Key", "KeyPolicy, Tags/0 changed"), ("Log", "it was deleted")]);
    let request = requests.lock().unwrap()[0].clone();
    for part in ["MODIFIED", "DELETED"] {
        assert!(request.contains(part), "{part}: {request}");
    }
}

#[tokio::test]
async fn what_aws_says_of_a_resource_is_clipped() {
    let long = EVENTS.replace("taken", &"x".repeat(500));
    let (pack, _) = answering(200, long.leak()).await;
    assert_eq!(pack.failures().await.unwrap()[0].says.chars().count(), 200);
}

#[tokio::test]
async fn a_stack_is_deleted_by_its_arn_and_a_roll_back_goes_on_with_the_role_and_its_token() {
    let (pack, requests) = answering(200, "<DeleteStackResponse/>").await;
    let arn = "arn:aws:cloudformation:eu-west-1:111111111111:stack/phonehome-starter-pack/1";
    pack.delete(arn).await.unwrap();
    assert!(requests.lock().unwrap()[0].contains("stack%2Fphonehome-starter-pack%2F1"));
    let answer =
        "<ContinueUpdateRollbackResponse><ContinueUpdateRollbackResult/></ContinueUpdateRollbackResponse>";
    let (pack, requests) = answering(200, answer).await;
    let wanted = Wanted::of("phonehome-starter-pack", &json!({"Resources": {}}), ROLE, [].into()).unwrap();
    pack.continue_rollback(&wanted, "again-1").await.unwrap();
    let request = requests.lock().unwrap()[0].clone();
    assert!(request.contains("ClientRequestToken=again-1") && request.contains("RoleARN=arn"), "{request}");
}

#[tokio::test]
async fn a_change_set_of_a_stack_that_is_there_is_an_update_and_what_is_refused_is_an_error() {
    let refused =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>m</Message></Error></ErrorResponse>";
    let (pack, requests) = answering(403, refused).await;
    let wanted = Wanted::of("phonehome-starter-pack", &json!({"Resources": {}}), ROLE, [].into()).unwrap();
    let new = NewChangeSet { kind: Kind::Update, name: "phonehome-abc-2", wanted: &wanted };
    assert_eq!(pack.create_change_set(&new).await.unwrap_err().class(), Class::Denied);
    assert!(requests.lock().unwrap()[0].contains("ChangeSetType=UPDATE"));
}

#[tokio::test]
async fn a_change_that_says_less_than_it_must_is_one_that_nobody_asked_for() {
    let bare = "<DescribeChangeSetResponse><DescribeChangeSetResult><Status>CREATE_COMPLETE</Status>\
        <ExecutionStatus>AVAILABLE</ExecutionStatus><StatusReason>because</StatusReason><Changes>\
        <member><Type>Hook</Type></member></Changes></DescribeChangeSetResult></DescribeChangeSetResponse>";
    let (pack, _) = answering(200, bare).await;
    let set = pack.change_set("phonehome-1").await.unwrap().unwrap();
    assert_eq!((set.changes[0].changed, set.changes[0].replacement), (Changed::Other, Replacement::Possible));
    assert_eq!(set.reason.as_deref(), Some("because"));
}
