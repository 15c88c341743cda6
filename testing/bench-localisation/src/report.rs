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
        for (all, delays) in all.delays.iter_mut().zip(&count.delays) {
            all.extend(delays);
        }
    }
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    println!(
        "  precision {:.4} ({} incidents), recall {:.4} ({} faults, {} more hidden by others), exactly one incident {:.4}",
        share(counts.right, counts.incidents),
        counts.incidents,
        share(all.found, all.faults),
        all.faults,
        counts.hidden,
        share(all.once, all.faults),
    );
    for (delays, who) in all.delays.iter_mut().zip([
        "three paths or more",
        "one path or two",
        "nobody but a report that is missing",
    ]) {
        let (p50, p95, most) = (percentile(delays, 50), percentile(delays, 95), percentile(delays, 100));
        println!(
            "  seen by {who}: told after p50 {p50} s, p95 {p95} s, at most {most} s ({} faults)",
            delays.len()
        );
    }
    println!("  {} reruns", counts.reruns);
    println!("  the longest decision took {:.1} ms", counts.longest_s * 1e3);
    for wrong in &counts.wrong {
        println!("  {wrong}");
    }
}

/// Of so many the one that this share in a hundred does not exceed.
fn percentile(values: &mut [u32], share: usize) -> u32 {
    values.sort_unstable();
    let place = (values.len() * share).div_ceil(100).saturating_sub(1);
    values.get(place).copied().unwrap_or(0)
}
