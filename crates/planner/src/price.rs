//! What a stack's ways out cost a month.

use std::fmt;

use phonehome_fleet::Nat;
use serde::Serialize;

/// A NAT gateway, in US cents a month: $0.045 an hour, 720 hours, us-east-1, AWS price list of
/// November 2026. A regional one is charged as much for each zone that it spans.
const NAT_GATEWAY_CENTS: u64 = 3240;
/// A public IPv4 address, in US cents a month: $0.005 an hour, 720 hours.
const PUBLIC_ADDRESS_CENTS: u64 = 360;

/// What NAT gateways with their addresses cost a month, without data, in US cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MonthlyPrice {
    /// The declared mode.
    #[serde(serialize_with = "as_text")]
    pub nat: Nat,
    /// How many zones the stack has.
    pub zones: u64,
    /// What is there now.
    pub before_cents: u64,
    /// What will be there after this plan, what is withheld included.
    pub after_cents: u64,
    /// Of that, what is for NAT gateways and elastic IPs that are no longer declared and stay.
    pub undeclared_cents: u64,
}

impl MonthlyPrice {
    /// Whether people have to be told: it changes, or something is paid for that is not declared.
    pub fn is_news(&self) -> bool {
        self.before_cents != self.after_cents || self.undeclared_cents > 0
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_text<S: serde::Serializer>(nat: &Nat, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(nat_name(*nat))
}

/// The mode as the fleet file writes it.
pub fn nat_name(nat: Nat) -> &'static str {
    match nat {
        Nat::PerAz => "per-az",
        Nat::Single => "single",
        Nat::Regional => "regional",
        Nat::None => "none",
    }
}

/// What `gateways` zonal NAT gateways, or a regional one that spans as many zones, cost a month in
/// US cents. `addresses` is how many elastic IPs are kept for them.
pub fn cents(gateways: u64, addresses: u64) -> u64 {
    gateways * NAT_GATEWAY_CENTS + addresses * PUBLIC_ADDRESS_CENTS
}

/// What a mode costs a month in a stack of so many zones, in US cents.
pub fn cents_of(nat: Nat, zones: u64) -> u64 {
    let gateways = match nat {
        Nat::PerAz | Nat::Regional => zones,
        Nat::Single => zones.min(1),
        Nat::None => 0,
    };
    cents(gateways, gateways)
}

/// `$108.00`
pub fn dollars(cents: u64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// `+$108.00`
pub fn difference(before_cents: u64, after_cents: u64) -> String {
    let sign = if after_cents >= before_cents { '+' } else { '-' };
    format!("{sign}{}", dollars(after_cents.abs_diff(before_cents)))
}

impl fmt::Display for MonthlyPrice {
    /// `NAT per-az costs $108.00 a month without data (now $0.00: +$108.00); other modes: single $36.00, …`;
    /// before the brackets, where something stays that is no longer declared, also what that costs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let declared = dollars(self.after_cents.saturating_sub(self.undeclared_cents));
        write!(f, "NAT {} costs {declared} a month without data", nat_name(self.nat))?;
        if self.undeclared_cents > 0 {
            let more = dollars(self.undeclared_cents);
            write!(f, ", and {more} for what is no longer declared and stays")?;
        }
        if self.before_cents != self.after_cents {
            let difference = difference(self.before_cents, self.after_cents);
            write!(f, " (now {}: {difference})", dollars(self.before_cents))?;
        }
        let others =
            [Nat::PerAz, Nat::Regional, Nat::Single, Nat::None].into_iter().filter(|it| *it != self.nat);
        let others: Vec<String> = others
            .map(|other| format!("{} {}", nat_name(other), dollars(cents_of(other, self.zones))))
            .collect();
        write!(f, "; other modes: {}", others.join(", "))
    }
}
