//! What each release left behind: the documents, messages, tags and names that its own code wrote,
//! recorded under `tests/releases` and compared with what the present code writes.
//!
//! A test plays a scenario and gives what came of it to [`Scenario::table`] or [`exactly`]. While
//! [`RECORDING`] names a release, that is recorded; otherwise it is held against the newest release there
//! is. So what is recorded and what is tested are made by the same lines.

mod chance;
mod clock;
mod layout;
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use chance::Chance;
pub use clock::{Clock, RECORDED_AT_MS};
pub use view::{as_old_readers_see, problems, unordered};

/// The environment variable that names the release being recorded.
pub const RECORDING: &str = "PHONEHOME_RECORD_RELEASE";

/// A stored document: partition, sort key and body.
pub type Stored = (String, String, Value);

/// A release whose fixtures are kept.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its version, `0.1.0`.
    pub version: String,
    folder: PathBuf,
}

impl Release {
    /// Every release there is, the oldest first.
    ///
    /// # Panics
    /// Where none is recorded.
    pub fn all() -> Vec<Self> {
        let entries =
            std::fs::read_dir(root()).unwrap_or_else(|error| panic!("{}: {error}", root().display()));
        let folders = entries.map(|entry| entry.unwrap_or_else(|error| panic!("{error}")).path());
        let release = |folder: PathBuf| {
            let version = folder.file_name()?.to_string_lossy().into_owned();
            folder.is_dir().then_some(Self { version, folder })
        };
        let mut releases: Vec<Self> = folders.filter_map(release).collect();
        assert!(!releases.is_empty(), "no release is recorded in {}", root().display());
        releases.sort_by_key(|it| {
            it.version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u32>>()
        });
        releases
    }

    /// The newest one: what the present build has to go on from, and be rolled back to.
    ///
    /// # Panics
    /// Where none is recorded.
    pub fn before() -> Self {
        Self::all().pop().unwrap_or_else(|| panic!("no release is recorded"))
    }

    /// One of its files, by its path in the release's folder; `None`: there is no such file.
    ///
    /// # Panics
    /// Where it is not JSON.
    pub fn file(&self, path: &str) -> Option<Value> {
        let path = self.folder.join(path);
        let text = std::fs::read_to_string(&path).ok()?;
        Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// The text of one of its files.
    ///
    /// # Panics
    /// Where there is none.
    pub fn text(&self, path: &str) -> String {
        let path = self.folder.join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The names of what stands in one of its folders, without `.json`, in order.
    ///
    /// # Panics
    /// Where there is no such folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let folder = self.folder.join(folder);
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let name =
                entry.unwrap_or_else(|error| panic!("{error}")).file_name().to_string_lossy().into_owned();
            name.strip_suffix(".json").map_or_else(|| name.clone(), str::to_owned)
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    /// The documents of a scenario, in the order of their keys.
    pub fn table(&self, scenario: &str) -> Vec<Stored> {
        let folder = format!("table/{scenario}");
        let mut found = Vec::new();
        for name in self.names(&folder) {
            let Some(Value::Object(docs)) = self.file(&format!("{folder}/{name}.json")) else { continue };
            found.extend(docs.into_iter().map(|(sort, body)| (name.replace('.', "/"), sort, body)));
        }
        found
    }
}

/// A scenario that ends with documents in the table.
#[derive(Debug)]
pub struct Scenario {
    name: &'static str,
    clock: Clock,
}

impl Scenario {
    /// A scenario that begins now, or at the given moment by its own clock (milliseconds since the Unix epoch).
    pub fn new(name: &'static str, began_ms: u64) -> Self {
        Self { name, clock: Clock::new(began_ms) }
    }

    /// Records the table, or holds it against what the release before wrote in the same scenario: each of
    /// its documents is there, under the same key, and one of its readers finds all it knows.
    ///
    /// # Panics
    /// Where an older reader would find something missing or of another type.
    pub fn table(&self, docs: impl IntoIterator<Item = Stored>) {
        let mut partitions: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for (partition, sort, body) in docs {
            let sort = self.clock.steady_text(&sort);
            partitions.entry(partition).or_default().insert(sort, self.clock.steady(&body));
        }
        if let Some(version) = recording() {
            for (partition, docs) in partitions {
                let name = partition.replace('/', ".");
                let docs = Value::Object(docs.into_iter().collect());
                write(&version, &format!("table/{}/{name}.json", self.name), &docs);
            }
            return;
        }
        let before = Release::before();
        let mut found = Vec::new();
        for (partition, sort, old) in before.table(self.name) {
            match partitions.get(&partition).and_then(|docs| docs.get(&sort)) {
                None => found.push(format!("{partition} | {sort}: not written any more")),
                Some(new) => {
                    found.extend(
                        problems(&old, new).into_iter().map(|it| format!("{partition} | {sort}{it}")),
                    );
                }
            }
        }
        assert!(
            found.is_empty(),
            "{} cannot read what is written now:\n{}",
            before.version,
            found.join("\n")
        );
    }
}

/// Records a value, or holds that it is exactly what the release before had.
///
/// # Panics
/// Where it is not.
pub fn exactly(path: &str, present: &Value) {
    if let Some(version) = recording() {
        return write(&version, path, present);
    }
    let before = Release::before();
    let recorded = before.file(path).unwrap_or_else(|| panic!("{} has no {path}", before.version));
    assert_eq!(
        &recorded, present,
        "{path} is other than in {}: recorded\n{recorded:#}\nand now\n{present:#}",
        before.version
    );
}

/// Records a value that later tests play, where a release is being recorded.
pub fn keep(path: &str, present: &Value) {
    if let Some(version) = recording() {
        write(&version, path, present);
    }
}

/// The same of a text, which stays as it is.
pub fn keep_text(path: &str, present: &str) {
    if let Some(version) = recording() {
        store(&version, path, present);
    }
}

/// The release that is being recorded; `None`: what there is is tested.
pub fn recording() -> Option<String> {
    std::env::var(RECORDING).ok().filter(|version| !version.is_empty())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/releases")
}

fn write(version: &str, path: &str, value: &Value) {
    store(version, path, &layout::pretty(value));
}

fn store(version: &str, path: &str, text: &str) {
    let path = root().join(version).join(path);
    let folder = path.parent().unwrap_or(&path);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, text))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
