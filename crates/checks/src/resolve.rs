//! From host names to addresses.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::Name;
use phonehome_wire::Stage;

use crate::deadline::{Deadline, MAX_TIMEOUT_MS};
use crate::local;
use crate::verdict::Outcome;

/// Resolves the hosts of checks, as programs beside the probe would.
#[derive(Debug)]
pub(crate) struct HostResolver(Result<TokioResolver, String>);

impl HostResolver {
    /// A resolver that asks `nameserver`, or is configured by the system when that is absent.
    pub(crate) fn new(nameserver: Option<SocketAddr>) -> Self {
        Self(match nameserver {
            Some(nameserver) => only(nameserver),
            None => system(ResolveHosts::Always),
        })
    }

    /// All addresses of `host`, sorted. An IP address is returned as it is.
    ///
    /// The networks under test are IPv4: a host that has IPv4 addresses is tested with those only.
    pub(crate) async fn addresses(&self, host: &str, deadline: Deadline) -> Result<Vec<IpAddr>, Outcome> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let resolver = self
            .0
            .as_ref()
            .map_err(|error| Outcome::ProbeError(format!("cannot resolve {host}: {error}")))?;
        let mut name: Name = match host.parse() {
            Ok(name) => name,
            Err(error) => {
                return Err(Outcome::ProbeError(format!("bad input: {host:?} is not a name: {error}")));
            }
        };
        // A declared name is a whole name: no search domain completes it.
        name.set_fqdn(true);
        let addresses = match deadline.bound(resolver.lookup_ip(name)).await {
            Some(Ok(found)) => found.iter().collect::<BTreeSet<_>>(),
            Some(Err(error)) => return Err(outcome(host, &error, deadline)),
            None => return Err(outcome(host, &NetError::Timeout, deadline)),
        };
        match addresses.is_empty() {
            true => Err(Outcome::failed(Stage::Resolve, format!("{host} has no address"))),
            false => Ok(addresses.into_iter().collect()),
        }
    }
}

fn outcome(host: &str, error: &NetError, deadline: Deadline) -> Outcome {
    let text = match Unresolved::of(error) {
        Unresolved::Local(trouble) => {
            return Outcome::ProbeError(format!("cannot resolve {host}: {trouble}"));
        }
        Unresolved::Silent => {
            format!("no answer from the resolver for {host} within {} ms", deadline.timeout_ms)
        }
        Unresolved::Answer(text) => format!("{host} {text}"),
    };
    Outcome::failed(Stage::Resolve, text)
}

/// Why a name has no address.
pub(crate) enum Unresolved {
    /// This machine could not ask.
    Local(&'static str),
    /// The nameserver said nothing.
    Silent,
    /// It answered, or it is unclear what happened; words that follow the name.
    Answer(String),
}

impl Unresolved {
    pub(crate) fn of(error: &NetError) -> Self {
        match error {
            // What the library says when no socket could be opened, or nothing sent from it: its
            // UDP sockets are not connected, so that no error of the network reaches them.
            NetError::NoConnections => Self::Local("no file, memory or route left for a socket"),
            NetError::Io(io) => match local::trouble(io) {
                Some(trouble) => Self::Local(trouble),
                None => Self::Answer(format!("does not resolve: {io}")),
            },
            NetError::Timeout => Self::Silent,
            NetError::Dns(DnsError::NoRecordsFound(none)) => Self::Answer(answer(none.response_code)),
            NetError::Dns(DnsError::ResponseCode(code)) => Self::Answer(answer(*code)),
            other => Self::Answer(format!("does not resolve: {other}")),
        }
    }
}

fn answer(code: ResponseCode) -> String {
    match code {
        ResponseCode::NXDomain => "does not exist (NXDOMAIN)".to_owned(),
        ResponseCode::NoError => "exists but has no address".to_owned(),
        other => format!("does not resolve: the nameserver answered {other:?}"),
    }
}

/// A resolver that asks one nameserver and nothing else.
pub(crate) fn only(nameserver: SocketAddr) -> Result<TokioResolver, String> {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = nameserver.port();
        connection
    });
    let server = NameServerConfig::new(nameserver.ip(), true, connections.into());
    let config = ResolverConfig::from_parts(None, vec![], vec![server]);
    let mut options = ResolverOpts::default();
    options.attempts = 1;
    build(config, options, ResolveHosts::Never)
}

/// A resolver with the system's nameservers.
pub(crate) fn system(hosts: ResolveHosts) -> Result<TokioResolver, String> {
    let (config, options) = hickory_resolver::system_conf::read_system_conf()
        .map_err(|error| format!("the system's resolver configuration is unusable: {error}"))?;
    build(config, options, hosts)
}

/// No cache: what was true a minute ago is what is being tested.
fn build(
    config: ResolverConfig,
    options: ResolverOpts,
    hosts: ResolveHosts,
) -> Result<TokioResolver, String> {
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    let options = builder.options_mut();
    options.cache_size = 0;
    // A check's own deadline is the one that decides; lost packets are sent again within it.
    options.timeout = Duration::from_millis(MAX_TIMEOUT_MS);
    options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
    options.use_hosts_file = hosts;
    builder.build().map_err(|error| format!("no resolver: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_question_that_this_machine_could_not_send_is_its_own_trouble() {
        let no_files = NetError::Io(Arc::new(io::Error::from_raw_os_error(libc::EMFILE)));
        for error in [NetError::NoConnections, no_files] {
            assert!(matches!(Unresolved::of(&error), Unresolved::Local(_)), "{error}");
        }
        assert!(matches!(Unresolved::of(&NetError::Timeout), Unresolved::Silent));
    }

    #[tokio::test]
    async fn an_address_is_used_as_it_is_without_a_nameserver() {
        let resolver = HostResolver(Err("no resolver".to_owned()));
        let found = resolver.addresses("127.0.0.1", Deadline::after_ms(1)).await;
        assert_eq!(found, Ok(vec![IpAddr::from([127, 0, 0, 1])]));
        assert!(matches!(
            resolver.addresses("db.test", Deadline::after_ms(1)).await,
            Err(Outcome::ProbeError(_))
        ));
    }
}
