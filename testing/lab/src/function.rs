//! A function as Lambda has it, run once where EC2 says that it is. Whatever becomes of the network meanwhile.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use phonehome_wire::{Report, StackId};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::namespaces::{FILES, inside};
use crate::runtime_api::{Answered, Invocation};

/// How often it is looked whether a function has ended by itself.
const PAUSE: Duration = Duration::from_millis(20);
/// Where programs look for the resolvers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// How much of what a function wrote is kept, in bytes: the end.
const LOG_BYTES: usize = 64 * 1024;

/// An invocation of a function.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its own id, which the function is told.
    pub request_id: String,
    /// Where the function is.
    pub stack: StackId,
    /// Its name.
    pub function: String,
    /// What runs.
    pub code: Code,
    /// The event.
    pub event: Vec<u8>,
    /// How long it may take, with its start.
    pub timeout: Duration,
    /// How much memory it is told that it has, in MB. It may take more.
    pub memory_mb: u32,
    /// Its own environment variables.
    pub environment: BTreeMap<String, String>,
}

/// A function's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The program.
    pub program: PathBuf,
    /// Where it finds what came with it.
    pub folder: PathBuf,
}

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// What the function wrote; of much the last 64 KB.
    pub log: String,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With this response.
    Response(Vec<u8>),
    /// With this error, in the function's own words.
    Error(Vec<u8>),
    /// Not in time: it was killed.
    TimedOut,
    /// Without a word: the process ended, with this status.
    Exited(String),
}

/// Where in the lab a function runs.
#[derive(Debug)]
pub(crate) struct Seat<'a> {
    pub(crate) namespace: &'a str,
    /// The VPC's resolver.
    pub(crate) resolver: Ipv4Addr,
    /// A number that no other run of the lab has.
    pub(crate) number: u64,
}

/// A function that runs. It holds nothing of the lab, which may be changed. Dropped, it is killed.
#[derive(Debug)]
pub struct Started {
    call: Call,
    child: Child,
    listener: tokio::net::TcpListener,
    runtime: Handle,
    files: Files,
}

#[derive(Debug)]
struct Files {
    resolv_conf: PathBuf,
    log: PathBuf,
}

impl Started {
    pub(crate) fn start(call: Call, seat: &Seat<'_>, runtime: Handle) -> Result<Self> {
        let file = |kind: &str| PathBuf::from(format!("{FILES}/{kind}-{}", seat.number));
        let files = Files { resolv_conf: file("resolv.conf"), log: file("log") };
        std::fs::write(&files.resolv_conf, format!("nameserver {}\n", seat.resolver))?;
        let (listener, child) = inside(seat.namespace, || {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let child = spawn(&call, &files, listener.local_addr()?)?;
            Ok((listener, child))
        })?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _guard = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        Ok(Self { call, child, listener, runtime, files })
    }

    /// Waits for its end, and for what a probe says then.
    ///
    /// # Errors
    /// When it ends with anything but a report.
    pub fn report(self) -> Result<Report> {
        let (function, stack) = (self.call.function.clone(), self.call.stack.clone());
        let Ended { outcome, log } = self.end()?;
        match outcome {
            Outcome::Response(report) => serde_json::from_slice(&report).context("the probe's report"),
            other => bail!("the probe {function} of {stack} gives no report: {other:?}: {log}"),
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it says what no function says to Lambda.
    pub fn end(mut self) -> Result<Ended> {
        let Call { request_id, stack: StackId { account, region }, function, event, timeout: limit, .. } =
            &self.call;
        let invocation = Invocation {
            run_id: request_id,
            function_arn: &format!("arn:aws:lambda:{region}:{account}:function:{function}"),
            event,
            timeout: *limit,
        };
        let (child, listener) = (&mut self.child, &self.listener);
        let outcome = self.runtime.block_on(async {
            tokio::select! {
                biased;
                served = timeout(*limit, invocation.serve(listener)) => match served {
                    Ok(Ok(Answered::Response(body))) => Ok(Outcome::Response(body)),
                    Ok(Ok(Answered::Error(body))) => Ok(Outcome::Error(body)),
                    Ok(Err(error)) => Err(error),
                    Err(_) => Ok(Outcome::TimedOut),
                },
                status = ended(child) => Ok(Outcome::Exited(status)),
            }
        });
        // It asks for its next invocation already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = std::fs::read(&self.files.log)?;
        let log = String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_BYTES)..]).into_owned();
        Ok(Ended { outcome: outcome.with_context(|| format!("{function} of {account}: {log}"))?, log })
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for file in [&self.files.resolv_conf, &self.files.log] {
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Code {
    /// What is in a folder where a function's code was unpacked.
    pub fn unpacked(folder: &Path) -> Self {
        Self { program: folder.join("bootstrap"), folder: folder.to_owned() }
    }
}

/// Waits until a process has ended by itself.
async fn ended(child: &mut Child) -> String {
    loop {
        sleep(PAUSE).await;
        if let Ok(Some(status)) = child.try_wait() {
            return status.to_string();
        }
    }
}

/// The file that names the resolvers. On many systems it is a link to one in /run, of which the lab has its own, where
/// that is missing.
fn resolv_conf() -> Result<PathBuf> {
    let named = Path::new(RESOLV_CONF);
    let Ok(target) = std::fs::read_link(named) else { return Ok(named.to_owned()) };
    let target = Path::new("/etc").join(target);
    let in_run = |path: &Path| {
        let below = path.strip_prefix("/etc/../run").or_else(|_| path.strip_prefix("/run")).ok()?;
        Some(Path::new("/run").join(below))
    };
    let Some(target) = in_run(&target) else { return Ok(named.to_owned()) };
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::options().create(true).append(true).open(&target)?;
    Ok(target)
}

/// Starts the function in the namespaces of the calling thread, which gets a mount namespace of its own for that.
fn spawn(call: &Call, files: &Files, runtime_api: SocketAddr) -> Result<Child> {
    unshare(CloneFlags::CLONE_NEWNS).context("a mount namespace")?;
    let over = resolv_conf().context(RESOLV_CONF)?;
    mount(Some(&files.resolv_conf), &over, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .with_context(|| over.display().to_string())?;
    let log = File::create(&files.log)?;
    let StackId { account: _, region } = &call.stack;
    Command::new(&call.code.program)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("AWS_REGION", region.as_str())
        .env("AWS_DEFAULT_REGION", region.as_str())
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "lab")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "lab")
        .envs(&call.environment)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", &call.function)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", call.memory_mb.to_string())
        .env("LAMBDA_TASK_ROOT", &call.code.folder)
        .current_dir(&call.code.folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("starting {}", call.code.program.display()))
}
