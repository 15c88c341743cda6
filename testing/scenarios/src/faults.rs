//! The table of what can be broken.

mod between;
mod gateways;
mod isolation;
mod targets;

use phonehome_wire::{Class, Stage};

use crate::scenario::{Expected, Message, Scenario};

pub(super) const SILENT: Expected = Expected::Fail(Stage::Connect, Class::ConnectTimeout);
pub(super) const REFUSED: Expected = Expected::Fail(Stage::Connect, Class::Refused);
pub(super) const UNRESOLVED: Expected = Expected::Fail(Stage::Resolve, Class::ResolverTimeout);
pub(super) const NO_SUCH_NAME: Expected = Expected::Fail(Stage::Resolve, Class::Nxdomain);
pub(super) const OPEN: Expected = Expected::Fail(Stage::Open, Class::Open);
pub(super) const HOLE: Expected = Expected::Fail(Stage::Tls, Class::MtuBlackHole);
pub(super) const EXPIRED: Expected = Expected::Fail(Stage::Tls, Class::CertExpired);
pub(super) const OTHER_NAME: Expected = Expected::Fail(Stage::Tls, Class::CertName);
pub(super) const UNTRUSTED: Expected = Expected::Fail(Stage::Tls, Class::CertUntrusted);
pub(super) const UNANSWERED: Expected = Expected::Fail(Stage::Response, Class::HttpTimeout);
/// The request itself was not all taken.
pub(super) const UNTAKEN: Expected = Expected::Fail(Stage::Request, Class::HttpTimeout);

pub(super) const API: &[&str] = &["connection/shop-to-payments/443"];
pub(super) const DB: &[&str] = &["connection/shop-to-payments/5432"];
pub(super) const PAYMENTS: &[&str] = &[API[0], DB[0]];
pub(super) const WAY_OUT: &[&str] = &["egress/www.internet.test/443", "egress/echo/echo.internet.test/80"];
pub(super) const EVERYTHING: &[&str] = &[API[0], DB[0], WAY_OUT[0], WAY_OUT[1]];
pub(super) const ISOLATION: &[&str] = &["isolation/shop-to-payments/db.payments.test/5432"];

/// Nothing gets out of shop-prod.
pub(super) const ACCOUNT_LOST: &[Message] = &[
    Message::Slack("#net-prod", ":red_circle: shop-prod: nothing gets out in us-east-1"),
    Message::Page(r#"ALARM: "shop-prod: nothing gets out in us-east-1""#),
];
/// payments' application is reached, and answers otherwise than it should.
pub(super) const API_WRONG: &[Message] = &[
    Message::Slack(
        "#net-prod",
        ":red_circle: api.payments.test:443 (payments-prod) answers wrongly to shop-prod (use1-az1, use1-az2)",
    ),
    Message::Page(
        r#"ALARM: "api.payments.test:443 (payments-prod) answers wrongly to shop-prod (use1-az1, use1-az2)""#,
    ),
];
/// Nobody gets to payments' database.
pub(super) const DATABASE_LOST: &[Message] = &[
    Message::Slack(
        "#net-prod",
        ":red_circle: db.payments.test:5432 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)",
    ),
    Message::Page(
        r#"ALARM: "db.payments.test:5432 (payments-prod) cannot be reached from shop-prod (use1-az1, use1-az2)""#,
    ),
];
/// The resolver of shop-prod answers nothing.
pub(super) const NAMES_LOST: &[Message] = &[
    Message::Slack("#net-prod", ":red_circle: shop-prod: names are not resolved in us-east-1"),
    Message::Page(r#"ALARM: "shop-prod: names are not resolved in us-east-1""#),
];
/// shop-prod does not get to payments, from either zone and at either port.
pub(super) const PAYMENTS_LOST: &[Message] = &[
    Message::Slack("#net-prod", ":red_circle: shop-prod (use1-az1, use1-az2) cannot reach payments-prod"),
    Message::Page(r#"ALARM: "shop-prod (use1-az1, use1-az2) cannot reach payments-prod""#),
];
/// shop-prod has lost its way out and still reaches payments.
pub(super) const WAY_OUT_LOST: &[Message] = &[
    Message::Slack("#net-prod", ":red_circle: shop-prod (use1-az1, use1-az2) has no way out to the internet"),
    Message::Page(r#"ALARM: "shop-prod (use1-az1, use1-az2) has no way out to the internet""#),
];
/// shop-prod's first zone has lost its way out.
pub(super) const WAY_OUT_OF_A_ZONE_LOST: &[Message] =
    &[Message::Slack("#net-prod", ":warning: shop-prod (use1-az1) has no way out to the internet")];

/// Every scenario.
pub fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    [gateways::SCENARIOS, between::SCENARIOS, targets::SCENARIOS, isolation::SCENARIOS].into_iter().flatten()
}
