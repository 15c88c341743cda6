//! moto, the emulator with the strict EC2, in a process group of its own.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::ChildStdout;

const READY_WITHIN: Duration = Duration::from_secs(60);
/// moto does not check signatures, but finds the service in them.
const S3_SIGNED: &str = "AWS4-HMAC-SHA256 Credential=000000000000/20200101/us-east-1/s3/aws4_request, \
                         SignedHeaders=host, Signature=0";
const RESET_WITHIN: Duration = Duration::from_secs(20);
/// How much of the log an error shows.
const LOG_LINES: usize = 15;
/// Of this process's environment only what programs need to start.
const INHERITED: [&str; 1] = ["PATH"];

/// The server: moto's own `moto_server` in what matters, but it chooses a free port, says it on
/// standard output, and ends when its standard input does.
///
/// One call at a time: moto guards none of its state (a list read while another call adds to it
/// becomes an error 500), and Python would not run two calls at once anyway. The first calls load
/// large models, so they are made here and not by whoever measures something.
const SERVER: &str = r#"
import io, logging, os, signal, threading
from werkzeug.serving import make_server
from werkzeug.test import Client
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app

moto = DomainDispatcherApplication(create_backend_app)
turn = threading.Lock()

def one_at_a_time(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    with turn:
        return moto(environ, start_response)

def end_with_stdin():
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=end_with_stdin, daemon=True).start()
logging.getLogger("werkzeug").setLevel(logging.ERROR)
for service, version, action in [
    ("ec2", "2016-11-15", "DescribeVpcs"),
    ("sts", "2011-06-15", "GetCallerIdentity"),
]:
    signed = f"AWS4-HMAC-SHA256 Credential=000000000000/20200101/us-east-1/{service}/aws4_request, Signature=0"
    form = {"Version": version, "Action": action}
    answer = Client(one_at_a_time).post("/", data=form, headers={"Authorization": signed})
    assert answer.status_code == 200, answer.get_data(as_text=True)
server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=MotoRequestHandler)
print(server.server_port, flush=True)
os.dup2(2, 1)
server.serve_forever()
"#;

/// How moto is started.
#[derive(Debug, Clone)]
pub struct MotoOptions {
    /// The interpreter of the environment `moto`, see [`crate::venv`].
    pub python: PathBuf,
    /// Where moto's output goes; replaced.
    pub log: PathBuf,
}

/// A running moto. It ends when this is dropped, and also when this process dies without dropping
/// it.
///
/// Its state is apart for every account and Region. It takes a call's account from the header
/// `x-moto-account-id`, then from credentials that its `sts:AssumeRole` has given out, and else it is
/// 123456789012; [`Proxy`](crate::proxy::Proxy) sets the header. It checks no signatures and no
/// permissions.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    address: SocketAddr,
}

impl Moto {
    /// Starts it on a free port and waits until it answers, some 2 s of work for one core.
    ///
    /// # Errors
    /// It ended, or did not answer within 60 s; the error shows the end of its log.
    pub async fn start(options: &MotoOptions) -> Result<Self> {
        let log = File::create(&options.log).with_context(|| format!("writing {}", options.log.display()))?;
        let inherited = INHERITED.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut child = Command::new(&options.python)
            // Isolated from where it is started, and it leaves nothing there: all is in memory.
            .args(["-I", "-B", "-c", SERVER])
            .env_clear()
            .envs(inherited)
            .envs([
                ("HOME", "/nonexistent"),
                ("AWS_ACCESS_KEY_ID", "local"),
                ("AWS_SECRET_ACCESS_KEY", "local"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                // Made anew for every account and Region, and nothing here starts an instance.
                ("MOTO_EC2_LOAD_DEFAULT_AMIS", "false"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", options.python.display()))?;
        let stdout = child.stdout.take();
        // From here on dropping it ends the process.
        let mut moto = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let port = port(stdout.context("moto's output is missing")?).await;
        moto.address.set_port(port.with_context(|| last_lines(&options.log))?);
        Ok(moto)
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its process id, which is also its process group's.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Empties it: all accounts, all Regions.
    ///
    /// # Errors
    /// It does not do so within 20 s.
    pub async fn reset(&self) -> Result<()> {
        let reset = tokio::time::timeout(RESET_WITHIN, send(self.address, Method::POST, "/moto-api/reset"));
        let status = reset.await.context("moto takes too long to empty itself")??;
        ensure!(status == 200, "moto answers a request to empty itself with HTTP {status}");
        Ok(())
    }

    /// Makes an S3 bucket: moto refuses a flow log to one that is not there.
    ///
    /// # Errors
    /// It is refused.
    pub async fn make_bucket(&self, name: &str) -> Result<()> {
        let status = send(self.address, Method::PUT, &format!("/{name}")).await?;
        ensure!(status == 200, "moto answers a request to make the bucket {name} with HTTP {status}");
        Ok(())
    }

    /// Ends it at once; it has nothing to finish.
    ///
    /// # Errors
    /// It could not be waited for.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        // One that has ended may have left its id to another process.
        if self.child.try_wait()?.is_none() {
            kill_process_group(Pid::from_child(&self.child), Signal::KILL)?;
            self.child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!("moto (process {}) may still run: {error}", self.child.id());
        }
    }
}

/// The first line that it writes, when it is ready.
async fn port(stdout: std::process::ChildStdout) -> Result<u16> {
    let mut lines = BufReader::new(ChildStdout::from_std(stdout)?).lines();
    let Ok(line) = tokio::time::timeout(READY_WITHIN, lines.next_line()).await else {
        bail!("moto is not ready after {} s", READY_WITHIN.as_secs());
    };
    let line = line?.context("moto ended instead of starting")?;
    line.parse().with_context(|| format!("moto's port should be a number, not {line}"))
}

async fn send(address: SocketAddr, method: Method, path: &str) -> Result<u16> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string())
        // The service in it decides who gets a call that names none.
        .header("authorization", S3_SIGNED)
        .body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    answer.into_body().collect().await?;
    connection.abort();
    Ok(status)
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    format!("{} ends with:\n{end}", log.display())
}
