//! A nameserver, as far as probes ask one (RFC 1035).

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use crate::wishes::Resolver;

const HEADER: usize = 12;
const TYPE_A: [u8; 2] = [0, 1];
const NO_ERROR: u8 = 0;
const NXDOMAIN: u8 = 3;

/// Answers questions, each after the same delay. One task does it all: when that ends, the socket is closed.
pub(crate) async fn serve(socket: UdpSocket, resolver: Resolver, names: BTreeMap<String, Vec<Ipv4Addr>>) {
    let delay = match resolver {
        Resolver::Works => Some(Duration::ZERO),
        Resolver::Slow(delay) => Some(delay),
        Resolver::Dead => None,
    };
    let mut waiting: VecDeque<(Instant, Vec<u8>, SocketAddr)> = VecDeque::new();
    let mut question = [0; 1_024];
    loop {
        let due = waiting.front().map(|(at, ..)| *at);
        tokio::select! {
            received = socket.recv_from(&mut question) => {
                // An ICMP message about an earlier answer comes as an error.
                let Ok((length, from)) = received else { continue };
                let answer = answer(&question[..length], &names);
                waiting.extend(delay.zip(answer).map(|(delay, answer)| (Instant::now() + delay, answer, from)));
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                let Some((_, answer, from)) = waiting.pop_front() else { continue };
                // Whoever asked may be gone.
                let _ = socket.send_to(&answer, from).await;
            }
        }
    }
}

/// The header and the question as they came, then the records; `None` where it is no question.
fn answer(question: &[u8], names: &BTreeMap<String, Vec<Ipv4Addr>>) -> Option<Vec<u8>> {
    let (name, end) = name(question)?;
    // Type and class.
    let end = end + 4;
    let is_a = question.get(end - 4..end - 2)? == TYPE_A;
    let found = names.get(&name);
    let code = if found.is_some() { NO_ERROR } else { NXDOMAIN };
    let addresses = found.filter(|_| is_a).map_or(&[][..], Vec::as_slice);
    let mut answer = question[..2].to_vec();
    // An answer, recursion is available; one question, the records, nothing more.
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(addresses.len()).ok()?, 0, 0, 0, 0]);
    answer.extend(question.get(HEADER..end)?);
    for address in addresses {
        // The question's name, type A, class IN, 60 s, 4 bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

/// The name that is asked for, in lower case, and where it ends.
fn name(question: &[u8]) -> Option<(String, usize)> {
    let mut labels = vec![];
    let mut at = HEADER;
    loop {
        let length = usize::from(*question.get(at)?);
        if length == 0 {
            return Some((labels.join("."), at + 1));
        }
        let label = question.get(at + 1..at + 1 + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += 1 + length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, kind: u8) -> Vec<u8> {
        let mut question = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).unwrap());
            question.extend(label.bytes());
        }
        question.extend([0, 0, kind, 0, 1]);
        question
    }

    #[test]
    fn a_name_has_the_addresses_that_were_wished_and_another_does_not_exist() {
        let address = Ipv4Addr::new(10, 0, 0, 9);
        let names = BTreeMap::from([("db.test".to_owned(), vec![address])]);
        let said = |name, kind| answer(&question(name, kind), &names).unwrap();
        let found = said("DB.test", 1);
        assert_eq!((&found[..4], found[7]), (&[7, 9, 0x81, 0x80][..], 1));
        assert!(found.ends_with(&address.octets()));
        let [none_of_type, unknown] = [said("db.test", 28), said("dc.test", 1)];
        assert_eq!((none_of_type[3], none_of_type[7]), (0x80, 0));
        assert_eq!((unknown[3], unknown[7]), (0x83, 0));
    }

    #[test]
    fn what_is_no_question_has_no_answer() {
        let whole = question("db.test", 1);
        for length in 0..whole.len() {
            assert_eq!(answer(&whole[..length], &BTreeMap::new()), None, "{length} bytes");
        }
    }
}
