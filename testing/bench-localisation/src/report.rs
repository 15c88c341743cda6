//! The figures, as people read them.

use crate::accuracy::{Count, Counts};
use phonehome_bench_localisation::KINDS;

/// The table of one level of noise.
pub(crate) fn print(noise_ppm: u32, counts: &Counts, seconds: f64) {
    let noise = f64::from(noise_ppm) / 1e4;
    println!("\nNoise {noise} % ({seconds:.0} s)");
    println!("  kind                      faults   found    once   named on average   p50 s   p95 s");
    let mut all = Count::default();
    for (kind, count) in &counts.kinds {
        let mut delays = count.delays.concat();
        let (p50, p95) = (percentile(&mut delays, 50), percentile(&mut delays, 95));
        println!(
            "  {:24} {:7} {:7} {:7}   {:16.1}   {p50:5}   {p95:5}",
            KINDS[*kind],
            count.faults,
            count.found,
            count.once,
            count.named as f64 / count.found.max(1) as f64,
        );
        all.faults += count.faults;
        all.found += count.found;
        all.once += count.once;
        for class in 0..all.delays.len() {
            all.delays[class].extend(&count.delays[class]);
            all.right_after_s[class].extend(&count.right_after_s[class]);
        }
    }
    println!("  precision {} of the incidents", Share(counts.right, counts.incidents));
    println!(
        "  recall {} of the faults; {} more hidden by others",
        Share(all.found, all.faults),
        counts.hidden
    );
    println!("  exactly one incident {} of the faults", Share(all.once, all.faults));
    let whose = ["three paths or more", "one path or two", "nobody but a report that is missing"];
    for (class, who) in whose.into_iter().enumerate() {
        let delays = &mut all.delays[class];
        let (p50, p95, most) = (percentile(delays, 50), percentile(delays, 95), percentile(delays, 100));
        let right_s = percentile(&mut all.right_after_s[class], 95);
        println!(
            "  seen by {who}: told after p50 {p50} s, p95 {p95} s, at most {most} s, rightly p95 {right_s} s ({} faults)",
            all.delays[class].len()
        );
    }
    println!("  {} reruns", counts.reruns);
    println!("  the longest decision took {:.1} ms", counts.longest_s * 1e3);
    for remarkable in &counts.remarkable {
        println!("  {remarkable}");
    }
}

/// So many of so many.
struct Share(usize, usize);

impl std::fmt::Display for Share {
    /// With Wilson's lower bound, which the true share exceeds with 95 %.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const Z: f64 = 1.645;
        let Self(part, whole) = *self;
        let n = whole.max(1) as f64;
        let share = part as f64 / n;
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let least = (share + Z * Z / (2.0 * n) - spread) / (1.0 + Z * Z / n);
        write!(f, "{share:.4} ({part} of {whole}, at least {least:.4} with 95 %)")
    }
}

/// Of so many the one that this share in a hundred does not exceed.
fn percentile(values: &mut [u32], share: usize) -> u32 {
    values.sort_unstable();
    let place = (values.len() * share).div_ceil(100).saturating_sub(1);
    values.get(place).copied().unwrap_or(0)
}
