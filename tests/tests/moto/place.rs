//! moto, accounts in it, and ways into them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use phonehome_accounts::{AwsStack, ProbeCode};
use phonehome_aws::{Session, sdk};
use phonehome_fakecloud::sample;
use phonehome_localcloud::proxy::Proxy;
use phonehome_localcloud::{Moto, MotoOptions, venv};
use phonehome_planner::StackSpec;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

/// Where the sample's flow log goes.
const BUCKET: &str = "phonehome-flow-logs";
/// The SDK's own pause before a second attempt, instead of up to a second: what is tested is what
/// happens, and not how long AWS is left alone.
const BACKOFF: Duration = Duration::from_millis(1);

/// The Python environment `moto`. Without it these tests could only pretend to pass.
fn python() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let given = std::env::var_os("PHONEHOME_MOTO_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| venv::python(&repository, "moto"));
    assert!(
        python.exists(),
        "the Python environment of moto is missing: run `cargo xtask test`, which makes it in .venv/moto, or \
         name the interpreter of another in PHONEHOME_MOTO_PYTHON"
    );
    python
}

/// The moto that an account is in, by its third digit. There are two, since each serves one call at a
/// time. Nothing drops them: they end with the process.
async fn moto(account: &str) -> &'static Moto {
    static EVEN: OnceCell<Moto> = OnceCell::const_new();
    static ODD: OnceCell<Moto> = OnceCell::const_new();
    let is_odd = account.as_bytes()[2] % 2 == 1;
    let (shared, log) = if is_odd { (&ODD, "adapter-moto-1.log") } else { (&EVEN, "adapter-moto-0.log") };
    let start = async || {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(log);
        let moto = Moto::start(&MotoOptions { python: python(), log }).await.unwrap();
        moto.make_bucket(BUCKET).await.unwrap();
        moto
    };
    shared.get_or_init(start).await
}

/// A proxy of its own in front of the moto that this account is in.
pub(crate) async fn proxy(account: &str) -> Proxy {
    Proxy::start_recording(&moto(account).await.endpoint()).await.unwrap()
}

/// Everything that EC2 has for a stack: DNS, endpoints, a flow log, what AWS made closed. No probes.
pub(crate) fn spec(account: &str) -> StackSpec {
    let full = sample::full(account, "shop-prod", "10.0.0.0/18".parse().unwrap()).unwrap();
    StackSpec { probe: None, ..full }
}

/// The way into an account through a proxy.
pub(crate) async fn open(proxy: &Proxy, spec: &StackSpec) -> AwsStack {
    AwsStack::new(&session(proxy, spec).await, spec.clone(), code())
}

/// The same, with attempts that are given up sooner than after 10 s.
pub(crate) async fn open_hasty(proxy: &Proxy, spec: &StackSpec, attempt: Duration) -> AwsStack {
    let session = session(proxy, spec).await.with_pace(attempt, BACKOFF);
    AwsStack::new(&session, spec.clone(), code())
}

async fn session(proxy: &Proxy, spec: &StackSpec) -> Session {
    let session = sdk::in_local_cloud(&proxy.endpoint(), &spec.account, &spec.region).await.unwrap();
    session.with_pace(sdk::ATTEMPT_TIME_MAX, BACKOFF)
}

/// moto runs no function here, so any bytes will do.
fn code() -> ProbeCode {
    ProbeCode::new(b"a zip".to_vec())
}

/// A call that phonehome has no action for, made by somebody else in the account. `form` is what
/// follows `Action=`, with values that need no escaping.
pub(crate) async fn call(account: &str, service: &str, form: &str) {
    let endpoint = moto(account).await.endpoint();
    let host = endpoint.strip_prefix("http://").unwrap();
    let body = format!("Action={form}");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nx-moto-account-id: {account}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential={account}/20261101/us-east-1/{service}/aws4_request\r\n\
         content-type: application/x-www-form-urlencoded; charset=utf-8\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1);
    assert_eq!(status, Some("200"), "{service} {form}: {answer}");
}
