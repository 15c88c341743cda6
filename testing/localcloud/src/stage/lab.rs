//! The packet lab: two programs of this project, and what they are told. They are met as binaries and JSON.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ipnet::Ipv4Net;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use crate::messages::{Network, SecurityGroup, Subnet};
use crate::package::release_binary;

/// The bridge's variable.
const LAB_VARIABLE: &str = "PHONEHOME_LOCAL_LAB";
/// Which address of its subnet a service's host has: beyond those that functions get.
const HOST: u32 = 100;
/// Of hosts on the internet; nobody has these (RFC 5737).
const INTERNET: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
/// How long the lab may take to begin, and to change.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A lab that runs. It ends when this is dropped, and also when this process dies.
#[derive(Debug)]
pub struct PacketLab {
    /// It goes first, which would miss the lab.
    follower: Follower,
    hosts: Arc<Hosts>,
    _lab: Ended,
}

/// What tells the lab what EC2 says.
#[derive(Debug)]
struct Follower {
    program: PathBuf,
    log: PathBuf,
    runs: Option<Ended>,
}

/// A program that is ended when it is dropped.
#[derive(Debug)]
struct Ended(Child);

/// A service's hosts in a lab.
#[derive(Debug)]
pub(super) struct LabHosts {
    pub(super) name: String,
    pub(super) port: u16,
    all: Arc<Hosts>,
}

/// All services, and where the lab is told of them.
#[derive(Debug)]
struct Hosts {
    socket: PathBuf,
    services: Mutex<BTreeMap<String, Answering>>,
}

#[derive(Debug)]
struct Answering {
    port: u16,
    listens: bool,
    places: Vec<(Value, Ipv4Addr)>,
}

impl PacketLab {
    /// Starts a lab in which nothing is yet.
    pub(super) async fn start(repository: &Path, folder: &Path) -> Result<Self> {
        let [serve, follower] = ["lab-serve", "lab-follow"].map(|name| release_binary(repository, name));
        let (serve, follower) = (serve?, follower?);
        // Without a socket it only says whether it could.
        let attempt = tokio::process::Command::new(&serve).env("PATH", path()).output().await?;
        if !attempt.status.success() {
            bail!("{}", in_a_line(&String::from_utf8_lossy(&attempt.stderr)));
        }
        let socket = folder.join("lab.socket");
        let arguments = ["--socket".to_owned(), socket.display().to_string()];
        let mut lab = start(&serve, &arguments, &folder.join("lab.log"))?;
        let begun = std::time::Instant::now();
        while UnixStream::connect(&socket).await.is_err() {
            let log = || std::fs::read_to_string(folder.join("lab.log")).unwrap_or_default();
            ensure!(lab.0.try_wait()?.is_none(), "the lab has ended: {}", log());
            ensure!(begun.elapsed() < PATIENCE, "the lab does not answer: {}", log());
            tokio::time::sleep(PAUSE).await;
        }
        let hosts = Arc::new(Hosts { socket, services: Mutex::default() });
        let log = folder.join("lab-follow.log");
        Ok(Self { follower: Follower { program: follower, log, runs: None }, hosts, _lab: lab })
    }

    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(LAB_VARIABLE.to_owned(), self.hosts.socket.display().to_string())])
    }

    pub(super) fn follow(&mut self, endpoint: &str) -> Result<()> {
        let socket = self.hosts.socket.display().to_string();
        let arguments = ["--socket".to_owned(), socket, "--endpoint".to_owned(), endpoint.to_owned()];
        let Follower { program, log, runs } = &mut self.follower;
        *runs = Some(start(program, &arguments, log)?);
        Ok(())
    }

    pub(super) async fn service(&self, name: &str, port: u16) -> Result<LabHosts> {
        self.add(name, Answering { port, listens: true, places: vec![] }).await
    }

    pub(super) async fn internet(&self, name: &str, port: u16) -> Result<LabHosts> {
        let before = self.hosts.services.lock().await.len();
        let address = Ipv4Addr::from(u32::from(INTERNET) + u32::try_from(before)?);
        self.add(name, Answering { port, listens: true, places: vec![(json!("internet"), address)] }).await
    }

    async fn add(&self, name: &str, answering: Answering) -> Result<LabHosts> {
        let port = answering.port;
        self.hosts.change(|services| drop(services.insert(name.to_owned(), answering))).await?;
        Ok(LabHosts { name: name.to_owned(), port, all: self.hosts.clone() })
    }
}

impl LabHosts {
    pub(super) async fn listen(&self, listens: bool) -> Result<()> {
        let change = |services: &mut BTreeMap<String, Answering>| {
            services.entry(self.name.clone()).and_modify(|it| it.listens = listens);
        };
        self.all.change(change).await
    }

    /// A host in each private subnet, which the group for declared connections looks after.
    pub(super) async fn settle(&self, stack: &str, network: &Network) -> Result<Option<()>> {
        let Some(group) = network.security_groups.iter().find(|it| it.name.contains("inbound")) else {
            return Ok(None);
        };
        let private: Vec<&Subnet> = network.subnets.iter().filter(|it| it.name.contains("private")).collect();
        let is_whole = !private.is_empty() && 2 * private.len() == network.subnets.len();
        if !is_whole {
            return Ok(None);
        }
        let places: Vec<_> =
            private.iter().map(|subnet| place(stack, subnet, group)).collect::<Result<_>>()?;
        let change = |services: &mut BTreeMap<String, Answering>| {
            services.entry(self.name.clone()).and_modify(|it| it.places = places);
        };
        self.all.change(change).await.map(Some)
    }
}

/// Where programs are: `ip` and `nft` are where many systems look for root alone.
fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// What a program has to say of its end.
fn in_a_line(said: &str) -> String {
    let said = said.trim().trim_start_matches("error: ");
    said.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

fn place(stack: &str, subnet: &Subnet, group: &SecurityGroup) -> Result<(Value, Ipv4Addr)> {
    let cidr: Ipv4Net = subnet.cidr.parse().with_context(|| subnet.id.clone())?;
    let place = json!({"subnet": {"stack": stack, "subnet_id": subnet.id, "groups": [group.id]}});
    Ok((place, Ipv4Addr::from(u32::from(cidr.network()) + HOST)))
}

impl Hosts {
    /// Changes the services, and tells the lab of all of them.
    async fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Answering>)) -> Result<()> {
        let mut services = self.services.lock().await;
        change(&mut services);
        let answer = self.ask(&json!({"set_wishes": wishes(&services)})).await?;
        ensure!(answer.get("applied").is_some(), "the lab refuses its hosts: {answer}");
        Ok(())
    }

    async fn ask(&self, request: &Value) -> Result<Value> {
        let ask = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(request.to_string().as_bytes()).await?;
            stream.shutdown().await?;
            let mut said = vec![];
            stream.read_to_end(&mut said).await?;
            Ok::<_, anyhow::Error>(serde_json::from_slice(&said)?)
        };
        tokio::time::timeout(PATIENCE, ask)
            .await
            .context("the lab does not answer")?
            .context("asking the lab")
    }
}

/// As the lab takes them.
fn wishes(services: &BTreeMap<String, Answering>) -> Value {
    let mut hosts = vec![];
    let mut names = BTreeMap::new();
    for (name, Answering { port, listens, places }) in services {
        let ports: BTreeMap<u16, &str> = listens.then_some((*port, "tcp")).into_iter().collect();
        let host = |(place, address): &(Value, Ipv4Addr)| json!({"place": place, "address": address, "ports": ports});
        hosts.extend(places.iter().map(host));
        let addresses: Vec<Ipv4Addr> = places.iter().map(|(_, address)| *address).collect();
        names.insert(name, addresses);
    }
    json!({"hosts": hosts, "names": names})
}

/// Starts a program that ends when its standard input does. What it says goes into a file.
fn start(program: &Path, arguments: &[String], log: &Path) -> Result<Ended> {
    let log = File::create(log).with_context(|| log.display().to_string())?;
    let child = Command::new(program)
        .args(arguments)
        // It speaks to this machine alone, and needs nothing of whoever started it but to find `ip` and `nft`.
        .env_clear()
        .env("PATH", path())
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C is for the program that started it.
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    Ok(Ended(child))
}

impl Drop for Ended {
    fn drop(&mut self) {
        // What runs in its namespaces goes with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_no_lab_fits_in_a_line() {
        let said = "error: no network can be made here: unshare: Operation not permitted\n  and more.\n";
        let line = "no network can be made here: unshare: Operation not permitted; and more.";
        assert_eq!(in_a_line(said), line);
    }

    #[test]
    fn who_does_not_listen_keeps_name_and_address_and_has_no_port() {
        let place =
            (json!({"subnet": {"stack": "1/r", "subnet_id": "subnet-1", "groups": []}}), Ipv4Addr::LOCALHOST);
        let mut services = BTreeMap::from([(
            "db.test".to_owned(),
            Answering { port: 5432, listens: true, places: vec![place] },
        )]);
        let said = wishes(&services);
        assert_eq!(said["hosts"][0]["ports"], json!({"5432": "tcp"}));
        services.values_mut().for_each(|it| it.listens = false);
        let silent = wishes(&services);
        assert_eq!(silent["hosts"][0]["ports"], json!({}));
        assert_eq!(
            (&silent["names"], &silent["hosts"][0]["address"]),
            (&said["names"], &said["hosts"][0]["address"])
        );
    }
}
