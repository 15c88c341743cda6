use std::net::Ipv4Addr;
use std::time::Duration;

use phonehome_wire::{Check, CheckId, CheckKind, Class, Miss, Stage, Verdict, WIRE_VERSION};

use super::support::*;
use crate::{MAX_TIMEOUT_MS, Settings, run_with};

#[tokio::test]
async fn a_report_says_who_ran_what_and_keeps_the_order_of_the_checks() {
    let open = accepting(loopback(1, 0)).await;
    let (closed, _socket) = refusing(loopback(1, 0));
    let checks = vec![tcp_to("z", open), tcp_to("a", closed), tcp_to("m", open)];
    let report = run_with(&input(checks), &identity(), &local()).await;
    assert_eq!(report.validate(&"444455556666".parse().unwrap()), Ok(()));
    assert_eq!((report.version, report.generation, report.run_id.as_str()), (WIRE_VERSION, 7, "run-1"));
    let ids: Vec<&str> = report.results.iter().map(|result| result.id.0.as_str()).collect();
    assert_eq!(ids, ["z", "a", "m"]);
    assert!(report.started_at_ms > 1_700_000_000_000, "{}", report.started_at_ms);
}

#[tokio::test]
async fn no_checks_make_an_empty_report() {
    assert_eq!(run_with(&input(vec![]), &identity(), &Settings::default()).await.results, []);
}

#[tokio::test]
async fn a_run_without_time_tests_nothing_and_blames_nobody() {
    let open = accepting(loopback(1, 0)).await;
    let settings = Settings { limit: Duration::from_millis(100), ..local() };
    let checks = vec![tcp_to("a", open), denied(tcp_to("b", open))];
    let verdicts = verdicts(checks, &settings).await;
    let reason = "not tested: nothing is left of the run's time".to_owned();
    assert_eq!(verdicts[0], Verdict::ProbeError { reason: reason.clone() });
    assert_eq!(verdicts[1], Verdict::Inconclusive { reason });
}

#[tokio::test]
async fn what_says_nothing_is_waited_for_no_longer_than_the_run_and_the_others_pass() {
    let open = accepting(loopback(1, 0)).await;
    let (closed, _listener, _queued) = silent().await;
    let settings = Settings { limit: Duration::from_millis(1_500), ..local() };
    let report = run_with(&input(vec![tcp_to("a", closed), tcp_to("b", open)]), &identity(), &settings).await;
    assert!(matches!(report.results[0].verdict, Verdict::Fail { .. }), "{:?}", report.results[0].verdict);
    assert_eq!(report.results[1].verdict, Verdict::Ok);
    assert!(report.duration_ms <= 1_600, "{} ms", report.duration_ms);
}

#[tokio::test]
async fn a_report_says_how_long_each_phase_took_and_what_the_kernel_counted() {
    let address = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let server = nameserver(&[("web.test", &[Ipv4Addr::LOCALHOST])]).await;
    let kind = http(format!("http://web.test:{}/", address.port()), 200);
    let result = results(vec![check("a", kind)], &asking(server)).await.remove(0);
    let attempt = &result.detail.attempts[0];
    assert!(result.detail.resolve_us.is_some_and(|took| took > 0), "{result:?}");
    assert!(attempt.connect_us.is_some_and(|took| took > 0) && attempt.rtt_us > 0, "{attempt:?}");
    assert!(attempt.first_byte_us.is_some_and(|took| took > 0), "{attempt:?}");
    let phases = attempt.connect_us.unwrap() + attempt.first_byte_us.unwrap();
    assert!(attempt.total_us >= phases && attempt.tls_us.is_none(), "{attempt:?}");
}

#[tokio::test]
async fn each_address_has_a_result_of_its_own() {
    let first = accepting(loopback(1, 0)).await;
    let (second, _socket) = refusing(loopback(2, first.port()));
    let settings =
        asking(nameserver(&[("db.test", &[Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)])]).await);
    let result = results(vec![tcp("a", "db.test", first.port())], &settings).await.remove(0);
    let attempts = &result.detail.attempts;
    assert_eq!((attempts[0].address, &attempts[0].miss), (first.ip(), &None));
    assert_eq!(attempts[1].address, second.ip());
    assert!(
        matches!(&attempts[1].miss, Some(Miss::Failed { class: Class::Refused, stage: Stage::Connect, .. })),
        "{attempts:?}"
    );
}

#[tokio::test]
async fn a_clock_that_is_wrong_by_an_hour_changes_nothing_but_what_is_said_of_it() {
    let settings = Settings { clock_ahead_ms: 3_600_000, ..local() };
    let right = run_with(&input(vec![]), &identity(), &Settings::default()).await.started_at_ms;
    let report = run_with(&input(vec![]), &identity(), &settings).await;
    assert_eq!(report.clock_ahead_ms, 3_600_000);
    assert!((3_599_000..3_601_000).contains(&(right - report.started_at_ms)), "{}", report.started_at_ms);
}

#[tokio::test]
async fn bad_input_makes_its_own_checks_probe_errors_and_leaves_the_others_alone() {
    let open = accepting(loopback(1, 0)).await;
    let timed = |id, timeout_ms| Check { timeout_ms, ..tcp_to(id, open) };
    let dns = |id, name: &str, server: &str| check(id, super::support::dns(name, Some(server)));
    let tls = CheckKind::Tls { host: "127.0.0.1".into(), port: 1, server_name: Some("no name".into()) };
    let checks = vec![
        tcp_to("twin", open),
        tcp_to("twin", open),
        timed("hasty", 0),
        timed("endless", MAX_TIMEOUT_MS + 1),
        tcp("port", "127.0.0.1", 0),
        tcp("host", "", 1),
        check("url", http("gopher://a.test/", 200)),
        check("tls", tls),
        check("newer", CheckKind::Unknown),
        dns("nameserver", "db.test", "ns.test"),
        dns("address", "10.0.0.1", "127.0.0.1"),
        tcp_to("good", open),
    ];
    let mut verdicts = verdicts(checks, &local()).await;
    assert_eq!(verdicts.pop(), Some(Verdict::Ok));
    for verdict in verdicts {
        assert!(matches!(verdict, Verdict::ProbeError { .. }), "{verdict:?}");
    }
}

#[tokio::test]
async fn the_same_input_gives_the_same_verdicts_again() {
    let open = accepting(loopback(1, 0)).await;
    let (closed, _socket) = refusing(loopback(1, 0));
    let checks = vec![denied(tcp_to("deny", closed)), tcp_to("control", open)];
    let input = input(checks);
    let verdicts = |report: phonehome_wire::Report| -> Vec<(CheckId, Verdict)> {
        report.results.into_iter().map(|result| (result.id, result.verdict)).collect()
    };
    let first = run_with(&input, &identity(), &local()).await;
    let second = run_with(&input, &identity(), &local()).await;
    assert_eq!(verdicts(first), verdicts(second));
}
