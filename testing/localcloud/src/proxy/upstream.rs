//! The connections to the emulator, kept open and used again.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Connection = SendRequest<Full<Bytes>>;

#[derive(Debug)]
pub(crate) struct Upstream {
    address: SocketAddr,
    idle: Mutex<Vec<Connection>>,
}

impl Upstream {
    /// Only `http://127.0.0.1:port`: what is meant for an emulator must not lead anywhere else.
    pub(crate) fn new(endpoint: &str) -> Result<Self> {
        let uri: Uri = endpoint.parse().with_context(|| format!("{endpoint} is not a URL"))?;
        let address = uri.authority().and_then(|authority| authority.as_str().parse::<SocketAddr>().ok());
        match address {
            Some(address) if address.ip().is_loopback() && uri.scheme_str() == Some("http") => {
                Ok(Self { address, idle: Mutex::default() })
            }
            _ => bail!("{endpoint} is not http:// and an address and port of this machine"),
        }
    }

    /// Sends a request and takes its whole answer. A request that has left for the emulator is never
    /// sent again.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        let mut request = request;
        loop {
            let kept = self.kept();
            let fresh = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            match connection.try_send_request(request).await {
                Ok(answer) => return self.finish(connection, answer).await,
                // The emulator has closed a kept connection meanwhile, and the request is still here.
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(error.into_error()).context(self.unanswered()),
                },
            }
        }
    }

    async fn finish(&self, connection: Connection, answer: Response<Incoming>) -> Result<Response<Bytes>> {
        let (head, body) = answer.into_parts();
        let body = body.collect().await.with_context(|| self.unanswered())?.to_bytes();
        self.idle().push(connection);
        Ok(Response::from_parts(head, body))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.pop()).find(|connection| connection.is_ready())
    }

    async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.with_context(|| format!("the emulator at {} does not listen", self.address))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // An error reaches whoever uses the sender.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn unanswered(&self) -> String {
        format!("the emulator at {} closed the connection instead of answering", self.address)
    }
}
