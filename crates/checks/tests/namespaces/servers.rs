//! What listens in the target's namespace.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use phonehome_checks::CertificateDer;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use socket2::{SockFilter, SockRef};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::lab::{FIRST, Namespace, TARGET};
use crate::packets::watch;

/// Where the nameserver listens.
pub(crate) fn nameserver_address() -> SocketAddr {
    (FIRST, 53).into()
}

/// Opens a listener, which accepts no connection by itself but whose kernel does.
pub(crate) fn listen(address: Ipv4Addr, port: u16) -> TcpListener {
    listen_in(TARGET, address, port)
}

/// The same in another namespace.
pub(crate) fn listen_in(namespace: Namespace, address: Ipv4Addr, port: u16) -> TcpListener {
    namespace.inside(|| TcpListener::bind((address, port))).expect("the namespace has the address")
}

/// Gives each connection to `serve`, one after the other.
pub(crate) fn serve(listener: TcpListener, serve: impl Fn(TcpStream) + Send + 'static) {
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
}

/// Resets the connection.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket lingers as it is told");
}

/// Resets the connection as soon as something is said over it.
pub(crate) fn reset_when_spoken_to(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1]);
    reset(stream);
}

/// Drops what comes for a listener, without a word: a security group.
pub(crate) fn drop_everything(listener: &TcpListener) {
    // BPF_RET | BPF_K of 0 bytes: nothing of the packet is kept.
    let nothing = SockFilter::new(0x06, 0, 0, 0);
    SockRef::from(listener).attach_filter(&[nothing]).expect("a listener takes a filter");
}

/// Drops the first SYN for a listener, and no other.
pub(crate) fn drop_the_first_syn(listener: &TcpListener) {
    drop_everything(listener);
    let destination = listener.local_addr().expect("it is bound");
    let listener = listener.try_clone().expect("there are descriptors left");
    watch(TARGET, destination, move |_| {
        // It is seen before the listener drops it; the next one comes a second later.
        std::thread::sleep(Duration::from_millis(50));
        let _ = SockRef::from(&listener).detach_filter();
    });
}

/// Answers each question for an address with these, whatever the name, after `delay`.
pub(crate) fn nameserver(delay: Duration, addresses: &'static [Ipv4Addr]) {
    let socket = TARGET.inside(|| UdpSocket::bind(nameserver_address())).expect("the port is free");
    std::thread::spawn(move || {
        let mut question = [0; 1_024];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            let answer = answer(&question[..length], addresses);
            let socket = socket.try_clone().expect("there are descriptors left");
            std::thread::spawn(move || {
                std::thread::sleep(delay);
                // Whoever asked may be gone.
                let _ = socket.send_to(&answer, from);
            });
        }
    });
}

/// RFC 1035: the header and the question as they came, then records of type A where one was asked for.
fn answer(question: &[u8], addresses: &[Ipv4Addr]) -> Vec<u8> {
    let name = question[12..].iter().position(|&byte| byte == 0).expect("a name ends with the root");
    // The root, then type and class.
    let end = 12 + name + 5;
    let is_a = question[end - 4..end - 2] == [0, 1];
    let addresses = if is_a { addresses } else { &[] };
    let count = u8::try_from(addresses.len()).expect("a few");
    let mut answer = question[..2].to_vec();
    // An answer, recursion is available; one question, the records, nothing more.
    answer.extend([0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0]);
    answer.extend(&question[12..end]);
    for address in addresses {
        // The question's name, type A, class IN, 60 s, 4 bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    answer
}

/// Speaks TLS, with a certificate for `host.test` that fits into no packet, and answers HTTP requests; gives the
/// authority that signed it.
pub(crate) fn tls(listener: TcpListener) -> CertificateDer<'static> {
    let key = || KeyPair::generate().expect("a key can be made");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = key();
    let root = authority.self_signed(&authority_key).expect("it can be signed");
    let names = (0..64).map(|number| format!("one-of-many-names-{number}.test"));
    let names: Vec<String> = names.chain(["host.test".to_owned()]).collect();
    let leaf_key = key();
    let leaf = CertificateParams::new(names).expect("they are names");
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(authority, authority_key)).expect("it can be signed");
    let private = PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("it is one");
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![leaf.der().clone()], private).expect("they belong together");
    let config = Arc::new(config);
    serve(listener, move |stream| {
        let config = config.clone();
        std::thread::spawn(move || {
            let connection = ServerConnection::new(config).expect("the configuration is complete");
            let mut stream = StreamOwned::new(connection, stream);
            // What goes wrong is for the check to find out.
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.flush();
        });
    });
    root.der().clone()
}
