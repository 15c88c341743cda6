//! What is at the other end: hosts, names, certificates.

use std::time::Duration;

use phonehome_lab::{Answer, Certificate, Resolver};

use super::{
    API, API_WRONG, DATABASE_LOST, DB, EVERYTHING, EXPIRED, HOLE, ISOLATION, NAMES_LOST, NO_SUCH_NAME,
    OTHER_NAME, REFUSED, SILENT, UNRESOLVED, UNTRUSTED,
};
use crate::breaking::{DATABASE, answer, kill, present, resolver, subnet_id};
use crate::scenario::{Expected, Message, Repair, Scenario, Told};
use crate::world::{Target, stack};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "target-refuses",
        break_it: |it| answer(it, Target::Database, DATABASE, None),
        expected: &[("shop-prod", 0, DB, REFUSED)],
        told: Told::Just(DATABASE_LOST),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "target-silent",
        break_it: |it| answer(it, Target::Database, DATABASE, Some(Answer::Silence)),
        expected: &[("shop-prod", 0, DB, SILENT)],
        told: Told::Just(DATABASE_LOST),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "one-of-two-addresses-dead",
        break_it: |it| kill(it, Target::Application(1)),
        expected: &[("shop-prod", 0, API, SILENT)],
        told: Told::Just(&[
            Message::Slack(
                "#net-prod",
                ":red_circle: api.payments.test:443 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)",
            ),
            Message::Page(
                r#"ALARM: "api.payments.test:443 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)""#,
            ),
        ]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "resolver-dead",
        break_it: |it| resolver(it, Resolver::Dead),
        expected: &[("shop-prod", 0, EVERYTHING, UNRESOLVED)],
        told: Told::Just(NAMES_LOST),
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
        told: Told::Just(NAMES_LOST),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "name-does-not-exist",
        break_it: |it| drop(it.wishes.names.remove("db.payments.test")),
        expected: &[("shop-prod", 0, DB, NO_SUCH_NAME), ("shop-stage", 0, ISOLATION, Expected::Inconclusive)],
        told: Told::Just(DATABASE_LOST),
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
        told: Told::Just(API_WRONG),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "certificate-expired",
        break_it: |it| present(it, Certificate::Expired),
        expected: &[("shop-prod", 0, API, EXPIRED)],
        told: Told::Just(API_WRONG),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "certificate-for-another-name",
        break_it: |it| present(it, Certificate::OtherName),
        expected: &[("shop-prod", 0, API, OTHER_NAME)],
        told: Told::Just(API_WRONG),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "certificate-of-an-authority-in-no-file",
        break_it: |it| present(it, Certificate::OtherAuthority),
        expected: &[("shop-prod", 0, API, UNTRUSTED)],
        told: Told::Just(API_WRONG),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "authorities-missing-beside-the-probes-code",
        break_it: |it| {
            it.wishes.without_authorities.insert(stack("shop-prod"));
        },
        expected: &[("shop-prod", 0, API, UNTRUSTED)],
        told: Told::Just(API_WRONG),
        repair: Repair::ByHand,
    },
];
