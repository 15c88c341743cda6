//! Prometheus' Alertmanager: a server that takes alerts in and groups them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;

/// As Debian's package and the project's own releases call it.
const NAMES: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];
const HOW_TO_GET_IT: &str = "apt-get install prometheus-alertmanager";
/// How many alerts it gets: as many as paths fail at once in the largest fleet.
const ALERTS: usize = 10_000;
/// How many alerts Prometheus sends at once, at most.
const BATCH: usize = 64;

/// Alertmanager, which ends with this.
struct Alertmanager {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Prints what it takes for its alerts, singly and in batches; where there is none, how to get it.
pub(crate) async fn measure() -> Result<()> {
    println!("\nAlertmanager, {ALERTS} alerts of 200 groups over one connection");
    let Some(program) = find() else {
        println!("  not there: {HOW_TO_GET_IT}");
        return Ok(());
    };
    for (name, batch) in [("one at a time", 1), ("in batches of 64", BATCH)] {
        let server = Alertmanager::start(&program)?;
        let seconds = server.take(batch).await?;
        let rate = ALERTS as f64 / seconds / 1e3;
        println!("  {name:<20}{rate:>6.1} k a second {:>8.1} MB resident", server.resident_mb()?);
    }
    Ok(())
}

fn find() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let programs = folders.iter().flat_map(|folder| NAMES.map(|name| folder.join(name)));
    programs.into_iter().find(|program| program.is_file())
}

impl Alertmanager {
    fn start(program: &PathBuf) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("alertmanager.yml");
        // Nobody is told: only what it takes to take alerts in and to group them is measured.
        std::fs::write(
            &config,
            "route: { receiver: nobody, group_by: [cause], group_wait: 1s }\nreceivers: [{ name: nobody }]\n",
        )?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--cluster.listen-address=", "--log.level=error"])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut server = Self { process, address, _folder: folder };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> Result<()> {
        for _ in 0..200 {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("Alertmanager ended with {status} at its start");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("Alertmanager does not listen on {} after 10 s", self.address)
    }

    /// How many seconds it takes for all alerts, so many in one request.
    async fn take(&self, batch: usize) -> Result<f64> {
        let stream = tokio::net::TcpStream::connect(self.address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let alerts: Vec<Value> = (0..ALERTS).map(alert).collect();
        let bodies: Vec<String> = alerts.chunks(batch).map(|alerts| json!(alerts).to_string()).collect();
        let start = Instant::now();
        for body in bodies {
            self.post(&mut sender, body).await?;
        }
        Ok(start.elapsed().as_secs_f64())
    }

    async fn post(&self, sender: &mut SendRequest<Full<Bytes>>, body: String) -> Result<()> {
        sender.ready().await?;
        let request = hyper::Request::post("/api/v2/alerts")
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let said = response.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "Alertmanager answers {status}: {}", String::from_utf8_lossy(&said));
        Ok(())
    }

    fn resident_mb(&self) -> Result<f64> {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        Ok(kilobytes.with_context(|| format!("{path} names no resident memory"))? / 1e3)
    }
}

fn alert(number: usize) -> Value {
    json!({ "labels": {
        "alertname": "PathDown",
        "cause": format!("cause-{}", number % 200),
        "account": format!("{:012}", number / 20),
        "zone": format!("use1-az{}", number % 3),
        "check": format!("connection/shop-to-payments/{number}"),
    } })
}
