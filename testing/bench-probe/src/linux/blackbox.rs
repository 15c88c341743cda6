//! Prometheus' blackbox exporter: a server that tests one target for each request.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::linux::cpu;
use crate::linux::targets::{NAME, Protocol, Targets};

/// As Debian's package and the project's own releases call it.
const NAMES: [&str; 2] = ["prometheus-blackbox-exporter", "blackbox_exporter"];
pub(crate) const HOW_TO_GET_IT: &str = "apt-get install prometheus-blackbox-exporter";
/// How many targets it is asked for at the same time, over connections that stay open, as Prometheus' do.
const AT_ONCE: usize = 32;

/// The exporter, which ends with this.
#[derive(Debug)]
pub(crate) struct Blackbox {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Blackbox {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Blackbox {
    /// Starts it; `None` where there is none.
    pub(crate) fn start(targets: &Targets) -> Result<Option<Self>> {
        let Some(program) = find(&NAMES, &[]) else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("blackbox.yml");
        std::fs::write(&config, configuration(targets.root_file()))?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Command::new(&program)
            .arg(format!("--config.file={}", config.display()))
            .args([&format!("--web.listen-address={address}"), "--log.level=error"])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut exporter = Self { process, address, _folder: folder };
        exporter.wait()?;
        Ok(Some(exporter))
    }

    fn wait(&mut self) -> Result<()> {
        for _ in 0..200 {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("blackbox exporter ended with {status} at its start");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("blackbox exporter does not listen on {} after 10 s", self.address)
    }

    /// CPU seconds that it takes for so many targets.
    pub(crate) fn measure(&self, targets: &Targets, protocol: Protocol, count: usize) -> Result<f64> {
        let before = cpu::of(self.process.id())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.probe_all(targets, protocol, count))?;
        Ok(cpu::of(self.process.id())?.saturating_sub(before).as_secs_f64())
    }

    async fn probe_all(&self, targets: &Targets, protocol: Protocol, count: usize) -> Result<()> {
        let uris: Vec<String> =
            (0..count).map(|number| uri(protocol, targets.address(protocol, number))).collect();
        let (uris, next) = (Arc::new(uris), Arc::new(AtomicUsize::new(0)));
        let mut connections = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (uris, next, address) = (uris.clone(), next.clone(), self.address);
            connections.spawn(async move {
                let mut connection = connect(address).await?;
                while let Some(uri) = uris.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let metrics = get(&mut connection, address, uri).await?;
                    ensure!(is_success(&metrics), "blackbox exporter says of {uri}:\n{metrics}");
                }
                Ok(())
            });
        }
        while let Some(done) = connections.join_next().await {
            done??;
        }
        Ok(())
    }
}

fn uri(protocol: Protocol, address: SocketAddr) -> String {
    match protocol {
        Protocol::Tcp => format!("/probe?module=tcp&target={address}"),
        Protocol::Tls => format!("/probe?module=tls&target={address}"),
        Protocol::Http => format!("/probe?module=http&target=http://{address}/"),
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Empty<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn get(sender: &mut SendRequest<Empty<Bytes>>, host: SocketAddr, uri: &str) -> Result<String> {
    sender.ready().await?;
    let request = hyper::Request::get(uri).header("host", host.to_string()).body(Empty::new())?;
    let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec())?)
}

/// Whether the metrics of one target say that it was reached.
pub(crate) fn is_success(metrics: &str) -> bool {
    metrics.lines().any(|line| line.trim_end() == "probe_success 1")
}

fn configuration(root: &Path) -> String {
    let root = root.display();
    format!(
        "modules:
  tcp: {{prober: tcp, timeout: 5s, tcp: {{preferred_ip_protocol: ip4}}}}
  http: {{prober: http, timeout: 5s, http: {{preferred_ip_protocol: ip4, valid_status_codes: [200]}}}}
  tls:
    prober: tcp
    timeout: 5s
    tcp: {{preferred_ip_protocol: ip4, tls: true, tls_config: {{ca_file: '{root}', server_name: {NAME}}}}}
"
    )
}

/// The first of these programs that is in `PATH`, or in one of these folders.
pub(crate) fn find(names: &[&str], folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(folders.iter().map(PathBuf::from));
    let files = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    files.into_iter().find(|file| file.is_file())
}
