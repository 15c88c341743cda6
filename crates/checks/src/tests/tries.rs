use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phonehome_wire::{Approach, Check, CheckResult, Class, Stage, Verdict};
use socket2::{SockFilter, SockRef};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::support::*;

/// With as many tries as there are ways.
fn thorough(check: Check) -> Check {
    Check { tries: 3, timeout_ms: 1_500, ..check }
}

fn approaches(result: &CheckResult) -> Vec<Approach> {
    result.detail.attempts.iter().map(|attempt| attempt.approach).collect()
}

/// Drops what is longer than this, in bytes with TCP's header, of all connections of a listener.
fn drop_longer_than(listener: &TcpListener, bytes: u32) {
    let filter = [
        // BPF_LD | BPF_W | BPF_LEN, BPF_JMP | BPF_JGT | BPF_K, BPF_RET | BPF_K: nothing, everything.
        SockFilter::new(0x80, 0, 0, 0),
        SockFilter::new(0x25, 0, 1, bytes),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    SockRef::from(listener).attach_filter(&filter).unwrap();
}

/// Answers a request whose head is whole; the URL is long, so that it does not fit into a small packet.
async fn behind_a_hole() -> (SocketAddr, Check) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop_longer_than(&listener, 700);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    let url = format!("http://{address}/{}", "x".repeat(1_000));
    (address, thorough(check("a", http(url, 200))))
}

#[tokio::test]
async fn a_hole_for_large_packets_proves_itself() {
    let (address, check) = behind_a_hole().await;
    let result = results(vec![check], &local()).await.remove(0);
    assert_eq!(class_at(&result.verdict, Stage::Request), Class::MtuBlackHole);
    let error = failed_at(&result.verdict, Stage::Request);
    assert!(error.contains(&address.to_string()) && error.contains("MTU"), "{error}");
    assert_eq!(approaches(&result), [Approach::First, Approach::OtherPort, Approach::SmallSegments]);
    assert!(result.detail.attempts[0].retransmissions > 0, "{result:?}");
}

#[tokio::test]
async fn one_bad_source_port_is_worth_a_note_and_no_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        let mut open = vec![];
        while let Ok((stream, _)) = listener.accept().await {
            if served.fetch_add(1, Ordering::SeqCst) == 0 {
                open.push(stream);
                continue;
            }
            tokio::spawn(answer(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        }
    });
    let check = thorough(check("a", http(format!("http://{address}/"), 200)));
    let result = results(vec![check], &local()).await.remove(0);
    assert_eq!(result.verdict, Verdict::Ok);
    assert_eq!(approaches(&result), [Approach::First, Approach::OtherPort]);
    assert!(result.detail.attempts[0].miss.is_some() && result.detail.attempts[1].miss.is_none());
    assert!(result.detail.note.is_some_and(|note| note.contains("source port")));
}

#[tokio::test]
async fn what_fails_for_certain_and_what_must_not_connect_is_tried_once() {
    let address = answering("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
    let (closed, _listener, _queued) = silent().await;
    let status = thorough(check("status", http(format!("http://{address}/"), 200)));
    let deny = denied(thorough(tcp_to("deny", closed)));
    for result in results(vec![status, deny], &local()).await {
        assert_eq!(approaches(&result), [Approach::First], "{result:?}");
    }
}

#[tokio::test]
async fn who_asks_for_one_try_gets_one() {
    let (closed, _socket) = refusing(loopback(1, 0));
    let result = results(vec![tcp_to("a", closed)], &local()).await.remove(0);
    assert_eq!(approaches(&result), [Approach::First]);
    let result = results(vec![thorough(tcp_to("a", closed))], &local()).await.remove(0);
    assert_eq!(approaches(&result), [Approach::First, Approach::OtherPort]);
    assert_eq!(class_at(&result.verdict, Stage::Connect), Class::Refused);
}

#[tokio::test]
async fn who_asks_for_two_tries_gets_no_third_however_much_it_would_tell() {
    let (_, check) = behind_a_hole().await;
    let result = results(vec![Check { tries: 2, timeout_ms: 300, ..check }], &local()).await.remove(0);
    assert_eq!(approaches(&result), [Approach::First, Approach::OtherPort]);
    assert_eq!(class_at(&result.verdict, Stage::Request), Class::HttpTimeout);
}

#[tokio::test]
async fn a_second_try_goes_out_from_another_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ports = Arc::new(std::sync::Mutex::new(vec![]));
    let seen = ports.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, peer)) = listener.accept().await {
            seen.lock().unwrap().push(peer.port());
            tokio::spawn(async move {
                let mut sink = [0; 4096];
                while stream.read(&mut sink).await.is_ok_and(|length| length > 0) {}
                tokio::time::sleep(Duration::from_secs(9)).await;
            });
        }
    });
    let check = Check { timeout_ms: 300, ..thorough(check("a", http(format!("http://{address}/"), 200))) };
    results(vec![check], &local()).await;
    let ports = ports.lock().unwrap().clone();
    assert_eq!(ports.len(), 3);
    assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2], "{ports:?}");
}
