use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use phonehome_wire::{Class, Stage, Verdict};
use rcgen::{CertificateParams, DnType, KeyPair, SanType, date_time_ymd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::support::*;
use super::tls::{Authority, params, serve, serve_with, tls};
use crate::Settings;

/// A certificate of `CN=web.test` with these alternative names alone.
fn named(names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "web.test");
    params.subject_alt_names = names;
    params
}

fn dns_name(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

#[tokio::test]
async fn a_wrong_name_is_told_in_words_for_people() {
    let authority = Authority::new();
    let other = SanType::IpAddress(IpAddr::from([10, 0, 0, 5]));
    for (names, asked, words) in [
        (vec![], "web.test", "is not valid for web.test: it carries no subject alternative name"),
        (vec![other.clone()], "web.test", "is not valid for web.test, only for the address 10.0.0.5"),
        (
            vec![dns_name("a.test"), other],
            "web.test",
            "is not valid for web.test, only for the name a.test, the address 10.0.0.5",
        ),
        (
            vec![dns_name("127.0.0.1")],
            "127.0.0.1",
            "is not valid for 127.0.0.1, only for the name 127.0.0.1 (an address needs an IP entry)",
        ),
    ] {
        let address = authority.serve(named(names)).await;
        let verdict = verdict(tls(address, asked), &authority.settings).await;
        let error = failed_at(&verdict, Stage::Tls);
        let expected =
            format!("certificate of {address} {words} (subject CN=web.test, issuer CN=Test Authority)");
        assert_eq!((error, class_at(&verdict, Stage::Tls)), (expected.as_str(), Class::CertName));
    }
}

#[tokio::test]
async fn a_certificate_that_is_trusted_itself_is_ok_for_its_names_alone() {
    let key = KeyPair::generate().unwrap();
    let mut params = params("web.test");
    // As `openssl req -x509` makes them.
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let address = serve(certificate.clone(), &key).await;
    let trusting = Settings { extra_roots: vec![certificate], ..local() };
    assert_eq!(verdict(tls(address, "web.test"), &trusting).await, Verdict::Ok);
    let other = verdict(tls(address, "other.test"), &trusting).await;
    assert_eq!(class_at(&other, Stage::Tls), Class::CertName);
    let another = serve(params.self_signed(&key).unwrap().der().clone(), &key).await;
    let another = verdict(tls(another, "web.test"), &trusting).await;
    assert_eq!(class_at(&another, Stage::Tls), Class::CertSelfSigned, "another one of the same name and key");
    let untrusted = verdict(tls(address, "web.test"), &local()).await;
    assert_eq!(class_at(&untrusted, Stage::Tls), Class::CertSelfSigned);
    assert!(failed_at(&untrusted, Stage::Tls).contains("is self-signed"));
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_is_not_trusted_is_told_from_a_self_signed_one() {
    let authority = Authority::new();
    let address = authority.serve(params("web.test")).await;
    let verdict = verdict(tls(address, "web.test"), &local()).await;
    assert_eq!(class_at(&verdict, Stage::Tls), Class::CertUntrusted);
}

#[tokio::test]
async fn an_invalid_certificate_tells_all_else_there_is_to_know() {
    let authority = Authority::new();
    let mut expired = params("web.test");
    expired.not_before = date_time_ymd(2023, 1, 1);
    expired.not_after = date_time_ymd(2024, 1, 1);
    let mut fresh = params("web.test");
    fresh.not_after = date_time_ymd(2999, 1, 1);
    for (params, settings, is_left) in [
        (expired, &authority.settings, false),
        (fresh.clone(), &authority.settings, true),
        (fresh, &local(), true),
    ] {
        let address = authority.serve(params).await;
        let result = results(vec![tls(address, "web.test")], settings).await.remove(0);
        let certificate = result.detail.certificate.unwrap();
        assert_eq!((certificate.subject.as_str(), certificate.chain), ("CN=web.test", 1));
        assert_eq!(certificate.issuer, "CN=Test Authority");
        assert_eq!(certificate.days_left > 0, is_left, "{certificate:?}");
        assert!(result.detail.attempts[0].tls_us.is_some_and(|took| took > 0));
    }
}

#[tokio::test]
async fn a_wrong_clock_does_not_make_a_certificate_expire() {
    let authority = Authority::new();
    let mut old = params("web.test");
    old.not_before = date_time_ymd(2023, 1, 1);
    old.not_after = date_time_ymd(2024, 1, 1);
    let address = authority.serve(old).await;
    let then_ms = 1_690_000_000_000_i64;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let clock_ahead_ms = i64::try_from(now.as_millis()).unwrap() - then_ms;
    let settings = Settings { clock_ahead_ms, ..authority.settings.clone() };
    assert_eq!(verdict(tls(address, "web.test"), &settings).await, Verdict::Ok);
}

/// A server that asks whoever connects for a certificate of this authority.
async fn asking_for_certificates(
    authority: &Authority,
    version: &'static SupportedProtocolVersion,
    is_optional: bool,
) -> SocketAddr {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.root()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let verifier = if is_optional { verifier.allow_unauthenticated() } else { verifier };
    let key = KeyPair::generate().unwrap();
    let certificate = authority.sign(params("127.0.0.1"), &key);
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    serve_with(config).await
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_gets_one_verdict_whatever_tls_it_speaks() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let demanding = asking_for_certificates(&authority, version, false).await;
        let https = check("https", http(format!("https://{demanding}/"), 200));
        for check in [tls(demanding, "127.0.0.1"), https] {
            let verdict = verdict(check, &authority.settings).await;
            assert_eq!(class_at(&verdict, Stage::Tls), Class::TlsClientCertificate, "{version:?}");
            assert!(failed_at(&verdict, Stage::Tls).contains("demands a certificate"), "{version:?}");
        }
        let asking = asking_for_certificates(&authority, version, true).await;
        let https = check("https", http(format!("https://{asking}/"), 200));
        for check in [tls(asking, "127.0.0.1"), https] {
            assert_eq!(verdict(check, &authority.settings).await, Verdict::Ok, "{version:?}");
        }
    }
}

/// Judges a connection by its first 1,400 bytes and waits for ever when the hello is longer, as old middleboxes do.
async fn reading_one_packet(authority: &Authority) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let certificate = authority.sign(params("web.test"), &key);
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(accept_if_short(acceptor.clone(), stream));
        }
    });
    address
}

async fn accept_if_short(acceptor: TlsAcceptor, stream: TcpStream) {
    let mut head = [0; 5];
    let length = stream.peek(&mut head).await.unwrap();
    let hello = usize::from(u16::from_be_bytes([head[3], head[4]])) + 5;
    if length < 5 || hello > 1_400 {
        return tokio::time::sleep(Duration::from_secs(30)).await;
    }
    if let Ok(mut session) = acceptor.accept(stream).await {
        let _ = session.write_all(b"hello").await;
        let _ = session.read_u8().await;
    }
}

#[tokio::test]
async fn what_reads_only_the_first_packet_of_a_hello_is_in_nobodys_way() {
    let authority = Authority::new();
    let address = reading_one_packet(&authority).await;
    assert_eq!(verdict(tls(address, "web.test"), &authority.settings).await, Verdict::Ok);
}

#[tokio::test]
async fn a_server_that_demands_a_post_quantum_key_gets_one() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let certificate = authority.sign(params("web.test"), &key);
    let kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    let provider = CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() };
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let address = serve_with(config).await;
    assert_eq!(verdict(tls(address, "web.test"), &authority.settings).await, Verdict::Ok);
}

#[tokio::test]
async fn an_address_that_the_certificate_names_is_ok() {
    let authority = Authority::new();
    let address = authority.serve(named(vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())])).await;
    assert_eq!(verdict(tls(address, "127.0.0.1"), &authority.settings).await, Verdict::Ok);
}
