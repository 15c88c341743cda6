//! What the benchmark's own servers and parsers do. Nothing is timed.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::linux::child::{self, Work};
use crate::linux::figures::median;
use crate::linux::runtime_api::RuntimeApi;
use crate::linux::targets::{self, Protocol};
use crate::linux::{blackbox, cpu, floor};

const COUNT: usize = 5;

#[test]
fn every_target_is_reached_by_the_checks_of_its_protocol_and_a_black_hole_is_not() {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let targets = servers.block_on(targets::serve()).unwrap();
    for protocol in [Protocol::Tcp, Protocol::Http, Protocol::Tls] {
        let root_der = targets.root_der.clone();
        let work = Work { checks: targets.checks(protocol, COUNT), root_der, descriptors: None };
        let done = child::run_checks(work).unwrap();
        assert_eq!((done.ok, done.failed), (COUNT, 0), "{protocol:?}");
    }
    let checks = targets.black_holes(COUNT).unwrap();
    let done = child::run_checks(Work { checks, ..Work::default() }).unwrap();
    assert_eq!((done.ok, done.failed), (0, COUNT));
}

#[test]
fn the_floor_reaches_every_target_and_no_closed_port() {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let targets = servers.block_on(targets::serve()).unwrap();
    let done = floor::run(Work { checks: targets.checks(Protocol::Tcp, 1_000), ..Work::default() }).unwrap();
    assert_eq!((done.ok, done.failed), (1_000, 0));
    let checks = targets.checks(Protocol::Tls, COUNT);
    let done = floor::run(Work { checks, root_der: targets.root_der.clone(), descriptors: None }).unwrap();
    assert_eq!((done.ok, done.failed), (COUNT, 0));
    let checks = targets.checks(Protocol::Tcp, COUNT);
    drop(servers);
    let done = floor::run(Work { checks, ..Work::default() }).unwrap();
    assert_eq!((done.ok, done.failed), (0, COUNT));
}

#[test]
fn a_certificate_of_an_authority_that_is_not_trusted_fails() {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let [targets, others] = [(); 2].map(|()| servers.block_on(targets::serve()).unwrap());
    let work =
        Work { checks: targets.checks(Protocol::Tls, COUNT), root_der: others.root_der, descriptors: None };
    let done = child::run_checks(work).unwrap();
    assert_eq!((done.ok, done.failed), (0, COUNT));
}

#[test]
fn a_function_that_asks_gets_the_event_and_its_response_is_read() {
    let api = RuntimeApi::start().unwrap();
    let address = api.address().unwrap();
    let function = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut event = String::new();
        stream.read_to_string(&mut event).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let path = "POST /2018-06-01/runtime/invocation/run-1/response HTTP/1.1";
        write!(stream, "{path}\r\nContent-Length: 4\r\n\r\ndone").unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
        event
    });
    let asker = api.asked().unwrap();
    assert_eq!(api.invoke(asker, b"{\"a\":1}").unwrap(), b"done");
    let event = function.join().unwrap();
    assert!(event.ends_with("\r\n\r\n{\"a\":1}") && event.contains("request-id: run-1"), "{event}");
}

#[test]
fn a_metric_a_time_and_a_memory_are_read_as_they_are_written() {
    assert!(blackbox::is_success(
        "# TYPE probe_success gauge\nprobe_duration_seconds 0.1\nprobe_success 1\n"
    ));
    assert!(!blackbox::is_success("probe_success 0\n"));
    assert!(!blackbox::is_success("# probe_success 1 is a success\n"));
    let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 12 30 5 6 20 0 9 0 100 200 300";
    assert_eq!(cpu::ticks(stat), Some(42));
    assert_eq!(cpu::ticks("7 (a)"), None);
    assert_eq!(cpu::peak_kb("VmPeak:\t 9 kB\nVmHWM:\t    5120 kB\nVmRSS:\t 1 kB\n"), Some(5_120.0));
    assert_eq!(cpu::peak_kb("VmRSS:\t 1 kB\n"), None);
}

#[test]
fn the_median_is_the_one_in_the_middle() {
    assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(vec![]), None);
}
