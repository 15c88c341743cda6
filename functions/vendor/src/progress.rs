//! How far the network of a new account is.

use phonehome_cloud::table::{Table, TableError};
use phonehome_cloud::{Organization, Queue, WallClock};
use phonehome_fleet::{Fleet, Member};
use phonehome_state::{Keys, Phase, StackStatus, Unread};
use phonehome_watching::proof;
use phonehome_wire::{AccountId, StackId};

use crate::handler::Vending;
use crate::lazily::OpenVending;

/// After how long a network that is not proven is told of, in milliseconds. AWS takes minutes for a NAT gateway, and the
/// StackSet for its roles.
const STUCK_MS: u64 = 30 * 60_000;

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// On its way.
    Building,
    /// For a long time: for people, what of it is not ready, or not proven.
    Stuck(Vec<String>),
    /// As declared in every Region, and every path of every probe is green.
    Ready(Vec<StackStatus>),
}

impl<T: Table + Clone, Q: Queue, O: Organization, W: OpenVending, C: WallClock> Vending<T, Q, O, W, C> {
    /// How far the account is that was made at this time for a member and is bound to it.
    pub(crate) async fn progress(
        &self,
        fleet: &Fleet,
        member: &Member,
        account: &AccountId,
        made_at_ms: u64,
    ) -> Result<Progress, TableError> {
        let (mut stacks, mut open) = (vec![], vec![]);
        let regions = fleet.regions.iter().map(|it| &it.name);
        for region in regions.filter(|region| fleet.pool_for(&member.environment, region).is_some()) {
            let doc = self.table.get(&Keys::stack(&StackId::new(account, region))).await?;
            match doc.and_then(|doc| Unread::or::<StackStatus>(doc).ok()) {
                Some((_, status)) if status.phase == Phase::Ready => stacks.push(status),
                Some((_, status)) => open.push(format!("{region}: {}", status.message)),
                None => open.push(format!("{region}: nobody has begun with it")),
            }
        }
        let now_ms = self.clock.now_ms();
        if open.is_empty() {
            let overdue_ms = u64::from(self.overdue_s(fleet)) * 1000;
            let proof = proof(&self.table, &stacks, (overdue_ms, now_ms)).await?;
            if proof.is_whole() {
                return Ok(Progress::Ready(stacks));
            }
            open.extend(proof.open.iter().map(|path| format!("not proven: {path}")));
        }
        Ok(if now_ms >= made_at_ms + STUCK_MS { Progress::Stuck(open) } else { Progress::Building })
    }

    fn overdue_s(&self, fleet: &Fleet) -> u32 {
        match self.overdue_after_s {
            0 => fleet.probing.overdue_after_seconds,
            seconds => seconds,
        }
    }
}
