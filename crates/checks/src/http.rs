//! One GET request over a connection that stands.

use std::net::SocketAddr;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use phonehome_wire::Stage;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use crate::deadline::Deadline;
use crate::verdict::Outcome;

/// Sends the request and compares the status. Redirects are not followed and the body is not read.
pub(crate) async fn get<S>(
    stream: S,
    address: SocketAddr,
    uri: &Uri,
    expected: StatusCode,
    deadline: Deadline,
) -> Outcome
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match deadline.bound(exchange(stream, uri)).await {
        Some(Ok(response)) if response.status() == expected => Outcome::reached(address),
        Some(Ok(response)) => Outcome::failed(
            Stage::Response,
            format!("{address} answered {} instead of {}", response.status().as_u16(), expected.as_u16()),
        ),
        Some(Err(error)) if error.is_parse() => {
            Outcome::failed(Stage::Response, format!("{address} did not answer in HTTP: {error}"))
        }
        Some(Err(error)) if error.is_incomplete_message() || error.is_canceled() => {
            Outcome::failed(Stage::Request, format!("{address} closed the connection without an answer"))
        }
        Some(Err(error)) => {
            Outcome::failed(Stage::Request, format!("HTTP request to {address} failed: {error}"))
        }
        None => Outcome::failed(
            Stage::Request,
            format!("no HTTP answer from {address} within {} ms", deadline.timeout_ms),
        ),
    }
}

async fn exchange<S>(stream: S, uri: &Uri) -> hyper::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // The set ends the connection with this function, also when the deadline drops it half-way.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    sender.send_request(request(uri)).await
}

fn request(uri: &Uri) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // Both come out of a parsed URI, so neither can be refused.
    *request.uri_mut() = path.parse().unwrap_or_default();
    let host = uri.authority().and_then(|authority| authority.as_str().parse().ok());
    request.headers_mut().extend(host.map(|host| (HOST, host)));
    let user_agent = concat!("phonehome-probe/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [(USER_AGENT, user_agent), (CONNECTION, "close")] {
        request.headers_mut().insert(name, hyper::header::HeaderValue::from_static(value));
    }
    request
}
