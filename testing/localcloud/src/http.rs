//! GET on this machine; the harness needs no more of an HTTP client.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(5);

/// The status of a GET.
pub(crate) async fn get(url: &str) -> Result<u16> {
    let uri: Uri = url.parse().with_context(|| format!("{url} is not a URL"))?;
    let address = loopback(&uri).with_context(|| format!("{url} is not an address of this machine"))?;
    tokio::time::timeout(TIMEOUT, request(address, &uri)).await.with_context(|| format!("GET {url}"))?
}

/// Only `http://127.0.0.1:port`: what a message says to fetch must not lead anywhere else.
fn loopback(uri: &Uri) -> Option<SocketAddr> {
    let address: SocketAddr = uri.authority()?.as_str().parse().ok()?;
    (uri.scheme_str() == Some("http") && address.ip().is_loopback()).then_some(address)
}

async fn request(address: SocketAddr, uri: &Uri) -> Result<u16> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    answer.into_body().collect().await?;
    drop(sender);
    connection.abort();
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_this_machine_is_asked() {
        for url in ["http://192.0.2.1:80/", "https://127.0.0.1:80/", "http://example.com/", "nonsense"] {
            let error = get(url).await.unwrap_err().to_string();
            assert!(error.contains("is not a"), "{url}: {error}");
        }
    }
}
