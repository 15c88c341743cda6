//! The probe's code, with what travels with it.

use std::io::{Cursor, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use phonehome_accounts::ProbeCode;
use phonehome_wire::AUTHORITIES_FILE;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// The probe, as it is put into accounts. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct ProbePackage {
    zip: Arc<Vec<u8>>,
    pub(crate) architecture: String,
    /// What was made last: hundreds of accounts get the same.
    made: Arc<Mutex<Option<Made>>>,
}

#[derive(Debug)]
struct Made {
    authorities: Option<String>,
    code: ProbeCode,
}

impl ProbePackage {
    pub(crate) fn new(zip: Vec<u8>, architecture: String) -> Self {
        Self { zip: Arc::new(zip), architecture, made: Arc::default() }
    }

    /// The code with these certificate authorities (PEM) beside the binary. The same ones give the same bytes, in
    /// whatever process, so that nothing is deployed anew without a reason; others are other code.
    pub(crate) fn code(&self, authorities: Option<&str>) -> Result<ProbeCode, String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| made.authorities.as_deref() == authorities) {
            return Ok(made.code.clone());
        }
        let zip = match authorities {
            None => self.zip.as_ref().clone(),
            Some(pem) => with_file(&self.zip, AUTHORITIES_FILE, pem.as_bytes())
                .map_err(|error| format!("the probe's zip cannot take {AUTHORITIES_FILE}: {error}"))?,
        };
        let code = ProbeCode::new(zip);
        *made = Some(Made { authorities: authorities.map(str::to_owned), code: code.clone() });
        Ok(code)
    }
}

/// The archive with one more file. What is in it already stays byte for byte as it is.
fn with_file(zip: &[u8], name: &str, content: &[u8]) -> Result<Vec<u8>, ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    let mut extended = ZipWriter::new(Cursor::new(Vec::with_capacity(zip.len() + content.len() + 256)));
    for index in 0..archive.len() {
        extended.raw_copy_file(archive.by_index_raw(index)?)?;
    }
    // Not compressed: how well that is done may change with the library, and the bytes must not.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    extended.start_file(name, options)?;
    extended.write_all(content)?;
    extended.finish().map(Cursor::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// As `cargo xtask package` makes it.
    fn packaged() -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o755);
        zip.start_file("bootstrap", options).unwrap();
        zip.write_all(&b"a program".repeat(1000)).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn package() -> ProbePackage {
        ProbePackage::new(packaged(), "arm64".into())
    }

    #[test]
    fn the_authorities_lie_beside_the_binary_which_stays_as_it_was_packaged() {
        let zip = with_file(&packaged(), AUTHORITIES_FILE, b"some PEM").unwrap();
        let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
        assert_eq!(archive.len(), 2);
        for (name, mode, content) in [
            ("bootstrap", 0o755, b"a program".repeat(1000)),
            ("authorities.pem", 0o644, b"some PEM".to_vec()),
        ] {
            let mut file = archive.by_name(name).unwrap();
            let mut found = Vec::new();
            file.read_to_end(&mut found).unwrap();
            assert_eq!((file.unix_mode().unwrap() & 0o777, found), (mode, content), "{name}");
        }
    }

    #[test]
    fn the_same_authorities_are_the_same_code_in_every_process_and_others_are_other_code() {
        let hash = |authorities| package().code(authorities).unwrap().sha256();
        assert_eq!(hash(Some("one")), hash(Some("one")));
        assert_ne!(hash(Some("one")), hash(Some("two")));
        assert_ne!(hash(Some("one")), hash(None));
        assert_eq!(hash(None), ProbeCode::new(packaged()).sha256(), "as packaged");
        // And in one process, after others.
        let package = package();
        let hashes =
            [Some("one"), Some("two"), Some("one"), None].map(|it| package.code(it).unwrap().sha256());
        assert_eq!(hashes, [Some("one"), Some("two"), Some("one"), None].map(hash));
    }

    #[test]
    fn what_is_no_zip_takes_no_authorities_and_says_so() {
        let package = ProbePackage::new(b"no zip".to_vec(), "arm64".into());
        let error = package.code(Some("some PEM")).unwrap_err();
        assert!(error.starts_with("the probe's zip cannot take authorities.pem: "), "{error}");
    }
}
