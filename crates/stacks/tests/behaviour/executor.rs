//! Whoever carries a stack out, over the CloudFormation in memory: it may die, and its calls may come late.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use phonehome_cloud::table::NotKept;
use phonehome_cloud::{Cause, CloudError};
use phonehome_stacks::{
    Case, ChangeSet, DriftStatus, Expected, Keep, Kind, MARK, NewChangeSet, PackApi, PackRecord, PackStack,
    PackStatus, Permits, ResourceNote, Turn, Unplanned, Wanted, turn,
};
use serde_json::Value;

use crate::world::{LASTING, NAME, ROLE, Taken, World, compare};

pub(crate) fn wanted(template: &Value) -> Wanted {
    Wanted::of(NAME, template, ROLE, [LASTING.to_owned()].into()).unwrap()
}

pub(crate) fn record() -> PackRecord {
    PackRecord::new(&"111122223333/eu-west-1".parse().unwrap())
}

pub(crate) fn note(id: &str) -> ResourceNote {
    let (logical_id, resource_type) = (id.to_owned(), LASTING.to_owned());
    ResourceNote { logical_id, physical_id: None, resource_type, says: "it is not so".into() }
}

/// What goes wrong with one call that changes something, counted from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is never made.
    Before(usize),
    /// It is made, and nobody hears of it.
    After(usize),
}

/// The stored record, with its version.
#[derive(Debug, Clone)]
pub(crate) struct Stored(Arc<Mutex<(u64, PackRecord)>>);

impl Stored {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new((0, record()))))
    }

    pub(crate) fn read(&self) -> (u64, PackRecord) {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut PackRecord)) {
        change(&mut self.0.lock().unwrap().1);
    }

    fn write(&self, version: u64, record: &PackRecord) -> bool {
        let mut stored = self.0.lock().unwrap();
        if stored.0 != version {
            return false;
        }
        *stored = (version + 1, record.clone());
        true
    }
}

struct Keeping(Stored, u64);

impl Keep for Keeping {
    async fn keep(&mut self, record: &PackRecord) -> Result<(), NotKept> {
        pause().await;
        if !self.0.write(self.1, record) {
            return Err(NotKept::Taken);
        }
        self.1 += 1;
        Ok(())
    }
}

/// Lets somebody else go on.
async fn pause() {
    let mut is_first = true;
    poll_fn(move |_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

struct Api {
    world: Arc<Mutex<World>>,
    fault: Option<Fault>,
    changes: Mutex<usize>,
}

impl Api {
    async fn read<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&mut World) -> T + Send,
    ) -> Result<T, CloudError> {
        pause().await;
        let mut world = World::lock(&self.world);
        world.calls.push(name);
        Ok(read(&mut world))
    }

    async fn change(
        &self,
        name: &'static str,
        change: impl FnOnce(&mut World) -> Taken<()> + Send,
    ) -> Result<(), CloudError> {
        pause().await;
        let number = {
            let mut changes = self.changes.lock().unwrap();
            *changes += 1;
            *changes - 1
        };
        let lost = || CloudError::of_cause(name, NAME, Cause::Timeout);
        if self.fault == Some(Fault::Before(number)) {
            return Err(lost());
        }
        let mut world = World::lock(&self.world);
        world.calls.push(name);
        let answer = change(&mut world);
        if self.fault == Some(Fault::After(number)) {
            return Err(lost());
        }
        answer.map_err(|(code, said)| CloudError::service(name, NAME, code, said))
    }
}

impl PackApi for Api {
    async fn stack(&self) -> Result<Option<PackStack>, CloudError> {
        self.read("cloudformation:DescribeStacks", World::shown).await
    }
    async fn change_set(&self, name: &str) -> Result<Option<ChangeSet>, CloudError> {
        self.read("cloudformation:DescribeChangeSet", |world| world.set(name)).await
    }
    async fn template(&self) -> Result<Value, CloudError> {
        let read = |world: &mut World| world.there().map(|stack| stack.template.clone()).unwrap_or_default();
        self.read("cloudformation:GetTemplate", read).await
    }
    async fn remains(&self) -> Result<Vec<ResourceNote>, CloudError> {
        let read = |world: &mut World| world.there().map(|stack| stack.remains.clone()).unwrap_or_default();
        Ok(self.read("cloudformation:ListStackResources", read).await?.iter().map(|id| note(id)).collect())
    }
    async fn failures(&self) -> Result<Vec<ResourceNote>, CloudError> {
        self.read("cloudformation:DescribeStackEvents", |_| vec![note("Key")]).await
    }
    async fn drifts(&self) -> Result<Vec<ResourceNote>, CloudError> {
        self.read("cloudformation:DescribeStackResourceDrifts", |_| vec![note("Key")]).await
    }
    async fn create_change_set(&self, new: &NewChangeSet<'_>) -> Result<(), CloudError> {
        let template: Value = serde_json::from_str(&new.wanted.body).unwrap();
        let role = new.wanted.role_arn.clone();
        let made = self.change("cloudformation:CreateChangeSet", |world| {
            world.create_set(new.name, new.kind == Kind::Create, &template, &role)
        });
        match made.await {
            Err(error) if error.code() == Some("AlreadyExistsException") => Ok(()),
            made => made,
        }
    }
    async fn execute(&self, name: &str) -> Result<(), CloudError> {
        self.change("cloudformation:ExecuteChangeSet", |world| world.execute(name)).await
    }
    async fn delete(&self, id: &str) -> Result<(), CloudError> {
        self.change("cloudformation:DeleteStack", |world| world.delete(id)).await
    }
    async fn continue_rollback(&self, _: &Wanted, _: &str) -> Result<(), CloudError> {
        self.change("cloudformation:ContinueUpdateRollback", World::continue_rollback).await
    }
    async fn detect_drift(&self) -> Result<(), CloudError> {
        self.change("cloudformation:DetectStackDrift", |world| {
            let now_ms = world.now_ms;
            if let Some(stack) = world.there() {
                stack.drift = (stack.drift.0, Some(now_ms));
                if stack.drift.0 == DriftStatus::NotChecked {
                    stack.drift.0 = DriftStatus::InSync;
                }
            }
            Ok(())
        })
        .await
    }
}

/// A turn that is under way; `None`: somebody else works on the stack, or whoever took it died.
pub(crate) type Running = Pin<Box<dyn Future<Output = Option<Turn>>>>;

/// One turn: what comes of it is stored, unless a fault killed whoever took it.
pub(crate) fn begin(
    world: &Arc<Mutex<World>>,
    stored: &Stored,
    template: &Value,
    is_in_force: bool,
    fault: Option<Fault>,
) -> Running {
    let (world, stored, template) = (world.clone(), stored.clone(), template.clone());
    Box::pin(async move {
        let (version, record) = stored.read();
        let mut keep = Keeping(stored.clone(), version);
        let now_ms = World::lock(&world).now_ms;
        let api = Api { world, fault, changes: Mutex::new(0) };
        let is_unplanned = World::lock(&api.world).is_unplanned;
        let of_plan = |mut expected: Expected| {
            let unplanned = |id: &String| Unplanned { logical_id: id.clone(), what: "it is changed".into() };
            expected.unplanned = expected.changes.keys().filter(|_| is_unplanned).map(unplanned).collect();
            expected
        };
        let mut wanted = wanted(&template);
        wanted.creation = of_plan(wanted.creation);
        let case = Case {
            wanted: &wanted,
            permits: Permits { is_in_force, version: 7 },
            compare: &|deployed| {
                assert!(deployed["Outputs"][MARK].is_null(), "what is planned by knows no marks");
                of_plan(compare(deployed, &template))
            },
            now_ms,
        };
        let turn = turn(&case, &api, &mut keep, record).await.ok()?;
        let is_dead = fault.is_some() && *api.changes.lock().unwrap() > 0;
        pause().await;
        if is_dead || !stored.write(keep.1, &turn.record) {
            return None;
        }
        Some(turn)
    })
}

/// Goes on until the next pause; `Some`: it is over.
pub(crate) fn go_on(running: &mut Running) -> Option<Option<Turn>> {
    match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(turn) => Some(turn),
        Poll::Pending => None,
    }
}

/// A whole turn.
pub(crate) fn take(
    world: &Arc<Mutex<World>>,
    stored: &Stored,
    template: &Value,
    fault: Option<Fault>,
) -> Option<Turn> {
    let mut running = begin(world, stored, template, true, fault);
    loop {
        if let Some(turn) = go_on(&mut running) {
            return turn;
        }
    }
}

/// Turns a minute apart, `times` at most, until the stack is as declared.
pub(crate) fn converge(world: &Arc<Mutex<World>>, stored: &Stored, template: &Value, times: usize) -> bool {
    for _ in 0..times {
        let turn = take(world, stored, template, None);
        if turn.is_some_and(|turn| turn.outcome == phonehome_stacks::Outcome::AsDeclared) {
            return World::lock(world).there().is_some_and(|stack| {
                stack.status != PackStatus::ReviewInProgress
                    && compare(&stack.template, template).changes.is_empty()
            });
        }
        World::lock(world).pass(60_000);
    }
    false
}
