//! Looks, lets the vendor do what is to be done, binds what was made, and tells it; again and again for most of a minute.

use std::sync::Mutex;
use std::time::Duration;

use phonehome_cloud::table::Table;
use phonehome_cloud::{Organization, Queue, SystemClock, WallClock};
use phonehome_runtime::Error;
use phonehome_state::{LastRead, bindings};
use phonehome_vending::{Lines, Vendor};

use crate::lazily::{Lazily, OpenVending};
use crate::look::Look;
use crate::properties::Remembered;
use crate::waiting::{Names, Waiting};

/// For how long an invocation works, in milliseconds: less than the minute until the next one, and than the time limit
/// in infra/hub.yaml by more than a call that hangs takes.
pub(crate) const WORK_MS: u64 = 45_000;
/// How soon is looked again while an account is to become ready, in milliseconds.
const READY_MS: u64 = 1_000;
/// For how long a role that may not be assumed may be one that was just made, in milliseconds: IAM names no bound, and
/// says that changes take seconds to arrive.
const FRESH_ROLE_MS: u64 = 15_000;
/// How soon it is tried again, in milliseconds.
const SHUT_MS: u64 = 2_000;
/// The least between two looks, in milliseconds.
const BETWEEN_MS: u64 = 500;

/// What makes accounts.
#[derive(Debug)]
pub struct Vending<T, Q, O, W, C = SystemClock> {
    pub(crate) table: T,
    pub(crate) queue: Q,
    pub(crate) organization: O,
    pub(crate) way: W,
    pub(crate) clock: C,
    /// How long a probe may be silent, in seconds; 0: what the fleet file says.
    pub(crate) overdue_after_s: u32,
    work_ms: u64,
    last_read: LastRead,
    pub(crate) remembered: Mutex<Remembered>,
}

/// Who makes accounts by a version, and the number of that.
type OfVersion<'w, T, W, C> = (u64, Vendor<Lazily<'w, W>, T, &'w C>);

/// What one invocation remembers from one look to the next.
pub(crate) struct Working<'w, T, W: OpenVending, C> {
    vendor: Option<OfVersion<'w, T, W, C>>,
    way: Option<Lazily<'w, W>>,
    /// Since when the role may not be assumed; milliseconds since the Unix epoch.
    shut_since_ms: Option<u64>,
    names: Names,
}

impl<T, W: OpenVending, C> Default for Working<'_, T, W, C> {
    fn default() -> Self {
        Self { vendor: None, way: None, shut_since_ms: None, names: Names::default() }
    }
}

impl<T: Table + Clone, Q: Queue, O: Organization, W: OpenVending, C: WallClock> Vending<T, Q, O, W, C> {
    /// One that keeps its state in `table`, has accounts looked at by `queue`, and asks Organizations by `way`.
    pub fn new(table: T, queue: Q, organization: O, way: W, clock: C) -> Self {
        let (last_read, remembered) = (LastRead::default(), Mutex::default());
        let work_ms = WORK_MS;
        Self { table, queue, organization, way, clock, overdue_after_s: 0, work_ms, last_read, remembered }
    }

    /// The same where it is invoked every so many seconds, 60 at most, of which it works for as large a part; and where a
    /// probe may be silent for so many seconds, 0 for what the fleet file says.
    #[must_use]
    pub fn at_the_pace(self, (interval_s, overdue_after_s): (u32, u32)) -> Self {
        Self { work_ms: WORK_MS * u64::from(interval_s.min(60)) / 60, overdue_after_s, ..self }
    }

    /// Handles one invocation. What woke it does not matter. Two at once are safe.
    ///
    /// # Errors
    /// When the table cannot be asked or written, or the version in force or the roll-out cannot be read. What was begun
    /// is stored, and the next invocation goes on.
    pub async fn handle(&self) -> Result<(), Error> {
        let until_ms = self.clock.now_ms() + self.work_ms;
        let mut working = Working::default();
        while let Some(next_ms) = self.turn(&mut working).await? {
            let now_ms = self.clock.now_ms();
            let next_ms = next_ms.max(now_ms + BETWEEN_MS);
            if next_ms >= until_ms {
                break;
            }
            tokio::time::sleep(Duration::from_millis(next_ms - now_ms)).await;
        }
        Ok(())
    }

    /// Looks and does what is to be done now. Returns when there is something to do next, if nothing happens meanwhile;
    /// milliseconds since the Unix epoch.
    pub(crate) async fn turn<'w>(&'w self, working: &mut Working<'w, T, W, C>) -> Result<Option<u64>, Error> {
        let look = Look::at(&self.table, &self.last_read).await?;
        if look.is_quiet() {
            return self.keep_quietly(&look).await;
        }
        let bindings = bindings(&self.table).await?;
        let lines = Lines::of(look.fleet(), &bindings);
        let Waiting { wanted, findings, is_whole } =
            self.waiting(&look, &bindings, &mut working.names).await?;
        if !wanted.is_empty() && self.may_open_soon(working).await {
            return Ok(Some(self.clock.now_ms() + SHUT_MS));
        }
        let mut round = self.vendor(&look, working).round(&wanted, &lines).await?;
        for trouble in &round.troubles {
            tracing::warn!(%trouble, "Organizations did not answer: it is tried again");
        }
        round.findings.extend(findings);
        // In its unit and with its tags before its network is begun: other policies may apply there.
        let kept_ms = self.keep(&look, &bindings, &round.orders).await?;
        let bound = self.settle(&look, &bindings, &round.orders).await?;
        let is_building = self.tell(&look, &round, &bound, is_whole).await?;
        let again_ms = is_building.then(|| self.clock.now_ms() + READY_MS);
        Ok([round.again_at_ms, again_ms, kept_ms].into_iter().flatten().min())
    }

    /// Whether the role cannot be assumed and may be in a moment: a denial holds all lines for a while, and IAM takes
    /// seconds until a role that was just made is known everywhere.
    async fn may_open_soon<'w>(&'w self, working: &mut Working<'w, T, W, C>) -> bool {
        let way = working.way.get_or_insert_with(|| Lazily::by(&self.way));
        let Err(error) = way.open().await else { return false };
        let now_ms = self.clock.now_ms();
        let since_ms = *working.shut_since_ms.get_or_insert(now_ms);
        tracing::warn!(%error, "the role that makes accounts cannot be assumed");
        now_ms < since_ms + FRESH_ROLE_MS
    }

    /// The vendor of this invocation; another one where another version is in force.
    fn vendor<'m, 'w>(
        &'w self,
        look: &Look,
        working: &'m mut Working<'w, T, W, C>,
    ) -> &'m mut Vendor<Lazily<'w, W>, T, &'w C> {
        let number = look.in_force.number;
        if working.vendor.as_ref().is_none_or(|(of, _)| *of != number) {
            let role = look.fleet().vending.as_ref().and_then(|it| it.role_name.clone());
            let way = working.way.get_or_insert_with(|| Lazily::by(&self.way)).clone();
            let vendor = Vendor::new(way, self.table.clone(), &self.clock);
            let members = look.fleet().members().into_iter();
            let tags = members.map(|it| (it.line(), look.fleet().properties_of(&it).tags)).collect();
            working.vendor = Some((number, vendor.with(role, tags).for_factory(look.factory())));
        }
        let (_, vendor) = working.vendor.as_mut().expect("it was just made");
        vendor
    }
}
