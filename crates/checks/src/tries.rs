//! When an address is tried again, in which way, and what the attempts say together. Pure.

use std::net::SocketAddr;

use phonehome_wire::{Approach, Class};

use crate::attempt::Attempted;
use crate::outcome::{Failure, Outcome};

/// In which way an address is tried next, so that it tells something which the attempts so far do not; `None`
/// where nothing does. `made`: the attempts so far, at least one.
pub(crate) fn next(made: &[Attempted]) -> Option<Approach> {
    let last = made.last()?;
    let class = last.outcome.failure()?.class;
    let stalled = matches!(class, Class::TlsTimeout | Class::HttpTimeout);
    match last.attempt.approach {
        // One of several equal ways, or one port of a NAT, may be bad.
        Approach::First if may_be_chance(class) => Some(Approach::OtherPort),
        Approach::OtherPort if stalled => Some(Approach::SmallSegments),
        _ => None,
    }
}

/// Whether another attempt may end in another way. A wrong certificate or status will be as wrong again.
fn may_be_chance(class: Class) -> bool {
    matches!(
        class,
        Class::ConnectTimeout
            | Class::Refused
            | Class::Reset
            | Class::Unreachable
            | Class::TlsTimeout
            | Class::TlsClosed
            | Class::HttpTimeout
            | Class::HttpClosed
    )
}

/// What the attempts at an address say together, and what is worth a note.
pub(crate) fn conclude(address: SocketAddr, made: &[Attempted]) -> (Outcome, Option<String>) {
    let (Some(first), Some(last)) = (made.first(), made.last()) else {
        return (Outcome::ProbeError(format!("{address} was not tried")), None);
    };
    let Some(failure) = first.outcome.failure() else { return (first.outcome.clone(), None) };
    if !matches!(last.outcome, Outcome::Reached(_)) {
        return (first.outcome.clone(), None);
    }
    let error = &failure.error;
    match last.attempt.approach {
        Approach::SmallSegments => {
            let error = format!(
                "large packets get lost between here and {address} (an MTU black hole): with segments of 536 bytes \
                 it works, else: {error}"
            );
            (Outcome::Failed(Failure { class: Class::MtuBlackHole, error, ..failure }), None)
        }
        Approach::First | Approach::OtherPort | Approach::Unknown => {
            let note = format!("the first attempt failed, one from another source port did not: {error}");
            (last.outcome.clone(), Some(note))
        }
    }
}

#[cfg(test)]
mod tests {
    use phonehome_wire::{Attempt, Stage};

    use super::*;

    fn address() -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], 443))
    }

    fn made(approach: Approach, outcome: Outcome) -> Attempted {
        let attempt = Attempt {
            address: address().ip(),
            approach,
            connect_us: None,
            tls_us: None,
            first_byte_us: None,
            total_us: 1,
            retransmissions: 0,
            rtt_us: 0,
            miss: outcome.miss(),
        };
        Attempted { outcome, attempt, certificate: None, public_address: None }
    }

    fn reached() -> Outcome {
        Outcome::Reached("10.0.0.1:443".to_owned())
    }

    fn failed(stage: Stage, class: Class) -> Outcome {
        Outcome::failed(stage, class, "why")
    }

    /// All attempts at an address that meets `outcome` whichever way it is tried, but for `good`.
    fn all(outcome: &Outcome, good: Option<Approach>) -> Vec<Attempted> {
        let mut attempts = vec![made(Approach::First, outcome.clone())];
        while let Some(approach) = next(&attempts) {
            let outcome = if Some(approach) == good { reached() } else { outcome.clone() };
            attempts.push(made(approach, outcome));
        }
        attempts
    }

    #[test]
    fn what_fails_is_tried_in_each_way_that_may_tell_more() {
        use Approach::{First, OtherPort, SmallSegments};
        let silent = Outcome::Silent("no answer".to_owned());
        let (tls, http) = (failed(Stage::Tls, Class::TlsTimeout), failed(Stage::Request, Class::HttpTimeout));
        let expired = failed(Stage::Tls, Class::CertExpired);
        let probe_error = Outcome::ProbeError("no memory".to_owned());
        for (outcome, expected) in [
            (&reached(), vec![First]),
            (&silent, vec![First, OtherPort]),
            (&tls, vec![First, OtherPort, SmallSegments]),
            (&http, vec![First, OtherPort, SmallSegments]),
            (&expired, vec![First]),
            (&probe_error, vec![First]),
        ] {
            let approaches: Vec<Approach> = all(outcome, None).iter().map(|it| it.attempt.approach).collect();
            assert_eq!(approaches, expected, "{outcome:?}");
        }
    }

    #[test]
    fn the_way_in_which_it_works_says_what_was_in_the_way() {
        let stalled = failed(Stage::Tls, Class::TlsTimeout);
        let concluded = |good| conclude(address(), &all(&stalled, good));
        assert_eq!(concluded(None), (stalled.clone(), None));
        let (outcome, note) = concluded(Some(Approach::OtherPort));
        assert!(outcome == reached() && note.unwrap().contains("source port"));
        let (outcome, note) = concluded(Some(Approach::SmallSegments));
        let failure = outcome.failure().unwrap();
        assert_eq!((failure.stage, failure.class, note), (Stage::Tls, Class::MtuBlackHole, None));
    }

    #[test]
    fn an_address_that_fails_in_every_way_failed_as_it_did_at_first() {
        let silent = Outcome::Silent("no answer".to_owned());
        let refused = Outcome::refused(Class::Refused, "refused");
        let attempts = [made(Approach::First, silent.clone()), made(Approach::OtherPort, refused)];
        assert_eq!(conclude(address(), &attempts), (silent, None));
    }
}
