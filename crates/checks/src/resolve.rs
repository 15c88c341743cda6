//! From host names to addresses.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_resolver::Hosts;
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use phonehome_wire::{Class, Stage};
use tokio::sync::OnceCell;

use crate::deadline::Deadline;
use crate::nameserver::{self, Unanswered};
use crate::outcome::Outcome;
use crate::slots::{NO_TIME, Slots};

/// How long the other family's addresses are waited for once those of IPv4 are there: a nameserver that says
/// nothing about IPv6 is worth a note, and no more.
const OTHER_FAMILY: Duration = Duration::from_millis(500);

/// How many sockets a lookup opens: one for each family.
pub(crate) const LOOKUP_SOCKETS: u32 = 2;

/// The addresses of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Each once, sorted; at least one.
    pub(crate) addresses: Vec<IpAddr>,
    /// How long it took, in microseconds; absent where no nameserver was asked.
    pub(crate) took_us: Option<u64>,
    /// What is odd about the answer, for people.
    pub(crate) note: Option<String>,
}

type Cell = Arc<OnceCell<Result<Resolved, Outcome>>>;

/// Resolves the hosts of checks, as programs beside the probe would. A name is looked up once in a run, however
/// many checks it is in.
#[derive(Debug)]
pub(crate) struct HostResolver {
    servers: Result<Vec<SocketAddr>, String>,
    hosts: Hosts,
    known: Mutex<HashMap<(String, Duration), Cell>>,
}

impl HostResolver {
    /// A resolver that asks `nameserver`, or is configured by the system when that is absent.
    pub(crate) fn new(nameserver: Option<SocketAddr>) -> Self {
        let (servers, hosts) = match nameserver {
            Some(nameserver) => (Ok(vec![nameserver]), Hosts::default()),
            // Without a hosts file it is as if it were empty.
            None => (system(), Hosts::from_system().unwrap_or_default()),
        };
        Self { servers, hosts, known: Mutex::default() }
    }

    /// The nameservers that it asks.
    pub(crate) fn servers(&self) -> Result<&[SocketAddr], String> {
        self.servers.as_deref().map_err(Clone::clone)
    }

    /// All addresses of `host`. An IP address is returned as it is.
    ///
    /// It waits for its turn, and then for `timeout` at most.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        timeout: Duration,
        slots: &Slots,
    ) -> Result<Resolved, Outcome> {
        if let Ok(address) = host.parse() {
            return Ok(Resolved { addresses: vec![address], took_us: None, note: None });
        }
        let look_up = async || match slots.turn(LOOKUP_SOCKETS, timeout).await {
            Some(turn) => self.look_up(host, Deadline::after(turn.time)).await,
            None => Err(Outcome::ProbeError(NO_TIME.to_owned())),
        };
        self.cell(host, timeout).get_or_init(look_up).await.clone()
    }

    /// By the time it may take, too: who has more of it may hear what another did not wait for.
    fn cell(&self, host: &str, timeout: Duration) -> Cell {
        // Nobody panics while holding it.
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.entry((host.to_ascii_lowercase(), timeout)).or_default().clone()
    }

    async fn look_up(&self, host: &str, deadline: Deadline) -> Result<Resolved, Outcome> {
        let mut name: Name = host
            .parse()
            .map_err(|error| Outcome::ProbeError(format!("bad input: {host:?} is not a name: {error}")))?;
        // A declared name is a whole name: no search domain completes it.
        name.set_fqdn(true);
        if let Some(addresses) = self.in_hosts_file(&name) {
            return Ok(Resolved { addresses, took_us: None, note: None });
        }
        let servers =
            self.servers().map_err(|error| Outcome::ProbeError(format!("cannot resolve {host}: {error}")))?;
        let started = Instant::now();
        let (addresses, note) = both_families(servers, &name, deadline)
            .await
            .map_err(|unanswered| outcome(host, "the resolver", &unanswered, "address", deadline))?;
        if addresses.is_empty() {
            let error = format!("{host} exists but has no address");
            return Err(Outcome::failed(Stage::Resolve, Class::NoRecords, error));
        }
        let took_us = u64::try_from(started.elapsed().as_micros()).ok();
        Ok(Resolved { addresses: addresses.into_iter().collect(), took_us, note })
    }

    fn in_hosts_file(&self, name: &Name) -> Option<Vec<IpAddr>> {
        let of = |record| self.hosts.lookup_static_host(&Query::query(name.clone(), record));
        let found = [RecordType::A, RecordType::AAAA].into_iter().filter_map(of);
        let addresses: BTreeSet<IpAddr> = found
            .flat_map(|lookup| lookup.answers().iter().filter_map(|it| address(&it.data)).collect::<Vec<_>>())
            .collect();
        (!addresses.is_empty()).then(|| addresses.into_iter().collect())
    }
}

/// The addresses of a name in both families, sorted, with a note where one of IPv6 may be missing. What goes
/// wrong with those of IPv4 goes wrong for everybody in the subnet, whatever is known of IPv6.
pub(crate) async fn both_families(
    servers: &[SocketAddr],
    name: &Name,
    deadline: Deadline,
) -> Result<(BTreeSet<IpAddr>, Option<String>), Unanswered> {
    let ask = |record| nameserver::ask(servers, name, record);
    let (four, six) = (ask(RecordType::A), ask(RecordType::AAAA));
    tokio::pin!(four, six);
    let mut early_six = None;
    let four = loop {
        tokio::select! {
            biased;
            six = &mut six, if early_six.is_none() => early_six = Some(six),
            four = deadline.bound(&mut four) => break four.unwrap_or(Err(Unanswered::Silent))?,
        }
    };
    let six = match early_six {
        Some(six) => six,
        None if four.is_empty() => deadline.bound(six).await.unwrap_or(Err(Unanswered::Silent)),
        None => tokio::time::timeout(OTHER_FAMILY, six).await.unwrap_or(Err(Unanswered::Silent)),
    };
    let mut addresses: BTreeSet<IpAddr> = four.iter().filter_map(address).collect();
    match six {
        Ok(six) => {
            addresses.extend(six.iter().filter_map(address));
            Ok((addresses, None))
        }
        Err(unanswered) if addresses.is_empty() => Err(unanswered),
        Err(_) => Ok((addresses, Some(format!("no answer to the question for IPv6 addresses of {name}")))),
    }
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(address.0.into()),
        RData::AAAA(address) => Some(address.0.into()),
        _ => None,
    }
}

/// What it means for a check that there is no answer for `name`. `whom`: who was asked; `what`: for which kind of
/// record.
pub(crate) fn outcome(
    name: &str,
    whom: &str,
    unanswered: &Unanswered,
    what: &str,
    deadline: Deadline,
) -> Outcome {
    let (class, error) = match unanswered {
        Unanswered::Local(trouble) => {
            return Outcome::ProbeError(format!("cannot look up {name}: {trouble}"));
        }
        // No proof of a denial, also of a nameserver that was named: a question is one packet, and may get lost.
        Unanswered::Silent => {
            let ms = deadline.timeout_ms;
            (Class::ResolverTimeout, format!("no answer from {whom} for {name} within {ms} ms"))
        }
        Unanswered::NobodyThere(server, error) => {
            (Class::Unreachable, format!("{name} cannot be asked of nameserver {server}: {error}"))
        }
        Unanswered::Truncated(error) => (
            Class::Truncated,
            format!("the answer for {name} is too long for a packet, and over TCP: {error}"),
        ),
        Unanswered::Code(ResponseCode::NXDomain) => {
            (Class::Nxdomain, format!("{name} does not exist (NXDOMAIN)"))
        }
        Unanswered::Code(ResponseCode::NoError) => {
            (Class::NoRecords, format!("{name} exists but has no {what}"))
        }
        Unanswered::Code(code) => {
            let class = match code {
                ResponseCode::ServFail => Class::Servfail,
                ResponseCode::Refused => Class::DnsRefused,
                _ => Class::Other,
            };
            (class, format!("{name} does not resolve: the nameserver answered {code:?}"))
        }
    };
    Outcome::failed(Stage::Resolve, class, error)
}

/// The system's nameservers.
fn system() -> Result<Vec<SocketAddr>, String> {
    let (config, _) = hickory_resolver::system_conf::read_system_conf()
        .map_err(|error| format!("the system's resolver configuration is unusable: {error}"))?;
    Ok(config.name_servers().iter().map(|server| SocketAddr::new(server.ip, 53)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_used_as_it_is_without_a_nameserver() {
        let servers = Err("no resolver".to_owned());
        let resolver = HostResolver { servers, hosts: Hosts::default(), known: Mutex::default() };
        let slots = Slots::new(tokio::time::Instant::now() + Duration::from_secs(9));
        let timeout = Duration::from_secs(1);
        let found = resolver.addresses("127.0.0.1", timeout, &slots).await.unwrap();
        assert_eq!(found.addresses, [IpAddr::from([127, 0, 0, 1])]);
        let unknown = resolver.addresses("db.test", timeout, &slots).await;
        assert!(matches!(unknown, Err(Outcome::ProbeError(_))), "{unknown:?}");
    }

    #[test]
    fn each_way_of_not_answering_has_its_class() {
        let server = SocketAddr::from(([10, 0, 0, 2], 53));
        for (unanswered, class) in [
            (Unanswered::Silent, Class::ResolverTimeout),
            (Unanswered::NobodyThere(server, "refused".into()), Class::Unreachable),
            (Unanswered::Truncated("refused".into()), Class::Truncated),
            (Unanswered::Code(ResponseCode::NXDomain), Class::Nxdomain),
            (Unanswered::Code(ResponseCode::ServFail), Class::Servfail),
            (Unanswered::Code(ResponseCode::Refused), Class::DnsRefused),
            (Unanswered::Code(ResponseCode::NotImp), Class::Other),
        ] {
            let outcome = outcome(
                "db.test",
                "the resolver",
                &unanswered,
                "address",
                Deadline::after(Duration::from_millis(1)),
            );
            let failure = outcome.failure().unwrap();
            assert_eq!((failure.stage, failure.class), (Stage::Resolve, class), "{unanswered:?}");
        }
        let local = outcome(
            "db.test",
            "x",
            &Unanswered::Local("no memory"),
            "address",
            Deadline::after(Duration::from_millis(1)),
        );
        assert!(matches!(local, Outcome::ProbeError(_)), "{local:?}");
    }
}
