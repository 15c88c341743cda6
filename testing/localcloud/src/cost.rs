//! What a fleet costs a month, from AWS's list prices (us-east-1, arm64, on demand; read in
//! November 2026).

/// A month, in minutes (30 days).
const MINUTES: f64 = 30.0 * 24.0 * 60.0;
/// Lambda, a GB-second on arm64.
const LAMBDA_GB_S: f64 = 0.000_013_333_4;
/// Lambda, a request.
const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
/// EventBridge, one custom event over one hop.
const EVENT: f64 = 1.00 / 1e6;
/// DynamoDB on demand, one write of up to 1 KB.
const WRITE: f64 = 0.625 / 1e6;
/// DynamoDB on demand, one read of up to 4 KB.
const READ: f64 = 0.125 / 1e6;
/// CloudWatch, one custom metric for a month.
const METRIC: f64 = 0.30;
/// CloudWatch, one `PutMetricData` call.
const PUT_METRIC: f64 = 0.01 / 1000.0;
/// CloudWatch, one alarm for a month.
const ALARM: f64 = 0.10;
/// Secrets Manager, one secret for a month.
const SECRET: f64 = 0.40;
/// SQS, one request.
const QUEUE_REQUEST: f64 = 0.40 / 1e6;
/// A NAT gateway, an hour, without data.
const NAT_HOUR: f64 = 0.045;
/// A public IPv4 address, an hour.
const ADDRESS_HOUR: f64 = 0.005;

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
    /// Probes: accounts × Availability Zones.
    pub probes: f64,
    /// NAT gateways.
    pub nat_gateways: f64,
}

/// phonehome's own bill, and the networks' fixed price, which any tool's networks have.
pub fn monthly(fleet: FleetSize) -> (Vec<CostLine>, CostLine) {
    let runs = fleet.probes * MINUTES;
    // A probe: 128 MB for about 0.2 s, of which most is waiting for answers; every fifth time for 2 s, which
    // is how long silence is waited for.
    let probing = runs * (0.125 * (0.8 * 0.2 + 0.2 * 2.0) * LAMBDA_GB_S + LAMBDA_REQUEST);
    // Two hops for a report: member bus to hub bus, hub bus to queue.
    let carrying = runs * 2.0 * EVENT;
    // Batches of up to ten at 256 MB for about 0.1 s; three queue requests a batch, one a report.
    let batches = runs / 10.0;
    let collecting =
        batches * (0.25 * 0.1 * LAMBDA_GB_S + LAMBDA_REQUEST) + (runs + 3.0 * batches) * QUEUE_REQUEST;
    // A heartbeat a report; before it the stack, heartbeat, paths and what was asked, of some 8 KB, are read;
    // and for what is denied, every fifth time, who may connect to it (up to eight), and of two of these in two
    // zones heartbeat and paths.
    let storing = runs * (WRITE + 5.0 * READ + 0.2 * (8.0 + 2.0 * 2.0 * 3.0) * READ);
    // Alerter (512 MB) and notifier each minute, and the alerter's look at heartbeat and paths of each probe.
    let deciding = MINUTES * (0.75 * 0.2 * LAMBDA_GB_S + 2.0 * LAMBDA_REQUEST + fleet.probes * 2.0 * READ);
    // Nineteen aggregate metrics and 23 alarms, however large the fleet is; one call for each run of the
    // alerter and the notifier and for each batch of the collector.
    let watching = 19.0 * METRIC + 23.0 * ALARM + SECRET + (2.0 * MINUTES + batches) * PUT_METRIC;
    let lines = vec![
        CostLine { what: "probes (Lambda, each minute)", dollars: probing },
        CostLine { what: "carrying reports (EventBridge, two hops)", dollars: carrying },
        CostLine { what: "collecting (Lambda, SQS)", dollars: collecting },
        CostLine { what: "state (DynamoDB)", dollars: storing },
        CostLine { what: "deciding and notifying (Lambda, DynamoDB)", dollars: deciding },
        CostLine { what: "metrics, alarms, secret (fixed, then per batch)", dollars: watching },
    ];
    let hours = 30.0 * 24.0;
    let network = fleet.nat_gateways * hours * (NAT_HOUR + ADDRESS_HOUR);
    (lines, CostLine { what: "NAT gateways and their addresses, without data", dollars: network })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nat_gateway_with_its_address_is_thirty_six_dollars_a_month() {
        let (_, network) = monthly(FleetSize { probes: 0.0, nat_gateways: 1.0 });
        assert!((network.dollars - 36.0).abs() < 0.01, "{}", network.dollars);
    }

    #[test]
    fn the_bill_grows_with_the_probes_and_not_with_the_metrics() {
        let total = |probes| {
            let (lines, _) = monthly(FleetSize { probes, nat_gateways: 0.0 });
            lines.iter().map(|line| line.dollars).sum::<f64>()
        };
        let each = (total(390.0) - total(0.0)) / 390.0;
        assert!(total(0.0) < 10.0, "fixed part: {}", total(0.0));
        assert!(each < 0.30, "each probe: {each}");
    }
}
