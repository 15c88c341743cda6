use super::*;

fn bill(fleet: &FleetSize) -> Bill {
    monthly(fleet, &Deployment::default())
}

fn line(bill: &Bill, part: &str) -> f64 {
    bill.lines.iter().find(|line| line.what.contains(part)).unwrap().dollars
}

#[test]
fn a_nat_gateway_with_its_address_is_thirty_six_dollars_a_month() {
    let network = bill(&FleetSize { nat_gateways: 1, ..FleetSize::of(0) }).network;
    assert!((network.dollars - 36.0).abs() < 0.01, "{}", network.dollars);
}

#[test]
fn the_bill_grows_with_the_probes_and_not_with_the_metrics() {
    let none = bill(&FleetSize::of(0));
    let each = (bill(&FleetSize::of(130)).total() - none.total()) / 130.0;
    assert!(none.total() < 20.0, "fixed part: {none:?}");
    assert!(each < 0.90, "each account: {each}");
    let calls = |accounts| line(&bill(&FleetSize::of(accounts)), "calls");
    assert!(
        (calls(10_000) - calls(0)).abs() < 1e-9,
        "whatever runs for reports or accounts sends no metrics"
    );
}

#[test]
fn a_probe_of_one_zone_is_started_and_its_report_carried_43_200_times_a_month() {
    let one = bill(&FleetSize { zones: 1, ..FleetSize::of(1) });
    assert!((line(&one, "starting") - 0.0432).abs() < 1e-9);
    assert!((line(&one, "carrying") - 0.0864).abs() < 1e-9, "published, and delivered to the hub");
}

#[test]
fn a_report_that_is_longer_than_64_kb_is_carried_as_two() {
    let few = FleetSize { zones: 1, ..FleetSize::of(1) };
    let many = FleetSize { connections: 60, ..few };
    assert!((line(&bill(&many), "carrying") / line(&bill(&few), "carrying") - 2.0).abs() < 1e-9);
}

#[test]
fn the_silence_of_isolations_is_paid_for_on_their_turn() {
    let fleet = FleetSize::of(130);
    let probes = |fleet: &FleetSize| line(&bill(fleet), "probes (Lambda)");
    let without = probes(&FleetSize { isolations: 0, ..fleet });
    let each_minute = probes(&FleetSize { isolations_every_minutes: 1, ..fleet });
    assert!(without < probes(&fleet) && probes(&fleet) < each_minute);
}

#[test]
fn a_longer_window_makes_larger_batches_up_to_their_limit() {
    let size = |window_s, reports_a_second| {
        let deployment = Deployment { collector_window_s: window_s, ..Deployment::default() };
        work::batch_size(reports_a_second, &deployment)
    };
    assert!((size(0, 6.5) - 1.0).abs() < 1e-9, "without a window each report is alone");
    assert!((size(5, 6.5) - 7.5).abs() < 1e-9);
    assert!((size(5, 650.0) - 50.0).abs() < 1e-9);
}

#[test]
fn a_call_for_each_report_would_cost_more_than_the_rest() {
    let fleet = FleetSize::of(130);
    let alone = Deployment { collector_window_s: 0, ..Deployment::default() };
    let calling = MetricCalls { collector: 1, ..alone.metric_calls };
    let with = monthly(&fleet, &Deployment { metric_calls: calling, ..alone }).total();
    let without = monthly(&fleet, &alone).total();
    // 390 reports a minute, for 30 days, at a cent for a thousand calls.
    assert!((with - without - 168.48).abs() < 0.01, "{}", with - without);
}

/// 130 accounts: 390 reports a minute, of some 11 KB each, which are billed as 15 KB.
#[test]
fn keeping_reports_costs_a_few_dollars_and_nothing_when_none_are_kept() {
    let fleet = FleetSize::of(130);
    let keeping = |fleet: &FleetSize, days| {
        line(&monthly(fleet, &Deployment { kept_days: days, ..Deployment::default() }), "keeping")
    };
    let handed_on = 390.0 * 43_200.0 * 15.0 * 1024.0 / 1e9 * 0.029;
    let (week, month) = (keeping(&fleet, 7), keeping(&fleet, 30));
    assert!(week > handed_on && week < handed_on + 0.30, "{week} of which handed on: {handed_on}");
    assert!(month - week < 0.60, "what lies there is cheap: {month}");
    assert!(keeping(&fleet, 0).abs() < 1e-9);
    assert!(week < 84.24, "one object for each report would be 84.24");
}

#[test]
fn a_watcher_costs_less_than_a_dollar() {
    // A metric, an alarm, 43,200 calls.
    assert!((watcher(&Deployment::default()) - (0.30 + 0.10 + 0.432)).abs() < 1e-9);
}

#[test]
fn ten_thousand_accounts_have_more_collectors_than_the_template_by_default() {
    let of = |accounts| work::collectors(&FleetSize::of(accounts), &Deployment::default());
    assert!((of(130) - 2.0).abs() < 1e-9);
    assert!((of(10_000) - 21.0).abs() < 1e-9, "{}", of(10_000));
}

#[test]
fn each_part_of_a_probes_checks_is_a_run_of_its_own() {
    let of = |checks: u32| {
        let fleet =
            FleetSize { connections: checks, isolations: 0, egress_checks: 0, zones: 1, ..FleetSize::of(1) };
        let work = Work::of(&fleet, &Deployment::default());
        (work.runs / 43_200.0).round()
    };
    assert_eq!([0, 1, 200, 201, 400, 401].map(of), [1.0, 1.0, 1.0, 2.0, 2.0, 3.0]);
}

#[test]
fn a_packs_key_costs_more_with_each_of_its_first_two_rotations_and_what_is_empty_costs_nothing() {
    let document = document();
    for line in [
        "| `key: true`, in its first year | 10.00 | 130.00 | 1,000.00 | 10,000.00 |",
        "| the same from its third year on | 30.00 | 390.00 | 3,000.00 | 30,000.00 |",
        "| roles and the identity provider | 0.00 | 0.00 | 0.00 | 0.00 |",
    ] {
        assert!(document.contains(line), "{line}");
    }
}
