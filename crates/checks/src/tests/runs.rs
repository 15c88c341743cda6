use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phonehome_wire::{Check, CheckId, CheckKind, Verdict, WIRE_VERSION};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use super::support::*;
use crate::{MAX_CONCURRENT_CHECKS, MAX_TIMEOUT_MS, Settings, run, run_with};

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
    assert_eq!(run(&input(vec![]), &identity()).await.results, []);
}

/// Answers nobody until a full round of checks is waiting, so the run only ends if that many run
/// at the same time; and counts how many did.
async fn rounds_of(size: usize, most: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (barrier, waiting) = (Arc::new(Barrier::new(size)), Arc::new(AtomicUsize::new(0)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (barrier, waiting, most) = (barrier.clone(), waiting.clone(), most.clone());
            tokio::spawn(async move {
                most.fetch_max(waiting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                barrier.wait().await;
                waiting.fetch_sub(1, Ordering::SeqCst);
                answer(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            });
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn many_checks_run_side_by_side_but_never_more_than_the_bound() {
    let most = Arc::new(AtomicUsize::new(0));
    let url = rounds_of(MAX_CONCURRENT_CHECKS, most.clone()).await;
    let http = |n| check(&format!("check-{n}"), CheckKind::Http { url: url.clone(), status: 200 });
    let checks = (0..4 * MAX_CONCURRENT_CHECKS).map(http).collect();
    let verdicts = verdicts(checks, &local()).await;
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Ok), "{verdicts:?}");
    assert_eq!(most.load(Ordering::SeqCst), MAX_CONCURRENT_CHECKS);
}

#[tokio::test]
async fn a_check_that_does_not_fit_into_the_run_is_not_begun() {
    let open = accepting(loopback(1, 0)).await;
    let settings = Settings { limit: Duration::from_millis(PATIENT_MS - 1), ..local() };
    let result = results(vec![tcp_to("a", open)], &settings).await.remove(0);
    let reason = "not tested: its 20000 ms do not fit into what is left of the run's 19999 ms".to_owned();
    assert_eq!(result.verdict, Verdict::ProbeError { reason });
}

#[tokio::test]
async fn bad_input_makes_its_own_checks_probe_errors_and_leaves_the_others_alone() {
    let open = accepting(loopback(1, 0)).await;
    let timed = |id, timeout_ms| Check { timeout_ms, ..tcp_to(id, open) };
    let dns = |id, name: &str, server: &str| {
        check(id, CheckKind::Dns { name: name.to_owned(), nameserver: Some(server.to_owned()) })
    };
    let tls = CheckKind::Tls { host: "127.0.0.1".into(), port: 1, server_name: Some("no name".into()) };
    let checks = vec![
        tcp_to("twin", open),
        tcp_to("twin", open),
        timed("hasty", 0),
        timed("endless", MAX_TIMEOUT_MS + 1),
        tcp("port", "127.0.0.1", 0),
        tcp("host", "", 1),
        check("url", CheckKind::Http { url: "gopher://a.test/".into(), status: 200 }),
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
