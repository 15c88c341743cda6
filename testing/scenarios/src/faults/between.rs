//! Ways from one account to another, and whole zones.

use super::{
    ACCOUNT_LOST, API, DB, EVERYTHING, ISOLATION, PAYMENTS, PAYMENTS_LOST, SILENT, UNRESOLVED, WAY_OUT,
};
use crate::breaking::{
    APPLICATION, DEAD, DELAY, close_payments, close_probes, dead_zone, delete_peering, delete_return_route,
    deny_ephemeral_ports, deny_port, impair_peering, swallow,
};
use crate::scenario::{Expected, Message, Repair, Scenario, Told};

pub(super) const SCENARIOS: &[Scenario] = &[
    // It swallows the way to one of two hosts of the application, and to the database.
    Scenario {
        name: "more-specific-route",
        break_it: |it| swallow(it, 1),
        expected: &[("shop-prod", 1, PAYMENTS, SILENT)],
        told: Told::Just(&[Message::Slack(
            "#net-prod",
            ":warning: shop-prod (use1-az1) cannot reach payments-prod",
        )]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "security-group-rule-removed",
        break_it: |it| close_payments(it),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(PAYMENTS_LOST),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "probe-security-group-lets-nothing-out",
        break_it: |it| close_probes(it),
        expected: &[("shop-prod", 0, EVERYTHING, SILENT)],
        told: Told::Just(ACCOUNT_LOST),
        repair: Repair::Provisioner,
    },
    // It is the same port by which hosts on the internet are reached, and the NAT gateway is behind the same ACL.
    Scenario {
        name: "acl-closes-the-port",
        break_it: |it| deny_port(it, APPLICATION),
        expected: &[("shop-prod", 0, API, SILENT), ("payments-prod", 0, &[WAY_OUT[0]], SILENT)],
        told: Told::Just(&[
            Message::Slack(
                "#net-prod",
                ":red_circle: api.payments.test:443 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)",
            ),
            Message::Slack(
                "#net-prod",
                ":warning: www.internet.test:443 cannot be reached from payments-prod (use1-az1, use1-az2)",
            ),
            Message::Page(
                r#"ALARM: "api.payments.test:443 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)""#,
            ),
        ]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "acl-closes-the-answers-ports",
        break_it: |it| deny_ephemeral_ports(it, true),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(PAYMENTS_LOST),
        repair: Repair::ByHand,
    },
    // The database's port is one of them.
    Scenario {
        name: "acl-closes-the-ports-answers-come-to",
        break_it: |it| deny_ephemeral_ports(it, false),
        expected: &[("payments-prod", 1, WAY_OUT, SILENT), ("shop-prod", 0, DB, SILENT)],
        told: Told::Just(&[
            Message::Slack(
                "#net-prod",
                ":red_circle: db.payments.test:5432 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)",
            ),
            Message::Slack("#net-prod", ":warning: payments-prod: nothing gets out of use1-az1"),
            Message::Page(
                r#"ALARM: "db.payments.test:5432 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)""#,
            ),
        ]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "peering-deleted",
        break_it: |it| delete_peering(it),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(PAYMENTS_LOST),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "return-route-missing",
        break_it: |it| delete_return_route(it, 1),
        expected: &[("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(PAYMENTS_LOST),
        repair: Repair::Provisioner,
    },
    // Its probe does not even reach the resolver.
    Scenario {
        name: "one-zone-dead-in-one-account",
        break_it: |it| dead_zone(it, Some("shop-prod")),
        expected: &[("shop-prod", 1, EVERYTHING, UNRESOLVED)],
        told: Told::Just(&[Message::Slack(
            "#net-prod",
            ":warning: shop-prod: names are not resolved in use1-az1",
        )]),
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
        // What is lost in the zone, and what is behind it for those who are elsewhere: where a target is the fleet file
        // does not say.
        told: Told::Just(&[
            Message::Slack("#net-prod", ":red_circle: shop-prod (use1-az2) cannot reach payments-prod"),
            Message::Slack(
                "#net-prod",
                ":red_circle: payments-prod, shop-prod, shop-stage: nothing gets out of use1-az1",
            ),
            Message::Slack(
                "#net-stage",
                ":red_circle: payments-prod, shop-prod, shop-stage: nothing gets out of use1-az1",
            ),
            Message::Page(r#"ALARM: "shop-prod (use1-az2) cannot reach payments-prod""#),
            Message::Page(r#"ALARM: "payments-prod, shop-prod, shop-stage: nothing gets out of use1-az1""#),
        ]),
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
        told: Told::Just(PAYMENTS_LOST),
        repair: Repair::ByHand,
    },
];
