//! What the tests with moto need.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use phonehome_localcloud::{Moto, MotoOptions, venv};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

/// The Python environment `moto`. Without it these tests could only pretend to pass.
pub(crate) fn python() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let given = std::env::var_os("PHONEHOME_MOTO_PYTHON").map(PathBuf::from);
    let python = given.unwrap_or_else(|| venv::python(&repository, "moto"));
    assert!(
        python.exists(),
        "the Python environment of moto is missing: run `cargo xtask test`, which makes it in .venv/moto, or \
         name the interpreter of another in PHONEHOME_MOTO_PYTHON"
    );
    python
}

/// A moto whose log is in this folder.
pub(crate) async fn moto(folder: &Path) -> Moto {
    let options = MotoOptions { python: python(), log: folder.join("moto.log") };
    Moto::start(&options).await.unwrap()
}

/// One moto for all tests of a file that have accounts of their own in it. Nothing drops it: it ends
/// with the process.
pub(crate) async fn shared() -> &'static Moto {
    static SHARED: OnceCell<Moto> = OnceCell::const_new();
    SHARED.get_or_init(|| moto(Path::new(env!("CARGO_TARGET_TMPDIR")))).await
}

/// A call with this access key; the status and the body.
pub(crate) async fn call(endpoint: &str, key: &str, service: &str, form: &str) -> (u16, String) {
    let address = endpoint.strip_prefix("http://").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let signed = format!("AWS4-HMAC-SHA256 Credential={key}/20261101/us-east-1/{service}/aws4_request");
    let request = Request::post("/")
        .header("host", address)
        .header("authorization", signed)
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Full::new(Bytes::from(form.to_owned())))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
