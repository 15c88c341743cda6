//! The cause joined to the incident: what was found in the stacks that are suspected.

use phonehome_alerting::{
    Change, Decision, Finding, Incident, OutgoingBody, Reader, RepairState, Resolution, StackPart,
};
use phonehome_wire::StackId;

use crate::support::{EGRESS, Fleet, LEDGER, MINUTE_MS, PAYMENTS, account_id};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const CONNECTS: &[&str] = &[EGRESS, PAYMENTS, LEDGER];
/// How long on-call is not called while a repair is under way.
const REPAIR_MS: u64 = 20_000;

fn fleet() -> Fleet {
    Fleet::of(&["shop-prod", "search-prod", "orders-prod"], ZONES)
}

fn stack(number: usize) -> StackId {
    StackId::new(&account_id(number), &"us-east-1".parse().unwrap())
}

/// The deleted default route of shop-prod's zone, as the provisioner found it.
fn route(zone: &str, repair: RepairState, seen_ms: u64) -> Finding {
    Finding {
        stack: stack(0),
        account_name: "shop-prod".to_owned(),
        part: StackPart::DefaultRoute { zone: zone.parse().unwrap() },
        what: format!("route 0.0.0.0/0 → nat-1 in rtb-{zone}: not there"),
        repair,
        seen_ms,
        by: vec![],
        told_as: "drift/1".to_owned(),
        told_in: None,
    }
}

/// Both zones' routes are found deleted, then their loss fails.
fn way_out_lost_and(repair: RepairState) -> Fleet {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, &[EGRESS]);
    fleet.world.findings = ZONES.iter().map(|zone| route(zone, repair, fleet.world.now_ms)).collect();
    fleet
}

fn text_of(decision: &Decision) -> String {
    let texts = decision.outbox.iter().map(|outgoing| match &outgoing.body {
        OutgoingBody::Slack { blocks, thread_text, .. } => format!("{} {thread_text:?}", **blocks),
        OutgoingBody::Page { subject, text, .. } => format!("{subject} {text}"),
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn subject(decision: &Decision) -> Option<String> {
    decision.outbox.iter().find_map(|outgoing| match &outgoing.body {
        OutgoingBody::Page { subject, .. } => Some(subject.clone()),
        OutgoingBody::Slack { .. } => None,
    })
}

#[test]
fn what_was_found_is_told_as_the_cause_with_what_is_done_about_it_and_who_did_it() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, &[EGRESS]);
    let opened = text_of(&fleet.decide());
    assert!(opened.contains("shop-prod is observed again, and what differs is repaired"), "{opened}");
    let now_ms = fleet.advance(MINUTE_MS).world.now_ms;
    fleet.world.findings = vec![route("use1-az1", RepairState::UnderWay, now_ms)];
    let found = text_of(&fleet.decide());
    for part in
        ["*Cause* route 0.0.0.0/0 → nat-1 in rtb-use1-az1: not there", "the repair is under way", "found: "]
    {
        assert!(found.contains(part), "{part}: {found}");
    }
    fleet.advance(MINUTE_MS);
    fleet.world.findings[0].repair = RepairState::Repaired;
    fleet.world.findings[0].by = vec!["DeleteRoute by alice@example.com at 2026-11-05T10:14:00Z".to_owned()];
    let named = text_of(&fleet.decide());
    for part in ["DeleteRoute by alice@example.com at 2026-11-05T10:14:00Z", "it is repaired; this ends when"]
    {
        assert!(named.contains(part), "{part}: {named}");
    }
    // What is forgotten by then stays known, and says nothing anew.
    fleet.advance(MINUTE_MS).world.findings.clear();
    assert!(fleet.decide().is_empty());
    assert_eq!(fleet.only().findings.len(), 1);
}

#[test]
fn the_cause_in_a_message_of_its_own_is_referred_to_and_one_in_the_thread_is_not() {
    for told_apart in [true, false] {
        let mut fleet = way_out_lost_and(RepairState::Repaired);
        fleet.decide();
        let id = fleet.only().id.clone();
        for finding in &mut fleet.world.findings {
            finding.told_in = (!told_apart).then(|| id.clone());
            finding.by = vec!["DeleteRoute by bob at 10:14".to_owned()];
        }
        fleet.advance(MINUTE_MS);
        let told = text_of(&fleet.decide());
        assert_eq!(told.contains("told in a message of its own"), told_apart, "{told}");
    }
}

#[test]
fn what_cannot_be_why_is_not_told_as_the_cause() {
    let mut fleet = fleet();
    let began_ms = fleet.fail("shop-prod", ZONES, &[EGRESS]).world.now_ms;
    let other = |change: fn(&mut Finding)| {
        let mut finding = route("use1-az1", RepairState::Repaired, began_ms);
        change(&mut finding);
        finding
    };
    fleet.world.findings = vec![
        // Another account's.
        other(|it| it.stack = stack(1)),
        // Not on the way out.
        other(|it| it.part = StackPart::Inbound),
        other(|it| it.part = StackPart::Other),
        other(|it| it.part = StackPart::Probe { zone: None }),
        // Repaired before anything failed, and changed long after it had.
        other(|it| it.seen_ms -= 2 * MINUTE_MS),
        other(|it| it.seen_ms += 50 * MINUTE_MS),
    ];
    fleet.decide();
    assert_eq!(fleet.only().findings, []);
    let unrepaired =
        other(|it| (it.seen_ms, it.repair) = (it.seen_ms - 2 * MINUTE_MS, RepairState::Withheld));
    fleet.world.findings = vec![unrepaired];
    fleet.advance(MINUTE_MS).decide();
    assert_eq!(fleet.only().findings.len(), 1, "what lasts is why");
}

fn pages(fleet: &Fleet) -> usize {
    fleet.sent.iter().filter(|outgoing| outgoing.body.is_page()).count()
}

#[test]
fn while_the_repair_of_the_cause_is_under_way_on_call_is_called_twenty_seconds_later_and_never_later() {
    for repair in [RepairState::UnderWay, RepairState::Repaired] {
        let mut fleet = way_out_lost_and(repair);
        let decision = fleet.decide();
        let due_ms = fleet.world.now_ms + REPAIR_MS;
        assert_eq!((pages(&fleet), decision.waits_until_ms), (0, Some(due_ms)), "Slack is told at once");
        assert!(text_of(&decision).contains("if the repair does not end it within moments"));
        // Whatever else happens: another finding, a further look, a change of the cause.
        fleet.advance(9_000).world.findings.push(route("use1-az3", repair, due_ms));
        fleet.decide();
        fleet.advance(10_999).fail("shop-prod", ZONES, CONNECTS).decide();
        assert_eq!(pages(&fleet), 0);
        fleet.advance(1);
        let decision = fleet.decide();
        assert_eq!(pages(&fleet), 1, "{:#?}", fleet.only());
        assert!(subject(&decision).unwrap().contains(": default route\""), "{:?}", subject(&decision));
        fleet.advance(MINUTE_MS).decide();
        assert_eq!(pages(&fleet), 1, "once");
    }
}

#[test]
fn a_repair_in_time_spares_on_call_and_that_is_told_and_counted() {
    let mut fleet = way_out_lost_and(RepairState::Repaired);
    fleet.decide();
    fleet.advance(REPAIR_MS - 1).recover("shop-prod", ZONES, &[EGRESS]);
    let decision = fleet.decide();
    assert_eq!(pages(&fleet), 0, "neither a page nor the end of one");
    assert!(text_of(&decision).contains("Nobody was called: its cause was repaired first."), "{decision:#?}");
    let avoided = |decision: &Decision| decision.incidents.iter().filter(|it| it.page_was_avoided()).count();
    assert_eq!(avoided(&decision), 1);
    let mut fleet = way_out_lost_and(RepairState::Repaired);
    fleet.decide();
    fleet.advance(REPAIR_MS).decide();
    fleet.advance(MINUTE_MS).recover("shop-prod", ZONES, &[EGRESS]);
    assert_eq!(avoided(&fleet.decide()), 0, "who was called was not spared");
    assert_eq!(pages(&fleet), 2);
}

#[test]
fn a_page_waits_for_nothing_that_would_not_end_it() {
    let mut fleet = way_out_lost_and(RepairState::Withheld);
    fleet.decide();
    assert_eq!(pages(&fleet), 1, "the repair needs permission");
    let mut fleet = self::fleet();
    fleet.fail("shop-prod", ZONES, &[EGRESS]).decide();
    assert_eq!(pages(&fleet), 1, "nothing was found");
}

#[test]
fn an_incident_that_is_merged_while_its_page_waits_is_no_page_avoided() {
    let mut fleet = way_out_lost_and(RepairState::UnderWay);
    let decision = fleet.decide();
    let mut incident: Incident = decision.incidents[0].clone();
    assert!(!incident.page_was_avoided(), "it goes on");
    let merged = Resolution::Merged { into: "another".to_owned() };
    incident.state = phonehome_alerting::IncidentState::Resolved { at_ms: 1, resolution: merged };
    assert!(!incident.page_was_avoided());
}

#[test]
fn who_has_runs_a_few_seconds_apart_waits_a_third_of_that() {
    let mut fleet = way_out_lost_and(RepairState::Repaired);
    fleet.world.policy.interval_ms = 3_000;
    let decision = fleet.decide();
    assert_eq!((pages(&fleet), decision.waits_until_ms), (0, Some(fleet.world.now_ms + 1_000)));
}

#[test]
fn the_stacks_that_are_suspected_are_named_and_those_of_a_whole_fleet_are_not() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, &[EGRESS]);
    let decision = fleet.decide();
    let suspected: Vec<&StackId> = decision.suspected.keys().collect();
    assert_eq!(suspected, [&stack(0)]);
    assert_eq!(decision.suspected[&stack(0)].iter().collect::<Vec<_>>(), [&fleet.only().id]);
    for account in ["shop-prod", "search-prod", "orders-prod"] {
        fleet.fail(account, ZONES, CONNECTS);
    }
    fleet.advance(MINUTE_MS);
    let decision = fleet.decide();
    assert!(decision.suspected.is_empty(), "{:?}: {:?}", fleet.suspects(), decision.suspected);
}

#[test]
fn what_was_changed_lately_where_the_cause_may_be_is_told() {
    let mut fleet = fleet();
    let now_ms = fleet.fail("shop-prod", ZONES, &[EGRESS]).world.now_ms;
    let change = |at_ms, stack: Option<StackId>, what: &str| Change {
        at_ms,
        stack,
        what: what.to_owned(),
        by: "alice".to_owned(),
    };
    fleet.world.changes = vec![
        change(now_ms - 60_000, Some(stack(0)), "DeleteRoute"),
        change(now_ms - 600_000, None, "fleet file version 7 published"),
        change(now_ms - 2 * 3_600_000, None, "fleet file version 6 published"),
        change(now_ms - 60_000, Some(stack(1)), "DeleteSubnet"),
    ];
    let told = text_of(&fleet.decide());
    assert!(told.contains("2026-11-05T10:14:00Z DeleteRoute in shop-prod (us-east-1) by alice"), "{told}");
    assert!(told.contains("version 7 published by alice"), "{told}");
    assert!(!told.contains("version 6") && !told.contains("DeleteSubnet"), "{told}");
}

#[test]
fn a_message_at_night_says_when_by_the_clocks_there_and_links_to_the_runbook() {
    let mut fleet = way_out_lost_and(RepairState::Withheld);
    fleet.world.reader = Reader {
        time_zone: Some("Europe/Berlin".to_owned()),
        runbook: Some("https://wiki.example.com/runbook".to_owned()),
    };
    let decision = fleet.decide();
    let (slack, page): (Vec<_>, Vec<_>) =
        text_of(&decision).lines().map(str::to_owned).partition(|line| line.contains("mrkdwn"));
    let (slack, page) = (slack.join("\n"), page.join("\n"));
    assert!(slack.contains("2026-11-05T10:15:00Z, 11:15 in Europe/Berlin"), "{slack}");
    assert!(slack.contains("<https://wiki.example.com/runbook#no-way-out|runbook>"), "{slack}");
    assert!(page.contains("Since 2026-11-05T10:15:00Z, 11:15 in Europe/Berlin"), "{page}");
    assert!(page.contains("runbook: https://wiki.example.com/runbook#no-way-out"), "{page}");
    assert!(page.contains("Being done: nothing: the repair needs permission"), "{page}");
    assert!(!page.contains("cannot be reached"), "{page}");
}

#[test]
fn however_long_names_are_a_subject_says_what_is_wrong_in_a_hundred_characters() {
    let long = format!("{}-prod", "a-very-long-name-of-a-domain-that-nobody-shortens");
    for found in [false, true] {
        let mut fleet =
            Fleet::of(&[&long, "search-prod", "orders-prod"], &["use1-az1", "use1-az2", "use1-az3"]);
        fleet.fail(&long, &["use1-az1", "use1-az2", "use1-az3"], &[EGRESS]);
        if found {
            fleet.world.findings = vec![route("use1-az1", RepairState::Withheld, fleet.world.now_ms)];
        }
        let subject = subject(&fleet.decide()).unwrap();
        assert!(subject.len() <= 100, "{subject}");
        assert!(
            subject.contains("a-very-long-") && subject.contains("has no way out to the internet"),
            "{subject}"
        );
        assert_eq!(subject.contains(": default route\""), found, "{subject}");
        assert!(subject.ends_with('"'), "{subject}");
    }
}
