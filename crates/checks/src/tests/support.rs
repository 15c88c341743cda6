//! Listeners to test against. Nothing here leaves 127.0.0.0/8.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, TXT};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use phonehome_wire::{
    Check, CheckId, CheckKind, CheckResult, Class, Expect, HttpMethod, ProbeInput, Purpose, Stage, Target,
    Verdict, WIRE_VERSION,
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
        // The other ways have tests of their own.
        tries: 1,
    }
}

pub(super) fn tcp(id: &str, host: &str, port: u16) -> Check {
    check(id, CheckKind::Tcp { host: host.to_owned(), port })
}

pub(super) fn tcp_to(id: &str, address: SocketAddr) -> Check {
    tcp(id, &address.ip().to_string(), address.port())
}

/// A GET request that is to be answered with this status.
pub(super) fn http(url: impl Into<String>, status: u16) -> CheckKind {
    CheckKind::Http {
        url: url.into(),
        status,
        method: HttpMethod::Get,
        statuses: vec![],
        header: None,
        body: None,
    }
}

/// Any address of the name is to be found.
pub(super) fn dns(name: &str, nameserver: Option<&str>) -> CheckKind {
    CheckKind::Dns {
        name: name.to_owned(),
        nameserver: nameserver.map(str::to_owned),
        record: None,
        expected: vec![],
    }
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
        report_version: phonehome_wire::REPORT_VERSION,
        timeout_s: 0,
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        rerun: false,
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
        Verdict::Fail { stage: found, error, .. } if *found == stage => error,
        other => panic!("expected a failure at {stage:?}, got {other:?}"),
    }
}

/// The class of a failure at `stage`; anything else fails the test.
#[track_caller]
pub(super) fn class_at(verdict: &Verdict, stage: Stage) -> Class {
    match verdict {
        Verdict::Fail { stage: found, class, .. } if *found == stage => *class,
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

/// A nameserver that knows these names; a name without addresses exists but has none, any other does not exist.
/// Besides: `silent.test` is never answered; `broken.test` and `refusing.test` fail with SERVFAIL and REFUSED where
/// IPv4 is asked for, and have no other address; `long.test` does not fit into a packet; `both.test` is at 127.0.0.1
/// and at 2001:db8::1; `four.test` is at 127.0.0.1, and about IPv6 nothing is said; `text.test` has a text and a
/// mail server.
pub(super) async fn nameserver(names: &[(&str, &[Ipv4Addr])]) -> SocketAddr {
    nameserver_after(Duration::ZERO, names).await
}

/// The same that takes its time for every answer.
pub(super) async fn nameserver_after(delay: Duration, names: &[(&str, &[Ipv4Addr])]) -> SocketAddr {
    let names: BTreeMap<String, Vec<Ipv4Addr>> =
        names.iter().map(|(name, addresses)| (format!("{name}."), addresses.to_vec())).collect();
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            if let Some(answer) = answer_question(question, &names) {
                let (socket, answer) = (socket.clone(), answer.to_vec().unwrap());
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    let _ = socket.send_to(&answer, peer).await;
                });
            }
        }
    });
    address
}

fn answer_question(mut message: Message, names: &BTreeMap<String, Vec<Ipv4Addr>>) -> Option<Message> {
    let query = message.queries[0].clone();
    let name = query.name().to_ascii().to_lowercase();
    let asked = query.query_type();
    message.metadata.message_type = MessageType::Response;
    message.metadata.response_code = ResponseCode::NoError;
    let mut records = match (name.as_str(), asked) {
        ("silent.test.", _) | ("four.test.", RecordType::AAAA) => return None,
        ("both.test." | "four.test.", RecordType::A) => vec![RData::A(A(Ipv4Addr::LOCALHOST))],
        ("both.test.", RecordType::AAAA) => vec![RData::AAAA(AAAA("2001:db8::1".parse().unwrap()))],
        ("text.test.", RecordType::TXT) => vec![RData::TXT(TXT::new(vec!["v=1; ".into(), "all".into()]))],
        ("text.test.", RecordType::MX) => vec![RData::MX(MX::new(10, "Mail.test.".parse().unwrap()))],
        _ => vec![],
    };
    match (name.as_str(), names.get(&name)) {
        ("broken.test.", _) if asked == RecordType::A => {
            message.metadata.response_code = ResponseCode::ServFail;
        }
        ("refusing.test.", _) if asked == RecordType::A => {
            message.metadata.response_code = ResponseCode::Refused;
        }
        ("long.test.", _) => message.metadata.truncation = true,
        ("broken.test." | "refusing.test." | "both.test." | "four.test." | "text.test.", _) => {}
        (_, Some(addresses)) if asked == RecordType::A => {
            records.extend(addresses.iter().map(|address| RData::A(A(*address))));
        }
        (_, Some(_)) => {}
        (_, None) => message.metadata.response_code = ResponseCode::NXDomain,
    }
    for record in records {
        message.add_answer(Record::from_rdata(query.name().clone(), 60, record));
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
