//! One attempt at one address: connect, shake hands, ask.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use phonehome_tcp_info::{TcpInfo, tcp_info};
use phonehome_wire::{Approach, Attempt, Certificate, Expect};

use crate::deadline::Deadline;
use crate::endpoint::Exchange;
use crate::http;
use crate::outcome::Outcome;
use crate::slots::NO_TIME;
use crate::stream::Stream;
use crate::tcp::{self, How, Missed};
use crate::tls::Tls;

/// What attempts are made with.
pub(crate) struct Means {
    pub(crate) tls: Result<Tls, String>,
    pub(crate) source: Option<IpAddr>,
    pub(crate) own_machine_counts: bool,
}

/// What came of an attempt, and what was measured.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) outcome: Outcome,
    pub(crate) attempt: Attempt,
    pub(crate) certificate: Option<Certificate>,
    /// The public address that an echo service saw.
    pub(crate) public_address: Option<IpAddr>,
}

impl Attempted {
    /// One that had no turn.
    pub(crate) fn without_time(address: SocketAddr, expect: Expect) -> Self {
        let outcome = match expect {
            Expect::Connect => Outcome::ProbeError(NO_TIME.to_owned()),
            // That a run is too short for silence is no trouble of the probe's.
            Expect::Deny => Outcome::ProvesNothing(NO_TIME.to_owned()),
        };
        Self::of(address, Approach::First, outcome, Phases::default(), Duration::ZERO)
    }

    fn of(
        address: SocketAddr,
        approach: Approach,
        outcome: Outcome,
        phases: Phases,
        total: Duration,
    ) -> Self {
        let attempt = Attempt {
            address: address.ip(),
            approach,
            connect_us: phases.connect.map(micros),
            tls_us: phases.tls.map(micros),
            first_byte_us: phases.first_byte.map(micros),
            total_us: micros(total),
            retransmissions: phases.info.map_or(0, |info| info.retransmissions),
            rtt_us: phases.info.map_or(0, |info| info.rtt_us),
            miss: outcome.miss(),
        };
        let Phases { certificate, public_address, .. } = phases;
        Self { outcome, attempt, certificate, public_address }
    }
}

/// How long each phase took; what the attempt did not come to is absent.
#[derive(Debug, Default)]
struct Phases {
    connect: Option<Duration>,
    tls: Option<Duration>,
    first_byte: Option<Duration>,
    info: Option<TcpInfo>,
    certificate: Option<Certificate>,
    public_address: Option<IpAddr>,
}

impl Phases {
    fn missed(&mut self, missed: Missed) -> Outcome {
        self.info = missed.info.or(self.info);
        missed.outcome
    }
}

/// Tries the whole exchange with one address, in `time`.
pub(crate) async fn attempt(
    address: SocketAddr,
    exchange: &Exchange,
    approach: Approach,
    means: &Means,
    time: Duration,
) -> Attempted {
    let begun = Instant::now();
    let mut phases = Phases::default();
    let deadline = Deadline::after(time);
    let outcome = match try_exchange(address, exchange, approach, means, deadline, &mut phases).await {
        Ok(()) => Outcome::Reached(address.to_string()),
        Err(outcome) => outcome,
    };
    Attempted::of(address, approach, outcome, phases, begun.elapsed())
}

async fn try_exchange(
    address: SocketAddr,
    exchange: &Exchange,
    approach: Approach,
    means: &Means,
    deadline: Deadline,
    phases: &mut Phases,
) -> Result<(), Outcome> {
    let how = How {
        source: means.source,
        small_segments: approach == Approach::SmallSegments,
        own_machine_counts: means.own_machine_counts,
    };
    let begun = Instant::now();
    let tcp = tcp::connect(address, how, deadline).await.map_err(|missed| phases.missed(missed))?;
    phases.connect = Some(begun.elapsed());
    phases.info = tcp_info(&tcp);
    let stream = match exchange.server_name() {
        None => Stream::Plain(tcp),
        Some(name) => {
            let tls = means.tls.as_ref().map_err(|reason| Outcome::ProbeError(reason.clone()))?;
            let begun = Instant::now();
            let handshake = tls.handshake(tcp, address, name, deadline).await;
            let session = handshake.map_err(|missed| phases.missed(missed))?;
            phases.tls = Some(begun.elapsed());
            phases.info = tcp_info(session.stream.get_ref().0).or(phases.info);
            phases.certificate = session.certificate;
            session.failure.map_or(Ok(()), |failure| Err(Outcome::Failed(failure)))?;
            Stream::Tls(Box::new(session.stream))
        }
    };
    let Exchange::Http { request, .. } = exchange else { return Ok(()) };
    let answered = http::exchange(stream, address, request, deadline).await;
    phases.first_byte = answered.first_byte;
    phases.public_address = answered.public_address;
    phases.info = answered.stream.as_ref().and_then(|stream| tcp_info(stream.tcp())).or(phases.info);
    answered.failure.map_or(Ok(()), |failure| Err(Outcome::Failed(failure)))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
