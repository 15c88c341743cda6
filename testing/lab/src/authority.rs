//! The lab's certificate authorities, and the certificates of its hosts.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::wishes::Certificate;

/// With so many names a certificate fits into no packet, as many a real chain.
const FURTHER_NAMES: usize = 64;

/// Signs as one that probes may trust, and as one that nobody knows.
#[derive(Debug)]
pub(crate) struct Authority {
    known: Issuer<'static, KeyPair>,
    unknown: Issuer<'static, KeyPair>,
    /// The known one's own certificate.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Result<Self> {
        let ((known, pem), (unknown, _)) = (issuer("The fleet's own")?, issuer("Nobody's")?);
        Ok(Self { known, unknown, pem })
    }

    /// What a server for these names presents.
    pub(crate) fn server(&self, certificate: Certificate, names: &[String]) -> Result<Arc<ServerConfig>> {
        let own = match certificate {
            Certificate::OtherName => vec!["another.test".to_owned()],
            _ => names.to_vec(),
        };
        let further = (0..FURTHER_NAMES).map(|number| format!("one-of-many-names-{number}.test"));
        let mut params = CertificateParams::new(own.into_iter().chain(further).collect::<Vec<_>>())?;
        if certificate == Certificate::Expired {
            (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        }
        let key = KeyPair::generate()?;
        let leaf = match certificate {
            Certificate::SelfSigned => params.self_signed(&key)?,
            Certificate::OtherAuthority => params.signed_by(&key, &self.unknown)?,
            _ => params.signed_by(&key, &self.known)?,
        };
        let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| anyhow!(error))?;
        let config = ServerConfig::builder().with_no_client_auth();
        Ok(Arc::new(config.with_single_cert(vec![leaf.der().clone()], private)?))
    }
}

/// A new authority, and its own certificate.
fn issuer(name: &str) -> Result<(Issuer<'static, KeyPair>, String)> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}
