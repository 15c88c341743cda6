//! The certificate authorities of a fleet file: `authorities`.

use std::fmt;
use std::path::Path;

use phonehome_fleet::Fleet;
use phonehome_text::count;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::output::{Failure, read_bytes};

/// How large the file may be, in bytes: it is stored with each version, and goes into each probe's code.
const BYTES_MAX: usize = 64 * 1024;
/// How many certificates it may have: a probe reads each of them when it starts.
const CERTIFICATES_MAX: usize = 50;
/// How much of a certificate's subject is shown, in characters.
const SUBJECT_MAX: usize = 100;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const CERTIFICATE: &str = "CERTIFICATE";

/// Certificate authorities that can be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorities {
    /// Their certificates, and nothing else that was in the file.
    pub(crate) pem: String,
    /// For people: what is hardly meant.
    pub(crate) warnings: Vec<String>,
}

/// Why a file cannot be published as certificate authorities. None of it is stored then.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("it is larger than {BYTES_MAX} bytes: leave out authorities that no check meets")]
    TooLarge,
    #[error("it has {0} certificates, and {CERTIFICATES_MAX} at most can be published")]
    TooMany(usize),
    #[error("it is no text: PEM is wanted, which begins with `-----BEGIN CERTIFICATE-----`")]
    NotText,
    #[error("it has no certificate: PEM is wanted, which begins with `-----BEGIN CERTIFICATE-----`")]
    None,
    #[error(
        "line {line} begins a private key ({label}), which belongs into no file of this kind: nothing of it was \
         stored. Take it out, and consider who could read it"
    )]
    PrivateKey { line: usize, label: String },
    #[error("line {line} begins something else than a certificate ({label}): take it out")]
    Other { line: usize, label: String },
    #[error("the certificate that begins in line {0} has no end")]
    Unfinished(usize),
    #[error("the certificate that begins in line {line} cannot be read: {problem}")]
    Unreadable { line: usize, problem: String },
    #[error(
        "the certificate that begins in line {line} ({subject}) is that of no authority (its basic constraints do \
         not say CA): name the one that issued it"
    )]
    NoAuthority { line: usize, subject: String },
}

/// One certificate of a file.
struct Block {
    /// In which line it begins, from 1.
    line: usize,
    pem: String,
}

/// The authorities that a fleet file names, which lie in a file beside it.
pub(crate) fn load(fleet_file: &Path, fleet: &Fleet, now_s: i64) -> Result<Option<Authorities>, Failure> {
    let Some(name) = &fleet.authorities else { return Ok(None) };
    let path = fleet_file.parent().unwrap_or(Path::new("")).join(name);
    let bytes = read_bytes(&path, BYTES_MAX)?;
    let refused = |problem: Problem| Failure::input(format!("{}: {problem}", path.display()));
    let mut authorities = check(&bytes, now_s).map_err(refused)?;
    for warning in &mut authorities.warnings {
        *warning = format!("{}: {warning}", path.display());
    }
    Ok(Some(authorities))
}

fn check(bytes: &[u8], now_s: i64) -> Result<Authorities, Problem> {
    if bytes.len() > BYTES_MAX {
        return Err(Problem::TooLarge);
    }
    let blocks = blocks(str::from_utf8(bytes).map_err(|_| Problem::NotText)?)?;
    match blocks.len() {
        0 => return Err(Problem::None),
        1..=CERTIFICATES_MAX => {}
        more => return Err(Problem::TooMany(more)),
    }
    let mut authorities = Authorities { pem: String::new(), warnings: vec![] };
    for block in &blocks {
        authorities.warnings.extend(block.check(now_s)?);
        authorities.pem.push_str(&block.pem);
    }
    Ok(authorities)
}

/// The certificates of a text. What is around them is left out: people put comments there.
fn blocks(text: &str) -> Result<Vec<Block>, Problem> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        let label = |mark: &str| line.strip_prefix(mark).and_then(|rest| rest.strip_suffix(DASHES));
        if let Some(label) = label(BEGIN) {
            if let Some(unfinished) = open.take() {
                return Err(Problem::Unfinished(unfinished.line));
            }
            open = Some(Block::begin(number, label)?);
        }
        let Some(block) = &mut open else { continue };
        block.pem.push_str(line);
        block.pem.push('\n');
        if label(END).is_some() {
            blocks.extend(open.take());
        }
    }
    match open {
        Some(unfinished) => Err(Problem::Unfinished(unfinished.line)),
        None => Ok(blocks),
    }
}

impl Block {
    fn begin(line: usize, label: &str) -> Result<Self, Problem> {
        let label = label.to_owned();
        match label.as_str() {
            CERTIFICATE => Ok(Self { line, pem: String::new() }),
            key if key.contains("PRIVATE KEY") => Err(Problem::PrivateKey { line, label }),
            _ => Err(Problem::Other { line, label }),
        }
    }

    /// What is hardly meant of it.
    fn check(&self, now_s: i64) -> Result<Option<String>, Problem> {
        let line = self.line;
        let unreadable = |problem: &dyn fmt::Display| {
            let problem = problem.to_string();
            Problem::Unreadable { line, problem }
        };
        let (_, pem) = x509_parser::pem::parse_x509_pem(self.pem.as_bytes()).map_err(|it| unreadable(&it))?;
        let (rest, found) = X509Certificate::from_der(&pem.contents).map_err(|it| unreadable(&it))?;
        if !rest.is_empty() {
            return Err(unreadable(&format!("{} more follow it", count(rest.len(), "byte"))));
        }
        let subject: String = found.subject().to_string().chars().take(SUBJECT_MAX).collect();
        if !found.is_ca() {
            return Err(Problem::NoAuthority { line, subject });
        }
        let (from, to) = (found.validity().not_before, found.validity().not_after);
        Ok(match now_s {
            now_s if now_s > to.timestamp() => {
                Some(format!("the certificate in line {line} ({subject}) has expired: {to}"))
            }
            now_s if now_s < from.timestamp() => {
                Some(format!("the certificate in line {line} ({subject}) is not valid yet: {from}"))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
