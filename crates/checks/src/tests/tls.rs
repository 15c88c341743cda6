use std::net::SocketAddr;
use std::sync::Arc;

use phonehome_wire::{Check, CheckKind, Class, Stage, Verdict};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::support::*;
use crate::Settings;

/// An authority, and settings that trust it.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(super) settings: Settings,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test Authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let settings = Settings { extra_roots: vec![issuer.der().clone()], ..local() };
        Self { issuer, settings }
    }

    /// Serves TLS with a certificate of this authority, and one HTTP answer to whoever asks.
    pub(super) async fn serve(&self, params: CertificateParams) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        serve(self.sign(params, &key), &key).await
    }

    pub(super) fn sign(&self, params: CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    pub(super) fn root(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }
}

pub(super) fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(super) async fn serve(certificate: CertificateDer<'static>, key: &KeyPair) -> SocketAddr {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    serve_with(config).await
}

/// One HTTP answer to whoever shakes hands and asks.
pub(super) async fn serve_with(config: ServerConfig) -> SocketAddr {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    answer(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            });
        }
    });
    address
}

pub(super) fn tls(address: SocketAddr, name: &str) -> Check {
    let (host, port) = (address.ip().to_string(), address.port());
    check("tls", CheckKind::Tls { host, port, server_name: Some(name.to_owned()) })
}

#[tokio::test]
async fn a_valid_certificate_is_ok() {
    let authority = Authority::new();
    let address = authority.serve(params("shop.test")).await;
    assert_eq!(verdict(tls(address, "shop.test"), &authority.settings).await, Verdict::Ok);
}

#[tokio::test]
async fn an_https_answer_is_ok_when_the_certificate_is_valid_for_the_host() {
    let authority = Authority::new();
    let address = authority.serve(params("127.0.0.1")).await;
    let https = http(format!("https://{address}/health"), 200);
    assert_eq!(verdict(check("https", https), &authority.settings).await, Verdict::Ok);
}

#[tokio::test]
async fn an_expired_certificate_fails_at_tls_with_its_date_and_subject() {
    let authority = Authority::new();
    let mut expired = params("shop.test");
    expired.not_before = date_time_ymd(2023, 1, 1);
    expired.not_after = date_time_ymd(2024, 2, 29);
    let address = authority.serve(expired).await;
    let verdict = verdict(tls(address, "shop.test"), &authority.settings).await;
    let expected = format!(
        "certificate of {address} expired on 2024-02-29 (subject CN=shop.test, issuer CN=Test Authority)"
    );
    assert_eq!(failed_at(&verdict, Stage::Tls), expected);
}

#[tokio::test]
async fn a_certificate_that_is_not_yet_valid_fails_at_tls_with_its_date() {
    let authority = Authority::new();
    let mut early = params("shop.test");
    early.not_before = date_time_ymd(2999, 1, 1);
    early.not_after = date_time_ymd(2999, 2, 1);
    let address = authority.serve(early).await;
    let verdict = verdict(tls(address, "shop.test"), &authority.settings).await;
    let error = failed_at(&verdict, Stage::Tls);
    assert!(error.contains("is not valid before 2999-01-01 (subject CN=shop.test"), "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_name_fails_at_tls_with_both_names() {
    let authority = Authority::new();
    let address = authority.serve(params("shop.test")).await;
    let verdict = verdict(tls(address, "payments.test"), &authority.settings).await;
    let error = failed_at(&verdict, Stage::Tls);
    assert!(
        error.contains("not valid for payments.test, only for") && error.contains("shop.test"),
        "{error}"
    );
}

#[tokio::test]
async fn a_self_signed_certificate_fails_at_tls() {
    let key = KeyPair::generate().unwrap();
    let certificate = params("shop.test").self_signed(&key).unwrap();
    let address = serve(certificate.der().clone(), &key).await;
    let verdict = verdict(tls(address, "shop.test"), &local()).await;
    let error = failed_at(&verdict, Stage::Tls);
    assert!(error.contains("is self-signed") && error.contains("(subject CN=shop.test"), "{error}");
    assert_eq!(class_at(&verdict, Stage::Tls), Class::CertSelfSigned);
}

#[tokio::test]
async fn a_listener_that_never_shakes_hands_fails_at_tls() {
    let address = accepting(loopback(1, 0)).await;
    let verdict = verdict(brief(tls(address, "shop.test")), &local()).await;
    let expected = format!("no TLS handshake with {address} within {BRIEF_MS} ms");
    assert_eq!(failed_at(&verdict, Stage::Tls), expected);
}

#[tokio::test]
async fn a_listener_that_closes_fails_at_tls() {
    let address = closing().await;
    let verdict = verdict(tls(address, "shop.test"), &local()).await;
    let expected = format!("{address} closed the connection during the TLS handshake");
    assert_eq!(failed_at(&verdict, Stage::Tls), expected);
}

#[tokio::test]
async fn a_listener_that_speaks_something_else_fails_at_tls() {
    let address = greeting("SSH-2.0-OpenSSH_9.9\r\n").await;
    let verdict = verdict(tls(address, "shop.test"), &local()).await;
    assert_eq!(failed_at(&verdict, Stage::Tls), format!("{address} does not speak TLS"));
}

#[tokio::test]
async fn an_expired_certificate_on_an_https_url_fails_at_tls_and_not_at_the_request() {
    let authority = Authority::new();
    let mut expired = params("127.0.0.1");
    expired.not_before = date_time_ymd(2023, 1, 1);
    expired.not_after = date_time_ymd(2024, 1, 1);
    let address = authority.serve(expired).await;
    let https = http(format!("https://{address}/"), 200);
    let verdict = verdict(check("https", https), &authority.settings).await;
    assert!(failed_at(&verdict, Stage::Tls).contains("expired on 2024-01-01"));
}
