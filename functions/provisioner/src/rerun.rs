//! That a probe runs some of its checks once more, because the alerter asks for it.

use phonehome_alerting::Rerun;
use phonehome_cloud::WallClock;
use phonehome_provision::Members;

use crate::Provisioner;

impl<T, Q, O, M: Members, C: WallClock> Provisioner<T, Q, O, M, C> {
    /// Has it run, at once or not at all. What is too late, denied by an older role, or goes wrong is neither tried again
    /// nor told: the schedule runs within the minute, and who does not answer is left alone by the alerter.
    pub(crate) async fn rerun(&self, rerun: &Rerun) {
        let (account, zone, part) = (rerun.account.as_str(), rerun.availability_zone.as_str(), rerun.part);
        if rerun.is_over(self.provision.clock.now_ms()) {
            tracing::info!(account, zone, part, "not run again: it was asked for too long ago");
            return;
        }
        match self.provision.members.rerun(rerun).await {
            Ok(true) => tracing::info!(account, zone, part, checks = rerun.checks.len(), "run again"),
            Ok(false) => tracing::info!(account, zone, part, "not run again: its schedule has no such check"),
            Err(error) => tracing::info!(account, zone, part, %error, "not run again"),
        }
    }
}
