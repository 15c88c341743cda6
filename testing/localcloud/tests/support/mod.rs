//! What several tests need.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phonehome_localcloud::{Control, Deployment, Emulator, EmulatorOptions, Place, package, venv};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const MANAGEMENT: &str = "111111111111";
pub(crate) const HUB: &str = "222222222222";
pub(crate) const REGION: &str = "us-east-1";
/// Generous: it is only ever waited for in full when something is broken.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// An answer to [`get`] or [`post`].
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// The body, as it came.
    pub(crate) text: String,
    /// The body, where it is JSON.
    pub(crate) body: Value,
}

/// A GET over a connection of its own.
pub(crate) async fn get(url: &str) -> Response {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    ask(address, &format!("GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")).await
}

/// A POST over a connection of its own.
pub(crate) async fn post(url: &str, token: Option<&str>, body: &Value) -> Response {
    send(url, token, "application/json; charset=utf-8", &body.to_string()).await
}

/// The same, of a form.
pub(crate) async fn post_form(url: &str, token: Option<&str>, form: &str) -> Response {
    send(url, token, "application/x-www-form-urlencoded", form).await
}

async fn send(url: &str, token: Option<&str>, kind: &str, body: &str) -> Response {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: {kind}\r\ncontent-length: {length}\r\n{token}\r\n{body}"
    );
    ask(address, &request).await
}

async fn ask(address: &str, request: &str) -> Response {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let (head, text) = (head.to_owned(), body.to_owned());
    Response { status, head, body: serde_json::from_str(&text).unwrap_or_default(), text }
}

/// The Python environment `localcloud`. Without it these tests could only pretend to pass.
pub(crate) fn python() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let given = std::env::var_os("PHONEHOME_LOCALCLOUD_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| venv::python(&repository, "localcloud"));
    assert!(
        python.exists(),
        "the Python environment of the local cloud is missing: run `cargo xtask test`, which makes it in \
         .venv/localcloud, or name the interpreter of another in PHONEHOME_LOCALCLOUD_PYTHON"
    );
    python
}

/// A local cloud with an organization of two accounts.
pub(crate) struct Cloud {
    pub(crate) control: Control,
    pub(crate) emulator: Emulator,
    pub(crate) folder: TempDir,
}

pub(crate) fn options(folder: &TempDir) -> EmulatorOptions {
    EmulatorOptions {
        python: python(),
        log: folder.path().join("emulator.log"),
        management_account: MANAGEMENT.into(),
        hub_account: HUB.into(),
        organization_id: "o-phonehome1".into(),
        schedule_seconds: Some(1),
        environment: BTreeMap::from([("SLACK_API_URL".into(), "http://127.0.0.1:1/api".into())]),
    }
}

pub(crate) async fn cloud() -> Cloud {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(&options(&folder)).await.unwrap();
    let control = Control::start(&python(), emulator.endpoint(), MANAGEMENT).await.unwrap();
    Cloud { control, emulator, folder }
}

pub(crate) fn hub() -> Place {
    Place::new(HUB, REGION)
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

impl Cloud {
    /// `tests/fixtures/stack.yaml`, with its function packaged.
    pub(crate) fn stack(&self) -> Deployment {
        let zip = self.folder.path().join("echo.zip");
        package(&fixture("function.py"), &[], &zip).unwrap();
        Deployment {
            place: hub(),
            stack: "stack".into(),
            template: fixture("stack.yaml"),
            parameters: BTreeMap::from([("Greeting".into(), "hello".into())]),
            artifacts: BTreeMap::from([("../build/echo".into(), zip)]),
        }
    }
}
