//! `phonehome diff`.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use phonehome_fleet::{Becoming, Change, Changes, Fleet, LineChanges, decode, limits::FILE_BYTES_MAX};
use phonehome_state::{ProbeRelease, PublishedFleet, version};
use phonehome_text::count;
use serde_json::json;

use crate::output::{Failure, Format, json as to_json, read_bytes, table};

/// Show what one fleet file declares otherwise than another, line by line.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The number of a version, `current` for the one in force, or the path of a file.
    before: String,
    /// What it is compared with: the same.
    after: String,
}

/// What one of the two arguments means.
#[derive(Debug, PartialEq, Eq)]
enum Which<'a> {
    /// A version, or the one in force.
    Published(Option<u64>),
    File(&'a Path),
}

impl<'a> Which<'a> {
    fn of(argument: &'a str) -> Self {
        match (argument, argument.parse()) {
            ("current", _) => Self::Published(None),
            (_, Ok(number)) => Self::Published(Some(number)),
            (path, Err(_)) => Self::File(Path::new(path)),
        }
    }
}

/// Compares the two. Changes nothing.
pub(crate) async fn run(
    arguments: DiffArguments,
    table_name: &str,
    format: Format,
) -> Result<String, Failure> {
    let (before, old) = declared(&Which::of(&arguments.before), table_name).await?;
    let (after, new) = declared(&Which::of(&arguments.after), table_name).await?;
    let mut changes = Changes::between(&before, &after);
    changes.settings.extend(code_change(old, new));
    match format {
        Format::Json => to_json(&json!({"changed": !changes.is_empty(), "changes": changes})),
        Format::Text => Ok(render(&changes)),
    }
}

/// Which code the probes have by one version instead of another. A file says nothing of it (`None`).
fn code_change(old: Option<PublishedFleet>, new: Option<PublishedFleet>) -> Option<Change> {
    let (old, new) = (old?.probes, new?.probes);
    let code = |probes: &Option<ProbeRelease>| probes.as_ref().map(|probes| probes.code_sha256.clone());
    let title = |probes: Option<ProbeRelease>| probes.map(|probes| probes.title());
    let differs = code(&old) != code(&new);
    differs.then(|| Change { what: "probes".to_owned(), before: title(old), after: title(new) })
}

/// What a version or a file declares, with the version: rules for those who publish do not matter here.
async fn declared(which: &Which<'_>, table_name: &str) -> Result<(Fleet, Option<PublishedFleet>), Failure> {
    let (name, text, published) = match which {
        Which::Published(number) => {
            let name = number
                .map_or_else(|| "the version in force".to_owned(), |number| format!("version {number}"));
            let found = version(&table(table_name).await?, *number).await.map_err(Failure::other)?;
            let found = found.ok_or_else(|| {
                Failure::input(format!("{name} is not there: `phonehome history` lists all versions"))
            })?;
            (name, found.text.clone(), Some(found))
        }
        Which::File(path) => {
            let name = path.display().to_string();
            let text = decode(&read_bytes(path, FILE_BYTES_MAX)?);
            let text = text.map_err(|problems| Failure::input(problems.render(&name)))?;
            (name, text, None)
        }
    };
    let read = phonehome_fleet::read(&text);
    read.map(|checked| (checked.fleet, published))
        .map_err(|problems| Failure::input(format!("{name} cannot be read:\n{}", problems.render(&name))))
}

fn render(changes: &Changes) -> String {
    let mut text = String::new();
    if !changes.settings.is_empty() {
        text.push_str("for all\n");
        change_lines(&mut text, &changes.settings);
    }
    for LineChanges { line, becomes, changes } in &changes.lines {
        let what = match becomes {
            Becoming::Added => " is new".to_owned(),
            Becoming::Removed => " is no more".to_owned(),
            Becoming::Changed => String::new(),
            Becoming::Renamed(was) => format!(" was {was}"),
        };
        let _ = writeln!(text, "{line}{what}");
        change_lines(&mut text, changes);
    }
    let settings = count(changes.settings.len(), "setting");
    let _ = match changes.is_empty() {
        true => writeln!(text, "Both declare the same."),
        false => writeln!(text, "{} and {settings} for all.", count(changes.lines.len(), "line")),
    };
    text
}

fn change_lines(text: &mut String, changes: &[Change]) {
    for Change { what, before, after } in changes {
        let _ = match (before, after) {
            (Some(before), Some(after)) => writeln!(text, "  ~ {what}: {before} → {after}"),
            (None, Some(after)) => writeln!(text, "  + {what}: {after}"),
            (Some(before), None) => writeln!(text, "  - {what}: {before}"),
            (None, None) => Ok(()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example without its waves, which name accounts, and with this text in place of another.
    fn example(text: &str, instead: &str) -> Fleet {
        let fleet = phonehome_fleet::parse(include_str!("../../../fleet.example.yaml")).unwrap();
        let mut fleet = serde_json::to_value(fleet).unwrap();
        fleet.as_object_mut().unwrap().remove("rollout");
        phonehome_fleet::parse(&fleet.to_string().replacen(text, instead, 1)).unwrap()
    }

    fn rendered(text: &str, instead: &str) -> String {
        render(&Changes::between(&example("", ""), &example(text, instead)))
    }

    #[test]
    fn what_changes_is_shown_by_line_and_what_does_not_is_left_out() {
        assert_eq!(rendered("", ""), "Both declare the same.\n");
        assert_eq!(
            rendered("team-shop", "team-store"),
            "shop/dev\n  ~ owner: team-shop → team-store\nshop/prod\n  ~ owner: team-shop → team-store\n\
             2 lines and 0 settings for all.\n"
        );
        let text = rendered("{\"name\":\"dev\"},", "");
        assert!(text.contains("shop/dev is no more\n  - "), "{text}");
        assert!(text.contains("payments/dev\n  - lets in shop/dev, ports: 443\n"), "{text}");
    }

    #[test]
    fn other_code_of_the_probes_is_a_change_between_versions_and_files_say_nothing_of_it() {
        let named = |code: &str| {
            let (code_sha256, architecture) = (format!("{code}-hash"), "arm64".into());
            let probes = Some(ProbeRelease { code_sha256, architecture, release: code.into() });
            Some(PublishedFleet { probes, ..PublishedFleet::default() })
        };
        let mut changes = Changes::between(&example("", ""), &example("", ""));
        changes.settings.extend(code_change(named("0.1.0"), named("0.2.0")));
        let expected = "for all\n  ~ probes: release 0.1.0 (0.1.0-ha…) → release 0.2.0 (0.2.0-ha…)\n0 lines and 1 \
                        setting for all.\n";
        assert_eq!(render(&changes), expected);
        assert_eq!(code_change(named("0.1.0"), named("0.1.0")), None);
        assert_eq!(code_change(None, named("0.2.0")), None);
        assert_eq!(code_change(Some(PublishedFleet::default()), named("0.2.0")).unwrap().before, None);
    }

    #[test]
    fn a_number_is_a_version_and_current_the_one_in_force_and_all_else_a_file() {
        assert_eq!(Which::of("7"), Which::Published(Some(7)));
        assert_eq!(Which::of("current"), Which::Published(None));
        for path in ["fleet.yaml", "./7", "v7"] {
            assert_eq!(Which::of(path), Which::File(Path::new(path)));
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.yaml");
        std::fs::write(&path, "domains: 7").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let failure = runtime.block_on(declared(&Which::File(&path), "none")).unwrap_err();
        assert!(failure.input && failure.text.contains("broken.yaml"), "{}", failure.text);
    }
}
