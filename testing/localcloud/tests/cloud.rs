//! The emulator and what people do in it: deploy, look, break, end.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use phonehome_localcloud::{Control, Deployment, Emulator, Place, QueueMessage, Receiver};
use serde_json::json;
use support::{Cloud, HUB, MANAGEMENT, REGION, SOON, cloud, fixture, hub, options, python};

async fn messages(cloud: &Cloud, queue: &str) -> Vec<QueueMessage> {
    let deadline = Instant::now() + SOON;
    loop {
        let found = cloud.control.peek_queue(&hub(), queue).await.unwrap();
        if !found.is_empty() {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing in {queue}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_deployed_function_answers_in_an_environment_that_leads_nowhere_else() {
    let cloud = cloud().await;
    let outputs = cloud.control.deploy(&cloud.stack()).await.unwrap();
    let secret = format!("arn:aws:secretsmanager:{REGION}:{HUB}:secret:a/secret-");
    assert!(outputs["SecretArn"].starts_with(&secret), "{outputs:?}");
    cloud.control.set_secret(&hub(), &outputs["SecretArn"], "value").await.unwrap();

    let answer = cloud.control.invoke(&hub(), "echo", &json!({"a": 1})).await.unwrap();
    assert_eq!(answer["event"], json!({"a": 1}));
    let environment = &answer["environment"];
    assert_eq!(environment["GREETING"], "hello");
    assert_eq!(environment["PHONEHOME_CLOUD"], "local");
    assert_eq!(environment["AWS_ENDPOINT_URL"], cloud.emulator.endpoint());
    assert_eq!(environment["SLACK_API_URL"], "http://127.0.0.1:1/api");
    assert!(environment.get("CARGO_MANIFEST_DIR").is_none(), "the environment of the tests leaks in");

    let error = cloud.control.invoke(&hub(), "echo", &json!({"fail": true})).await.unwrap_err();
    assert!(error.to_string().contains("echo failed"), "{error}");
    let logs = cloud.control.logs(&hub(), "/aws/lambda/echo").await.unwrap();
    assert!(logs.iter().any(|line| line.starts_with("REPORT")), "{logs:?}");
    assert!(cloud.control.logs(&hub(), "/no/such/group").await.unwrap().is_empty());
    assert!(cloud.control.metrics(&hub()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_second_deployment_changes_what_differs_and_nothing_else() {
    let cloud = cloud().await;
    let mut stack = cloud.stack();
    let first = cloud.control.deploy(&stack).await.unwrap();
    assert_eq!(cloud.control.deploy(&stack).await.unwrap(), first);
    stack.parameters.insert("Greeting".into(), "good-bye".into());
    assert_eq!(cloud.control.deploy(&stack).await.unwrap(), first);
    let answer = cloud.control.invoke(&hub(), "echo", &json!({})).await.unwrap();
    assert_eq!(answer["environment"]["GREETING"], "good-bye");
    let events = cloud.control.stack_events(&hub(), "stack").await.unwrap();
    let statuses: Vec<&str> = events
        .iter()
        .filter(|event| event.kind == "AWS::CloudFormation::Stack")
        .map(|event| event.status.as_str())
        .collect();
    assert_eq!((statuses[0], *statuses.last().unwrap()), ("CREATE_IN_PROGRESS", "UPDATE_COMPLETE"));
}

#[tokio::test]
async fn a_deployment_that_cannot_work_says_why() {
    let cloud = cloud().await;
    let failure = async |change: &dyn Fn(&mut Deployment)| {
        let mut stack = cloud.stack();
        change(&mut stack);
        cloud.control.deploy(&stack).await.unwrap_err().to_string()
    };
    let error = failure(&|stack| stack.artifacts.clear()).await;
    assert!(error.contains("no artifact is given for `CodeUri: ../build/echo`"), "{error}");
    let error = failure(&|stack| {
        let zip = stack.artifacts["../build/echo"].clone();
        stack.artifacts.insert("../build/other".into(), zip);
    })
    .await;
    assert!(error.contains("the template has no `CodeUri: ../build/other`"), "{error}");
    let mut member = member_stack();
    member.parameters.insert("PolicyOf".into(), "another-bus".into());
    let error = cloud.control.deploy(&member).await.unwrap_err().to_string();
    assert!(error.contains("Policy (AWS::Events::EventBusPolicy): "), "{error}");
    assert!(error.contains("Event bus another-bus does not exist"), "{error}");
}

fn member_stack() -> Deployment {
    Deployment {
        place: hub(),
        stack: "member".into(),
        template: fixture("member.yaml"),
        parameters: BTreeMap::new(),
        artifacts: BTreeMap::new(),
    }
}

#[tokio::test]
async fn new_accounts_get_a_stack_each() {
    let cloud = cloud().await;
    let mut accounts = Vec::new();
    for name in ["shop-dev", "shop-prod"] {
        accounts.push(cloud.control.create_account(name, &format!("{name}@example.com")).await.unwrap());
    }
    let error = cloud.control.create_account("other", "shop-dev@example.com").await.unwrap_err();
    assert!(error.to_string().contains("EMAIL_ALREADY_EXISTS"), "{error}");

    cloud.control.deploy_to(&member_stack(), &accounts).await.unwrap();
    for account in accounts {
        let network = cloud.control.describe_network(&Place::new(account, REGION)).await.unwrap();
        let ([vpc], [subnet]) = (network.vpcs.as_slice(), network.subnets.as_slice()) else {
            panic!("{network:?}")
        };
        assert_eq!((vpc.name.as_str(), vpc.cidr.as_str()), ("a-network", "10.0.0.0/16"));
        assert_eq!((&subnet.vpc, subnet.availability_zone.as_str()), (&vpc.id, "use1-az1"));
        let table = network.route_tables.iter().find(|table| table.subnets == [subnet.id.clone()]).unwrap();
        assert_eq!(
            (table.routes[0].destination.as_str(), table.routes[0].target.as_str()),
            ("10.0.0.0/16", "local")
        );
    }
}

#[tokio::test]
async fn accounts_are_renamed_and_closed() {
    let cloud = cloud().await;
    let account = cloud.control.create_account("shop-dev", "shop-dev@example.com").await.unwrap();
    cloud.control.rename_account(&account, "shop-prod").await.unwrap();
    let open = async || {
        let accounts = cloud.control.accounts().await.unwrap();
        accounts.into_iter().map(|account| account.name).collect::<Vec<_>>()
    };
    assert_eq!(open().await, ["management", "hub", "shop-prod"]);
    cloud.control.close_account(&account).await.unwrap();
    assert_eq!(open().await, ["management", "hub"]);
    // It is being closed for a moment.
    let mut error = String::new();
    for _ in 0..50 {
        error = cloud.control.close_account(&account).await.unwrap_err().to_string();
        if !error.contains("ConflictException") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(error.contains("AccountAlreadyClosed"), "{error}");
    assert!(cloud.control.rename_account("999999999999", "nobody").await.is_err());
}

#[tokio::test]
async fn a_person_in_an_account_is_a_session_of_its_administrators_role() {
    let cloud = cloud().await;
    let account = cloud.control.create_account("shop-dev", "shop-dev@example.com").await.unwrap();
    let place = Place::new(&account, REGION);
    let who = cloud.control.call(&place, "alice", "sts", "get_caller_identity", &json!({})).await.unwrap();
    let session = format!("arn:aws:sts::{account}:assumed-role/OrganizationAccountAccessRole/alice");
    assert_eq!(who["Arn"], session.as_str());
    let role = "OrganizationAccountAccessRole";
    let keys = cloud.control.credentials_of(&place, role, MANAGEMENT, "bob").await.unwrap();
    assert!(keys["AWS_ACCESS_KEY_ID"].starts_with("ASIA"), "{keys:?}");
    let error = cloud.control.credentials_of(&place, role, HUB, "bob").await.unwrap_err().to_string();
    assert!(error.contains("AccessDenied"), "{error}");
}

#[tokio::test]
async fn a_queue_counts_messages_that_are_taken_as_well() {
    let cloud = cloud().await;
    let queue = cloud.control.deploy(&cloud.stack()).await.unwrap().remove("QueueUrl").unwrap();
    let length = async || cloud.control.queue_length(&hub(), &queue).await.unwrap();
    assert_eq!(length().await, 0);
    cloud.control.send_message(&hub(), &queue, "one").await.unwrap();
    assert_eq!(length().await, 1);
    let asked = json!({"QueueUrl": queue, "VisibilityTimeout": 60});
    let taken = cloud.control.call(&hub(), "somebody", "sqs", "receive_message", &asked).await.unwrap();
    assert!(taken["Messages"].is_array(), "{taken}");
    assert_eq!(length().await, 1);
}

#[tokio::test]
async fn events_and_messages_can_be_observed_without_taking_them() {
    let cloud = cloud().await;
    let outputs = cloud.control.deploy(&cloud.stack()).await.unwrap();
    let queue = &outputs["QueueUrl"];
    let detail = json!({"service": "EC2"});
    let event =
        cloud.control.put_service_event(&hub(), "aws.health", "AWS Health Event", &detail).await.unwrap();
    assert!(messages(&cloud, queue).await[0].body.contains(&event));
    cloud.control.send_message(&hub(), queue, "by hand").await.unwrap();
    for _ in 0..2 {
        let bodies: Vec<String> = messages(&cloud, queue).await.into_iter().map(|one| one.body).collect();
        assert!(bodies.len() == 2 && bodies.contains(&"by hand".to_owned()), "{bodies:?}");
    }
}

#[tokio::test]
async fn on_call_is_paged_by_an_alarm_once_it_has_confirmed() {
    let cloud = cloud().await;
    let receiver = Receiver::start(&[]).await.unwrap();
    let outputs = cloud.control.deploy(&cloud.stack()).await.unwrap();
    let topic = &outputs["TopicArn"];
    cloud.control.subscribe(&hub(), topic, &receiver.page_url()).await.unwrap();
    let confirmed = receiver.wait_for("confirmation", SOON, |seen| seen.subscriptions.first().cloned());
    assert_eq!(confirmed.await.unwrap(), *topic);
    cloud.control.set_alarm_state(&hub(), "it-burns", "ALARM", "smoke").await.unwrap();
    let page = receiver.wait_for("the page", SOON, |seen| seen.pages.first().cloned()).await.unwrap();
    assert_eq!(page.topic_arn, *topic);
    assert!(page.message.contains("smoke"), "{page:?}");
}

#[tokio::test]
async fn schedules_are_switched_and_functions_deleted() {
    let cloud = cloud().await;
    cloud.control.deploy(&cloud.stack()).await.unwrap();
    let schedule = async || cloud.control.describe_network(&hub()).await.unwrap().schedules.remove(0);
    let before = schedule().await;
    assert_eq!((before.name.as_str(), before.enabled), ("echo-every-minute", false));
    cloud.control.set_schedule(&hub(), &before.name, true).await.unwrap();
    let after = schedule().await;
    assert_eq!((after.expression.as_str(), after.enabled), ("rate(1 minute)", true));
    let deadline = Instant::now() + SOON;
    while cloud.control.logs(&hub(), "/aws/lambda/echo").await.unwrap().is_empty() {
        assert!(Instant::now() < deadline, "the schedule does not fire every second");
    }
    cloud.control.delete_function(&hub(), "echo").await.unwrap();
    assert!(cloud.control.describe_network(&hub()).await.unwrap().functions.is_empty());
}

#[tokio::test]
async fn the_functions_end_with_the_emulator() {
    let cloud = cloud().await;
    cloud.control.deploy(&cloud.stack()).await.unwrap();
    let answer = cloud.control.invoke(&hub(), "echo", &json!({})).await.unwrap();
    let function = i32::try_from(answer["process"].as_i64().unwrap()).unwrap();
    let function = rustix::process::Pid::from_raw(function).unwrap();
    assert!(runs(function), "the function stays warm");
    let folder = answer["environment"]["TMPDIR"].as_str().unwrap().to_owned();
    cloud.emulator.stop().unwrap();
    assert!(!runs(function));
    assert!(!Path::new(&folder).exists());
}

/// Whether a process exists and is more than an entry that nobody has collected.
fn runs(process: rustix::process::Pid) -> bool {
    let state = std::process::Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output();
    let state = String::from_utf8(state.unwrap().stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[tokio::test]
async fn an_emulator_that_cannot_start_shows_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder);
    options.organization_id = "mine".into();
    let error = format!("{:#}", Emulator::start(&options).await.unwrap_err());
    assert!(error.contains("PHONEHOME_LOCAL_ORGANIZATION_ID must match"), "{error}");
}

#[tokio::test]
async fn the_control_speaks_to_this_machine_only() {
    let control = Control::start(&python(), "http://192.0.2.1:4566", MANAGEMENT).await.unwrap();
    let error = control.describe_network(&hub()).await.unwrap_err().to_string();
    assert_eq!(error, "describe_network: control.py has ended");
}

#[test]
fn what_is_added_to_the_emulator_behaves_as_on_aws() {
    let bridge = Path::new(env!("CARGO_MANIFEST_DIR")).join("bridge");
    let output = std::process::Command::new(python())
        .args(["-B", "-m", "unittest", "discover", "--start-directory", "tests"])
        .current_dir(bridge)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
