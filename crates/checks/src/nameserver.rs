//! One question to nameservers: over UDP, and over TCP where the answer does not fit into a packet.
//!
//! As programs beside the probe would ask, and with what a resolver keeps to itself: who answered what, and
//! whether an answer was too long. Nothing is cached: what was true a minute ago is what is being tested.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hickory_resolver::proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use crate::local;

/// After how long a question is sent again, the first time; a packet may get lost. Then after twice as long each
/// time. The next nameserver, where there are several, is asked after as long.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The longest answer in one packet (RFC 1035, 2.3.4), with room for servers that send more.
const PACKET_BYTES: usize = 4096;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// This machine could not ask.
    Local(&'static str),
    /// The nameservers said nothing; so far, to who asks.
    Silent,
    /// Nothing listens at this nameserver, or there is no way to it.
    NobodyThere(SocketAddr, String),
    /// The answer is an error.
    Code(ResponseCode),
    /// The answer does not fit into a packet, and over TCP there is none: why.
    Truncated(String),
}

/// The records of a type that a name has, in the order of the answer. Empty when it exists and has none.
///
/// All servers are asked, each a second after the one before it; the first one that knows the name, or that it
/// does not exist, has the word. Of those that fail, the first.
///
/// # Errors
/// [`Unanswered`]. It never ends while all are silent: bound it.
pub(crate) async fn ask(
    servers: &[SocketAddr],
    name: &Name,
    record: RecordType,
) -> Result<Vec<RData>, Unanswered> {
    let asked = servers.iter().zip(0_u32..).map(|(server, number)| async move {
        tokio::time::sleep(AGAIN_AFTER * number).await;
        (number, ask_one(*server, name, record).await)
    });
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut failures = Vec::new();
    while let Some((number, answer)) = asked.next().await {
        match answer {
            Ok(records) => return Ok(records),
            Err(Unanswered::Code(ResponseCode::NXDomain)) => {
                return Err(Unanswered::Code(ResponseCode::NXDomain));
            }
            Err(failure) => failures.push((number, failure)),
        }
    }
    failures.sort_by_key(|(number, _)| *number);
    Err(failures.into_iter().next().map_or(Unanswered::Local("it has no nameserver"), |(_, failure)| failure))
}

async fn ask_one(server: SocketAddr, name: &Name, record: RecordType) -> Result<Vec<RData>, Unanswered> {
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name.clone(), record));
    let packet = question.to_vec().map_err(|_| Unanswered::Local("the question cannot be written"))?;
    let trouble = |error: io::Error| match local::trouble(&error) {
        Some(trouble) => Unanswered::Local(trouble),
        None => Unanswered::NobodyThere(server, error.to_string()),
    };
    let answer = over_udp(server, &packet, &question).await.map_err(trouble)?;
    let answer = match answer.metadata.truncation {
        false => answer,
        true => over_tcp(server, &packet, &question).await.map_err(|error| match local::trouble(&error) {
            Some(trouble) => Unanswered::Local(trouble),
            None => Unanswered::Truncated(error.to_string()),
        })?,
    };
    match answer.metadata.response_code {
        ResponseCode::NoError => {
            let records = answer.answers.into_iter().filter(|it| it.record_type() == record);
            Ok(records.map(|it| it.data).collect())
        }
        code => Err(Unanswered::Code(code)),
    }
}

/// Sends the question again and again, until an answer to it comes.
async fn over_udp(server: SocketAddr, packet: &[u8], question: &Message) -> io::Result<Message> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // A connected socket takes answers of this server alone, and hears of it when nothing listens there.
    socket.connect(server).await?;
    let mut patience = AGAIN_AFTER;
    let mut buffer = [0; PACKET_BYTES];
    loop {
        socket.send(packet).await?;
        let answered = tokio::time::timeout(patience, async {
            loop {
                let length = socket.recv(&mut buffer).await?;
                if let Some(answer) = answer_to(question, &buffer[..length]) {
                    return Ok::<Message, io::Error>(answer);
                }
            }
        });
        if let Ok(answer) = answered.await {
            return answer;
        }
        patience *= 2;
    }
}

async fn over_tcp(server: SocketAddr, packet: &[u8], question: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(packet.len()).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
    stream.write_all(&[&length.to_be_bytes(), packet].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    answer_to(question, &answer).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "an unreadable answer"))
}

/// What a packet says, if it is an answer to this question: anybody may send packets.
fn answer_to(question: &Message, packet: &[u8]) -> Option<Message> {
    let answer = Message::from_vec(packet).ok()?;
    let is_answer = answer.metadata.message_type == MessageType::Response
        && answer.metadata.id == question.metadata.id
        // Some servers leave the question out of an error.
        && (answer.queries == question.queries || answer.queries.is_empty());
    is_answer.then_some(answer)
}
