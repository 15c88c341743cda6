//! Lambda's runtime API, as much of it as one invocation needs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next";
const CANNOT_START: &str = "POST /2018-06-01/runtime/init/error";

/// An invocation.
pub(crate) struct Invocation<'a> {
    /// Its request's id.
    pub(crate) run_id: &'a str,
    /// The ARN of the function.
    pub(crate) function_arn: &'a str,
    /// The event.
    pub(crate) event: &'a [u8],
    /// How long the function may take.
    pub(crate) timeout: Duration,
}

/// What a function answers.
#[derive(Debug)]
pub(crate) enum Answered {
    /// Its response.
    Response(Vec<u8>),
    /// What it says of its failure.
    Error(Vec<u8>),
}

/// A request: its first line, and its body.
struct Request {
    line: String,
    body: Vec<u8>,
    stream: TcpStream,
}

impl Invocation<'_> {
    /// Gives this to the function that asks at the listener, and waits for what it answers.
    pub(crate) async fn serve(&self, listener: &TcpListener) -> Result<Answered> {
        let mut asked = request(listener).await?;
        if asked.line.starts_with(CANNOT_START) {
            return Ok(Answered::Error(accept(asked).await?));
        }
        ensure!(asked.line.starts_with(NEXT), "the function's first request is {}", asked.line);
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + self.timeout;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\
             lambda-runtime-aws-request-id: {}\r\nlambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: {}\r\n\
             lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n\r\n",
            self.event.len(),
            self.run_id,
            deadline.as_millis(),
            self.function_arn,
        );
        asked.stream.write_all(head.as_bytes()).await?;
        asked.stream.write_all(self.event).await?;
        drop(asked);
        let answered = request(listener).await?;
        let invocation = format!("POST /2018-06-01/runtime/invocation/{}", self.run_id);
        let is = |end: &str| answered.line.starts_with(&format!("{invocation}/{end}"));
        match (is("response"), is("error")) {
            (true, _) => Ok(Answered::Response(accept(answered).await?)),
            (_, true) => Ok(Answered::Error(accept(answered).await?)),
            _ => bail!("the function answers {}", answered.line),
        }
    }
}

/// Takes what a function posts.
async fn accept(mut posted: Request) -> Result<Vec<u8>> {
    let accepted = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    posted.stream.write_all(accepted).await?;
    Ok(posted.body)
}

async fn request(listener: &TcpListener) -> Result<Request> {
    let (mut stream, _) = listener.accept().await?;
    let mut read = vec![];
    let end = loop {
        ensure!(stream.read_buf(&mut read).await? > 0, "the function's request has no end");
        if let Some(at) = read.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map_or(Ok(0), |(_, value)| value.trim().parse::<usize>())?;
    while read.len() < end + length {
        ensure!(stream.read_buf(&mut read).await? > 0, "the function's request is shorter than it says");
    }
    let line = head.lines().next().unwrap_or_default().to_owned();
    Ok(Request { line, body: read.split_off(end), stream })
}
