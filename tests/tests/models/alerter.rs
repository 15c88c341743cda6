//! The alerter's turn: two invocations that look at the same moment, one because of a hint, one because a
//! minute is over.
//!
//! They decide with the code's own [`decide`]. Each reads the revision first and then the rest, while a
//! connection goes down and comes back; each stores what it decided in one transaction, under the condition
//! of the revision and of every document, and observes again when it does not hold. Either may die anywhere,
//! and the answer to a write may be lost. There must be one incident and one page for each outage.

use std::collections::BTreeSet;

use phonehome_alerting::{Incident, Outgoing, OutgoingBody, PathStatus, World, decide};
use phonehome_wire::{Class, Stage, Verdict};
use serde_json::json;
use stateright::{Model, Property};

use super::{holds, is_caught};

const NOON_MS: u64 = 1_793_880_000_000;
/// The rules. A mutant changes one.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// A decision is stored only in the revision in which it was taken.
    revision: bool,
    /// How often the connection goes down.
    outages: u8,
    /// How often an invocation dies.
    deaths: u8,
}

const OURS: Rules = Rules { revision: true, outages: 1, deaths: 1 };

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// Grows with what happens: no two runs look at the same millisecond.
    clock: u64,
    outages: u8,
    down: bool,
    table: Stored,
    runs: [Run; 2],
    faults: u8,
}

/// What is in the table. Documents are kept as they are stored, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Stored {
    revision: u64,
    open: BTreeSet<String>,
    /// The pages, by id: whether each ends an earlier one.
    pages: Vec<(String, bool)>,
    resolved: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Run {
    No,
    /// It has read the revision.
    Revision {
        revision: u64,
        at: u64,
    },
    /// It has read everything.
    Seen {
        revision: u64,
        at: u64,
        down: bool,
        open: BTreeSet<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Fails,
    Recovers,
    Begins(usize),
    Observes(usize),
    Stores(usize),
    Dies(usize),
}

impl Model for Rules {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let runs = [Run::No, Run::No];
        vec![State { clock: 0, outages: 0, down: false, table: Stored::default(), runs, faults: 0 }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.down {
            steps.push(Step::Recovers);
        } else if state.outages < self.outages {
            steps.push(Step::Fails);
        }
        for (who, run) in state.runs.iter().enumerate() {
            steps.push(match run {
                Run::No => Step::Begins(who),
                Run::Revision { .. } => Step::Observes(who),
                Run::Seen { .. } => Step::Stores(who),
            });
            if *run != Run::No && state.faults < self.deaths {
                steps.push(Step::Dies(who));
            }
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        match step {
            Step::Fails => (state.down, state.outages) = (true, state.outages + 1),
            Step::Recovers => state.down = false,
            Step::Begins(who) => {
                state.runs[who] = Run::Revision { revision: state.table.revision, at: state.clock }
            }
            Step::Observes(who) => {
                let Run::Revision { revision, at } = state.runs[who] else { return None };
                state.runs[who] =
                    Run::Seen { revision, at, down: state.down, open: state.table.open.clone() };
            }
            Step::Stores(who) => {
                let run = std::mem::replace(&mut state.runs[who], Run::No);
                state.store(*self, &run);
            }
            Step::Dies(who) => {
                state.runs[who] = Run::No;
                state.faults += 1;
            }
        }
        // Time goes on with what is written, so that there is an end to the states.
        if state.table != before.table || state.down != before.down {
            state.clock += 1;
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_INCIDENT, |_, state: &State| state.table.open.len() <= 1),
            Property::always(ONE_PAGE, |_, state: &State| {
                let pages = |ends| state.table.pages.iter().filter(|page| page.1 == ends).count();
                pages(false) <= usize::from(state.outages) && pages(true) <= pages(false)
            }),
            Property::sometimes(
                "each outage is paged, and its end is told",
                |rules: &Self, state: &State| {
                    let notified = 2 * usize::from(rules.outages);
                    state.table.pages.len() == notified && state.table.open.is_empty()
                },
            ),
        ]
    }
}

const ONE_INCIDENT: &str = "one outage is one incident";
const ONE_PAGE: &str = "one outage is one page, and one end";

impl State {
    /// As `store` of the alerter does: everything or nothing.
    fn store(&mut self, rules: Rules, run: &Run) {
        let Run::Seen { revision, at, down, open } = run else { return };
        let incidents: Vec<Incident> = open.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
        let decision = decide(&world(NOON_MS + at, *down, incidents));
        if decision.is_empty() {
            return;
        }
        // Each incident's document must be as it was read, or absent.
        let changed = |incident: &Incident| {
            let of_it = |documents: &BTreeSet<String>| {
                documents.iter().find(|it| it.contains(&format!("\"id\":\"{}\"", incident.id))).cloned()
            };
            of_it(open) != of_it(&self.table.open)
        };
        if rules.revision && *revision != self.table.revision || decision.incidents.iter().any(changed) {
            return;
        }
        let ids: BTreeSet<&String> = decision.incidents.iter().map(|incident| &incident.id).collect();
        self.table.open.retain(|it| !ids.contains(&serde_json::from_str::<Incident>(it).unwrap().id));
        for incident in &decision.incidents {
            if incident.is_open() {
                self.table.open.insert(serde_json::to_string(incident).unwrap());
            } else {
                self.table.resolved += 1;
            }
        }
        self.table.pages.extend(decision.outbox.iter().filter_map(page));
        self.table.revision += 1;
    }
}

fn page(outgoing: &Outgoing) -> Option<(String, bool)> {
    match &outgoing.body {
        OutgoingBody::Page { resolved, .. } => Some((outgoing.id.clone(), *resolved)),
        OutgoingBody::Slack { .. } => None,
    }
}

/// One account with one probe, and one connection that is up or down. As it is stored, so that what later
/// versions add has its default.
fn world(now_ms: u64, down: bool, open: Vec<Incident>) -> World {
    let since = NOON_MS - 60_000;
    let key = json!({"account": "111122223333", "region": "us-east-1", "availability_zone": "use1-az1"});
    let verdict = if down {
        Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: "timed out".into() }
    } else {
        Verdict::Ok
    };
    let failure = down.then(|| json!({"stage": Stage::Connect, "error": "timed out"}));
    let path = json!({
        "status": if down { PathStatus::Down } else { PathStatus::Up },
        "since_ms": since, "last": verdict, "last_since_ms": since, "failure": failure,
    });
    let check = json!({
        "id": "connection/payments/443", "timeout_ms": 3000,
        "kind": {"type": "tcp", "host": "payments.internal", "port": 443},
        "target": {"endpoint": "payments.internal:443"},
    });
    let heartbeat = json!({
        "key": key, "last_started_at_ms": now_ms, "last_received_at_ms": now_ms, "run_id": "run",
    });
    let probe = json!({
        "key": key, "account_name": "shop-prod", "expected_since_ms": NOON_MS - 3_600_000,
        "checks": [check], "heartbeat": heartbeat, "paths": {"connection/payments/443": path},
        "route": {"slack_channel": "#network", "page": true},
    });
    serde_json::from_value(json!({"now_ms": now_ms, "probes": [probe], "open": open})).unwrap()
}

#[test]
fn two_alerters_at_the_same_moment_open_one_incident_and_page_once() {
    holds("alerter's turn", OURS);
    holds("alerter's turn, two outages", Rules { outages: 2, deaths: 0, ..OURS });
}

#[test]
fn alerters_that_ignore_the_revision_are_caught() {
    is_caught("no turn", Rules { revision: false, ..OURS }, ONE_INCIDENT);
    is_caught("no turn", Rules { revision: false, ..OURS }, ONE_PAGE);
}
