//! Chance from a seed (SplitMix64), so that each figure can be had again.

/// Chance from a seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of 0 to `count` − 1.
    pub fn below(&mut self, count: u32) -> u32 {
        u32::try_from(((self.next() >> 32) * u64::from(count)) >> 32).unwrap_or(0)
    }

    /// Whether something happens that does in so many of a million cases.
    pub fn happens(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < ppm
    }
}
