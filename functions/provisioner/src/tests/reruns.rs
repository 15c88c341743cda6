//! Probes that run again because the alerter asks for it.

use phonehome_alerting::{ASKED_LASTS_MS, Rerun};
use phonehome_cloud::{SystemClock, WallClock as _};
use serde_json::json;

use super::world::{MANAGEMENT, REGION, SHOP_PROD, World, error};

fn asked(ago_ms: u64) -> Rerun {
    Rerun {
        account: SHOP_PROD.parse().unwrap(),
        region: REGION.parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 1,
        checks: [phonehome_wire::CheckId("connection/a".to_owned())].into(),
        asked_ms: SystemClock.now_ms() - ago_ms,
    }
}

#[tokio::test]
async fn a_probe_is_run_again_at_once_and_what_was_asked_too_long_ago_is_not() {
    let world = World::new().await;
    let rerun = asked(0);
    world.send(json!({ "rerun": rerun })).await;
    world.send(json!({ "rerun": asked(ASKED_LASTS_MS + 1) })).await;
    assert_eq!(world.conditions().reruns, [rerun]);
    assert!(world.letters().is_empty() && world.queued().is_empty());
}

/// It costs time, and nothing else: no message, no dead letter, no second try.
#[tokio::test]
async fn what_an_older_role_denies_or_goes_wrong_is_neither_told_nor_tried_again() {
    for code in ["AccessDeniedException", "ResourceNotFoundException", "TooManyRequestsException", "Timeout"]
    {
        let world = World::new().await;
        let refusal = error("lambda:InvokeFunction", code, "no");
        world.conditions().refusals.insert(SHOP_PROD.to_owned(), refusal);
        let before = world.notified().await;
        world.send(json!({ "rerun": asked(0) })).await;
        assert_eq!(world.conditions().reruns.len(), 1, "{code}");
        assert!(world.letters().is_empty() && world.queued().is_empty(), "{code}");
        assert_eq!(world.notified().await, before, "{code}");
    }
}

#[test]
fn a_request_that_is_none_is_refused_with_what_is_wrong() {
    for body in [json!({"rerun": {}}), json!({"rerun": {"account": "x"}}), json!({"rerun": 5})] {
        let problem = crate::event::read(&body.to_string(), &MANAGEMENT.parse().unwrap());
        assert!(problem.unwrap_err().starts_with("bad request to run again: "), "{body}");
    }
}
