//! One run of a probe, in its subnet.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use phonehome_wire::{ProbeInput, Report, StackId};
use tokio::runtime::Handle;

use crate::describe::ProbeSite;
use crate::namespaces::{FILES, inside};
use crate::runtime_api::Invocation;

/// One run of a probe that is in the lab. It borrows nothing: the network may change, or go, while it runs.
#[derive(Debug)]
pub struct Prober {
    pub(crate) stack: StackId,
    pub(crate) site: ProbeSite,
    /// The probe's binary.
    pub(crate) probe: PathBuf,
    /// The folder in which it looks for what is beside its code.
    pub(crate) code: &'static str,
    /// Which run it is.
    pub(crate) run: u64,
    /// Serves the runtime API.
    pub(crate) runtime: Handle,
}

impl Prober {
    /// Runs it, and waits for its report.
    ///
    /// # Errors
    /// When it cannot be started, or gives no report.
    pub fn run(self, input: &ProbeInput) -> Result<Report> {
        let resolv_conf = format!("{FILES}/resolv-{}.conf", self.run);
        std::fs::write(&resolv_conf, format!("nameserver {}\n", self.site.resolver))?;
        let (listener, mut child) = inside(&self.site.namespace, || {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            Ok((listener.try_clone()?, self.start(&resolv_conf, listener.local_addr()?)?))
        })?;
        let StackId { account, region } = &self.stack;
        let invocation = Invocation {
            run_id: &format!("run-{}", self.run),
            function_arn: &format!("arn:aws:lambda:{region}:{account}:function:{}", self.site.function),
            event: &serde_json::to_vec(input)?,
        };
        listener.set_nonblocking(true)?;
        let listener = {
            let _guard = self.runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let answer = self.runtime.block_on(invocation.serve(&listener));
        // It asks for its next invocation already.
        let _ = child.kill();
        let _ = child.wait();
        let _ = std::fs::remove_file(&resolv_conf);
        let answer = answer.with_context(|| format!("the probe {} of {}", self.site.function, self.stack))?;
        serde_json::from_slice(&answer).context("the probe's report")
    }

    /// Starts the probe in the namespaces of the calling thread, which gets a mount namespace of its own for that.
    fn start(&self, resolv_conf: &str, runtime_api: SocketAddr) -> Result<Child> {
        unshare(CloneFlags::CLONE_NEWNS).context("a mount namespace")?;
        let over = "/etc/resolv.conf";
        mount(Some(resolv_conf), over, None::<&str>, MsFlags::MS_BIND, None::<&str>).context(over)?;
        Command::new(&self.probe)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "phonehome-probe")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "lab")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "lab")
            .env("AWS_LAMBDA_LOG_LEVEL", "error")
            .env("LAMBDA_TASK_ROOT", self.code)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", self.probe.display()))
    }
}
