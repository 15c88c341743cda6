use serde_json::json;

use super::*;

#[test]
fn what_a_probe_tests_every_few_minutes_is_tested_whenever_somebody_asks() {
    let check = |id: &str, every: u32| {
        json!({"id": id, "kind": {"type": "tcp", "host": "10.0.0.1", "port": 1}, "expect": "deny",
               "target": {"endpoint": "10.0.0.1:1"}, "timeout_ms": 1, "every_minutes": every})
    };
    let input = json!({
        "version": 1, "generation": 1, "region": "us-east-1", "availability_zone": "use1-az1",
        "checks": [check("a", 5), check("b", 60)],
    });
    let input = all_due(phonehome_checks::parse_input(input).unwrap());
    let every: Vec<u32> = input.checks.iter().map(|check| check.every_minutes).collect();
    assert_eq!(every, [1, 1]);
}

fn arguments(words: &[&str]) -> CheckArguments {
    #[derive(clap::Parser)]
    struct Wrapped {
        #[command(flatten)]
        arguments: CheckArguments,
    }
    let words = std::iter::once("check").chain(words.iter().copied());
    <Wrapped as clap::Parser>::try_parse_from(words).unwrap().arguments
}

#[tokio::test]
async fn the_checks_of_an_account_are_those_of_its_probes() {
    let fleet = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fleet.example.yaml");
    for account in ["shop-prod", "shop/prod"] {
        let asked = arguments(&["--from-fleet", account, "--fleet", fleet]);
        let input = super::asked(&asked, Format::Text).unwrap().input;
        let ids: Vec<&str> = input.checks.iter().map(|check| check.id.0.as_str()).collect();
        assert!(ids.contains(&"connection/shop-to-payments/443"), "{ids:?}");
        assert_eq!(input.region, "us-east-1");
    }
    let unknown = asked(&arguments(&["--from-fleet", "nobody", "--fleet", fleet]), Format::Text).unwrap_err();
    assert!(unknown.input && unknown.text.contains("shop-prod"), "{}", unknown.text);
    let elsewhere = ["--from-fleet", "shop-prod", "--fleet", fleet, "--region", "eu-west-1"];
    assert!(asked(&arguments(&elsewhere), Format::Text).unwrap_err().text.contains("nothing is tested"));
}

#[tokio::test]
async fn a_target_that_must_not_connect_is_checked_as_an_isolation() {
    let input =
        asked(&arguments(&["--deny", "tcp://10.0.0.1:443", "--timeout", "500"]), Format::Text).unwrap().input;
    assert_eq!((input.checks[0].expect, input.checks[0].timeout_ms), (Expect::Deny, 500));
}

#[tokio::test]
async fn a_wrong_authority_file_and_nameserver_are_told_before_anything_is_checked() {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "-----BEGIN PRIVATE KEY-----\n").unwrap();
    let path = key.path().display().to_string();
    let error = settings(&arguments(&["tcp://10.0.0.1:1", "--ca", &path])).unwrap_err();
    assert!(
        error.input && error.text.contains(&path) && error.text.contains("private key"),
        "{}",
        error.text
    );
    let error = settings(&arguments(&["tcp://10.0.0.1:1", "--nameserver", "ns.test"])).unwrap_err();
    assert!(error.input && error.text.contains("ns.test"), "{}", error.text);
}
