//! Natural logarithms without floating point, so that every machine gets the same bits.

/// The binary digits of a logarithm's fraction that are computed; more than a thousandth needs.
const DIGITS: u32 = 20;

/// ln 2 in millionths.
const LN_2_MILLIONTHS: i64 = 693_147;

/// ln(`numerator` / `denominator`) in thousandths (milli-nats), rounded towards zero. Neither may be 0: then
/// it is as if it were 1.
pub(crate) fn ln_milli(numerator: u64, denominator: u64) -> i64 {
    let log2 = log2(numerator.max(1)) - log2(denominator.max(1));
    // 2^20 · 64 · 693 147 fits into 46 bits.
    (log2 * LN_2_MILLIONTHS) / (1000 << DIGITS)
}

/// The binary logarithm with [`DIGITS`] digits: the mantissa is squared, and whenever it exceeds 2 the digit is 1.
fn log2(number: u64) -> i64 {
    let whole = 63 - number.leading_zeros();
    // The mantissa in [1, 2), with 31 digits.
    let mut mantissa = if whole > 31 { number >> (whole - 31) } else { number << (31 - whole) };
    let mut log = i64::from(whole);
    for _ in 0..DIGITS {
        mantissa = (mantissa * mantissa) >> 31;
        log <<= 1;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            log |= 1;
        }
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_right_to_a_thousandth() {
        let ratios = [
            (2, 1),
            (99, 1),
            (1, 99),
            (19, 1),
            (5_760_000, 1),
            (525_600, 1),
            (999_999, 1_000_000),
            (u64::MAX, 1),
        ];
        for (numerator, denominator) in ratios {
            let exact = (numerator as f64 / denominator as f64).ln() * 1000.0;
            let found = ln_milli(numerator, denominator);
            assert!(
                (found as f64 - exact).abs() <= 1.0,
                "ln({numerator}/{denominator}): {found}, not {exact}"
            );
        }
    }
}
