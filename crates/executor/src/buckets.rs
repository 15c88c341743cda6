//! The limits that AWS sets to the number of calls, as token buckets.
//!
//! EC2's are published in "Request throttling for the Amazon EC2 API": each operation has a bucket
//! for each account and Region. A call takes a token; the bucket refills by the second. The limits are
//! the account's, and others in it may call too, so an answer "throttled" empties the bucket here
//! ([`Buckets::drain`]).

use std::collections::BTreeMap;
use std::fmt;

/// Tokens are counted in millionths, so that 0.3 a second is exact by the millisecond.
const TOKEN: u64 = 1_000_000;

/// How many calls of an operation an account may make in one Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Calls at once from a full bucket.
    pub burst: u64,
    /// Calls in 1000 seconds after that: 300 is 0.3 a second.
    pub refill_per_1000_s: u64,
}

impl Limit {
    const fn new(burst: u64, refill_per_1000_s: u64) -> Self {
        Self { burst, refill_per_1000_s }
    }

    /// The limit that a call of this operation counts against, and the name of its bucket.
    ///
    /// Describe calls are taken to be filtered or paged; EC2 allows half as many that are neither.
    pub fn of(operation: &'static str) -> (&'static str, Self) {
        // Lambda: 15 a second for all calls of the control plane together, and that cannot be raised.
        if operation.starts_with("lambda:") {
            return ("lambda", Self::new(15, 15_000));
        }
        // EventBridge Scheduler: 250 a second for each operation in the smallest Regions; a stack
        // needs a handful, so a fifth of that.
        if operation.starts_with("scheduler:") {
            return ("scheduler", Self::new(50, 50_000));
        }
        // CloudFormation: AWS publishes no number. A turn of a starter pack makes ten calls at most; beyond them others in
        // the account are to have room.
        if operation.starts_with("cloudformation:") {
            return ("cloudformation", Self::new(20, 2_000));
        }
        let verb = operation.split_once(':').map_or(operation, |(_, verb)| verb);
        let limit = match verb {
            "CreateNatGateway" | "DeleteNatGateway" => Self::new(10, 1_000),
            "CreateVpcEndpoint" | "ModifyVpcEndpoint" | "DeleteVpcEndpoints" => Self::new(4, 300),
            "CreateTags" | "DeleteTags" => Self::new(100, 10_000),
            verb if verb.starts_with("Describe") || verb.starts_with("Get") => Self::new(100, 20_000),
            _ => Self::new(50, 5_000),
        };
        (operation, limit)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { burst, refill_per_1000_s: refill } = self;
        write!(f, "{burst} calls at once, then ")?;
        match refill % 1_000 {
            0 => write!(f, "{} a second", refill / 1_000),
            _ => write!(f, "{refill} in 1000 seconds"),
        }
    }
}

/// There is no token now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bucket {bucket} of this account and Region is empty ({limit}); it has room in {wait_ms} ms")]
pub struct RetryAt {
    /// The bucket's name: the operation, or the service where one limit serves all its operations.
    pub bucket: &'static str,
    /// What it allows.
    pub limit: Limit,
    /// When there is a token, in milliseconds of the clock that was asked with.
    pub at_ms: u64,
    /// How long that is from now, in milliseconds.
    pub wait_ms: u64,
}

/// The buckets of one account in one Region. All are full at first.
#[derive(Debug, Clone, Default)]
pub struct Buckets(BTreeMap<&'static str, Bucket>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: u64,
    filled_ms: u64,
}

impl Buckets {
    /// Takes a token for one call. `now_ms` is of a clock that does not go back.
    ///
    /// # Errors
    /// [`RetryAt`] when the bucket is empty.
    pub fn take(&mut self, operation: &'static str, now_ms: u64) -> Result<(), RetryAt> {
        let (name, limit) = Limit::of(operation);
        let bucket = self.filled(name, limit, now_ms);
        if bucket.level >= TOKEN {
            bucket.level -= TOKEN;
            return Ok(());
        }
        let wait_ms = (TOKEN - bucket.level).div_ceil(limit.refill_per_1000_s);
        Err(RetryAt { bucket: name, limit, at_ms: now_ms.saturating_add(wait_ms), wait_ms })
    }

    /// AWS said that the bucket is empty, so others in the account call too.
    pub fn drain(&mut self, operation: &'static str, now_ms: u64) {
        let (name, limit) = Limit::of(operation);
        self.filled(name, limit, now_ms).level = 0;
    }

    fn filled(&mut self, name: &'static str, limit: Limit, now_ms: u64) -> &mut Bucket {
        let most = limit.burst * TOKEN;
        let bucket = self.0.entry(name).or_insert(Bucket { level: most, filled_ms: now_ms });
        // A thousandth of a second times a thousandth of a token is a millionth: no division.
        let added = now_ms.saturating_sub(bucket.filled_ms).saturating_mul(limit.refill_per_1000_s);
        bucket.level = bucket.level.saturating_add(added).min(most);
        bucket.filled_ms = bucket.filled_ms.max(now_ms);
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn takes(buckets: &mut Buckets, operation: &'static str, now_ms: u64) -> u64 {
        (0..).take_while(|_| buckets.take(operation, now_ms).is_ok()).count() as u64
    }

    #[test]
    fn each_operation_has_the_burst_and_the_refill_that_aws_publishes() {
        for (operation, burst, after_10_s) in [
            ("ec2:DescribeSubnets", 100, 100),
            ("ec2:CreateVpc", 50, 50),
            ("ec2:DeleteSubnet", 50, 50),
            ("ec2:CreateNatGateway", 10, 10),
            ("ec2:CreateVpcEndpoint", 4, 3),
            ("ec2:ModifyVpcEndpoint", 4, 3),
            ("ec2:DeleteVpcEndpoints", 4, 3),
            ("ec2:CreateTags", 100, 100),
            ("lambda:CreateFunction", 15, 15),
            ("scheduler:CreateSchedule", 50, 50),
            ("cloudformation:DescribeStacks", 20, 20),
        ] {
            let mut buckets = Buckets::default();
            assert_eq!(takes(&mut buckets, operation, 5), burst, "{operation}");
            assert_eq!(takes(&mut buckets, operation, 10_005), after_10_s, "{operation} ten seconds later");
        }
    }

    #[test]
    fn one_second_brings_the_published_number_of_tokens() {
        for (operation, refill) in [
            ("ec2:DescribeSubnets", 20),
            ("ec2:CreateVpc", 5),
            ("ec2:CreateNatGateway", 1),
            ("ec2:CreateTags", 10),
            ("lambda:CreateFunction", 15),
            ("scheduler:CreateSchedule", 50),
        ] {
            let mut buckets = Buckets::default();
            buckets.drain(operation, 0);
            assert_eq!(takes(&mut buckets, operation, 1_000), refill, "{operation}");
        }
    }

    #[test]
    fn an_empty_bucket_says_when_it_has_room_and_then_it_has() {
        let mut buckets = Buckets::default();
        assert_eq!(takes(&mut buckets, "ec2:CreateVpcEndpoint", 0), 4);
        let empty = buckets.take("ec2:CreateVpcEndpoint", 0).expect_err("empty");
        // 1 token at 0.3 a second takes 3333.3 ms.
        assert_eq!((empty.at_ms, empty.wait_ms), (3_334, 3_334));
        assert!(buckets.take("ec2:CreateVpcEndpoint", empty.at_ms - 1).is_err());
        assert_eq!(buckets.take("ec2:CreateVpcEndpoint", empty.at_ms), Ok(()));
        assert_eq!(
            empty.to_string(),
            "the bucket ec2:CreateVpcEndpoint of this account and Region is empty (4 calls at once, then 300 in \
             1000 seconds); it has room in 3334 ms"
        );
        assert_eq!(takes(&mut buckets, "ec2:CreateVpc", 0), 50);
        let by_the_second = buckets.take("ec2:CreateVpc", 0).expect_err("empty").limit;
        assert_eq!(by_the_second.to_string(), "50 calls at once, then 5 a second");
    }

    #[test]
    fn operations_of_ec2_have_a_bucket_each_and_those_of_lambda_share_one() {
        let mut buckets = Buckets::default();
        assert_eq!(takes(&mut buckets, "ec2:CreateVpc", 0), 50);
        assert_eq!(takes(&mut buckets, "ec2:CreateSubnet", 0), 50);
        assert_eq!(takes(&mut buckets, "lambda:CreateFunction", 0), 15);
        assert_eq!(takes(&mut buckets, "lambda:UpdateFunctionCode", 0), 0);
    }

    proptest! {
        /// The bucket's promise to AWS, whatever the pattern of calls.
        #[test]
        fn no_stretch_of_time_sees_more_calls_than_burst_and_refill_allow(
            gaps in prop::collection::vec(0_u64..4_000, 1..200)
        ) {
            let (_, limit) = Limit::of("ec2:CreateNatGateway");
            let (mut buckets, mut now_ms, mut taken) = (Buckets::default(), 0, Vec::new());
            for gap in gaps {
                now_ms += gap;
                if buckets.take("ec2:CreateNatGateway", now_ms).is_ok() {
                    taken.push(now_ms);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let allowed = limit.burst * TOKEN + (to - from) * limit.refill_per_1000_s;
                    prop_assert!((last - first + 1) as u64 * TOKEN <= allowed);
                }
            }
        }
    }
}
