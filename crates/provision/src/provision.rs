//! What reconciling needs: state, the way into accounts, a clock; and one stack to work on.

use phonehome_cloud::SystemClock;
use phonehome_fleet::{Fleet, Member};
use phonehome_planner::Limits;
use phonehome_state::{Accepted, ProbeRelease};
use phonehome_wire::{AccountId, Region, StackId};

/// Brings stacks to what is declared.
#[derive(Debug)]
pub struct Provision<T, M, C = SystemClock> {
    /// Where state is kept.
    pub table: T,
    /// The way into member accounts.
    pub members: M,
    /// How long a changed stack is left alone, in milliseconds: [`crate::COOLDOWN_MS`] on AWS. What EC2 was
    /// just told may not be visible yet, and whoever observes then would make it again.
    pub cooldown_ms: u64,
    /// What time it is.
    pub clock: C,
}

/// One stack to work on.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// What the account's version of the fleet file declares.
    pub fleet: &'a Fleet,
    /// The member that the account is.
    pub member: &'a Member,
    /// The account.
    pub account: &'a AccountId,
    /// The Region.
    pub region: &'a Region,
    /// The certificate authorities that the probes trust beside the public ones, as PEM.
    pub authorities: Option<&'a str>,
    /// What may be taken away or disturbed; `None`: what a sweep may do.
    pub limits: Option<Limits>,
    /// The version whose permission counts, for a function; `None`: a person does it, and no hourly limit
    /// counts.
    pub published: Option<Published<'a>>,
}

impl Job<'_> {
    /// The account in the Region.
    pub fn stack(&self) -> StackId {
        StackId::new(self.account, self.region)
    }

    /// The Slack channel that hears of the account.
    pub(crate) fn channel(&self) -> &str {
        &self.fleet.route_for(&self.member.environment, &self.member.domain).slack_channel
    }
}

/// What binds a function, other than a person at a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    /// The version of the account.
    pub number: u64,
    /// What was accepted with it.
    pub accepted: &'a Accepted,
    /// Whether it is in force. While it is not it may be taken back, and nothing is given up for good.
    pub in_force: bool,
    /// The code that its probes have; `None` for the one that this came with.
    pub probes: Option<&'a ProbeRelease>,
    /// Whether it is only looked after, as in each sweep, and nobody has a reason to look: then what AWS says that
    /// nothing has changed is not read again.
    pub is_routine: bool,
    /// Whether it is being rolled out: then the other ends of the account's connections are to look when it has it.
    pub is_rolled_out: bool,
}
