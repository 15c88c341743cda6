//! What can be published as certificate authorities, and what not.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

use super::*;

/// 2026-01-01T00:00:00Z
const NOW_S: i64 = 1_767_225_600;

struct Made {
    pem: String,
    key: String,
}

fn made(name: &str, is_ca: bool, until_year: i32) -> Made {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until_year, 1, 1);
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    Made { pem: params.self_signed(&key).unwrap().pem().replace("\r\n", "\n"), key: key.serialize_pem() }
}

fn authority(name: &str) -> String {
    made(name, true, 2040).pem
}

fn problem(text: &str) -> Problem {
    check(text.as_bytes(), NOW_S).unwrap_err()
}

#[test]
fn certificates_are_kept_and_all_around_them_is_left_out() {
    let (one, two) = (authority("one"), authority("two"));
    let text = format!("Our roots:\n\n{one}  Subject: two, issued by ops@example.com\r\n{two}\nthe end");
    let authorities = check(text.replace('\n', "\r\n").as_bytes(), NOW_S).unwrap();
    assert_eq!(authorities, Authorities { pem: format!("{one}{two}"), warnings: vec![] });
    assert_eq!(check(authorities.pem.as_bytes(), NOW_S).unwrap(), authorities, "the same again");
}

#[test]
fn a_private_key_is_refused_whatever_else_is_there_and_its_line_is_named() {
    let Made { pem, key } = made("one", true, 2040);
    let line = pem.lines().count() + 1;
    let error = problem(&format!("{pem}{key}{pem}"));
    assert_eq!(error, Problem::PrivateKey { line, label: "PRIVATE KEY".into() });
    assert!(!error.to_string().contains(key.lines().nth(1).unwrap()));
    for kind in ["RSA", "EC", "ENCRYPTED", "OPENSSH"] {
        let key = format!("-----BEGIN {kind} PRIVATE KEY-----\nAAAA\n-----END {kind} PRIVATE KEY-----\n");
        assert!(matches!(problem(&format!("{pem}   {key}")), Problem::PrivateKey { .. }), "{kind}");
        // Within a certificate that never ended.
        let open = pem.replace("-----END CERTIFICATE-----\n", "");
        assert_eq!(problem(&format!("{open}{key}")), Problem::Unfinished(1), "{kind}");
    }
}

#[test]
fn what_is_no_certificate_authority_is_refused_with_its_line() {
    let one = authority("one");
    let lines = one.lines().count();
    let leaf = made("shop.example.com", false, 2040).pem;
    let (line, subject) = (lines + 1, "CN=shop.example.com".to_owned());
    assert_eq!(problem(&format!("{one}{leaf}")), Problem::NoAuthority { line, subject });
    let request = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
    let label = "CERTIFICATE REQUEST".to_owned();
    assert_eq!(problem(&format!("{one}{request}")), Problem::Other { line, label });
    let garbled = one.replacen("MII", "AII", 1);
    assert!(matches!(problem(&garbled), Problem::Unreadable { line: 1, .. }), "{}", problem(&garbled));
    let cut = one.lines().take(lines - 2).collect::<Vec<_>>().join("\n");
    assert_eq!(problem(&cut), Problem::Unfinished(1));
    for nothing in ["", "just words"] {
        assert_eq!(problem(nothing), Problem::None);
    }
    assert_eq!(check(&[0x30, 0x82, 0xff], NOW_S), Err(Problem::NotText));
}

#[test]
fn one_that_has_expired_or_is_not_valid_yet_is_published_with_a_warning() {
    let old = made("old", true, 2025).pem;
    let authorities = check(old.as_bytes(), NOW_S).unwrap();
    let [warning] = authorities.warnings.as_slice() else { panic!("{authorities:?}") };
    assert!(warning.starts_with("the certificate in line 1 (CN=old) has expired: Jan  1 "), "{warning}");
    let early = check(authority("new").as_bytes(), 0).unwrap();
    assert!(early.warnings[0].contains("(CN=new) is not valid yet"), "{early:?}");
}

#[test]
fn there_are_at_most_fifty_certificates_in_64_kib() {
    let one = authority("one");
    assert!(check(one.repeat(CERTIFICATES_MAX).as_bytes(), NOW_S).is_ok());
    assert_eq!(problem(&one.repeat(CERTIFICATES_MAX + 1)), Problem::TooMany(51));
    assert_eq!(problem(&" ".repeat(BYTES_MAX + 1)), Problem::TooLarge);
}
