//! What single values must look like.

mod dns;
mod host;
mod http;
mod key_alias;
mod properties;
mod starter_pack;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use phonehome_wire::{AccountId, AzId, Region};

use crate::addresses::{SLOTS, slot};
use crate::email::EmailRule;
use crate::place::Flaw;

pub(crate) use dns::{dns_record, nameserver, not_a_name, public_address};
pub(crate) use host::{TEMPLATE, host, no_public_certificate, own_host};
pub(crate) use http::{
    aws_service, contained, file_beside, header_name, header_value, http_path, http_url, page_url, statuses,
};
pub(crate) use key_alias::key_alias;
pub(crate) use properties::{
    contact_email, contact_phone, contact_text, is_tag_text, tag_key, tag_value, unit_path,
};

pub(crate) use starter_pack::{
    TRUST_POLICY_MAX, branch, bucket_prefix, external_id, github_environment, machine_user, metric_namespace,
    policy, repository, role_with_path,
};

pub(crate) type Rule<T> = Result<T, Flaw>;

/// AWS's limit for an account's name.
const ACCOUNT_NAME_MAX: usize = 50;
/// Leaves room for `<domain>-<environment>` in most cases; the sum is checked as well.
const NAME_MAX: usize = 40;
/// RFC 1918, and RFC 6598's shared space, which AWS recommends when RFC 1918 is used up.
const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];

/// The name of a pool, an environment or a domain.
pub(crate) fn name(text: &str) -> Rule<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(allowed)
        && !text.ends_with('-')
        && !text.contains("--");
    if !well_formed {
        return Err(Flaw::new(format!("`{text}` is not a name"))
            .hint("a name has small letters, digits and single hyphens, and begins with a letter"));
    }
    if text.len() > NAME_MAX {
        return Err(Flaw::new(format!("a name has at most {NAME_MAX} characters, this one {}", text.len())));
    }
    Ok(text.to_owned())
}

/// Any text but an empty one.
pub(crate) fn filled(text: &str) -> Rule<String> {
    if text.trim().is_empty() { Err(Flaw::new("this text is empty")) } else { Ok(text.to_owned()) }
}

pub(crate) fn organization_id(text: &str) -> Rule<String> {
    let valid = text.strip_prefix("o-").is_some_and(|rest| {
        (10..=32).contains(&rest.len()) && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    if valid {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(format!("`{text}` is not the id of an organization"))
        .hint("it begins with o- and goes on with 10 to 32 small letters and digits: o-a1b2c3d4e5"))
}

pub(crate) fn account_id(text: &str) -> Rule<AccountId> {
    let bare: String = text.chars().filter(|c| !matches!(c, '-' | ' ' | '_')).collect();
    text.parse().map_err(|_| {
        let flaw = Flaw::new(format!("`{text}` is not an account id, which has 12 digits"));
        if bare.parse::<AccountId>().is_ok() { flaw.hint(format!("write \"{bare}\"")) } else { flaw }
    })
}

pub(crate) fn vpc_id(text: &str) -> Rule<String> {
    let valid = text.strip_prefix("vpc-").is_some_and(|rest| {
        (8..=17).contains(&rest.len()) && rest.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
    });
    if valid {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(format!("`{text}` is not the id of a VPC")).hint(
        "it begins with vpc- and goes on with 8 to 17 digits and letters a to f: vpc-0123456789abcdef0",
    ))
}

/// The name of an S3 bucket, by S3's rules for general purpose buckets.
pub(crate) fn bucket_name(text: &str) -> Rule<String> {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let flaw = Flaw::new(format!("`{text}` is not the name of an S3 bucket"));
    let of_arn = text.strip_prefix("arn:").and_then(|arn| arn.split_once(":s3:::"));
    if let Some(bare) = of_arn.map(|(_, name)| name).or_else(|| text.strip_prefix("s3://")) {
        let bare = bare.split('/').next().unwrap_or_default();
        return Err(flaw.hint(format!("the name alone: `{bare}`")));
    }
    let well_formed = (3..=63).contains(&text.len())
        && text.chars().all(|c| alphanumeric(c) || matches!(c, '.' | '-'))
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric);
    if !well_formed {
        return Err(flaw.hint(
            "it has 3 to 63 small letters, digits, dots and hyphens, and begins and ends with a letter or digit",
        ));
    }
    if text.contains("..") || text.parse::<Ipv4Addr>().is_ok() {
        return Err(flaw.hint("S3 allows neither two dots in a row nor the form of an IP address"));
    }
    Ok(text.to_owned())
}

pub(crate) fn role_name(text: &str) -> Rule<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    let flaw = Flaw::new(format!("`{text}` is not the name of an IAM role"));
    Err(match text.rsplit_once('/') {
        Some((_, last)) => flaw.hint(format!("give the name alone, not an ARN or a path: `{last}`")),
        None => flaw.hint("it has 1 to 64 letters, digits and characters of _+=,.@-"),
    })
}

/// AWS allows any name of up to 50 characters, so existing accounts may have any.
pub(crate) fn account_name(text: &str) -> Rule<String> {
    let length = text.chars().count();
    if length == 0 || text.trim() != text || text.chars().any(char::is_control) {
        return Err(Flaw::new("an account name must not be empty, nor begin or end with a space"));
    }
    if length > ACCOUNT_NAME_MAX {
        let flaw =
            format!("the account name `{text}` has {length} characters; AWS allows {ACCOUNT_NAME_MAX}");
        return Err(Flaw::new(flaw));
    }
    Ok(text.to_owned())
}

/// The address of any account, however old. With which addresses accounts are made now is a rule for who publishes.
pub(crate) fn email(text: &str) -> Rule<String> {
    match EmailRule::broken_by_any(text) {
        None => Ok(text.to_owned()),
        Some(rule) => Err(Flaw::new(format!("`{text}` is not an e-mail address of 6 to 64 characters"))
            .hint(rule.to_string())),
    }
}

pub(crate) fn slack_channel(text: &str) -> Rule<String> {
    let is_name = text.strip_prefix('#').is_some_and(|name| {
        (1..=80).contains(&name.chars().count())
            && !name.contains(|c: char| c.is_whitespace() || c.is_uppercase() || matches!(c, '#' | ','))
    });
    let is_id = text.len() >= 9
        && text.starts_with(['C', 'G'])
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if is_name || is_id {
        return Ok(text.to_owned());
    }
    let wanted = text.trim_start_matches('#').to_lowercase().replace(char::is_whitespace, "-");
    Err(Flaw::new(format!("`{text}` is not a Slack channel"))
        .hint(format!("write \"#{wanted}\", or the channel's id, which begins with C")))
}

/// An IPv4 network in private space.
pub(crate) fn pool_cidr(text: &str) -> Rule<Ipv4Net> {
    let Ok(net) = text.parse::<Ipv4Net>() else {
        let flaw = Flaw::new(format!("`{text}` is not an IPv4 network"));
        return Err(match text.parse::<Ipv4Addr>() {
            Ok(_) => flaw.hint(format!("a network has a prefix length: {text}/16")),
            Err(_) => flaw.hint("write it as in 10.0.0.0/12"),
        });
    };
    if net.trunc() != net {
        return Err(Flaw::new(format!("`{text}` is an address within a network, not a network"))
            .hint(format!("did you mean {}?", net.trunc())));
    }
    let private = PRIVATE.iter().filter_map(|range| range.parse::<Ipv4Net>().ok());
    if !private.into_iter().any(|range| range.contains(&net)) {
        return Err(Flaw::new(format!("`{text}` is not private address space"))
            .hint(format!("use a part of one of {}", PRIVATE.join(", "))));
    }
    Ok(net)
}

/// What to say where one port is needed and something else with numbers stands.
pub(crate) fn not_one_port(text: &str) -> Option<Flaw> {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let parts = |separator: &str| {
        let (first, last) = text.split_once(separator)?;
        Some((first.trim(), last.trim()))
    };
    let range = ["..", "-", "–", "—", ":", " to "].into_iter().find_map(|separator| {
        parts(separator).filter(|(first, last)| digits(first) && digits(last.trim_start_matches('.')))
    });
    if let Some((first, last)) = range {
        let last = last.trim_start_matches('.');
        let flaw = Flaw::new(format!("`{text}` is a range of ports; list them: one port each"));
        return Some(flaw.hint(format!("[{first}, …, {last}]")));
    }
    if text.contains(',') && text.split(',').all(|port| digits(port.trim())) {
        let flaw = Flaw::new(format!("`{text}` is several ports; list them: one port each"));
        return Some(flaw.hint(format!("[{text}]")));
    }
    let (number, protocol) = parts("/")?;
    (digits(number) && protocol.chars().all(char::is_alphabetic)).then(|| {
        Flaw::new(format!("`{text}` is a port with its protocol")).hint(format!("the number alone: {number}"))
    })
}

/// The name of an AWS Region, by its shape: new ones need no new phonehome.
pub(crate) fn region(text: &str) -> Rule<Region> {
    text.parse().map_err(|_| {
        let flaw = Flaw::new(format!("`{text}` is not an AWS Region"));
        let zone = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
        if zone != text && region(zone).is_ok() {
            flaw.hint(format!("that is a zone's name; the Region is {zone}"))
        } else {
            flaw.hint("write it as in us-east-1")
        }
    })
}

/// The ID of an Availability Zone of the Region; `None` when the Region's name is not known to be
/// right.
pub(crate) fn az_id(text: &str, region: Option<&Region>) -> Rule<AzId> {
    let prefix = region.and_then(|region| az_prefix(region));
    let example = format!("{}-az1", prefix.as_deref().unwrap_or("use1"));
    let (in_region, rest) = text.split_once('-').unwrap_or((text, ""));
    if region.is_some_and(|region| text.strip_prefix(region.as_str()).is_some_and(|zone| zone.len() == 1)) {
        return Err(Flaw::new(format!("`{text}` is the name of a zone, not its AZ ID")).hint(format!(
            "names mean other zones in other accounts; use the ID, as in {example} (aws ec2 \
             describe-availability-zones shows both)"
        )));
    }
    if rest.contains('-') {
        return Err(Flaw::new(format!("`{text}` is a Local Zone or a Wavelength Zone"))
            .hint(format!("only Availability Zones can be used, as in {example}")));
    }
    let Some(zone) = slot(text).and_then(|_| text.parse().ok()) else {
        return Err(Flaw::new(format!("`{text}` is not an AZ ID with a number from 1 to {SLOTS}"))
            .hint(format!("write it as in {example}")));
    };
    match (prefix, region) {
        (Some(prefix), Some(region)) if prefix != in_region => {
            Err(Flaw::new(format!("`{text}` is not a zone of {region}"))
                .hint(format!("its zones begin with {prefix}-az")))
        }
        _ => Ok(zone),
    }
}

/// What the AZ IDs of a Region begin with: `use1` for us-east-1. `None` for a Region whose parts
/// this does not know, such as those of isolated partitions.
#[must_use]
pub fn az_prefix(region: &str) -> Option<String> {
    let mut parts: Vec<&str> = region.split('-').collect();
    let number = parts.pop()?;
    let (area, middle) = parts.split_first()?;
    let abbreviated: Option<String> = middle
        .iter()
        .map(|part| match *part {
            "north" => Some("n"),
            "south" => Some("s"),
            "east" => Some("e"),
            "west" => Some("w"),
            "central" => Some("c"),
            "northeast" => Some("ne"),
            "northwest" => Some("nw"),
            "southeast" => Some("se"),
            "southwest" => Some("sw"),
            "gov" => Some("g"),
            _ => None,
        })
        .collect();
    Some(format!("{area}{}{number}", abbreviated?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_az_ids_follows_from_the_region() {
        let cases = [
            ("us-east-1", Some("use1")),
            ("us-gov-west-1", Some("usgw1")),
            ("eu-central-2", Some("euc2")),
            ("ap-southeast-2", Some("apse2")),
            ("cn-northwest-1", Some("cnnw1")),
            ("us-iso-east-1", None),
        ];
        for (region, prefix) in cases {
            assert_eq!(az_prefix(region).as_deref(), prefix, "{region}");
        }
    }

    #[test]
    fn what_is_several_ports_or_more_than_a_port_is_no_port() {
        for text in ["8000-8010", "8000 - 8010", "8000–8010", "8000:8010", "1..1024", "1...1024", "1 to 9"]
        {
            assert!(not_one_port(text).is_some_and(|flaw| flaw.says("one port each")), "{text}");
        }
        for text in ["443,8443", "443, 8443", "443/tcp", "53/UDP"] {
            assert!(not_one_port(text).is_some(), "{text}");
        }
        for text in ["443", "", "-", "https", "-5", "1.5", "0x1bb", "a-b"] {
            assert!(not_one_port(text).is_none(), "{text}");
        }
    }
}
