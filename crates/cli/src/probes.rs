//! The code of the probes that a version names.

use clap::Args;
use phonehome_cloud::table::{Table, TableError};
use phonehome_state::{InForce, NewestProbes, ProbeRelease, PublishedFleet, code_sha256, newest_probes};

use crate::output::Failure;
use crate::targets::Scope;

/// Which code the next version names.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ProbesArgument {
    /// Name the code of the probes that the version in force names, instead of the newest that the hub came with.
    #[arg(long)]
    pub(crate) keep_probes: bool,
}

impl ProbesArgument {
    /// The code that the version which is published next names: the newest that the hub has noted. Where it has noted
    /// none, or with the option, that of the version in force.
    pub(crate) async fn next(
        self,
        table: &impl Table,
        current: Option<&PublishedFleet>,
    ) -> Result<Option<ProbeRelease>, Failure> {
        let current = current.and_then(|current| current.probes.clone());
        if self.keep_probes {
            return Ok(current);
        }
        let newest = newest_probes(table).await.map_err(Failure::other)?;
        Ok(newest.map(|newest| newest.probes).or(current))
    }
}

/// That what is planned with the probe's zip is what the version will name.
pub(crate) fn is_of_version(scope: &Scope, next: Option<&ProbeRelease>) -> Result<(), Failure> {
    let (Some(path), Some(next)) = (&scope.probe_zip, next) else { return Ok(()) };
    let zip = std::fs::read(path).map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
    if code_sha256(&zip) == next.code_sha256 {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{} is other code for the probes than the version will name, which is what the hub has noted: {}. Give the \
         zip of the hub that runs, or none (--probe-zip, PHONEHOME_PROBE_ZIP)",
        path.display(),
        next.title()
    )))
}

/// For people: which code a version names, and which one the version in force does.
pub(crate) fn sentence(current: Option<&PublishedFleet>, next: Option<&ProbeRelease>) -> String {
    let before = current.map(|current| current.probes.as_ref());
    match (before, next) {
        (_, None) => "Probes: what the hub comes with; it has noted no code yet.".to_owned(),
        (Some(Some(before)), Some(next)) if before.code_sha256 == next.code_sha256 => {
            format!("Probes: {}, as before.", next.title())
        }
        (Some(Some(before)), Some(next)) => {
            format!("Probes: {} instead of {}.", next.title(), before.title())
        }
        (Some(None), Some(next)) => format!("Probes: {} instead of what the hub comes with.", next.title()),
        (None, Some(next)) => format!("Probes: {}.", next.title()),
    }
}

/// Which code the probes have by the version in force, and whether the hub came with newer code.
pub(crate) fn line(in_force: &InForce, newest: Result<Option<NewestProbes>, TableError>) -> String {
    let named = in_force.probes.as_ref();
    let text = named.map_or_else(|| "what the hub comes with".to_owned(), ProbeRelease::title);
    match newest {
        Ok(Some(NewestProbes { probes, .. }))
            if named.is_none_or(|it| it.code_sha256 != probes.code_sha256) =>
        {
            format!("probes: {text}; the hub came with {}: `phonehome publish` rolls it out", probes.title())
        }
        Ok(_) => format!("probes: {text}"),
        Err(problem) => format!("probes: {text}; what the hub came with is not known: {problem}"),
    }
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::table::MemoryTable;
    use phonehome_state::store_probes;

    use super::*;

    fn release(name: &str) -> ProbeRelease {
        let code_sha256 = code_sha256(name.as_bytes());
        ProbeRelease { code_sha256, architecture: "arm64".into(), release: name.into() }
    }

    fn naming(probes: Option<ProbeRelease>) -> PublishedFleet {
        PublishedFleet { probes, ..PublishedFleet::default() }
    }

    #[tokio::test]
    async fn a_version_names_what_the_hub_noted_last_and_otherwise_what_is_in_force() {
        let table = MemoryTable::default();
        let current = naming(Some(release("0.1.0")));
        let next = async |keep_probes: bool, current: Option<&PublishedFleet>| {
            ProbesArgument { keep_probes }.next(&table, current).await.unwrap().map(|probes| probes.release)
        };
        assert_eq!(next(false, None).await, None);
        assert_eq!(next(false, Some(&current)).await.as_deref(), Some("0.1.0"));
        store_probes(&table, &release("0.2.0"), b"0.2.0", 1).await.unwrap();
        assert_eq!(next(false, Some(&current)).await.as_deref(), Some("0.2.0"));
        assert_eq!(next(true, Some(&current)).await.as_deref(), Some("0.1.0"), "it is kept");
        assert_eq!(next(true, Some(&naming(None))).await, None);
    }

    #[test]
    fn the_status_says_what_is_in_force_and_what_the_hub_came_with_that_is_not() {
        let newest = |name| Ok(Some(NewestProbes { probes: release(name), at_ms: 0 }));
        let failed = Err(TableError::Conflict { keys: vec![] });
        for (named, newest, expected) in [
            (Some("0.1.0"), newest("0.1.0"), "…)"),
            (Some("0.1.0"), newest("0.2.0"), "`phonehome publish` rolls it out"),
            (None, newest("0.2.0"), "): `phonehome publish` rolls it out"),
            (None, Ok(None), "probes: what the hub comes with"),
            (Some("0.1.0"), failed, "is not known: someone else wrote"),
        ] {
            let fleet = phonehome_fleet::parse(include_str!("../../../fleet.example.yaml")).unwrap();
            let in_force = InForce {
                fleet,
                number: 1,
                published_at_ms: 0,
                published_by: String::new(),
                accepted: phonehome_state::Accepted::default(),
                authorities: None,
                probes: named.map(release),
                unreadable: None,
            };
            let line = line(&in_force, newest);
            assert!(line.contains(expected) && line.starts_with("probes: "), "{line}");
            assert_eq!(line.contains("publish"), expected.contains("publish"), "{line}");
        }
    }

    #[test]
    fn what_is_published_says_which_code_takes_the_place_of_which() {
        let (old, new) = (release("0.1.0"), release("0.2.0"));
        for (current, next, expected) in [
            (
                Some(naming(Some(old.clone()))),
                Some(&new),
                "release 0.2.0 (XBOdJM8j…) instead of release 0.1.0 (",
            ),
            (Some(naming(Some(new.clone()))), Some(&new), ", as before."),
            (Some(naming(None)), Some(&new), " instead of what the hub comes with."),
            (None, Some(&new), "Probes: release 0.2.0 ("),
            (Some(naming(Some(old.clone()))), None, "has noted no code yet"),
        ] {
            let expected = expected.replace("XBOdJM8j", &new.code_sha256[..8]);
            let sentence = sentence(current.as_ref(), next);
            assert!(sentence.contains(&expected), "{sentence}");
        }
    }
}
