//! What AWS could not do with an account.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::world::{SHOP_DEV, World, sample};

/// An event of Control Tower: `name` with its status.
fn managed(name: &str, status_key: &str, state: &str, id: &str) -> Value {
    let mut event = sample("control-tower-update-managed-account");
    event["detail"]["eventName"] = json!(name);
    event["detail"]["serviceEventDetails"] = json!({ status_key: {
        "account": {"accountName": "R&D <!channel>", "accountId": id},
        "state": state,
        "message": "see <http://x.example|here>",
        "requestedTimestamp": "2026-11-20T09:50:00+0000",
    }});
    event
}

/// An event of Organizations.
fn of_organizations(name: &str, status_key: &str, status: Value) -> Value {
    let mut event = sample("create-account-result-failed");
    event["detail"]["eventName"] = json!(name);
    event["detail"]["serviceEventDetails"] = json!({ status_key: status });
    event
}

fn update(state: &str, id: &str) -> Value {
    managed("UpdateManagedAccount", "updateManagedAccountStatus", state, id)
}

fn create(state: &str, id: &str) -> Value {
    managed("CreateManagedAccount", "createManagedAccountStatus", state, id)
}

#[tokio::test]
async fn what_is_said_of_each_failure_is_true() {
    let close = |status| of_organizations("CloseAccountResult", "closeAccountStatus", status);
    let made = |status| of_organizations("CreateAccountResult", "createAccountStatus", status);
    let cases = [
        (
            update("FAILED", SHOP_DEV),
            "Control Tower could not update R&amp;D &lt;!channel&gt; (444455556666): see \
             &lt;http://x.example|here&gt;. Its network is as before.",
            1,
        ),
        (update("FAILED", "Not Available"), "no network was changed.", 0),
        (create("FAILED", "Not Available"), "Control Tower could not create R&amp;D", 0),
        (create("FAILED", SHOP_DEV), "There is an account all the same", 1),
        (
            close(json!({"accountId": SHOP_DEV, "state": "FAILED"})),
            "AWS could not close 444455556666: no reason given. It is open, and its network is as before.",
            1,
        ),
        (
            made(json!({"id": "car-1", "state": "FAILED", "failureReason": "EMAIL_ALREADY_EXISTS"})),
            "AWS could not create an account: EMAIL_ALREADY_EXISTS. Nothing was provisioned.",
            0,
        ),
    ];
    for (event, says, observations) in cases {
        let world = World::new().await;
        world.send(event.clone()).await;
        let notified = world.notified().await;
        assert!(notified.len() == 1 && notified[0].contains(says), "{event} gave {notified:?}");
        assert!(!notified[0].contains(['<', '>']), "{notified:?}");
        assert_eq!((world.queued().len(), world.letters()), (observations, vec![]), "{event}");
    }
}

#[tokio::test]
async fn what_did_not_fail_is_observed_or_left_alone_and_never_reported() {
    let mut refused = sample("move-account");
    refused["detail"]["errorCode"] = json!("AccessDeniedException");
    let cases = [
        (update("IN_PROGRESS", SHOP_DEV), 0),
        (update("SUCCEEDED", SHOP_DEV), 1),
        (create("SOMETHING_NEW", SHOP_DEV), 1),
        // An account is closed whether or not the event says how far that is.
        (of_organizations("CloseAccountResult", "closeAccountStatus", json!({"accountId": SHOP_DEV})), 1),
        (refused, 0),
        (sample("move-account"), 1),
    ];
    for (event, observations) in cases {
        let world = World::new().await;
        let before = world.changes(SHOP_DEV, "us-east-1");
        world.send(event.clone()).await;
        assert_eq!(usize::from(world.changes(SHOP_DEV, "us-east-1") > before), observations, "{event}");
        assert_eq!(
            (world.notified_of("account-failure/").await, world.letters()),
            (vec![], vec![]),
            "{event}"
        );
    }
    let world = World::new().await;
    world.send(create("SOMETHING_NEW", "Not Available")).await;
    assert_eq!(world.letters().len(), 1, "nobody knows what that means");
    let stateless = json!({"accountId": SHOP_DEV});
    world.send(of_organizations("CreateAccountResult", "createAccountStatus", stateless)).await;
    assert_eq!(world.letters().len(), 2, "nor that");
}

#[tokio::test]
async fn a_failure_that_is_reported_twice_is_one_message_and_each_other_one_its_own() {
    let world = World::new().await;
    for _ in 0..2 {
        world.send(sample("create-account-result-failed")).await;
    }
    let ids = world.incident_ids_of("account-failure/").await;
    // The second one edits the first one's message: it is of the same incident.
    assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(world.notified().await[0].contains("car-5f1c0d10f2fb11ed8f0c0a41b5dcf48f"));
    world.send(update("FAILED", SHOP_DEV)).await;
    let all: BTreeSet<String> = world.incident_ids_of("account-failure/").await.into_iter().collect();
    assert_eq!(all.len(), 2, "{all:?}");
}
