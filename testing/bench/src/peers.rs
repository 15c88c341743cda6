//! The other ways to make a network.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use phonehome_localcloud::proxy::{Proxy, rounds};
use serde::Deserialize;
use tokio::process::Command;

use crate::figures::Run;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../xtask/bench/provision");

/// A line that the script prints.
#[derive(Debug, Deserialize)]
struct Phase {
    phase: String,
    calls: usize,
    seconds: f64,
}

/// The script of find-or-create calls: creating, then verifying.
pub(crate) async fn boto3(python: &Path, proxy: &Proxy, account: &str) -> Result<(Run, Run)> {
    proxy.clear();
    let output = Command::new(python)
        .arg(format!("{FOLDER}/boto3_find_or_create.py"))
        .args(["--endpoint", &proxy.endpoint(), "--account", account, "--cidr", "10.0.0.0/16"])
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stderr(Stdio::inherit())
        .output()
        .await?;
    if !output.status.success() {
        bail!("the boto3 script ended with {}", output.status);
    }
    let lines = String::from_utf8(output.stdout)?;
    let phases: Vec<Phase> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let [create, verify] = phases.as_slice() else { bail!("the boto3 script printed {lines}") };
    if (create.phase.as_str(), verify.phase.as_str()) != ("create", "verify") {
        bail!("the boto3 script printed {lines}");
    }
    let calls = proxy.calls();
    // The script counts its own calls; the proxy saw the same ones.
    if create.calls + verify.calls != calls.len() {
        bail!("the boto3 script counted {} calls, the proxy {}", create.calls + verify.calls, calls.len());
    }
    let split = create.calls;
    let run = |calls: &[phonehome_localcloud::proxy::Call], seconds: f64| Run {
        calls: calls.len(),
        rounds: rounds(calls),
        time: Duration::from_secs_f64(seconds),
    };
    Ok((run(&calls[..split], create.seconds), run(&calls[split..], verify.seconds)))
}

/// Ansible's playbook, twice: creating, then verifying.
pub(crate) async fn ansible(playbook: &Path, proxy: &Proxy, account: &str) -> Result<(Run, Run)> {
    let create = ansible_once(playbook, proxy, account).await?;
    Ok((create, ansible_once(playbook, proxy, account).await?))
}

async fn ansible_once(playbook: &Path, proxy: &Proxy, account: &str) -> Result<Run> {
    proxy.clear();
    let home = tempfile::tempdir()?;
    let started = Instant::now();
    let status = Command::new(playbook)
        .arg(format!("{FOLDER}/ansible_playbook.yml"))
        .args(["-e", &format!("endpoint={} account={account} cidr=10.0.0.0/16", proxy.endpoint())])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("LC_ALL", "C.UTF-8")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdout(Stdio::null())
        .status()
        .await
        .with_context(|| format!("starting {}", playbook.display()))?;
    if !status.success() {
        bail!("ansible-playbook ended with {status}");
    }
    let calls = proxy.calls();
    Ok(Run { calls: calls.len(), rounds: rounds(&calls), time: started.elapsed() })
}
