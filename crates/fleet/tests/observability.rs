//! Where accounts are observed, as declared.

mod support;

use phonehome_fleet::{MetricStream, Observability, ObservabilityDataCenter, ObservabilityVendor};
use support::{EVERY_KEY, SMALL, only_problem};

/// The small file with a starter pack.
fn pack(yaml: &str) -> String {
    format!("{SMALL}\nstarter_pack: {yaml}\n")
}

fn of(text: &str, line: &str) -> Option<Observability> {
    let fleet = support::fleet(text);
    let member = fleet.members().into_iter().find(|it| it.line().as_str() == line).unwrap();
    fleet.starter_pack_of(&member)?.observability
}

const EU: Observability = Observability {
    vendor: ObservabilityVendor::NewRelic,
    data_center: ObservabilityDataCenter::Eu,
    metric_stream: None,
};

#[test]
fn nothing_is_observed_unless_it_is_declared_and_a_narrower_section_can_take_it_back() {
    assert_eq!(of(SMALL, "shop/prod"), None);
    let everywhere =
        pack("{ permissions_boundary: b, observability: { vendor: new_relic, data_center: eu } }");
    assert_eq!(of(&everywhere, "shop/prod"), Some(EU));
    let without = everywhere.replacen(
        "owner: team-shop",
        "owner: team-shop\n    starter_pack: { observability: false }",
        1,
    );
    assert_ne!(without, everywhere);
    assert_eq!(of(&without, "shop/prod"), None);
}

#[test]
fn an_account_is_named_for_one_line_and_only_where_it_is_observed() {
    let fleet = support::fleet(EVERY_KEY);
    let member = fleet.members().into_iter().find(|it| it.line().as_str() == "shop/prod").unwrap();
    assert_eq!(fleet.observability_account_of(&member), Some(4_000_001));
    let other = fleet.members().into_iter().find(|it| it.line().as_str() == "shop/dev").unwrap();
    assert_eq!(fleet.observability_account_of(&other), None);
    let twice = EVERY_KEY.replacen("- dev\n", "- { name: dev, observability_account: 4000001 }\n", 1);
    let problem = only_problem(&twice);
    assert!(problem.contains("4000001") && problem.contains("observability vendor"), "{problem}");
    let unobserved = EVERY_KEY.lines().filter(|line| !line.starts_with("  observability: {"));
    let unobserved = unobserved.collect::<Vec<_>>().join("\n");
    let problem = only_problem(&unobserved);
    assert!(problem.contains("names the account 4000001, and no `observability` is declared"), "{problem}");
}

#[test]
fn where_the_data_is_has_to_be_said() {
    for (yaml, says) in [
        ("{ observability: true }", "neither which vendor nor where"),
        ("{ observability: { vendor: new_relic } }", "data_center"),
        ("{ observability: { vendor: datadog, data_center: eu } }", "`datadog` is none of `new_relic`"),
        ("{ observability: { vendor: new_relic, data_center: uk } }", "`uk` is none of `us`, `eu`"),
    ] {
        let problem = only_problem(&pack(yaml));
        assert!(problem.contains(says), "{yaml}: {problem}");
    }
}

#[test]
fn no_declared_role_takes_the_name_of_the_one_that_the_vendor_assumes() {
    let role = "{ name: phonehome-observability, trusted: [{ account: \"999999999999\", role: r }] }";
    let problem = only_problem(&pack(&format!("{{ access_roles: [{role}] }}")));
    assert!(problem.contains("two roles called `phonehome-observability`"), "{problem}");
}

#[test]
fn metrics_are_streamed_of_the_namespaces_that_are_declared_and_a_narrower_section_takes_the_place_of_all() {
    let streamed = "observability: { vendor: new_relic, data_center: eu, metric_stream: { namespaces: [AWS/EC2, Team/x] } }";
    let everywhere = pack(&format!("{{ permissions_boundary: b, {streamed} }}"));
    let stream = MetricStream { namespaces: vec!["AWS/EC2".to_owned(), "Team/x".to_owned()] };
    assert_eq!(of(&everywhere, "shop/prod"), Some(Observability { metric_stream: Some(stream), ..EU }));
    let narrower = "starter_pack: { observability: { vendor: new_relic, data_center: eu } }";
    let without = everywhere.replacen("owner: team-shop", &format!("owner: team-shop\n    {narrower}"), 1);
    assert_eq!(of(&without, "shop/prod"), Some(EU));
}

#[test]
fn a_stream_without_namespaces_or_with_what_is_none_or_too_many_or_one_twice_is_refused() {
    let many = (0..51).map(|it| format!("N/{it}")).collect::<Vec<_>>().join(", ");
    for (stream, says) in [
        ("{}".to_owned(), "namespaces"),
        ("{ namespaces: [] }".to_owned(), "at least one namespace"),
        ("{ namespaces: [\"AWS/*\"] }".to_owned(), "`AWS/*` is not a namespace of metrics"),
        ("{ namespaces: [\":x\"] }".to_owned(), "`:x` is not a namespace of metrics"),
        ("{ namespaces: [AWS/EC2, AWS/EC2] }".to_owned(), "AWS/EC2"),
        (format!("{{ namespaces: [{many}] }}"), "51 namespaces are streamed, 50 can be"),
    ] {
        let observability = format!("{{ vendor: new_relic, data_center: eu, metric_stream: {stream} }}");
        let problem = only_problem(&pack(&format!("{{ observability: {observability} }}")));
        assert!(problem.contains(says), "{stream}: {problem}");
    }
}

#[test]
fn no_declared_role_or_bucket_takes_the_name_of_one_of_the_stream() {
    for name in ["phonehome-metric-stream", "phonehome-metric-delivery"] {
        let role = format!("{{ name: {name}, trusted: [{{ account: \"999999999999\", role: r }}] }}");
        let problem = only_problem(&pack(&format!("{{ access_roles: [{role}] }}")));
        assert!(problem.contains(&format!("two roles called `{name}`")), "{problem}");
    }
    let stream = "{ vendor: new_relic, data_center: eu, metric_stream: { namespaces: [AWS/EC2] } }";
    let problem = only_problem(&pack(&format!(
        "{{ log_bucket: {{ name: phonehome-metrics }}, permissions_boundary: b, observability: {stream} }}"
    )));
    assert!(problem.contains("`phonehome-metrics`, which is that of the metric stream"), "{problem}");
    support::fleet(&pack("{ log_bucket: { name: phonehome-metrics } }"));
}
