use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use phonehome_wire::{Check, CheckResult, Stage, Verdict};
use socket2::{SockRef, Socket};
use tokio::net::TcpListener;

use super::support::*;
use crate::{Settings, run_with};

/// What classic BPF returns to drop a packet.
fn drop_everything(listener: &TcpListener) {
    // BPF_RET | BPF_K of 0 bytes: nothing of the packet is kept.
    let nothing = socket2::SockFilter::new(0x06, 0, 0, 0);
    SockRef::from(listener).attach_filter(&[nothing]).unwrap();
}

async fn result(check: Check, settings: &Settings) -> CheckResult {
    results(vec![check], settings).await.remove(0)
}

/// Two SYNs, and no word within 2 s.
fn silence(address: SocketAddr) -> Verdict {
    Verdict::Denied { error: format!("no answer from {address} to 2 SYNs within 2000 ms") }
}

#[tokio::test]
async fn silence_is_a_denial_and_says_at_which_address() {
    let (closed, _listener, _queued) = silent().await;
    let result = result(denied(tcp_to("deny", closed)), &local()).await;
    assert_eq!((result.verdict, result.addresses), (silence(closed), vec![closed.ip()]));
}

#[tokio::test]
async fn a_refusal_has_crossed_the_network() {
    let (closed, _socket) = refusing(loopback(1, 0));
    let verdict = verdict(denied(tcp_to("deny", closed)), &local()).await;
    let expected = format!("a packet crossed: connection refused by {closed}");
    assert_eq!(failed_at(&verdict, Stage::Open), expected);
}

#[tokio::test]
async fn a_lost_syn_is_no_denial() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop_everything(&listener);
    let heal = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        SockRef::from(&listener).detach_filter().unwrap();
    };
    let settings = local();
    let check = verdict(denied(tcp_to("deny", address)), &settings);
    let (verdict, ()) = tokio::join!(check, heal);
    assert_eq!(failed_at(&verdict, Stage::Open), format!("reached {address}"));
}

#[tokio::test]
async fn a_connection_that_is_reset_once_it_stands_was_open() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Closed with a reset, not with a FIN.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        let _ = stream.flush();
        drop(Socket::from(stream));
    });
    let verdict = verdict(denied(tcp_to("deny", address)), &local()).await;
    accepting.join().unwrap();
    let error = failed_at(&verdict, Stage::Open);
    let reset = format!("a packet crossed: connection reset by {address}");
    assert!(error == format!("reached {address}") || error == reset, "{error}");
}

#[tokio::test]
async fn a_resolver_that_is_late_takes_nothing_from_the_wait_for_silence() {
    let (closed, _listener, _queued) = silent().await;
    let server = nameserver_after(Duration::from_millis(700), &[("db.test", &[Ipv4Addr::LOCALHOST])]).await;
    let check = Check { timeout_ms: 1_000, ..denied(tcp("deny", "db.test", closed.port())) };
    assert_eq!(verdict(check, &asking(server)).await, silence(closed));
}

#[tokio::test]
async fn where_nobody_says_whether_there_are_ipv6_addresses_silence_of_the_others_is_no_denial() {
    let (closed, _listener, _queued) = silent().await;
    let settings = asking(nameserver(&[]).await);
    match verdict(denied(tcp("deny", "four.test", closed.port())), &settings).await {
        Verdict::Inconclusive { reason } => assert!(reason.contains("IPv6"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_open_path_fails_although_the_service_behind_it_answers_nothing() {
    let open = accepting(loopback(1, 0)).await;
    let https = http(format!("https://{open}/"), 200);
    for check in [tcp_to("deny", open), check("deny", https)] {
        let verdict = verdict(denied(check), &local()).await;
        assert_eq!(failed_at(&verdict, Stage::Open), format!("reached {open}"));
    }
}

#[tokio::test]
async fn one_open_address_among_silent_ones_fails() {
    let (closed, _listener, _queued) = silent().await;
    accepting(loopback(2, closed.port())).await;
    let addresses = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)];
    let settings = asking(nameserver(&[("db.test", &addresses)]).await);
    let verdict = verdict(denied(tcp("deny", "db.test", closed.port())), &settings).await;
    assert_eq!(failed_at(&verdict, Stage::Open), format!("reached 127.0.0.2:{}", closed.port()));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_no_denial() {
    let server = nameserver(&[]).await;
    let lookup = dns("gone.test", None);
    for check in [tcp("deny", "gone.test", 443), check("deny", lookup)] {
        match verdict(denied(check), &asking(server)).await {
            Verdict::Inconclusive { reason } => assert!(reason.contains("NXDOMAIN"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_nameserver_that_says_nothing_is_no_denial() {
    let server = nameserver(&[]).await;
    let kind = dns("silent.test", Some(&server.to_string()));
    let verdict = verdict(brief(denied(check("deny", kind))), &local()).await;
    assert!(matches!(verdict, Verdict::Inconclusive { .. }), "{verdict:?}");
}

#[tokio::test]
async fn what_the_probes_own_machine_answers_proves_nothing() {
    let open = accepting(loopback(1, 0)).await;
    let own: IpAddr = own_address();
    for host in ["127.0.0.1", "localhost", "0.0.0.0", "169.254.1.1", "224.0.0.1", &own.to_string()] {
        for check in [tcp("a", host, open.port()), denied(tcp("a", host, open.port()))] {
            let verdict = verdict(check, &Settings::default()).await;
            assert!(matches!(verdict, Verdict::Inconclusive { .. }), "{host}: {verdict:?}");
        }
    }
}

/// This machine's address towards the internet; its loopback address where there is none.
fn own_address() -> IpAddr {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    match socket.connect("192.0.2.1:9") {
        Ok(()) => socket.local_addr().unwrap().ip(),
        Err(_) => Ipv4Addr::LOCALHOST.into(),
    }
}

#[tokio::test]
async fn of_too_many_addresses_an_open_one_is_a_breach_and_the_rest_no_denial() {
    let open = accepting(loopback(9, 0)).await;
    let many: Vec<Ipv4Addr> = (1..=17).map(|last| Ipv4Addr::new(127, 0, 0, last)).collect();
    let settings = asking(nameserver(&[("many.test", &many)]).await);
    let verdict = verdict(denied(tcp("deny", "many.test", open.port())), &settings).await;
    failed_at(&verdict, Stage::Open);
}

#[tokio::test]
async fn a_hub_that_does_not_know_denials_takes_one_for_inconclusive() {
    let (closed, _listener, _queued) = silent().await;
    let report = run_with(&input(vec![denied(tcp_to("deny", closed))]), &identity(), &local()).await;
    let written = serde_json::to_value(&report).unwrap();
    assert_eq!((&written["version"], &written["results"][0]["verdict"]), (&1.into(), &"inconclusive".into()));
    let read: phonehome_wire::Report = serde_json::from_value(written).unwrap();
    assert_eq!(read, report);
}
