//! Whoever gives an account up names it.

use std::io::{BufRead, IsTerminal as _, Write};

use super::leaving::Leaving;
use crate::output::{Failure, Format};

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Confirmed,
    /// There is nobody to ask, and nobody has said so.
    OnlyShown,
}

/// Whether the account is to be given up: by its name in `--confirm`, or by its name or id typed at a terminal, below
/// what that comes to.
pub(super) fn asked(
    confirm: Option<&str>,
    leaving: &Leaving,
    shown: &str,
    format: Format,
) -> Result<Asked, Failure> {
    let (id, name) = (leaving.id.as_str(), leaving.name.as_str());
    if let Some(given) = confirm {
        return by_option(given, id, name);
    }
    if format == Format::Json || !std::io::stdin().is_terminal() {
        return Ok(Asked::OnlyShown);
    }
    by_typing(shown, id, name, &mut std::io::stdin().lock(), &mut std::io::stderr())
}

fn by_option(given: &str, id: &str, name: &str) -> Result<Asked, Failure> {
    if given == name {
        return Ok(Asked::Confirmed);
    }
    Err(Failure::input(format!(
        "account {id} is called {name:?}, and --confirm says {given:?}: nothing was done. Is it the account that you mean?"
    )))
}

fn by_typing(
    shown: &str,
    id: &str,
    name: &str,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<Asked, Failure> {
    write!(output, "{shown}Type the account's name or id to do that: ").map_err(Failure::other)?;
    output.flush().map_err(Failure::other)?;
    let mut answer = String::new();
    input.read_line(&mut answer).map_err(Failure::other)?;
    match answer.trim() {
        given if given == name || given == id => Ok(Asked::Confirmed),
        given => Err(Failure::other(format!("{given:?} is neither {name:?} nor {id:?}: nothing was done"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "444455556666";

    #[test]
    fn without_a_terminal_only_the_accounts_name_confirms() {
        assert_eq!(by_option("shop-dev", ID, "shop-dev").unwrap(), Asked::Confirmed);
        for given in ["", "yes", "shop", "Shop-Dev", "shop-dev ", ID] {
            let refused = by_option(given, ID, "shop-dev").unwrap_err();
            assert!(refused.input && refused.text.contains("nothing was done"), "{given}: {}", refused.text);
        }
    }

    #[test]
    fn at_a_terminal_the_accounts_name_or_id_confirms_and_no_yes_does() {
        let typed = |answer: &str| {
            let mut said = Vec::new();
            let asked = by_typing("it goes\n", ID, "shop-dev", &mut answer.as_bytes(), &mut said);
            assert!(String::from_utf8(said).unwrap().starts_with("it goes\nType the account's name or id"));
            asked.map_err(|failure| failure.input)
        };
        for answer in ["shop-dev\n", " shop-dev \n", "444455556666\n", "shop-dev"] {
            assert_eq!(typed(answer), Ok(Asked::Confirmed), "{answer:?}");
        }
        for answer in ["", "\n", "y\n", "yes\n", "shop-prod\n", "shop-de\n", "44445555666\n"] {
            assert_eq!(typed(answer), Err(false), "{answer:?}");
        }
    }
}
