//! What units, tags and alternate contacts may look like.

use super::Rule;
use super::host::{unknown_placeholder, without_placeholders};
use crate::model::{UNIT_DEPTH_MAX, UnitPath};
use crate::place::Flaw;

/// What a tag's value may stand for.
const PLACEHOLDERS: &[&str] = &["domain", "environment", "owner"];

/// Characters of a unit's name
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html>).
const UNIT_NAME_MAX: usize = 128;
/// Characters of a tag's key (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_Tag.html>).
const TAG_KEY_MAX: usize = 128;
/// Characters of a tag's value (same page).
const TAG_VALUE_MAX: usize = 256;
/// Keys that begin so are AWS's, or phonehome's.
const RESERVED: [&str; 2] = ["aws:", "phonehome:"];
/// Characters of a contact's e-mail address
/// (<https://docs.aws.amazon.com/accounts/latest/reference/API_PutAlternateContact.html>).
const EMAIL_MAX: usize = 254;
/// Characters of a contact's phone number (same page).
const PHONE_MAX: usize = 25;

pub(crate) fn unit_path(text: &str) -> Rule<UnitPath> {
    let flaw = Flaw::new(format!("`{text}` is not a path of organizational units"));
    let names: Vec<String> = text.split('/').map(str::to_owned).collect();
    if names.iter().any(|name| name.is_empty() || name.trim() != name || name.chars().any(char::is_control)) {
        return Err(flaw.hint("names with a slash between, from below the root: Workloads/Prod"));
    }
    if names.iter().any(|name| name.chars().count() > UNIT_NAME_MAX) {
        return Err(flaw.hint(format!("a name has at most {UNIT_NAME_MAX} characters")));
    }
    let depth = names.len();
    UnitPath::new(names).ok_or_else(|| {
        flaw.hint(format!("it has {depth} levels; AWS allows {UNIT_DEPTH_MAX} below the root"))
    })
}

/// Whether AWS takes it as a part of a tag.
pub(crate) fn is_tag_text(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}

const TAG_TEXT: &str = "a tag has letters, digits, spaces and characters of _.:/=+-@";

pub(crate) fn tag_key(text: &str) -> Rule<String> {
    let flaw = Flaw::new(format!("`{text}` is not the key of a tag"));
    if !(1..=TAG_KEY_MAX).contains(&text.chars().count()) || text.trim() != text {
        return Err(flaw.hint(format!("it has 1 to {TAG_KEY_MAX} characters, and no space at either end")));
    }
    if !is_tag_text(text) {
        return Err(flaw.hint(TAG_TEXT));
    }
    match RESERVED.iter().find(|prefix| text.to_ascii_lowercase().starts_with(**prefix)) {
        Some(prefix) => Err(flaw.hint(format!("keys that begin with `{prefix}` are not yours to give"))),
        None => Ok(text.to_owned()),
    }
}

pub(crate) fn tag_value(text: &str) -> Rule<String> {
    let plain = without_placeholders(text, PLACEHOLDERS);
    if let Some(flaw) = unknown_placeholder(&plain, PLACEHOLDERS) {
        return Err(flaw);
    }
    let flaw = Flaw::new(format!("`{text}` is not the value of a tag"));
    if !is_tag_text(&plain) {
        return Err(flaw.hint(TAG_TEXT));
    }
    if plain.chars().count() > TAG_VALUE_MAX {
        return Err(flaw.hint(format!("it has at most {TAG_VALUE_MAX} characters")));
    }
    Ok(text.to_owned())
}

/// A name or title of a contact.
pub(crate) fn contact_text(text: &str, max: usize) -> Rule<String> {
    let length = text.chars().count();
    if (1..=max).contains(&length) && text.trim() == text && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(format!("`{text}` does not fit a contact"))
        .hint(format!("AWS takes 1 to {max} characters; no space at either end")))
}

/// AWS's pattern: `[\w+=.#|!&-]+@[\w.-]+\.[\w]+`.
pub(crate) fn contact_email(text: &str) -> Rule<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits = text.split_once('@').is_some_and(|(local, host)| {
        let (front, last) = host.rsplit_once('.').unwrap_or_default();
        let is_local = |c: char| is_word(c) || "+=.#|!&-".contains(c);
        let is_host = |c: char| is_word(c) || ".-".contains(c);
        let filled = ![local, front, last].contains(&"");
        filled && local.chars().all(is_local) && front.chars().all(is_host) && last.chars().all(is_word)
    });
    if fits && text.len() <= EMAIL_MAX {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(format!("`{text}` is not the e-mail address of a contact"))
        .hint(format!("as in aws-security@example.com, at most {EMAIL_MAX} characters")))
}

pub(crate) fn contact_phone(text: &str) -> Rule<String> {
    let allowed = |c: char| c.is_ascii_digit() || " ()+-".contains(c);
    if (1..=PHONE_MAX).contains(&text.len()) && text.chars().all(allowed) && text.trim() == text {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(format!("`{text}` is not the phone number of a contact"))
        .hint(format!("at most {PHONE_MAX} digits, spaces and characters of ()+-: \"+1 555 0100\"")))
}
