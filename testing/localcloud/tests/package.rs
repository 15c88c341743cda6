//! Packages are what Lambda expects, and the same for the same content.

use std::fs::{self, File};
use std::io::Read as _;
use std::time::{Duration, SystemTime};

use phonehome_localcloud::package;
use zip::ZipArchive;

#[test]
fn a_package_has_an_executable_bootstrap_and_the_extra_files() {
    let folder = tempfile::tempdir().unwrap();
    let (binary, probe, zip) = (
        folder.path().join("provisioner"),
        folder.path().join("p"),
        folder.path().join("new/provisioner.zip"),
    );
    fs::write(&binary, "a program").unwrap();
    fs::write(&probe, "another package").unwrap();
    package(&binary, &[("probe.zip", &probe)], &zip).unwrap();
    let mut archive = ZipArchive::new(File::open(&zip).unwrap()).unwrap();
    for (name, mode, content) in [("bootstrap", 0o755, "a program"), ("probe.zip", 0o644, "another package")]
    {
        let mut file = archive.by_name(name).unwrap();
        assert_eq!(file.unix_mode().unwrap() & 0o777, mode, "{name}");
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, content);
    }
}

#[test]
fn the_same_content_makes_the_same_package() {
    let folder = tempfile::tempdir().unwrap();
    // Written at different times, the one long ago.
    let times = [SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000), SystemTime::now()];
    let packages = times.map(|time| {
        let (binary, zip) = (folder.path().join("binary"), folder.path().join("zip"));
        fs::write(&binary, "a program").unwrap();
        File::options().write(true).open(&binary).unwrap().set_modified(time).unwrap();
        package(&binary, &[], &zip).unwrap();
        fs::read(&zip).unwrap()
    });
    assert_eq!(packages[0], packages[1]);
}

#[test]
fn a_missing_binary_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = package(&folder.path().join("nothing"), &[], &folder.path().join("zip")).unwrap_err();
    assert!(error.to_string().ends_with("nothing"), "{error}");
}
