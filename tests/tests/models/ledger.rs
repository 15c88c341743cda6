//! The ledger: accounts that claim and give back blocks at the same moment.
//!
//! Nothing is copied here: the code's own [`claim`] and [`release`] run on a table in memory, which lets one
//! call through at a time. The model chooses whose. It may also lose the answer of a call, or kill the
//! caller; a caller that failed begins anew. A state is known by what is in the table and by what each caller
//! has read so far, since that decides everything it will do; to go on from it, its steps are done again.

use phonehome_cloud::Cause;
use phonehome_wire::StackId;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use ipnet::Ipv4Net;
use phonehome_cloud::CloudError;
use phonehome_cloud::table::{Doc, Key, MemoryTable, Table, TableError, Write};
use phonehome_fleet::AddressPool;
use phonehome_state::{Claim, ClaimState, Keys, LedgerError, claim, release_block};
use stateright::{Model, Property};

use super::{holds, is_caught};

const REGION: &str = "us-east-1";
const NOON_MS: u64 = 1_793_880_000_000;

/// Who is there, and whether the ledger's revision guards them.
#[derive(Debug, Clone)]
struct Ledger {
    callers: Vec<Wants>,
    guarded: bool,
    faults_max: usize,
}

/// What a caller wants. It is the account of its number.
#[derive(Debug, Clone, Copy)]
enum Wants {
    /// A /22 or a /23 of one range.
    Block(u8),
    /// To give back what it has had from the beginning: the first /22.
    ToLeave,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The caller's next call to the table, and its answer.
    Calls(usize),
    /// The same, but the answer is lost.
    CallsInVain(usize),
    Dies(usize),
}

/// Known by its `key`.
#[derive(Debug, Clone)]
struct State {
    steps: Vec<Step>,
    key: String,
    blocks: Vec<Claim>,
    finished: usize,
    /// A claim was not the lowest block that was free.
    too_high: bool,
    overlapping: bool,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.key.hash(hasher);
    }
}

/// One caller's view of the table: each of its calls waits until the caller is polled once more.
struct Gate {
    table: MemoryTable,
    guarded: bool,
    loses_answer: AtomicBool,
    /// What it was answered.
    answers: Mutex<String>,
}

impl Gate {
    async fn call<R: Debug + Send>(
        &self,
        call: impl Future<Output = Result<R, TableError>> + Send,
    ) -> Result<R, TableError> {
        let mut waited = false;
        poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
        let mut answer = call.await;
        if self.loses_answer.swap(false, Ordering::Relaxed) {
            let lost = CloudError::of_cause("dynamodb:Query", "the table", Cause::Timeout);
            answer = Err(lost.into());
        }
        self.answers.lock().unwrap().push_str(&format!("{answer:?};"));
        answer
    }
}

impl Table for Gate {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.call(self.table.get(key)).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.call(self.table.query(partition)).await
    }

    async fn write(&self, mut writes: Vec<Write>) -> Result<(), TableError> {
        if !self.guarded {
            writes.retain(|write| write.key != Keys::ledger_revision());
        }
        self.call(self.table.write(writes)).await
    }
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<Option<Claim>, LedgerError>> + 'a>>;

/// Polls a future whose calls are all in memory.
fn poll<R>(future: &mut Pin<Box<dyn Future<Output = R> + '_>>) -> Poll<R> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn at_once<R>(future: impl Future<Output = R>) -> R {
    match poll::<R>(&mut (Box::pin(future) as _)) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a table in memory waits for nobody"),
    }
}

fn stack(number: usize) -> StackId {
    format!("{:012}/{REGION}", number + 1).parse().unwrap()
}

fn pool(block: u8) -> AddressPool {
    let cidr = "10.0.0.0/20".parse().unwrap();
    AddressPool { name: format!("of-{block}"), region: REGION.parse().unwrap(), cidr, block }
}

impl Wants {
    fn call<'a>(self, gate: &'a Gate, number: usize) -> Call<'a> {
        let stack = stack(number);
        match self {
            Self::Block(block) => {
                Box::pin(async move { claim(gate, &[&pool(block)], &[], &stack, NOON_MS).await.map(Some) })
            }
            Self::ToLeave => Box::pin(async move { release_block(gate, &stack, 30, NOON_MS).await }),
        }
    }
}

impl Ledger {
    /// Does the steps one after the other, from an empty ledger.
    fn after(&self, steps: Vec<Step>) -> State {
        let table = self.beginning();
        let gate = |_: &Wants| Gate {
            table: table.clone(),
            guarded: self.guarded,
            loses_answer: AtomicBool::new(false),
            answers: Mutex::default(),
        };
        let gates: Vec<Gate> = self.callers.iter().map(gate).collect();
        let begin = |who: usize| {
            let mut call = self.callers[who].call(&gates[who], who);
            gates[who].answers.lock().unwrap().clear();
            // It comes as far as its first call to the table, and waits there.
            assert!(poll(&mut call).is_pending());
            Some(call)
        };
        let mut calls: Vec<Option<Call<'_>>> = (0..gates.len()).map(begin).collect();
        let mut blocks = blocks(&table);
        let (mut too_high, mut overlapping) = (false, false);
        for step in &steps {
            let (Step::Calls(who) | Step::CallsInVain(who) | Step::Dies(who)) = *step;
            gates[who].loses_answer.store(matches!(step, Step::CallsInVain(_)), Ordering::Relaxed);
            match calls[who]
                .as_mut()
                .map(|call| if matches!(step, Step::Dies(_)) { None } else { Some(poll(call)) })
            {
                Some(Some(Poll::Ready(Ok(_)))) => calls[who] = None,
                Some(Some(Poll::Ready(Err(_))) | None) => calls[who] = begin(who),
                Some(Some(Poll::Pending)) | None => {}
            }
            let now = self::blocks(&table);
            let new = now.iter().filter(|claim| claim.is_held() && !blocks.contains(claim));
            for claim in new {
                too_high |= lowest_free(claim, &blocks) != Some(claim.cidr);
                overlapping |= blocks.iter().any(|other| overlap(other.cidr, claim.cidr));
            }
            blocks = now;
        }
        let finished = calls.iter().filter(|call| call.is_none()).count();
        let faults = self.faults(&steps);
        let answers: Vec<String> = gates
            .iter()
            .zip(&calls)
            .map(
                |(gate, call)| {
                    if call.is_none() { "done".into() } else { gate.answers.lock().unwrap().clone() }
                },
            )
            .collect();
        let key = format!("{table:?} {answers:?} {faults}");
        drop(calls);
        State { steps, key, blocks, finished, too_high, overlapping }
    }

    fn beginning(&self) -> MemoryTable {
        let table = MemoryTable::default();
        for (number, _) in self.callers.iter().enumerate().filter(|(_, it)| matches!(it, Wants::ToLeave)) {
            let claimed = async { claim(&table, &[&pool(22)], &[], &stack(number), NOON_MS - 1).await };
            assert!(at_once(claimed).is_ok());
        }
        table
    }

    fn faults(&self, steps: &[Step]) -> usize {
        steps.iter().filter(|step| !matches!(step, Step::Calls(_))).count()
    }
}

/// The blocks that are held or in quarantine.
fn blocks(table: &MemoryTable) -> Vec<Claim> {
    let docs = at_once(table.query(Keys::LEDGER)).unwrap();
    let claims = docs.iter().map(|doc| doc.read::<Claim>().unwrap());
    claims.filter(|claim| claim.is_in_force(NOON_MS)).collect()
}

fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// By trying all: the lowest block of this one's size that nobody has.
fn lowest_free(claim: &Claim, taken: &[Claim]) -> Option<Ipv4Net> {
    let all = pool(claim.cidr.prefix_len()).cidr.subnets(claim.cidr.prefix_len()).unwrap();
    all.into_iter().find(|block| taken.iter().all(|other| !overlap(other.cidr, *block)))
}

impl Model for Ledger {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.after(vec![])]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let trouble = self.faults(&state.steps) < self.faults_max;
        for who in 0..self.callers.len() {
            steps.push(Step::Calls(who));
            if trouble {
                steps.extend([Step::CallsInVain(who), Step::Dies(who)]);
            }
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let next = self.after(state.steps.iter().copied().chain([step]).collect());
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_OVERLAP, |_, state: &State| !state.overlapping),
            Property::always("each gets the lowest block that is free", |_, state: &State| !state.too_high),
            Property::always("each account holds one block at most", |_, state: &State| {
                let held = |number| {
                    let own = |claim: &&Claim| claim.is_held() && claim.stack() == stack(number);
                    state.blocks.iter().filter(own).count()
                };
                (0..9).all(|number| held(number) <= 1)
            }),
            Property::sometimes("all get what they want", |ledger: &Self, state: &State| {
                state.finished == ledger.callers.len()
            }),
            Property::sometimes("what was given back is in quarantine", |ledger: &Self, state: &State| {
                let leaves = ledger.callers.iter().any(|it| matches!(it, Wants::ToLeave));
                !leaves
                    || state.blocks.iter().any(|claim| matches!(claim.state, ClaimState::Quarantined { .. }))
            }),
        ]
    }
}

const NO_OVERLAP: &str = "no block overlaps another, nor one in quarantine";

fn of(callers: &[Wants], faults_max: usize) -> Ledger {
    Ledger { callers: callers.to_vec(), guarded: true, faults_max }
}

#[test]
fn accounts_that_claim_and_leave_at_the_same_moment_never_overlap() {
    holds("ledger, three at once", of(&[Wants::Block(22), Wants::Block(23), Wants::Block(23)], 0));
    holds("ledger, with trouble", of(&[Wants::Block(22), Wants::Block(23)], 1));
    holds("ledger, one leaves", of(&[Wants::ToLeave, Wants::Block(22)], 1));
}

#[test]
fn a_ledger_without_its_revision_is_caught() {
    let callers = [Wants::Block(22), Wants::Block(23)];
    is_caught("no turn", Ledger { guarded: false, ..of(&callers, 0) }, NO_OVERLAP);
}
