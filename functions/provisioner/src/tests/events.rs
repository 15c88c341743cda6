//! What is read from each sample event.

use serde_json::json;

use super::world::{MANAGEMENT, SHOP_DEV, World, sample, samples};
use crate::event::Request;

fn read(body: &str) -> Result<Request, String> {
    crate::event::read(body, &MANAGEMENT.parse().unwrap())
}

#[test]
fn every_sample_event_is_routed_and_only_the_bad_ones_are_refused() {
    let samples = samples();
    assert!(samples.len() >= 23, "{samples:?}");
    for (name, bodies) in samples {
        assert!(!bodies.is_empty(), "{name} has no record");
        for body in bodies {
            assert_eq!(read(&body).is_err(), name.starts_with("bad-"), "{name}: {:?}", read(&body));
        }
    }
}

#[test]
fn every_kind_of_account_event_leads_to_the_account_it_names() {
    let samples = samples();
    for name in [
        "create-account-result",
        "close-account-result",
        "control-tower-create-managed-account",
        "control-tower-update-managed-account",
        "account-joined-organization",
        "account-departed-organization",
        "move-account",
        "reconcile",
        "release",
    ] {
        match read(&samples[&format!("{name}.json")][0]) {
            Ok(Request::Account(request)) => {
                assert_eq!(request.account, SHOP_DEV, "{name}");
                assert_eq!(request.decommission.is_some(), name == "release");
            }
            other => panic!("{name} gave {other:?}"),
        }
    }
    for name in ["create-account-result-failed", "control-tower-create-managed-account-failed"] {
        let request = read(&samples[&format!("{name}.json")][0]);
        assert!(matches!(request, Ok(Request::Failure(_))), "{name} gave {request:?}");
    }
    assert!(
        matches!(read(&samples["rerun.json"][0]), Ok(Request::Rerun(rerun)) if rerun.account == SHOP_DEV)
    );
    assert_eq!(read(&samples["sweep.json"][0]), Ok(Request::Sweep(None)));
    assert_eq!(read(r#"{"sweep":{"number":7}}"#), Ok(Request::Sweep(Some(7))));
    assert_eq!(read(&samples["ec2-failed-call.json"][0]), Ok(Request::Nothing));
}

/// The rules in front of the queue say the same, and are not the only guard.
#[test]
fn account_events_are_believed_from_the_management_account_alone() {
    let (_, bodies) = samples().into_iter().find(|(name, _)| name == "move-account.json").unwrap();
    let event: serde_json::Value = serde_json::from_str(&bodies[0]).unwrap();
    for sender in [json!(SHOP_DEV), json!(""), json!(null), json!(111_111_111_111_u64)] {
        let mut forged = event.clone();
        forged["account"] = sender.clone();
        forged["detail"]["userIdentity"] = json!({"accountId": MANAGEMENT});
        forged["detail"]["recipientAccountId"] = json!(MANAGEMENT);
        let reason = read(&forged.to_string()).unwrap_err();
        assert!(reason.contains("only the management account"), "{sender}: {reason}");
    }
    assert!(read(&event.to_string()).is_ok());
}

#[test]
fn a_refusal_says_what_was_wrong() {
    let samples = samples();
    for (name, part) in [
        ("bad-no-account-id", "there is no account id"),
        ("bad-unknown-event-name", "DeleteOrganization"),
        ("bad-other-source", "aws.s3"),
        (
            "bad-other-account",
            "account \"666677778888\" sent, and only the management account 111111111111 may",
        ),
        ("bad-not-json", "not JSON"),
        ("bad-reconcile-without-account", "missing field `account`"),
        ("bad-ec2-unreadable", "the event carries no eventName"),
    ] {
        let reason = read(&samples[&format!("{name}.json")][0]).unwrap_err();
        assert!(reason.contains(part), "{name}: {reason}");
    }
}

#[test]
fn where_something_was_changed_the_envelope_says_whatever_the_body_claims() {
    let mut event = sample("ec2-delete-route");
    event["detail"]["recipientAccountId"] = json!("999999999999");
    event["detail"]["awsRegion"] = json!("eu-west-1");
    match read(&event.to_string()) {
        Ok(Request::Changed(request, api_call)) => {
            assert_eq!((request.account.as_str(), api_call.account.as_str()), (SHOP_DEV, SHOP_DEV));
            assert_eq!(api_call.region, "us-east-1");
        }
        other => panic!("{other:?}"),
    }
    event["account"] = json!("not one");
    assert!(read(&event.to_string()).unwrap_err().contains("\"not one\" is no account id"));
}

#[tokio::test]
async fn a_bad_event_is_kept_with_its_reason_and_counted() {
    let world = World::new().await;
    world.send(json!({"hello": "world"})).await;
    world.send(sample("bad-ec2-unreadable")).await;
    let letters = world.letters();
    assert!(letters[0].contains("neither an account event nor a request"), "{letters:?}");
    assert!(letters[1].contains("no eventName"), "{letters:?}");
    assert_eq!((letters.len(), world.provisioner.metrics.counts()["Refused"]), (2, 2));
}
