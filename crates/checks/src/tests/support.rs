//! Listeners to test against. Nothing here leaves 127.0.0.0/8.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::A;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use phonehome_wire::{
    Check, CheckId, CheckKind, CheckResult, Expect, ProbeInput, Purpose, Stage, Target, Verdict, WIRE_VERSION,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

use crate::{Identity, Settings, run_with};

/// Ample for what answers; never waited for in full.
pub(super) const PATIENT_MS: u64 = 20_000;
/// For what never answers; always waited for in full.
pub(super) const BRIEF_MS: u64 = 200;

pub(super) fn check(id: &str, kind: CheckKind) -> Check {
    Check {
        id: CheckId(id.to_owned()),
        kind,
        expect: Expect::Connect,
        purpose: Purpose::default(),
        target: Target::default(),
        timeout_ms: PATIENT_MS,
        control: None,
        every_minutes: 1,
    }
}

pub(super) fn tcp(id: &str, host: &str, port: u16) -> Check {
    check(id, CheckKind::Tcp { host: host.to_owned(), port })
}

pub(super) fn tcp_to(id: &str, address: SocketAddr) -> Check {
    tcp(id, &address.ip().to_string(), address.port())
}

pub(super) fn denied(check: Check) -> Check {
    Check { expect: Expect::Deny, ..check }
}

pub(super) fn brief(check: Check) -> Check {
    Check { timeout_ms: BRIEF_MS, ..check }
}

pub(super) fn input(checks: Vec<Check>) -> ProbeInput {
    ProbeInput {
        version: WIRE_VERSION,
        generation: 7,
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        checks,
    }
}

pub(super) fn identity() -> Identity {
    Identity { account: "444455556666".parse().unwrap(), run_id: "run-1".to_owned() }
}

pub(super) async fn results(checks: Vec<Check>, settings: &Settings) -> Vec<CheckResult> {
    run_with(&input(checks), &identity(), settings).await.results
}

pub(super) async fn verdicts(checks: Vec<Check>, settings: &Settings) -> Vec<Verdict> {
    results(checks, settings).await.into_iter().map(|result| result.verdict).collect()
}

pub(super) async fn verdict(check: Check, settings: &Settings) -> Verdict {
    verdicts(vec![check], settings).await.remove(0)
}

/// The error of a failure at `stage`; anything else fails the test.
#[track_caller]
pub(super) fn failed_at(verdict: &Verdict, stage: Stage) -> &str {
    match verdict {
        Verdict::Fail { stage: found, error } if *found == stage => error,
        other => panic!("expected a failure at {stage:?}, got {other:?}"),
    }
}

/// Accepts connections and keeps them open without a word.
pub(super) async fn accepting(address: impl Into<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind(address.into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = vec![];
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    address
}

/// Accepts connections and closes them at once.
pub(super) async fn closing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    address
}

/// Greets whoever connects, without waiting to be spoken to, and keeps the connection open.
pub(super) async fn greeting(text: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = vec![];
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(text.as_bytes()).await;
            open.push(stream);
        }
    });
    address
}

/// A port that is bound, so that nobody else takes it, but not listened on: it refuses for as long
/// as the socket is kept.
pub(super) fn refusing(address: impl Into<SocketAddr>) -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address.into()).unwrap();
    (socket.local_addr().unwrap(), socket)
}

/// A listener whose queue is full and never emptied: further connections get no answer, for as
/// long as what is returned is kept.
pub(super) async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(loopback(1, 0)).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = vec![];
    let patience = Duration::from_millis(BRIEF_MS);
    while let Ok(Ok(stream)) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        queued.push(stream);
    }
    (address, listener, queued)
}

pub(super) fn loopback(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, last], port))
}

/// Answers every request with `response`, over plain TCP.
pub(super) async fn answering(response: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, response));
        }
    });
    address
}

/// Reads one request and answers it; gives the request.
pub(super) async fn answer<S>(mut stream: S, response: &str) -> String
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut request = vec![];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => break,
        }
    }
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
    String::from_utf8_lossy(&request).into_owned()
}

/// A nameserver that knows these names. `silent.test` is never answered and `broken.test` with
/// SERVFAIL; a name without addresses exists but has none, any other does not exist.
pub(super) async fn nameserver(names: &[(&str, &[Ipv4Addr])]) -> SocketAddr {
    nameserver_after(Duration::ZERO, names).await
}

/// The same that takes its time for every answer.
pub(super) async fn nameserver_after(delay: Duration, names: &[(&str, &[Ipv4Addr])]) -> SocketAddr {
    let names: BTreeMap<String, Vec<Ipv4Addr>> =
        names.iter().map(|(name, addresses)| (format!("{name}."), addresses.to_vec())).collect();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            if let Some(answer) = answer_question(question, &names) {
                tokio::time::sleep(delay).await;
                socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
            }
        }
    });
    address
}

fn answer_question(mut message: Message, names: &BTreeMap<String, Vec<Ipv4Addr>>) -> Option<Message> {
    let query = message.queries[0].clone();
    let name = query.name().to_ascii().to_lowercase();
    if name == "silent.test." {
        return None;
    }
    message.metadata.message_type = MessageType::Response;
    message.metadata.response_code = match names.get(&name) {
        _ if name == "broken.test." => ResponseCode::ServFail,
        Some(_) => ResponseCode::NoError,
        None => ResponseCode::NXDomain,
    };
    let addresses = names.get(&name).filter(|_| query.query_type() == RecordType::A);
    for address in addresses.into_iter().flatten() {
        message.add_answer(Record::from_rdata(query.name().clone(), 60, RData::A(A(*address))));
    }
    Some(message)
}

/// Settings with which this machine counts: all that is tested here is on it.
pub(super) fn local() -> Settings {
    Settings { own_machine_counts: true, ..Settings::default() }
}

/// Settings that resolve host names at `nameserver`.
pub(super) fn asking(nameserver: SocketAddr) -> Settings {
    Settings { nameserver: Some(nameserver), ..local() }
}
