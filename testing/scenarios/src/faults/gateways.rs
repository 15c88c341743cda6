//! Ways out of an account.

use phonehome_lab::Effect;

use super::{
    ACCOUNT_LOST, EVERYTHING, PAYMENTS, SILENT, UNANSWERED, UNTAKEN, WAY_OUT, WAY_OUT_LOST,
    WAY_OUT_OF_A_ZONE_LOST,
};
use crate::breaking::{
    close_payments, cut_off, delete_default_route, delete_nat_gateways, detach_internet_gateway,
    impair_nat_gateway,
};
use crate::scenario::{Expected, Message, Repair, Scenario, Told};

pub(super) const SCENARIOS: &[Scenario] = &[
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
        told: Told::Just(WAY_OUT_OF_A_ZONE_LOST),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "all-nat-gateways-gone",
        break_it: |it| delete_nat_gateways(it, &[1, 2]),
        expected: &[("shop-prod", 0, WAY_OUT, SILENT)],
        told: Told::Just(WAY_OUT_LOST),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "private-default-route-deleted",
        break_it: |it| delete_default_route(it, 1),
        expected: &[("shop-prod", 1, WAY_OUT, SILENT)],
        told: Told::Just(WAY_OUT_OF_A_ZONE_LOST),
        repair: Repair::Provisioner,
    },
    Scenario {
        name: "internet-gateway-detached",
        break_it: |it| detach_internet_gateway(it),
        expected: &[("shop-prod", 0, WAY_OUT, SILENT)],
        told: Told::Just(WAY_OUT_LOST),
        repair: Repair::Provisioner,
    },
    // How far they come is chance.
    Scenario {
        name: "nat-gateway-loses-30-percent",
        break_it: |it| impair_nat_gateway(it, Effect::Loss(30)),
        expected: &[("shop-prod", 1, WAY_OUT, Expected::OneOf(&[Expected::Ok, SILENT, UNANSWERED, UNTAKEN]))],
        told: Told::Anything,
        repair: Repair::ByHand,
    },
    Scenario {
        name: "two-faults-at-once",
        break_it: |it| {
            delete_nat_gateways(it, &[1]);
            close_payments(it);
        },
        expected: &[("shop-prod", 1, WAY_OUT, SILENT), ("shop-prod", 0, PAYMENTS, SILENT)],
        told: Told::Just(&[
            Message::Slack("#net-prod", ":red_circle: shop-prod (use1-az2) cannot reach payments-prod"),
            Message::Slack("#net-prod", ":red_circle: shop-prod: nothing gets out of use1-az1"),
            Message::Page(r#"ALARM: "shop-prod (use1-az2) cannot reach payments-prod""#),
            Message::Page(r#"ALARM: "shop-prod: nothing gets out of use1-az1""#),
        ]),
        repair: Repair::Provisioner,
    },
    // Their reports arrive all the same: they go no way that is in this account.
    Scenario {
        name: "no-way-out-of-the-account",
        break_it: |it| cut_off(it),
        expected: &[("shop-prod", 0, EVERYTHING, SILENT)],
        told: Told::Just(ACCOUNT_LOST),
        repair: Repair::Provisioner,
    },
];
