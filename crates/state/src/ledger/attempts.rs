//! How often a change of the ledger is tried.

/// How often a change is tried again when another executor changes the ledger first. Each time one
/// of them gets through, so this many can claim at the same moment. The provisioner runs at most 250
/// at once (`ProvisionerConcurrency` in `infra/hub.yaml`; 20 is what docs/deployment.md recommends).
pub(super) const ATTEMPTS_MAX: u32 = 300;
