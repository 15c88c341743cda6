//! What a check may be aimed at.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Rule;
use crate::loopback::Loopback;
use crate::place::Flaw;

/// Names that no public authority certifies: reserved (RFC 2606, 6761, 6762, 8375, 9476, ICANN's
/// `.internal`) or so widely used inside that ICANN will not delegate them.
const PRIVATE_ENDINGS: [&str; 14] = [
    "internal",
    "local",
    "localdomain",
    "localhost",
    "corp",
    "home",
    "mail",
    "lan",
    "intranet",
    "private",
    "test",
    "example",
    "invalid",
    "home.arpa",
];

/// Names that lead to the machine itself, or to the metadata service beside it.
const OWN_NAMES: [&str; 7] = [
    "localhost",
    "localdomain",
    "ip6-localhost",
    "ip6-loopback",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.google.internal",
];

/// The placeholders that hosts have which differ from account to account.
pub(crate) const TEMPLATE: &[&str] = &["environment", "region"];

/// A host name or IPv4 address; `placeholders` are the words it may have in braces.
pub(crate) fn host(text: &str, placeholders: &[&str]) -> Rule<String> {
    let plain = without_placeholders(text, placeholders);
    if let Some(flaw) = unknown_placeholder(&plain, placeholders) {
        return Err(flaw);
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let valid = if looks_numeric(&plain) {
        plain.parse::<Ipv4Addr>().is_ok()
    } else {
        plain.len() <= 253 && plain.split('.').all(label)
    };
    if !valid {
        return Err(not_a_host(text));
    }
    Ok(text.to_owned())
}

/// What to say of a host that belongs to the machine the check runs on, however it is spelled.
pub(crate) fn own_host(text: &str, placeholders: &[&str], loopback: Loopback) -> Option<Flaw> {
    let what = own(&without_placeholders(text, placeholders), loopback)?;
    let flaw = Flaw::new(format!("`{text}` is {what}")).for_publishing();
    Some(flaw.hint("a check from there says nothing about the network: name what others reach, too"))
}

/// What to say of a brace that is left when the placeholders there are have been filled in.
pub(super) fn unknown_placeholder(plain: &str, placeholders: &[&str]) -> Option<Flaw> {
    let (_, rest) = plain.split_once('{')?;
    let word = rest.split('}').next().unwrap_or_default();
    let flaw = Flaw::new(format!("the placeholder `{{{word}}}` means nothing here"));
    let known: Vec<String> = placeholders.iter().map(|word| format!("`{{{word}}}`")).collect();
    Some(if known.is_empty() {
        flaw.hint("a host here has no placeholders")
    } else {
        flaw.hint(format!("known are {}", known.join(" and ")))
    })
}

/// A placeholder stands for a name, so what a name may be decides.
pub(super) fn without_placeholders(text: &str, placeholders: &[&str]) -> String {
    let mut plain = text.to_owned();
    for word in placeholders {
        plain = plain.replace(&format!("{{{word}}}"), "x");
    }
    plain
}

/// Whether resolvers would take it for an address, also in decimal, octal or hexadecimal: it ends in a
/// number, as the URL standard has it.
fn looks_numeric(plain: &str) -> bool {
    let last = plain.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match last.strip_prefix("0x") {
        Some(hex) => hex.chars().all(|c| c.is_ascii_hexdigit()),
        None => last.chars().all(|c| c.is_ascii_digit()),
    }
}

/// What a host is that belongs to the machine the check runs on.
fn own(plain: &str, loopback: Loopback) -> Option<&'static str> {
    if let Ok(address) = plain.parse::<Ipv4Addr>() {
        return match address.octets() {
            [169, 254, 169, 254] | [169, 254, 170, 2] => Some("the metadata service of the probe itself"),
            [169, 254, ..] => Some("a link-local address"),
            [127, ..] if loopback == Loopback::Refused => Some("a loopback address, the probe itself"),
            [0, ..] => Some("no address of a host"),
            [224..=239, ..] => Some("a multicast address"),
            [240..=255, ..] => Some("a reserved address"),
            _ => None,
        };
    }
    let name = plain.to_ascii_lowercase();
    let own =
        OWN_NAMES.contains(&name.as_str()) || name.ends_with(".localhost") || name.ends_with(".localdomain");
    own.then_some("a name of the probe itself, or of its metadata service")
}

fn not_a_host(text: &str) -> Flaw {
    let flaw = Flaw::new(format!("`{text}` is not a host name or IPv4 address"));
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or_default();
    let bare = match bare.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains(':') => host,
        _ => bare,
    };
    if text.trim_matches(['[', ']']).parse::<Ipv6Addr>().is_ok() {
        flaw.hint("the networks are IPv4; use an IPv4 address or a name")
    } else if bare != text && !bare.is_empty() {
        flaw.hint(format!("the host alone: `{bare}`"))
    } else {
        flaw
    }
}

/// What to say of a name that can have no certificate by a public authority. `what` would fail, and `instead`
/// says what to take in its place.
pub(crate) fn no_public_certificate(host: &str, what: &str, instead: &str) -> Option<Flaw> {
    let plain = without_placeholders(host, TEMPLATE).to_ascii_lowercase();
    let why = if let Ok(address) = plain.parse::<Ipv4Addr>() {
        let shared = matches!(address.octets(), [100, 64..=127, ..]);
        let inside = address.is_private() || address.is_loopback() || shared;
        inside.then_some("is a private address")
    } else if !plain.contains('.') {
        Some("is not a name in the public DNS")
    } else {
        let ending = |ending: &&&str| plain.strip_suffix(**ending).is_some_and(|rest| rest.ends_with('.'));
        PRIVATE_ENDINGS.iter().find(ending).map(|_| "is a name for private use")
    }?;
    let flaw = format!("`{host}` {why}: no public authority certifies it, so {what} would always fail");
    Some(Flaw::new(flaw).hint(format!(
        "{instead}, or a name in a domain that you own, or name your own authorities under `authorities`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACEHOLDERS: [&str; 2] = ["environment", "region"];

    #[test]
    fn a_host_is_a_name_or_an_ipv4_address_and_nothing_around_it() {
        let good = ["a", "api.{environment}.x.internal", "10.1.2.3", "_svc.example.com", "{region}-x.y"];
        let bad = [
            "",
            "a..b",
            "-a",
            "https://a.b",
            "a:443",
            "10.1.2.300",
            "1.2.3",
            "fe80::1",
            "a b",
            "{env}.x",
            "a/b",
        ];
        for text in good {
            assert!(host(text, &PLACEHOLDERS).is_ok(), "{text:?}");
        }
        for text in bad {
            assert!(host(text, &PLACEHOLDERS).is_err(), "{text:?}");
        }
    }

    fn is_refused(text: &str) -> bool {
        host(text, &PLACEHOLDERS).is_err() || own_host(text, &PLACEHOLDERS, Loopback::Refused).is_some()
    }

    /// However it is spelled.
    #[test]
    fn a_check_is_never_aimed_at_the_probe_itself_or_its_metadata_service() {
        let bad = [
            // The metadata services of EC2 and of containers.
            "169.254.169.254",
            "169.254.170.2",
            "169.254.169.254.",
            "2852039166",
            "0xa9fea9fe",
            "0xA9.0xFE.0xA9.0xFE",
            "0251.0376.0251.0376",
            "169.254.43518",
            "fd00:ec2::254",
            "[fd00:ec2::254]",
            "::ffff:169.254.169.254",
            "::ffff:a9fe:a9fe",
            "instance-data",
            "instance-data.ec2.internal",
            "metadata.google.internal",
            "METADATA.google.internal",
            // Loopback.
            "127.0.0.1",
            "127.255.255.254",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "::1",
            "[::1]",
            "::ffff:127.0.0.1",
            "localhost",
            "LocalHost",
            "localhost.",
            "api.localhost",
            "{environment}.localhost",
            "localhost.localdomain",
            "ip6-localhost",
            // Link-local, unspecified, multicast, reserved.
            "169.254.0.1",
            "fe80::1",
            "0.0.0.0",
            "0.1.2.3",
            "0",
            "0x0",
            "::",
            "224.0.0.1",
            "239.255.255.250",
            "ff02::1",
            "255.255.255.255",
            "240.0.0.1",
        ];
        for text in bad {
            assert!(is_refused(text), "{text:?}");
        }
        let good = [
            "10.0.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "8.8.8.8",
            "128.0.0.1",
            "170.254.169.254",
            "localhost.example.com",
            "mylocalhost",
            "x0.example",
            "0x7f000001.example",
            "metadata.internal",
        ];
        for text in good {
            assert!(!is_refused(text), "{text:?}");
        }
    }

    #[test]
    fn what_no_public_authority_certifies_is_told_from_what_one_may() {
        let private = [
            "api.payments.{environment}.example.internal",
            "API.CORP",
            "printer.local",
            "a.lan",
            "nas.home.arpa",
            "vault",
            "{environment}",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "x.test",
            "a.home",
        ];
        let public =
            ["api.example.com", "internal.example.com", "1.1.1.1", "local.de", "x.arpa", "myinternal.com"];
        for text in private {
            assert!(no_public_certificate(text, "x", "y").is_some(), "{text}");
        }
        for text in public {
            assert!(no_public_certificate(text, "x", "y").is_none(), "{text}");
        }
    }
}
