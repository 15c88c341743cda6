//! The certificate authorities that came with the code.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use phonehome_checks::CertificateDer;
use phonehome_wire::AUTHORITIES_FILE;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// The authorities beside the binary, which is where the function's code was unpacked. To be read once, at start.
pub(crate) fn beside_binary() -> Vec<CertificateDer<'static>> {
    folder().map(|folder| read(&folder)).unwrap_or_default()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("LAMBDA_TASK_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::current_exe().ok()?.parent().map(Path::to_path_buf))
}

/// Those in a folder; none where it has no such file, as most fleets have none. What cannot be read is logged and
/// left out: a probe that knows one authority less still tests everything else.
fn read(folder: &Path) -> Vec<CertificateDer<'static>> {
    let path = folder.join(AUTHORITIES_FILE);
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(error) if error.kind() == ErrorKind::NotFound => return vec![],
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "the certificate authorities cannot be read");
            return vec![];
        }
    };
    let mut roots = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        match certificate {
            Ok(certificate) => roots.push(certificate),
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "a certificate authority cannot be read");
            }
        }
    }
    tracing::info!(count = roots.len(), "certificate authorities beside the public ones");
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_folder(name: &str, content: Option<&str>) -> Vec<CertificateDer<'static>> {
        let folder =
            std::env::temp_dir().join(format!("phonehome-authorities-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(content) = content {
            std::fs::write(folder.join(AUTHORITIES_FILE), content).unwrap();
        }
        let found = read(&folder);
        std::fs::remove_dir_all(folder).unwrap();
        found
    }

    fn block(base64: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn each_certificate_of_the_file_counts_in_its_order() {
        let found = in_folder("two", Some(&(block("AQID") + &block("BAU="))));
        assert_eq!(found, [CertificateDer::from(vec![1, 2, 3]), CertificateDer::from(vec![4, 5])]);
    }

    #[test]
    fn without_the_file_there_are_none() {
        assert_eq!(in_folder("none", None), []);
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_the_others_count() {
        let found = in_folder("garbled", Some(&(block("not base64!") + &block("BAU="))));
        assert_eq!(found, [CertificateDer::from(vec![4, 5])]);
        assert_eq!(in_folder("words", Some("just words")), []);
    }

    #[test]
    fn they_lie_where_lambda_unpacks_the_code_or_beside_the_binary() {
        // Set for no test, and on Lambda always.
        let exe = std::env::current_exe().unwrap();
        assert_eq!(folder().as_deref(), exe.parent());
    }
}
