//! What the alias of a KMS key may look like.

use super::Rule;
use crate::place::Flaw;

/// Characters of an alias (<https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html>).
const ALIAS_MAX: usize = 256;

/// The alias of a key of the account's own.
pub(crate) fn key_alias(text: &str) -> Rule<String> {
    let flaw = Flaw::new(format!("`{text}` is not the alias of a key of the account's own"));
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "/_-".contains(c);
    match text.strip_prefix("alias/") {
        Some(name) if name.starts_with("aws/") => {
            Err(flaw.hint("AWS's own key encrypts where no `key` is named: leave it out"))
        }
        Some(name) if !name.is_empty() && text.len() <= ALIAS_MAX && name.chars().all(is_allowed) => {
            Ok(text.to_owned())
        }
        Some(_) => Err(flaw.hint("letters, digits and `/_-` after `alias/`: alias/volumes")),
        None => Err(flaw.hint(
            "keys have other ids in each account and Region, so it is named by an alias that each account gives: \
             alias/volumes",
        )),
    }
}
