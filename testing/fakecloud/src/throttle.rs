//! AWS's own side of its limits: token buckets for each account and Region.
//!
//! Written apart from the executor's buckets on purpose: were both the same code, a mistake in it
//! would not show.

use std::collections::BTreeMap;

use phonehome_executor::Limit;

/// However small the fraction, so many calls at once are allowed: an observation takes one of Lambda's, and
/// with a single one no call that changes something would ever follow an observation.
const BURST_MIN: u64 = 3;

/// Refuses calls beyond AWS's published limits, or a fraction of them.
#[derive(Debug, Clone)]
pub(crate) struct Throttle {
    divide_by: u64,
    /// When each bucket will be full again, in millionths of a token's worth of milliseconds.
    full_at: BTreeMap<(String, String, &'static str), u64>,
}

impl Throttle {
    pub(crate) fn new(divide_by: u64) -> Self {
        Self { divide_by: divide_by.max(1), full_at: BTreeMap::new() }
    }

    /// Whether a call may be made now. A bucket is as empty as it takes time to fill: each call puts
    /// that moment off by one token's time, and more than the whole bucket's time is refused.
    pub(crate) fn allows(
        &mut self,
        account: &str,
        region: &str,
        operation: &'static str,
        now_ms: u64,
    ) -> bool {
        let (bucket, limit) = Limit::of(operation);
        // Thousandths of a millisecond, so that 0.3 tokens a second is near enough to exact.
        let now = now_ms * 1_000;
        let token = 1_000_000_000 * self.divide_by / limit.refill_per_1000_s.max(1);
        let burst = (limit.burst / self.divide_by).max(BURST_MIN);
        let key = (account.to_owned(), region.to_owned(), bucket);
        let full_at = self.full_at.entry(key).or_insert(now);
        let next = (*full_at).max(now) + token;
        // The last token of a second may be a thousandth of a millisecond late by rounding.
        if next > now + burst * token + 1 {
            return false;
        }
        *full_at = next;
        true
    }
}

/// What a service says when it is called too often.
pub(crate) fn code_of(operation: &str) -> &'static str {
    match operation.split_once(':').map(|(service, _)| service) {
        Some("lambda") => "TooManyRequestsException",
        Some("scheduler") => "ThrottlingException",
        _ => "RequestLimitExceeded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_allows_its_burst_and_then_what_it_refills() {
        for (divide_by, burst, in_10_s) in [(1, 50, 50), (10, 5, 5)] {
            let mut throttle = Throttle::new(divide_by);
            let mut calls = |now_ms| {
                (0..1_000).take_while(|_| throttle.allows("1", "r", "ec2:CreateVpc", now_ms)).count()
            };
            assert_eq!(calls(7), burst);
            assert_eq!(calls(7), 0);
            assert_eq!(calls(10_007), in_10_s);
        }
    }

    #[test]
    fn accounts_and_operations_have_buckets_of_their_own() {
        let mut throttle = Throttle::new(10);
        while throttle.allows("1", "r", "ec2:CreateVpc", 0) {}
        assert!(throttle.allows("2", "r", "ec2:CreateVpc", 0));
        assert!(throttle.allows("1", "s", "ec2:CreateVpc", 0));
        assert!(throttle.allows("1", "r", "ec2:CreateSubnet", 0));
    }
}
