//! What an attempt met; says nothing yet of whether that is good or bad.

use std::net::{IpAddr, SocketAddr};

use phonehome_wire::{Class, IcmpSaid, Miss, Stage};

/// What an attempt at one address, or the lookup of a name, met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The whole exchange worked, with what is named here.
    Reached(String),
    /// No answer to two SYNs or more: what a path looks like that the network closes.
    Silent(String),
    /// The host itself refused or reset the connection: a packet has crossed.
    Refused(Failure),
    /// It failed otherwise: the name did not resolve, a router said no, something answered wrongly.
    Failed(Failure),
    /// There is nothing here that could be tested: an IPv6 address where the subnet has none.
    NotTestable(String),
    /// Whatever came of it would say nothing of the network.
    ProvesNothing(String),
    /// The probe itself could not test.
    ProbeError(String),
}

/// How far it came, what was in its way, and both in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) class: Class,
    pub(crate) icmp: Option<IcmpSaid>,
    pub(crate) error: String,
}

impl Failure {
    pub(crate) fn new(stage: Stage, class: Class, error: impl Into<String>) -> Self {
        Self { stage, class, icmp: None, error: error.into() }
    }
}

impl Outcome {
    pub(crate) fn failed(stage: Stage, class: Class, error: impl Into<String>) -> Self {
        Self::Failed(Failure::new(stage, class, error))
    }

    pub(crate) fn refused(class: Class, error: impl Into<String>) -> Self {
        Self::Refused(Failure::new(Stage::Connect, class, error))
    }

    /// The failure that it is of something that had to connect.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Silent(error) => Some(Failure::new(Stage::Connect, Class::ConnectTimeout, error.clone())),
            Self::Refused(failure) | Self::Failed(failure) => Some(failure.clone()),
            Self::Reached(_) | Self::NotTestable(_) | Self::ProvesNothing(_) | Self::ProbeError(_) => None,
        }
    }

    /// As it is written into a report; nothing for a success.
    pub(crate) fn miss(&self) -> Option<Miss> {
        match self {
            Self::Reached(_) => None,
            Self::NotTestable(reason) | Self::ProvesNothing(reason) => {
                Some(Miss::NotTestable { reason: reason.clone() })
            }
            Self::ProbeError(reason) => Some(Miss::ProbeError { reason: reason.clone() }),
            Self::Silent(_) | Self::Refused(_) | Self::Failed(_) => {
                let Failure { stage, class, icmp, error } = self.failure()?;
                Some(Miss::Failed { stage, class, icmp, error })
            }
        }
    }

    /// Whether a packet has met something at the other end, even if that then refused or answered wrongly.
    pub(crate) fn crossed(&self) -> bool {
        match self {
            Self::Reached(_) | Self::Refused(_) => true,
            Self::Failed(failure) => failure.stage > Stage::Connect,
            Self::Silent(_) | Self::NotTestable(_) | Self::ProvesNothing(_) | Self::ProbeError(_) => false,
        }
    }
}

/// What was met at one address; without one, what kept a check from getting to any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) address: Option<IpAddr>,
    pub(crate) outcome: Outcome,
}

impl Met {
    pub(crate) fn at(address: SocketAddr, outcome: Outcome) -> Self {
        Self { address: Some(address.ip()), outcome }
    }

    pub(crate) fn nowhere(outcome: Outcome) -> Self {
        Self { address: None, outcome }
    }
}
