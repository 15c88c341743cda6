//! A vendor, secrets and a table in memory, and who looks after an account's set-up.

mod calls;
mod state;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use phonehome_cloud::table::NotKept;
use phonehome_observability::{
    DataCenter, IngestKeyId, Problem, Setup, Turn, VendorAccountId, Wanted, WantedLink, turn,
};
use phonehome_wire::{AccountId, Region};

pub(crate) use calls::Actor;
pub(crate) use state::State;

pub(crate) const MINUTE_MS: u64 = 60_000;
/// How far a list may be behind, and how late a call may be heard.
pub(crate) const BEHIND_MS: u64 = 10 * MINUTE_MS;
pub(crate) const NAME: &str = "shop-prod";
pub(crate) const SECRET: &str = "phonehome/observability/new-relic";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/phonehome/phonehome-observability";

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Whoever calls dies before it.
    DiesBefore,
    /// It is done, and whoever called dies.
    DiesAfter,
    /// It is done, and the answer is lost or half.
    AnswerLost,
    /// It is not done, and nobody knows.
    NotHeard,
    /// It is done minutes later, and nobody knows.
    HeardLate,
    /// It is asked too often.
    Throttled,
    /// It is refused.
    Refused,
}

impl Fault {
    pub(crate) const ALL: [Self; 7] = [
        Self::DiesBefore,
        Self::DiesAfter,
        Self::AnswerLost,
        Self::NotHeard,
        Self::HeardLate,
        Self::Throttled,
        Self::Refused,
    ];
}

pub(crate) fn account() -> AccountId {
    "111122223333".parse().unwrap()
}

pub(crate) fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// Both Regions' secrets, and the role.
pub(crate) fn wanted() -> Wanted {
    Wanted {
        name: NAME.to_owned(),
        data_center: DataCenter::Eu,
        chosen: None,
        secrets: ["eu-west-1", "us-east-1"].map(|it| (region(it), SECRET.to_owned())).into(),
        link: Some(WantedLink { role_arn: ROLE.to_owned(), is_streamed: true }),
    }
}

pub(crate) struct World {
    state: Mutex<State>,
    pub(crate) wanted: Wanted,
}

impl World {
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self { state: Mutex::new(State::new(&wanted)), wanted }
    }

    pub(crate) fn with_faults(faults: &[(usize, Fault)]) -> Self {
        let world = Self::new(wanted());
        world.state().faults = faults.iter().copied().collect();
        world
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Minutes pass; the set-up is looked at where it is due.
    pub(crate) fn pass(&self, minutes: u64) {
        self.state().pass(minutes * MINUTE_MS);
        if self.is_due() {
            let mut one = self.begin();
            while !one.goes_on(self) {}
        }
    }

    pub(crate) fn hours(&self, hours: u64) {
        for _ in 0..hours * 12 {
            self.pass(5);
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        let state = self.state();
        state.stored.is_due(&self.wanted, state.now_ms)
    }

    /// Somebody begins to work on what is stored now.
    pub(crate) fn begin(&self) -> Run<'_> {
        let (setup, version, now_ms) = {
            let state = self.state();
            (state.stored.clone(), state.version, state.now_ms)
        };
        let future = async move {
            let (calls, mut keep) = (Actor::new(self, version), Actor::new(self, version));
            let turned = turn((&calls, &calls), &mut keep, (&account(), &self.wanted), setup, now_ms).await;
            (turned, keep.version)
        };
        Run { future: Box::pin(future) }
    }

    pub(crate) fn stored(&self) -> Setup {
        self.state().stored.clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.state().calls
    }

    /// What people were told, each once for as long as it lasted.
    pub(crate) fn told(&self) -> Vec<Problem> {
        self.state().told.clone()
    }

    /// The accounts of this name that take data.
    pub(crate) fn accounts(&self) -> Vec<VendorAccountId> {
        let state = self.state();
        state
            .accounts
            .iter()
            .filter(|it| it.it.name == NAME && !it.it.is_canceled)
            .map(|it| it.it.id)
            .collect()
    }

    pub(crate) fn keys(&self) -> Vec<IngestKeyId> {
        self.state().keys.iter().map(|key| key.it.id.clone()).collect()
    }

    pub(crate) fn links(&self) -> usize {
        self.state().links.len()
    }

    /// The keys that the secrets hand out, by Region.
    pub(crate) fn handed_out(&self) -> BTreeMap<Region, IngestKeyId> {
        self.state().handed_out()
    }
}

/// What a turn came to, with the version of the record that its executor knows.
type Turned = (Result<Turn, NotKept>, u64);

/// Somebody at work.
pub(crate) struct Run<'a> {
    future: Pin<Box<dyn Future<Output = Turned> + 'a>>,
}

impl Run<'_> {
    /// Until the next call; whether it is over. Whoever died is over.
    pub(crate) fn goes_on(&mut self, world: &World) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        match self.future.as_mut().poll(&mut context) {
            Poll::Pending => std::mem::take(&mut world.state().has_died),
            Poll::Ready((Ok(turned), version)) => {
                world.state().end(turned, version);
                true
            }
            Poll::Ready((Err(_), _)) => true,
        }
    }
}
