//! The proxy in front of a server that answers at once: what it remembers, delays and breaks.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use phonehome_localcloud::proxy::{Fault, Proxy, rounds};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const ACCOUNT: &str = "111111111111";
/// Long against what a call takes without it.
const LATENCY: Duration = Duration::from_millis(60);
const STALL: Duration = Duration::from_millis(500);

/// Answers every form with the form, and notes what it got.
struct Server {
    address: SocketAddr,
    got: Arc<Mutex<Vec<String>>>,
    accounts: Arc<Mutex<Vec<Option<String>>>>,
    connections: Arc<Mutex<usize>>,
    /// While this is false, it answers nothing.
    answers: watch::Sender<bool>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            got: Arc::default(),
            accounts: Arc::default(),
            connections: Arc::default(),
            answers: watch::Sender::new(true),
        };
        let (got, accounts) = (server.got.clone(), server.accounts.clone());
        let (connections, answers) = (server.connections.clone(), server.answers.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *connections.lock().unwrap() += 1;
                let (got, accounts, answers) = (got.clone(), accounts.clone(), answers.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (got, accounts, mut answers) = (got.clone(), accounts.clone(), answers.subscribe());
                    async move {
                        let account = request.headers().get("x-moto-account-id").cloned();
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        got.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
                        let account = account.map(|account| account.to_str().unwrap().to_owned());
                        accounts.lock().unwrap().push(account);
                        answers.wait_for(|answers| *answers).await.unwrap();
                        Ok::<_, Infallible>(Response::new(Full::new(body)))
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        server
    }

    fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

/// A caller with one connection, which it opens anew when it was closed.
struct Caller {
    address: SocketAddr,
    key: &'static str,
    service: &'static str,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Caller {
    fn new(proxy: &Proxy) -> Self {
        let address = proxy.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
        Self { address, key: ACCOUNT, service: "ec2", connection: None }
    }

    /// The status, the type and the body of the answer; an error when the connection was closed.
    async fn call(&mut self, action: &str) -> hyper::Result<(u16, String, String)> {
        if self.connection.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.address).await.unwrap();
            let (sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            self.connection = Some(sender);
        }
        let (key, service) = (self.key, self.service);
        let mut request = Request::post("/").header("host", self.address.to_string()).header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={key}/20261101/us-east-1/{service}/aws4_request"),
        );
        request = if service == "dynamodb" {
            request.header("x-amz-target", format!("DynamoDB_20120810.{action}"))
        } else {
            request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        };
        let request = request.body(Full::from(format!("Action={action}"))).unwrap();
        let connection = self.connection.as_mut().unwrap();
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        let (status, kind) = (answer.status().as_u16(), answer.headers().get("content-type").cloned());
        let kind = kind.map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, kind, String::from_utf8(body.to_vec()).unwrap()))
    }

    /// Calls with an answer.
    async fn calls(&mut self, actions: &[&str]) {
        for action in actions {
            self.call(action).await.unwrap();
        }
    }
}

async fn server_and_proxy() -> (Server, Proxy) {
    let server = Server::start().await;
    let proxy = Proxy::start(&format!("http://{}", server.address)).await.unwrap();
    (server, proxy)
}

#[tokio::test]
async fn calls_are_passed_on_over_connections_that_stay_open_and_are_remembered() {
    let (server, proxy) = server_and_proxy().await;
    let mut caller = Caller::new(&proxy);
    let (status, _, body) = caller.call("CreateVpc").await.unwrap();
    assert_eq!((status, body.as_str()), (200, "Action=CreateVpc"));
    caller.calls(&["CreateSubnet", "CreateSubnet"]).await;
    caller.key = "a-temporary-key";
    caller.call("DescribeVpcs").await.unwrap();

    let calls = proxy.calls();
    let operations: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(operations, ["ec2:CreateVpc", "ec2:CreateSubnet", "ec2:CreateSubnet", "ec2:DescribeVpcs"]);
    assert_eq!(calls.iter().map(|call| call.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(calls.iter().all(|call| call.status == 200 && call.forwarded && call.ended >= call.started));
    let account = Some(ACCOUNT.to_owned());
    assert_eq!(calls[0].account, account);
    assert_eq!(calls[3].account, None, "whose key this is, nobody has said");
    assert_eq!(*server.accounts.lock().unwrap(), [account.clone(), account.clone(), account, None]);
    assert_eq!(*server.connections.lock().unwrap(), 1);

    proxy.clear();
    assert_eq!(proxy.calls(), []);
    caller.call("DescribeVpcs").await.unwrap();
    assert_eq!(proxy.calls()[0].number, 1);
}

#[tokio::test]
async fn latency_is_added_to_calls_side_by_side_at_the_same_time() {
    let (_server, proxy) = server_and_proxy().await;
    proxy.set_latency(LATENCY);
    let callers = 30;
    let began = Instant::now();
    futures_util::future::join_all((0..callers).map(async |_| {
        Caller::new(&proxy).call("DescribeVpcs").await.unwrap();
    }))
    .await;
    let took = began.elapsed();
    assert!(took >= LATENCY && took < LATENCY * callers / 2, "{callers} calls side by side took {took:?}");
    assert!(rounds(&proxy.calls()) < 15, "{}", rounds(&proxy.calls()));

    proxy.clear();
    Caller::new(&proxy).calls(&["DescribeVpcs"; 3]).await;
    let calls = proxy.calls();
    assert!(calls.iter().all(|call| call.ended - call.started >= LATENCY), "{calls:?}");
    assert_eq!(rounds(&calls), 3);
}

#[tokio::test]
async fn a_dropped_request_has_no_effect_and_a_dropped_answer_has_one() {
    let (server, proxy) = server_and_proxy().await;
    let mut caller = Caller::new(&proxy);
    proxy.set_faults(|call| match call.operation.as_str() {
        "ec2:CreateVpc" => Some(Fault::DropRequest),
        "ec2:CreateSubnet" => Some(Fault::DropResponse),
        _ => None,
    });
    assert!(caller.call("CreateVpc").await.is_err());
    assert_eq!(server.got(), [""; 0]);
    assert!(caller.call("CreateSubnet").await.is_err());
    assert_eq!(server.got(), ["Action=CreateSubnet"]);
    caller.call("DescribeVpcs").await.unwrap();
    let seen: Vec<_> = proxy.calls().iter().map(|call| (call.status, call.forwarded)).collect();
    assert_eq!(seen, [(0, false), (0, true), (200, true)]);

    proxy.no_faults();
    caller.call("CreateVpc").await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_written_as_the_service_writes_its_errors() {
    let (server, proxy) = server_and_proxy().await;
    proxy.set_faults(|call| {
        let message = format!("too many <{}>", call.account.as_deref().unwrap_or_default());
        Some(Fault::Refuse { status: 503, code: "RequestLimitExceeded".into(), message })
    });
    let mut caller = Caller::new(&proxy);
    for (service, kind, error) in [
        ("ec2", "text/xml", "<Response><Errors><Error><Code>RequestLimitExceeded</Code>"),
        ("ec2", "text/xml", "<Message>too many &lt;111111111111&gt;</Message>"),
        ("sts", "text/xml", "<ErrorResponse><Error><Type>Receiver</Type><Code>RequestLimitExceeded</Code>"),
        ("dynamodb", "application/x-amz-json", r#""__type":"RequestLimitExceeded""#),
    ] {
        caller.service = service;
        let (status, its_kind, body) = caller.call("Anything").await.unwrap();
        assert_eq!(status, 503);
        assert!(its_kind.starts_with(kind) && body.contains(error), "{service}: {its_kind}: {body}");
    }
    assert_eq!(server.got(), [""; 0]);
    assert_eq!(proxy.calls()[0].status, 503);
}

#[tokio::test]
async fn only_the_call_that_a_rule_means_is_stalled() {
    let (_server, proxy) = server_and_proxy().await;
    proxy.set_faults(|call| (call.number == 2).then_some(Fault::Stall(STALL)));
    Caller::new(&proxy).calls(&["DescribeVpcs"; 3]).await;
    let took: Vec<_> = proxy.calls().iter().map(|call| call.ended - call.started).collect();
    assert!(took[1] >= STALL && took[0] < STALL && took[2] < STALL, "{took:?}");
}

#[tokio::test]
async fn nothing_reaches_the_emulator_from_a_caller_that_died_before_a_call() {
    let (server, proxy) = server_and_proxy().await;
    proxy.cut_after(3);
    let mut caller = Caller::new(&proxy);
    caller.calls(&["CreateVpc", "CreateSubnet"]).await;
    assert!(caller.call("CreateNatGateway").await.is_err());
    assert!(caller.call("DescribeVpcs").await.is_err());
    assert_eq!(server.got(), ["Action=CreateVpc", "Action=CreateSubnet"]);

    proxy.no_faults();
    caller.call("DescribeVpcs").await.unwrap();
}

#[tokio::test]
async fn the_last_call_of_a_caller_that_died_before_its_answer_has_its_effect() {
    let (server, proxy) = server_and_proxy().await;
    proxy.cut_after_answer(2);
    let mut caller = Caller::new(&proxy);
    caller.call("CreateVpc").await.unwrap();
    assert!(caller.call("CreateSubnet").await.is_err());
    assert!(caller.call("DescribeVpcs").await.is_err());
    assert_eq!(server.got(), ["Action=CreateVpc", "Action=CreateSubnet"]);
}

#[tokio::test]
async fn answers_that_come_after_the_callers_death_are_lost() {
    let (server, proxy) = server_and_proxy().await;
    proxy.cut_after(2);
    server.answers.send_replace(false);
    let mut first = Caller::new(&proxy);
    let early = tokio::spawn(async move { first.call("CreateVpc").await });
    while server.got().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(Caller::new(&proxy).call("CreateSubnet").await.is_err());
    server.answers.send_replace(true);
    assert!(early.await.unwrap().is_err());
    assert!(proxy.calls()[0].forwarded);
}

#[tokio::test]
async fn a_call_whose_caller_hangs_up_still_has_its_effect_and_is_remembered() {
    let (server, proxy) = server_and_proxy().await;
    server.answers.send_replace(false);
    let mut caller = Caller::new(&proxy);
    let call = tokio::spawn(async move { caller.call("CreateVpc").await });
    while server.got().is_empty() {
        tokio::task::yield_now().await;
    }
    call.abort();
    let _ = call.await;
    server.answers.send_replace(true);
    while proxy.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(proxy.calls()[0].status, 200);
}

#[tokio::test]
async fn an_emulator_that_is_gone_is_an_error_that_says_so() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::start(&format!("http://{address}")).await.unwrap();
    let (status, _, body) = Caller::new(&proxy).call("DescribeVpcs").await.unwrap();
    assert_eq!(status, 502);
    assert!(body.contains(&format!("the emulator at {address} does not listen")), "{body}");
}

#[tokio::test]
async fn nothing_but_this_machine_can_be_behind_it() {
    for endpoint in ["http://192.0.2.1:80", "https://127.0.0.1:80", "http://ec2.us-east-1.amazonaws.com", ""]
    {
        let error = format!("{:#}", Proxy::start(endpoint).await.unwrap_err());
        assert!(error.contains("is not"), "{endpoint}: {error}");
    }
}

#[tokio::test]
#[ignore = "measures; see what it prints"]
async fn what_a_call_through_the_proxy_costs() {
    let (server, proxy) = server_and_proxy().await;
    let calls = 2000;
    let mut took = Vec::new();
    for address in [server.address, Caller::new(&proxy).address] {
        let mut caller = Caller { address, key: ACCOUNT, service: "ec2", connection: None };
        let began = Instant::now();
        for _ in 0..calls {
            caller.call("DescribeVpcs").await.unwrap();
        }
        took.push(began.elapsed() / calls);
    }
    println!("a call takes {:?} without and {:?} with the proxy", took[0], took[1]);
}
