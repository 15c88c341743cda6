//! Which mutants are taken: the same for the same seed, spread over the packages.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One change that cargo-mutants can make.
pub(super) struct Mutant {
    pub(super) package: String,
    /// As it is listed: `FILE:LINE:COLUMN: CHANGE`.
    pub(super) name: String,
}

/// Reads what `cargo mutants --list --json` prints.
pub(super) fn parse(list: &[u8]) -> Result<Vec<Mutant>> {
    let list: Vec<Value> = serde_json::from_slice(list).context("cannot read cargo mutants' list")?;
    let text = |mutant: &Value, key: &str| mutant[key].as_str().map(str::to_owned);
    list.iter()
        .map(|mutant| Some(Mutant { package: text(mutant, "package")?, name: text(mutant, "name")? }))
        .collect::<Option<_>>()
        .context("cargo mutants' list has mutants without a name")
}

/// As many as are asked for; a smaller sample is part of a larger one with the same seed.
///
/// A mutant's place depends on its change and its file, not on its line, which moves.
pub(super) fn take(all: Vec<Mutant>, count: usize, seed: u64) -> Vec<Mutant> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut packages: BTreeMap<String, Vec<(u64, Mutant)>> = BTreeMap::new();
    for mutant in all {
        let change = without_line(&mutant.name);
        let repeated = seen.entry(change.clone()).or_default();
        let place = hash(&[&seed.to_le_bytes(), &repeated.to_le_bytes(), change.as_bytes()]);
        *repeated += 1;
        packages.entry(mutant.package.clone()).or_default().push((place, mutant));
    }
    let mut order: Vec<(f64, u64, Mutant)> = Vec::new();
    for mut mutants in packages.into_values() {
        mutants.sort_by_key(|(place, _)| *place);
        // Evenly from 0 to 1, so that each package has its share of whatever is taken first.
        let step = 1.0 / mutants.len() as f64;
        let spread = mutants.into_iter().enumerate();
        order.extend(spread.map(|(n, (place, mutant))| ((n as f64 + 0.5) * step, place, mutant)));
    }
    order.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    order.into_iter().take(count).map(|(_, _, mutant)| mutant).collect()
}

/// A regular expression that only this name matches.
pub(super) fn pattern(name: &str) -> String {
    let mut pattern = "^".to_owned();
    for character in name.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern + "$"
}

/// A diff that touches the lines of these mutants, for `--in-diff`.
///
/// cargo-mutants 27.1 leaves no mutant out by its name that deletes a field of a struct
/// (<https://github.com/sourcefrog/cargo-mutants/issues/632>), but by its line it does.
pub(super) fn diff(names: &[String], read: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut lines: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for name in names {
        let mut parts = name.split(':');
        let (file, line) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let line = line.parse().with_context(|| format!("no line in the name of {name}"))?;
        lines.entry(file).or_default().insert(line);
    }
    let mut diff = String::new();
    for (file, lines) in lines {
        let text = read(file)?;
        let text: Vec<&str> = text.lines().collect();
        diff += &format!("--- a/{file}\n+++ b/{file}\n");
        for (n, line) in lines.into_iter().enumerate() {
            let content = text.get(line - 1).with_context(|| format!("{file} has no line {line}"))?;
            // As if each of these lines were new.
            diff += &format!("@@ -{},0 +{line},1 @@\n+{content}\n", line - 1 - n);
        }
    }
    Ok(diff)
}

/// `a.rs:1:2: change` becomes `a.rs: change`.
fn without_line(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(change)) => format!("{file}:{change}"),
        _ => name.to_owned(),
    }
}

/// FNV-1a, then the last step of MurmurHash3, which lets every bit count: the same on every machine.
fn hash(parts: &[&[u8]]) -> u64 {
    let fnv = parts.concat().iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutants(first_line: usize) -> Vec<Mutant> {
        let of = |package: &str, count| {
            let package = package.to_owned();
            (0..count).map(move |n| Mutant {
                name: format!("{package}.rs:{}:5: replace == with != in f{}", first_line + n, n / 2),
                package: package.clone(),
            })
        };
        of("large", 300).chain(of("small", 100)).collect()
    }

    fn names(first_line: usize, count: usize, seed: u64) -> Vec<String> {
        let taken = take(mutants(first_line), count, seed);
        taken.iter().map(|mutant| mutant.name.clone()).collect()
    }

    #[test]
    fn a_sample_depends_on_the_seed_alone_and_each_package_has_its_share() {
        let taken = names(1, 40, 7);
        assert_eq!(taken.iter().filter(|name| name.starts_with("small")).count(), 10);
        assert_eq!(names(1, 20, 7), taken[..20], "a smaller sample is no part of it");
        assert_ne!(names(1, 40, 8), taken);

        let unplaced = |names: Vec<String>| names.iter().map(|name| without_line(name)).collect::<Vec<_>>();
        assert_eq!(unplaced(names(1000, 40, 7)), unplaced(taken), "the lines have moved");
        assert_eq!(names(1, 1000, 7).len(), 400);
    }

    #[test]
    fn a_pattern_matches_a_name_with_signs_of_its_own() {
        assert_eq!(
            pattern("a.rs:1:2: replace f<'a> -> Option<&[u8]> with (None) | {}"),
            r"^a\.rs:1:2: replace f<'a> -> Option<&\[u8\]> with \(None\) \| \{\}$"
        );
    }

    #[test]
    fn a_diff_has_each_line_of_the_mutants_once() {
        let names = ["a.rs:3:7: delete !", "a.rs:3:1: replace f", "a.rs:1:1: replace g"].map(str::to_owned);
        assert_eq!(
            diff(&names, |_| Ok("one\ntwo\nthree\n".to_owned())).unwrap(),
            "--- a/a.rs\n+++ b/a.rs\n@@ -0,0 +1,1 @@\n+one\n@@ -1,0 +3,1 @@\n+three\n"
        );
    }
}
