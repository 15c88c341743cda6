//! `phonehome validate`, as people and editors run it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const TLS: &str = "check: { host: \"api.payments.{environment}.example.internal\", type: tls }";
const TCP: &str = "check: { host: \"api.payments.{environment}.example.internal\" }";

/// Runs it on a file with this content: exit code, standard output and error.
fn validate(content: &[u8], arguments: &[&str]) -> (i32, String, String) {
    validate_beside(None, content, arguments)
}

/// The same with a file of authorities beside it.
fn validate_beside(authorities: Option<&str>, content: &[u8], arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fleet.yaml");
    std::fs::write(&file, content).unwrap();
    if let Some(authorities) = authorities {
        std::fs::create_dir(folder.path().join("certificates")).unwrap();
        std::fs::write(folder.path().join("certificates/internal.pem"), authorities).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_phonehome"));
    command.args(["validate", "--fleet", "fleet.yaml"]).args(arguments).current_dir(folder.path());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fleet.example.yaml");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_example_is_valid_without_a_warning() {
    let (code, out, err) = validate(example().as_bytes(), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("fleet.yaml: valid. "), "{out}");
}

/// The certificate of an authority until this year, and its private key.
fn authority(until_year: i32) -> (String, String) {
    let mut params = rcgen::CertificateParams::default();
    params.not_after = rcgen::date_time_ymd(until_year, 1, 1);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn the_authorities_beside_the_file_are_checked_with_it() {
    let named = format!("authorities: certificates/internal.pem\n{}", example());
    let checked = |pem: Option<&str>| validate_beside(pem, named.as_bytes(), &[]);
    let (code, out, err) = checked(Some(&authority(2090).0));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let (code, out, _) = checked(Some(&authority(2020).0));
    assert_eq!(code, 0);
    assert!(out.starts_with("warning: certificates/internal.pem: the certificate in line 1 ("), "{out}");
    let (pem, key) = authority(2090);
    let (code, out, err) = checked(Some(&(pem + &key)));
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.starts_with("error: certificates/internal.pem: line "), "{err}");
    assert!(err.contains("begins a private key (PRIVATE KEY)"), "{err}");
    let (code, _, err) = checked(None);
    assert!(code != 0 && err.starts_with("error: certificates/internal.pem: "), "{err}");
}

#[test]
fn a_warning_is_shown_and_is_no_error() {
    assert!(example().contains(TCP), "the example has the check that this test changes");
    let file = example().replace(TCP, TLS);
    let (code, out, err) = validate(file.as_bytes(), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("no public authority certifies it"), "{out}");
    assert!(out.contains("1 warning in fleet.yaml\nfleet.yaml: valid. "), "{out}");

    let (code, out, _) = validate(file.as_bytes(), &["--format", "json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &answer["valid"], answer["errors"].as_array().map(Vec::len)),
        (0, &Value::Bool(true), Some(0))
    );
    assert_eq!(answer["warnings"][0]["path"], "connections[0].check.type");
}

#[test]
fn a_file_that_is_not_utf_8_or_too_large_is_an_error_of_the_input() {
    let utf16: Vec<u8> = format!("\u{feff}{}", example()).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (code, _, err) = validate(&utf16, &[]);
    assert_eq!(code, 2);
    assert!(err.contains("the file is UTF-16: save it as UTF-8"), "{err}");
    let (code, out, _) = validate(&utf16, &["--format", "json"]);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &answer["valid"], &answer["errors"][0]["line"]),
        (2, &Value::Bool(false), &Value::from(1))
    );
    let (code, _, err) = validate(&vec![b'#'; 3 * 1024 * 1024], &[]);
    assert_eq!(code, 2);
    assert!(err.contains("a fleet file has at most 1048576"), "{err}");
}
