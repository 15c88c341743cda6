//! Certificate authorities of people's own, from a PEM file.

use tokio_rustls::rustls::pki_types::pem::{Error, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a PEM file is none of certificate authorities.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// There is a private key in it: it belongs nowhere but where it is used.
    #[error("there is a private key in it: take it out, certificates alone are needed")]
    PrivateKey,
    /// There is no certificate in it.
    #[error("there is no certificate in it: each begins with -----BEGIN CERTIFICATE-----")]
    Empty,
    /// A section of it cannot be read.
    #[error("certificate {number} cannot be read: {error}")]
    Unreadable {
        /// Which section, from 1 on.
        number: usize,
        /// What is wrong.
        error: Error,
    },
}

/// The certificates of a PEM file, in its order.
///
/// # Errors
/// [`PemError`]
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    // It reads over sections of other kinds, and stops at the first key.
    if PrivateKeyDer::from_pem_slice(pem).is_ok() || has_encrypted_key(pem) {
        return Err(PemError::PrivateKey);
    }
    let read = CertificateDer::pem_slice_iter(pem).enumerate();
    let certificates: Vec<_> = read
        .map(|(index, read)| read.map_err(|error| PemError::Unreadable { number: index + 1, error }))
        .collect::<Result<_, _>>()?;
    if certificates.is_empty() { Err(PemError::Empty) } else { Ok(certificates) }
}

/// Keys with a passphrase are sections of a kind that the library does not know.
fn has_encrypted_key(pem: &[u8]) -> bool {
    let label = b"PRIVATE KEY-----";
    pem.windows(label.len()).any(|window| window == label)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["ca.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_file_of_certificates_with_words_between_them_is_read() {
        let text = format!("the first\n{}\nthe second\n{}", pair().0, pair().0);
        assert_eq!(certificates(text.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_file_with_a_key_and_one_without_a_certificate_are_refused() {
        let (certificate, key) = pair();
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for text in [
            format!("{certificate}{key}"),
            format!("{key}{certificate}"),
            format!("{certificate}{encrypted}"),
        ] {
            assert!(matches!(certificates(text.as_bytes()), Err(PemError::PrivateKey)));
        }
        for text in ["", "nothing of the kind"] {
            assert!(matches!(certificates(text.as_bytes()), Err(PemError::Empty)));
        }
        let broken = certificate.replace("MII", "!!!");
        assert!(matches!(certificates(broken.as_bytes()), Err(PemError::Unreadable { number: 1, .. })));
    }
}
