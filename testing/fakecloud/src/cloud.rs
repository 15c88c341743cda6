//! The whole cloud: accounts and Regions, and one time for all of them.

use std::collections::BTreeMap;

use crate::region::Region;
use crate::shared::{Options, Shared};

/// An AWS in memory: accounts, each with Regions, that are empty until something is made in them.
///
/// It is as strict as AWS: it refuses what AWS refuses, with AWS's codes. It has its own time, which
/// only [`FakeCloud::advance`] moves, and ids that only depend on what was called. A clone is another
/// cloud, the same until now.
#[derive(Debug, Clone, Default)]
pub struct FakeCloud {
    pub(crate) shared: Shared,
    pub(crate) regions: BTreeMap<(String, String), Region>,
    /// By account: which version of the member template it has, where that is not the newest.
    pub(crate) templates: BTreeMap<String, u32>,
}

impl FakeCloud {
    /// With AWS's quotas; everything is ready and visible at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// With other settings.
    pub fn with_options(options: Options) -> Self {
        Self { shared: Shared::with_options(options), ..Self::default() }
    }

    /// The settings, to be changed.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.shared.options
    }

    /// Milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        self.shared.now_ms
    }

    /// Lets time pass.
    pub fn advance(&mut self, ms: u64) {
        self.advance_to(self.shared.now_ms.saturating_add(ms));
    }

    /// Lets time pass until then; a moment that is over changes nothing.
    pub fn advance_to(&mut self, now_ms: u64) {
        self.shared.now_ms = self.shared.now_ms.max(now_ms);
    }

    /// An account's `infra/member-role.yaml` has this version from now on. Without this it has the newest.
    pub fn set_template(&mut self, account: &str, version: u32) {
        self.templates.insert(account.to_owned(), version);
    }

    /// The next `count` NAT gateways will fail after their time pending.
    pub fn fail_next_nat_gateways(&mut self, count: u32) {
        self.shared.failing_nats = count;
    }
}
