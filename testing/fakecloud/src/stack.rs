//! The way to a [`FakeCloud`], with what goes wrong on it.

use phonehome_cloud::Cause;
use phonehome_cloud::WallClock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phonehome_cloud::CloudError;
use phonehome_executor::Clock;
use phonehome_network::{Inventory, Kind};
use phonehome_planner::StackSpec;
use tokio::time::Instant;

use crate::call::as_error;
use crate::fault::{Fate, Fault};
use crate::throttle::{Throttle, code_of};
use crate::{FakeAccountRegion, FakeCloud, Refused};

/// A [`FakeCloud`] that several executors share. It is a clock, too: the cloud's own.
#[derive(Debug, Clone)]
pub struct SharedCloud {
    inner: Arc<Mutex<Inner>>,
    /// When the cloud's time began, if it follows tokio's.
    origin: Option<Instant>,
}

#[derive(Debug)]
struct Inner {
    cloud: FakeCloud,
    throttle: Option<Throttle>,
}

impl SharedCloud {
    /// Its time is moved by hand: [`FakeCloud::advance`].
    pub fn new(cloud: FakeCloud) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { cloud, throttle: None })), origin: None }
    }

    /// Its time is tokio's, which a test can stop; it goes on from where the cloud's is now.
    pub fn by_tokio_time(cloud: FakeCloud) -> Self {
        let now = Instant::now();
        let origin = now.checked_sub(Duration::from_millis(cloud.now_ms())).unwrap_or(now);
        Self { origin: Some(origin), ..Self::new(cloud) }
    }

    /// It refuses calls beyond AWS's published limits divided by this number.
    #[must_use]
    pub fn with_limits(self, divided_by: u64) -> Self {
        self.lock().throttle = Some(Throttle::new(divided_by));
        self
    }

    /// Works on the cloud itself.
    pub fn with<T>(&self, work: impl FnOnce(&mut FakeCloud) -> T) -> T {
        work(&mut self.lock().cloud)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked has failed already; the others go on.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(origin) = self.origin {
            inner.cloud.advance_to(u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX));
        }
        inner
    }
}

/// The cloud's milliseconds count from the Unix epoch.
impl WallClock for SharedCloud {
    fn now_ms(&self) -> u64 {
        self.lock().cloud.now_ms()
    }
}

impl Clock for SharedCloud {
    fn now_ms(&self) -> u64 {
        self.lock().cloud.now_ms()
    }
}

/// One API call of a handle, describe calls too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLog {
    /// `ec2:CreateVpc`
    pub operation: &'static str,
    /// The address; of a describe call, the kind.
    pub subject: String,
    /// When it was made, in the cloud's milliseconds.
    pub started_ms: u64,
    /// When it was answered, or lost.
    pub ended_ms: u64,
    /// The code it ended with, `None` when it succeeded.
    pub code: Option<String>,
}

#[derive(Debug, Default)]
struct StepCounts {
    calls: AtomicUsize,
    dead: AtomicBool,
    in_flight: AtomicUsize,
    in_flight_max: AtomicUsize,
    log: Mutex<Vec<CallLog>>,
}

/// One executor's way to one account and Region. Its copies are the same handle: they count the same
/// calls and die together. An executor that starts again opens a new one.
#[derive(Debug, Clone)]
pub struct FakeStack {
    cloud: SharedCloud,
    spec: Arc<StackSpec>,
    faults: Arc<Vec<Fault>>,
    latency: Duration,
    progress: Arc<StepCounts>,
}

impl FakeStack {
    /// A new handle: its first call is number 1.
    pub fn open(cloud: &SharedCloud, spec: StackSpec) -> Self {
        Self {
            cloud: cloud.clone(),
            spec: Arc::new(spec),
            faults: Arc::default(),
            latency: Duration::ZERO,
            progress: Arc::default(),
        }
    }

    /// The same, with what goes wrong.
    #[must_use]
    pub fn with_faults(self, faults: Vec<Fault>) -> Self {
        Self { faults: Arc::new(faults), ..self }
    }

    /// The same, with calls that take this long of tokio's time: half the way there, half back.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// How many calls were made.
    pub fn calls(&self) -> usize {
        self.progress.calls.load(Ordering::SeqCst)
    }

    /// Whether the executor that had this handle is dead.
    pub fn is_dead(&self) -> bool {
        self.progress.dead.load(Ordering::SeqCst)
    }

    /// The most calls that were under way at once.
    pub fn in_flight_max(&self) -> usize {
        self.progress.in_flight_max.load(Ordering::SeqCst)
    }

    /// Every call that has ended.
    pub fn log(&self) -> Vec<CallLog> {
        self.progress.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn spec(&self) -> &StackSpec {
        &self.spec
    }

    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        subject: &str,
        effect: impl FnOnce(&mut FakeAccountRegion<'_>) -> Result<T, Refused>,
    ) -> Result<T, CloudError> {
        if self.is_dead() {
            return Err(CloudError::of_cause(operation, subject, Cause::Connection(LOST.to_owned())));
        }
        let number = self.progress.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let fate = Fate::of(number, &self.faults);
        if fate.die_before {
            self.progress.dead.store(true, Ordering::SeqCst);
            return Err(CloudError::of_cause(operation, subject, Cause::Connection(LOST.to_owned())));
        }
        let started_ms = Clock::now_ms(&self.cloud);
        let in_flight = self.progress.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.progress.in_flight_max.fetch_max(in_flight, Ordering::SeqCst);
        self.travel().await;
        let answer = self.arrive(operation, &fate, effect);
        self.travel().await;
        self.progress.in_flight.fetch_sub(1, Ordering::SeqCst);
        if fate.die_after {
            self.progress.dead.store(true, Ordering::SeqCst);
        }
        let result = match answer {
            _ if self.is_dead() => {
                Err(CloudError::of_cause(operation, subject, Cause::Connection(LOST.to_owned())))
            }
            _ if fate.lose => Err(CloudError::of_cause(operation, subject, Cause::Timeout)),
            answer => answer.map_err(|refused| as_error(operation, subject, refused)),
        };
        self.progress.log.lock().unwrap_or_else(PoisonError::into_inner).push(CallLog {
            operation,
            subject: subject.to_owned(),
            started_ms,
            ended_ms: Clock::now_ms(&self.cloud),
            code: result.as_ref().err().and_then(|error| error.code()).map(str::to_owned),
        });
        result
    }

    async fn travel(&self) {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency / 2).await;
        }
    }

    /// What happens at AWS.
    fn arrive<T>(
        &self,
        operation: &'static str,
        fate: &Fate,
        effect: impl FnOnce(&mut FakeAccountRegion<'_>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let (account, region) = (&self.spec.account, &self.spec.region);
        let mut inner = self.cloud.lock();
        let Inner { cloud, throttle } = &mut *inner;
        let now_ms = cloud.now_ms();
        if throttle.as_mut().is_some_and(|throttle| !throttle.allows(account, region, operation, now_ms)) {
            return Err(Refused::new(code_of(operation), "Request limit exceeded."));
        }
        match &fate.refuse {
            Some(code) => Err(Refused::new(code, "refused by the script of this test")),
            None => effect(&mut cloud.stack(account, region)),
        }
    }

    /// One describe call.
    pub(crate) async fn describe(&self, kind: Kind) -> Result<Inventory, CloudError> {
        let observe = |stack: &mut FakeAccountRegion<'_>| Ok(stack.inventory(&[kind]));
        self.call(kind.operation(), kind.plural(), observe).await
    }
}

/// What a caller learns whose connection broke.
const LOST: &str = "whether the call took effect is not known";

/// Each answer is about one kind.
pub(crate) fn merge(seen: &mut Inventory, answer: Inventory) {
    seen.vpcs.extend(answer.vpcs);
    seen.subnets.extend(answer.subnets);
    seen.internet_gateways.extend(answer.internet_gateways);
    seen.elastic_ips.extend(answer.elastic_ips);
    seen.nat_gateways.extend(answer.nat_gateways);
    seen.route_tables.extend(answer.route_tables);
    seen.security_groups.extend(answer.security_groups);
    seen.network_acls.extend(answer.network_acls);
    seen.endpoints.extend(answer.endpoints);
    seen.flow_logs.extend(answer.flow_logs);
    seen.peerings.extend(answer.peerings);
    seen.network_interfaces.extend(answer.network_interfaces);
    seen.functions.extend(answer.functions);
    seen.schedules.extend(answer.schedules);
}
