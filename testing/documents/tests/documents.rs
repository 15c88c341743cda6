//! What documents say of the repository: links, files, tests, and how they are kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use phonehome_documents::{Document, documents, files, repository};

/// A README that is longer is read by nobody.
const LONGEST_README: usize = 90;

/// Folders whose files are named in prose.
const FOLDERS: [&str; 9] =
    [".github", "crates", "docs", "events", "functions", "infra", "testing", "tests", "xtask"];

#[test]
fn every_link_leads_somewhere() {
    let all = documents();
    let mut broken = Vec::new();
    for document in &all {
        for link in &document.links {
            if link.what.contains("://") {
                continue;
            }
            let (path, anchor) = link.what.split_once('#').unwrap_or((&link.what, ""));
            let target = if path.is_empty() { document.path.clone() } else { beside(&document.path, path) };
            let found = all.iter().find(|other| other.path == target);
            let exists = found.is_some() || repository().join(&target).exists();
            let heading = anchor.is_empty() || found.is_some_and(|f| f.anchors.iter().any(|a| a == anchor));
            if !exists || !heading {
                broken.push(format!("{}: {}", link.place, link.what));
            }
        }
    }
    assert!(all.iter().map(|document| document.links.len()).sum::<usize>() > 50, "links are not found");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_that_is_named_exists() {
    let mut missing = Vec::new();
    for document in documents() {
        for span in &document.spans {
            let text = span.what.as_str();
            let ours = FOLDERS.iter().any(|f| text.strip_prefix(f).is_some_and(|rest| rest.starts_with('/')));
            let name = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            // Releases are named that are not made yet.
            let placeholder = text.contains("NAME") || text.starts_with("tests/releases/");
            if ours && name && !placeholder && !repository().join(text).exists() {
                missing.push(format!("{}: {text}", span.place));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_test_and_method_that_is_named_exists() {
    let mut functions = BTreeSet::new();
    for (extension, keyword) in [("rs", "fn "), ("py", "def ")] {
        for (_, text) in files(&repository(), extension) {
            for line in text.lines() {
                let name = line.split_once(keyword).and_then(|(_, rest)| rest.split(['(', '<']).next());
                functions.extend(name.map(str::to_owned));
            }
        }
    }
    let mut missing = Vec::new();
    for document in documents() {
        for span in &document.spans {
            let sentence = span.what.matches('_').count() >= 4
                && span.what.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            // `Fleet::identify`
            let method = span.what.split_once("::").filter(|(of, name)| {
                of.starts_with(|c: char| c.is_ascii_uppercase())
                    && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            });
            let name = method.map_or(span.what.as_str(), |(_, name)| name);
            if (sentence || method.is_some()) && !functions.contains(name) {
                missing.push(format!("{}: {}", span.place, span.what));
            }
        }
    }
    assert!(functions.len() > 1_000, "functions are not found");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_name_is_in_the_file_that_is_given_for_it() {
    let mut wrong = Vec::new();
    let mut held = 0;
    for document in documents() {
        for pair in document.spans.windows(2) {
            let (name, file) = (pair[0].what.as_str(), pair[1].what.as_str());
            let given = [format!("`{name}` (`{file}`"), format!("(`{name}`, `{file}`")];
            let identifier = name.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
            let source = file.contains('/') && file.ends_with(".rs");
            if !source || !identifier || !given.iter().any(|it| document.text.contains(it)) {
                continue;
            }
            held += 1;
            let text = fs::read_to_string(repository().join(file)).unwrap_or_default();
            if !text.contains(name.rsplit("::").next().unwrap_or(name)) {
                wrong.push(format!("{}: {name} is not in {file}", pair[0].place));
            }
        }
    }
    assert!(held > 15, "names with their files are not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_page_is_in_the_index_and_says_first_for_whom_it_is() {
    let all = documents();
    let index = find(&all, "docs/README.md");
    let listed: BTreeSet<_> = index.links.iter().map(|link| beside("docs/README.md", &link.what)).collect();
    for page in all.iter().filter(|page| Path::new(&page.path).parent() == Some(Path::new("docs"))) {
        if page.path != index.path {
            assert!(listed.contains(&page.path), "docs/README.md has no link to {}", page.path);
        }
        assert!(page.opening().starts_with("For "), "{} does not begin with `For …`", page.path);
    }
}

#[test]
fn the_readme_is_one_screen() {
    let all = documents();
    let lines = find(&all, "README.md").text.lines().count();
    assert!(lines <= LONGEST_README, "README.md has {lines} lines, more than {LONGEST_README}");
}

fn find<'d>(all: &'d [Document], path: &str) -> &'d Document {
    all.iter().find(|document| document.path == path).unwrap_or_else(|| panic!("there is no {path}"))
}

/// A link's path, seen from the root of the repository.
fn beside(document: &str, link: &str) -> String {
    let link = link.split('#').next().unwrap_or_default();
    let mut path = PathBuf::new();
    for part in Path::new(document).parent().unwrap_or(Path::new("")).join(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path.to_string_lossy().into_owned()
}
