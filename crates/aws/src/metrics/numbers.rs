//! What one metric is within an invocation.

use aws_sdk_cloudwatch::types::StandardUnit;

/// How many values CloudWatch takes for one metric: 150 in a call, 100 in a line of a log. By the smaller one.
const VALUES_MAX: usize = 100;

/// What one metric is within an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    /// A count.
    Sum(u64),
    /// Measurements, in milliseconds.
    Durations(Vec<u64>),
}

impl Numbers {
    pub(super) fn add(&mut self, count: u64) {
        if let Self::Sum(sum) = self {
            *sum += count;
        }
    }

    pub(super) fn note(&mut self, ms: u64) {
        if let Self::Durations(values) = self {
            values.push(ms);
        }
    }

    pub(super) fn sum(&self) -> Option<u64> {
        let Self::Sum(sum) = self else { return None };
        Some(*sum)
    }

    pub(super) fn durations(&self) -> Vec<u64> {
        let Self::Durations(values) = self else { return vec![] };
        values.clone()
    }

    pub(super) fn unit(&self) -> StandardUnit {
        match self {
            Self::Sum(_) => StandardUnit::Count,
            Self::Durations(_) => StandardUnit::Seconds,
        }
    }

    /// The values in parts that CloudWatch takes; durations in seconds.
    #[allow(clippy::cast_precision_loss, reason = "counts and durations of one invocation are small")]
    pub(super) fn parts(&self) -> Vec<Vec<f64>> {
        match self {
            Self::Sum(sum) => vec![vec![*sum as f64]],
            Self::Durations(values) => {
                let seconds: Vec<f64> = values.iter().map(|ms| *ms as f64 / 1000.0).collect();
                seconds.chunks(VALUES_MAX).map(<[f64]>::to_vec).collect()
            }
        }
    }
}
