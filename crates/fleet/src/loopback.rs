//! Targets on the probe's own machine.

/// What is to be said of a check that is aimed at 127.0.0.0/8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Loopback {
    /// It reaches nothing but the probe itself.
    #[default]
    Refused,
    /// In the local cloud every target is a listener there.
    Allowed,
}
