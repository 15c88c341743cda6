//! The emulator: `bridge/bridge.py` in a process group of its own, together with the function
//! processes it starts.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::bridge::BRIDGE;
use crate::http;
use crate::messages::Place;

const READY_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// How much of the log an error shows.
const LOG_LINES: usize = 15;
/// How often schedules of `rate(1 minute)` fire, for the bridge; and for the command, whose minutes are as long.
const SCHEDULE_SECONDS: &str = "PHONEHOME_LOCAL_SCHEDULE_SECONDS";
/// Of this process's environment only what programs need to start and to know certificates.
const INHERITED: [&str; 3] = ["PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// How the emulator is started.
#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// The interpreter of the environment `localcloud`, see [`crate::venv`].
    pub python: PathBuf,
    /// Where the emulator's output goes; replaced.
    pub log: PathBuf,
    /// The account that owns the organization.
    pub management_account: String,
    /// The account that phonehome runs in; the same in a small organization.
    pub hub_account: String,
    /// The organization's id, `o-…`.
    pub organization_id: String,
    /// Schedules of `rate(1 minute)` fire this often instead.
    pub schedule_seconds: Option<u32>,
    /// More environment variables for every function, such as `SLACK_API_URL`.
    pub environment: BTreeMap<String, String>,
}

/// A running emulator. It ends, with the functions, when this is dropped, and also when this
/// process dies without dropping it: the emulator sees its standard input end.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    endpoint: String,
    /// How often schedules of `rate(1 minute)` fire.
    schedule_seconds: Option<u32>,
    /// Where the emulator and the functions keep temporary files.
    _folder: TempDir,
}

impl Emulator {
    /// Starts it on a free port and waits until it answers.
    ///
    /// # Errors
    /// It ended, or did not answer in time; the error shows the end of its log.
    pub async fn start(options: &EmulatorOptions) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let folder = tempfile::Builder::new().prefix("phonehome-localcloud-").tempdir()?;
        let log = File::create(&options.log).with_context(|| format!("writing {}", options.log.display()))?;
        let child = Command::new(&options.python)
            .arg(format!("{BRIDGE}/bridge.py"))
            .env_clear()
            .envs(environment(options, &endpoint, port, folder.path()))
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", options.python.display()))?;
        // The emulator writes this after it has found the port free: until then, whatever answers
        // there is something else.
        let mark = folder.path().join(format!("ministack-{port}.pid"));
        let schedule_seconds = options.schedule_seconds;
        let mut emulator = Self { child, endpoint, schedule_seconds, _folder: folder };
        emulator.wait_until_ready(&mark).await.with_context(|| last_lines(&options.log))?;
        Ok(emulator)
    }

    async fn wait_until_ready(&mut self, mark: &Path) -> Result<()> {
        let health = format!("{}/_ministack/health", self.endpoint);
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("the emulator ended with {status}");
            }
            if mark.exists() && http::get(&health).await.is_ok_and(|status| status == 200) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("the emulator does not answer after {} s", READY_WITHIN.as_secs())
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its process id, which is also its process group's.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What a program needs in its environment to act here as the root of an account.
    #[must_use]
    pub fn environment(&self, place: &Place) -> BTreeMap<String, String> {
        [
            ("PHONEHOME_CLOUD", "local"),
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ACCESS_KEY_ID", &place.account),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", &place.region),
            ("AWS_DEFAULT_REGION", &place.region),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(self.schedule_seconds.map(|seconds| (SCHEDULE_SECONDS.to_owned(), seconds.to_string())))
        .collect()
    }

    /// Ends it and the functions: asks, waits a little, then forces.
    ///
    /// # Errors
    /// The emulator could not be waited for.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        let group = Pid::from_child(&self.child);
        // An error means that the group has ended already.
        let _ = kill_process_group(group, Signal::TERM);
        let deadline = Instant::now() + STOP_WITHIN;
        while self.child.try_wait()?.is_none() && Instant::now() < deadline {
            std::thread::sleep(PAUSE);
        }
        // What is left had its chance. Functions have nothing to finish here, and whether they are
        // gone cannot be asked: as orphans they may stay listed for seconds.
        let _ = kill_process_group(group, Signal::KILL);
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!("the emulator (process {}) may still run: {error}", self.child.id());
        }
    }
}

/// The functions inherit it, so it must lead nowhere but to the emulator.
fn environment(
    options: &EmulatorOptions,
    endpoint: &str,
    port: u16,
    folder: &Path,
) -> BTreeMap<String, String> {
    let folder = folder.display().to_string();
    let mut variables: BTreeMap<String, String> =
        INHERITED.into_iter().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect();
    let set = [
        ("HOME", folder.as_str()),
        ("TMPDIR", &folder),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("AUTH", "true"),
        ("GATEWAY_PORT", &port.to_string()),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("PHONEHOME_CLOUD", "local"),
        ("PHONEHOME_LOCAL_STOP_WITH_STDIN", "1"),
        ("PHONEHOME_LOCAL_MANAGEMENT_ACCOUNT", &options.management_account),
        ("PHONEHOME_LOCAL_HUB_ACCOUNT", &options.hub_account),
        ("PHONEHOME_LOCAL_ORGANIZATION_ID", &options.organization_id),
    ];
    variables.extend(set.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    if let Some(seconds) = options.schedule_seconds {
        variables.insert(SCHEDULE_SECONDS.into(), seconds.to_string());
    }
    variables.extend(options.environment.clone());
    variables
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
    format!("{} ends with:\n{end}", log.display())
}
