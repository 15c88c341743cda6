use super::*;
use crate::{RepairState, StackPart};

const MINUTE_MS: u64 = 60_000;
const START_MS: u64 = 1_793_873_700_000;

fn stack(number: usize) -> StackId {
    format!("{:012}/us-east-1", 100_000_000_000 + number).parse().unwrap()
}

/// That these stacks are suspected, by no incident yet.
fn suspecting(stacks: impl IntoIterator<Item = usize>) -> Decision {
    let suspected = stacks.into_iter().map(|number| (stack(number), BTreeSet::new())).collect();
    Decision { suspected, ..Decision::default() }
}

struct Asking {
    suspected: Suspected,
    observed_ms: BTreeMap<StackId, u64>,
    now_ms: u64,
}

impl Asking {
    fn new() -> Self {
        Self { suspected: Suspected::default(), observed_ms: BTreeMap::new(), now_ms: START_MS }
    }

    /// How many accounts are asked about after this decision.
    fn asks(&mut self, decision: &Decision) -> usize {
        let (next, accounts) = self.suspected.after(decision, &[], &self.observed_ms, self.now_ms);
        self.suspected = next;
        accounts.len()
    }

    fn passes(&mut self, ms: u64) -> &mut Self {
        self.now_ms += ms;
        self
    }
}

#[test]
fn a_suspected_account_is_asked_once_however_often_is_looked() {
    let mut asking = Asking::new();
    assert_eq!(asking.asks(&suspecting([1])), 1);
    for _ in 0..6 {
        assert_eq!(asking.passes(10_000).asks(&suspecting([1])), 0);
    }
    asking.observed_ms.insert(stack(1), asking.now_ms);
    for _ in 0..60 {
        assert_eq!(asking.passes(MINUTE_MS).asks(&suspecting([1])), 0, "it was answered");
    }
    assert_eq!(asking.asks(&suspecting([])), 0);
    assert_eq!(asking.passes(10 * MINUTE_MS).asks(&suspecting([1])), 1, "suspected again, it is asked again");
    asking.observed_ms.insert(stack(1), asking.now_ms + 1);
    for _ in 0..10 {
        assert_eq!(asking.passes(5_000).asks(&suspecting([])), 0);
        assert_eq!(
            asking.passes(5_000).asks(&suspecting([1])),
            0,
            "what comes and goes is asked once in two minutes"
        );
    }
}

/// An incident of this id that suspects the first stack.
fn of_incident(id: &str) -> Decision {
    let incident = serde_json::json!({
        "id": id, "suspect": Suspect::Collector, "severity": crate::Severity::Note, "members": [],
        "state": crate::IncidentState::Open, "since_ms": 1, "opened_at_ms": 1, "updated_at_ms": 1, "revision": 1,
    });
    let incidents = vec![serde_json::from_value(incident).unwrap()];
    Decision { incidents, suspected: [(stack(1), [id.to_owned()].into())].into(), ..Decision::default() }
}

#[test]
fn an_answer_from_before_an_incident_does_not_serve_it() {
    let mut asking = Asking::new();
    assert_eq!(asking.asks(&suspecting([1])), 1);
    asking.observed_ms.insert(stack(1), asking.now_ms + 1);
    for id in ["first", "second"] {
        let asked: usize = (0..20).map(|_| asking.passes(3_000).asks(&of_incident(id))).sum();
        assert_eq!(asked, 1, "{id}: within two minutes, and once");
        asking.observed_ms.insert(stack(1), asking.now_ms);
    }
}

#[test]
fn where_no_answer_comes_it_is_asked_three_times_in_all() {
    let mut asking = Asking::new();
    let asked: usize = (0..600).map(|_| asking.passes(10_000).asks(&suspecting([1]))).sum();
    assert_eq!(asked, 3);
    assert_eq!(asking.suspected.stacks[&stack(1)].asks, 3);
}

#[test]
fn ten_accounts_are_observed_at_once_and_the_others_when_those_have_answered() {
    let mut asking = Asking::new();
    let all = suspecting(0..25);
    assert_eq!(asking.asks(&all), ASKED_AT_ONCE);
    assert_eq!(asking.passes(10_000).asks(&all), 0);
    for (stack, known) in &asking.suspected.stacks {
        if known.asks > 0 {
            asking.observed_ms.insert(stack.clone(), asking.now_ms);
        }
    }
    assert_eq!(asking.passes(10_000).asks(&all), ASKED_AT_ONCE);
    // What never answers keeps its place for two minutes.
    assert_eq!(asking.passes(10_000).asks(&all), 0);
    assert_eq!(asking.passes(2 * MINUTE_MS).asks(&all), ASKED_AT_ONCE);
}

#[test]
fn a_fleet_of_suspects_is_remembered_in_part() {
    let mut asking = Asking::new();
    asking.asks(&suspecting(0..10_000));
    assert_eq!(asking.suspected.stacks.len(), STACKS_MAX);
}

fn found(part: StackPart) -> Vec<Finding> {
    let finding = Finding {
        stack: stack(1),
        account_name: "shop-prod".to_owned(),
        part,
        what: "it differs".to_owned(),
        repair: RepairState::Repaired,
        seen_ms: START_MS,
        by: vec![],
        told_as: "drift/1".to_owned(),
        told_in: None,
    };
    vec![finding]
}

#[test]
fn what_is_found_belongs_to_the_incident_that_it_explains_in_its_channel_also_a_while_after_its_end() {
    let StackId { account, region } = stack(1);
    let suspicion = |channel: &str, ended_ms: Option<u64>| Suspicion {
        suspects: vec![Suspect::WayOut { account: account.clone(), region: region.clone() }],
        owners: BTreeSet::new(),
        channels: BTreeSet::from([channel.to_owned()]),
        ended_ms,
    };
    let incidents = BTreeMap::from([
        ("long over".to_owned(), suspicion("#net", Some(START_MS - LATELY_MS))),
        ("just over".to_owned(), suspicion("#net", Some(START_MS - MINUTE_MS))),
        ("elsewhere".to_owned(), suspicion("#other", None)),
    ]);
    let known = SuspectedStack { asked_ms: START_MS, asks: 1, is_suspected: true, incidents };
    let mut suspected = Suspected { stacks: BTreeMap::from([(stack(1), known)]) };
    let nat = || found(StackPart::NatGateway { zone: None });
    assert_eq!(suspected.explained_by(&nat(), "#net", None, START_MS), Some("just over"));
    for (declared_ms, told) in [(START_MS - MINUTE_MS, Some("just over")), (START_MS - MINUTE_MS + 1, None)] {
        assert_eq!(
            suspected.explained_by(&nat(), "#net", Some(declared_ms), START_MS),
            told,
            "{declared_ms}"
        );
    }
    assert_eq!(suspected.explained_by(&nat(), "#other", None, START_MS), Some("elsewhere"));
    assert_eq!(suspected.explained_by(&nat(), "#third", None, START_MS), None);
    assert_eq!(
        suspected.explained_by(&found(StackPart::Inbound), "#net", None, START_MS),
        None,
        "that is no way out"
    );
    assert_eq!(suspected.explained_by(&[], "#net", None, START_MS), None);
    let open = suspicion("#net", None);
    suspected.stacks.get_mut(&stack(1)).unwrap().incidents.insert("an open one".to_owned(), open);
    for declared_ms in [None, Some(START_MS)] {
        assert_eq!(suspected.explained_by(&nat(), "#net", declared_ms, START_MS), Some("an open one"));
    }
}
