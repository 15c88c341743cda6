//! What must not connect, and does.

use super::{DATABASE_LOST, DB, ISOLATION, OPEN, REFUSED, SILENT};
use crate::breaking::{DATABASE, answer, breach, kill};
use crate::scenario::{Message, Repair, Scenario, Told};
use crate::world::Target;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "isolation-breached",
        break_it: |it| breach(it),
        expected: &[("shop-stage", 0, ISOLATION, OPEN)],
        told: Told::Just(&[
            Message::Slack(
                "#net-prod",
                ":red_circle: shop-stage reaches db.payments.test:5432, which it must not",
            ),
            Message::Slack(
                "#net-stage",
                ":red_circle: shop-stage reaches db.payments.test:5432, which it must not",
            ),
            Message::Page(r#"ALARM: "shop-stage reaches db.payments.test:5432, which it must not""#),
        ]),
        repair: Repair::ByHand,
    },
    Scenario {
        name: "isolation-open-with-nothing-listening",
        break_it: |it| {
            breach(it);
            answer(it, Target::Database, DATABASE, None);
        },
        expected: &[("shop-stage", 0, ISOLATION, OPEN), ("shop-prod", 0, DB, REFUSED)],
        told: Told::Just(&[
            Message::Slack(
                "#net-prod",
                ":red_circle: db.payments.test:5432 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)",
            ),
            Message::Slack(
                "#net-prod",
                ":red_circle: shop-stage reaches db.payments.test:5432, which it must not",
            ),
            Message::Slack(
                "#net-stage",
                ":red_circle: shop-stage reaches db.payments.test:5432, which it must not",
            ),
            Message::Page(
                r#"ALARM: "db.payments.test:5432 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)""#,
            ),
            Message::Page(r#"ALARM: "shop-stage reaches db.payments.test:5432, which it must not""#),
        ]),
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
        told: Told::Just(DATABASE_LOST),
        repair: Repair::ByHand,
    },
];
