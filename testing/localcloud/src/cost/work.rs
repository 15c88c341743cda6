//! How much there is to do in a month.

use super::{Deployment, FleetSize};

/// A month, in minutes (30 days).
const MINUTES: f64 = 30.0 * 24.0 * 60.0;
/// EventBridge and SQS bill each 64 KB begun.
const CHUNK_BYTES: f64 = 64.0 * 1024.0;
/// How many receivers Lambda puts on a queue, each of which waits for a batch of its own: as AWS documents it for
/// standard queues, without load.
const RECEIVERS: f64 = 5.0;
/// For how long each of them waits in vain, in seconds: the longest poll there is, as AWS documents it.
const POLL_S: f64 = 20.0;
/// How many messages one request deletes.
const DELETED_AT_ONCE: f64 = 10.0;

/// What Lambda's destination and EventBridge put around a report, in bytes; derived from the sample events.
const ENVELOPE_BYTES: f64 = 1_500.0;
/// Checks that one input of a probe has room for (`crates/fleet/src/limits.rs`); what is more takes a further one, of
/// which each is a run of its own. A test compares it.
pub const PART_CHECKS: u32 = 200;
/// A check in a probe's input, in bytes, at most; a test compares it to what is made of the example.
pub const INPUT_BYTES: u32 = 450;
/// A check's result with its measurements, in bytes, at most; a test compares it.
pub const RESULT_BYTES: u32 = 700;
/// A stored heartbeat, in bytes, at most; a test compares it.
pub const HEARTBEAT_BYTES: u32 = 600;
/// A stored path, in bytes, at most; a test compares it.
pub const PATH_BYTES: u32 = 400;
/// A check of an input as it is noted, in bytes, at most; two inputs are. A test compares it.
pub const NOTED_BYTES: u32 = 150;
/// What one account adds to the stored fleet file, and to the ledger's and the bindings' partitions, in bytes;
/// derived from the example; and a stack's stored status.
const STACK_BYTES: f64 = 2_000.0;
const FLEET_BYTES: f64 = 250.0;
const LEDGER_BYTES: f64 = 1_500.0;
const BINDING_BYTES: f64 = 300.0;

/// What an item holds at most, by DynamoDB's limit, in bytes.
const ITEM_BYTES_MAX: f64 = 400.0 * 1024.0;

/// Documents that are read consistently for a report that tells nothing new; the collector's tests count.
pub const REPORT_READS: u32 = 0;
/// Documents that are read at half the price for it.
pub const REPORT_EVENTUAL_READS: u32 = 1;
/// Documents that are written for it.
pub const REPORT_WRITES: u32 = 1;

/// How long a run takes without isolations, in seconds. Derived, not measured on Lambda: the slowest of its checks
/// is a TLS handshake over the internet, some four round trips; and at 128 MB a probe has a fourteenth of a core.
const RUN_S: f64 = 0.2;
/// How long one takes in which isolations have their turn, in seconds: silence is waited for 2 s (`SILENCE_MS` in
/// `crates/checks/src/run.rs`).
const SILENT_RUN_S: f64 = 2.1;
/// How long the collector takes for a batch and for each report in it, in seconds. Derived: a read and a write of
/// DynamoDB, 5 to 10 ms each, one report after the other. Measured beside it: less than 2 ms of a core for a report
/// of 500 results, so a few for a usual one at a seventh of a core.
const COLLECT_S: f64 = 0.02;
const COLLECT_REPORT_S: f64 = 0.02;
/// How long the alerter takes, and for each probe, in seconds. Derived: some ten queries, and all that is stored of
/// the probes is parsed at a third of a core.
const DECIDE_S: f64 = 0.15;
const DECIDE_PROBE_S: f64 = 0.001;
/// What a kept report has beside its results, in bytes; derived from the template.
const KEPT_BYTES: f64 = 600.0;
/// Firehose bills each record as the next 5 KB.
const RECORD_BYTES: f64 = 5.0 * 1024.0;
/// How much is put into an object at most, before it is packed, in bytes: `BufferingHints` in the template.
const OBJECT_BYTES: f64 = 64.0 * 1024.0 * 1024.0;
/// How much smaller gzip makes reports; derived: ten times and more with those of the simulation, which are shorter.
const PACKED: f64 = 8.0;
/// How long the notifier takes without messages, in seconds. Derived: one query.
const NOTIFY_S: f64 = 0.05;
/// How long the rollouts function takes while nothing is rolled out, in seconds. Derived: one read.
const IDLE_S: f64 = 0.02;
/// How long the vendor takes while no account is to be made, in seconds, and what it reads beside the fleet file: the
/// roll-out, orders and notes. Derived; 1,000 orders and notes of accounts that it made are some 125 reads more.
const QUIET_S: f64 = 0.05;
const QUIET_READS: f64 = 3.0;
/// How long the provisioner takes for a stack in which there is nothing to do, in seconds. Derived: it assumes a
/// role and describes everything at once, and what is there of Lambda and Scheduler.
const OBSERVE_S: f64 = 2.5;
/// What it reads and writes for it: the fleet file and each zone's heartbeat aside, the stack and what goes with it;
/// the lease taken and given back. Derived from `crates/provision`.
const OBSERVE_READS: f64 = 12.0;
const OBSERVE_WRITES: f64 = 6.0;
/// What a function writes into its log for an invocation in which all is well, in bytes: its metrics in the embedded
/// format, where they go out in the log; tests compare it. Probes in which all is well write nothing.
pub const LOG_BYTES: u32 = 400;

/// A month's work.
pub(super) struct Work {
    /// Runs of probes, of each part of their checks.
    pub(super) runs: f64,
    /// Invocations of the probes, and their GB-seconds.
    pub(super) probing: (f64, f64),
    pub(super) events: f64,
    pub(super) queue_requests: f64,
    /// As `probing`, of the collector.
    pub(super) collecting: (f64, f64),
    /// Reads and writes of the collector.
    pub(super) folding: (f64, f64),
    /// Invocations by the hub's own schedules.
    pub(super) schedules: f64,
    /// As `probing`, of alerter and notifier, and of what looks whether a version is rolled out or an account to be made.
    pub(super) deciding: (f64, f64),
    /// Reads and writes of the same.
    pub(super) gathering: (f64, f64),
    /// As `probing`, of the provisioner.
    observing: (f64, f64),
    /// Reads and writes of the provisioner.
    observed: (f64, f64),
    /// Decisions of the alerter.
    pub(super) decisions: f64,
    /// Calls that send metrics.
    pub(super) metric_calls: f64,
    /// Requests to queues in which there was nothing.
    pub(super) vain_receives: f64,
    pub(super) log_gb: f64,
    /// What is kept of reports: GB that are handed on, GB that lie there, and objects that are put.
    pub(super) keeping: (f64, f64, f64),
}

impl Work {
    pub(super) fn of(fleet: &FleetSize, deployment: &Deployment) -> Self {
        let at = |every_minutes: u32| MINUTES / f64::from(every_minutes);
        let accounts = f64::from(fleet.accounts);
        let probes = accounts * f64::from(fleet.zones) * parts(fleet);
        let runs = probes * at(deployment.probe_every_minutes);
        let turn = turn(fleet, deployment);
        let run_s = (1.0 - turn) * RUN_S + turn * SILENT_RUN_S;
        let chunks = chunks(fleet);
        let size = batch_size(runs / MINUTES / 60.0, deployment);
        let batches = runs / size;
        let collect_s = batches * COLLECT_S + runs * COLLECT_REPORT_S;
        let sweeps = at(deployment.sweep_every_minutes);
        let decisions = at(deployment.alerter_every_minutes);
        let looks = at(deployment.notifier_every_minutes);
        let idle_looks = at(deployment.rollouts_every_minutes);
        let quiet_looks = at(deployment.vendor_every_minutes);
        let decide_s = DECIDE_S + probes * DECIDE_PROBE_S;
        let gb = |memory_mb: u32| f64::from(memory_mb) / 1024.0;
        let stacks = accounts * sweeps;
        Self {
            runs,
            probing: (runs, runs * run_s * gb(deployment.probe_memory_mb)),
            events: runs * f64::from(deployment.hops) * chunks,
            // Whoever waits for a message gets it at once, and alone.
            queue_requests: runs * 2.0 * chunks + batches * (size / DELETED_AT_ONCE).ceil(),
            collecting: (batches, collect_s * gb(deployment.collector_memory_mb)),
            folding: (runs * reads_of_a_report(fleet, deployment), runs * writes_of_a_report()),
            schedules: decisions + looks + idle_looks + quiet_looks + sweeps,
            deciding: (
                decisions + looks + idle_looks + quiet_looks,
                decisions * decide_s * gb(deployment.alerter_memory_mb)
                    + looks * NOTIFY_S * gb(deployment.notifier_memory_mb)
                    + idle_looks * IDLE_S * gb(deployment.rollouts_memory_mb)
                    + quiet_looks * QUIET_S * gb(deployment.vendor_memory_mb),
            ),
            gathering: (
                decisions * reads_of_a_decision(fleet, deployment)
                    + looks
                    + idle_looks
                    + quiet_looks * (QUIET_READS + fleet_reads(accounts)),
                0.0,
            ),
            observing: (stacks, stacks * OBSERVE_S * gb(deployment.provisioner_memory_mb)),
            observed: (
                stacks * (OBSERVE_READS + f64::from(fleet.zones) + fleet_reads(accounts)),
                stacks * OBSERVE_WRITES,
            ),
            decisions,
            keeping: keeping(fleet, deployment, runs),
            metric_calls: f64::from(deployment.metric_calls.collector) * batches
                + f64::from(deployment.metric_calls.alerter) * decisions
                + f64::from(deployment.metric_calls.notifier) * looks
                + f64::from(deployment.metric_calls.provisioner) * stacks,
            vain_receives: f64::from(deployment.quiet_queues) * RECEIVERS * MINUTES * 60.0 / POLL_S,
            log_gb: (batches + decisions + looks + stacks) * f64::from(LOG_BYTES) / 1e9,
        }
    }

    /// Messages of the sweeps: sent, received and deleted.
    pub(super) fn sweep_messages(&self) -> f64 {
        3.0 * self.observing.0
    }

    pub(super) fn sweeps(
        &self,
        lambda: impl Fn((f64, f64)) -> f64,
        dynamo: impl Fn((f64, f64)) -> f64,
        queue_request: f64,
    ) -> f64 {
        lambda(self.observing) + dynamo(self.observed) + self.sweep_messages() * queue_request
    }

    /// All invocations, and all GB-seconds.
    pub(super) fn all_invocations(&self) -> (f64, f64) {
        let all = [self.probing, self.collecting, self.deciding, self.observing];
        (all.iter().map(|it| it.0).sum(), all.iter().map(|it| it.1).sum())
    }
}

/// How long the provisioner takes to have a probe run again, in seconds. Derived: it assumes a role, reads a schedule and
/// invokes a function.
const RERUN_ASKED_S: f64 = 0.6;
/// How long a run takes in which nobody answers, in seconds: three tries of two seconds.
const RERUN_S: f64 = 6.2;
/// What asks and answers are written and read of it: what was asked, heartbeat and paths; beside a decision.
const RERUN_READS: f64 = 3.0;
const RERUN_WRITES: f64 = 8.0;

/// So many reruns in a month, and the decisions that their results lead to.
pub(super) struct Reruns {
    /// Invocations of all functions together, and their GB-seconds.
    pub(super) lambda: (f64, f64),
    pub(super) dynamo: (f64, f64),
    pub(super) events: f64,
    pub(super) queue_requests: f64,
}

impl Reruns {
    pub(super) fn of(fleet: &FleetSize, deployment: &Deployment, a_minute: f64) -> Self {
        let reruns = a_minute * MINUTES;
        let gb = |memory_mb: u32| f64::from(memory_mb) / 1024.0;
        let probes = f64::from(fleet.accounts) * f64::from(fleet.zones) * parts(fleet);
        let gb_s = RERUN_ASKED_S * gb(deployment.provisioner_memory_mb)
            + RERUN_S * gb(deployment.probe_memory_mb)
            + (COLLECT_S + COLLECT_REPORT_S) * gb(deployment.collector_memory_mb)
            + (DECIDE_S + probes * DECIDE_PROBE_S) * gb(deployment.alerter_memory_mb);
        Self {
            // Provisioner, probe, collector, alerter.
            lambda: (4.0 * reruns, reruns * gb_s),
            dynamo: (reruns * (RERUN_READS + reads_of_a_decision(fleet, deployment)), reruns * RERUN_WRITES),
            events: reruns * f64::from(deployment.hops),
            // The ask, the report and the hint are sent, received and deleted.
            queue_requests: 9.0 * reruns,
        }
    }
}

/// In what part of its runs a probe tests isolations.
fn turn(fleet: &FleetSize, deployment: &Deployment) -> f64 {
    match fleet.isolations {
        0 => 0.0,
        _ => f64::from(deployment.probe_every_minutes) / f64::from(fleet.isolations_every_minutes.max(1)),
    }
}

fn checks(fleet: &FleetSize) -> f64 {
    f64::from(fleet.connections + fleet.isolations + fleet.egress_checks)
}

/// Over how many inputs the checks of a probe are spread.
fn parts(fleet: &FleetSize) -> f64 {
    (checks(fleet) / f64::from(PART_CHECKS)).ceil().max(1.0)
}

/// How many checks each of them has.
fn part_checks(fleet: &FleetSize) -> f64 {
    checks(fleet) / parts(fleet)
}

/// Input and report of one run travel together, in bytes: with all that it can have been asked.
pub(super) fn report_bytes(fleet: &FleetSize) -> f64 {
    ENVELOPE_BYTES + part_checks(fleet) * f64::from(INPUT_BYTES + RESULT_BYTES)
}

/// What is kept of so many reports.
fn keeping(fleet: &FleetSize, deployment: &Deployment, runs: f64) -> (f64, f64, f64) {
    if deployment.kept_days == 0 || runs == 0.0 {
        return (0.0, 0.0, 0.0);
    }
    let gb = |bytes: f64| bytes / 1e9;
    let bytes = KEPT_BYTES + checks(fleet) * f64::from(RESULT_BYTES);
    let billed = (bytes / RECORD_BYTES).ceil() * RECORD_BYTES;
    let lying = runs / 30.0 * f64::from(deployment.kept_days) * bytes / PACKED;
    let packed_each_time = runs * bytes / (MINUTES * 60.0 / f64::from(deployment.kept_every_s));
    // An object is full before that where there is much.
    let objects_each_time = (packed_each_time / OBJECT_BYTES).ceil();
    let objects = MINUTES * 60.0 / f64::from(deployment.kept_every_s) * objects_each_time;
    (gb(runs * billed), gb(lying), objects)
}

/// As what number of events one report is billed.
fn chunks(fleet: &FleetSize) -> f64 {
    (report_bytes(fleet) / CHUNK_BYTES).ceil()
}

/// How many reports an invocation of the collector gets. Each of Lambda's receivers begins a batch with the first
/// message that it gets, and waits for more.
pub(super) fn batch_size(reports_a_second: f64, deployment: &Deployment) -> f64 {
    let more = reports_a_second / RECEIVERS * f64::from(deployment.collector_window_s);
    (1.0 + more).min(f64::from(deployment.collector_batch))
}

/// How many collectors run side by side: those of the template, or twice as many as reports keep busy.
pub(super) fn collectors(fleet: &FleetSize, deployment: &Deployment) -> f64 {
    let probes = f64::from(fleet.accounts * fleet.zones) * parts(fleet);
    let reports_a_second = probes / 60.0 / f64::from(deployment.probe_every_minutes);
    let batches_a_second = reports_a_second / batch_size(reports_a_second, deployment);
    let busy = reports_a_second * COLLECT_REPORT_S + batches_a_second * COLLECT_S;
    (2.0 * busy).ceil().max(f64::from(deployment.collectors))
}

/// Consistent reads of up to 4 KB for so many bytes.
fn reads(bytes: f64) -> f64 {
    (bytes / 4096.0).ceil().max(1.0)
}

/// The fleet file is one item, however many accounts there are; and whether another version is rolled out is a small
/// one.
fn fleet_reads(accounts: f64) -> f64 {
    1.0 + reads((FLEET_BYTES * accounts).min(ITEM_BYTES_MAX))
}

/// Of the paths of one part.
fn paths_reads(fleet: &FleetSize) -> f64 {
    reads(part_checks(fleet) * f64::from(PATH_BYTES))
}

/// One heartbeat, while nothing changes.
fn writes_of_a_report() -> f64 {
    f64::from(REPORT_WRITES) * (f64::from(HEARTBEAT_BYTES) / 1024.0).ceil()
}

/// What is read for one report: always its heartbeat; on the turn of isolations the heartbeats of who may connect
/// to each; and now and then, in each collector, what it remembers.
fn reads_of_a_report(fleet: &FleetSize, deployment: &Deployment) -> f64 {
    let heartbeat = 0.5 * reads(f64::from(HEARTBEAT_BYTES));
    let own = f64::from(REPORT_READS) + f64::from(REPORT_EVENTUAL_READS) * heartbeat;
    let isolations = f64::from(fleet.isolations) / parts(fleet);
    let witnesses = turn(fleet, deployment) * isolations * f64::from(deployment.witnesses) * heartbeat;
    let accounts = f64::from(fleet.accounts);
    let zones = f64::from(fleet.zones);
    // How many reports come while something is kept that `probes` of them share; each collector reads it anew when
    // it was kept for long enough, and at most once for each report that it gets.
    let remembered = |kept_s: u32, probes: f64, reads: f64| {
        let reports = probes * f64::from(kept_s) / 60.0 / f64::from(deployment.probe_every_minutes);
        reads * (collectors(fleet, deployment) / reports.max(1.0)).min(1.0)
    };
    let inputs = reads(2.0 * checks(fleet) * f64::from(NOTED_BYTES));
    let stack = inputs + reads(STACK_BYTES) + reads(BINDING_BYTES);
    own + witnesses
        + remembered(deployment.paths_kept_s, 1.0, paths_reads(fleet))
        + remembered(deployment.stack_kept_s, zones * parts(fleet), stack)
        + remembered(deployment.fleet_kept_s, accounts * zones * parts(fleet), fleet_reads(accounts))
}

/// What is read for one decision: each partition as one, in some of them the ledger, and paths that were not read for a
/// while.
fn reads_of_a_decision(fleet: &FleetSize, deployment: &Deployment) -> f64 {
    let accounts = f64::from(fleet.accounts);
    let probes = accounts * f64::from(fleet.zones) * parts(fleet);
    let decisions = |of_s: u32| f64::from(of_s) / 60.0 / f64::from(deployment.alerter_every_minutes);
    let paths = probes * paths_reads(fleet) / decisions(deployment.paths_kept_s);
    // The revision, what was told of troubles and of slow zones, which stacks are suspected, and the partitions of
    // incidents, silences, refusals and crashes, empty.
    let small = 8.0;
    small
        + fleet_reads(accounts)
        + reads(accounts * STACK_BYTES)
        + reads(accounts * LEDGER_BYTES) / decisions(deployment.looked_through_every_s)
        + reads(accounts * BINDING_BYTES)
        + reads(probes * f64::from(HEARTBEAT_BYTES))
        + paths
}
