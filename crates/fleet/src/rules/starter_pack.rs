//! What repositories, branches, policies and buckets of a starter pack may look like.
//!
//! What stands here becomes a part of trust policies. No wildcard does, nor anything by which IAM or CloudFormation would
//! fill something in: a text means itself alone.

use super::Rule;
use super::host::{unknown_placeholder, without_placeholders};
use crate::place::Flaw;

/// Characters of a role's trust policy without spaces, by IAM's default quota
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub(crate) const TRUST_POLICY_MAX: usize = 2048;
/// Characters of a branch or an environment. GitHub's limit of both
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/deployments-and-environments>).
const REF_MAX: usize = 255;
/// What a GitHub environment's name may stand for.
const PLACEHOLDERS: &[&str] = &["domain", "environment"];
/// What S3 keeps for itself at the beginning of a bucket's name
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
/// The longest prefix for which there is a Region: 63 characters without the account's id, `-an` and a Region of nine.
const PREFIX_MAX: usize = 36;

const NO_WILDCARD: &str =
    "it is compared as it stands: a wildcard would let in what nobody named, such as pull requests";

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '$', '[', ']'])
}

/// The name of a GitHub repository with its owner's.
pub(crate) fn repository(text: &str) -> Rule<String> {
    let flaw = Flaw::new(format!("`{text}` is not the name of a GitHub repository"));
    if has_wildcard(text) {
        return Err(flaw.hint(NO_WILDCARD));
    }
    if let Some(bare) =
        text.strip_prefix("https://github.com/").or_else(|| text.strip_prefix("git@github.com:"))
    {
        return Err(
            flaw.hint(format!("the name alone: `{}`", bare.trim_end_matches('/').trim_end_matches(".git")))
        );
    }
    if text.contains('@') {
        return Err(flaw.hint("the names alone: the ids stand under `id` and `owner_id`"));
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_owner = |owner: &str| {
        (1..=39).contains(&owner.len())
            && owner.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !owner.ends_with('-')
            && !owner.contains("--")
            && owner.chars().all(|c| is_word(c) || c == '-')
    };
    let is_repository = |name: &str| {
        (1..=100).contains(&name.len())
            && ![".", ".."].contains(&name)
            // GitHub keeps these endings for itself.
            && ![".git", ".wiki"].iter().any(|ending| name.to_ascii_lowercase().ends_with(ending))
            && name.chars().all(|c| is_word(c) || c == '-' || c == '.')
    };
    match text.split_once('/') {
        Some((owner, name)) if is_owner(owner) && is_repository(name) => Ok(text.to_owned()),
        _ => Err(flaw.hint("write it as in acme/shop: its owner and its name")),
    }
}

/// The name of a branch, by git's rules (git-check-ref-format), without wildcards.
pub(crate) fn branch(text: &str) -> Rule<String> {
    let flaw = Flaw::new(format!("`{text}` is not the name of a branch"));
    if let Some(bare) = text.strip_prefix("refs/heads/") {
        return Err(flaw.hint(format!("the name alone: `{bare}`")));
    }
    // Such a branch could be made, by whoever may push one, and is hardly ever meant.
    let first = text.split_once('/').map(|(first, _)| first.to_ascii_lowercase());
    if first.is_some_and(|first| ["refs", "heads", "tags", "pull"].contains(&first.as_str())) {
        return Err(flaw.hint(
            "the name alone, as in main; pull requests and tags deploy nothing: anybody who may open one would decide",
        ));
    }
    if has_wildcard(text) {
        return Err(flaw.hint(NO_WILDCARD));
    }
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let is_char = |c: char| c.is_ascii_graphic() && !"~^:\\{}\"'<>&".contains(c);
    let well_formed = (1..=REF_MAX).contains(&text.len())
        && text.chars().all(is_char)
        && text.split('/').all(is_part)
        && !text.contains("..")
        && !text.ends_with('.')
        && !text.starts_with('-');
    if well_formed { Ok(text.to_owned()) } else { Err(flaw.hint("as git has it: main, release/2")) }
}

/// The name of a GitHub environment, with placeholders. None with `:`, which GitHub writes as `%3A` in a subject, nor with
/// `%`: two environments could have one subject, and whoever may push can make an environment by naming it.
pub(crate) fn github_environment(text: &str) -> Rule<String> {
    let plain = without_placeholders(text, PLACEHOLDERS);
    if let Some(flaw) = unknown_placeholder(&plain, PLACEHOLDERS) {
        return Err(flaw);
    }
    let flaw = Flaw::new(format!("`{text}` is not the name of a GitHub environment"));
    if has_wildcard(&plain) {
        return Err(flaw.hint(NO_WILDCARD));
    }
    let is_char = |c: char| (c.is_ascii_graphic() || c == ' ') && !"{}%:\\\"'`<>&".contains(c);
    let well_formed =
        (1..=REF_MAX).contains(&plain.len()) && plain.trim() == plain && plain.chars().all(is_char);
    if well_formed {
        return Ok(text.to_owned());
    }
    Err(flaw
        .hint(format!("it has 1 to {REF_MAX} letters, digits, spaces and characters of _./+=,@#()!;-~^|")))
}

fn is_named(text: &str, max: usize) -> bool {
    let is_char = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let is_part = |part: &str| !part.is_empty() && part.chars().all(is_char);
    text.len() <= max && text.split('/').all(is_part)
}

/// The name of a machine user: IAM's and that of a secret, which has no comma
/// (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>).
pub(crate) fn machine_user(text: &str) -> Rule<String> {
    let is_char = |c: char| c.is_ascii_alphanumeric() || "_+=.@-".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(is_char) {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(format!("`{text}` is not the name of a machine user"))
        .hint("it has 1 to 64 letters, digits and characters of _+=.@-, and says what the user is for"))
}

/// A namespace of CloudWatch's metrics
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>).
pub(crate) fn metric_namespace(text: &str) -> Rule<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._/#: -".contains(c);
    let is_framed = text.starts_with([' ', ':']) || text.ends_with(' ');
    if (1..=255).contains(&text.len()) && text.chars().all(fits) && !is_framed {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(format!("`{text}` is not a namespace of metrics"))
        .hint("as in AWS/EC2: 1 to 255 letters, digits, spaces and characters of ._/#:-, the first no colon"))
}

/// A managed policy: the ARN of one of AWS's, or the name, with its path, of one that the account has.
pub(crate) fn policy(text: &str) -> Rule<String> {
    let flaw = Flaw::new(format!("`{text}` is not a managed policy"));
    let name = match text.split_once(":policy/") {
        Some((of, name)) if text.starts_with("arn:") => {
            let [_, partition, "iam", "", owner] = of.split(':').collect::<Vec<_>>()[..] else {
                return Err(flaw.hint("as in arn:aws:iam::aws:policy/ReadOnlyAccess"));
            };
            if owner != "aws" {
                return Err(flaw.hint(format!(
                    "a role takes policies of its own account: give the name alone, `{name}`, which each account has to \
                     have"
                )));
            }
            if !partition.starts_with("aws") || !partition.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            {
                return Err(flaw.hint("as in arn:aws:iam::aws:policy/ReadOnlyAccess"));
            }
            name
        }
        _ => text,
    };
    if is_named(name, 512) {
        return Ok(text.to_owned());
    }
    Err(flaw.hint("the ARN of one of AWS's, or the name of one that the account has: team/boundary"))
}

/// A role's name with its path.
pub(crate) fn role_with_path(text: &str) -> Rule<String> {
    if is_named(text, 512) {
        return Ok(text.to_owned());
    }
    let flaw = Flaw::new(format!("`{text}` is not the name of an IAM role"));
    Err(match text.rsplit_once(":role/") {
        Some((_, name)) => flaw.hint(format!("the name alone, with its path: `{name}`")),
        None if has_wildcard(text) => flaw.hint(NO_WILDCARD),
        None => {
            flaw.hint("letters, digits and characters of _+=,.@-, with a slash after each part of its path")
        }
    })
}

/// IAM takes 2 to 1,224 characters (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
pub(crate) fn external_id(text: &str) -> Rule<String> {
    let is_char = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=128).contains(&text.len()) && text.chars().all(is_char) {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(format!("`{text}` is not an external id"))
        .hint("it has 2 to 128 letters, digits and characters of _+=,.@:/-"))
}

/// What the name of a bucket begins with that the account's id and the Region are added to.
pub(crate) fn bucket_prefix(text: &str) -> Rule<String> {
    let flaw = Flaw::new(format!("`{text}` is not what the name of a bucket can begin with"));
    let is_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = (3..=PREFIX_MAX).contains(&text.len())
        && text.chars().all(is_char)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--");
    if !well_formed {
        return Err(flaw.hint(format!(
            "it has 3 to {PREFIX_MAX} small letters, digits and single hyphens; the account's id and the Region follow"
        )));
    }
    match RESERVED_PREFIXES.iter().find(|reserved| text.starts_with(**reserved)) {
        Some(reserved) => Err(flaw.hint(format!("S3 keeps names that begin with `{reserved}` for itself"))),
        None => Ok(text.to_owned()),
    }
}
