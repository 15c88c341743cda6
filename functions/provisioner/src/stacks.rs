//! The stacks of one account: its Regions side by side.

use futures_util::future::join_all;
use phonehome_cloud::table::Table;
use phonehome_cloud::{Account, Class, CloudError, Organization, Queue, WallClock};
use phonehome_fleet::{DefaultVpcs, Fleet, Member};
use phonehome_planner::{LimitRequest, Limits};
use phonehome_provision::{Job, Members, Published, Reconciled, StackProgress, usual_limits};
use phonehome_runtime::Refusal;
use phonehome_starter_pack::Pack;
use phonehome_state::{Desired, InForce, Version};
use phonehome_wire::Region;

use crate::event::Reconcile;
use crate::handler::{Provisioner, table_error};

/// For how long an account counts as new, so that its default VPCs may be taken away: longer than AWS
/// and the StackSet need, and short enough that nobody has come to rely on them.
const NEW_MS: u64 = 24 * 60 * 60_000;

/// How many Regions of an account are worked on at once. AWS counts the calls of each apart; this bounds the
/// function's memory.
pub(crate) const REGIONS_AT_ONCE: usize = 6;

/// What a request comes to, over the account's Regions.
#[derive(Default)]
pub(crate) struct Sum {
    pub(crate) waits: Vec<(String, Class)>,
    pub(crate) failures: Vec<String>,
    /// Where what is stored could not be read or written, and why: nothing is known of that.
    pub(crate) unread: Vec<String>,
    /// Whether any call was made that changed something.
    pub(crate) advanced: bool,
    /// What is left of the limits that were asked for.
    pub(crate) limits: Option<LimitRequest>,
    /// How many of the waits are only for another executor, which does what there is to do.
    busy: usize,
}

impl Sum {
    /// Nothing was done but asked too often.
    pub(crate) fn waiting(error: &CloudError) -> Self {
        Self { waits: vec![(error.to_string(), error.class())], ..Self::default() }
    }

    pub(crate) fn add_stack(&mut self, place: &str, reconciled: Result<Reconciled, Refusal>) {
        match reconciled {
            Ok(reconciled) => {
                self.advanced |= reconciled.applied.is_some_and(|applied| applied.done() > 0);
                self.busy += usize::from(reconciled.busy);
                self.add(place, reconciled.progress);
            }
            Err(refusal) => self.add_refusal(place, refusal),
        }
    }

    fn add(&mut self, place: &str, progress: StackProgress) {
        match progress {
            // Nothing is to be expected before the next sweep, which also tells of it.
            StackProgress::Converged | StackProgress::Outdated(_) => {}
            StackProgress::Later { reason, class } => self.waits.push((format!("{place}: {reason}"), class)),
            StackProgress::Failed(reason) => self.failures.push(format!("{place}: {reason}")),
        }
    }

    fn add_refusal(&mut self, place: &str, refusal: Refusal) {
        match refusal {
            Refusal::Bad(reason) => self.failures.push(format!("{place}: {reason}")),
            Refusal::Later(reason) => self.unread.push(format!("{place}: {reason}")),
        }
    }

    /// Whether all that there is to wait for is another executor.
    pub(crate) fn is_only_busy(&self) -> bool {
        self.busy == self.waits.len() && self.failures.is_empty() && self.unread.is_empty()
    }

    /// For people: what is not as declared.
    pub(crate) fn reasons(&self) -> String {
        let waits = self.waits.iter().map(|(reason, _)| reason);
        waits.chain(&self.unread).chain(&self.failures).map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

/// What of the fleet concerns one account.
struct Declared<'a> {
    fleet: &'a Fleet,
    authorities: Option<&'a str>,
    published: Option<Published<'a>>,
    member: &'a Member,
    account: &'a Account,
}

impl Declared<'_> {
    fn job<'a>(&'a self, region: &'a Region, limits: Option<Limits>) -> Job<'a> {
        let Self { fleet, authorities, published, member, account } = *self;
        Job { fleet, member, account: &account.id, region, authorities, limits, published }
    }
}

/// Whether an account's default VPCs may go: for a while after it was made; and where it was that new when the version in
/// force began to be rolled out, for as long after that came into force.
pub(crate) fn is_new(account: &Account, in_force: &InForce, now_ms: u64) -> bool {
    let Some(created_at_ms) = account.created_at_ms else { return false };
    let waited_until_ms = in_force.accepted.in_force_at_ms.map_or(0, |at_ms| at_ms.saturating_add(NEW_MS));
    let was_new = created_at_ms.saturating_add(NEW_MS) > in_force.published_at_ms;
    now_ms.saturating_sub(created_at_ms) < NEW_MS || (was_new && now_ms < waited_until_ms)
}

/// Whether a version takes the default VPCs of a line's new account away. Nothing makes one again.
fn takes_default_vpcs(fleet: &Fleet, member: &Member) -> bool {
    let members = fleet.members();
    let line = members.iter().find(|it| it.line() == member.line());
    let environment = line.and_then(|line| fleet.environment(&line.environment));
    environment.is_some_and(|environment| environment.default_vpcs == DefaultVpcs::Remove)
}

impl<T: Table, Q: Queue, O: Organization, M: Members, C: WallClock + Clone> Provisioner<T, Q, O, M, C> {
    /// Brings every stack of the account as far as it can be brought now, whatever becomes of the others.
    pub(crate) async fn stacks(
        &self,
        request: &Reconcile,
        desired: &Desired,
        member: &Member,
        account: &Account,
    ) -> Sum {
        let Version { number, fleet, accepted, authorities, probes } = desired.of(&account.id);
        let is_rolled_out = desired.rolling().is_some();
        let in_force = !desired.has_turned(&account.id);
        let is_routine = request.is_routine;
        let published = Some(Published { number, accepted, in_force, probes, is_routine, is_rolled_out });
        let declared = Declared { fleet, authorities, published, member, account };
        let has_pool = |region: &&Region| fleet.pool_for(&member.environment, region).is_some();
        let regions: Vec<&Region> = fleet.regions.iter().map(|it| &it.name).filter(has_pool).collect();
        let mut sum = Sum { limits: request.limits, ..Sum::default() };
        // What was allowed was allowed once: not for each Region, nor for each observation.
        let at_once = if sum.limits.is_some() { 1 } else { REGIONS_AT_ONCE };
        for regions in regions.chunks(at_once) {
            let asked = sum.limits;
            let limits = |region: &Region| asked.map(|asked| asked.over(usual_limits(member, region)));
            let reconciled =
                join_all(regions.iter().map(|region| self.stack(declared.job(region, limits(region)))));
            for (region, reconciled) in regions.iter().zip(reconciled.await) {
                let left = reconciled.as_ref().ok().map(|it| it.limits_left);
                if let (Some(asked), Some(had), Some(left)) = (sum.limits, limits(region), left) {
                    sum.limits = Some(asked.minus(had, left));
                }
                sum.add_stack(region, reconciled);
            }
        }
        self.packs(&declared, &regions, &mut sum).await;
        self.observability(&declared, &regions, &mut sum).await;
        self.settings(&declared, &regions, &mut sum).await;
        let is_new = is_new(account, desired.in_force(), self.provision.clock.now_ms());
        let may_go = in_force || takes_default_vpcs(&desired.in_force().fleet, member);
        if let (true, Some(region)) = (is_new && may_go, regions.first()) {
            match self.provision.remove_default_vpcs(&declared.job(region, None)).await {
                Ok(progress) => sum.add("default VPCs", progress),
                Err(error) => sum.add_refusal("default VPCs", table_error(error)),
            }
        }
        sum
    }

    /// The starter packs, after the networks, whatever became of those. Whatever becomes of a pack stops no network. The
    /// one of the home Region is there before the others, which name roles of it.
    async fn packs(&self, declared: &Declared<'_>, regions: &[&Region], sum: &mut Sum) {
        let is_home = |region: &Region| {
            Pack::of(declared.fleet, declared.member, region).is_some_and(|pack| pack.is_home())
        };
        let (home, others): (Vec<&Region>, Vec<&Region>) = regions.iter().partition(|region| is_home(region));
        for regions in [home, others] {
            let reconciled = regions.iter().map(|region| async {
                (*region, self.provision.reconcile_pack(&declared.job(region, None)).await)
            });
            for (region, reconciled) in join_all(reconciled).await {
                let place = format!("{region}, starter pack");
                match reconciled {
                    Ok(Some(pack)) => {
                        let is_there = pack.is_there;
                        sum.add(&place, pack.progress);
                        if !is_there && is_home(region) {
                            return;
                        }
                        self.keys(declared, region, sum).await;
                        if let Err(error) = self.provision.look_at_provider(&declared.job(region, None)).await
                        {
                            sum.add_refusal(&format!("{region}, identity provider"), table_error(error));
                        }
                    }
                    Ok(None) => {}
                    Err(error) => sum.add_refusal(&place, table_error(error)),
                }
            }
        }
    }

    /// The access keys of a pack's machine users, after what makes the users.
    async fn keys(&self, declared: &Declared<'_>, region: &Region, sum: &mut Sum) {
        let place = format!("{region}, machine users");
        match self.provision.rotate_keys(&declared.job(region, None)).await {
            Ok(found) => found.into_iter().for_each(|progress| sum.add(&place, progress)),
            Err(error) => sum.add_refusal(&place, table_error(error)),
        }
    }

    /// The account's set-up at an observability vendor, after the stack that its key is stored in: whatever becomes of it
    /// stops nothing.
    async fn observability(&self, declared: &Declared<'_>, regions: &[&Region], sum: &mut Sum) {
        for region in regions {
            match self.provision.observe(&declared.job(region, None)).await {
                Ok(found) => found.into_iter().for_each(|progress| sum.add(region, progress)),
                Err(error) => sum.add_refusal(&format!("{region}, observability"), table_error(error)),
            }
        }
    }

    /// The settings that scans ask for, last of all: whatever becomes of them stops nothing.
    async fn settings(&self, declared: &Declared<'_>, regions: &[&Region], sum: &mut Sum) {
        for region in regions {
            if let Err(error) = self.provision.reconcile_settings(&declared.job(region, None)).await {
                sum.add_refusal(&format!("{region}, account settings"), table_error(error));
            }
        }
    }

    async fn stack(&self, job: Job<'_>) -> Result<Reconciled, Refusal> {
        let reconciled = self.provision.reconcile(&job).await.map_err(table_error)?;
        self.notify(job.account, &reconciled);
        self.requeue_peers(&reconciled.requeue_peers).await?;
        Ok(reconciled)
    }
}
