//! Plans, and an account that answers from a script.

use phonehome_cloud::Cause;
use phonehome_executor::StepError;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use phonehome_cloud::CloudError;
use phonehome_executor::{Applied, Executor, Ids, NoFence, StackApi, StepOutcome};
use phonehome_network::{Address, Inventory};
use phonehome_planner::Disruption;
use phonehome_planner::{Action, Change, Plan, Ref, Step};

/// A step that calls `operation`; it needs the ids of what it comes after only by `needing`.
pub(crate) fn step(name: &str, operation: &str, after: &[&str]) -> Step {
    Step {
        address: address(name),
        change: Change::Create,
        disruption: Disruption::None,
        action: action(operation, Ref::Id("vpc-1".into())),
        reason: "missing".into(),
        after: after.iter().map(|name| address(name)).collect(),
        asks: vec![],
    }
}

/// A step that comes after `needed` and takes its id.
pub(crate) fn needing(name: &str, operation: &str, needed: &str) -> Step {
    Step { action: action(operation, Ref::Output(address(needed))), ..step(name, operation, &[needed]) }
}

pub(crate) fn plan(steps: impl IntoIterator<Item = Step>) -> Plan {
    Plan { steps: steps.into_iter().collect(), ..Plan::default() }
}

/// `count` steps that do not depend on each other.
pub(crate) fn row(count: usize, operation: &str) -> Vec<Step> {
    (0..count).map(|n| step(&format!("{operation}/{n:02}"), operation, &[])).collect()
}

pub(crate) fn address(name: &str) -> Address {
    Address::from(name)
}

/// An action with an id to need and a text to carry the operation.
fn action(operation: &str, vpc: Ref) -> Action {
    Action::CreateSecurityGroup { vpc, name: operation.to_owned(), description: String::new() }
}

/// What the account did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Started(String),
    Ended(String),
}

/// What a call is answered with: `Ok`, or an error code.
pub(crate) type ScriptedOutcome = Result<(), &'static str>;

/// Returns each call with the step's next line of the script, and with a new id after the last.
#[derive(Default)]
pub(crate) struct Script {
    answers: Mutex<BTreeMap<String, VecDeque<ScriptedOutcome>>>,
    takes: BTreeMap<String, Duration>,
    usually_takes: Duration,
    events: Mutex<Vec<Event>>,
    in_flight: Mutex<(usize, usize)>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn answers(self, name: &str, answers: &[ScriptedOutcome]) -> Self {
        self.answers.lock().unwrap().insert(name.to_owned(), answers.iter().copied().collect());
        self
    }

    /// How long a step's calls take; without this none takes any time.
    pub(crate) fn takes(mut self, name: &str, ms: u64) -> Self {
        self.takes.insert(name.to_owned(), Duration::from_millis(ms));
        self
    }

    pub(crate) fn all_take(mut self, ms: u64) -> Self {
        self.usually_takes = Duration::from_millis(ms);
        self
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// The steps that were called, in order; once for each attempt.
    pub(crate) fn calls(&self) -> Vec<String> {
        let started = |event| match event {
            Event::Started(name) => Some(name),
            Event::Ended(_) => None,
        };
        self.events().into_iter().filter_map(started).collect()
    }

    pub(crate) fn attempts(&self, name: &str) -> usize {
        self.calls().iter().filter(|called| *called == name).count()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.in_flight.lock().unwrap().1
    }
}

impl StackApi for Script {
    async fn observe(&self, _: &[phonehome_network::Kind]) -> Result<Inventory, CloudError> {
        Ok(Inventory::default())
    }

    async fn has_template(&self, _: u32) -> Result<bool, CloudError> {
        panic!("an executor does what its plan says")
    }

    async fn perform(
        &self,
        address: &Address,
        action: &Action,
        ids: &Ids,
    ) -> Result<Option<String>, StepError> {
        let name = address.to_string();
        self.events.lock().unwrap().push(Event::Started(name.clone()));
        {
            let mut in_flight = self.in_flight.lock().unwrap();
            in_flight.0 += 1;
            in_flight.1 = in_flight.1.max(in_flight.0);
        }
        tokio::time::sleep(*self.takes.get(&name).unwrap_or(&self.usually_takes)).await;
        self.in_flight.lock().unwrap().0 -= 1;
        self.events.lock().unwrap().push(Event::Ended(name.clone()));
        let Action::CreateSecurityGroup { vpc, .. } = action else { panic!("{action:?}") };
        let needed = ids.resolve(vpc)?;
        let answer = self.answers.lock().unwrap().get_mut(&name).and_then(VecDeque::pop_front);
        match answer.unwrap_or(Ok(())) {
            Ok(()) => Ok(Some(format!("{name} in {needed}"))),
            Err(code) => Err(error(self.operation(action), &name, code).into()),
        }
    }

    fn operation(&self, action: &Action) -> &'static str {
        const KNOWN: [&str; 7] = [
            "ec2:CreateSubnet",
            "ec2:CreateFlowLogs",
            "ec2:CreateNatGateway",
            "ec2:CreateRoute",
            "ec2:CreateVpc",
            "ec2:DeleteSubnet",
            "lambda:CreateFunction",
        ];
        let Action::CreateSecurityGroup { name, .. } = action else { panic!("{action:?}") };
        KNOWN.into_iter().find(|known| known == name).expect("one of the operations above")
    }
}

pub(crate) fn error(operation: &'static str, name: &str, code: &str) -> CloudError {
    match code {
        "timeout" => CloudError::of_cause(operation, name, Cause::Timeout),
        code => CloudError::service(operation, name, code, "no"),
    }
}

pub(crate) async fn apply(script: &Script, plan: &Plan) -> Applied {
    Executor::new().apply(script, plan, &NoFence).await
}

pub(crate) fn outcome<'a>(applied: &'a Applied, name: &str) -> &'a StepOutcome {
    let found = applied.outcomes.iter().find(|(address, _)| address.to_string() == name);
    &found.unwrap_or_else(|| panic!("no outcome for {name}")).1
}

/// The error that a step waits for.
pub(crate) fn waits_for<'a>(applied: &'a Applied, name: &str) -> &'a CloudError {
    match outcome(applied, name) {
        StepOutcome::Waiting(error) => error,
        other => panic!("{name} does not wait: {other:?}"),
    }
}

pub(crate) fn is_done(applied: &Applied, name: &str) -> bool {
    matches!(outcome(applied, name), StepOutcome::Done(_))
}
