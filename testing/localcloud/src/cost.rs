//! What a fleet costs a month: how often what happens, times AWS's list prices. What happens follows from the size
//! of the fleet ([`FleetSize`]) and from how phonehome is deployed ([`Deployment`]), which tests hold to the
//! templates and the code: `tests/tests/templates/costs.rs`, `functions/collector/src/tests/remembered.rs`.

mod prices;
mod sheet;
mod work;

pub use sheet::document;
pub use work::{HEARTBEAT_BYTES, INPUT_BYTES, LOG_BYTES, NOTED_BYTES, PART_CHECKS, PATH_BYTES, RESULT_BYTES};
pub use work::{REPORT_EVENTUAL_READS, REPORT_READS, REPORT_WRITES};

use prices::{
    ADDRESS_HOUR, ALARM, DASHBOARD, EVENT, FIREHOSE_GB, FREE_DASHBOARDS, FREE_GB_S, FREE_LOG_GB,
    FREE_METRIC_CALLS, FREE_METRICS, FREE_QUEUE_REQUESTS, FREE_REQUESTS, FREE_SCHEDULES, LAMBDA_GB_S,
    LAMBDA_REQUEST, LOG_GB, METRIC, NAT_HOUR, PUT_METRIC, QUEUE_REQUEST, READ, S3_GB, S3_PUT, SCHEDULE,
    SECRET, WRITE,
};
use work::{Reruns, Work};

/// One line of the bill.
#[derive(Debug, Clone, PartialEq)]
pub struct CostLine {
    /// What it is.
    pub what: &'static str,
    /// US dollars a month.
    pub dollars: f64,
}

/// The size of a fleet.
#[derive(Debug, Clone, Copy)]
pub struct FleetSize {
    /// Accounts, each with one Region.
    pub accounts: u32,
    /// Availability Zones of each account, each with a probe.
    pub zones: u32,
    /// Connections that each probe tests each minute.
    pub connections: u32,
    /// Isolations that each probe tests when it is their turn.
    pub isolations: u32,
    /// Ways out that each probe tests each minute.
    pub egress_checks: u32,
    /// Every how many minutes isolations are tested: `isolations_every_minutes` in the fleet file.
    pub isolations_every_minutes: u32,
    /// NAT gateways in all.
    pub nat_gateways: u32,
}

impl FleetSize {
    /// Accounts with three zones, each with a NAT gateway, ten connections, three isolations and two ways out.
    pub fn of(accounts: u32) -> Self {
        Self {
            accounts,
            zones: 3,
            connections: 10,
            isolations: 3,
            egress_checks: 2,
            isolations_every_minutes: 5,
            nat_gateways: accounts * 3,
        }
    }
}

/// How often each of the hub's functions calls CloudWatch for one invocation, to send its metrics: 0 when they go
/// out in its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricCalls {
    /// The provisioner.
    pub provisioner: u32,
    /// The collector.
    pub collector: u32,
    /// The alerter, to the hub's own Region.
    pub alerter: u32,
    /// The notifier.
    pub notifier: u32,
}

/// How phonehome is deployed: what the templates and the code say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deployment {
    /// How often a probe runs, in minutes.
    pub probe_every_minutes: u32,
    /// Its memory, in MB.
    pub probe_memory_mb: u32,
    /// How often a report is published or delivered as an event to another account's bus.
    pub hops: u32,
    /// The collector's memory, in MB.
    pub collector_memory_mb: u32,
    /// How many reports it takes at once.
    pub collector_batch: u32,
    /// For how long reports wait for others, in seconds.
    pub collector_window_s: u32,
    /// How many collectors run side by side, each with a memory of its own; more where there are reports for more.
    pub collectors: u32,
    /// How old a collector's fleet file may be, in seconds.
    pub fleet_kept_s: u32,
    /// How old what a stack's probes were given, and which account a line is, may be, in seconds.
    pub stack_kept_s: u32,
    /// How old paths may be that are of the right version, in seconds.
    pub paths_kept_s: u32,
    /// How often the alerter looks through what nothing is decided of, in seconds.
    pub looked_through_every_s: u32,
    /// How many probes are looked up for each isolation that is silent.
    pub witnesses: u32,
    /// How often the alerter decides, in minutes.
    pub alerter_every_minutes: u32,
    /// Its memory, in MB.
    pub alerter_memory_mb: u32,
    /// How often the notifier looks for messages that are still there, in minutes.
    pub notifier_every_minutes: u32,
    /// Its memory, in MB.
    pub notifier_memory_mb: u32,
    /// How often the rollouts function looks whether a version is rolled out, in minutes.
    pub rollouts_every_minutes: u32,
    /// Its memory, in MB.
    pub rollouts_memory_mb: u32,
    /// How often the vendor looks whether an account is to be made, in minutes.
    pub vendor_every_minutes: u32,
    /// Its memory, in MB.
    pub vendor_memory_mb: u32,
    /// How often all accounts are looked at, in minutes.
    pub sweep_every_minutes: u32,
    /// The provisioner's memory, in MB.
    pub provisioner_memory_mb: u32,
    /// Queues that Lambda waits at in vain while nothing happens: those of work and of hints.
    pub quiet_queues: u32,
    /// Calls that send metrics.
    pub metric_calls: MetricCalls,
    /// For how many days reports are kept.
    pub kept_days: u32,
    /// How often what is kept is written, in seconds.
    pub kept_every_s: u32,
    /// Custom metrics that there can be.
    pub metrics: u32,
    /// Alarms.
    pub alarms: u32,
    /// Dashboards.
    pub dashboards: u32,
    /// Secrets.
    pub secrets: u32,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            probe_every_minutes: 1,
            probe_memory_mb: 128,
            hops: 2,
            collector_memory_mb: 256,
            collector_batch: 50,
            collector_window_s: 5,
            collectors: 2,
            fleet_kept_s: 30,
            stack_kept_s: 300,
            paths_kept_s: 600,
            looked_through_every_s: 600,
            witnesses: 4,
            alerter_every_minutes: 1,
            alerter_memory_mb: 512,
            notifier_every_minutes: 1,
            notifier_memory_mb: 256,
            rollouts_every_minutes: 1,
            rollouts_memory_mb: 512,
            vendor_every_minutes: 1,
            vendor_memory_mb: 256,
            sweep_every_minutes: 30,
            provisioner_memory_mb: 256,
            quiet_queues: 2,
            metric_calls: MetricCalls { provisioner: 0, collector: 0, alerter: 1, notifier: 1 },
            kept_days: 7,
            kept_every_s: 300,
            metrics: 35,
            alarms: 33,
            dashboards: 1,
            secrets: 1,
        }
    }
}

/// A month's bill.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// phonehome's own lines.
    pub lines: Vec<CostLine>,
    /// The networks' fixed price, which any tool's networks have.
    pub network: CostLine,
    /// What is taken off where nothing else in the organization uses AWS's permanent free tiers; not in the lines.
    pub free: f64,
}

impl Bill {
    /// phonehome's own price.
    pub fn total(&self) -> f64 {
        self.lines.iter().map(|line| line.dollars).sum()
    }
}

/// What so many reruns a minute cost a month.
pub fn reruns(fleet: &FleetSize, deployment: &Deployment, a_minute: f64) -> f64 {
    let Reruns { lambda, dynamo, events, queue_requests } = Reruns::of(fleet, deployment, a_minute);
    lambda.0 * LAMBDA_REQUEST
        + lambda.1 * LAMBDA_GB_S
        + dynamo.0 * READ
        + dynamo.1 * WRITE
        + events * EVENT
        + queue_requests * QUEUE_REQUEST
}

/// What a fleet costs a month.
pub fn monthly(fleet: &FleetSize, deployment: &Deployment) -> Bill {
    let work = Work::of(fleet, deployment);
    let lambda = |(invocations, gb_s): (f64, f64)| invocations * LAMBDA_REQUEST + gb_s * LAMBDA_GB_S;
    let dynamo = |(reads, writes): (f64, f64)| reads * READ + writes * WRITE;
    let metrics = f64::from(deployment.metrics) * METRIC + work.metric_calls * PUT_METRIC;
    let fixed = f64::from(deployment.alarms) * ALARM
        + f64::from(deployment.dashboards) * DASHBOARD
        + f64::from(deployment.secrets) * SECRET;
    let line = |what, dollars| CostLine { what, dollars };
    let lines = vec![
        line("starting probes (EventBridge Scheduler)", work.runs * SCHEDULE),
        line("probes (Lambda)", lambda(work.probing)),
        line("carrying reports (EventBridge)", work.events * EVENT),
        line("queueing reports (SQS)", work.queue_requests * QUEUE_REQUEST),
        line("collecting reports (Lambda)", lambda(work.collecting)),
        line("state of probes and paths (DynamoDB)", dynamo(work.folding)),
        line(
            "deciding and notifying (Scheduler, Lambda, DynamoDB)",
            work.schedules * SCHEDULE + lambda(work.deciding) + dynamo(work.gathering),
        ),
        line("keeping reports (Firehose, S3)", {
            let (handed_on_gb, lying_gb, objects) = work.keeping;
            handed_on_gb * FIREHOSE_GB + lying_gb * S3_GB + objects * S3_PUT
        }),
        line("sweeps (Lambda, SQS, DynamoDB)", work.sweeps(lambda, dynamo, QUEUE_REQUEST)),
        line("waiting at queues where nothing is (SQS)", work.vain_receives * QUEUE_REQUEST),
        line("logs (CloudWatch)", work.log_gb * LOG_GB),
        line("metrics and the calls that send them (CloudWatch)", metrics),
        line("alarms, dashboard, secret", fixed),
    ];
    let hours = 30.0 * 24.0;
    let network = f64::from(fleet.nat_gateways) * hours * (NAT_HOUR + ADDRESS_HOUR);
    let network = line("NAT gateways and their addresses, without data", network);
    Bill { lines, network, free: free(&work, deployment) }
}

/// What an outside watcher adds a month (`infra/watcher.yaml`): its alarm, the metric that the alerter puts there,
/// and a call for each decision.
pub fn watcher(deployment: &Deployment) -> f64 {
    ALARM + METRIC + Work::of(&FleetSize::of(0), deployment).decisions * PUT_METRIC
}

fn free(work: &Work, deployment: &Deployment) -> f64 {
    let (invocations, gb_s) = work.all_invocations();
    let requests = work.queue_requests + work.sweep_messages() + work.vain_receives;
    (work.runs + work.schedules).min(FREE_SCHEDULES) * SCHEDULE
        + invocations.min(FREE_REQUESTS) * LAMBDA_REQUEST
        + gb_s.min(FREE_GB_S) * LAMBDA_GB_S
        + requests.min(FREE_QUEUE_REQUESTS) * QUEUE_REQUEST
        + f64::from(deployment.metrics).min(FREE_METRICS) * METRIC
        + f64::from(deployment.alarms).min(FREE_METRICS) * ALARM
        + f64::from(deployment.dashboards).min(FREE_DASHBOARDS) * DASHBOARD
        + work.metric_calls.min(FREE_METRIC_CALLS) * PUT_METRIC
        + work.log_gb.min(FREE_LOG_GB) * LOG_GB
}

#[cfg(test)]
mod tests;
