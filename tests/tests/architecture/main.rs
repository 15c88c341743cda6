//! The architecture, as tests: what may depend on what, and how the sources are kept.

mod circles;
mod partitions;
mod unsafe_code;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// No clock, no I/O, no async, no AWS.
const PURE: [&str; 16] = [
    "wire",
    "fleet",
    "starter-pack",
    "rollout",
    "vending",
    "closing",
    "properties",
    "onboarding",
    "settings",
    "stacks",
    "machine-users",
    "observability",
    "network",
    "planner",
    "cloud",
    "alerting",
];

/// What changes networks: heavy, and none of their business whose work is to watch.
const OF_THE_NETWORK_LOOP: [&str; 7] = [
    "aws-sdk-ec2",
    "aws-sdk-lambda",
    "aws-sdk-scheduler",
    "aws-sdk-organizations",
    "phonehome-accounts",
    "phonehome-planner",
    "phonehome-executor",
];

const LONGEST_MAIN: usize = 60;
const LONGEST_SOURCE: usize = 400;

#[test]
fn pure_crates_reach_neither_tokio_nor_aws() -> Result<()> {
    let workspace = Workspace::load()?;
    for name in PURE.map(|name| format!("phonehome-{name}")) {
        let reached = workspace.reach(&name)?;
        assert_none(&name, &reached, |name| name == "tokio" || name == "lambda_runtime" || is_aws(name));
    }
    Ok(())
}

#[test]
fn text_depends_on_nothing() -> Result<()> {
    assert_eq!(Workspace::load()?.linked_by("phonehome-text")?, BTreeSet::new());
    Ok(())
}

#[test]
fn localisation_depends_on_serde_alone() -> Result<()> {
    let serde = BTreeSet::from(["serde".to_owned()]);
    assert_eq!(Workspace::load()?.linked_by("phonehome-localisation")?, serde);
    Ok(())
}

#[test]
fn the_probe_links_no_aws_sdk() -> Result<()> {
    let reached = Workspace::load()?.reach("phonehome-probe")?;
    assert!(reached.contains("lambda_runtime"), "the probe's dependencies were not followed");
    assert_none("phonehome-probe", &reached, is_sdk);
    Ok(())
}

#[test]
fn the_functions_that_watch_link_nothing_that_changes_networks() -> Result<()> {
    let workspace = Workspace::load()?;
    let provisioner = workspace.reach("phonehome-provisioner")?;
    let unknown = OF_THE_NETWORK_LOOP.iter().find(|name| !provisioner.contains(**name));
    assert_eq!(unknown, None, "not even the provisioner links it: take it out of the list");
    for name in ["phonehome-collector", "phonehome-alerter", "phonehome-notifier", "phonehome-rollouts"] {
        assert_none(name, &workspace.reach(name)?, |name| OF_THE_NETWORK_LOOP.contains(&name));
    }
    Ok(())
}

#[test]
fn only_the_adapters_know_the_aws_sdks() -> Result<()> {
    let users = Workspace::load()?.direct_users(is_sdk);
    assert_eq!(users, BTreeSet::from(["phonehome-accounts".to_owned(), "phonehome-aws".to_owned()]));
    Ok(())
}

#[test]
fn adapters_re_export_no_other_crate() -> Result<()> {
    for adapter in ["accounts", "aws", "new-relic", "slack"] {
        for (path, text) in texts(&["rs"])? {
            if path.starts_with(&format!("crates/{adapter}/")) {
                let other = text.lines().find(|line| {
                    ["pub use phonehome_", "pub use aws_"]
                        .iter()
                        .any(|other| line.trim_start().starts_with(other))
                });
                assert_eq!(other, None, "{path}");
            }
        }
    }
    Ok(())
}

#[test]
fn only_functions_know_the_lambda_runtime() -> Result<()> {
    let workspace = Workspace::load()?;
    let users = workspace.direct_users(|name| name == "lambda_runtime");
    assert_eq!(users, BTreeSet::from(["phonehome-probe".to_owned(), "phonehome-runtime".to_owned()]));
    let functions: BTreeSet<_> = workspace.functions().map(|package| package.name.to_string()).collect();
    let starters = workspace.linked_into(|name| name == "phonehome-runtime");
    assert!(starters.is_subset(&functions), "{starters:?}");
    Ok(())
}

#[test]
fn nothing_but_scenarios_simulation_and_benchmark_depends_on_a_function() -> Result<()> {
    let workspace = Workspace::load()?;
    let functions: BTreeSet<_> = workspace.functions().map(|package| package.name.to_string()).collect();
    let users = workspace.direct_users(|name| functions.contains(name));
    let of_ours = |name| format!("phonehome-{name}");
    let testing = ["bench-alerting", "bench-fleet", "scenarios", "simulation"].map(of_ours);
    assert_eq!(users, BTreeSet::from(testing.clone()));
    // Nor by way of them: what is deployed, the command and the project's own commands link neither.
    let linked = workspace.linked_into(|name| testing.iter().any(|it| it == name));
    assert_eq!(linked.difference(&testing.into()).next(), None, "it links what depends on functions");
    Ok(())
}

#[test]
fn a_folder_has_the_name_of_its_package() -> Result<()> {
    for package in Workspace::load()?.members() {
        let folder = folder(package).file_name().map(|name| name.to_string_lossy().into_owned());
        let name = package.name.strip_prefix("phonehome-").unwrap_or(&package.name);
        assert_eq!(folder.as_deref(), Some(name), "package {}", package.name);
    }
    Ok(())
}

#[test]
fn every_package_takes_what_it_can_from_the_workspace() -> Result<()> {
    const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];
    for package in Workspace::load()?.members() {
        let lines = manifest_lines(package)?;
        let has = |section: &str, line: &str| lines.iter().any(|(s, l)| s == section && l == line);
        for key in INHERITED {
            assert!(has("package", &format!("{key}.workspace = true")), "{}: {key}", package.name);
        }
        assert!(has("lints", "workspace = true"), "{}: the workspace's lints", package.name);
    }
    Ok(())
}

#[test]
fn only_the_command_has_an_operators_features() -> Result<()> {
    for package in Workspace::load()?.members() {
        let asks = manifest_lines(package)?
            .iter()
            .any(|(section, line)| section.contains("dependencies") && line.contains("\"operator\""));
        assert_eq!(asks, package.name == "phonehome-cli", "{}", package.name);
    }
    Ok(())
}

#[test]
fn versions_of_dependencies_stand_in_the_root_manifest_only() -> Result<()> {
    for package in Workspace::load()?.members() {
        for (section, line) in manifest_lines(package)? {
            if section.contains("dependencies") {
                let inherits = line.contains(".workspace = true") || line.contains("{ workspace = true");
                assert!(inherits, "{}: [{section}] {line}", package.name);
            }
        }
    }
    Ok(())
}

#[test]
fn the_main_file_of_a_function_is_wiring_only() -> Result<()> {
    for package in Workspace::load()?.functions() {
        let lines = fs::read_to_string(folder(package).join("src/main.rs"))?.lines().count();
        assert!(lines <= LONGEST_MAIN, "{}: main.rs has {lines} lines", package.name);
    }
    Ok(())
}

#[test]
fn no_source_file_is_too_long() -> Result<()> {
    let lines = texts(&["rs", "py"])?.into_iter().map(|(path, text)| (path, text.lines().count()));
    let problems: Vec<_> = lines.filter(|(_, lines)| *lines > LONGEST_SOURCE).collect();
    assert!(problems.is_empty(), "longer than {LONGEST_SOURCE} lines, to be split: {problems:#?}");
    Ok(())
}

/// Whoever decides takes apart no text that is made for people, nor an address's.
#[test]
fn no_decision_hangs_on_prose() -> Result<()> {
    const TEXTS: [&str; 8] = ["address", "reason", "what", "details", "message", "error", "before", "after"];
    const TAKING_APART: [&str; 7] =
        ["starts_with", "ends_with", "contains", "split", "split_once", "strip_prefix", "strip_suffix"];
    const DECIDING: [&str; 5] = [
        "crates/planner/src",
        "crates/executor/src",
        "crates/provision/src",
        "crates/state/src",
        "functions/",
    ];
    let mut found = Vec::new();
    for (path, text) in texts(&["rs"])? {
        let is_test = path.contains("/tests") || path.ends_with("tests.rs");
        if is_test || !DECIDING.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: String = code.split_whitespace().collect();
        for method in TAKING_APART {
            for (at, _) in code.match_indices(&format!(".{method}(\"")) {
                let before = code[..at].trim_end_matches(".to_string()").trim_end_matches(".as_str()");
                let name: String =
                    before.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let name: String = name.chars().rev().collect();
                if TEXTS.contains(&name.as_str()) {
                    found.push(format!("{path}: {name}.{method}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}

#[test]
fn nothing_is_left_for_later_in_a_comment() -> Result<()> {
    // In two parts, so that this file passes.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut found = Vec::new();
    for (path, text) in texts(&["rs", "py", "toml", "yaml", "md"])? {
        for (number, line) in (1..).zip(text.lines()) {
            let mut words = line.split(|character: char| !character.is_alphanumeric());
            if words.any(|word| marks.contains(&word)) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}

/// Everything that the tests ask about packages.
struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// For this machine's platform, so that no package of another platform has to be fetched.
    fn load() -> Result<Self> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let version = String::from_utf8(Command::new(rustc).arg("-vV").output()?.stdout)?;
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .context("rustc -vV names no host")?;
        let options = ["--locked", "--filter-platform", host].map(String::from).to_vec();
        let manifest = repository().join("Cargo.toml");
        let metadata = MetadataCommand::new().manifest_path(manifest).other_options(options).exec()?;
        Ok(Self { metadata })
    }

    fn members(&self) -> Vec<&Package> {
        self.metadata.workspace_packages()
    }

    fn functions(&self) -> impl Iterator<Item = &Package> {
        self.members()
            .into_iter()
            .filter(|package| folder(package).parent().is_some_and(|p| p.ends_with("functions")))
    }

    /// The members that name such a dependency, in whatever section.
    fn direct_users(&self, matches: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let uses =
            |package: &&Package| package.dependencies.iter().any(|dependency| matches(&dependency.name));
        self.members().into_iter().filter(uses).map(|package| package.name.to_string()).collect()
    }

    /// The members into which such a dependency is linked by their own choice, not for their tests only.
    fn linked_into(&self, matches: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let links = |package: &&Package| {
            let mut normal = package.dependencies.iter().filter(|it| it.kind == DependencyKind::Normal);
            normal.any(|dependency| matches(&dependency.name))
        };
        self.members().into_iter().filter(links).map(|package| package.name.to_string()).collect()
    }

    /// What a member names as its dependencies, but for its tests.
    fn linked_by(&self, name: &str) -> Result<BTreeSet<String>> {
        let members = self.members();
        let member = members.into_iter().find(|it| it.name == name).context("no such package")?;
        let linked = member.dependencies.iter().filter(|it| it.kind != DependencyKind::Development);
        Ok(linked.map(|dependency| dependency.name.clone()).collect())
    }

    /// The names of all packages that are linked into this one.
    fn reach(&self, name: &str) -> Result<BTreeSet<String>> {
        let resolve = self.metadata.resolve.as_ref().context("no dependency graph")?;
        let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
        let start =
            self.members().into_iter().find(|package| package.name == name).context("no such package")?;
        let mut seen: BTreeSet<&PackageId> = BTreeSet::new();
        let mut waiting = vec![&start.id];
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                let node = nodes.get(id).context("a package is missing in the graph")?;
                let linked = node.deps.iter().filter(|dependency| {
                    dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
                });
                waiting.extend(linked.map(|dependency| &dependency.pkg));
            }
        }
        ensure!(seen.len() > 1, "{name} seems to have no dependencies");
        Ok(seen.into_iter().map(|id| self.metadata[id].name.to_string()).collect())
    }
}

fn is_sdk(name: &str) -> bool {
    name == "aws-config" || name.starts_with("aws-sdk-")
}

fn is_aws(name: &str) -> bool {
    name.starts_with("aws-") || name.starts_with("aws_lambda")
}

fn assert_none(package: &str, reached: &BTreeSet<String>, forbidden: impl Fn(&str) -> bool) {
    let found: Vec<_> = reached.iter().filter(|name| forbidden(name)).collect();
    assert!(
        found.is_empty(),
        "{package} reaches {found:?}: `cargo tree --package {package} --invert NAME` says how"
    );
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_owned()
}

fn folder(package: &Package) -> &Path {
    package.manifest_path.parent().expect("a manifest is in a folder").as_std_path()
}

/// The manifest's lines that say something, each with the section it stands in.
fn manifest_lines(package: &Package) -> Result<Vec<(String, String)>> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in fs::read_to_string(&package.manifest_path)?.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if !line.is_empty() && !line.starts_with('#') {
            lines.push((section.clone(), line.to_owned()));
        }
    }
    Ok(lines)
}

/// The repository's files with such an extension: path and text. Hidden and built ones are left out.
fn texts(extensions: &[&str]) -> Result<Vec<(String, String)>> {
    let root = repository();
    let mut waiting = vec![root.clone()];
    let mut texts = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if entry.file_type()?.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                texts.push((path.strip_prefix(&root)?.display().to_string(), text));
            }
        }
    }
    ensure!(texts.len() > 20, "found {} files only", texts.len());
    Ok(texts)
}
