//! What becomes of packets, counted and timed by sockets in the network: no probe has a part in it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use phonehome_network::{Rule, RulePeer};

use super::*;
use crate::namespaces::inside;
use crate::sample::{Fleet, host_address, public_address, stack, zone};
use crate::wishes::{Effect, Impairment, Segment};

const PORT: u16 = 9_000;
/// The sample's host on the internet.
const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);
/// The probe of account 1's first zone.
const PROBE: Ipv4Addr = Ipv4Addr::new(10, 1, 8, 4);

fn run_test(name: &str, test: impl FnOnce()) {
    crate::testing::run_test(&format!("lab::tests::{name}"), test);
}

/// Two accounts whose hosts let in everything from each other.
fn open_fleet() -> Fleet {
    let mut fleet = Fleet::new(2, 2);
    for account in 1..=2 {
        let everything = Rule {
            protocol: "-1".to_owned(),
            ports: None,
            peer: RulePeer::Cidr("10.0.0.0/8".parse().unwrap()),
        };
        let groups = &mut fleet.account(account).security_groups;
        groups.iter_mut().find(|it| it.name == "inbound").unwrap().ingress.push(everything);
    }
    fleet
}

fn build(fleet: &Fleet) -> Lab {
    // No probe is run.
    Lab::build(&fleet.inventories, &fleet.wishes, Path::new("none")).unwrap()
}

fn update(lab: &mut Lab, fleet: &Fleet, segment: Segment, effect: Effect) {
    let mut wishes = fleet.wishes.clone();
    wishes.impairments = vec![Impairment { segment, effect }];
    lab.update(&fleet.inventories, &wishes).unwrap();
}

/// A socket at an address of the sample's.
fn bind(address: Ipv4Addr, port: u16) -> UdpSocket {
    let socket = inside(&namespace(address), || Ok(UdpSocket::bind((address, port))?)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(1_500))).unwrap();
    socket
}

/// Where an address of the sample's is.
fn namespace(address: Ipv4Addr) -> String {
    match address.octets() {
        [10, account, third, _] => {
            format!("{}.us-east-1.subnet-{account}-private-{}", stack(account).account, third / 32 + 1)
        }
        _ => "internet".to_owned(),
    }
}

/// How many datagrams arrive of so many that are sent, and whom they are from. However busy the machine is, no more
/// than a socket has room for are under way.
fn send(count: u32, from: &UdpSocket, to: SocketAddr, at: &UdpSocket) -> (u32, Option<SocketAddr>) {
    const BURST: u32 = 50;
    let (mut arrived, mut sender) = (0, None);
    let mut receive = |patience_ms: u64| {
        at.set_nonblocking(patience_ms == 0).unwrap();
        at.set_read_timeout(Some(Duration::from_millis(patience_ms.max(1)))).unwrap();
        at.recv_from(&mut [0; 8]).is_ok_and(|(_, peer)| {
            arrived += 1;
            sender = Some(peer);
            true
        })
    };
    for sent in 1..=count {
        // What the network drops it drops in silence: that is no error.
        from.send_to(b"datagram", to).unwrap();
        if sent % BURST == 0 && receive(1_000) {
            while receive(0) {}
        }
    }
    while receive(300) {}
    (arrived, sender)
}

#[test]
fn what_is_lost_is_lost_in_both_directions_by_chance_and_nowhere_else() {
    run_test("what_is_lost_is_lost_in_both_directions_by_chance_and_nowhere_else", || {
        let fleet = open_fleet();
        let mut lab = build(&fleet);
        let peer = host_address(2, 1);
        let address = |address| Segment::Address { subnet_id: "subnet-1-private-1".to_owned(), address };
        let subnet = |id: &str| Segment::Subnet(id.to_owned());
        let in_zone = |number, account| Segment::Zone { az_id: zone(number), stack: Some(stack(account)) };
        let [nat, pcx, igw] = ["nat-1-1", "pcx-1-2", "igw-1"].map(str::to_owned);
        for (segment, to, crossings) in [
            (subnet("subnet-1-private-1"), FAR, 1),
            (subnet("subnet-1-private-1"), peer, 1),
            (subnet("subnet-1-private-2"), FAR, 0),
            // The NAT gateway is in it.
            (subnet("subnet-1-public-1"), FAR, 2),
            (subnet("subnet-1-public-1"), peer, 0),
            (in_zone(1, 1), FAR, 3),
            (in_zone(2, 1), FAR, 0),
            (in_zone(1, 2), peer, 1),
            (address(PROBE), FAR, 1),
            (address(host_address(1, 1)), FAR, 0),
            (Segment::Internet(FAR), FAR, 1),
            (Segment::NatGateway(nat.clone()), FAR, 1),
            (Segment::NatGateway(nat), peer, 0),
            (Segment::InternetGateway(igw), FAR, 1),
            (Segment::Peering(pcx.clone()), peer, 1),
            (Segment::Peering(pcx), FAR, 0),
        ] {
            update(&mut lab, &fleet, segment.clone(), Effect::Loss(30));
            let (client, server) = (bind(PROBE, 0), bind(to, PORT));
            let (there, sender) = send(COUNT, &client, (to, PORT).into(), &server);
            let (back, _) = send(COUNT, &server, sender.unwrap(), &client);
            for arrived in [there, back] {
                let expected = expected(0.7_f64.powi(crossings));
                assert!(expected.contains(&arrived), "{segment:?}, {to}: {arrived} of {expected:?}");
            }
        }
    });
}

const COUNT: u32 = 1_000;

/// How many of [`COUNT`] arrive when each does with this chance: within 6 standard deviations of the mean, so that one
/// of the 32 counts above is beyond by chance once in 10^7 runs. One direction alone, 30 % twice and none are far
/// beyond.
fn expected(chance: f64) -> std::ops::RangeInclusive<u32> {
    let (mean, deviation) = (f64::from(COUNT) * chance, (f64::from(COUNT) * chance * (1.0 - chance)).sqrt());
    ((mean - 6.0 * deviation) as u32)..=((mean + 6.0 * deviation).ceil() as u32)
}

#[test]
fn through_what_is_dead_nothing_passes_and_a_subnets_resolver_neither() {
    run_test("through_what_is_dead_nothing_passes_and_a_subnets_resolver_neither", || {
        let fleet = open_fleet();
        let mut lab = build(&fleet);
        let resolver = SocketAddr::from(([10, 1, 0, 2], 53));
        // A question without a name: it is answered as every question is.
        let question = [7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1];
        let is_answered = || {
            let client = bind(PROBE, 0);
            client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            client.send_to(&question, resolver).unwrap();
            client.recv_from(&mut [0; 64]).is_ok()
        };
        assert!(is_answered());
        let dead = Segment::Zone { az_id: zone(1), stack: None };
        update(&mut lab, &fleet, dead, Effect::Loss(100));
        let (client, server, third) =
            (bind(PROBE, 0), bind(host_address(2, 1), PORT), bind(host_address(2, 2), PORT));
        for (from, to) in [(&client, &server), (&client, &third), (&third, &server), (&third, &client)] {
            assert_eq!(send(50, from, to.local_addr().unwrap(), to).0, 0);
        }
        assert!(!is_answered());
    });
}

/// Connects from an address to another.
fn connect(from: Ipv4Addr, to: Ipv4Addr, port: u16) -> TcpStream {
    let address = SocketAddr::from((to, port));
    let connect = || Ok(TcpStream::connect_timeout(&address, Duration::from_secs(3))?);
    inside(&namespace(from), connect).unwrap_or_else(|error| panic!("{from} to {to}: {error:#}"))
}

#[test]
fn a_stream_of_bytes_gets_through_a_slow_wire_whole_and_at_once() {
    run_test("a_stream_of_bytes_gets_through_a_slow_wire_whole_and_at_once", || {
        let fleet = open_fleet();
        let mut lab = build(&fleet);
        update(
            &mut lab,
            &fleet,
            Segment::Peering("pcx-1-2".to_owned()),
            Effect::Delay(Duration::from_millis(20)),
        );
        let (to, bytes) =
            (host_address(2, 1), (0..1_000_000_u32).map(|it| it.to_le_bytes()[0]).collect::<Vec<_>>());
        let listener = inside(&namespace(to), || Ok(TcpListener::bind((to, PORT))?)).unwrap();
        let begun = Instant::now();
        let mut client = connect(PROBE, to, PORT);
        let (mut server, _) = listener.accept().unwrap();
        server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| client.write_all(&bytes).and_then(|()| client.shutdown(Shutdown::Write)).unwrap());
            let mut received = vec![];
            server.read_to_end(&mut received).unwrap();
            assert!(received == bytes, "{} bytes, or others", received.len());
        });
        let took = begun.elapsed();
        println!("1 MB in {} ms", took.as_millis());
        // Some ten round trips. If the kernel sent several segments as one packet, which is too long for a wire, each
        // would be missed first, for 200 ms or more.
        assert!(took < Duration::from_secs(10), "{took:?}");
    });
}

/// How long a datagram and its answer take together.
fn round_trip(from: Ipv4Addr, to: Ipv4Addr) -> Duration {
    let (client, server) = (bind(from, 0), bind(to, PORT));
    let begun = Instant::now();
    client.send_to(b"datagram", (to, PORT)).unwrap();
    let (_, sender) = server.recv_from(&mut [0; 8]).unwrap();
    server.send_to(b"datagram", sender).unwrap();
    client.recv_from(&mut [0; 8]).unwrap();
    begun.elapsed()
}

#[test]
fn what_is_slow_takes_as_much_longer_as_was_wished_and_nothing_else_does() {
    run_test("what_is_slow_takes_as_much_longer_as_was_wished_and_nothing_else_does", || {
        let fleet = open_fleet();
        let mut lab = build(&fleet);
        let (peer, neighbour) = (host_address(2, 1), host_address(1, 1));
        let address = |address| Segment::Address { subnet_id: "subnet-1-private-1".to_owned(), address };
        let subnet = |id: &str| Segment::Subnet(id.to_owned());
        let [nat, pcx, igw] = ["nat-1-1", "pcx-1-2", "igw-1"].map(str::to_owned);
        for (segment, from, to, times) in [
            (subnet("subnet-1-private-1"), PROBE, FAR, 1),
            (subnet("subnet-1-public-1"), PROBE, FAR, 2),
            (subnet("subnet-1-public-1"), PROBE, peer, 0),
            (address(PROBE), PROBE, FAR, 1),
            (address(neighbour), PROBE, FAR, 0),
            (address(neighbour), neighbour, peer, 1),
            (Segment::Internet(FAR), PROBE, FAR, 1),
            (Segment::NatGateway(nat), PROBE, FAR, 1),
            (Segment::InternetGateway(igw), PROBE, FAR, 1),
            (Segment::Peering(pcx.clone()), PROBE, peer, 1),
            (Segment::Peering(pcx), PROBE, FAR, 0),
        ] {
            update(&mut lab, &fleet, segment.clone(), Effect::Delay(Duration::from_millis(200)));
            // The first one asks for neighbours' hardware addresses too, over the same wires.
            round_trip(from, to);
            let took = round_trip(from, to).as_millis();
            // A busy machine may be late, but hardly by as much again.
            assert!((200 * times..200 * (times + 1)).contains(&took), "{segment:?}, {to}: {took} ms");
        }
    });
}

#[test]
fn the_very_first_packet_after_a_change_passes() {
    run_test("the_very_first_packet_after_a_change_passes", || {
        let fleet = open_fleet();
        let mut lab = build(&fleet);
        let server = bind(FAR, PORT);
        for number in 0..40 {
            // Each time all interfaces of the NAT gateway are new ones.
            let effect =
                if number % 2 == 0 { Effect::Delay(Duration::from_millis(4)) } else { Effect::Loss(0) };
            update(&mut lab, &fleet, Segment::NatGateway("nat-1-1".to_owned()), effect);
            let client = bind(PROBE, 0);
            client.send_to(b"datagram", (FAR, PORT)).unwrap();
            assert!(server.recv_from(&mut [0; 8]).is_ok(), "{number}");
        }
    });
}

#[test]
fn forty_accounts_with_three_zones_reach_the_internet_and_each_other() {
    run_test("forty_accounts_with_three_zones_reach_the_internet_and_each_other", || {
        let fleet = Fleet::new(40, 3);
        let lab = build(&fleet);
        let server = bind(FAR, PORT);
        for (account, number) in fleet.probes() {
            let probe = Ipv4Addr::new(10, account, (number - 1) * 32 + 8, 4);
            let client = bind(probe, 0);
            client.send_to(b"datagram", (FAR, PORT)).unwrap();
            let (_, seen) = server.recv_from(&mut [0; 8]).unwrap();
            assert_eq!(seen.ip(), public_address(account, number));
            server.send_to(b"datagram", seen).unwrap();
            client.recv_from(&mut [0; 8]).unwrap();
            let other = host_address(if account == 1 { 40 } else { 1 }, number);
            connect(probe, other, 443);
        }
        drop(lab);
    });
}

/// How many packets are not counted exactly: ARP's.
const ARP: u64 = 20;

#[test]
fn packets_are_counted_on_every_part_that_they_go_over_and_on_no_other() {
    run_test("packets_are_counted_on_every_part_that_they_go_over_and_on_no_other", || {
        let mut fleet = open_fleet();
        let mut lab = build(&fleet);
        let (client, server) = (bind(PROBE, 0), bind(FAR, PORT));
        let (there, sender) = send(1_000, &client, (FAR, PORT).into(), &server);
        let (back, _) = send(500, &server, sender.unwrap(), &client);
        assert_eq!((there, back), (1_000, 500));
        let check = |lab: &Lab, text: &str| {
            let counters = lab.counters().unwrap();
            let Counters { subnets, nat_gateways, peerings, internet_gateways } = &counters;
            for (traffic, to, from) in [
                (subnets["subnet-1-private-1"], 500, 1_000),
                (nat_gateways["nat-1-1"], 1_500, 1_500),
                (internet_gateways["igw-1"], 1_000, 500),
                // The NAT gateway is in it, but has an interface of its own.
                (subnets["subnet-1-public-1"], 0, 0),
                (subnets["subnet-1-private-2"], 0, 0),
                (subnets["subnet-2-private-1"], 0, 0),
                (nat_gateways["nat-1-2"], 0, 0),
                (internet_gateways["igw-2"], 0, 0),
                (peerings["pcx-1-2"], 0, 0),
            ] {
                for (amount, packets) in [(traffic.to, to), (traffic.from, from)] {
                    assert!((packets..packets + ARP).contains(&amount.packets), "{text}: {counters:#?}");
                    // Ethernet's, IP's and UDP's headers, and 8 bytes.
                    assert!(
                        amount.bytes >= packets * 50 && amount.bytes < (packets + ARP) * 50,
                        "{counters:#?}"
                    );
                }
            }
            serde_json::to_value(&counters).unwrap()
        };
        let said = check(&lab, "as they went");
        assert_eq!(said["subnets"]["subnet-1-private-2"]["to"]["packets"], 0);
        // The interfaces are replaced, and then the gateway and all that it had are gone.
        let segment = Segment::Zone { az_id: zone(1), stack: None };
        update(&mut lab, &fleet, segment, Effect::Delay(Duration::from_millis(10)));
        check(&lab, "over slow wires");
        fleet.account(1).nat_gateways.clear();
        fleet.account(1).internet_gateways.clear();
        lab.update(&fleet.inventories, &fleet.wishes).unwrap();
        check(&lab, "without gateways");
    });
}
