//! What goes wrong in a call to a cloud, told apart by what can be done about it.

use std::fmt;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} ({subject}): {cause}{}", self.hint())]
pub struct CloudError {
    /// The API operation, `ec2:CreateVpc`.
    pub operation: &'static str,
    /// What it was about: an account, an address, a queue.
    pub subject: String,
    /// Why it failed.
    pub cause: Cause,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The service answered with an error.
    Service {
        /// AWS's error code. What each means is in `meaning.rs`.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// The service failed, and gave no code that is known.
    Http {
        /// The answer's HTTP status: 429, or 500 and above.
        status: u16,
        /// What it said.
        message: String,
    },
    /// No answer came in time: what was asked for may be done.
    Timeout,
    /// There was no connection, or it broke: what was asked for may be done.
    Connection(String),
    /// The answer was cut off, or lacks what it must carry: what was asked for is done.
    Response(String),
    /// The request could not be built: nothing was asked.
    Request(String),
    /// Nothing was asked: the call would have exceeded AWS's limit.
    LocalThrottle {
        /// For how long; milliseconds.
        wait_ms: u64,
        /// Which limit, in words.
        limit: String,
    },
    /// Nothing was asked: what the call needs was there already, and nobody has seen its id yet.
    NotSeenYet(String),
}

/// What can be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Slow down and try again.
    Throttled,
    /// Something just made is not visible everywhere yet, or something just deleted is not gone
    /// yet: try again.
    EventuallyConsistent,
    /// It is so already: what was to be deleted is gone, what was to be added is there. No failure;
    /// the next observation decides what is true.
    AlreadyDone,
    /// The account is too young: try again for at least 15 minutes.
    AccountNotReady,
    /// The role may not do this, and will not by itself.
    Denied,
    /// The condition of a conditional write does not hold: read again.
    Conflict,
    /// The network or the service failed: try again.
    Transient,
    /// The request is wrong: trying again does not help.
    Invalid,
}

impl CloudError {
    /// An error that the service answered with.
    pub fn service(
        operation: &'static str,
        subject: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::of_cause(operation, subject, Cause::Service { code: code.into(), message: message.into() })
    }

    /// An error with this cause.
    pub fn of_cause(operation: &'static str, subject: impl Into<String>, cause: Cause) -> Self {
        Self { operation, subject: subject.into(), cause }
    }

    /// AWS's error code, where the service answered with one.
    pub fn code(&self) -> Option<&str> {
        match &self.cause {
            Cause::Service { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The same, with the answer's HTTP status: it decides where the service failed (500 and above) or
    /// refused to be asked so often (429), and gave no code that the table knows.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        let failed = status == 429 || status >= 500;
        match &self.cause {
            Cause::Service { code, message }
                if failed && self.class() == Class::Invalid && self.advice().is_empty() =>
            {
                let message = format!("{code}: {message}");
                Self { cause: Cause::Http { status, message }, ..self }
            }
            _ => self,
        }
    }

    /// Whether it is sure that nothing was done: the service said no, or was never asked.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        match &self.cause {
            Cause::Service { .. } => {
                matches!(self.class(), Class::Denied | Class::Invalid | Class::Throttled)
            }
            Cause::Request(_) | Cause::LocalThrottle { .. } | Cause::NotSeenYet(_) => true,
            Cause::Http { .. } | Cause::Timeout | Cause::Connection(_) | Cause::Response(_) => false,
        }
    }

    fn hint(&self) -> String {
        match self.advice() {
            "" => String::new(),
            advice => format!(". In that account: {advice}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { code, message } => write!(f, "{code}: {message}"),
            Self::Http { status, message } => write!(f, "HTTP {status}: {message}"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Connection(problem) => write!(f, "no connection: {problem}"),
            Self::Response(problem) => write!(f, "unusable answer: {problem}"),
            Self::Request(problem) => write!(f, "the request could not be built: {problem}"),
            Self::LocalThrottle { limit, .. } => write!(f, "not asked: {limit}"),
            Self::NotSeenYet(what) => write!(f, "not asked: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_failed_is_asked_again_whatever_it_calls_its_failure() {
        for (code, status, becomes, class) in [
            ("unknown", 503, None, Class::Transient),
            ("SomethingNew", 500, None, Class::Transient),
            ("SomethingNew", 599, None, Class::Transient),
            ("SomethingNew", 429, None, Class::Throttled),
            ("unknown", 509, None, Class::Throttled),
            ("SomethingNew", 499, Some("SomethingNew"), Class::Invalid),
            ("SomethingNew", 400, Some("SomethingNew"), Class::Invalid),
            // What the table knows stays what it is: EC2 answers throttles with 503.
            ("RequestLimitExceeded", 503, Some("RequestLimitExceeded"), Class::Throttled),
            ("AddressLimitExceeded", 503, Some("AddressLimitExceeded"), Class::Invalid),
        ] {
            let read = CloudError::service("lambda:CreateFunction", "x", code, "oh").with_status(status);
            assert_eq!((read.code(), read.class()), (becomes, class), "{code} {status}");
            assert!(read.to_string().contains(code), "{read}");
        }
    }

    #[test]
    fn only_what_the_service_refused_or_was_never_asked_for_surely_was_not_done() {
        let service = |code: &str| CloudError::service("secretsmanager:PutSecretValue", "x", code, "oh");
        for (error, was_refused) in [
            (service("AccessDeniedException"), true),
            (service("SomethingNew"), true),
            (service("ThrottlingException"), true),
            (service("InternalServiceError"), false),
            (service("SomethingNew").with_status(503), false),
        ] {
            assert_eq!(error.was_refused(), was_refused, "{error}");
        }
        for (cause, was_refused) in [
            (Cause::Timeout, false),
            (Cause::Connection("reset".into()), false),
            (Cause::Response("no id".into()), false),
            (Cause::Http { status: 429, message: String::new() }, false),
            (Cause::Request("no name".into()), true),
            (Cause::LocalThrottle { wait_ms: 9, limit: "ec2".into() }, true),
            (Cause::NotSeenYet("needs vpc".into()), true),
        ] {
            assert_eq!(
                CloudError::of_cause("ec2:CreateVpc", "x", cause.clone()).was_refused(),
                was_refused,
                "{cause}"
            );
        }
    }

    #[test]
    fn what_may_have_been_done_is_looked_for_and_what_was_not_asked_waits() {
        for (cause, class) in [
            (Cause::Timeout, Class::Transient),
            (Cause::Connection("reset".into()), Class::Transient),
            (Cause::Response("no id".into()), Class::Transient),
            (Cause::Request("no name".into()), Class::Invalid),
            (Cause::LocalThrottle { wait_ms: 9, limit: "ec2".into() }, Class::Throttled),
            (Cause::NotSeenYet("needs vpc".into()), Class::EventuallyConsistent),
        ] {
            assert_eq!(CloudError::of_cause("ec2:CreateVpc", "x", cause.clone()).class(), class, "{cause}");
        }
    }
}
