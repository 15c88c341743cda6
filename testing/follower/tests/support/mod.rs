//! A lab, a follower, and a function that knows when packets no longer pass.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use phonehome_accounts::{AwsStack, ProbeCode};
use phonehome_aws::sdk;
use phonehome_executor::{Executor, NoFence, StackApi as _};
use phonehome_lab::server::{Answer, End, Request, Run, ask};
use phonehome_lab::{Answer as Port, Host, Place, Wishes, available};
use phonehome_localcloud::venv;
use phonehome_network::{Inventory, Tagged};
use phonehome_planner::{Limits, StackSpec, plan};
use phonehome_wire::StackId;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const FOLLOWER: &str = env!("CARGO_BIN_EXE_lab-follow");
/// Observes until nothing is planned any more; a fresh stack never needs more.
const ROUNDS_MAX: usize = 6;
/// Long enough for anything here on a slow machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// A host on the internet, which answers on port 80.
pub(crate) const INTERNET: &str = "192.0.2.80";

/// When packets passed, and when they no longer did, in ms since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Seen {
    pub(crate) passed_ms: Option<u64>,
    pub(crate) silent_ms: Option<u64>,
}

/// A lab. It is killed when it is dropped, and so is what follows.
pub(crate) struct Lab {
    pub(crate) folder: TempDir,
    lab: Child,
    follower: Option<Child>,
}

impl Lab {
    /// `None` where no lab can be made, which is said.
    pub(crate) fn start() -> Option<Self> {
        let program = Path::new(FOLLOWER).with_file_name("lab-serve");
        let missing =
            || anyhow::anyhow!("{} is not there: cargo build --release -p phonehome-lab", program.display());
        let can = if program.exists() { available() } else { Err(missing()) };
        if let Err(error) = can {
            let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
            assert!(!is_set("CI", "true") || is_set("PHONEHOME_NO_NAMESPACES", "1"), "{error:#}");
            eprintln!("LEFT OUT, {error:#}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.arg("--socket").arg(folder.path().join("lab")).stdin(Stdio::piped()).stdout(Stdio::null());
        let lab = Self { lab: command.spawn().unwrap(), folder, follower: None };
        until("the lab serves", || ask(&lab.socket(), &Request::Counters).is_ok());
        Some(lab)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    /// Starts the follower.
    pub(crate) fn follow(&mut self, arguments: &[&str]) {
        let mut command = Command::new(FOLLOWER);
        command.arg("--socket").arg(self.socket()).args(arguments);
        self.follower = Some(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    }

    /// Whether the follower still runs.
    pub(crate) fn is_followed(&mut self) -> bool {
        self.follower.as_mut().is_some_and(|it| it.try_wait().unwrap().is_none())
    }

    pub(crate) fn wish(&self, hosts: Vec<Host>) {
        let wishes = Wishes { hosts, ..Wishes::default() };
        let answer = ask(&self.socket(), &Request::SetWishes(wishes)).unwrap();
        assert!(matches!(answer, Answer::Applied { .. }), "{answer:?}");
    }

    /// The function's code, in a folder.
    pub(crate) fn code(&self) -> PathBuf {
        let folder = self.folder.path().join("code");
        let file = folder.join("bootstrap");
        if !file.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            let text = format!("#!{}\n{}", python("localcloud").display(), include_str!("packets.py"));
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        }
        folder
    }

    /// Runs the function in the zone `use1-az1` of an account, once the lab knows it.
    pub(crate) fn run(&self, stack: &StackId, event: &Value) -> Seen {
        let run = Run {
            request_id: "a-run".to_owned(),
            stack: stack.clone(),
            function: "phonehome-probe-use1-az1".to_owned(),
            folder: self.code(),
            event: event.clone(),
            timeout_s: 30,
            memory_mb: 128,
            environment: Default::default(),
        };
        let begun = Instant::now();
        loop {
            match ask(&self.socket(), &Request::Run(run.clone())).unwrap() {
                Answer::Ended { outcome: End::Response(seen), .. } => {
                    return serde_json::from_value(seen).unwrap();
                }
                Answer::Refused { .. } if begun.elapsed() < SOON => {
                    std::thread::sleep(Duration::from_millis(50))
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in self.follower.iter_mut().chain([&mut self.lab]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A host that answers on port 80.
pub(crate) fn host(place: Place, address: &str) -> Host {
    Host { place, address: address.parse().unwrap(), ports: [(80, Port::Tcp)].into() }
}

/// Packets to port 80 of an address: until one passes.
pub(crate) fn until_passing(address: &str) -> Value {
    json!({"address": address, "port": 80, "seconds": 15, "silence": false})
}

/// The same until none passes any more.
pub(crate) fn until_silent(address: &str) -> Value {
    json!({"address": address, "port": 80, "seconds": 25, "silence": true})
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "{what}: not within {SOON:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The interpreter of one of the project's Python environments. Without it these tests could only pretend to pass.
pub(crate) fn python(name: &str) -> PathBuf {
    let python = venv::python(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), name);
    assert!(python.exists(), "{} is missing: `cargo xtask test` makes it", python.display());
    python
}

/// Makes a stack as its spec says; answers what there is then.
pub(crate) async fn make(endpoint: &str, spec: &StackSpec, code: &ProbeCode) -> Inventory {
    let session = sdk::in_local_cloud(endpoint, &spec.account, &spec.region).await.unwrap();
    let api = AwsStack::new(&session, spec.clone(), code.clone());
    for _ in 0..ROUNDS_MAX {
        let plan = plan(spec, &api.observe(&spec.kinds()).await.unwrap(), &Limits::SWEEP).unwrap();
        Executor::new().apply(&api, &plan, &NoFence).await;
        // A role that was just made is not known everywhere yet.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let seen = api.observe(&spec.kinds()).await.unwrap();
    assert_eq!(seen.functions.len(), spec.zones.len(), "{:?}", seen.functions);
    seen
}

/// The id of what has an address in the stack.
pub(crate) fn id<'a, T: Tagged>(list: &'a [T], address: &str) -> &'a str {
    let found = list.iter().find(|it| it.address().is_some_and(|it| it.to_string() == address));
    found.map(Tagged::id).unwrap_or_else(|| panic!("no {address}"))
}

/// A call in an account as its root. `form` is what follows `Action=`, with values that need no escaping.
pub(crate) async fn call(endpoint: &str, account: &str, service: &str, form: &str) {
    let head = "content-type: application/x-www-form-urlencoded; charset=utf-8";
    post(endpoint, account, service, head, &format!("Action={form}")).await;
}

/// The same for Organizations, whose calls have another form. The account is to own the organization.
pub(crate) async fn make_organization(endpoint: &str, account: &str) {
    let head = "content-type: application/x-amz-json-1.1\r\n\
                x-amz-target: AWSOrganizationsV20161128.CreateOrganization";
    post(endpoint, account, "organizations", head, r#"{"FeatureSet":"ALL"}"#).await;
}

async fn post(endpoint: &str, account: &str, service: &str, head: &str, body: &str) {
    let host = endpoint.strip_prefix("http://").unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nx-moto-account-id: {account}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={account}/20261101/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\
         {head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.split(' ').nth(1), Some("200"), "{service} {body}: {answer}");
}
