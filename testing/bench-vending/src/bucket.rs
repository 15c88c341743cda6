//! A token bucket of Organizations.

/// Allows so many calls at once, and so many more in a second.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// Of a thousand for each call.
    level: u64,
    size: u64,
    per_second: u64,
    at_ms: u64,
}

impl Bucket {
    /// `per_1000_s` calls in 1,000 seconds, `burst` at once.
    pub(crate) fn new(per_1000_s: u64, burst: u64) -> Self {
        Self { level: burst * 1_000_000, size: burst * 1_000_000, per_second: per_1000_s, at_ms: 0 }
    }

    /// Whether one more call is allowed now.
    pub(crate) fn take(&mut self, now_ms: u64) -> bool {
        let passed_ms = now_ms.saturating_sub(self.at_ms);
        self.level = self.level.saturating_add(passed_ms.saturating_mul(self.per_second)).min(self.size);
        self.at_ms = now_ms;
        let allowed = self.level >= 1_000_000;
        if allowed {
            self.level -= 1_000_000;
        }
        allowed
    }

    /// How long it takes until one more is allowed; milliseconds.
    pub(crate) fn wait_ms(&self) -> u64 {
        1_000_000_u64.saturating_sub(self.level).div_ceil(self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_at_once_and_then_one_every_ten_seconds() {
        let mut bucket = Bucket::new(100, 3);
        let taken: Vec<bool> =
            [5, 5, 5, 5, 10_004, 10_005, 10_006, 90_000].map(|at_ms| bucket.take(at_ms)).into();
        assert_eq!(taken, [true, true, true, false, false, true, false, true]);
        assert_eq!(Bucket::new(100, 3).wait_ms(), 0);
    }
}
