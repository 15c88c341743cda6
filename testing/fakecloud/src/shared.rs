//! What all accounts share: settings, time, ids.

use std::collections::BTreeMap;

use crate::stale::Staleness;

/// How the fake behaves where AWS leaves room, and its quotas.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a new NAT gateway is pending, in milliseconds. AWS: 84 to 124 s.
    pub nat_pending_ms: u64,
    /// How long a NAT gateway is being deleted, in milliseconds. AWS: about a minute.
    pub nat_deleting_ms: u64,
    /// How many observations find a new or changed function pending.
    pub function_pending_observations: u32,
    /// How late writes become visible to observations.
    pub staleness: Staleness,
    /// VPCs in a Region. AWS's default is 5. It is the quota of internet gateways, too.
    pub vpcs_max: usize,
    /// Elastic IPs in a Region. AWS's default is 5.
    pub elastic_ips_max: usize,
    /// Zonal NAT gateways in one Availability Zone. AWS's default is 5.
    pub nat_gateways_per_zone_max: usize,
}

impl Default for Options {
    /// AWS's quotas; everything is ready and visible at once.
    fn default() -> Self {
        Self {
            nat_pending_ms: 0,
            nat_deleting_ms: 0,
            function_pending_observations: 0,
            staleness: Staleness::None,
            vpcs_max: 5,
            elastic_ips_max: 5,
            nat_gateways_per_zone_max: 5,
        }
    }
}

/// What all accounts share: time, ids, settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) now_ms: u64,
    /// How many of the NAT gateways made next will fail.
    pub(crate) failing_nats: u32,
    minted: BTreeMap<&'static str, u64>,
}

impl Shared {
    pub(crate) fn with_options(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// The next id with this prefix, `vpc-00000000000000001`: 17 digits, as AWS's have.
    pub(crate) fn mint(&mut self, prefix: &'static str) -> String {
        format!("{prefix}-{:017x}", self.count(prefix))
    }

    /// The next public address: of the range for benchmarks (RFC 2544), so never anybody's.
    pub(crate) fn public_ip(&mut self) -> String {
        let number = self.count("public-ip");
        format!("198.{}.{}.{}", 18 + (number >> 16) % 2, (number >> 8) % 256, number % 256)
    }

    fn count(&mut self, of: &'static str) -> u64 {
        let count = self.minted.entry(of).or_default();
        *count += 1;
        *count
    }
}
