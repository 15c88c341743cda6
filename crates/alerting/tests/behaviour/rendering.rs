//! What people read.

use phonehome_alerting::{Decision, OutgoingBody};
use phonehome_wire::Stage;

use crate::support::{EGRESS, Fleet, ISOLATION, LEDGER, MINUTE_MS, PAYMENTS, kind};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const CONNECTS: &[&str] = &[EGRESS, PAYMENTS, LEDGER];

fn fleet() -> Fleet {
    Fleet::of(&["shop-prod", "search-prod", "orders-prod"], ZONES)
}

/// Everything a decision sends, as people see it.
fn shown(decision: &Decision) -> String {
    let mut shown = String::new();
    for message in &decision.outbox {
        shown.push_str(&format!("=== {} {}\n", kind(&message.body), message.id));
        match &message.body {
            OutgoingBody::Page { subject, text, .. } => {
                shown.push_str(&format!("{subject}\n---\n{text}"));
            }
            OutgoingBody::Slack { text, blocks, thread_text, .. } => {
                for block in blocks.as_array().unwrap() {
                    let text = &block["text"]["text"];
                    let text = text.as_str().or(block["elements"][0]["text"].as_str()).unwrap();
                    shown.push_str(&format!("[{}] {text}\n", block["type"].as_str().unwrap()));
                }
                shown.push_str(&format!("fallback: {text}\nthread: {:?}\n", thread_text.as_deref()));
            }
        }
    }
    shown
}

#[test]
fn a_lost_connection_is_reported_with_what_else_works() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).advance(3 * MINUTE_MS);
    insta::assert_snapshot!(shown(&fleet.decide()));
}

#[test]
fn an_update_is_edited_in_and_reported_in_the_thread() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]).advance(3 * MINUTE_MS).decide();
    fleet.fail("shop-prod", &["use1-az1"], CONNECTS).advance(MINUTE_MS);
    insta::assert_snapshot!(shown(&fleet.decide()));
}

#[test]
fn a_lost_account_is_reported_as_the_network_and_its_end_with_its_length() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, CONNECTS).advance(3 * MINUTE_MS);
    let opened = fleet.decide();
    fleet.advance(125 * MINUTE_MS).recover("shop-prod", ZONES, CONNECTS);
    let resolved = fleet.decide();
    insta::assert_snapshot!(format!("{}\n{}", shown(&opened), shown(&resolved)));
}

#[test]
fn a_target_that_answers_wrongly_is_reported_as_not_the_network() {
    let mut fleet = fleet();
    for account in ["shop-prod", "search-prod", "orders-prod"] {
        fleet.fail_at(Stage::Tls, account, ZONES, &[PAYMENTS]);
    }
    insta::assert_snapshot!(shown(&fleet.decide()));
}

#[test]
fn silence_is_reported_as_not_knowing() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", ZONES).advance(4 * MINUTE_MS);
    insta::assert_snapshot!(shown(&fleet.decide()));
}

#[test]
fn trouble_of_phonehome_itself_is_reported_as_such() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", ZONES).hush("search-prod", ZONES).advance(4 * MINUTE_MS);
    insta::assert_snapshot!(shown(&fleet.decide()));
}

#[test]
fn a_broken_isolation_is_reported_as_open() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, &[ISOLATION]);
    insta::assert_snapshot!(shown(&fleet.decide()));
}

#[test]
fn slack_and_sns_limits_hold_for_hostile_names_and_hundreds_of_accounts() {
    let names: Vec<String> = (0..200).map(|n| format!("<&>`é{n}{}-prod", "&".repeat(300))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut fleet = Fleet::of(&names, ZONES);
    for probe in &mut fleet.world.probes {
        for check in &mut probe.checks {
            check.target.endpoint = "<&>`\n".repeat(200);
        }
    }
    for name in &names {
        fleet.fail(name, ZONES, &[PAYMENTS]);
    }
    let decision = fleet.decide();
    assert_eq!(decision.incidents.len(), 1);
    for message in &decision.outbox {
        match &message.body {
            OutgoingBody::Page { subject, .. } => {
                assert!(subject.len() <= 100 && subject.chars().all(|c| c.is_ascii() && !c.is_control()));
            }
            OutgoingBody::Slack { text, blocks, .. } => {
                let blocks = blocks.as_array().unwrap();
                assert!(blocks.len() <= 50 && text.chars().count() <= 3000);
                for block in blocks {
                    let text = block["text"]["text"].as_str().unwrap_or_default();
                    let limit = if block["type"] == "header" { 150 } else { 3000 };
                    assert!(text.chars().count() <= limit, "{}", text.chars().count());
                    assert!(!text.contains('<') && !text.contains('>'));
                    assert!(
                        block["type"] != "section" || !text.starts_with("*Failing") || text.contains("more")
                    );
                }
            }
        }
    }
}
