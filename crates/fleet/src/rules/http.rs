//! What an HTTP request and what is expected of its answer may look like.

use phonehome_wire::StatusRange;

use super::Rule;
use super::host::{TEMPLATE, host, unknown_placeholder, without_placeholders};
use crate::model::{HttpUrl, Scheme};
use crate::place::Flaw;

/// Characters of a path with its query, and of a URL.
const PATH_MAX: usize = 200;
/// Characters of a header's name.
const HEADER_NAME_MAX: usize = 64;
/// Characters of the path of a file.
const FILE_MAX: usize = 200;

/// A path, and perhaps a query (RFC 3986), which may have placeholders.
pub(crate) fn http_path(text: &str) -> Rule<String> {
    path(text, TEMPLATE)
}

fn path(text: &str, placeholders: &[&str]) -> Rule<String> {
    let plain = without_placeholders(text, placeholders);
    if let Some(flaw) = unknown_placeholder(&plain, placeholders) {
        return Err(flaw);
    }
    let flaw = Flaw::new(format!("`{text}` is not the path of a URL"));
    if !plain.starts_with('/') {
        return Err(flaw.hint("it begins with a slash: /health"));
    }
    if plain.contains('#') {
        return Err(flaw.hint("what follows a # is never sent: leave it out"));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(c);
    if let Some(odd) = plain.chars().find(|c| !allowed(*c)) {
        let mut bytes = [0; 4];
        let escaped: String =
            odd.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect();
        return Err(flaw.hint(format!("write {escaped} for {odd:?}")));
    }
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !plain.split('%').skip(1).all(is_escape) {
        return Err(flaw.hint("two hexadecimal digits follow a %; write %25 for one that is meant"));
    }
    at_most(text, PATH_MAX, "a path")
}

/// An `http://` or `https://` URL without credentials.
pub(crate) fn http_url(text: &str) -> Rule<HttpUrl> {
    let flaw = || Flaw::new(format!("`{text}` is not a URL that can be asked"));
    let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
        (Scheme::Https, rest)
    } else if let Some(rest) = text.strip_prefix("http://") {
        (Scheme::Http, rest)
    } else {
        return Err(flaw().hint("it begins with https:// or http://"));
    };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(flaw().hint("credentials do not belong into a fleet file"));
    }
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => {
            let port = port.parse().ok().filter(|port: &u16| *port > 0);
            let Some(port) = port else { return Err(flaw().hint("its port is a number from 1 to 65535")) };
            (name, port)
        }
        _ => (authority, scheme.default_port()),
    };
    let slash = if rest.starts_with('/') { "" } else { "/" };
    let path = path(&format!("{slash}{rest}"), &[])?;
    at_most(text, PATH_MAX, "a URL")?;
    Ok(HttpUrl { scheme, host: host(name, &[])?, port, path })
}

/// The `https://` URL of a page of which messages link to sections: what is behind `#` is theirs.
pub(crate) fn page_url(text: &str) -> Rule<String> {
    let flaw = || Flaw::new(format!("`{text}` is not the URL of a page"));
    if !text.starts_with("https://") {
        return Err(flaw().hint("it begins with https://"));
    }
    if text.contains('#') {
        return Err(flaw().hint("leave out `#` and what follows: messages name the section"));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?&=%+,@".contains(c);
    if let Some(other) = text.chars().find(|c| !is_plain(*c)) {
        return Err(flaw().hint(format!("write {other:?} as its %-escape")));
    }
    http_url(text)?;
    Ok(text.to_owned())
}

/// A class of HTTP statuses (`2xx`) or a range (`200-399`).
pub(crate) fn statuses(text: &str) -> Rule<StatusRange> {
    let flaw = || Flaw::new(format!("`{text}` is not an HTTP status"));
    let code = |text: &str| {
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|code| is_code && (100..=599).contains(code))
    };
    let range = match text.split_once('-') {
        Some((from, to)) => code(from).zip(code(to)),
        None => text.strip_suffix("xx").and_then(|class| {
            let from = code(&format!("{class}00"))?;
            Some((from, from + 99))
        }),
    };
    match range {
        Some((from, to)) if from <= to => Ok(StatusRange { from, to }),
        Some((from, to)) => Err(flaw().hint(format!("the smaller one first: {to}-{from}"))),
        None => Err(flaw().hint("write a code (204), a class (2xx) or a range (200-399), from 100 to 599")),
    }
}

/// The name of a header (RFC 9110).
pub(crate) fn header_name(text: &str) -> Rule<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(allowed) {
        let flaw = Flaw::new(format!("`{text}` is not the name of a header"));
        return Err(match text.split_once(':') {
            Some((name, _)) => {
                flaw.hint(format!("the name alone, `{name}`; what follows goes into `contains`"))
            }
            None => flaw.hint("write it as in content-type"),
        });
    }
    at_most(text, HEADER_NAME_MAX, "a header's name")
}

/// A part of a header's value.
pub(crate) fn header_value(text: &str, max: usize) -> Rule<String> {
    contained(text, max).and_then(|text| match text.contains(char::is_control) {
        true => Err(Flaw::new("a header's value is one line").hint("a part of it is enough")),
        false => Ok(text),
    })
}

/// A part of an answer's body.
pub(crate) fn contained(text: &str, max: usize) -> Rule<String> {
    if text.is_empty() {
        return Err(Flaw::new("this text is empty").hint("remove the key when any answer will do"));
    }
    if let Some(odd) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        let flaw = Flaw::new(format!("{odd:?} is no character of a text"));
        return Err(flaw.hint("a part of the answer without it is enough"));
    }
    at_most(text, max, "such a text")
}

/// What the endpoint of a service of AWS's begins with.
pub(crate) fn aws_service(text: &str) -> Rule<String> {
    let part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let valid = text.starts_with(|c: char| c.is_ascii_lowercase()) && text.split(['.', '-']).all(part);
    if !valid || text.contains("amazonaws") {
        let flaw = Flaw::new(format!("`{text}` is not what the endpoint of a service of AWS's begins with"));
        return Err(flaw.hint("that is what stands before the Region: sts, s3, api.ecr"));
    }
    at_most(text, 63, "a service's prefix")
}

/// The path of a file beside the fleet file.
pub(crate) fn file_beside(text: &str) -> Rule<String> {
    let segment = |segment: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !segment.is_empty() && !segment.starts_with('.') && segment.chars().all(allowed)
    };
    if text.contains("-----BEGIN") {
        let flaw = Flaw::new("a certificate stands here, and not the path of a file");
        return Err(flaw.hint("put it into a file beside this one, and name that: authorities.pem"));
    }
    if !text.split('/').all(segment) {
        let flaw = Flaw::new(format!("`{text}` is not the path of a file beside the fleet file"));
        return Err(flaw.hint(
            "letters, digits, dots, hyphens and underscores, with slashes between folders: authorities.pem",
        ));
    }
    at_most(text, FILE_MAX, "a file's path")
}

pub(super) fn at_most(text: &str, max: usize, what: &str) -> Rule<String> {
    let length = text.chars().count();
    if length > max {
        return Err(Flaw::new(format!("{what} has at most {max} characters, this one {length}")));
    }
    Ok(text.to_owned())
}
