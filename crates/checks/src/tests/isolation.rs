use std::net::Ipv4Addr;

use phonehome_wire::{Check, CheckKind, Stage, Verdict};

use super::support::*;
use crate::Settings;

#[tokio::test]
async fn a_refusal_next_to_a_passing_control_proves_isolation() {
    let open = accepting(loopback(1, 0)).await;
    let (closed, _socket) = refusing(loopback(1, 0));
    let checks = vec![denied(tcp_to("deny", closed), "control"), tcp_to("control", open)];
    assert_eq!(verdicts(checks, &Settings::default()).await, [Verdict::DenyProven, Verdict::Ok]);
}

#[tokio::test]
async fn silence_next_to_a_passing_control_proves_isolation() {
    let open = accepting(loopback(1, 0)).await;
    let (closed, _listener, _queued) = silent().await;
    let checks = vec![brief(denied(tcp_to("deny", closed), "control")), tcp_to("control", open)];
    assert_eq!(verdicts(checks, &Settings::default()).await, [Verdict::DenyProven, Verdict::Ok]);
}

#[tokio::test]
async fn a_refusal_next_to_a_failed_control_proves_nothing() {
    let (closed, _socket) = refusing(loopback(1, 0));
    let (dead, _other) = refusing(loopback(1, 0));
    let checks = vec![denied(tcp_to("deny", closed), "control"), tcp_to("control", dead)];
    let reason = format!(
        "connection refused by {closed}, but its control \"control\" did not pass (connection refused by {dead})"
    );
    assert_eq!(verdicts(checks, &Settings::default()).await[0], Verdict::Inconclusive { reason });
}

#[tokio::test]
async fn a_control_that_is_missing_unknown_or_a_denial_itself_proves_nothing() {
    let (closed, _socket) = refusing(loopback(1, 0));
    let unnamed = Check { control: None, ..denied(tcp_to("unnamed", closed), "") };
    let checks = vec![
        unnamed,
        denied(tcp_to("unknown", closed), "nobody"),
        denied(tcp_to("mutual", closed), "unknown"),
        denied(tcp_to("itself", closed), "itself"),
    ];
    let verdicts = verdicts(checks, &Settings::default()).await;
    for (verdict, part) in verdicts.iter().zip(["names no", "not among", "either", "either"]) {
        match verdict {
            Verdict::Inconclusive { reason } => assert!(reason.contains(part), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_open_path_fails_although_the_service_behind_it_answers_nothing() {
    let open = accepting(loopback(1, 0)).await;
    let https = CheckKind::Http { url: format!("https://{open}/"), status: 200 };
    for check in [tcp_to("deny", open), check("deny", https)] {
        let verdict = verdict(denied(check, "control"), &Settings::default()).await;
        assert_eq!(failed_at(&verdict, Stage::Open), format!("reached {open}"));
    }
}

#[tokio::test]
async fn one_open_address_among_closed_ones_fails() {
    let open = accepting(loopback(2, 0)).await;
    let (_, _socket) = refusing(loopback(1, open.port()));
    let control = accepting(loopback(1, 0)).await;
    let addresses = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)];
    let settings = asking(nameserver(&[("db.test", &addresses)]).await);
    let checks = vec![denied(tcp("deny", "db.test", open.port()), "control"), tcp_to("control", control)];
    let verdicts = verdicts(checks, &settings).await;
    assert_eq!(failed_at(&verdicts[0], Stage::Open), format!("reached {open}"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_proves_no_isolation() {
    let open = accepting(loopback(1, 0)).await;
    let server = nameserver(&[]).await;
    let lookup = CheckKind::Dns { name: "gone.test".to_owned(), nameserver: None };
    for check in [tcp("deny", "gone.test", 443), check("deny", lookup)] {
        let checks = vec![denied(check, "control"), tcp_to("control", open)];
        match &verdicts(checks, &asking(server)).await[0] {
            Verdict::Inconclusive { reason } => assert!(reason.contains("NXDOMAIN"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_nameserver_that_is_named_and_says_nothing_is_denied() {
    let open = accepting(loopback(1, 0)).await;
    let server = nameserver(&[]).await;
    let kind = CheckKind::Dns { name: "silent.test".to_owned(), nameserver: Some(server.to_string()) };
    let deny = brief(denied(check("deny", kind), "control"));
    let checks = vec![deny, tcp_to("control", open)];
    assert_eq!(verdicts(checks, &Settings::default()).await[0], Verdict::DenyProven);
}

#[tokio::test]
async fn a_duplicate_control_proves_nothing() {
    let open = accepting(loopback(1, 0)).await;
    let (closed, _socket) = refusing(loopback(1, 0));
    let checks = vec![denied(tcp_to("deny", closed), "twin"), tcp_to("twin", open), tcp_to("twin", open)];
    let verdicts = verdicts(checks, &Settings::default()).await;
    assert!(matches!(verdicts[0], Verdict::Inconclusive { .. }), "{:?}", verdicts[0]);
    assert!(matches!(verdicts[1], Verdict::ProbeError { .. }), "{:?}", verdicts[1]);
}
