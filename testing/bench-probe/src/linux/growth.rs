//! How CPU and time grow with the number of targets, and what those that never answer take.

use anyhow::{Result, ensure};

use crate::linux::child::{self, Kind, Work};
use crate::linux::figures::{Limit, verdict};
use crate::linux::targets::{Protocol, Targets};

const TARGETS: [usize; 3] = [100, 1_000, 5_000];
const BLACK_HOLES: usize = 2_000;
/// How many files a Lambda function may open is four times that.
const DESCRIPTORS: u64 = 256;

pub(crate) fn run(targets: &Targets) -> Result<()> {
    println!("\nGrowth with the number of TCP targets");
    for count in TARGETS {
        let work = Work { checks: targets.checks(Protocol::Tcp, count), ..Work::default() };
        let done = child::start(Kind::Checks, &work)?;
        ensure!(done.ok == count, "{} of {count} were reached", done.ok);
        let each_us = done.cpu_s * 1e6 / count as f64;
        println!(
            "  {count:>6} targets {:>8.3} s CPU {each_us:>7.1} us each {:>8.3} s in all",
            done.cpu_s, done.wall_s
        );
    }
    black_holes(targets)
}

fn black_holes(targets: &Targets) -> Result<()> {
    println!("\n{BLACK_HOLES} targets that never answer, 1 s each, with {DESCRIPTORS} open files");
    let checks = targets.black_holes(BLACK_HOLES)?;
    let work = Work { checks, root_der: vec![], descriptors: Some(DESCRIPTORS) };
    let done = child::start(Kind::Checks, &work)?;
    println!("  {:.3} s CPU, {} tested, {} at once", done.cpu_s, done.failed, done.sockets);
    ensure!(done.failed == BLACK_HOLES, "{} of {BLACK_HOLES} were tested, {} reached", done.failed, done.ok);
    let least_s = BLACK_HOLES.div_ceil(done.sockets) as f64;
    verdict("time", done.wall_s, Limit::AtMost(1.1 * least_s), " s");
    Ok(())
}
