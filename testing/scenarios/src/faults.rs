//! The table of what can be broken.

mod between;
mod gateways;
mod isolation;
mod targets;

use phonehome_wire::{Class, Stage as Reached};

use crate::scenario::{Expected, Scenario};

pub(super) const SILENT: Expected = Expected::Fail(Reached::Connect, Class::ConnectTimeout);
pub(super) const REFUSED: Expected = Expected::Fail(Reached::Connect, Class::Refused);
pub(super) const UNRESOLVED: Expected = Expected::Fail(Reached::Resolve, Class::ResolverTimeout);
pub(super) const NO_SUCH_NAME: Expected = Expected::Fail(Reached::Resolve, Class::Nxdomain);
pub(super) const OPEN: Expected = Expected::Fail(Reached::Open, Class::Open);
pub(super) const HOLE: Expected = Expected::Fail(Reached::Tls, Class::MtuBlackHole);
pub(super) const EXPIRED: Expected = Expected::Fail(Reached::Tls, Class::CertExpired);
pub(super) const OTHER_NAME: Expected = Expected::Fail(Reached::Tls, Class::CertName);
pub(super) const UNTRUSTED: Expected = Expected::Fail(Reached::Tls, Class::CertUntrusted);
pub(super) const UNANSWERED: Expected = Expected::Fail(Reached::Response, Class::HttpTimeout);
/// The request itself was not all taken.
pub(super) const UNTAKEN: Expected = Expected::Fail(Reached::Request, Class::HttpTimeout);

pub(super) const API: &[&str] = &["connection/shop-to-payments/443"];
pub(super) const DB: &[&str] = &["connection/shop-to-payments/5432"];
pub(super) const PAYMENTS: &[&str] = &[API[0], DB[0]];
pub(super) const WAY_OUT: &[&str] = &["egress/www.internet.test/443", "egress/echo/echo.internet.test/80"];
pub(super) const EVERYTHING: &[&str] = &[API[0], DB[0], WAY_OUT[0], WAY_OUT[1]];
pub(super) const ISOLATION: &[&str] = &["isolation/shop-to-payments/db.payments.test/5432"];

/// Every scenario.
pub fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    [gateways::SCENARIOS, between::SCENARIOS, targets::SCENARIOS, isolation::SCENARIOS].into_iter().flatten()
}
