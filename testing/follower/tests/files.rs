//! The lab follows inventories in files; and the follower speaks to this machine alone.

#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use phonehome_lab::sample::{Fleet, stack};
use phonehome_lab::{Inventories, Place};
use phonehome_network::Inventory;
use support::{INTERNET, Lab, host, now_ms, until_passing, until_silent};

fn write(lab: &Lab, name: &str, inventory: &Inventory) {
    let folder = lab.folder.path().join("inventories");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), serde_json::to_vec(inventory).unwrap()).unwrap();
}

#[test]
fn a_network_in_files_is_followed_from_one_to_the_next_and_a_half_written_one_is_not() {
    let Some(mut lab) = Lab::start() else { return };
    let fleet = Fleet::new(1, 1);
    let name = "111111111111.us-east-1.json";
    let mut inventory = fleet.inventories[&stack(1)].clone();
    write(&lab, name, &inventory);
    std::fs::write(lab.folder.path().join("inventories/notes.json"), "nobody's").unwrap();
    lab.wish(vec![host(Place::Internet, INTERNET)]);
    let folder = lab.folder.path().join("inventories").display().to_string();
    lab.follow(&["--files", &folder]);

    std::thread::scope(|scope| {
        let (lab, event) = (&lab, until_silent(INTERNET));
        let run = scope.spawn(move || lab.run(&stack(1), &event));
        std::thread::sleep(Duration::from_millis(1_500));
        std::fs::write(lab.folder.path().join("inventories").join(name), "{\"vpcs\": [").unwrap();
        std::thread::sleep(Duration::from_millis(1_000));
        let changed_ms = now_ms();
        inventory.route_tables.iter_mut().for_each(|it| it.routes.clear());
        write(lab, name, &inventory);
        let seen = run.join().unwrap();
        let silent_ms = seen.silent_ms.expect("the packets pass although their route is gone");
        assert!(silent_ms >= changed_ms && silent_ms < changed_ms + 1_000, "{seen:?} {changed_ms}");
    });
    assert!(lab.is_followed());
}

#[test]
fn one_file_may_hold_all_networks() {
    let Some(mut lab) = Lab::start() else { return };
    let fleet = Fleet::new(2, 1);
    let all: &Inventories = &fleet.inventories;
    let file = lab.folder.path().join("all.json");
    std::fs::write(&file, serde_json::to_vec(all).unwrap()).unwrap();
    lab.wish(vec![host(Place::Internet, INTERNET)]);
    lab.follow(&["--files", &file.display().to_string()]);
    let seen = lab.run(&stack(2), &until_passing(INTERNET));
    assert!(seen.passed_ms.is_some(), "{seen:?}");
}

#[test]
fn the_follower_speaks_to_this_machine_alone() {
    let follow = |endpoint: &str, environment: BTreeMap<&str, &str>| {
        let output = Command::new(env!("CARGO_BIN_EXE_lab-follow"))
            .args(["--socket", "/nowhere", "--endpoint", endpoint])
            .envs(environment)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!output.status.success(), "{endpoint}");
        String::from_utf8(output.stderr).unwrap()
    };
    for endpoint in
        ["https://ec2.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "http://example.com", "nonsense"]
    {
        let said = follow(endpoint, BTreeMap::new());
        assert!(said.contains("is not a loopback address: refusing to use it"), "{said}");
    }
    let elsewhere = BTreeMap::from([("AWS_ENDPOINT_URL_EC2", "https://ec2.us-east-1.amazonaws.com")]);
    let said = follow("http://127.0.0.1:1", elsewhere);
    assert!(said.contains("AWS_ENDPOINT_URL_EC2"), "{said}");
}
