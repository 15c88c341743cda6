//! Lambda's runtime API, as much of it as one invocation needs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use socket2::SockRef;

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next";
const RESPONSE: &str = "POST /2018-06-01/runtime/invocation/run-1/response";
/// How long a function may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A runtime API on a port of its own.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    listener: TcpListener,
}

/// A function's process, which ends with this.
#[derive(Debug)]
pub(crate) struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Function {
    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

/// A request: its first line, and its body.
struct Request {
    line: String,
    body: Vec<u8>,
    stream: TcpStream,
}

impl RuntimeApi {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        // A function that dies at its start asks for nothing; on Linux this bounds `accept` too.
        SockRef::from(&listener).set_read_timeout(Some(PATIENCE))?;
        Ok(Self { listener })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Starts a function as Lambda does, in the local cloud, where loopback counts.
    pub(crate) fn function(&self, program: &Path) -> Result<Function> {
        let child = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.address()?.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "phonehome-probe")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
            .env("PHONEHOME_CLOUD", "local")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        Ok(Function(child))
    }

    /// Waits until a function asks for its next invocation.
    pub(crate) fn asked(&self) -> Result<TcpStream> {
        let request = self.request()?;
        ensure!(request.line.starts_with(NEXT), "the function's first request is {}", request.line);
        Ok(request.stream)
    }

    /// Gives whoever asked this event, and waits for the response.
    pub(crate) fn invoke(&self, mut asker: TcpStream, event: &[u8]) -> Result<Vec<u8>> {
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + PATIENCE;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\
             lambda-runtime-aws-request-id: run-1\r\nlambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:444455556666:function:phonehome-probe\r\n\
             lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n\r\n",
            event.len(),
            deadline.as_millis()
        );
        asker.write_all(head.as_bytes())?;
        asker.write_all(event)?;
        drop(asker);
        let mut request = self.request()?;
        request
            .stream
            .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        let said = String::from_utf8_lossy(&request.body);
        ensure!(request.line.starts_with(RESPONSE), "the function answers {}: {said}", request.line);
        Ok(request.body)
    }

    fn request(&self) -> Result<Request> {
        let (stream, _) = self.listener.accept().context("the function asks for nothing")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Request { line: line.trim_end().to_owned(), body, stream: reader.into_inner() })
    }
}
