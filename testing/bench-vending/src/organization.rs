//! An Organizations in memory: its limits, its latencies, and what goes wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phonehome_bench_localisation::Random;
use phonehome_cloud::WallClock;
use phonehome_fleet::Line;
use phonehome_vending::{FailureReason, NewAccount, Outcome, OwnedAccount, Request, RequestId};
use phonehome_wire::AccountId;

use crate::bucket::Bucket;
use crate::clock::VirtualClock;

/// What goes wrong, in so many of a million calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// `CreateAccount` is not heard by AWS, or its answer is lost.
    pub lost_ppm: u32,
    /// `CreateAccount` is heard up to four minutes later, when whoever called has long given up.
    pub late_ppm: u32,
    /// A request ends in `INTERNAL_FAILURE`.
    pub internal_ppm: u32,
    /// Any call is refused, for others ask as well.
    pub throttled_ppm: u32,
    /// For how much longer than usual each account is in the making; milliseconds.
    pub slow_ms: u32,
    /// For how long lists may lack what is new; milliseconds.
    pub lag_ms: u32,
    /// Two accounts may have one e-mail address, as on emulators and never on AWS.
    pub shared_emails: bool,
    /// Until when, counted from the beginning, the organization is being set up; milliseconds.
    pub finalizing_ms: u64,
}

impl Faults {
    /// What goes wrong where much does.
    pub const STORM: Self = Self {
        lost_ppm: 50_000,
        late_ppm: 30_000,
        internal_ppm: 30_000,
        throttled_ppm: 20_000,
        slow_ms: 0,
        lag_ms: 60_000,
        shared_emails: false,
        finalizing_ms: 0,
    };
}

/// How long an account takes to be made, in milliseconds: 3 to 48 seconds, as CloudTrail's samples show.
pub(crate) const MAKING_MS: (u32, u32) = (3_000, 48_000);

/// How late a call is heard at most, in milliseconds: long after whoever called has looked for what came of it.
const LATE_MS: u32 = 240_000;

/// The most accounts that are made at a time.
const IN_PROGRESS_MAX: usize = 5;

#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) account: OwnedAccount,
    /// From when on lists have it.
    pub(crate) listed_at_ms: u64,
}

#[derive(Debug, Clone)]
struct Requested {
    request: Request,
    email: String,
    line: Line,
    ends_at_ms: u64,
    becomes: Outcome,
    listed_at_ms: u64,
}

/// What there is.
#[derive(Debug)]
pub(crate) struct State {
    faults: Faults,
    pub(crate) random: Random,
    began_at_ms: u64,
    requests: Vec<Requested>,
    asked: Vec<NewAccount>,
    /// What operations answer instead: an error's code, by the operation's name.
    pub(crate) refused: BTreeMap<String, &'static str>,
    pub(crate) accounts: Vec<Made>,
    /// Addresses of accounts that are not of this organization.
    foreign: Vec<String>,
    /// Calls that are heard later: when, and for what.
    on_their_way: Vec<(u64, NewAccount)>,
    pub(crate) buckets: BTreeMap<&'static str, Bucket>,
    /// How often each operation was called, and how often that was refused as too much.
    pub(crate) calls: BTreeMap<&'static str, (u64, u64)>,
    /// For how long accounts were in the making, all together; milliseconds.
    pub(crate) making_ms: u64,
}

/// An organization.
#[derive(Debug, Clone)]
pub struct FakeOrganizations {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) clock: VirtualClock,
}

impl FakeOrganizations {
    /// One without accounts, with chance from a seed.
    #[must_use]
    pub fn new(clock: VirtualClock, seed: u64, faults: Faults) -> Self {
        // Calls in 1,000 seconds, and at once. Those of the lists of requests and of tags are not published: what
        // similar calls have.
        let buckets = BTreeMap::from([
            ("CreateAccount", Bucket::new(100, 3)),
            ("DescribeCreateAccountStatus", Bucket::new(2_000, 2)),
            ("ListCreateAccountStatus", Bucket::new(2_000, 2)),
            ("DescribeAccount", Bucket::new(20_000, 30)),
            ("ListTagsForResource", Bucket::new(4_000, 6)),
            ("ListAccounts", Bucket::new(8_000, 12)),
        ]);
        let state = State {
            faults,
            random: Random::new(seed),
            began_at_ms: clock.now_ms(),
            requests: vec![],
            asked: vec![],
            refused: BTreeMap::new(),
            accounts: vec![],
            foreign: vec![],
            on_their_way: vec![],
            buckets,
            calls: BTreeMap::new(),
            making_ms: 0,
        };
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    /// Adds an account that phonehome did not make.
    pub fn add_account(&self, id: &str, email: &str, active: bool) -> Option<AccountId> {
        let id: AccountId = id.parse().ok()?;
        let account = OwnedAccount { id: id.clone(), email: email.to_owned(), active, made_for: None };
        self.now().accounts.push(Made { account, listed_at_ms: 0 });
        Some(id)
    }

    /// Says that an account elsewhere has this e-mail address.
    pub fn add_foreign(&self, email: &str) {
        self.now().foreign.push(email.to_owned());
    }

    /// All accounts that were made, with the line in their tag.
    #[must_use]
    pub fn accounts(&self) -> Vec<OwnedAccount> {
        self.now().accounts.iter().map(|made| made.account.clone()).collect()
    }

    /// The accounts that were asked for, in their order.
    #[must_use]
    pub fn asked(&self) -> Vec<NewAccount> {
        self.now().asked.clone()
    }

    /// From now on an operation answers with an error of this code; `None`: it works again.
    pub fn refuse(&self, operation: &str, code: Option<&'static str>) {
        let mut state = self.now();
        match code {
            Some(code) => drop(state.refused.insert(operation.to_owned(), code)),
            None => drop(state.refused.remove(operation)),
        }
    }

    /// Whether something may still come of what was asked.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let state = self.now();
        state.on_their_way.is_empty() && state.in_progress() == 0
    }

    /// How things are now.
    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(self.clock.now_ms());
        state
    }
}

impl State {
    /// Lets happen what was to happen until now.
    fn settle(&mut self, now_ms: u64) {
        let (heard, still): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.on_their_way).into_iter().partition(|(at_ms, _)| *at_ms <= now_ms);
        self.on_their_way = still;
        for (at_ms, account) in heard {
            self.end_requests(at_ms);
            // Nobody hears what is answered.
            let _ = self.request(&account, at_ms);
        }
        self.end_requests(now_ms);
    }

    fn end_requests(&mut self, now_ms: u64) {
        for at in 0..self.requests.len() {
            let it = &self.requests[at];
            if it.request.outcome != Outcome::InProgress || it.ends_at_ms > now_ms {
                continue;
            }
            if let Outcome::Succeeded(id) = &it.becomes {
                let (id, email, line) = (id.clone(), it.email.clone(), Some(it.line.clone()));
                let account = OwnedAccount { id, email, active: true, made_for: line };
                let listed_at_ms = it.ends_at_ms + u64::from(self.random.below(self.faults.lag_ms + 1));
                self.accounts.push(Made { account, listed_at_ms });
            }
            self.requests[at].request.outcome = self.requests[at].becomes.clone();
        }
    }

    fn in_progress(&self) -> usize {
        self.requests.iter().filter(|it| it.request.outcome == Outcome::InProgress).count()
    }

    /// Whether something happens that does in so many of a million cases.
    pub(crate) fn lost(&mut self) -> bool {
        self.random.happens(self.faults.lost_ppm)
    }

    /// Whether this call is heard later than its caller waits.
    pub(crate) fn delays(&mut self, account: &NewAccount, now_ms: u64) -> bool {
        let delays = self.random.happens(self.faults.late_ppm);
        if delays {
            self.on_their_way.push((now_ms + u64::from(self.random.below(LATE_MS)), account.clone()));
        }
        delays
    }

    /// Whether others ask so much that this call is refused.
    pub(crate) fn is_busy(&mut self) -> bool {
        self.random.happens(self.faults.throttled_ppm)
    }

    /// The code of why no account is made of this, and the reason in it; else the request.
    pub(crate) fn request(
        &mut self,
        account: &NewAccount,
        now_ms: u64,
    ) -> Result<Request, (&'static str, Option<&'static str>)> {
        if now_ms < self.began_at_ms + self.faults.finalizing_ms {
            return Err(("FinalizingOrganizationException", None));
        }
        if self.in_progress() >= IN_PROGRESS_MAX {
            let reason = "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED";
            return Err(("ConstraintViolationException", Some(reason)));
        }
        self.asked.push(account.clone());
        let number = self.requests.len();
        let becomes = self.becomes(account, number);
        let (least, most) = MAKING_MS;
        let takes_ms = match becomes {
            Outcome::Succeeded(_) => {
                u64::from(least + self.faults.slow_ms + self.random.below(most - least + 1))
            }
            _ => 2_000,
        };
        self.making_ms += takes_ms;
        let request = Request {
            id: RequestId::new(format!("car-{number:08}")),
            account_name: account.account_name.clone(),
            requested_at_ms: now_ms,
            outcome: Outcome::InProgress,
        };
        let (email, line) = (account.email.clone(), account.line.clone());
        let listed_at_ms = now_ms + u64::from(self.random.below(self.faults.lag_ms + 1));
        let ends_at_ms = now_ms + takes_ms;
        self.requests.push(Requested {
            request: request.clone(),
            email,
            line,
            ends_at_ms,
            becomes,
            listed_at_ms,
        });
        Ok(request)
    }

    fn becomes(&mut self, account: &NewAccount, number: usize) -> Outcome {
        let is_its = |email: &str| !self.faults.shared_emails && email.eq_ignore_ascii_case(&account.email);
        if self.accounts.iter().any(|it| is_its(&it.account.email))
            || self.foreign.iter().any(|it| is_its(it))
        {
            return Outcome::Failed(FailureReason::EmailAlreadyExists);
        }
        let is_asked = |it: &&Requested| {
            it.request.outcome == Outcome::InProgress && matches!(it.becomes, Outcome::Succeeded(_))
        };
        if self.requests.iter().filter(is_asked).any(|it| is_its(&it.email)) {
            return Outcome::Failed(FailureReason::ConcurrentAccountModification);
        }
        if self.random.happens(self.faults.internal_ppm) {
            return Outcome::Failed(FailureReason::InternalFailure);
        }
        let id = format!("{:012}", 100_000_000_000_u64 + number as u64).parse();
        id.map_or(Outcome::Failed(FailureReason::InternalFailure), Outcome::Succeeded)
    }

    pub(crate) fn one_request(&self, id: &RequestId) -> Option<Request> {
        self.requests.iter().find(|it| it.request.id == *id).map(|it| it.request.clone())
    }

    /// What a list has now: not what failed.
    pub(crate) fn listed_requests(&self, now_ms: u64) -> Vec<Request> {
        let listed = self.requests.iter().filter(|it| it.listed_at_ms <= now_ms).map(|it| it.request.clone());
        listed.filter(|it| !matches!(it.outcome, Outcome::Failed(_))).collect()
    }
}
