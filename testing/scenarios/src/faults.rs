//! The table of what can be broken.

use std::time::Duration;

use phonehome_lab::{Answer, Certificate, Effect, Resolver};
use phonehome_wire::{Class, Stage as Reached};

use crate::breaking::*;
use crate::scenario::{Expected, Message, Repair, Scenario, Told};
use crate::stage::{Target, stack};

const SILENT: Expected = Expected::Fail(Reached::Connect, Class::ConnectTimeout);
const REFUSED: Expected = Expected::Fail(Reached::Connect, Class::Refused);
const UNRESOLVED: Expected = Expected::Fail(Reached::Resolve, Class::ResolverTimeout);
const NO_SUCH_NAME: Expected = Expected::Fail(Reached::Resolve, Class::Nxdomain);
const OPEN: Expected = Expected::Fail(Reached::Open, Class::Open);
const HOLE: Expected = Expected::Fail(Reached::Tls, Class::MtuBlackHole);
const EXPIRED: Expected = Expected::Fail(Reached::Tls, Class::CertExpired);
const OTHER_NAME: Expected = Expected::Fail(Reached::Tls, Class::CertName);
const UNTRUSTED: Expected = Expected::Fail(Reached::Tls, Class::CertUntrusted);
const UNANSWERED: Expected = Expected::Fail(Reached::Response, Class::HttpTimeout);

const API: &[&str] = &["connection/shop-to-payments/443"];
const DB: &[&str] = &["connection/shop-to-payments/5432"];
const PAYMENTS: &[&str] = &[API[0], DB[0]];
const WAY_OUT: &[&str] = &["egress/www.internet.test/443", "egress/echo/echo.internet.test/80"];
const EVERYTHING: &[&str] = &[API[0], DB[0], WAY_OUT[0], WAY_OUT[1]];
const ISOLATION: &[&str] = &["isolation/shop-to-payments/db.payments.test/5432"];

/// Every scenario.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "nothing-broken",
        break_it: |_| (),
        expected: &[],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "one-nat-gateway-gone",
        break_it: |it| delete_nat_gateways(it, &[1]),
        expected: &[("shop-prod", 1, WAY_OUT, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "all-nat-gateways-gone",
        break_it: |it| delete_nat_gateways(it, &[1, 2]),
        expected: &[("shop-prod", 0, WAY_OUT, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "private-default-route-deleted",
        break_it: |it| delete_default_route(it, 1),
        expected: &[("shop-prod", 1, WAY_OUT, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    // It swallows the way to one of two hosts of the application, and to the database.
    Scenario {
        name: "more-specific-route",
        break_it: |it| swallow(it, 1),
        expected: &[("shop-prod", 1, PAYMENTS, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "internet-gateway-detached",
        break_it: |it| detach_internet_gateway(it),
        expected: &[("shop-prod", 0, WAY_OUT, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "security-group-rule-removed",
        break_it: |it| close_payments(it),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "probe-security-group-lets-nothing-out",
        break_it: |it| close_probes(it),
        expected: &[("shop-prod", 0, EVERYTHING, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "acl-closes-the-port",
        break_it: |it| deny_port(it, APPLICATION),
        expected: &[("shop-prod", 0, API, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "acl-closes-the-answers-ports",
        break_it: |it| deny_ephemeral_ports(it, true),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    // The database's port is one of them.
    Scenario {
        name: "acl-closes-the-ports-answers-come-to",
        break_it: |it| deny_ephemeral_ports(it, false),
        expected: &[("payments-prod", 1, WAY_OUT, SILENT), ("shop-prod", 0, DB, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "peering-deleted",
        break_it: |it| delete_peering(it),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "return-route-missing",
        break_it: |it| delete_return_route(it, 1),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    // Its probe does not even reach the resolver.
    Scenario {
        name: "one-zone-dead-in-one-account",
        break_it: |it| dead_zone(it, Some("shop-prod")),
        expected: &[("shop-prod", 1, EVERYTHING, UNRESOLVED)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "one-zone-dead-everywhere",
        break_it: |it| dead_zone(it, None),
        expected: &[
            ("shop-prod", 1, EVERYTHING, UNRESOLVED),
            ("shop-prod", 2, PAYMENTS, SILENT),
            ("payments-prod", 1, WAY_OUT, UNRESOLVED),
            ("shop-stage", 1, WAY_OUT, UNRESOLVED),
            ("shop-stage", 1, ISOLATION, Expected::Inconclusive),
        ],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "target-refuses",
        break_it: |it| answer(it, Target::Database, DATABASE, None),
        expected: &[("shop-prod", 0, DB, REFUSED)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "target-silent",
        break_it: |it| answer(it, Target::Database, DATABASE, Some(Answer::Silence)),
        expected: &[("shop-prod", 0, DB, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "one-of-two-addresses-dead",
        break_it: |it| kill(it, Target::Application(1)),
        expected: &[("shop-prod", 0, API, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "resolver-dead",
        break_it: |it| resolver(it, Resolver::Dead),
        expected: &[("shop-prod", 0, EVERYTHING, UNRESOLVED)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "resolver-slow",
        break_it: |it| resolver(it, Resolver::Slow(Duration::from_millis(700))),
        expected: &[],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "resolver-too-slow",
        break_it: |it| resolver(it, Resolver::Slow(Duration::from_secs(5))),
        expected: &[("shop-prod", 0, EVERYTHING, UNRESOLVED)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "name-does-not-exist",
        break_it: |it| drop(it.wishes.names.remove("db.payments.test")),
        expected: &[("shop-prod", 0, DB, NO_SUCH_NAME), ("shop-stage", 0, ISOLATION, Expected::Inconclusive)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    // How far they come is chance.
    Scenario {
        name: "nat-gateway-loses-30-percent",
        break_it: |it| impair_nat_gateway(it, Effect::Loss(30)),
        expected: &[("shop-prod", 1, WAY_OUT, Expected::OneOf(&[Expected::Ok, SILENT, UNANSWERED]))],
        told: Told::Anything,
        repair: Repair::ByHand,
    },
    Scenario {
        name: "peering-slow",
        break_it: |it| impair_peering(it, DELAY),
        expected: &[("shop-prod", 0, PAYMENTS, Expected::Delayed(300))],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "peering-dead",
        break_it: |it| impair_peering(it, DEAD),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    // Certificates do not get out of that subnet.
    Scenario {
        name: "mtu-hole",
        break_it: |it| {
            let subnet_id = subnet_id(it, "payments-prod", 1);
            it.wishes.mtus.insert(subnet_id, 1_200);
        },
        expected: &[("shop-prod", 0, API, HOLE)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "certificate-expired",
        break_it: |it| present(it, Certificate::Expired),
        expected: &[("shop-prod", 0, API, EXPIRED)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "certificate-for-another-name",
        break_it: |it| present(it, Certificate::OtherName),
        expected: &[("shop-prod", 0, API, OTHER_NAME)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "certificate-of-an-authority-in-no-file",
        break_it: |it| present(it, Certificate::OtherAuthority),
        expected: &[("shop-prod", 0, API, UNTRUSTED)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "authorities-missing-beside-the-probes-code",
        break_it: |it| {
            it.wishes.without_authorities.insert(stack("shop-prod"));
        },
        expected: &[("shop-prod", 0, API, UNTRUSTED)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "isolation-breached",
        break_it: |it| breach(it),
        expected: &[("shop-stage", 0, ISOLATION, OPEN)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "isolation-open-with-nothing-listening",
        break_it: |it| {
            breach(it);
            answer(it, Target::Database, DATABASE, None);
        },
        expected: &[("shop-stage", 0, ISOLATION, OPEN), ("shop-prod", 0, DB, REFUSED)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    // The probe cannot tell a dead host from a closed one: that is why a denial needs a proof.
    Scenario {
        name: "isolation-of-a-dead-target",
        break_it: |it| {
            breach(it);
            kill(it, Target::Database);
        },
        expected: &[("shop-prod", 0, DB, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "two-faults-at-once",
        break_it: |it| {
            delete_nat_gateways(it, &[1]);
            close_payments(it);
        },
        expected: &[("shop-prod", 1, WAY_OUT, SILENT), ("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
    // Their reports arrive all the same: they go no way that is in this account.
    Scenario {
        name: "no-way-out-of-the-account",
        break_it: |it| cut_off(it),
        expected: &[("shop-prod", 0, EVERYTHING, SILENT)],
        told: Told::Just(&[]),
        repair: Repair::Provisioner,
    },
];
