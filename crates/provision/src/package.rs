//! The probe's code, with what travels with it.

use std::collections::VecDeque;
use std::io::{Cursor, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::lock;
use phonehome_accounts::ProbeCode;
use phonehome_cloud::table::Table;
use phonehome_state::{NoProbeCode, NotStored, ProbeRelease, code_sha256, probe_zip, store_probes};
use phonehome_wire::AUTHORITIES_FILE;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// How many codes that came from the table are kept in memory: those of the version in force and of the one that is
/// rolled out.
const READ_KEPT: usize = 2;

/// How many codes are kept as they are uploaded, with their authorities: those of two versions, and of the two that
/// they are compared with.
const MADE_KEPT: usize = 4;

/// How long after an attempt to keep its own code a process tries again: 5 minutes, in milliseconds.
const STORE_AGAIN_MS: u64 = 5 * 60_000;

/// A zip with the probe's code, as it was packaged.
#[derive(Debug, Clone)]
pub struct Package {
    /// Which code it is.
    pub probes: ProbeRelease,
    /// Its bytes.
    pub zip: Arc<Vec<u8>>,
}

impl Package {
    /// A zip with the file `bootstrap`, built for `arm64` or `x86_64`, as this release came with it.
    pub fn new(zip: Vec<u8>, architecture: impl Into<String>) -> Self {
        let (code_sha256, release) = (code_sha256(&zip), env!("CARGO_PKG_VERSION").to_owned());
        let probes = ProbeRelease { code_sha256, architecture: architecture.into(), release };
        Self { probes, zip: Arc::new(zip) }
    }
}

/// The codes that a process has at hand: its own, and what it has read. Clones share them.
#[derive(Debug, Clone)]
pub struct Packages {
    own: Package,
    read: Arc<Mutex<VecDeque<Package>>>,
    /// One reads, the others wait for that: a zip and what it is made from take several times its bytes.
    reading: Arc<lock::Mutex<()>>,
    /// What was made last: hundreds of accounts get the same.
    made: Arc<Mutex<VecDeque<Made>>>,
    /// When its own code is to be kept; milliseconds since the Unix epoch.
    store_at_ms: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Made {
    /// The hash of the package that it was made from.
    of: String,
    authorities: Option<String>,
    code: ProbeCode,
}

impl Packages {
    /// Those of a process that came with this one.
    #[must_use]
    pub fn new(own: Package) -> Self {
        let (read, reading, made) = (Arc::default(), Arc::default(), Arc::default());
        Self { own, read, reading, made, store_at_ms: Arc::default() }
    }

    /// The one that the process came with.
    #[must_use]
    pub fn own(&self) -> &Package {
        &self.own
    }

    /// Keeps the code that the process came with, and notes it as the newest; once. While one release takes the place of
    /// another, each process of either says once what it has, and the last one to start is right.
    ///
    /// # Errors
    /// [`NotStored`]; it is tried again after 5 minutes.
    pub async fn store_own<T: Table>(&self, table: &T, now_ms: u64) -> Result<(), NotStored> {
        if self.store_at_ms.load(Ordering::Relaxed) > now_ms {
            return Ok(());
        }
        self.store_at_ms.store(now_ms + STORE_AGAIN_MS, Ordering::Relaxed);
        store_probes(table, &self.own.probes, &self.own.zip, now_ms).await?;
        self.store_at_ms.store(u64::MAX, Ordering::Relaxed);
        Ok(())
    }

    /// A code, from the table unless it is at hand.
    ///
    /// # Errors
    /// [`NoProbeCode`]
    pub(crate) async fn get<T: Table>(
        &self,
        table: &T,
        wanted: &ProbeRelease,
    ) -> Result<Package, NoProbeCode> {
        if let Some(package) = self.at_hand(wanted) {
            return Ok(package);
        }
        let _reading = self.reading.lock().await;
        if let Some(package) = self.at_hand(wanted) {
            return Ok(package);
        }
        let zip = Arc::new(probe_zip(table, wanted).await?);
        let package = Package { probes: wanted.clone(), zip };
        kept(&self.read).keep(package.clone(), READ_KEPT);
        Ok(package)
    }

    fn at_hand(&self, wanted: &ProbeRelease) -> Option<Package> {
        let is_wanted = |it: &&Package| it.probes.code_sha256 == wanted.code_sha256;
        if is_wanted(&&self.own) {
            return Some(self.own.clone());
        }
        kept(&self.read).iter().find(is_wanted).cloned()
    }

    /// A code with these certificate authorities (PEM) beside the binary. The same ones give the same bytes, in
    /// whatever process, so that nothing is deployed anew without a reason; others are other code.
    pub(crate) fn code(&self, package: &Package, authorities: Option<&str>) -> Result<ProbeCode, String> {
        let is_same = |made: &&Made| {
            made.of == package.probes.code_sha256 && made.authorities.as_deref() == authorities
        };
        let mut all = kept(&self.made);
        if let Some(made) = all.iter().find(is_same) {
            return Ok(made.code.clone());
        }
        let zip = match authorities {
            None => Arc::clone(&package.zip),
            Some(pem) => with_file(&package.zip, AUTHORITIES_FILE, pem.as_bytes())
                .map(Arc::new)
                .map_err(|error| format!("the probe's zip cannot take {AUTHORITIES_FILE}: {error}"))?,
        };
        let code = ProbeCode::new(zip);
        let (of, authorities) = (package.probes.code_sha256.clone(), authorities.map(str::to_owned));
        all.keep(Made { of, authorities, code: code.clone() }, MADE_KEPT);
        Ok(code)
    }

    /// The code that was made with this hash, as long as it is kept.
    pub(crate) fn made(&self, code_sha256: &str) -> Option<ProbeCode> {
        kept(&self.made).iter().find(|made| made.code.sha256() == code_sha256).map(|made| made.code.clone())
    }
}

fn kept<K>(mutex: &Mutex<K>) -> MutexGuard<'_, K> {
    // Each change leaves it whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So many of the newest are kept.
trait Keep<K> {
    fn keep(&mut self, new: K, count: usize);
}

impl<K> Keep<K> for VecDeque<K> {
    fn keep(&mut self, new: K, count: usize) {
        self.push_front(new);
        self.truncate(count);
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
    use std::sync::atomic::AtomicUsize;

    use phonehome_cloud::table::{Doc, Key, MemoryTable, SCHEMA_READ, TableError, Write};
    use phonehome_state::{Keys, newest_probes};

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

    fn packages() -> Packages {
        Packages::new(Package::new(packaged(), "arm64"))
    }

    fn hash(packages: &Packages, authorities: Option<&str>) -> String {
        packages.code(packages.own(), authorities).unwrap().sha256()
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
        let anew = |authorities| hash(&packages(), authorities);
        assert_eq!(anew(Some("one")), anew(Some("one")));
        assert_ne!(anew(Some("one")), anew(Some("two")));
        assert_ne!(anew(Some("one")), anew(None));
        assert_eq!(anew(None), code_sha256(&packaged()), "as packaged, and as it is named");
        // And in one process, after others.
        let packages = packages();
        let hashes = [Some("one"), Some("two"), Some("one"), None].map(|it| hash(&packages, it));
        assert_eq!(hashes, [Some("one"), Some("two"), Some("one"), None].map(anew));
    }

    #[test]
    fn what_is_no_zip_takes_no_authorities_and_says_so() {
        let packages = Packages::new(Package::new(b"no zip".to_vec(), "arm64"));
        let error = packages.code(packages.own(), Some("some PEM")).unwrap_err();
        assert!(error.starts_with("the probe's zip cannot take authorities.pem: "), "{error}");
    }

    #[tokio::test]
    async fn code_of_others_is_read_once_by_however_many_and_two_of_them_are_kept() {
        let (table, packages) = (MemoryTable::default(), packages());
        let others = [1, 2, 3].map(|seed: u8| Package::new(vec![seed; 10], "arm64"));
        for other in &others {
            store_probes(&table, &other.probes, &other.zip, 0).await.unwrap();
        }
        let reads = Counting { of: table, reads: AtomicUsize::new(0) };
        let get = |other: usize| packages.get(&reads, &others[other].probes);
        assert_eq!(packages.get(&reads, &packages.own().probes).await.unwrap().zip.len(), packaged().len());
        assert_eq!(reads.reads.load(Ordering::Relaxed), 0, "its own is at hand");
        let both = futures_util::future::join(get(0), get(0)).await;
        assert_eq!(both.0.unwrap().zip, both.1.unwrap().zip);
        get(1).await.unwrap();
        let before = reads.reads.load(Ordering::Relaxed);
        assert_eq!(before, 4, "a document and a chunk for each");
        get(0).await.unwrap();
        get(2).await.unwrap();
        get(2).await.unwrap();
        assert_eq!(reads.reads.load(Ordering::Relaxed), before + 2);
        get(0).await.unwrap();
        assert_eq!(reads.reads.load(Ordering::Relaxed), before + 4, "the oldest is read again");
    }

    #[tokio::test]
    async fn a_process_says_once_what_it_came_with_so_that_two_of_two_releases_do_not_take_turns() {
        let table = MemoryTable::default();
        let [old, new] = [1, 2].map(|seed: u8| Packages::new(Package::new(vec![seed; 10], "arm64")));
        for (at_ms, packages) in [(1, &old), (2, &new), (3, &old), (4, &new), (9_999_999, &old)] {
            packages.store_own(&table, at_ms).await.unwrap();
        }
        let newest = newest_probes(&table).await.unwrap().unwrap();
        assert_eq!((newest.probes, newest.at_ms), (new.own().probes.clone(), 2));
    }

    #[tokio::test]
    async fn what_could_not_be_kept_is_tried_again_after_a_while() {
        let table = MemoryTable::default();
        table.put_of_schema(Keys::newest_probes(), SCHEMA_READ + 1, "{}");
        let packages = packages();
        packages.store_own(&table, 1).await.unwrap_err();
        assert_eq!(packages.store_own(&table, STORE_AGAIN_MS).await.map_err(drop), Ok(()), "not yet");
        packages.store_own(&table, STORE_AGAIN_MS + 1).await.unwrap_err();
    }

    /// Counts what is read of a table.
    struct Counting {
        of: MemoryTable,
        reads: AtomicUsize,
    }

    impl Table for Counting {
        async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            self.of.get(key).await
        }

        async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
            self.of.query(partition).await
        }

        async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
            self.of.write(writes).await
        }
    }
}
