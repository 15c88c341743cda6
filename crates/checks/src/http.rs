//! One HTTP request over a connection that stands.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use phonehome_wire::{BODY_BYTES_MAX, Class, Stage};

use crate::deadline::Deadline;
use crate::endpoint::{Body, HttpRequest};
use crate::outcome::Failure;
use crate::stream::Stream;

/// More headers than anybody sends by intent. A server that sends 150 is not down; each takes memory, of every
/// request that is under way.
const HEADERS_MAX: usize = 200;

/// What came of a request.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// How long the answer's head took from the request on.
    pub(crate) first_byte: Option<Duration>,
    /// The public address that an echo service saw.
    pub(crate) public_address: Option<IpAddr>,
    /// What is not as expected.
    pub(crate) failure: Option<Failure>,
    /// The connection, for what the kernel knows of it.
    pub(crate) stream: Option<Stream>,
}

/// Sends the request and compares the answer. Redirects are not followed.
pub(crate) async fn exchange(
    stream: Stream,
    address: SocketAddr,
    request: &HttpRequest,
    deadline: Deadline,
) -> Answered {
    let mut answered = Answered::default();
    if matches!(stream, Stream::Tls(_)) {
        // The request must not wait until the last word of the handshake is acknowledged; a failure only makes it
        // slower.
        let _ = stream.tcp().set_nodelay(true);
    }
    let (mut sender, mut connection) =
        match http1::Builder::new().max_headers(HEADERS_MAX).handshake(TokioIo::new(stream)).await {
            Ok(pair) => pair,
            Err(error) => return Answered { failure: Some(failure(address, &error)), ..answered },
        };
    let begun = Instant::now();
    let ended = {
        // The connection moves only while it is polled beside the request: it ends with this function.
        let moving = std::future::poll_fn(|context| connection.poll_without_shutdown(context));
        let talking = async {
            let response = sender.send_request(written(request)).await?;
            answered.first_byte = Some(begun.elapsed());
            Ok::<_, hyper::Error>(judge(address, request, response).await)
        };
        deadline.bound(beside(talking, moving)).await
    };
    answered.failure = match ended {
        Some(Ok(Ok(public_address))) => {
            answered.public_address = public_address;
            None
        }
        Some(Ok(Err(failure))) => Some(failure),
        Some(Err(error)) => Some(failure(address, &error)),
        None => Some(late(address, answered.first_byte.is_some(), deadline)),
    };
    answered.stream = Some(connection.into_parts().io.into_inner());
    answered
}

fn late(address: SocketAddr, has_begun: bool, deadline: Deadline) -> Failure {
    let ms = deadline.timeout_ms;
    let (stage, error) = match has_begun {
        false => (Stage::Request, format!("no HTTP answer from {address} within {ms} ms")),
        true => (Stage::Response, format!("{address} did not come to the end of its answer within {ms} ms")),
    };
    Failure::new(stage, Class::HttpTimeout, error)
}

/// Runs `talking` to its end, and `moving` beside it as long as that lasts.
async fn beside<T>(talking: impl Future<Output = T>, moving: impl Future<Output = hyper::Result<()>>) -> T {
    let mut talking = pin!(talking);
    let mut moving = pin!(moving);
    tokio::select! {
        biased;
        // An error of the connection is told to whoever waits for the answer.
        _ = &mut moving => talking.await,
        talked = &mut talking => talked,
    }
}

/// What is not as expected, or the public address that the answer names.
async fn judge(
    address: SocketAddr,
    request: &HttpRequest,
    response: Response<Incoming>,
) -> Result<Option<IpAddr>, Failure> {
    let failed = |class, error: String| Failure::new(Stage::Response, class, error);
    let status = response.status();
    if !request.statuses.iter().any(|(from, to)| (*from..=*to).contains(&status)) {
        let expected = expected_statuses(&request.statuses);
        let error = format!("{address} answered {} instead of {expected}", status.as_u16());
        return Err(failed(Class::Status, error));
    }
    if let Some((name, contains)) = &request.header {
        let has = |value: &HeaderValue| {
            let value = String::from_utf8_lossy(value.as_bytes());
            contains.as_ref().is_none_or(|text| value.contains(text.as_str()))
        };
        if !response.headers().get_all(name).iter().any(has) {
            let with = contains.as_ref().map(|text| format!(" with {text:?}")).unwrap_or_default();
            return Err(failed(Class::Header, format!("{address} answered without the header {name}{with}")));
        }
    }
    if request.body == Body::Any || request.method == Method::HEAD {
        return Ok(None);
    }
    let body = read(response.into_body()).await.map_err(|error| {
        Failure::new(Stage::Response, Class::HttpClosed, format!("{address} broke off its answer: {error}"))
    })?;
    match &request.body {
        Body::Any => Ok(None),
        Body::Contains(text) if String::from_utf8_lossy(&body).contains(text.as_str()) => Ok(None),
        Body::Contains(text) => {
            Err(failed(Class::Body, format!("the body that {address} answered does not contain {text:?}")))
        }
        Body::PublicAddress(expected) => public_address(address, &body, expected).map(Some),
    }
}

fn public_address(address: SocketAddr, body: &[u8], expected: &[IpAddr]) -> Result<IpAddr, Failure> {
    let text = String::from_utf8_lossy(body);
    let seen: IpAddr = text.trim().parse().map_err(|_| {
        let text: String = text.trim().chars().take(40).collect();
        Failure::new(
            Stage::Response,
            Class::Body,
            format!("{address} answered {text:?}, which is no address"),
        )
    })?;
    if expected.is_empty() || expected.contains(&seen) {
        return Ok(seen);
    }
    let expected = expected.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let error = format!("the way out leads through {seen}, not {expected}");
    Err(Failure::new(Stage::Response, Class::PublicAddress, error))
}

/// The first [`BODY_BYTES_MAX`] of a body.
async fn read(mut body: Incoming) -> hyper::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            let room = BODY_BYTES_MAX - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
        if bytes.len() == BODY_BYTES_MAX {
            break;
        }
    }
    Ok(bytes)
}

fn expected_statuses(statuses: &[(StatusCode, StatusCode)]) -> String {
    let one = |(from, to): &(StatusCode, StatusCode)| match from == to {
        true => from.as_u16().to_string(),
        false => format!("{}-{}", from.as_u16(), to.as_u16()),
    };
    statuses.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn failure(address: SocketAddr, error: &hyper::Error) -> Failure {
    let reset = || {
        let source = std::error::Error::source(error).and_then(|it| it.downcast_ref::<std::io::Error>());
        source.is_some_and(|it| it.kind() == std::io::ErrorKind::ConnectionReset)
    };
    if error.is_parse() {
        let text = format!("{address} did not answer in HTTP: {error}");
        return Failure::new(Stage::Response, Class::HttpNotSpoken, text);
    }
    if reset() {
        let text = format!("{address} reset the connection instead of an answer");
        return Failure::new(Stage::Request, Class::Reset, text);
    }
    if error.is_incomplete_message() || error.is_canceled() {
        let text = format!("{address} closed the connection without an answer");
        return Failure::new(Stage::Request, Class::HttpClosed, text);
    }
    Failure::new(Stage::Request, Class::Other, format!("HTTP request to {address} failed: {error}"))
}

fn written(request: &HttpRequest) -> Request<Empty<Bytes>> {
    let mut written = Request::new(Empty::new());
    let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
    *written.method_mut() = request.method.clone();
    // Both come out of a parsed URI, so neither can be refused.
    *written.uri_mut() = path.parse().unwrap_or_default();
    let host = request.uri.authority().and_then(|authority| authority.as_str().parse().ok());
    written.headers_mut().extend(host.map(|host| (HOST, host)));
    let user_agent = concat!("phonehome-probe/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [(USER_AGENT, user_agent), (CONNECTION, "close")] {
        written.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    written
}
