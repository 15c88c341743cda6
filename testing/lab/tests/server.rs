//! The lab as a process of its own, asked by its socket.
//!
//! Where the machine forbids namespaces, or there is no probe, a test says so and is left out; with `CI=true` it
//! fails, unless `PHONEHOME_NO_NAMESPACES=1` says that this is known.

#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use phonehome_lab::sample::{Fleet, stack, zone};
use phonehome_lab::server::{Answer, End, Reason, Request, Run, ask};
use phonehome_lab::{Place, available};
use phonehome_wire::{Report, Verdict};
use serde_json::{Value, json};
use tempfile::TempDir;

const LAB: &str = env!("CARGO_BIN_EXE_lab-serve");

/// A lab that serves, in a folder of its own. Dropped, it is killed.
struct Served {
    child: Child,
    folder: TempDir,
}

impl Served {
    /// `None` where no lab can be made.
    fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same, started by another program.
    fn start_with(other: &[&str]) -> Option<Self> {
        if let Err(error) = available() {
            let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
            assert!(!is_set("CI", "true") || is_set("PHONEHOME_NO_NAMESPACES", "1"), "{error:#}");
            eprintln!("LEFT OUT, {error:#}");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut words = other.iter().copied().chain([LAB, "--socket"]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg(folder.path().join("lab"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Some(Self { child, folder })
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    fn ask(&self, request: &Request) -> Answer {
        ask(&self.socket(), request).unwrap()
    }

    /// Makes the network of a fleet.
    fn set(&self, fleet: &Fleet) {
        for request in
            [Request::SetInventories(fleet.inventories.clone()), Request::SetWishes(fleet.wishes.clone())]
        {
            let answer = self.ask(&request);
            assert!(matches!(answer, Answer::Applied { .. }), "{answer:?}");
        }
    }

    /// The code of a function that is a shell script.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("bootstrap");
        std::fs::write(&file, format!("#!/bin/bash\n{text}\n")).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        folder
    }

    /// The code of the probe.
    fn probe(&self) -> PathBuf {
        let named = std::env::var_os("PHONEHOME_PROBE").map(PathBuf::from);
        let probe = named.unwrap_or_else(|| Path::new(LAB).with_file_name("phonehome-probe"));
        assert!(probe.exists(), "{}: cargo build --release -p phonehome-probe", probe.display());
        let folder = self.folder.path().join("probe");
        if !folder.exists() {
            std::fs::create_dir(&folder).unwrap();
            std::os::unix::fs::symlink(probe, folder.join("bootstrap")).unwrap();
        }
        folder
    }

    /// The processes that name this lab's folder.
    fn processes(folder: &Path) -> Vec<u32> {
        let text = folder.to_string_lossy().into_owned();
        let names = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = names.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
        let is_its = |pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(&text))
        };
        pids.filter(is_its).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(folder: PathBuf, event: Value) -> Run {
    Run {
        request_id: "8b0f2c9e".to_owned(),
        stack: stack(1),
        function: format!("phonehome-probe-{}", zone(1)),
        folder,
        event,
        timeout_s: 20,
        memory_mb: 128,
        environment: [("AWS_LAMBDA_LOG_LEVEL".to_owned(), "error".to_owned())].into(),
    }
}

fn report(answer: &Answer) -> Report {
    let Answer::Ended { outcome: End::Response(report), .. } = answer else { panic!("{answer:?}") };
    serde_json::from_value(report.clone()).unwrap()
}

#[test]
fn an_update_waits_for_no_probe_and_the_probes_meet_the_changed_network() {
    let Some(served) = Served::start() else { return };
    let fleet = Fleet::new(2, 2);
    served.set(&fleet);
    let folder = served.probe();
    let probe = |account: u8, number: u8| {
        let input = serde_json::to_value(fleet.input(account, number)).unwrap();
        let function = format!("phonehome-probe-{}", zone(number));
        let run = Run { stack: stack(account), function, ..run(folder.clone(), input) };
        served.ask(&Request::Run(run))
    };
    std::thread::scope(|scope| {
        let probes: Vec<_> =
            fleet.probes().map(|(account, zone)| scope.spawn(move || probe(account, zone))).collect();
        // Their isolations are silent for two seconds.
        std::thread::sleep(Duration::from_millis(700));
        let mut without = fleet.clone();
        without.account(1).route_tables.iter_mut().for_each(|it| it.routes.clear());
        let begun = Instant::now();
        let changed = served.ask(&Request::UpdateInventories(
            without.inventories.clone().into_iter().filter(|(id, _)| *id == stack(1)).collect(),
        ));
        let took = begun.elapsed();
        assert!(matches!(changed, Answer::Applied { .. }), "{changed:?}");
        assert!(probes.iter().all(|it| !it.is_finished()), "the probes were through before the change");
        assert!(took < Duration::from_secs(1), "{took:?}");
        for thread in probes {
            let report = report(&thread.join().unwrap());
            assert_eq!(report.run_id, "8b0f2c9e");
            let verdicts: Vec<_> = report.results.iter().map(|it| &it.verdict).collect();
            let expected = matches!(verdicts[..], [Verdict::Ok, Verdict::Ok, .., Verdict::Denied { .. }]);
            assert!(expected, "{verdicts:?}");
        }
    });
    // Account 2 was not told of, and stays; its way to account 1 leads no way back.
    let [first, second] = [1, 2].map(|account| report(&probe(account, 1)));
    let is_well =
        |report: &Report| report.results.iter().map(|it| it.verdict == Verdict::Ok).collect::<Vec<_>>();
    assert_eq!(is_well(&first), [false, false, false, false]);
    assert_eq!(is_well(&second), [true, false, false, false]);
}

#[test]
fn names_are_found_also_where_the_file_of_resolvers_is_a_link_into_run() {
    // As systemd has it.
    let script = "mount -t tmpfs tmpfs /etc && ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf && exec \"$@\"";
    let Some(served) = Served::start_with(&["unshare", "-Urm", "sh", "-c", script, "sh"]) else { return };
    let fleet = Fleet::new(1, 1);
    served.set(&fleet);
    let input = serde_json::to_value(fleet.input(1, 1)).unwrap();
    let report = report(&served.ask(&Request::Run(run(served.probe(), input))));
    assert_eq!(report.results[0].verdict, Verdict::Ok);
}

#[test]
fn a_function_ends_as_lambda_says_that_it_ended() {
    let Some(served) = Served::start() else { return };
    served.set(&Fleet::new(1, 1));
    let ended = |run: Run| {
        let answer = served.ask(&Request::Run(run));
        let Answer::Ended { outcome, log } = answer else { panic!("{answer:?}") };
        (outcome, log)
    };
    let dead = served.script("dead", "echo out of order; exit 3");
    assert_eq!(
        ended(run(dead, json!({}))),
        (End::Exited("exit status: 3".to_owned()), "out of order\n".into())
    );
    let post = |what: &str, body: &str| {
        format!(
            r#"exec 3<>/dev/tcp/${{AWS_LAMBDA_RUNTIME_API/://}}
printf 'POST /2018-06-01/runtime/{what} HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}' >&3; cat <&3"#,
            body.len()
        )
    };
    let refuses = served.script("refuses", &post("init/error", r#"{"errorType":"Own"}"#));
    assert_eq!(ended(run(refuses, json!({}))).0, End::Error(json!({"errorType": "Own"})));
    let next = "exec 4<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API/://}
        printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n' >&4; cat <&4 >/dev/null";
    let fails = format!("{next}\n{}", post("invocation/8b0f2c9e/error", "\"no\""));
    assert_eq!(ended(run(served.script("fails", &fails), json!({}))).0, End::Error(json!("no")));
    let begun = Instant::now();
    let slow = served.script("slow", &format!("{next}\necho begun; sleep 30"));
    let slow = Run { timeout_s: 1, ..run(slow, json!({})) };
    assert_eq!(ended(slow), (End::TimedOut, "begun\n".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let own =
        served.script("own", &format!("{next}\n{}", post("invocation/8b0f2c9e/response", "\"'$OWN'\"")));
    let own = Run { environment: [("OWN".to_owned(), "variable".to_owned())].into(), ..run(own, json!({})) };
    assert!(matches!(ended(own).0, End::Response(_)));
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason_and_changes_nothing() {
    let Some(served) = Served::start() else { return };
    let fleet = Fleet::new(1, 1);
    served.set(&fleet);
    let refused = |request: &Request| {
        let answer = served.ask(request);
        let Answer::Refused { reason, message } = answer else { panic!("{answer:?}") };
        (reason, message)
    };
    let input = serde_json::to_value(fleet.input(1, 1)).unwrap();
    let unknown = Run { function: "another".to_owned(), ..run(served.probe(), json!({})) };
    let (reason, message) = refused(&Request::Run(unknown));
    assert!(reason == Reason::UnknownFunction && message.contains("no function another"), "{message}");
    let (reason, message) = refused(&Request::Run(run(served.folder.path().join("nowhere"), json!({}))));
    assert!(reason == Reason::Failed && message.contains("nowhere/bootstrap"), "{message}");
    let mut twice = fleet.wishes.clone();
    let host = twice.hosts.iter().find(|it| it.place != Place::Internet).unwrap().clone();
    twice.hosts.push(host);
    let (reason, message) = refused(&Request::SetWishes(twice));
    assert!(reason == Reason::NoNetwork && message.contains("two have the address 10.1.8.100"), "{message}");

    let mut stream = UnixStream::connect(served.socket()).unwrap();
    stream.write_all(br#"{"paint": "it black"}"#).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.contains("bad_request") && said.contains("unknown variant `paint`"), "{said}");

    let report = report(&served.ask(&Request::Run(run(served.probe(), input))));
    assert_eq!(report.results[0].verdict, Verdict::Ok, "the network is no longer what it was");
}

#[test]
fn a_host_whose_subnet_is_not_there_waits_and_is_there_once_the_subnet_is() {
    let Some(served) = Served::start() else { return };
    let fleet = Fleet::new(2, 1);
    let Answer::Applied { waiting, .. } = served.ask(&Request::SetWishes(fleet.wishes.clone())) else {
        panic!()
    };
    assert_eq!(waiting.len(), 2, "{waiting:?}");
    let Answer::Applied { waiting, .. } = served.ask(&Request::SetInventories(fleet.inventories.clone()))
    else {
        panic!()
    };
    assert!(waiting.is_empty(), "{waiting:?}");
    let input = serde_json::to_value(fleet.input(1, 1)).unwrap();
    let report = report(&served.ask(&Request::Run(run(served.probe(), input))));
    assert_eq!(report.results[1].verdict, Verdict::Ok);
    let Answer::Counted(counters) = served.ask(&Request::Counters) else { panic!() };
    assert!(counters.peerings["pcx-1-2"].to.packets > 3, "{counters:?}");
    assert!(counters.nat_gateways["nat-1-1"].from.packets > 3, "{counters:?}");
}

#[test]
fn a_network_that_somebody_broke_behind_the_labs_back_is_made_anew() {
    let Some(served) = Served::start() else { return };
    let fleet = Fleet::new(1, 1);
    served.set(&fleet);
    // The innermost of those that are this lab: the one that `unshare` has started.
    let pid = *Served::processes(served.folder.path()).iter().max().unwrap();
    let output = Command::new("nsenter")
        .args(["--target", &pid.to_string(), "--user", "--preserve-credentials", "--mount", "--net", "--"])
        .args(["ip", "netns", "delete", "111111111111.us-east-1.subnet-1-private-1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut changed = fleet.clone();
    changed.account(1).subnets.retain(|it| it.id != "subnet-1-private-1");
    for fleet in [&changed, &fleet] {
        let answer = served.ask(&Request::SetInventories(fleet.inventories.clone()));
        assert!(matches!(answer, Answer::Applied { .. }), "{answer:?}");
    }
    let input = serde_json::to_value(fleet.input(1, 1)).unwrap();
    let report = report(&served.ask(&Request::Run(run(served.probe(), input))));
    assert_eq!(report.results[0].verdict, Verdict::Ok);
}

#[test]
fn a_lab_ends_with_whoever_started_it_and_nothing_is_left() {
    for is_killed in [false, true] {
        let Some(mut served) = Served::start() else { return };
        served.set(&Fleet::new(1, 1));
        let slow = served.script("slow", "sleep 300");
        let folder = served.folder.path().to_owned();
        let socket = served.socket();
        let asking = std::thread::spawn(move || ask(&socket, &Request::Run(run(slow, json!({})))));
        std::thread::sleep(Duration::from_millis(300));
        assert!(Served::processes(&folder).len() >= 3, "unshare, the lab, the function");
        // A caller that is gone has closed its end.
        if is_killed {
            served.child.kill().unwrap();
        } else {
            drop(served.child.stdin.take());
        }
        served.child.wait().unwrap();
        assert!(asking.join().unwrap().is_err());
        // Those that the kernel kills go when it comes to it.
        let begun = Instant::now();
        while !Served::processes(&folder).is_empty() && begun.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(Served::processes(&folder), Vec::<u32>::new());
        // Who is killed cannot tidy up.
        assert!(is_killed || !served.socket().exists());
    }
}
