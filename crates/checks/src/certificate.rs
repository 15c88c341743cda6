//! What the certificates that a server showed say, and whether they are valid.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use phonehome_wire::{Certificate, Class, Stage, TEXT_CHARS_MAX, clip};
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::outcome::Failure;

/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// The certificate authorities a probe trusts, and what time it is for them.
#[derive(Debug)]
pub(crate) struct Authorities {
    judge: Arc<WebPkiServerVerifier>,
    /// What is trusted beside the public authorities. A server's own certificate may be among it.
    extra: Vec<CertificateDer<'static>>,
    now: UnixTime,
}

impl Authorities {
    /// The public authorities and `extra` ones. An unusable extra one is logged and left out.
    pub(crate) fn new(
        extra: &[CertificateDer<'static>],
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let (_, unusable) = roots.add_parsable_certificates(extra.iter().cloned());
        if unusable > 0 {
            tracing::warn!(unusable, "extra root certificates left out: they cannot be read");
        }
        let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(provider.clone()))
            .build()
            .map_err(|error| format!("no TLS: {error}"))?;
        Ok(Self { judge, extra: extra.to_vec(), now })
    }

    /// What the chain that a server showed says, and what is wrong with it.
    pub(crate) fn judge(
        &self,
        address: SocketAddr,
        name: &ServerName<'_>,
        chain: &[CertificateDer<'_>],
    ) -> (Option<Certificate>, Option<Failure>) {
        let parsed: Vec<X509Certificate<'_>> =
            chain.iter().filter_map(|der| X509Certificate::from_der(der).ok().map(|(_, it)| it)).collect();
        let facts = facts(&parsed, self.now);
        let problem = match self.verify(name, chain) {
            Ok(()) => return (facts, None),
            Err(Error::InvalidCertificate(problem)) => problem,
            Err(other) => CertificateError::Other(tokio_rustls::rustls::OtherError(Arc::new(other))),
        };
        let (class, what, culprit) = words(name, &problem, &parsed);
        let mut text = format!("certificate of {address} {what}");
        if let Some(certificate) = culprit {
            let (subject, issuer) = (certificate.subject(), certificate.issuer());
            text.push_str(&format!(" (subject {subject}, issuer {issuer})"));
        }
        (facts, Some(Failure::new(Stage::Tls, class, text)))
    }

    fn verify(&self, name: &ServerName<'_>, chain: &[CertificateDer<'_>]) -> Result<(), Error> {
        let Some((end_entity, intermediates)) = chain.split_first() else {
            return Err(Error::NoCertificatesPresented);
        };
        let verified = self.judge.verify_server_cert(end_entity, intermediates, name, &[], self.now);
        match verified {
            // Who put the server's own certificate among the authorities trusts that one and no other.
            Err(Error::InvalidCertificate(CertificateError::Other(_) | CertificateError::UnknownIssuer))
                if self.extra.contains(&end_entity.clone().into_owned()) =>
            {
                self.verify_trusted_itself(name, end_entity)
            }
            verified => verified.map(drop),
        }
    }

    fn verify_trusted_itself(
        &self,
        name: &ServerName<'_>,
        certificate: &CertificateDer<'_>,
    ) -> Result<(), Error> {
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let now = seconds(self.now);
        let validity = parsed.validity();
        match (validity.not_before.timestamp() <= now, now <= validity.not_after.timestamp()) {
            (true, true) => Ok(()),
            (false, _) => Err(Error::InvalidCertificate(CertificateError::NotValidYet)),
            (true, false) => Err(Error::InvalidCertificate(CertificateError::Expired)),
        }
    }
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn facts(chain: &[X509Certificate<'_>], now: UnixTime) -> Option<Certificate> {
    let first = chain.first()?;
    let ends = chain.iter().map(|certificate| certificate.validity().not_after.timestamp()).min()?;
    let short = |text: String| {
        let mut text = text;
        clip(&mut text, TEXT_CHARS_MAX);
        text
    };
    Some(Certificate {
        days_left: ends.saturating_sub(seconds(now)).div_euclid(DAY),
        subject: short(first.subject().to_string()),
        issuer: short(first.issuer().to_string()),
        chain: u32::try_from(chain.len()).unwrap_or(u32::MAX),
    })
}

/// What is wrong, in words that follow "the certificate", and which certificate it is.
fn words<'c, 'x>(
    name: &ServerName<'_>,
    problem: &CertificateError,
    chain: &'c [X509Certificate<'x>],
) -> (Class, String, Option<&'c X509Certificate<'x>>) {
    let first = chain.first();
    match problem {
        CertificateError::ExpiredContext { .. } | CertificateError::Expired => {
            let culprit = chain.iter().min_by_key(|it| it.validity().not_after.timestamp());
            let date = date(culprit.map(|it| it.validity().not_after.to_datetime().date().to_string()));
            (Class::CertExpired, format!("expired on {date}"), culprit)
        }
        CertificateError::NotValidYetContext { .. } | CertificateError::NotValidYet => {
            let culprit = chain.iter().max_by_key(|it| it.validity().not_before.timestamp());
            let date = date(culprit.map(|it| it.validity().not_before.to_datetime().date().to_string()));
            (Class::CertNotYetValid, format!("is not valid before {date}"), culprit)
        }
        CertificateError::NotValidForNameContext { .. } | CertificateError::NotValidForName => {
            (Class::CertName, other_names(name, first), first)
        }
        // A certificate that names itself as its issuer has nobody above it, whatever else is odd about it.
        _ if first.is_some_and(|it| it.subject() == it.issuer()) => {
            (Class::CertSelfSigned, "is self-signed, and not among the trusted authorities".to_owned(), first)
        }
        CertificateError::UnknownIssuer => {
            (Class::CertUntrusted, "is not signed by an authority this probe trusts".to_owned(), first)
        }
        CertificateError::Revoked => (Class::CertInvalid, "is revoked".to_owned(), first),
        CertificateError::BadSignature => {
            (Class::CertInvalid, "has a signature that is not its issuer's".to_owned(), first)
        }
        CertificateError::BadEncoding => (Class::CertInvalid, "cannot be read".to_owned(), first),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            (Class::CertInvalid, "is not one for servers".to_owned(), first)
        }
        other => (Class::CertInvalid, format!("is not valid: {other}"), first),
    }
}

fn date(day: Option<String>) -> String {
    day.unwrap_or_else(|| "an unreadable date".to_owned())
}

/// For which names the certificate is instead.
fn other_names(name: &ServerName<'_>, certificate: Option<&X509Certificate<'_>>) -> String {
    let names = certificate.and_then(|it| it.subject_alternative_name().ok().flatten());
    let names = names.map_or(&[][..], |it| it.value.general_names.as_slice());
    let wanted = name.to_str();
    if names.is_empty() {
        return format!("is not valid for {wanted}: it carries no subject alternative name");
    }
    let is_address = matches!(name, ServerName::IpAddress(_));
    let word = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) if is_address && *name == wanted => {
            Some(format!("the name {name} (an address needs an IP entry)"))
        }
        GeneralName::DNSName(name) => Some(format!("the name {name}")),
        GeneralName::IPAddress(bytes) => Some(format!("the address {}", address(bytes)?)),
        _ => None,
    };
    let words: Vec<String> = names.iter().filter_map(word).collect();
    match words.is_empty() {
        true => format!("is not valid for {wanted}: it carries no name or address of a server"),
        false => format!("is not valid for {wanted}, only for {}", words.join(", ")),
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
