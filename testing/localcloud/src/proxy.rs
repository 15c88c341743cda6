//! An HTTP/1.1 proxy in front of an emulator: it tells which calls were made, makes each as slow as
//! AWS is, and lets calls fail in the ways in which they do on the way to AWS.
//!
//! Emulators answer at once and lose nothing. What a provisioner does when an answer is lost, or
//! when it dies in the middle, can only be tried with something in between.

mod call;
mod fault;
mod record;
mod request;
mod upstream;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming as Body};
use hyper::header::{CONNECTION, EXPECT, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use call::{Call, rounds};
pub use fault::Fault;
pub use request::Incoming;

use fault::{Cut, Faults, refusal};
use record::Record;
use request::{Asked, is_account};
use upstream::Upstream;

/// How moto is told which account a call is made in; other emulators ignore it.
const MOTO_ACCOUNT: &str = "x-moto-account-id";

/// A proxy that runs until it is dropped.
///
/// An access key id of twelve digits is taken for the account that the call is made in, as ministack
/// has it; moto gets to know it by a header. Credentials from an `sts:AssumeRole` that went through
/// this proxy belong to the role's account.
///
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<ProxyState>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct ProxyState {
    upstream: Upstream,
    record: Option<Record>,
    began: Instant,
    latency_us: AtomicU64,
    faults: Faults,
    log: Mutex<Log>,
    /// The accounts of temporary access keys.
    accounts: Mutex<BTreeMap<String, String>>,
}

#[derive(Debug, Default)]
struct Log {
    /// How often it has been cleared. What belongs to a log before that is not written any more.
    age: u64,
    arrived: usize,
    calls: Vec<Call>,
}

/// A call on its way.
struct Underway {
    age: u64,
    incoming: Incoming,
    asked: Asked,
    started: Duration,
}

impl Proxy {
    /// Starts it on a free port, in front of `http://127.0.0.1:PORT`. It adds no latency yet.
    ///
    /// # Errors
    /// The emulator's address is not on this machine, or no port is free.
    pub async fn start(emulator: &str) -> Result<Self> {
        Self::start_with(emulator, None).await
    }

    /// The same; and where the environment's `PHONEHOME_RECORD_CALLS` names a folder, every call that
    /// reaches the emulator is written down in a file there.
    ///
    /// # Errors
    /// As [`Proxy::start`]; or the file cannot be made.
    pub async fn start_recording(emulator: &str) -> Result<Self> {
        Self::start_with(emulator, Record::open()?).await
    }

    async fn start_with(emulator: &str, record: Option<Record>) -> Result<Self> {
        let state = Arc::new(ProxyState {
            upstream: Upstream::new(emulator)?,
            record,
            began: Instant::now(),
            latency_us: AtomicU64::new(0),
            faults: Faults::default(),
            log: Mutex::default(),
            accounts: Mutex::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(serve(listener, state.clone()));
        Ok(Self { address, state, serving })
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on every call takes this much longer, however many are made side by side.
    pub fn set_latency(&self, latency: Duration) {
        let latency = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.state.latency_us.store(latency, Ordering::Relaxed);
    }

    /// From now on this decides what happens to a call, instead of the rule before.
    pub fn set_faults(&self, rule: impl Fn(&Incoming) -> Option<Fault> + Send + Sync + 'static) {
        self.state.faults.set_rule(Arc::new(rule));
    }

    /// The caller dies before call `number` (from 1): that call and all later ones do not reach the
    /// emulator, and the answers to those already under way are lost. Goes before any rule.
    pub fn cut_after(&self, number: usize) {
        self.state.faults.set_cut(Cut::Before(number));
    }

    /// The caller dies before the answer to call `number` (from 1): that call reaches the emulator,
    /// no later one does, and no answer arrives any more. Goes before any rule.
    pub fn cut_after_answer(&self, number: usize) {
        self.state.faults.set_cut(Cut::BeforeAnswerOf(number));
    }

    /// From now on nothing happens to calls: no rule, no cut. The latency stays.
    pub fn no_faults(&self) {
        self.state.faults.remove();
    }

    /// Marks the calls that are recorded from now on as made by a test: no plan leads to them, so nobody
    /// has to be allowed to make them.
    pub fn record_as_exercise(&self) {
        if let Some(record) = &self.state.record {
            record.mark_as_exercise();
        }
    }

    /// The calls that have ended, in the order of their arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = self.state.log().calls.clone();
        calls.sort_by_key(|call| call.number);
        calls
    }

    /// Forgets all calls, those under way too; the next one is number 1. A cut now counts from there.
    pub fn clear(&self) {
        let mut log = self.state.log();
        *log = Log { age: log.age + 1, ..Log::default() };
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<ProxyState>) {
    let mut connections = JoinSet::new();
    loop {
        // An error is one connection's affair.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let state = state.clone();
        connections.spawn(async move {
            let service = service_fn(|request| take(state.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new();
            // An error is how a connection is closed without an answer.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// One call. An error makes the server close the connection.
async fn take(state: Arc<ProxyState>, request: Request<Body>) -> Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    // A task of its own: the call goes on, and is remembered, also when the caller hangs up.
    tokio::spawn(async move {
        let underway = state.arrive(&head, &body);
        let (answer, forwarded) = state.carry(&underway, head, body).await;
        state.remember(underway, answer.as_ref().map_or(0, |answer| answer.status().as_u16()), forwarded);
        match answer {
            Some(answer) => Ok(answer),
            None => bail!("a fault"),
        }
    })
    .await?
}

impl ProxyState {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(&self, head: &Parts, body: &[u8]) -> Underway {
        let asked = Asked::read(head, body);
        let account = asked.access_key.as_ref().and_then(|key| {
            if is_account(key) { Some(key.clone()) } else { self.accounts().get(key).cloned() }
        });
        let mut log = self.log();
        log.arrived += 1;
        let incoming = Incoming { number: log.arrived, operation: asked.operation.clone(), account };
        Underway { age: log.age, incoming, asked, started: self.began.elapsed() }
    }

    /// The answer, if there is one, and whether the emulator got the call.
    async fn carry(
        &self,
        call: &Underway,
        head: Parts,
        body: Bytes,
    ) -> (Option<Response<Full<Bytes>>>, bool) {
        let fault = self.faults.of(&call.incoming);
        let latency = Duration::from_micros(self.latency_us.load(Ordering::Relaxed));
        let stall = if let Some(Fault::Stall(stall)) = fault { stall } else { Duration::ZERO };
        let wait = latency.saturating_add(stall);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        match fault {
            Some(Fault::DropRequest) => return (None, false),
            Some(Fault::Refuse { status, code, message }) => {
                return (Some(refusal(call.asked.protocol, status, &code, &message)), false);
            }
            Some(Fault::DropResponse | Fault::Stall(_)) | None => {}
        }
        let answer = self.forward(call, head, body).await;
        let lost = fault == Some(Fault::DropResponse) || self.dead(call);
        ((!lost).then_some(answer), true)
    }

    fn dead(&self, call: &Underway) -> bool {
        let log = self.log();
        log.age == call.age && self.faults.nobody_waits(log.arrived)
    }

    async fn forward(&self, call: &Underway, head: Parts, body: Bytes) -> Response<Full<Bytes>> {
        let mut head = head;
        for name in [CONNECTION, EXPECT, TRANSFER_ENCODING] {
            head.headers.remove(name);
        }
        let account = call.incoming.account.as_ref();
        if let Some(account) = account.and_then(|account| HeaderValue::from_str(account).ok()) {
            head.headers.insert(MOTO_ACCOUNT, account);
        }
        let request = Request::from_parts(head.clone(), Full::new(body.clone()));
        match self.upstream.send(request).await.and_then(|answer| self.recorded(call, &head, &body, answer)) {
            Ok(answer) => {
                let (mut head, body) = answer.into_parts();
                self.learn(&call.asked, &body);
                head.headers.remove(CONNECTION);
                head.headers.remove(TRANSFER_ENCODING);
                Response::from_parts(head, Full::new(body))
            }
            Err(error) => {
                let mut response = Response::new(Full::from(format!("{error:#}")));
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }

    fn recorded(
        &self,
        call: &Underway,
        head: &Parts,
        body: &[u8],
        answer: Response<Bytes>,
    ) -> Result<Response<Bytes>> {
        if let Some(record) = &self.record {
            record.add(&call.incoming, head, body, answer.status().as_u16(), answer.body())?;
        }
        Ok(answer)
    }

    /// Which account the credentials in the answer to `sts:AssumeRole` are for.
    fn learn(&self, asked: &Asked, answer: &[u8]) {
        let Some(account) = &asked.role_account else { return };
        let answer = String::from_utf8_lossy(answer);
        let key = answer.split_once("<AccessKeyId>").and_then(|(_, rest)| rest.split_once("</AccessKeyId>"));
        if let Some((key, _)) = key {
            self.accounts().insert(key.to_owned(), account.clone());
        }
    }

    fn remember(&self, call: Underway, status: u16, forwarded: bool) {
        let ended = self.began.elapsed();
        let mut log = self.log();
        if log.age == call.age {
            let Incoming { number, operation, account } = call.incoming;
            let started = call.started;
            log.calls.push(Call { number, account, operation, started, ended, status, forwarded });
        }
    }
}
