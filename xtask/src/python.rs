//! Finds a Python that can make virtual environments.

use anyhow::{Result, bail};
use std::process::Command;

const OLDEST: (u32, u32) = (3, 10);

/// Tried in this order: the machine's own choice first.
const NAMES: [&str; 7] =
    ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/// Prints the version, then fails when what makes virtual environments is missing.
const QUESTION: &str = "import sys; print(sys.version_info[0], sys.version_info[1]); import venv, ensurepip";

const HELP: &str = "Python 3.10 or newer is needed, with its module venv, to run the local cloud.
  Debian, Ubuntu:  apt install python3 python3-venv
  macOS:           brew install python";

/// The name of a Python that will do.
pub(crate) fn find() -> Result<&'static str> {
    let mut found = Vec::new();
    for name in NAMES {
        let Ok(output) = Command::new(name).args(["-c", QUESTION]).output() else { continue };
        match judge(&String::from_utf8_lossy(&output.stdout), output.status.success()) {
            Finding::Good => return Ok(name),
            Finding::NotPython => {}
            Finding::Unfit(reason) => found.push(format!("\n  {name}: {reason}")),
        }
    }
    if found.is_empty() {
        bail!("no Python found.\n{HELP}");
    }
    bail!("no fitting Python found:{}\n{HELP}", found.concat());
}

#[derive(Debug, PartialEq)]
enum Finding {
    Good,
    NotPython,
    Unfit(String),
}

fn judge(answer: &str, has_modules: bool) -> Finding {
    let numbers: Vec<u32> = answer.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [major, minor] if (major, minor) < OLDEST => {
            Finding::Unfit(format!("it is {major}.{minor}, which is too old"))
        }
        [major, minor] if !has_modules => {
            Finding::Unfit(format!("it is {major}.{minor}, but its module venv (or ensurepip) is missing"))
        }
        [_, _] => Finding::Good,
        _ => Finding::NotPython,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recent_python_with_venv_will_do() {
        assert_eq!(judge("3 10\n", true), Finding::Good);
        assert_eq!(judge("4 0\n", true), Finding::Good);
    }

    #[test]
    fn an_old_python_is_refused_with_its_version() {
        assert_eq!(judge("3 9\n", true), Finding::Unfit("it is 3.9, which is too old".to_owned()));
        assert_eq!(judge("2 7\n", false), Finding::Unfit("it is 2.7, which is too old".to_owned()));
    }

    #[test]
    fn a_python_without_venv_is_refused() {
        let Finding::Unfit(reason) = judge("3 12\n", false) else { panic!("not refused") };
        assert!(reason.contains("venv"), "{reason}");
    }

    #[test]
    fn a_launcher_that_finds_no_python_counts_as_none() {
        assert_eq!(judge("", false), Finding::NotPython);
    }
}
