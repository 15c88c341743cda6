//! What was told then, beside what the replay tells.

use phonehome_alerting::Incident;
use phonehome_replay::render;
use serde_json::json;

use crate::support::{CALM, Night, line, replayed};

/// One that was told when the replay tells its own, and is about nothing that the recording knows.
fn incident(night: &Night) -> Incident {
    let told = replayed(&night.file()).told.incidents.remove(0);
    serde_json::from_value(json!({
        "id": told.id, "suspect": {"kind": "fleet"}, "severity": "page", "state": {"state": "open"},
        "since_ms": told.since_ms, "opened_at_ms": told.opened_at_ms, "updated_at_ms": told.opened_at_ms,
        "revision": 1, "members": [],
    }))
    .unwrap()
}

#[test]
fn what_was_told_then_and_the_replay_does_not_tell_is_said() {
    let night = Night { fails: 20..30, ..CALM };
    let file = night.file() + &line(&json!({"told": incident(&night)}));
    let replayed = replayed(&file);
    assert_eq!(replayed.then.len(), 1);
    assert_eq!((replayed.since_then.gone.len(), replayed.since_then.new.len()), (1, 1), "nothing in common");
    assert!(render(&replayed, "").contains("only told then"));
}
