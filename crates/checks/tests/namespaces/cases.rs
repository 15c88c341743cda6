//! What a network does, and what the probe makes of it. In each case the network is built, something is done to
//! it, and the same endpoint is tested as what must connect and as what must not.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use phonehome_checks::Settings;
use phonehome_wire::{Class, Stage};

use crate::expectations::*;
use crate::lab::{self, FIRST, NOBODY, PROBER, PROBER_ADDRESS, ROUTER, ROUTER_ADDRESS, SECOND, TARGET};
use crate::packets::{Tap, say_unreachable};
use crate::rehouse::inside_namespaces;
use crate::servers::{self, drop_everything, drop_the_first_syn, listen, nameserver, serve};

const PORT: u16 = 8080;
/// Codes of ICMP's "destination unreachable".
const HOST_UNREACHABLE: u8 = 1;
const PORT_UNREACHABLE: u8 = 3;
const PROHIBITED: u8 = 13;

const NO_ANSWER: Expected = Expected::Fail(Stage::Connect, Class::ConnectTimeout);
const UNREACHABLE: Expected = Expected::Fail(Stage::Connect, Class::Unreachable);

#[test]
fn a_target_that_listens_is_reached_and_breaks_an_isolation() {
    inside_namespaces(|| {
        lab::build();
        let _listener = listen(FIRST, PORT);
        expect(both(tcp(FIRST, PORT), Expected::Ok, Expected::Open));
    });
}

#[test]
fn an_address_that_the_router_drops_without_a_word_is_silence() {
    inside_namespaces(|| {
        lab::build();
        ROUTER.ip("route add blackhole 10.0.2.9/32");
        expect(both(tcp(NOBODY, PORT), NO_ANSWER, Expected::Denied(&[NOBODY])));
    });
}

#[test]
fn an_address_that_nobody_has_is_unreachable_and_no_denial() {
    inside_namespaces(|| {
        lab::build();
        // What the router says when nobody answers its ARP requests, at once instead of after 3 s.
        ROUTER.ip("route add unreachable 10.0.2.9/32");
        expect(both(tcp(NOBODY, PORT), UNREACHABLE, Expected::Inconclusive));
    });
}

#[test]
fn a_lost_first_syn_is_neither_an_outage_nor_a_denial() {
    inside_namespaces(|| {
        lab::build();
        let [for_connect, for_deny] = [listen(FIRST, PORT), listen(SECOND, PORT)];
        let taps = [FIRST, SECOND].map(|address| Tap::open(TARGET, (address, PORT).into()));
        drop_the_first_syn(&for_connect);
        drop_the_first_syn(&for_deny);
        expect([
            (must_connect(tcp(FIRST, PORT)), Expected::Ok),
            (must_not_connect(tcp(SECOND, PORT)), Expected::Open),
        ]);
        for tap in taps {
            assert_eq!(tap.count(), 2, "one was lost, and no more");
        }
    });
}

#[test]
fn a_resolver_that_answers_late_but_in_time_does_no_harm() {
    inside_namespaces(|| {
        lab::build();
        nameserver(Duration::from_millis(700), &[FIRST]);
        let open = listen(FIRST, PORT);
        let closed = listen(FIRST, PORT + 1);
        drop_everything(&closed);
        expect([
            (must_connect(tcp(NAME, PORT)), Expected::Ok),
            (must_not_connect(tcp(NAME, PORT)), Expected::Open),
            (must_connect(tcp(NAME, PORT + 1)), NO_ANSWER),
            (must_not_connect(tcp(NAME, PORT + 1)), Expected::Denied(&[FIRST])),
        ]);
        drop(open);
    });
}

#[test]
fn a_resolver_that_answers_too_late_is_no_denial() {
    inside_namespaces(|| {
        lab::build();
        nameserver(Duration::from_secs(5), &[FIRST]);
        let _listener = listen(FIRST, PORT);
        let late = Expected::Fail(Stage::Resolve, Class::ResolverTimeout);
        expect(both(tcp(NAME, PORT), late, Expected::Inconclusive));
    });
}

#[test]
fn a_connection_that_is_reset_once_it_stands_was_open() {
    inside_namespaces(|| {
        lab::build();
        serve(listen(FIRST, PORT), servers::reset);
        expect([(must_not_connect(tcp(FIRST, PORT)), Expected::Open)]);
    });
}

#[test]
fn a_connection_that_is_reset_when_something_is_said_fails_where_it_was_said() {
    inside_namespaces(|| {
        lab::build();
        serve(listen(FIRST, PORT), |stream| {
            std::thread::spawn(|| servers::reset_when_spoken_to(stream));
        });
        expect([
            (must_connect(tcp(FIRST, PORT)), Expected::Ok),
            (must_connect(tls(FIRST, PORT)), Expected::Fail(Stage::Tls, Class::Reset)),
            (
                must_connect(http(format!("http://{FIRST}:{PORT}/"))),
                Expected::Fail(Stage::Request, Class::Reset),
            ),
            (must_not_connect(tls(FIRST, PORT)), Expected::Open),
        ]);
    });
}

#[test]
fn a_refusal_has_crossed_the_network() {
    inside_namespaces(|| {
        lab::build();
        let refused = Expected::Fail(Stage::Connect, Class::Refused);
        expect(both(tcp(FIRST, PORT), refused, Expected::Open));
    });
}

#[test]
fn a_router_that_says_no_leaves_an_isolation_unproven() {
    inside_namespaces(|| {
        lab::build();
        for code in [HOST_UNREACHABLE, PORT_UNREACHABLE, PROHIBITED] {
            let port = PORT + u16::from(code);
            say_unreachable(ROUTER, (NOBODY, port).into(), code);
        }
        ROUTER.ip("route add blackhole 10.0.2.9/32\nroute add prohibit 10.0.2.8/32");
        for code in [HOST_UNREACHABLE, PORT_UNREACHABLE, PROHIBITED] {
            let port = PORT + u16::from(code);
            expect(both(tcp(NOBODY, port), UNREACHABLE, Expected::Inconclusive));
        }
        // The kernel's own message.
        expect(both(tcp("10.0.2.8", PORT), UNREACHABLE, Expected::Inconclusive));
    });
}

#[test]
fn a_target_that_says_no_itself_was_reached() {
    inside_namespaces(|| {
        lab::build();
        for code in [HOST_UNREACHABLE, PORT_UNREACHABLE, PROHIBITED] {
            let listener = listen(FIRST, PORT + u16::from(code));
            drop_everything(&listener);
            let address = listener.local_addr().unwrap();
            say_unreachable(TARGET, address, code);
            expect(both(tcp(FIRST, address.port()), UNREACHABLE, Expected::Open));
        }
    });
}

#[test]
fn a_path_whose_answers_get_lost_does_not_connect_and_looks_silent() {
    inside_namespaces(|| {
        lab::build();
        let _listener = listen(FIRST, PORT);
        let tap = Tap::open(TARGET, SocketAddr::from((FIRST, PORT)));
        TARGET.ip("route add blackhole 10.0.1.0/24");
        expect(both(tcp(FIRST, PORT), NO_ANSWER, Expected::Denied(&[FIRST])));
        assert!(tap.count() >= 4, "two of each check arrive");
    });
}

#[test]
fn what_a_security_group_drops_is_denied_at_every_address() {
    inside_namespaces(|| {
        lab::build();
        nameserver(Duration::ZERO, &[SECOND, FIRST]);
        let listeners = [listen(FIRST, PORT), listen(SECOND, PORT)];
        listeners.iter().for_each(drop_everything);
        expect(both(tcp(NAME, PORT), NO_ANSWER, Expected::Denied(&[FIRST, SECOND])));
    });
}

#[test]
fn one_dead_address_of_two_fails_a_connection_and_denies_nothing() {
    inside_namespaces(|| {
        lab::build();
        nameserver(Duration::ZERO, &[FIRST, NOBODY]);
        let _listener = listen(FIRST, PORT);
        ROUTER.ip("route add blackhole 10.0.2.9/32");
        expect(both(tcp(NAME, PORT), NO_ANSWER, Expected::Open));
    });
}

#[test]
fn one_silent_address_and_one_unreachable_address_prove_no_isolation() {
    inside_namespaces(|| {
        lab::build();
        nameserver(Duration::ZERO, &[FIRST, NOBODY]);
        let listener = listen(FIRST, PORT);
        drop_everything(&listener);
        ROUTER.ip("route add unreachable 10.0.2.9/32");
        expect([(must_not_connect(tcp(NAME, PORT)), Expected::Inconclusive)]);
    });
}

#[test]
fn where_large_packets_get_lost_tcp_connects_and_tls_does_not() {
    inside_namespaces(|| {
        lab::build();
        nameserver(Duration::ZERO, &[FIRST]);
        let root = servers::tls(listen(FIRST, PORT));
        let settings = Settings { extra_roots: vec![root], ..settings() };
        let https = || http(format!("https://{NAME}:{PORT}/"));
        expect_with(
            &settings,
            [(must_connect(tls(NAME, PORT)), Expected::Ok), (must_connect(https()), Expected::Ok)],
        );
        // The router drops what is longer, and what it says of that gets lost too.
        ROUTER.ip("link set prober mtu 1200\nrule add ipproto icmp lookup 100\nroute add blackhole default table 100");
        let hole = Expected::Fail(Stage::Tls, Class::MtuBlackHole);
        expect_with(
            &settings,
            [
                (must_connect(tcp(NAME, PORT)), Expected::Ok),
                (must_connect(tls(NAME, PORT)), hole),
                (must_connect(https()), hole),
                (must_not_connect(tls(NAME, PORT)), Expected::Open),
            ],
        );
    });
}

#[test]
fn a_name_that_leads_to_the_probers_own_machine_proves_nothing() {
    inside_namespaces(|| {
        lab::build();
        let everywhere = Ipv4Addr::UNSPECIFIED;
        let _listener = servers::listen_in(PROBER, everywhere, PORT);
        for own in [Ipv4Addr::LOCALHOST, everywhere, PROBER_ADDRESS] {
            expect(both(tcp(own, PORT), Expected::Inconclusive, Expected::Inconclusive));
        }
        nameserver(Duration::ZERO, &[Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED, PROBER_ADDRESS]);
        expect(both(tcp(NAME, PORT), Expected::Inconclusive, Expected::Inconclusive));
    });
}

#[test]
fn a_prober_without_a_route_says_nothing_of_an_isolation() {
    inside_namespaces(|| {
        lab::build();
        let _listener = listen(FIRST, PORT);
        PROBER.ip("route del default");
        let no_route = Expected::Fail(Stage::Connect, Class::NoRoute);
        expect(both(tcp(FIRST, PORT), no_route, Expected::Inconclusive));
    });
}

#[test]
fn a_router_that_refuses_for_itself_is_reached_itself() {
    inside_namespaces(|| {
        lab::build();
        let refused = Expected::Fail(Stage::Connect, Class::Refused);
        expect(both(tcp(ROUTER_ADDRESS, PORT), refused, Expected::Open));
    });
}
