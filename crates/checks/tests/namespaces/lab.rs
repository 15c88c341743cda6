//! Three namespaces: prober - router - target.

use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;

use nix::sched::{CloneFlags, setns};

/// Where the checks run.
pub(crate) const PROBER: Namespace = Namespace("prober");
/// Between the two. What it has no route for it drops, as AWS does, without a word.
pub(crate) const ROUTER: Namespace = Namespace("router");
/// What the checks aim at.
pub(crate) const TARGET: Namespace = Namespace("target");

pub(crate) const PROBER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
pub(crate) const ROUTER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
/// The target's addresses.
pub(crate) const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
pub(crate) const SECOND: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
/// In the target's network, and nobody's.
pub(crate) const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 9);

const LINKS: &str = "\
    link add uplink netns prober type veth peer name prober netns router
    link add uplink netns target type veth peer name target netns router";

const PROBER_SIDE: &str = "\
    address add 10.0.1.2/24 dev uplink
    link set lo up
    link set uplink up
    route add default via 10.0.1.1";

const ROUTER_SIDE: &str = "\
    address add 10.0.1.1/24 dev prober
    address add 10.0.2.1/24 dev target
    link set lo up
    link set prober up
    link set target up
    route add blackhole default metric 9999";

const TARGET_SIDE: &str = "\
    address add 10.0.2.2/24 dev uplink
    address add 10.0.2.3/24 dev uplink
    link set lo up
    link set uplink up
    route add default via 10.0.2.1";

/// A network namespace, by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Namespace(&'static str);

/// Makes the three.
pub(crate) fn build() {
    // `ip` keeps the names here, and outside this is not ours.
    run(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"]));
    for namespace in [PROBER, ROUTER, TARGET] {
        run(Command::new("ip").args(["netns", "add", namespace.0]));
        namespace.inside(|| {
            for (name, value) in [("conf/all/rp_filter", "0"), ("conf/default/rp_filter", "0")] {
                sysctl(name, value);
            }
            // Or an ICMP message may come a second late.
            sysctl("icmp_ratelimit", "0");
        });
    }
    ROUTER.inside(|| sysctl("ip_forward", "1"));
    for line in LINKS.lines() {
        run(Command::new("ip").args(line.split_whitespace()));
    }
    PROBER.ip(PROBER_SIDE);
    ROUTER.ip(ROUTER_SIDE);
    TARGET.ip(TARGET_SIDE);
}

impl Namespace {
    /// Does `work` inside, in a thread of its own. What it opens stays there.
    pub(crate) fn inside<T: Send>(self, work: impl FnOnce() -> T + Send) -> T {
        let Self(name) = self;
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let file = File::open(format!("/run/netns/{name}")).expect("ip has made it");
                setns(file, CloneFlags::CLONE_NEWNET).expect("it belongs to this user namespace");
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs `ip` inside, once for each line.
    pub(crate) fn ip(self, lines: &str) {
        for line in lines.lines() {
            run(Command::new("ip").args(["-n", self.0]).args(line.split_whitespace()));
        }
    }
}

/// Sets what the namespace that the calling thread is in has below `/proc/sys/net/ipv4`.
fn sysctl(name: &str, value: &str) {
    let path = format!("/proc/sys/net/ipv4/{name}");
    std::fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
}
